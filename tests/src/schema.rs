//! The JSON Schema that oomtrace gives of its own events, and what it cannot say.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// Longest line that log shippers take.
const LINE_MAX: usize = 7_680;
/// Integers from here on are not exact in every consumer.
const INTEGER_LIMIT: u64 = 1 << 53;

/// Checks lines.
#[derive(Debug)]
pub struct Schema {
    validator: jsonschema::Validator,
}

impl Schema {
    /// Asks `oomtrace schema`.
    ///
    /// # Errors
    /// The command fails, or what it prints is no JSON Schema or accepts anything.
    pub fn of(program: &Path) -> Result<Self> {
        let output = Command::new(program)
            .arg("schema")
            .output()
            .context("cannot run oomtrace schema")?;
        ensure!(
            output.status.success(),
            "oomtrace schema: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let schema: Value =
            serde_json::from_slice(&output.stdout).context("the schema is no JSON")?;
        let validator = jsonschema::validator_for(&schema)
            .map_err(|error| anyhow::anyhow!("no JSON Schema: {error}"))?;
        // Else the check below could not fail.
        for nonsense in [
            serde_json::json!({}),
            serde_json::json!({"event": "oom_kill"}),
        ] {
            ensure!(
                !validator.is_valid(&nonsense),
                "the schema accepts {nonsense}"
            );
        }
        Ok(Self { validator })
    }

    /// Checks one line, without its end.
    ///
    /// # Errors
    /// It breaks the schema or a bound of the format.
    pub fn check(&self, line: &str) -> Result<Value> {
        let value: Value =
            serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        let errors: Vec<String> = self
            .validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        ensure!(
            errors.is_empty(),
            "the schema is broken by {line}:\n{}",
            errors.join("\n")
        );
        ensure!(line.len() < LINE_MAX, "a line of {} bytes", line.len());
        // Terminals and line-based tools get these lines too.
        ensure!(
            !line.chars().any(char::is_control),
            "control characters in {line:?}"
        );
        integers(&value)?;
        Ok(value)
    }
}

fn integers(value: &Value) -> Result<()> {
    match value {
        Value::Number(number) => {
            let size = number
                .as_u64()
                .or_else(|| number.as_i64().map(i64::unsigned_abs));
            if size.is_some_and(|size| size >= INTEGER_LIMIT) {
                bail!("{number} is not exact in every consumer");
            }
            Ok(())
        }
        Value::Array(list) => list.iter().try_for_each(integers),
        Value::Object(map) => map.values().try_for_each(integers),
        _ => Ok(()),
    }
}

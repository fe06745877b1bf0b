//! `cargo xtask codegen`: what is generated from the types and the command line.
//!
//! * `oomtrace/oomtrace.schema.json` from the event types;
//! * the table of codes in `docs/findings.md`;
//! * the field tables of `docs/output.md` from that schema (their hand-written columns stay), and its
//!   table of reasons;
//! * `docs/secrets.md` from the tables of `redact`, with the result of masking their lines;
//! * the headings of `docs/runbooks/*/*.md` and the list in `docs/runbooks/README.md`;
//! * `deploy/observability/grafana-dashboard.json` from its table of panels.

mod fields;
mod runbooks;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

const SCHEMA: &str = "oomtrace/oomtrace.schema.json";
const REFERENCE: &str = "docs/output.md";
const REASONS: &str = "reasons";

/// The same of the reasons of gaps.
const GAP_REASONS: &str = "gap-reasons";
const FINDINGS: &str = "docs/findings.md";
const SECRETS: &str = "docs/secrets.md";
const DASHBOARD: &str = "deploy/observability/grafana-dashboard.json";

/// Writes the generated files; with `check` writes nothing and fails if one of them differs.
///
/// # Errors
/// A file that cannot be read or written; with `check` one that is out of date or should not be
/// there; in `docs/output.md` a field whose hand-written columns are empty.
pub fn run(check: bool) -> Result<()> {
    let root = workspace::root();
    let generated = generate(root)?;
    let mut stale = Vec::new();
    for (path, content) in &generated {
        let whole = root.join(path);
        let committed = fs::read(&whole).ok();
        if committed
            .as_ref()
            .is_some_and(|old| same(path, old, content))
        {
            continue;
        }
        if check {
            stale.push(path.display().to_string());
            continue;
        }
        if let Some(folder) = whole.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&whole, content).with_context(|| format!("cannot write {}", whole.display()))?;
        println!("wrote {}", path.display());
    }
    if !stale.is_empty() {
        bail!(
            "out of date: {}; run `cargo xtask codegen`",
            stale.join(", ")
        );
    }
    Ok(())
}

/// Every generated file: its path from the root, and what it must hold.
fn generate(root: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let schema = oomtrace::xtask::schema();
    let mut json = serde_json::to_vec_pretty(&schema).context("the schema is no JSON")?;
    json.push(b'\n');
    let reference = fs::read_to_string(root.join(REFERENCE))
        .with_context(|| format!("cannot read {REFERENCE}"))?;
    let reference = between(&reference, REASONS, &reasons())
        .with_context(|| format!("{REFERENCE} has no markers of {REASONS}"))?;
    let reference = between(&reference, GAP_REASONS, &gap_reasons())
        .with_context(|| format!("{REFERENCE} has no markers of {GAP_REASONS}"))?;
    let mut files = vec![
        (PathBuf::from(SCHEMA), json),
        (
            PathBuf::from(REFERENCE),
            fields::fill(&reference, &schema)?.into_bytes(),
        ),
    ];
    files.push(findings(root)?);
    files.push((
        PathBuf::from(SECRETS),
        oomtrace::xtask::secrets_page().into_bytes(),
    ));
    files.push((PathBuf::from(DASHBOARD), dashboard()?));
    files.extend(runbooks::pages(root)?);
    Ok(files)
}

/// The page of findings with the table of their codes, from those that the product has.
fn findings(root: &Path) -> Result<(PathBuf, Vec<u8>)> {
    let page = fs::read_to_string(root.join(FINDINGS))
        .with_context(|| format!("cannot read {FINDINGS}"))?;
    let mut table = "| `code` | What it says |\n|---|---|\n".to_owned();
    for code in oomtrace::xtask::CODES {
        table.push_str(&format!("| `{}` | {} |\n", code.name, code.about));
    }
    let page = between(&page, "codes", &table)
        .with_context(|| format!("{FINDINGS} has no markers of codes"))?;
    Ok((PathBuf::from(FINDINGS), page.into_bytes()))
}

fn dashboard() -> Result<Vec<u8>> {
    let dashboard = oomtrace_tests::deploy::dashboard::dashboard();
    let mut json = serde_json::to_vec_pretty(&dashboard).context("the dashboard is no JSON")?;
    json.push(b'\n');
    Ok(json)
}

/// The table of the reasons that `missing` gives.
fn reasons() -> String {
    let all = oomtrace::xtask::Reason::ALL.iter();
    table_of_reasons(all.map(|reason| (reason.word(), reason.explanation())))
}

/// The table of the reasons that a gap gives.
fn gap_reasons() -> String {
    let all = oomtrace::xtask::GapReason::ALL.iter();
    table_of_reasons(all.map(|reason| (reason.word(), reason.explanation())))
}

fn table_of_reasons(reasons: impl Iterator<Item = (&'static str, &'static str)>) -> String {
    let mut table = "| `reason` | Meaning |\n|---|---|\n".to_owned();
    for (word, explanation) in reasons {
        table.push_str(&format!("| {word} | {explanation} |\n"));
    }
    table
}

/// `page` with `text` between the markers of this name.
fn between(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- {name}:begin -->\n"),
        format!("<!-- {name}:end -->"),
    );
    let (head, rest) = page.split_once(&begin)?;
    let (_, tail) = rest.split_once(&end)?;
    Some([head, &begin, text, &end, tail].concat())
}

/// Equal content; for JSON, equal meaning (the order of keys depends on features of `serde_json`
/// that other packages may switch on).
fn same(path: &Path, old: &[u8], new: &[u8]) -> bool {
    if path.extension() == Some("json".as_ref()) {
        let parsed = |bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok();
        return parsed(old).is_some() && parsed(old) == parsed(new);
    }
    old == new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_what_is_generated() {
        run(true).unwrap();
    }

    #[test]
    fn json_is_compared_by_meaning_and_the_rest_by_bytes() {
        let json = Path::new("a.json");
        assert!(same(json, br#"{"a":1,"b":2}"#, br#"{ "b": 2, "a": 1 }"#));
        assert!(!same(json, br#"{"a":1}"#, br#"{"a":2}"#));
        assert!(!same(json, b"no", b"no"));
        assert!(!same(Path::new("a.1"), b"a ", b"a"));
    }
}

//! The daemon's configuration from where it lies: a file, the environment, the command line.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::cli::CONFIG_DEFAULT;
use crate::cli::args::DaemonArgs;
use crate::config;
use crate::config::Config;

/// Settings that the environment overrides, and what each is in the configuration.
const OVERRIDES: [(&str, &str, &str); 7] = [
    ("OOMTRACE_STORE_PATH", "store", "path"),
    ("OOMTRACE_STORE_MAX_SIZE", "store", "max_size"),
    ("OOMTRACE_STORE_MAX_AGE", "store", "max_age"),
    ("OOMTRACE_METRICS_LISTEN", "metrics", "listen"),
    ("OOMTRACE_METRICS_TEXTFILE", "metrics", "textfile"),
    ("OOMTRACE_CAPTURE_SOURCE", "capture", "source"),
    ("OOMTRACE_CAPTURE_HOSTNAME", "capture", "hostname"),
];

/// Largest configuration that is read.
const BYTES_MAX: u64 = 1024 * 1024;

/// Reads the configuration that the arguments name.
///
/// # Errors
///
/// A sentence: it cannot be read or used, with line and key.
pub(super) fn read(args: &DaemonArgs) -> Result<Config, String> {
    let mut config = match &args.config {
        Some(file) => from_file(file)?,
        None => match from_file(Path::new(CONFIG_DEFAULT)) {
            Err(_) if !exists(CONFIG_DEFAULT)? => Config::default(),
            result => result?,
        },
    };
    let values = OVERRIDES.map(|(name, table, key)| (name, table, key, env::var_os(name)));
    for (name, table, key, value) in values {
        let Some(value) = value else { continue };
        let value = value.to_string_lossy();
        overridden(&mut config, table, key, &value)
            .map_err(|error| format!("{name}={value}: {error}"))?;
    }
    if let Some(directory) = &args.store {
        config.store.path = absolute(directory)?;
    }
    Ok(config)
}

/// Reads a configuration from `file`.
///
/// # Errors
///
/// As [`read`].
pub(super) fn from_file(file: &Path) -> Result<Config, String> {
    let shown = file.display();
    let about = fs::metadata(file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if about.is_file() && about.len() > BYTES_MAX {
        return Err(format!("{shown} is larger than any configuration (1 MiB)"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {shown}: {error}"))?;
    config::parse(&text).map_err(|error| format!("{shown}, {error}"))
}

fn exists(file: &str) -> Result<bool, String> {
    match fs::metadata(file) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("cannot read {file}: {error}")),
    }
}

/// Sets one key, as if it were written in the file.
fn overridden(config: &mut Config, table: &str, key: &str, value: &str) -> Result<(), String> {
    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
    let text = format!("[{table}]\n{key} = \"{quoted}\"");
    let one = config::parse(&text).map_err(|error| error.what)?;
    match (table, key) {
        ("store", "path") => config.store.path = one.store.path,
        ("store", "max_size") => config.store.max_bytes = one.store.max_bytes,
        ("store", "max_age") => config.store.max_age = one.store.max_age,
        ("metrics", "listen") => config.metrics.listen = one.metrics.listen,
        ("metrics", "textfile") => config.metrics.textfile = one.metrics.textfile,
        ("capture", "source") => config.capture.source = one.capture.source,
        ("capture", "hostname") => config.capture.hostname = one.capture.hostname,
        _ => return Err("cannot be set by the environment".to_owned()),
    }
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("cannot use {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_override_can_be_set() {
        for (name, table, key) in OVERRIDES {
            let value = match key {
                "path" | "textfile" => "/x",
                "max_size" => "1GiB",
                "max_age" => "1d",
                "listen" => "127.0.0.1:1",
                "source" => "klog",
                _ => "n\"1",
            };
            let mut config = Config::default();
            overridden(&mut config, table, key, value).unwrap();
            assert_ne!(config, Config::default(), "{name}");
            let wrong = overridden(&mut config, table, key, "");
            assert!(wrong.is_err(), "{name}");
        }
    }

    #[test]
    fn mistakes_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        fs::write(&file, "\n[stor]").unwrap();
        let error = from_file(&file).unwrap_err();
        assert!(
            error.contains("a.toml, line 2: unknown key `stor`"),
            "{error}"
        );
        assert!(
            from_file(&folder.path().join("b"))
                .unwrap_err()
                .contains("cannot read")
        );
    }
}

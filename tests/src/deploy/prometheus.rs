//! A Prometheus of a test's own.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::running::Running;

/// Starts it in `folder`, where its data and its log are, with this configuration.
///
/// # Errors
/// The configuration cannot be written, or it cannot be started.
pub fn start(folder: &Path, config: &str, port: u16) -> Result<Running> {
    let file = folder.join("prometheus.yml");
    fs::write(&file, config).with_context(|| format!("writing {}", file.display()))?;
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("tsdb").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    Running::start(&mut command, &folder.join("prometheus.log"))
}

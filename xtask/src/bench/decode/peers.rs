//! What reads kernel logs on nodes today, as one Go program that applies the expressions of each to
//! a file: `peers.go` says what it leaves out.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{Program, words};
use crate::{command, packages};

/// The program's source.
const SOURCE: &str = include_str!("peers.go");

/// Names in the table, and what the program calls them.
const PEERS: [(&str, &str); 2] = [
    ("expressions of cAdvisor (kubelet), in Go", "cadvisor"),
    ("expression of node-problem-detector, in Go", "npd"),
];

/// The peers, or for each why it cannot run here.
pub fn build(folder: &Path) -> Vec<(&'static str, Result<Program>)> {
    packages::install_go();
    let built = compile(folder);
    PEERS
        .iter()
        .map(|(name, kind)| {
            let program = match &built {
                Ok(path) => Ok(Program {
                    name,
                    command: words(&[path, kind]),
                    is_lines: false,
                }),
                Err(error) => Err(anyhow::anyhow!("{error:#}")),
            };
            (*name, program)
        })
        .collect()
}

fn compile(folder: &Path) -> Result<String> {
    let source = folder.join("peers.go");
    std::fs::write(&source, SOURCE).with_context(|| format!("writing {}", source.display()))?;
    let program = folder.join("peers");
    let go = command::find_program("go").context("no Go compiler (package golang-go)")?;
    command::output(
        Command::new(go)
            .current_dir(folder)
            .env("GOCACHE", folder.join("go-cache"))
            .env("GOFLAGS", "")
            .env("GO111MODULE", "off")
            .args(["build", "-o"])
            .arg(&program)
            .arg(&source),
    )?;
    Ok(program.display().to_string())
}

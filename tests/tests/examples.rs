//! The examples show what the program really says.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::run;
use oomtrace_tests::tracer::program;

#[test]
fn the_decoded_log_is_shown_as_decoded() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("examples/log-from-elsewhere.md"))?;
    let (_, rest) = page
        .split_once("<!-- decode:begin -->\n```text\n$ oomtrace ")
        .context("no beginning")?;
    let (shown, _) = rest
        .split_once("```\n<!-- decode:end -->")
        .context("no end")?;
    let (command, expected) = shown.split_once('\n').context("no output")?;
    let mut oomtrace = Command::new(program()?);
    let ended = run(oomtrace.args(command.split(' ')).current_dir(root))?;
    ensure!(ended.out == expected, "{}\nshown:\n{expected}", ended.out);
    Ok(())
}

/// What runs in a hurry stays short, and the two commands that build and test everything are there.
#[test]
fn the_readme_is_for_somebody_in_a_hurry() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md"))?;
    ensure!(readme.lines().count() < 150);
    for command in ["\ncargo run --release -- demo ", "\ncargo xtask test "] {
        ensure!(readme.contains(command), "no {command}");
    }
    Ok(())
}

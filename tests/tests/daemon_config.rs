//! The daemon's configuration on the command line: what is wrong is named, and nothing is ignored.

use std::fs;

use anyhow::{Result, ensure};
use oomtrace_tests::command::Tool;

const USAGE: i32 = 2;

#[test]
fn a_wrong_configuration_names_line_and_key() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("oomtrace.toml");
    fs::write(&file, "[store]\nmax_sise = \"1GiB\"\n")?;
    let path = file.to_string_lossy();
    for arguments in [
        &["config", "check", &path][..],
        &["daemon", "--config", &path],
    ] {
        let ended = tool.run(arguments)?;
        ensure!(ended.code == USAGE, "{ended:?}");
        ensure!(
            ended
                .complaint
                .contains("line 2: unknown key `store.max_sise`; did you mean `max_size`?"),
            "{ended:?}"
        );
    }
    Ok(())
}

#[test]
fn the_printed_configuration_can_be_used() -> Result<()> {
    let tool = Tool::copy()?;
    let file = tool.directory().join("oomtrace.toml");
    fs::write(&file, "[[sink]]\ntype = \"stdout\"\n")?;
    let path = file.to_string_lossy();
    let ended = tool.run(&[
        "daemon",
        "--config",
        &path,
        "--store",
        "/tmp/a",
        "--print-config",
    ])?;
    ensure!(
        ended.code == 0 && ended.out.contains("path = \"/tmp/a\""),
        "{ended:?}"
    );
    fs::write(&file, &ended.out)?;
    let again = tool.run(&["config", "check", &path])?;
    ensure!(
        again.code == 0 && again.complaint.contains("can be used"),
        "{again:?}"
    );
    Ok(())
}

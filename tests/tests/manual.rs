//! The manual and the completions that the program carries, read by the programs that they are for.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::run;
use oomtrace_tests::tracer::program;

/// mandoc finds no error in any page, and `man` none that does not say what its command is for.
#[test]
fn every_page_is_sound() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let pages = folder.path().join("man1");
    let ended = run(Command::new(program()?).arg("man").arg("--dir").arg(&pages))?;
    ensure!(ended.code == 0, "{ended:?}");
    let mut seen = 0;
    for entry in fs::read_dir(&pages)? {
        let page = entry?.path();
        let ended = run(Command::new("mandoc")
            .args(["-Tlint", "-W", "error"])
            .arg(&page))?;
        ensure!(ended.code == 0, "{}: {ended:?}", page.display());
        let text = fs::read_to_string(&page)?;
        let name = page.file_stem().context("no name")?.to_string_lossy();
        let title = format!(".SH NAME\n{} \\- ", name.replace('-', "\\-"));
        ensure!(text.contains(&title), "{} has no title", page.display());
        seen += 1;
    }
    ensure!(seen > 10, "{seen} pages");
    Ok(())
}

#[test]
fn one_page_is_printed() -> Result<()> {
    let ended = run(Command::new(program()?).args(["man", "decode"]))?;
    ensure!(
        ended.code == 0 && ended.out.contains("oomtrace\\-decode"),
        "{ended:?}"
    );
    let ended = run(Command::new(program()?).args(["man", "nothing"]))?;
    ensure!(ended.code == 1, "{ended:?}");
    ensure!(ended.complaint.contains("oomtrace-nothing"), "{ended:?}");
    Ok(())
}

/// bash takes the script and completes a command and an option by it.
#[test]
fn bash_completes() -> Result<()> {
    let complete = r#"
source <("$1" completions bash) || exit
COMP_WORDS=(oomtrace dec); COMP_CWORD=1; _oomtrace oomtrace dec oomtrace
echo "${COMPREPLY[@]}"
COMP_WORDS=(oomtrace decode --ye); COMP_CWORD=2; _oomtrace oomtrace --ye decode
echo "${COMPREPLY[@]}"
"#;
    let mut bash = Command::new("bash");
    let ended = run(bash.args(["-c", complete, "bash"]).arg(program()?))?;
    ensure!(ended.out == "decode\n--year\n", "{ended:?}");
    Ok(())
}

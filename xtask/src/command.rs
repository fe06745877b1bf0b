//! Running other programs, with errors that name the command line.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result};

use crate::workspace;

/// The cargo that runs this, in the repository's root.
pub fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(workspace::root());
    command
}

/// Runs a command whose output goes where ours goes.
///
/// # Errors
/// It cannot be started, or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {}", shown(command)))?;
    succeeded(command, status)
}

/// Runs a command and hands each line of its standard output to `seen` after showing it.
///
/// # Errors
/// It cannot be started or read, or fails.
pub fn run_watched(command: &mut Command, mut seen: impl FnMut(&str)) -> Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", shown(command)))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.with_context(|| format!("reading from {}", shown(command)))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            seen(&line);
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("waiting for {}", shown(command)))?;
    succeeded(command, status)
}

/// Runs a command and returns its standard output.
///
/// # Errors
/// It cannot be started, or fails; then what it wrote to its standard error is part of the error.
pub fn output(command: &mut Command) -> Result<String> {
    let done = command
        .output()
        .with_context(|| format!("starting {}", shown(command)))?;
    let complaint = String::from_utf8_lossy(&done.stderr);
    succeeded(command, done.status).with_context(|| complaint.trim().to_owned())?;
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    anyhow::ensure!(status.success(), "{} ended with {status}", shown(command));
    Ok(())
}

/// The command line, for messages.
fn shown(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    let words = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned());
    std::iter::once(name)
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Where a program lies on the search path, or in the system folders that a user's path may lack.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// We run with root's user id.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_status() {
        let error = run(Command::new("sh").args(["-c", "exit 7"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sh -c exit 7") && error.contains('7'),
            "{error}"
        );
        let error = run(&mut Command::new("/nonexistent/tool"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("starting tool"), "{error}");
    }

    #[test]
    fn what_a_failing_command_complained_of_is_kept() {
        let error =
            output(Command::new("sh").args(["-c", "echo because >&2; exit 1"])).unwrap_err();
        assert!(format!("{error:#}").contains("because"));
    }

    #[test]
    fn lines_are_watched_and_failure_still_shows() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; printf 'two\\377'; exit 1"]);
        assert!(run_watched(&mut command, |line| lines.push(line.to_owned())).is_err());
        assert_eq!(lines, ["one", "two\u{fffd}"]);
    }

    #[test]
    fn programs_are_found() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-anywhere").is_none());
    }
}

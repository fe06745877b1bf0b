//! `cargo xtask bench --decode`: how fast logs are read, beside `grep` and beside what reads kernel
//! logs on nodes today.

mod logs;
mod peers;
mod run;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use logs::Log;
use run::{Spent, Stream};

use crate::workspace;

/// Runs of each program over each log, of which the one with the least processor time counts.
const ROUNDS: usize = 3;

/// Bytes that go through a pipe.
const STREAM_BYTES: u64 = 10_000_000_000;

/// A program that counts kills in a file.
pub struct Program {
    /// Name in the table.
    name: &'static str,
    /// Program and arguments before the file.
    command: Vec<String>,
    /// What it prints is one line for each kill, not their number.
    is_lines: bool,
}

/// What one program made of one log.
pub struct Row {
    /// The program.
    name: &'static str,
    /// Kills that it found and what that took, or why it cannot run here.
    result: Result<(u64, Spent)>,
}

/// A log and what everybody made of it.
pub struct Part {
    /// The log.
    log: Log,
    /// Its size.
    bytes: u64,
    /// By program, oomtrace first.
    rows: Vec<Row>,
}

/// Everything that was measured.
pub struct Measured {
    /// By log, in the order of [`logs::ALL`].
    parts: Vec<Part>,
    /// What came through the pipe.
    stream: Stream,
}

/// A folder for large files that does not outlive the run.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Measures all programs over all logs, and oomtrace over an endless one: the text for the page, and
/// whether the promises are kept.
///
/// # Errors
/// A log cannot be written, or oomtrace or grep fail or find another number of kills than there are.
pub fn measure(oomtrace: &Path) -> Result<(String, bool)> {
    let scratch = Scratch(workspace::target().join("bench-decode"));
    fs::create_dir_all(&scratch.0).with_context(|| format!("making {}", scratch.0.display()))?;
    let ours = Program {
        name: "oomtrace decode",
        command: words(&[&oomtrace.display().to_string(), "decode", "-o", "json"]),
        is_lines: true,
    };
    // Without a locale it is fastest.
    let grep = Program {
        name: "grep -c",
        command: words(&["env", "LC_ALL=C", "grep", "-c", "Killed process"]),
        is_lines: false,
    };
    let others = peers::build(&scratch.0);
    let mut parts = Vec::new();
    for log in logs::ALL {
        let file = scratch.0.join("log");
        let (bytes, kills) = log.write(&file)?;
        println!("-- {}: {bytes} bytes, {kills} kills", log.name());
        let mut rows = Vec::new();
        for program in [&ours, &grep] {
            let (found, spent) = least(program, &file)?;
            anyhow::ensure!(
                found == kills,
                "{}: {found} kills instead of {kills} in {}",
                program.name,
                log.name()
            );
            rows.push(Row {
                name: program.name,
                result: Ok((found, spent)),
            });
        }
        for (name, program) in &others {
            let result = match program {
                Ok(program) => least(program, &file),
                Err(error) => Err(anyhow::anyhow!("{error:#}")),
            };
            rows.push(Row { name, result });
        }
        fs::remove_file(&file).with_context(|| format!("removing {}", file.display()))?;
        parts.push(Part { log, bytes, rows });
    }
    println!("-- {STREAM_BYTES} bytes through a pipe");
    let stream = run::stream(&ours, Log::Sparse, STREAM_BYTES)?;
    let measured = Measured { parts, stream };
    let (promises, is_kept) = table::promises(&measured);
    Ok((
        format!("{}\n{promises}", table::comparison(&measured)),
        is_kept,
    ))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The run that took the least processor time.
fn least(program: &Program, file: &Path) -> Result<(u64, Spent)> {
    let mut best: Option<(u64, Spent)> = None;
    for _ in 0..ROUNDS {
        let now = run::file(program, file)?;
        if best.as_ref().is_none_or(|(_, spent)| now.1.cpu < spent.cpu) {
            best = Some(now);
        }
    }
    best.context("not a single round")
}

//! A recording or NDJSON, shown again.

use std::fs::File;
use std::io;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;

use super::core::{Core, Step};
use super::output::{Flow, Output};
use crate::recording::{self, Frame, Reader};
use crate::redact::{Redactor, redact_context_record};
use crate::render::json;

/// Longest line of NDJSON that is read; the longest that oomtrace writes without `--full` has
/// 7,680 bytes.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Shows what `path` (`-`: standard input) holds.
///
/// # Errors
///
/// It cannot be read, is neither, or is damaged; what came before the damage was shown.
pub(super) fn replay(path: &Path, redactor: &Redactor, output: &mut Output) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return from(
            BufReader::new(io::stdin().lock()),
            "standard input",
            redactor,
            output,
        );
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        anyhow::bail!("{name} is a directory; give a file from --record or -o json");
    }
    from(BufReader::new(file), &name, redactor, output)
}

fn from(
    mut input: impl BufRead,
    name: &str,
    redactor: &Redactor,
    output: &mut Output,
) -> anyhow::Result<()> {
    let start = input
        .fill_buf()
        .with_context(|| format!("cannot read {name}"))?;
    if start.is_empty() {
        anyhow::bail!("{name} is empty: neither a recording nor NDJSON");
    }
    if recording::is_recording(start) {
        return from_recording(input, name, redactor, output);
    }
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'{') {
        return from_ndjson(input, name, redactor, output);
    }
    anyhow::bail!(
        "{name} is neither a recording (oomtrace trace --record) nor NDJSON (oomtrace -o json)"
    );
}

fn from_recording(
    input: impl BufRead,
    name: &str,
    redactor: &Redactor,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut reader = Reader::new(input).with_context(|| format!("cannot read {name}"))?;
    let mut core = Core::new(reader.host().clone());
    let mut steps = Vec::new();
    let mut damage = None;
    loop {
        match reader.next_frame() {
            Ok(Some(Frame::Record(record))) => {
                let record = redact_context_record(&record, redactor).unwrap_or(record);
                core.take(Frame::Record(record), &mut steps);
            }
            Ok(Some(frame)) => core.take(frame, &mut steps),
            Ok(None) => break,
            Err(error) => {
                damage = Some(error);
                break;
            }
        }
        if show(&mut steps, output) == Flow::Stop {
            return Ok(());
        }
    }
    core.finish(&mut steps);
    core.give_up(&mut steps);
    show(&mut steps, output);
    damage.map_or(Ok(()), |error| Err(error).with_context(|| name.to_owned()))
}

/// Shows the events; the recording holds the answers to the questions to user space.
fn show(steps: &mut Vec<Step>, output: &mut Output) -> Flow {
    output.show_waiting(steps.drain(..).filter_map(|step| match step {
        Step::Event(event) => Some(event),
        Step::Look(_) | Step::LookUp(_) => None,
    }))
}

fn from_ndjson(
    mut input: impl BufRead,
    name: &str,
    redactor: &Redactor,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = io::Read::take(&mut input, LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read {name}"))?;
        if read == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let mut event =
            json::parse(line.trim_ascii()).with_context(|| format!("{name}, line {number}"))?;
        redactor.mask_event(&mut event);
        if output.show_waiting([event]) == Flow::Stop {
            break;
        }
    }
    Ok(())
}

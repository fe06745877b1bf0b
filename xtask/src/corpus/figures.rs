//! Every number in every sentence, computed again from the event's facts.

use std::path::Path;

use anyhow::{Result, ensure};
use oomtrace_tests::figures;
use serde_json::Value;

pub use oomtrace_tests::figures::Checked;

/// What the events of a log say in words.
pub fn of(log: &Path, events: &[Value]) -> Checked {
    let mut all = Checked::default();
    for event in events {
        let mut checked = figures::check(event);
        let name = log.file_name().unwrap_or_default().to_string_lossy();
        for problem in &mut checked.problems {
            problem.insert_str(0, &format!("{name}: "));
        }
        all.add(checked);
    }
    all
}

/// Shows how many numbers were checked.
///
/// # Errors
/// A number that does not follow from the facts; not one number at all.
pub fn verdict(checked: &Checked) -> Result<()> {
    println!(
        "{} numbers in {} sentences follow from the facts, {} do not",
        checked.figures,
        checked.sentences,
        checked.problems.len()
    );
    for problem in &checked.problems {
        println!("  {problem}");
    }
    ensure!(
        checked.problems.is_empty() && checked.figures > 0,
        "a sentence says a number that does not follow from the facts"
    );
    Ok(())
}

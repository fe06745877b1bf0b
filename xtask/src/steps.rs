//! A row of steps of which every one is run, with a table of results and times at the end.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::command;

/// What the test programs of one step reported in their closing lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    programs: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Adds the closing line of a test program; any other line is none.
    fn add_line(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        let count = |what: &str| {
            let (before, _) = rest.split_once(&format!(" {what}")).unwrap_or(("", ""));
            before
                .rsplit(' ')
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .unwrap_or(0)
        };
        self.programs += 1;
        self.passed += count("passed");
        self.failed += count("failed");
        self.ignored += count("ignored");
    }

    fn add(&mut self, other: Self) {
        self.programs += other.programs;
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Steps that were run.
#[derive(Default)]
pub struct Steps {
    only: Option<String>,
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    counts: Counts,
    error: Option<String>,
}

impl Steps {
    /// Steps of which only those whose name contains `only` are run.
    pub fn matching(only: Option<String>) -> Self {
        Self {
            only,
            done: Vec::new(),
        }
    }

    /// Runs one step; its failure is kept for the table.
    pub fn step(&mut self, name: &'static str, body: impl FnOnce() -> Result<()>) {
        self.counted(name, |_| body());
    }

    /// Runs `cargo test` with these arguments; fails also if not a single test ran.
    pub fn cargo_test(&mut self, name: &'static str, adjust: impl FnOnce(&mut Command)) {
        self.counted(name, |counts| {
            let mut cargo = command::cargo();
            cargo.args(["test", "--locked", "--no-fail-fast"]);
            adjust(&mut cargo);
            command::run_watched(&mut cargo, |line| counts.add_line(line))?;
            anyhow::ensure!(counts.passed > 0, "not a single test ran");
            anyhow::ensure!(counts.ignored == 0, "{} tests are ignored", counts.ignored);
            Ok(())
        });
    }

    fn counted(&mut self, name: &'static str, body: impl FnOnce(&mut Counts) -> Result<()>) {
        if self
            .only
            .as_ref()
            .is_some_and(|only| !name.contains(only.as_str()))
        {
            return;
        }
        println!("\n== {name}");
        let start = Instant::now();
        let mut counts = Counts::default();
        let error = body(&mut counts).err().map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            println!("== {name} FAILED: {error}");
        }
        self.done.push(Step {
            name,
            took: start.elapsed(),
            counts,
            error,
        });
    }

    /// Prints the table and, in cargo's own words, the sum of all test programs.
    ///
    /// # Errors
    /// Names the steps that failed, or says that none was run.
    pub fn finish(self) -> Result<()> {
        print!("\n{}", self.report());
        anyhow::ensure!(!self.done.is_empty(), "no step has such a name");
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(|step| step.error.is_some())
            .map(|step| step.name)
            .collect();
        anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
        Ok(())
    }

    fn report(&self) -> String {
        let mut text = String::new();
        let mut total = Counts::default();
        let mut took = Duration::ZERO;
        for step in &self.done {
            total.add(step.counts);
            took += step.took;
            let verdict = if step.error.is_some() { "FAILED" } else { "ok" };
            let _ = write!(
                text,
                "{verdict:<7}{:>7.1} s  {}",
                step.took.as_secs_f64(),
                step.name
            );
            if step.counts.programs > 0 {
                let _ = write!(text, ", {} tests", step.counts.passed + step.counts.failed);
            }
            text.push('\n');
            if let Some(error) = &step.error {
                let _ = writeln!(
                    text,
                    "                   {}",
                    error.lines().next().unwrap_or("")
                );
            }
        }
        let failed = self.done.iter().any(|step| step.error.is_some());
        let _ = writeln!(
            text,
            "\n{} steps, {} test programs, together:",
            self.done.len(),
            total.programs
        );
        let _ = writeln!(
            text,
            "test result: {}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out; finished in {:.2}s",
            if failed { "FAILED" } else { "ok" },
            total.passed,
            total.failed,
            total.ignored,
            took.as_secs_f64(),
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
    const BAD: &str = "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";

    #[test]
    fn closing_lines_are_added_up() {
        let mut counts = Counts::default();
        for line in ["running 3 tests", GOOD, "test a::passed ... ok", BAD] {
            counts.add_line(line);
        }
        assert_eq!(
            counts,
            Counts {
                programs: 2,
                passed: 19,
                failed: 2,
                ignored: 1
            }
        );
    }

    #[test]
    fn a_failed_step_fails_the_whole_and_stops_no_other() {
        let mut steps = Steps::default();
        let mut ran = false;
        steps.step("first", || anyhow::bail!("broken\nand more"));
        steps.step("second", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        let report = steps.report();
        assert!(
            report.contains("FAILED") && report.contains("broken\n"),
            "{report}"
        );
        assert!(
            report
                .lines()
                .any(|line| line.starts_with("ok") && line.ends_with("second"))
        );
        assert!(
            report
                .lines()
                .last()
                .unwrap()
                .starts_with("test result: FAILED. 0 passed")
        );
        assert_eq!(steps.finish().unwrap_err().to_string(), "failed: first");
    }

    #[test]
    fn only_named_steps_run_and_none_is_an_error() {
        let mut steps = Steps::matching(Some("one".to_owned()));
        steps.step("another one", || Ok(()));
        steps.step("two", || anyhow::bail!("must not run"));
        assert!(steps.finish().is_ok());
        assert!(Steps::matching(Some("none".to_owned())).finish().is_err());
    }
}

//! docs/kernel-support.md: what was equal, near or missing, on which kernel, as the run found it.

mod fields;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::kernels::{KERNELS, WITHOUT_V1};
use super::scenes::SCENES;
use super::verdict::{CANNOT_BE_HAD, Ran, Verdict};
use crate::{command, workspace};

const PATH: &str = "docs/kernel-support.md";
const STAMP: &str = "Commit: ";
/// What the table is about; a change of anything else does not make it stale.
const ABOUT: &[&str] = &["oomtrace", "oomtrace-common", "oomtrace-ebpf", "tests"];
const REASON_MAX: usize = 240;

/// Writes the table.
///
/// # Errors
/// The commit is not known, or the file cannot be written.
pub fn write(all: &[Ran]) -> Result<()> {
    let path = workspace::root().join(PATH);
    fs::write(&path, text(all, &commit()?))
        .with_context(|| format!("writing {}", path.display()))?;
    println!("{PATH} is written");
    Ok(())
}

/// Why the table is not of this tree, if it is not.
pub fn stale() -> Option<String> {
    let text = fs::read_to_string(workspace::root().join(PATH)).ok()?;
    let stamp = text.lines().find_map(|line| line.strip_prefix(STAMP))?;
    let commit = stamp
        .split_whitespace()
        .next()?
        .trim_matches('`')
        .to_owned();
    let mut arguments = vec!["diff", "--stat", &commit, "--"];
    arguments.extend(ABOUT);
    match git(&arguments) {
        Ok(changed) if changed.trim().is_empty() => None,
        Ok(changed) => {
            let what = changed.lines().last().unwrap_or_default().trim().to_owned();
            Some(format!("{PATH} is of {commit}; since then: {what}"))
        }
        Err(_) => Some(format!(
            "{PATH} is of {commit}, which is not in this checkout"
        )),
    }
}

fn commit() -> Result<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let mark = if dirty()? { " with changes on top" } else { "" };
    Ok(format!("`{}`{mark}", commit.trim()))
}

fn dirty() -> Result<bool> {
    let mut arguments = vec!["status", "--porcelain", "--"];
    arguments.extend(ABOUT);
    Ok(!git(&arguments)?.trim().is_empty())
}

fn git(arguments: &[&str]) -> Result<String> {
    command::output(
        Command::new("git")
            .args(["-c", "safe.directory=*"])
            .args(arguments)
            .current_dir(workspace::root()),
    )
}

fn text(all: &[Ran], commit: &str) -> String {
    let mut out = format!(
        "# Kernels\n\n<!-- Written by `cargo xtask vm-test --full`; do not edit. -->\n\n{STAMP}{commit}\n\n\
         Each cell is a guest that boots one of Debian's own kernels in an emulated machine with two\n\
         processors and 512 MiB. The release build's static twin traces real kills there, and every\n\
         figure of its events is held against the kernel's own report of the same kill.\n\n"
    );
    guests(all, &mut out);
    scenes(all, &mut out);
    fields::compared(all, &mut out);
    fields::missing(all, &mut out);
    failures(all, &mut out);
    checks(all, &mut out);
    out
}

fn head(first: &str, all: &[Ran], out: &mut String) {
    let names: Vec<String> = all.iter().map(Ran::place).collect();
    let _ = writeln!(out, "| {first} | {} |", names.join(" | "));
    let columns = first.matches(" | ").count() + names.len() + 1;
    let _ = writeln!(out, "|{}", "---|".repeat(columns));
}

fn guests(all: &[Ran], out: &mut String) {
    out.push_str(
        "## Guests\n\n`v1` and `v2` are the version of the memory controller's hierarchy; in a `hybrid` guest it is on\n\
         version 1, and the processes are in a tree of version 2 as well.\n\n",
    );
    out.push_str("| kernel | package | `uname -r` | scenes | passed |\n|---|---|---|---|---|\n");
    for ran in all {
        let good = ran
            .cells
            .iter()
            .filter(|cell| cell.failure.is_none())
            .count();
        let _ = writeln!(
            out,
            "| {} | {} {} | {} | {} | {good} |",
            ran.place(),
            ran.kernel.suite,
            if ran.unavailable.is_some() {
                CANNOT_BE_HAD
            } else {
                &ran.version
            },
            ran.release,
            ran.cells.len()
        );
    }
    for kernel in KERNELS.iter().filter(|kernel| !kernel.has_cgroup_v1) {
        let _ = writeln!(
            out,
            "| {} v1, hybrid | {CANNOT_BE_HAD}: {WITHOUT_V1} | | | |",
            kernel.name
        );
    }
}

fn scenes(all: &[Ran], out: &mut String) {
    out.push_str(
        "\n## Kinds of kill\n\n`36 = 4 ≈ 3 –` says: of the fields compared, 36 equal, 4 within a stated bound or on the\n\
         right side of a figure that only grows, 3 missing with a reason. `ok` alone: nothing had to be\n\
         compared, or only counts.\n\n",
    );
    head("scene", all, out);
    for scene in SCENES.iter() {
        let cell = |ran: &Ran| {
            let found = ran.cells.iter().find(|cell| cell.name == scene.name);
            let found = found.filter(|_| ran.unavailable.is_none());
            found.map_or_else(|| "·".to_owned(), verdict)
        };
        let cells: Vec<String> = all.iter().map(cell).collect();
        let _ = writeln!(
            out,
            "| **{}**: {} | {} |",
            scene.name,
            scene.what,
            cells.join(" | ")
        );
    }
    out.push_str(
        "\n`·`: not run there. The hybrid guests run what mainly reads cgroups; those of an architecture\n\
         that is slow to emulate, what depends on the size of a page or on how functions are called. On v1\n\
         there are not:\n\n",
    );
    for scene in SCENES.iter() {
        if let Some(why) = scene.not_on_v1 {
            let _ = writeln!(out, "- {}: {why}", scene.name);
        }
    }
    let names = |kernels: &mut dyn Iterator<Item = &'static str>| {
        let all: Vec<&str> = kernels.collect();
        all.join(", ")
    };
    let without = KERNELS.iter().filter(|kernel| !kernel.mark_has_task);
    let of_task = SCENES.iter().filter(|scene| scene.needs_task);
    let _ = writeln!(
        out,
        "\nWhere the tracepoint hands over no task ({}), tracepoints alone show the victim's thread id and\n\
         little more, and `check` says so; there are not: {}.",
        names(&mut without.map(|kernel| kernel.name)),
        names(&mut of_task.map(|scene| scene.name)),
    );
}

fn verdict(cell: &Verdict) -> String {
    let word = if cell.is_left() {
        "not run"
    } else if cell.failure.is_some() {
        "**failed**"
    } else {
        "ok"
    };
    let tally = cell.tally();
    if !cell.scene.shares.is_empty() {
        return format!("{word} {}", cell.scene.shares());
    }
    if tally.is_empty() {
        return word.to_owned();
    }
    let (equal, near, missing) = (tally.equal, tally.near, tally.missing());
    format!("{word} {equal} = {near} ≈ {missing} –")
}

fn failures(all: &[Ran], out: &mut String) {
    out.push_str("\n## Failures\n\n");
    let before = out.len();
    for ran in all {
        if let Some(why) = &ran.unavailable {
            let _ = writeln!(out, "- {} {CANNOT_BE_HAD}: {}", ran.place(), short(why));
            continue;
        }
        let left: Vec<&str> = ran
            .cells
            .iter()
            .filter(|cell| cell.is_left())
            .map(|cell| cell.name)
            .collect();
        if !left.is_empty() {
            let _ = writeln!(
                out,
                "- {}: not run, or not passed, since the tool changed: {}",
                ran.place(),
                left.join(", ")
            );
        }
        for cell in ran.cells.iter().filter(|cell| !cell.is_left()) {
            let Some(why) = &cell.failure else { continue };
            let lines: Vec<String> = why.lines().take(4).map(|line| short(line.trim())).collect();
            let _ = writeln!(out, "- {} {}: {}", ran.place(), cell.name, lines.join("; "));
        }
    }
    if out.len() == before {
        out.push_str("Nothing.\n");
    }
}

/// Without what a table's reader would take for markup.
fn short(line: &str) -> String {
    let mut text: String = line.chars().take(REASON_MAX).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text.replace(['`', '|', '<', '*'], " ")
}

fn checks(all: &[Ran], out: &mut String) {
    out.push_str("\n## What `oomtrace check` says there\n");
    for ran in all.iter().filter(|ran| !ran.check.is_empty()) {
        let _ = write!(
            out,
            "\n### {}\n\n```text\n{}\n```\n",
            ran.place(),
            ran.check.trim()
        );
    }
}

#[cfg(test)]
mod tests {
    use oomtrace_tests::compare::{Compared, Outcome};
    use oomtrace_tests::frames::Kill;

    use super::*;
    use crate::vm_test::frames::Scene;

    fn ran() -> Ran {
        let field = |name: &str, outcome| Compared {
            field: name.to_owned(),
            outcome,
        };
        let compared = vec![
            field("victim.uid", Outcome::Agrees { bound: 0 }),
            field("limit.usage_bytes", Outcome::Agrees { bound: 4096 }),
            field("limit.usage_bytes", Outcome::Agrees { bound: 8192 }),
            field("trigger.order", Outcome::Missing("no_hook".to_owned())),
            field("victim.memory.anon_bytes", Outcome::Differs),
        ];
        let missing = serde_json::json!({"field": "trigger.order", "reason": "no_hook", "why": "no <hook> | here"});
        let kill = Kill {
            event: serde_json::json!({"event": "oom_kill", "missing": [missing]}),
            report: Vec::new(),
            differences: Vec::new(),
            compared,
        };
        let scene = Scene {
            kills: vec![kill],
            ..Scene::default()
        };
        Ran::for_test(vec![Verdict {
            name: "plain",
            failure: Some("a | b".to_owned()),
            scene,
        }])
    }

    #[test]
    fn every_outcome_is_in_the_table() {
        let text = text(&[ran()], "`0123`");
        for wanted in [
            "Commit: `0123`",
            "| 6.12 v1, hybrid | cannot be had",
            "| `trigger.order` | no_hook | no  hook>   here | 1 |",
            "| `victim.uid` | exact 1 |",
            "| `limit.usage_bytes` | ± 8192 2 |",
            "| `trigger.order` | missing 1: no_hook |",
            "| `victim.memory.anon_bytes` | **differs** 1 |",
            "**failed** 1 = 2 ≈ 1 –",
            "- 5.10 v2 plain: a   b",
        ] {
            assert!(text.contains(wanted), "no {wanted:?} in {text}");
        }
        assert!(!text.contains("Nothing."));
    }
}

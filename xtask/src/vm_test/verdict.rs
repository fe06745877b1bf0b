//! One line a scene.

use oomtrace_tests::frames::Kill;

use super::frames::{Report, Scene};
use super::kernels::Kernel;
use super::machine::Ended;
use super::plan::{Cell, Hierarchy};
use super::scenes;
use super::tally::Tally;

/// Precedes the error in what a scene printed.
const ERROR: &str = "FAILED: ";

/// What is said of a guest that does not exist.
pub const CANNOT_BE_HAD: &str = "cannot be had";

/// Why a scene was not run where only the table is written.
pub const LEFT_OUT: &str = "the tool has changed since";

/// Longest line of a verdict, in characters.
const LINE_MAX: usize = 300;

/// One boot, over.
#[derive(Debug)]
pub struct Ran {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Version of its package; empty where it could not be had.
    pub version: String,
    /// `uname -r`.
    pub release: String,
    /// What the memory controller was on.
    pub hierarchy: Hierarchy,
    /// How each scene went, in the order of the plan.
    pub cells: Vec<Verdict>,
    /// What `oomtrace check` printed.
    pub check: String,
    /// What `oomtrace check --facts` printed.
    pub facts: String,
    /// Why there is no such guest: its kernel cannot be fetched, or lacks what was to be booted.
    pub unavailable: Option<String>,
    /// From the start of its guests to their end.
    pub seconds: f64,
}

/// How a scene went.
#[derive(Debug)]
pub struct Verdict {
    /// The scene.
    pub name: &'static str,
    /// Why it failed.
    pub failure: Option<String>,
    /// What it reported.
    pub scene: Scene,
}

impl Ran {
    /// A guest of which nothing is known yet. `version` is empty where the kernel could not be fetched.
    fn unknown(kernel: &'static Kernel, version: &str, cell: &Cell) -> Self {
        Self {
            kernel,
            version: version.to_owned(),
            release: String::new(),
            hierarchy: cell.hierarchy,
            cells: Vec::new(),
            check: String::new(),
            facts: String::new(),
            unavailable: None,
            seconds: 0.0,
        }
    }

    /// Puts together what was asked for and what was reported.
    pub fn new(
        kernel: &'static Kernel,
        version: &str,
        cell: &Cell,
        ended: Ended,
        mut report: Report,
    ) -> Self {
        if let Some(why) = report.unavailable {
            return Self::unavailable(kernel, version, cell, why);
        }
        let mut why = ended.lost.or(report.failure.take());
        if why.is_none() && !report.done {
            why = Some("the guest stopped without a word".to_owned());
        }
        if let Some(check) = report.check.as_ref().filter(|check| check.code != Some(0)) {
            println!("        oomtrace check ends with {:?}", check.code);
        }
        let cells = cell.scenes.iter().map(|name| {
            let at = report.scenes.iter().position(|scene| scene.name == *name);
            let scene = at.map(|at| report.scenes.swap_remove(at));
            let scene = scene.unwrap_or_default();
            Verdict {
                name,
                failure: failure(name, &scene, why.as_deref()),
                scene,
            }
        });
        Self {
            cells: cells.collect(),
            release: report.release,
            facts: report.facts,
            check: report
                .check
                .map(|said| said.out + &said.complaints)
                .unwrap_or_default(),
            seconds: ended.took.as_secs_f64(),
            ..Self::unknown(kernel, version, cell)
        }
    }

    /// The parts of one boot's plan, which ran as several, in the order of the plan.
    pub fn joined(parts: Vec<Self>, cell: &Cell) -> Option<Self> {
        let mut joined = parts.into_iter().reduce(|mut joined, part| {
            joined.cells.extend(part.cells);
            joined.seconds += part.seconds;
            joined.unavailable = joined.unavailable.or(part.unavailable);
            joined
        })?;
        let place = |name| cell.scenes.iter().position(|scene| *scene == name);
        joined.cells.sort_by_key(|cell| place(cell.name));
        Some(joined)
    }

    /// A guest that cannot be had, with none of its scenes run.
    pub fn unavailable(kernel: &'static Kernel, version: &str, cell: &Cell, why: String) -> Self {
        let not_run = |name: &&'static str| Verdict {
            name,
            failure: Some(format!("{CANNOT_BE_HAD}: {why}")),
            scene: Scene::default(),
        };
        Self {
            cells: cell.scenes.iter().map(not_run).collect(),
            unavailable: Some(why),
            ..Self::unknown(kernel, version, cell)
        }
    }

    #[cfg(test)]
    pub fn for_test(cells: Vec<Verdict>) -> Self {
        let cell = Cell {
            hierarchy: Hierarchy::V2,
            scenes: Vec::new(),
        };
        Self {
            cells,
            ..Self::unknown(&super::kernels::KERNELS[0], "1", &cell)
        }
    }

    /// The events that were compared.
    pub fn kills(&self) -> impl Iterator<Item = &Kill> {
        self.cells.iter().flat_map(|cell| &cell.scene.kills)
    }

    /// Which boot it was: "6.1 v2".
    pub fn place(&self) -> String {
        format!("{} {}", self.kernel.name, self.hierarchy.name())
    }

    /// Whether every scene passed.
    pub fn is_good(&self) -> bool {
        self.cells.iter().all(|cell| cell.failure.is_none())
    }

    /// Shows the verdicts.
    pub fn print(&self) {
        if let Some(why) = &self.unavailable {
            println!("{CANNOT_BE_HAD}  {}: {why}", self.place());
            return;
        }
        for cell in &self.cells {
            println!("{}", cell.line(self));
        }
        println!("        {:.1} s", self.seconds);
    }
}

fn failure(name: &str, scene: &Scene, lost: Option<&str>) -> Option<String> {
    let panics = scenes::scene_named(name).and_then(|planned| planned.panics);
    if let Some(panics) = panics
        && !scene.name.is_empty()
        && scene.failure.is_none()
    {
        if lost.is_some_and(|why| why.contains(panics)) {
            return None;
        }
        if scene.ended {
            return Some(format!("the kernel does not panic with {panics:?}"));
        }
    }
    if scene.ended {
        return scene.failure.as_ref().map(|failure| {
            // Where it got to say so itself, that says more than how it ended.
            let said = scene.said.rsplit_once(ERROR).map(|(_, said)| said.trim());
            said.unwrap_or(failure).to_owned()
        });
    }
    let begun = if scene.name.is_empty() {
        "not run"
    } else {
        "not finished"
    };
    Some(format!("{begun}: {}", lost.unwrap_or("no reason known")))
}

/// A line that fits; the whole is in the logs.
fn cut(line: &str) -> String {
    let mut text: String = line.chars().take(LINE_MAX).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}

impl Verdict {
    /// Whether it was left out, and nothing failed.
    pub fn is_left(&self) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|why| why.contains(LEFT_OUT))
    }

    fn line(&self, ran: &Ran) -> String {
        let place = format!("{} {}", ran.place(), self.name);
        match &self.failure {
            Some(why) => {
                let mut lines = why.lines();
                let mut first = cut(lines.next().unwrap_or_default());
                // The differences follow, one a line.
                for more in lines.take_while(|line| line.starts_with("  ")).take(12) {
                    first.push('\n');
                    first.push_str(&cut(more));
                }
                format!("FAILED  {place}: {first}")
            }
            None => format!(
                "ok      {place}: {} ({:.1} s)",
                self.fields(),
                self.scene.milliseconds as f64 / 1000.0
            ),
        }
    }

    /// "2 events, 61 fields equal, 5 within their bound, 5 missing with a reason".
    fn fields(&self) -> String {
        let tally = self.tally();
        if !self.scene.shares.is_empty() {
            return self.scene.shares();
        }
        if tally.is_empty() {
            return "nothing to compare".to_owned();
        }
        format!(
            "{} events, {} fields equal, {} near or monotone, {} missing with a reason",
            self.scene.kills.len(),
            tally.equal,
            tally.near,
            tally.missing(),
        )
    }

    /// How its fields compared, over all events.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        let compared = self.scene.kills.iter().flat_map(|kill| &kill.compared);
        compared.for_each(|compared| tally.add(&compared.outcome));
        tally
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::vm_test::kernels::KERNELS;
    use crate::vm_test::summary::failures;

    fn ran(frames: &str, lost: Option<&str>) -> Ran {
        let cell = Cell {
            hierarchy: Hierarchy::V2,
            scenes: vec!["plain", "global"],
        };
        let ended = Ended {
            frames: Vec::new(),
            lost: lost.map(str::to_owned),
            took: Duration::ZERO,
        };
        let report = Report::parse(frames.as_bytes());
        Ran::new(&KERNELS[0], "1", &cell, ended, report)
    }

    const PLAIN: &str = "{\"frame\":\"begin\",\"scene\":\"plain\"}\n{\"frame\":\"end\",\"milliseconds\":1,\"said\":\"\"}\n";

    #[test]
    fn a_guest_that_dies_fails_what_it_had_not_finished() {
        let begun = format!("{PLAIN}{{\"frame\":\"begin\",\"scene\":\"global\"}}\n");
        let ran = ran(&begun, Some("it panicked"));
        assert_eq!(ran.cells[0].failure, None);
        assert_eq!(
            ran.cells[1].failure.as_deref(),
            Some("not finished: it panicked")
        );
        assert_eq!(failures(&[ran]), ["5.10/v2/global"]);
    }

    #[test]
    fn a_scenes_error_is_found_in_what_it_printed() {
        let end = |said: &str| {
            format!(
                "{{\"frame\":\"begin\",\"scene\":\"plain\"}}\n{{\"frame\":\"end\",\"milliseconds\":1,\"failure\":\"status 1\",\"said\":\"{said}\"}}\n"
            )
        };
        for (said, shown) in [
            ("on its way\\nFAILED: because\\n", "because"),
            ("on its way", "status 1"),
        ] {
            let ran = ran(&end(said), None);
            assert_eq!(ran.cells[0].failure.as_deref(), Some(shown));
        }
    }

    #[test]
    fn a_scene_that_was_not_run_has_failed() {
        for frames in [PLAIN.to_owned(), format!("{PLAIN}{{\"frame\":\"done\"}}\n")] {
            let ran = ran(&frames, None);
            let failure = ran.cells[1].failure.as_deref().unwrap();
            assert!(failure.starts_with("not run: "), "{failure}");
        }
    }

    #[test]
    fn a_guest_can_say_that_it_cannot_be_had() {
        let frames = "{\"frame\":\"unavailable\",\"why\":\"no v1\"}\n{\"frame\":\"done\"}\n";
        let ran = ran(frames, None);
        assert_eq!(ran.unavailable.as_deref(), Some("no v1"));
        assert_eq!(failures(&[ran]), [""; 0]);
    }
}

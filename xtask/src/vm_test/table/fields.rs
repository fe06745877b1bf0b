//! What each field was worth, and why some were missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{head, short};
use crate::vm_test::frames::Outcome;
use crate::vm_test::verdict::Ran;

/// How a field did in all kills of one guest.
#[derive(Default)]
struct Field {
    equal: usize,
    bound: u64,
    near: usize,
    monotone: usize,
    untold: usize,
    missing: BTreeMap<String, usize>,
    differs: usize,
}

impl Field {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Exact => self.equal += 1,
            Outcome::Within(bound) => {
                self.near += 1;
                self.bound = self.bound.max(*bound);
            }
            Outcome::Monotone => self.monotone += 1,
            Outcome::Missing(reason) => *self.missing.entry(reason.clone()).or_default() += 1,
            Outcome::Untold => self.untold += 1,
            Outcome::Differs => self.differs += 1,
        }
    }

    fn text(&self) -> String {
        let mut parts = Vec::new();
        if self.equal > 0 {
            parts.push(format!("exact {}", self.equal));
        }
        if self.near > 0 {
            parts.push(format!("± {} {}", self.bound, self.near));
        }
        if self.monotone > 0 {
            parts.push(format!("monotone {}", self.monotone));
        }
        if self.untold > 0 {
            parts.push(format!("untold {}", self.untold));
        }
        for (reason, count) in &self.missing {
            parts.push(format!("missing {}: {reason}", count));
        }
        if self.differs > 0 {
            parts.push(format!("**differs** {}", self.differs));
        }
        if parts.is_empty() {
            "·".to_owned()
        } else {
            parts.join("; ")
        }
    }
}

/// The table of fields.
pub(super) fn compared(all: &[Ran], out: &mut String) {
    out.push_str(
        "\n## Fields\n\nHow often each field was exact, near (with the widest bound, in the field's unit), monotone,\n\
         untold (nothing of the kernel's says it, or the cgroup had gone when its files were asked),\n\
         missing (with the reason that the event gave), or differed. Fields of other events than kills have\nthe event's name before them.\n\n",
    );
    let columns: Vec<BTreeMap<&str, Field>> = all.iter().map(of_guest).collect();
    let names: BTreeSet<&str> = columns.iter().flat_map(|map| map.keys().copied()).collect();
    head("field", all, out);
    for name in names {
        let cells: Vec<String> = columns
            .iter()
            .map(|map| map.get(name).map_or_else(|| "·".to_owned(), Field::text))
            .collect();
        let _ = writeln!(out, "| `{name}` | {} |", cells.join(" | "));
    }
}

fn of_guest(ran: &Ran) -> BTreeMap<&str, Field> {
    let mut map: BTreeMap<&str, Field> = BTreeMap::new();
    let kills = ran.cells.iter().flat_map(|cell| &cell.scene.kills);
    for field in kills.flat_map(|kill| &kill.fields) {
        map.entry(&field.name).or_default().add(&field.outcome);
    }
    map
}

/// What events said was missing, and why.
pub(super) fn missing(all: &[Ran], out: &mut String) {
    out.push_str(
        "\n## Missing\n\nWhat the events of these kills said was missing, in how many of them, and why.\n\n",
    );
    let mut rows: BTreeMap<&[String; 3], Vec<usize>> = BTreeMap::new();
    for (column, ran) in all.iter().enumerate() {
        let kills = ran.cells.iter().flat_map(|cell| &cell.scene.kills);
        for entry in kills.flat_map(|kill| &kill.missing) {
            let counts = rows.entry(entry).or_insert_with(|| vec![0; all.len()]);
            if let Some(count) = counts.get_mut(column) {
                *count += 1;
            }
        }
    }
    if rows.is_empty() {
        out.push_str("Nothing.\n");
        return;
    }
    head("field | reason | why", all, out);
    for ([field, reason, why], counts) in rows {
        let counts: Vec<String> = counts
            .iter()
            .map(|count| match count {
                0 => "·".to_owned(),
                count => count.to_string(),
            })
            .collect();
        let why = short(why);
        let _ = writeln!(
            out,
            "| `{field}` | {reason} | {why} | {} |",
            counts.join(" | ")
        );
    }
}

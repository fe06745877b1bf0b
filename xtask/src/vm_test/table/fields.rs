//! What each field was worth, and why some were missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{head, short};
use crate::vm_test::frames;
use crate::vm_test::tally::Tally;
use crate::vm_test::verdict::Ran;

/// The table of fields.
pub(super) fn compared(all: &[Ran], out: &mut String) {
    out.push_str(
        "\n## Fields\n\nHow often each field was exact, near (with the widest bound, in the field's unit), monotone,\n\
         untold (nothing of the kernel's says it, or the cgroup had gone when its files were asked),\n\
         missing (with the reason that the event gave), or differed. Fields of other events than kills have\nthe event's name before them.\n\n",
    );
    let columns: Vec<BTreeMap<String, Tally>> = all.iter().map(of_guest).collect();
    let names: BTreeSet<&String> = columns.iter().flat_map(BTreeMap::keys).collect();
    head("field", all, out);
    for name in names {
        let cells: Vec<String> = columns
            .iter()
            .map(|map| {
                map.get(name)
                    .map_or_else(|| "·".to_owned(), Tally::to_string)
            })
            .collect();
        let _ = writeln!(out, "| `{name}` | {} |", cells.join(" | "));
    }
}

fn of_guest(ran: &Ran) -> BTreeMap<String, Tally> {
    let mut map: BTreeMap<String, Tally> = BTreeMap::new();
    for compared in ran.kills().flat_map(|kill| &kill.compared) {
        let name = frames::field_name(&compared.field);
        map.entry(name).or_default().add(&compared.outcome);
    }
    map
}

/// What events said was missing, and why.
pub(super) fn missing(all: &[Ran], out: &mut String) {
    out.push_str(
        "\n## Missing\n\nWhat the events of these kills said was missing, in how many of them, and why.\n\n",
    );
    let mut rows: BTreeMap<[String; 3], Vec<usize>> = BTreeMap::new();
    for (column, ran) in all.iter().enumerate() {
        for entry in ran.kills().flat_map(frames::missing) {
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
        let why = short(&why);
        let _ = writeln!(
            out,
            "| `{field}` | {reason} | {why} | {} |",
            counts.join(" | ")
        );
    }
}

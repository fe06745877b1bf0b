//! Recorded runs: what must be said first of each kind.

use std::path::Path;

use serde_json::Value;

use super::verdict::Tally;

/// The scenario in the name of a run, and the finding that explains the first kill of it.
const LEADS: [(&str, &str); 13] = [
    ("allocating", "node_exhausted"),
    ("exiting", "anon_filled_by_many"),
    ("global", "node_exhausted"),
    ("group", "anon_filled"),
    ("leaderexit", "anon_filled"),
    ("mt", "anon_filled"),
    ("nested", "parent_limit"),
    ("nodump", "anon_filled"),
    ("sharedmm", "anon_filled"),
    ("simple", "anon_filled"),
    ("sysrqf", "asked_by_hand"),
    ("v1nested", "parent_limit"),
    ("v1simple", "anon_filled"),
];

/// What the siblings of a group's victim are told.
const SIBLING: &str = "group_kill";

/// Counts what leads each kill of a run; one whose kind is not known is not counted.
pub fn compare(log: &Path, events: &[Value], tally: &mut Tally) {
    let name = log.file_stem().unwrap_or_default().to_string_lossy();
    let Some((_, scenario)) = name.rsplit_once('-') else {
        return;
    };
    let Some((_, lead)) = LEADS.iter().find(|(known, _)| *known == scenario) else {
        return;
    };
    let kills = events.iter().filter(|event| event["event"] == "oom_kill");
    for (at, event) in kills.enumerate() {
        let wanted = if at == 0 { lead } else { &SIBLING };
        let found = event.pointer("/findings/0/code").unwrap_or(&Value::Null);
        tally.fact(
            &format!("[kill {at}] leading finding"),
            &Value::from(*wanted),
            &[],
            found,
        );
    }
}

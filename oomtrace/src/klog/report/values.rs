//! Values as the schema holds them, and the fields that a log does not show.

use crate::model::{Bytes, JSON_INTEGER_MAX, Missing, Text};

/// An amount that the schema can hold.
pub(super) fn bytes(amount: Option<u64>) -> Option<Bytes> {
    amount
        .filter(|amount| *amount <= JSON_INTEGER_MAX)
        .map(Bytes)
}

/// Text that somebody else chose.
pub(super) fn named(text: &[u8]) -> (Option<String>, Option<String>) {
    let text = Text::from_bytes(text);
    (Some(text.lossy), text.hex)
}

/// What no kernel writes into its log.
const NEVER_IN_LOG: [&str; 6] = [
    "victim.cmdline",
    "victim.exe",
    "victim.parent_pid",
    "victim.start_timestamp",
    "victim.threads",
    "hierarchy",
];

/// Lists a field that the log does not show.
pub(super) fn absent(missing: &mut Vec<Missing>, field: &str) {
    let why = "this log does not show it: a part is missing, or the kernel left it out";
    because(missing, field, "not_in_log", why);
}

/// Lists what a log cannot show.
pub(super) fn never_in_log(missing: &mut Vec<Missing>) {
    for field in NEVER_IN_LOG {
        let why = "the kernel does not write it into its log";
        because(missing, field, "never_in_log", why);
    }
}

/// The words stand with the first field that shares the reason.
fn because(missing: &mut Vec<Missing>, field: &str, reason: &str, why: &str) {
    let is_first = missing.iter().all(|other| other.reason != reason);
    missing.push(Missing {
        field: field.to_owned(),
        reason: reason.to_owned(),
        why: is_first.then(|| why.to_owned()),
    });
}

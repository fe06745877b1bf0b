//! Values as the schema holds them, and the fields that a log does not show.

use crate::model::{Bytes, JSON_INTEGER_MAX, Missing, Reason, Text};

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
    because(missing, field, Reason::NotInLog);
}

/// Lists a field that the kernel's log would show, when only systemd's message is available.
pub(super) fn only_in_kernel_log(missing: &mut Vec<Missing>, field: &str) {
    because(missing, field, Reason::OnlyInKernelLog);
}

/// Lists what a log cannot show.
pub(super) fn never_in_log(missing: &mut Vec<Missing>) {
    for field in NEVER_IN_LOG {
        because(missing, field, Reason::NeverInLog);
    }
}

/// The first field with a reason carries its explanation.
fn because(missing: &mut Vec<Missing>, field: &str, reason: Reason) {
    let is_first = missing.iter().all(|other| other.reason != reason);
    missing.push(Missing {
        field: field.to_owned(),
        reason,
        why: is_first.then(|| reason.explanation().to_owned()),
    });
}

//! What a record of named fields holds.

use crate::klog::line::Line;

/// What an entry holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// All but the text.
    pub(super) line: Line,
    /// The message.
    pub(super) text: Vec<u8>,
    /// The message is one record of the kernel's log (or of a program), without a prefix of its own.
    pub(super) is_record: bool,
    /// The message goes on in the next entry.
    pub(super) is_partial: bool,
}

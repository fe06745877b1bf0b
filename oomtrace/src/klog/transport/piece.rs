//! A line without its framing, and how its ends are known.

use crate::klog::line::Line;

/// How a line's beginning and end are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The carrier keeps records apart.
    Record,
    /// It begins with a prefix; it may go on in the next line.
    Prefixed,
    /// It has no prefix: it may belong to the line before.
    Plain,
    /// The carrier says that it belongs to the record before.
    Rest,
}

/// A line without its carrier.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) line: Line,
    pub(super) frame: Frame,
    /// Bytes of the physical line.
    pub(super) width: usize,
    /// Blanks that it begins with.
    pub(super) indent: usize,
    /// Blanks stood behind it.
    pub(super) padded: bool,
}

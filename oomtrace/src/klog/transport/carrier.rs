//! A way in which single lines are carried: what it puts around a line, and how that is stripped.

use super::stamp::Assumed;
use crate::klog::line::Line;

/// One way of carrying lines.
#[derive(Debug)]
pub(super) struct Carrier {
    /// What it is called.
    pub(super) name: &'static str,
    /// A physical line of it that carries the text in [`EXAMPLE`].
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "an entry of the list and its test are one")
    )]
    pub(super) example: &'static str,
    /// Strips its framing; `None` if the line is carried in another way.
    pub(super) strip: fn(&[u8], &mut Context) -> Option<Stripped>,
}

/// What the examples of all carriers carry, from which a test reads the list of them.
pub(super) const EXAMPLE: &str = "Out of memory: Killed process 4821 (indexer) total-vm:91340kB, \
     anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0";

/// What earlier lines have shown, for carriers whose lines need it.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Zone and year of times without them.
    pub(super) assumed: Assumed,
    /// The columns of a table of comma-separated values.
    pub(super) columns: Option<Columns>,
}

/// Where in a row of comma-separated values things are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// How many there are: a row has as many fields.
    pub(super) total: usize,
    pub(super) message: usize,
    pub(super) host: Option<usize>,
    pub(super) time: Option<usize>,
}

/// A line without its framing.
#[derive(Debug, Default)]
pub(super) struct Stripped {
    /// What the framing says: host, time, writer.
    pub(super) line: Line,
    /// What it carries.
    pub(super) text: Vec<u8>,
    /// It goes on in the next line of this carrier.
    pub(super) is_partial: bool,
    /// The text is the kernel's own, with no other framing in it.
    pub(super) is_bare: bool,
}

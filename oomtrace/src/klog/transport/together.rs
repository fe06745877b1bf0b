//! Records run together, because the line breaks between them were lost.

use memchr::memchr;

use super::kernel;
use super::stamp::Assumed;
use crate::klog::cursor::Cursor;
use crate::klog::grammar::start;
use crate::klog::line::Line;

/// Records that run together are of one report.
const APART_MAX_US: u64 = 120_000_000;

/// Where in `text` the next record begins, whose time is shown and not before `since_boot_us`. A
/// name may look like a time, too: a kill's line goes on to its end.
pub(super) fn next_record(text: &[u8], since_boot_us: Option<u64>) -> Option<usize> {
    let since = since_boot_us?;
    let mut from = 1;
    loop {
        let at = from + memchr(b'[', text.get(from..)?)?;
        let (before, rest) = text.split_at_checked(at)?;
        let mut cursor = Cursor(rest);
        let mut line = Line::default();
        let follows = kernel::bracket(&mut cursor, &mut line, &mut Assumed::default())
            && line
                .since_boot_us
                .is_some_and(|us| (since..=since.saturating_add(APART_MAX_US)).contains(&us));
        if follows {
            let before = before.trim_ascii_end();
            let is_whole = start::is_complete(before);
            let names_a_task = start::is_kill(before) || before.starts_with(b"oom-kill:");
            if !before.is_empty() && (is_whole || !names_a_task && start::begins(cursor.0)) {
                return Some(at);
            }
        }
        from = at + 1;
    }
}

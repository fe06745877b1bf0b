//! The prefix of a line, as far as earlier lines show its form in this log.

use super::prefix::{behind_a_bracket, is_prefixed};
use super::stamp::Assumed;
use super::syslog::{self, Writer};
use super::{kernel, rfc5424};
use crate::klog::cursor::Cursor;
use crate::klog::grammar::start;
use crate::klog::line::Line;

/// Strips headers. What it remembers is what the lines so far have shown.
#[derive(Debug, Default)]
pub(super) struct Headers {
    /// Lines are prefixed by dates and nothing else.
    date_only: bool,
    /// Lines in a row that began with a priority.
    priorities: u32,
    /// The host behind the time in the lines so far (empty: the kernel's tag alone), and whether it
    /// is believed.
    monotonic: Option<(Vec<u8>, bool)>,
    /// Lines so far.
    lines: u64,
    /// Lines that had a time in brackets.
    brackets: u64,
}

impl Headers {
    /// Counts a physical line.
    pub(super) fn count_line(&mut self) {
        self.lines = self.lines.saturating_add(1);
    }

    /// Consumes the line's prefix.
    pub(super) fn take(
        &mut self,
        cursor: &mut Cursor<'_>,
        line: &mut Line,
        assumed: &mut Assumed,
    ) -> (bool, Writer, Option<kernel::Priority>) {
        let mut priority = self.priority(cursor).or_else(|| kernel::decoded(cursor));
        let mut prefixed = priority.is_some();
        let mut writer = Writer::Unsaid;
        if let Some(found) = rfc5424::header(cursor, line, assumed) {
            (writer, prefixed) = (found, true);
        } else if let Some((found, named)) =
            syslog::header(cursor, line, assumed, &mut self.date_only)
        {
            (writer, prefixed) = (found, true);
            priority = named.or(priority);
        } else if syslog::unknown_header(cursor, line) {
            (writer, prefixed) = (Writer::Kernel, true);
        }
        if writer != Writer::Program {
            let mut ahead = *cursor;
            ahead.blanks();
            // A name may begin like this, too; a time behind it is the kernel's.
            if let Some(inner) = kernel::priority(&mut ahead)
                && kernel::bracket(&mut { ahead }, &mut line.clone(), assumed)
            {
                priority = priority.or(Some(inner));
                *cursor = ahead;
            }
            let mut ahead = *cursor;
            ahead.blanks();
            if kernel::bracket(&mut ahead, line, assumed) {
                prefixed = true;
                *cursor = ahead;
                if writer == Writer::Unsaid && line.host.is_none() && line.since_boot_us.is_some() {
                    writer = self.monotonic(cursor, line, assumed);
                }
                self.brackets = self.brackets.saturating_add(1);
            } else if writer == Writer::Unsaid
                && let Some(rest) = behind_a_bracket(cursor.0, line)
            {
                prefixed = true;
                *cursor = rest;
            }
        }
        (prefixed, writer, priority)
    }

    /// `<4>`: before a text of its own only where the lines before have it, too.
    fn priority(&mut self, cursor: &mut Cursor<'_>) -> Option<kernel::Priority> {
        let mut ahead = *cursor;
        let Some(found) = kernel::priority(&mut ahead) else {
            self.priorities = 0;
            return None;
        };
        let sure = self.priorities > 0 || self.lines <= 1 || is_prefixed(ahead.0);
        self.priorities = self.priorities.saturating_add(1);
        if !sure {
            return None;
        }
        *cursor = ahead;
        Some(found)
    }

    /// `host kernel: ` behind the time, if this is how the lines go here.
    fn monotonic(
        &mut self,
        cursor: &mut Cursor<'_>,
        line: &mut Line,
        assumed: &mut Assumed,
    ) -> Writer {
        // Rows of the table begin with a bracket, but so does the kernel's own time.
        let is_nameless = self
            .monotonic
            .as_ref()
            .is_some_and(|(host, believed)| *believed && host.is_empty());
        if let Some(text) = cursor.0.strip_prefix(b"kernel: ")
            && (is_nameless || !text.starts_with(b"["))
        {
            // Without hosts. A task may call itself like that.
            let again = self
                .monotonic
                .as_ref()
                .is_some_and(|(host, _)| host.is_empty());
            let believed = again || self.brackets == 0 || start::begins_by_name(text);
            self.monotonic = Some((Vec::new(), believed));
            if !believed {
                return Writer::Unsaid;
            }
            *cursor = Cursor(text);
            return Writer::Kernel;
        }
        let mut named = line.clone();
        let known = self.monotonic.as_ref().filter(|(_, believed)| *believed);
        let known = known
            .map(|(host, _)| host.as_slice())
            .filter(|host| !host.is_empty());
        let Some((host, writer, rest)) = syslog::monotonic(*cursor, known, &mut named) else {
            if self
                .monotonic
                .as_ref()
                .is_some_and(|(host, _)| !host.is_empty())
            {
                self.monotonic = None;
            }
            return Writer::Unsaid;
        };
        let again = self
            .monotonic
            .as_ref()
            .is_some_and(|(before, _)| before.as_slice() == host);
        let believed = again || self.brackets == 0;
        self.monotonic = Some((host.to_vec(), believed));
        if !believed {
            return Writer::Unsaid;
        }
        *line = named;
        line.host = Some(host.to_vec());
        *cursor = rest;
        // The kernel's own time may be there as well.
        let _ = kernel::bracket(cursor, line, assumed);
        writer
    }
}

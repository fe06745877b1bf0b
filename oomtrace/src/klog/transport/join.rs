//! Lines that were broken on their way here, put together again; and lines that have no prefix of
//! their own, given that of the line they follow.

use super::piece::{Frame, Piece};
use crate::klog::grammar::start;
use crate::klog::line::Line;

/// Columns at which mails and terminals break lines.
const BREAK_MIN: usize = 68;
const BREAK_MAX: usize = 82;

/// Columns at which terminals break, wherever that is in a word.
const TERMINAL: usize = 80;

/// Fewest columns of a prefix that a record's further lines are indented by.
const PREFIX_MIN: usize = 8;

/// Fewest columns of a terminal that is wider.
const WIDE_MIN: usize = 100;

/// Longest line that is put together.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// Prefixed lines after which a stream is taken for one that has a prefix on each line.
const REGULAR_MIN: u32 = 8;

/// Joins pieces.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    held: Option<Held>,
    /// Prefixed lines so far.
    prefixed: u32,
    /// Columns of the terminal that broke lines so far, if it had another width than 80.
    columns: Option<usize>,
    /// Lines without a prefix since the last that had one.
    plain: u32,
}

#[derive(Debug)]
struct Held {
    piece: Piece,
    /// The text began with a prefix, however many lines ago.
    is_prefixed: bool,
    /// Columns of the line, as far as it was put together from broken ones.
    columns: usize,
}

impl Joiner {
    /// Takes a piece in; gives the line before, if it is whole by that.
    pub(super) fn push(&mut self, mut piece: Piece) -> Option<Line> {
        let Some(mut held) = self.held.take() else {
            self.hold(piece, false);
            return None;
        };
        if piece.frame == Frame::Rest {
            append(&mut held, &piece, b"");
            self.held = Some(held);
            return None;
        }
        if piece.frame != Frame::Plain || held.piece.frame == Frame::Record {
            self.hold(piece, false);
            return Some(held.piece.line);
        }
        self.plain = self.plain.saturating_add(1);
        if let Some(separator) = self.separator(&held, &piece) {
            append(&mut held, &piece, separator);
            self.held = Some(held);
            return None;
        }
        self.inherit(&held.piece, &mut piece);
        self.hold(piece, held.is_prefixed);
        Some(held.piece.line)
    }

    /// The separator between the two, if they are one line.
    fn separator(&mut self, held: &Held, piece: &Piece) -> Option<&'static [u8]> {
        let (before, after) = (&held.piece, piece);
        let text = before.line.text.as_slice();
        let next = after.line.text.as_slice();
        if text.is_empty() && held.is_prefixed {
            // The prefix alone stood on its line.
            return Some(b"");
        }
        let incomplete = start::is_incomplete(text);
        // dmesg and journalctl break a name where it has a line end, and indent the rest by the
        // width of the prefix.
        let is_indented = after.indent > before.indent.saturating_add(PREFIX_MIN);
        if before.frame == Frame::Prefixed
            && is_indented
            && (start::may_end_in_a_name(text) || start::is_end_of_trigger(text, next))
        {
            return Some(b"\n");
        }
        let wrapped = is_wrap(before, after);
        // A mail has broken what a wider terminal had broken before: only the rest is shorter.
        if incomplete && !wrapped && held.columns >= WIDE_MIN {
            self.columns = Some(held.columns);
        }
        let at_edge = before.width == TERMINAL || self.columns == Some(held.columns);
        let broken_by_terminal = at_edge
            && start::is_long(text)
            && (!start::is_complete(text) || next.iter().all(u8::is_ascii_digit));
        let joins = if broken_by_terminal {
            !start::begins(next)
        } else if start::continues_kill(next) {
            start::is_kill(text)
        } else if start::is_complete(text) || start::begins(next) && !incomplete {
            false
        } else if incomplete {
            // A broken line of a report goes on, unless a whole other line follows.
            wrapped || !start::begins(next)
        } else {
            held.is_prefixed && wrapped && after.indent <= before.indent.saturating_add(1)
        };
        if !joins || text.len().saturating_add(next.len()) > LINE_BYTES_MAX {
            return None;
        }
        let in_a_word = at_edge && !before.padded && after.indent == 0;
        Some(if in_a_word { b"" } else { b" " })
    }

    /// Gives what is held.
    pub(super) fn flush(&mut self) -> Option<Line> {
        self.held.take().map(|held| held.piece.line)
    }

    fn hold(&mut self, piece: Piece, is_prefixed: bool) {
        let own = piece.frame != Frame::Plain;
        if own {
            self.prefixed = self.prefixed.saturating_add(1);
            self.plain = 0;
        }
        self.held = Some(Held {
            columns: piece.width,
            piece,
            is_prefixed: own || is_prefixed,
        });
    }

    /// What a line without a prefix has in common with the one it follows. That another program
    /// wrote that one counts for its continuation, not for what happens to follow it.
    fn inherit(&self, before: &Piece, piece: &mut Piece) {
        let from = &before.line;
        if from.from_kernel == Some(false) {
            let continues = piece.indent > before.indent.saturating_add(1)
                || self.prefixed >= REGULAR_MIN
                || self.plain <= 2;
            if !continues {
                return;
            }
        }
        let line = &mut piece.line;
        line.host.clone_from(&from.host);
        line.since_boot_us = from.since_boot_us;
        line.realtime_ns = from.realtime_ns;
        line.shown_time = from.shown_time;
        line.boot_id.clone_from(&from.boot_id);
        line.from_kernel = from.from_kernel;
        line.program.clone_from(&from.program);
        line.severity = from.severity;
        line.caller.clone_from(&from.caller);
    }
}

/// Whether the next word would not have fitted behind the line.
fn is_wrap(before: &Piece, after: &Piece) -> bool {
    let first = after
        .line
        .text
        .iter()
        .take_while(|byte| **byte != b' ')
        .count();
    before.width <= BREAK_MAX && before.width + 1 + first >= BREAK_MIN
}

fn append(held: &mut Held, piece: &Piece, separator: &[u8]) {
    let text = &mut held.piece.line.text;
    if text.len().saturating_add(piece.line.text.len()) <= LINE_BYTES_MAX {
        text.extend_from_slice(separator);
        text.extend_from_slice(&piece.line.text);
    }
    held.columns = held.columns.saturating_add(piece.width);
    held.piece.width = piece.width;
    held.piece.padded = piece.padded;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, frame: Frame, width: usize, indent: usize) -> Piece {
        Piece {
            line: Line {
                text: text.into(),
                ..Line::default()
            },
            frame,
            width,
            indent,
            padded: false,
        }
    }

    fn join(pieces: Vec<Piece>) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut lines = Vec::new();
        for piece in pieces {
            lines.extend(joiner.push(piece));
        }
        lines.extend(joiner.flush());
        lines
            .into_iter()
            .map(|line: Line| String::from_utf8(line.text).unwrap())
            .collect()
    }

    #[test]
    fn a_mail_breaks_between_words() {
        let head = "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0,";
        assert_eq!(
            join(vec![
                piece(head, Frame::Plain, 62, 0),
                piece("oom_score_adj=0", Frame::Plain, 15, 0),
                piece("CPU: 1 PID: 2 Comm: java", Frame::Plain, 24, 0),
            ]),
            [
                &format!("{head} oom_score_adj=0"),
                "CPU: 1 PID: 2 Comm: java"
            ]
        );
    }

    #[test]
    fn a_terminal_breaks_anywhere() {
        let start = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpus";
        assert_eq!(
            join(vec![
                piece(start, Frame::Prefixed, 80, 0),
                piece("et=/,task=a,pid=1,uid=0", Frame::Plain, 23, 0),
                piece("next", Frame::Plain, 4, 0),
            ]),
            [&format!("{start}et=/,task=a,pid=1,uid=0"), "next"]
        );
    }

    #[test]
    fn whole_lines_stay_apart() {
        let whole = "Killed process 649 (fio) total-vm:2kB, anon-rss:1kB, oom_score_adj:0";
        assert_eq!(
            join(vec![
                piece(whole, Frame::Prefixed, 79, 0),
                piece("PASS: everything", Frame::Plain, 16, 0),
                piece("anon 1234", Frame::Plain, 79, 0),
                piece("file 12", Frame::Plain, 7, 0),
            ]),
            [whole, "PASS: everything", "anon 1234", "file 12"]
        );
    }

    #[test]
    fn a_line_end_in_a_name_stays_in_it() {
        assert_eq!(
            join(vec![
                piece("Killed process 7 (a", Frame::Prefixed, 34, 0),
                piece(
                    "b) total-vm:1kB, anon-rss:1kB, file-rss:1kB",
                    Frame::Plain,
                    60,
                    15
                ),
            ]),
            ["Killed process 7 (a\nb) total-vm:1kB, anon-rss:1kB, file-rss:1kB"]
        );
    }

    #[test]
    fn a_line_end_in_the_name_of_the_trigger_stays_in_it() {
        let rest = "line invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
        assert_eq!(
            join(vec![
                piece("something else", Frame::Prefixed, 30, 0),
                piece("new", Frame::Prefixed, 18, 0),
                piece(rest, Frame::Plain, 96, 15),
                piece("[    102]  0  102  7 new", Frame::Prefixed, 40, 0),
                piece("line", Frame::Plain, 19, 15),
            ]),
            [
                "something else",
                &format!("new\n{rest}"),
                "[    102]  0  102  7 new\nline"
            ]
        );
    }

    #[test]
    fn a_continued_line_keeps_its_program() {
        let mut first = piece("hello", Frame::Prefixed, 60, 0);
        first.line.from_kernel = Some(false);
        let mut joiner = Joiner::default();
        let mut lines = Vec::new();
        lines.extend(joiner.push(first));
        let forged = "Out of memory: Killed process 1 (init) total-vm:1kB, oom_score_adj:0";
        lines.extend(joiner.push(piece(forged, Frame::Plain, 90, 20)));
        lines.extend(joiner.flush());
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.from_kernel == Some(false)));
    }
}

//! Logs that are shown newest first (`journalctl -r`), turned round, in bounded memory.

use std::collections::VecDeque;

use crate::klog::grammar::start;
use crate::klog::line::Line;

/// Lines after which the order counts as the usual one if nothing has shown another.
const UNDECIDED_MAX: usize = 4096;

/// Lines that are turned round at once: a report with a large table.
const TURNED_MAX: usize = 65_536;

/// Steps in one direction that decide, if next to none goes the other way.
const STEPS_MIN: u32 = 3;

/// The order of the lines.
#[derive(Debug)]
enum Direction {
    Undecided(Evidence),
    OldestFirst,
    NewestFirst,
}

#[derive(Debug, Default)]
struct Evidence {
    up: u32,
    down: u32,
    rank: Option<u8>,
    since_boot_us: Option<u64>,
    realtime_ns: Option<i64>,
}

/// Puts lines into the order in which they were written.
#[derive(Debug)]
pub(super) struct Order {
    direction: Direction,
    held: VecDeque<Line>,
    /// The first line of a report has come; what was suppressed before it may follow.
    whole: bool,
}

impl Order {
    /// With `as_is`, lines are taken to come as they were written: nothing is held back.
    pub(super) fn new(as_is: bool) -> Self {
        Self {
            direction: if as_is {
                Direction::OldestFirst
            } else {
                Direction::Undecided(Evidence::default())
            },
            held: VecDeque::new(),
            whole: false,
        }
    }

    /// Takes a line.
    pub(super) fn push(&mut self, line: Line, out: &mut impl FnMut(Line)) {
        match &mut self.direction {
            Direction::OldestFirst => out(line),
            Direction::NewestFirst => self.turned(line, out),
            Direction::Undecided(evidence) => {
                evidence.look(&line);
                self.held.push_back(line);
                if evidence.says_newest_first() {
                    self.direction = Direction::NewestFirst;
                    for line in std::mem::take(&mut self.held) {
                        self.turned(line, out);
                    }
                } else if evidence.says_oldest_first() || self.held.len() >= UNDECIDED_MAX {
                    self.pause(out);
                }
            }
        }
    }

    /// No more lines for the moment (or at all): hands on what is held back.
    pub(super) fn pause(&mut self, out: &mut impl FnMut(Line)) {
        match &self.direction {
            Direction::Undecided(evidence) => {
                // Once lines were handed on as they came, so are the others.
                let turned = evidence.down > evidence.up.max(1);
                self.direction = Direction::OldestFirst;
                if turned {
                    self.held.make_contiguous().reverse();
                }
                self.held.drain(..).for_each(out);
            }
            Direction::OldestFirst => {}
            Direction::NewestFirst => self.held.drain(..).rev().for_each(out),
        }
    }

    /// Holds lines until the first line of their report has come, which is the last here.
    fn turned(&mut self, line: Line, out: &mut impl FnMut(Line)) {
        if (self.whole && !start::is_before_first(&line.text)) || self.held.len() >= TURNED_MAX {
            self.held.drain(..).rev().for_each(out);
            self.whole = false;
        }
        self.whole |= start::rank(&line.text) == Some(0);
        self.held.push_back(line);
    }
}

impl Evidence {
    fn look(&mut self, line: &Line) {
        if let Some(rank) = start::rank(&line.text) {
            if let Some(before) = self.rank {
                // The end of a report, followed by the beginning of the next, is no step back; nor
                // is the beginning of one, followed by the end of an older one, a step on.
                let far = rank.abs_diff(before) >= 6;
                if rank > before && !far {
                    self.up += 1;
                } else if rank < before && !far {
                    self.down += 1;
                }
            }
            self.rank = Some(rank);
        }
        let steps = match (self.since_boot_us, line.since_boot_us) {
            // Back by hours is another boot.
            (Some(before), Some(now)) if before.saturating_sub(now) < 3_600_000_000 => {
                Some(now.cmp(&before))
            }
            (None, _) | (_, None) => self
                .realtime_ns
                .zip(line.realtime_ns)
                .map(|(before, now)| now.cmp(&before)),
            _ => None,
        };
        match steps {
            Some(std::cmp::Ordering::Greater) => self.up += 1,
            Some(std::cmp::Ordering::Less) => self.down += 1,
            _ => {}
        }
        self.since_boot_us = line.since_boot_us.or(self.since_boot_us);
        self.realtime_ns = line.realtime_ns.or(self.realtime_ns);
    }

    fn says_newest_first(&self) -> bool {
        self.down >= STEPS_MIN && self.down > self.up.saturating_mul(4)
    }

    fn says_oldest_first(&self) -> bool {
        self.up >= STEPS_MIN && self.up > self.down.saturating_mul(2) || self.up + self.down > 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: [&str; 6] = [
        "java invoked oom-killer: gfp_mask=0xcc0",
        "CPU: 1 PID: 2 Comm: java",
        "memory: usage 1kB, limit 1kB",
        "[  pid  ]   uid  tgid",
        "oom-kill:constraint=CONSTRAINT_MEMCG",
        "Memory cgroup out of memory: Killed process 2 (java)",
    ];

    fn order(lines: impl Iterator<Item = String>) -> Vec<String> {
        let mut order = Order::new(false);
        let mut texts = Vec::new();
        let mut out = |line: Line| texts.push(String::from_utf8(line.text).unwrap());
        for text in lines {
            let line = Line {
                text: text.into_bytes(),
                ..Line::default()
            };
            order.push(line, &mut out);
        }
        order.pause(&mut out);
        texts
    }

    fn reports() -> Vec<String> {
        (0..20)
            .flat_map(|number| REPORT.iter().map(move |line| format!("{line} {number}")))
            .collect()
    }

    #[test]
    fn the_usual_order_stays() {
        assert_eq!(order(reports().into_iter()), reports());
    }

    #[test]
    fn reports_that_come_newest_first_are_turned_each() {
        let turned = order(reports().into_iter().rev());
        let mut expected = Vec::new();
        for report in reports().chunks(REPORT.len()).rev() {
            expected.extend_from_slice(report);
        }
        assert_eq!(turned, expected);
    }

    #[test]
    fn one_report_is_enough() {
        let report = || REPORT.iter().map(|line| (*line).to_owned());
        assert_eq!(order(report().rev()), report().collect::<Vec<_>>());
        assert_eq!(order(report()), report().collect::<Vec<_>>());
    }

    #[test]
    fn times_decide_where_nothing_else_does() {
        let mut order = Order::new(false);
        let mut seen = Vec::new();
        for us in (0..10_u64).rev() {
            let line = Line {
                since_boot_us: Some(us),
                ..Line::default()
            };
            order.push(line, &mut |line| seen.push(line.since_boot_us));
        }
        order.pause(&mut |line| seen.push(line.since_boot_us));
        assert_eq!(seen, (0..10).map(Some).collect::<Vec<_>>());
    }
}

//! Lines that begin, decide or end a report.

use super::draft::{DEATHS_MAX, Death, Decision, Draft, REAPED_MAX, When, Why};
use super::stream::{At, RECENT_MAX, Stream};
use crate::klog::grammar::kill::{self, Fate, Killed, Prefix, Reaped};
use crate::klog::grammar::trigger::{self, Invoked};
use crate::klog::grammar::{summary, text};

impl Stream {
    /// Lines that begin, decide or end a report.
    pub(super) fn decisive(&mut self, text: &[u8], at: &mut At<'_>) -> bool {
        if text::is_first_line(text)
            && let Some(invoked) = trigger::invoked(text)
        {
            self.invoked(invoked, at);
            return true;
        }
        let Some(first) = text.first() else {
            return false;
        };
        match first {
            b'C' | b'K' if let Some(options) = trigger::command_line(text) => {
                self.is_crash_kernel =
                    text::words(options).any(|word| word.starts_with(b"elfcorehdr="));
                false
            }
            b'O' | b'M' | b'K' | b'k' | b'T' | b'S' => {
                self.fate_lines(text, at) || self.cgroup_lines(text, at)
            }
            b'o' => self.oom_lines(text, at),
            b'm' | b's' => self.cgroup_lines(text, at),
            b'[' => self.table_lines(text, at),
            b',' => self.torn_summary(text),
            b'L' if text.starts_with(b"Linux version ") => {
                // Another boot.
                self.close(at);
                self.release = text::words(text)
                    .nth(2)
                    .and_then(|word| text::kernel_word(word, 64));
                self.is_crash_kernel = false;
                self.recent.clear();
                self.to_be_reaped.clear();
                false
            }
            _ => match trigger::suppressed(text) {
                Some(count) => {
                    self.suppressed = Some(count);
                    true
                }
                None => false,
            },
        }
    }

    fn invoked(&mut self, invoked: Invoked, at: &mut At<'_>) {
        self.begin(at).trigger = Some(invoked);
        // The same process may be killed again only after another report.
        self.recent.clear();
    }

    fn fate_lines(&mut self, text: &[u8], at: &mut At<'_>) -> bool {
        if let Some(reason) = kill::panic(text) {
            let draft = self.open_unless(
                |draft| !draft.deaths.is_empty() || draft.panic.is_some(),
                at,
            );
            draft.nobody |= reason.contains("no killable processes");
            draft.panic = Some(reason);
            return true;
        }
        if let Some(path) = kill::group(text) {
            let draft =
                self.open_unless(|draft| draft.group.is_some() || draft.deaths.is_empty(), at);
            draft.group = Some(path);
            return true;
        }
        match kill::fate(text) {
            None => return false,
            Some(Fate::Killed(killed)) => self.killed(killed, at),
            Some(Fate::Chosen {
                prefix,
                pid,
                comm,
                score,
            }) => {
                let when = at.when;
                let draft =
                    self.open_unless(|draft| draft.is_concluded() || draft.decision.is_some(), at);
                draft.decided = Some(when);
                draft.decision = Some(Decision {
                    prefix,
                    pid,
                    comm,
                    score,
                });
                self.recent.clear();
            }
            Some(Fate::Sharer { pid, comm }) => self.sharer(pid, comm, at),
            Some(Fate::Exiting { prefix, pid, comm }) => {
                let draft = self.open_unless(Draft::is_concluded, at);
                draft.exiting = Some((prefix, pid, comm));
            }
            Some(Fate::NobodyToKill) => {
                let draft = self.open_unless(Draft::is_concluded, at);
                draft.nobody = true;
            }
        }
        true
    }

    fn killed(&mut self, killed: Killed, at: &mut At<'_>) {
        // memory.oom.group: the kernel prints the first victim again, among the others.
        // It may have given back memory meanwhile; two kills of one process without a new decision
        // are one.
        let again = |(then, known): &(When, Killed)| {
            known.pid == killed.pid
                && known.comm == killed.comm
                && then
                    .is_next_to(&at.when)
                    .unwrap_or_else(|| same_or_unknown(known.total_vm, killed.total_vm))
        };
        let in_group = |draft: &Draft| {
            let known = draft
                .deaths
                .iter()
                .any(|death| death.killed.pid == killed.pid);
            draft.group.is_some() && known
        };
        if self.recent.iter().any(again) || self.draft.as_ref().is_some_and(in_group) {
            return;
        }
        let why = match &self.draft {
            Some(draft) if draft.may_end_with(&killed, &at.when) && draft.group.is_none() => {
                Why::Chosen
            }
            Some(draft) if draft.group.is_some() && draft.deaths.len() < DEATHS_MAX => Why::Group,
            _ => {
                let group = self
                    .draft
                    .as_ref()
                    .filter(|draft| draft.deaths.len() >= DEATHS_MAX)
                    .and_then(|draft| draft.group.clone());
                let draft = self.begin(at);
                let why = if group.is_some() {
                    Why::Group
                } else {
                    Why::Chosen
                };
                draft.group = group;
                why
            }
        };
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((at.when, killed.clone()));
        if self.to_be_reaped.len() >= RECENT_MAX {
            self.to_be_reaped.pop_front();
        }
        self.to_be_reaped.push_back(killed.pid);
        let suppressed = self.suppressed.take();
        if let Some(draft) = &mut self.draft {
            draft.suppressed = add(draft.suppressed, suppressed);
            draft.deaths.push(Death {
                when: at.when,
                why,
                killed,
            });
        }
    }

    fn sharer(&mut self, pid: u32, comm: Vec<u8>, at: &mut At<'_>) {
        let draft = self.open_unless(
            |draft| draft.nobody || draft.panic.is_some() || draft.deaths.len() >= DEATHS_MAX,
            at,
        );
        draft.deaths.push(Death {
            when: at.when,
            why: Why::Sharer,
            killed: Killed::named(Prefix::None, pid, comm),
        });
    }

    fn oom_lines(&mut self, text: &[u8], at: &mut At<'_>) -> bool {
        if let Some(reaped) = kill::reaped(text) {
            return self.reaped(reaped, at);
        }
        if let Some(summary) = summary::summary(text) {
            let when = at.when;
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.summary.is_some() || draft.decision.is_some(),
                at,
            );
            draft.decided = Some(when);
            draft.summary = Some(summary);
            self.recent.clear();
            return true;
        }
        match trigger::suppressed(text) {
            Some(count) => {
                self.suppressed = Some(count);
                true
            }
            None => false,
        }
    }

    /// `,task=T,pid=N,uid=U`: the rest of a summary that another record has torn apart.
    fn torn_summary(&mut self, text: &[u8]) -> bool {
        let summary = self
            .draft
            .as_mut()
            .and_then(|draft| draft.summary.as_mut())
            .filter(|summary| summary.pid.is_none());
        let (Some(summary), Some((_, named))) = (summary, summary::tail(text)) else {
            return false;
        };
        summary.comm = Some(named.comm);
        summary.pid = Some(named.pid);
        summary.uid = named.uid;
        true
    }

    pub(super) fn reaped(&mut self, reaped: Reaped, at: &mut At<'_>) -> bool {
        let of_draft = self.draft.as_ref().is_some_and(|draft| {
            draft.is_concluded() || draft.decision.is_some() || draft.summary.is_some()
        });
        let known = self.to_be_reaped.contains(&reaped.pid);
        if !of_draft {
            let open = self.draft.as_ref().filter(|draft| draft.is_report());
            // The report of this kill is over, and another one has begun.
            if known || open.is_some_and(|draft| !draft.may_be_reaped(&reaped)) {
                return false;
            }
            // Only victims of the OOM killer are reaped: this is what the open report came to.
            if open.is_none() {
                self.begin(at);
            }
        }
        if let Some(draft) = &mut self.draft
            && draft.reaped.len() < REAPED_MAX
        {
            draft.reaped.push(reaped);
        }
        true
    }
}

/// Whether two figures can be the same process's: one that is not shown says nothing.
fn same_or_unknown(one: Option<u64>, other: Option<u64>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one == other)
}

/// Sum of two counts, where at least one is known.
fn add(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

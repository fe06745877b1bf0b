//! The lines of one host: which report each belongs to, and when a report is over.

use std::collections::VecDeque;

use super::{
    KlogHost, build,
    draft::{DEATHS_MAX, Death, Decision, Draft, Part, REAPED_MAX, When, Why},
    join::{self, Break, Kind},
    kill::{self, Fate, Killed, Prefix, Reaped},
    memcg, summary, table, text, trace,
    trigger::{self, Invoked},
    userspace,
};
use crate::{klog::line::Line, model::Event};

/// Lines of other things after which a report is over, once it has come to its end or before.
const IDLE_LINES_MAX: u32 = 512;
const IDLE_LINES_UNCONCLUDED_MAX: u32 = 4096;

/// Kills that are remembered, to know one that is printed again.
const RECENT_MAX: usize = 256;

/// A line that may go on.
#[derive(Debug)]
struct Pending {
    kind: Kind,
    text: Vec<u8>,
    when: When,
    caller: Option<String>,
    parts: u8,
}

/// The lines of one host and boot.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) host: Option<Vec<u8>>,
    pub(super) boot_id: Option<String>,
    pub(super) last_used: u64,
    release: Option<String>,
    draft: Option<Draft>,
    pending: Option<Pending>,
    suppressed: Option<u64>,
    recent: VecDeque<(When, Killed)>,
}

impl Stream {
    pub(super) const fn new(host: Option<Vec<u8>>, boot_id: Option<String>) -> Self {
        Self {
            host,
            boot_id,
            last_used: 0,
            release: None,
            draft: None,
            pending: None,
            suppressed: None,
            recent: VecDeque::new(),
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.draft.is_none() && self.pending.is_none()
    }

    /// Takes a line: puts it together with the one before, or holds it back until it is whole.
    pub(super) fn line(&mut self, line: &Line, text: &[u8], host: &KlogHost, out: &mut Vec<Event>) {
        let when = When {
            boot_us: line.since_boot_us,
            realtime_ns: line.realtime_ns,
            number: line.number,
        };
        if line.from_kernel != Some(true)
            && let Some(kill) = userspace::kill(text)
        {
            out.push(build::userspace_kill(&kill, &when, self, host));
            return;
        }
        // What the carrier says is not the kernel's is not believed.
        if line.from_kernel == Some(false) {
            return;
        }
        let text = match self.pending.take() {
            Some(pending) => match self.put_together(pending, line, &when, text, host, out) {
                None => return,
                Some(text) => text,
            },
            None => text,
        };
        if text.is_empty() {
            return;
        }
        let columns = self.columns();
        if let Some(kind) = join::wants(text, columns) {
            self.pending = Some(Pending {
                kind,
                text: text.to_vec(),
                when,
                caller: line.caller.clone(),
                parts: 1,
            });
            return;
        }
        self.take(text, &when, line.caller.as_deref(), host, out);
    }

    fn columns(&self) -> &[String] {
        self.draft.as_ref().map_or(&[], |draft| &draft.columns)
    }

    /// Tries the next line as the rest of the pending one; gives it back if it is not.
    fn put_together<'a>(
        &mut self,
        pending: Pending,
        line: &Line,
        when: &When,
        text: &'a [u8],
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> Option<&'a [u8]> {
        let own_prefix =
            line.host.is_some() || when.boot_us.is_some() || when.realtime_ns.is_some();
        let same_time =
            when.boot_us == pending.when.boot_us && when.realtime_ns == pending.when.realtime_ns;
        let how = match (own_prefix, same_time) {
            (false, _) => Some(Break::Wrapped),
            (true, true) => Some(Break::InRecord),
            (true, false) => None,
        };
        let begins = is_beginning(text);
        let joined = how
            .filter(|_| !begins && !text.is_empty() && pending.parts < join::PARTS_MAX)
            .and_then(|how| join::join(pending.kind, &pending.text, text, how, self.columns()));
        let Some(joined) = joined else {
            self.take(
                &pending.text,
                &pending.when,
                pending.caller.as_deref(),
                host,
                out,
            );
            return Some(text);
        };
        let kind = join::wants(&joined, self.columns());
        if let Some(kind) = kind {
            self.pending = Some(Pending {
                kind,
                text: joined,
                parts: pending.parts + 1,
                ..pending
            });
        } else {
            self.take(&joined, &pending.when, pending.caller.as_deref(), host, out);
        }
        None
    }

    /// Takes a whole line.
    fn take(
        &mut self,
        text: &[u8],
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) {
        if self
            .draft
            .as_ref()
            .is_some_and(|draft| draft.last.is_far_from(when))
        {
            self.close(host, out);
        }
        let foreign_caller = self.draft.as_ref().is_some_and(|draft| {
            matches!((draft.caller.as_deref(), caller), (Some(one), Some(two)) if one != two)
        });
        let taken = if foreign_caller {
            self.from_another_task(text, when, caller, host, out)
        } else {
            self.decisive(text, when, caller, host, out)
                || self.draft.as_mut().is_some_and(|draft| detail(text, draft))
        };
        let Some(draft) = &mut self.draft else {
            return;
        };
        if taken {
            draft.idle_lines = 0;
            draft.last = *when;
            return;
        }
        draft.idle_lines = draft.idle_lines.saturating_add(1);
        let limit = if draft.is_concluded() {
            IDLE_LINES_MAX
        } else {
            if !foreign_caller {
                draft.push_unparsed(text);
            }
            IDLE_LINES_UNCONCLUDED_MAX
        };
        if draft.idle_lines > limit {
            self.close(host, out);
        }
    }

    /// Another task writes in between: only what stands for itself is taken.
    fn from_another_task(
        &mut self,
        text: &[u8],
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> bool {
        if let Some(reaped) = kill::reaped(text) {
            return self.reaped(reaped, when, host, out);
        }
        if trigger::invoked(text).is_some() || kill::fate(text).is_some() {
            return self.decisive(text, when, caller, host, out);
        }
        false
    }

    /// Lines that begin, decide or end a report.
    fn decisive(
        &mut self,
        text: &[u8],
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> bool {
        if text::contains(text, b" invoked oom-killer: ")
            && let Some(invoked) = trigger::invoked(text)
        {
            self.invoked(invoked, when, caller, host, out);
            return true;
        }
        let Some(first) = text.first() else {
            return false;
        };
        match first {
            b'O' | b'M' | b'K' | b'k' | b'T' => {
                self.fate_lines(text, when, caller, host, out)
                    || self.cgroup_lines(text, when, caller, host, out)
            }
            b'o' => self.oom_lines(text, when, caller, host, out),
            b'm' | b's' => self.cgroup_lines(text, when, caller, host, out),
            b'[' => self.table_lines(text, when, caller, host, out),
            b',' => self.torn_summary(text),
            b'L' if text.starts_with(b"Linux version ") => {
                // Another boot.
                self.close(host, out);
                self.release = text::words(text)
                    .nth(2)
                    .and_then(|word| text::kernel_word(word, 64));
                self.recent.clear();
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

    fn invoked(
        &mut self,
        invoked: Invoked,
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) {
        self.begin(when, caller, host, out).trigger = Some(invoked);
        // The same process may be killed again only after another report.
        self.recent.clear();
    }

    fn fate_lines(
        &mut self,
        text: &[u8],
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> bool {
        if let Some(reason) = kill::panic(text) {
            let draft = self.open_unless(
                |draft| !draft.deaths.is_empty() || draft.panic.is_some(),
                when,
                caller,
                host,
                out,
            );
            draft.panic = Some(reason);
            return true;
        }
        if let Some(path) = kill::group(text) {
            let draft = self.open_unless(
                |draft| draft.group.is_some() || draft.deaths.is_empty(),
                when,
                caller,
                host,
                out,
            );
            draft.group = Some(path);
            return true;
        }
        match kill::fate(text) {
            None => return false,
            Some(Fate::Killed(killed)) => self.killed(killed, when, caller, host, out),
            Some(Fate::Chosen {
                prefix,
                pid,
                comm,
                score,
            }) => {
                let draft = self.open_unless(
                    |draft| draft.is_concluded() || draft.decision.is_some(),
                    when,
                    caller,
                    host,
                    out,
                );
                draft.decision = Some(Decision {
                    prefix,
                    pid,
                    comm,
                    score,
                });
                self.recent.clear();
            }
            Some(Fate::Sharer { pid, comm }) => self.sharer(pid, comm, when, caller, host, out),
            Some(Fate::Exiting { prefix, pid, comm }) => {
                let draft = self.open_unless(Draft::is_concluded, when, caller, host, out);
                draft.exiting = Some((prefix, pid, comm));
            }
            Some(Fate::NobodyToKill) => {
                let draft = self.open_unless(Draft::is_concluded, when, caller, host, out);
                draft.nobody = true;
            }
        }
        true
    }

    fn killed(
        &mut self,
        killed: Killed,
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) {
        // memory.oom.group: the kernel prints the first victim again, among the others.
        let again = |(then, known): &(When, Killed)| {
            *known == killed && then.is_next_to(when) != Some(false)
        };
        if self.recent.iter().any(again) {
            return;
        }
        let why = match &self.draft {
            Some(draft) if draft.may_end_with(&killed) && draft.group.is_none() => Why::Chosen,
            Some(draft) if draft.group.is_some() && draft.deaths.len() < DEATHS_MAX => Why::Group,
            _ => {
                let group = self
                    .draft
                    .as_ref()
                    .filter(|draft| draft.deaths.len() >= DEATHS_MAX)
                    .and_then(|draft| draft.group.clone());
                let draft = self.begin(when, caller, host, out);
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
        self.recent.push_back((*when, killed.clone()));
        if let Some(draft) = &mut self.draft {
            draft.deaths.push(Death {
                when: *when,
                why,
                killed,
            });
        }
    }

    fn sharer(
        &mut self,
        pid: u32,
        comm: Vec<u8>,
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) {
        let draft = self.open_unless(
            |draft| draft.nobody || draft.panic.is_some() || draft.deaths.len() >= DEATHS_MAX,
            when,
            caller,
            host,
            out,
        );
        draft.deaths.push(Death {
            when: *when,
            why: Why::Sharer,
            killed: Killed {
                prefix: Prefix::None,
                pid,
                comm,
                uid: None,
                total_vm: None,
                anon: None,
                file: None,
                shmem: None,
                pgtables_printed: None,
                oom_score_adj: None,
            },
        });
    }

    fn oom_lines(
        &mut self,
        text: &[u8],
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> bool {
        if let Some(reaped) = kill::reaped(text) {
            return self.reaped(reaped, when, host, out);
        }
        if let Some(summary) = summary::summary(text) {
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.summary.is_some() || draft.decision.is_some(),
                when,
                caller,
                host,
                out,
            );
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
        let (Some(summary), Some((_, comm, pid, uid))) = (summary, summary::tail(text)) else {
            return false;
        };
        summary.comm = Some(comm);
        summary.pid = Some(pid);
        summary.uid = uid;
        true
    }

    fn reaped(
        &mut self,
        reaped: Reaped,
        when: &When,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> bool {
        let of_draft = self.draft.as_ref().is_some_and(|draft| {
            draft.is_concluded() || draft.decision.is_some() || draft.summary.is_some()
        });
        let known = self
            .recent
            .iter()
            .any(|(_, killed)| killed.pid == reaped.pid);
        if !of_draft {
            if known || self.draft.as_ref().is_some_and(Draft::is_report) {
                // The report of this kill is over, and another one has begun.
                return false;
            }
            self.begin(when, None, host, out);
        }
        if let Some(draft) = &mut self.draft
            && draft.reaped.len() < REAPED_MAX
        {
            draft.reaped.push(reaped);
        }
        true
    }

    fn cgroup_lines(
        &mut self,
        text: &[u8],
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> bool {
        if let Some(task_in) = summary::task_in(text) {
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.task_in.is_some() || draft.decision.is_some(),
                when,
                caller,
                host,
                out,
            );
            draft.task_in = Some(task_in);
            draft.part = Part::Other;
            return true;
        }
        if let Some((which, counter)) = memcg::counter(text) {
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.counters.clone().slot(which).is_some(),
                when,
                caller,
                host,
                out,
            );
            *draft.counters.slot(which) = Some(counter);
            draft.part = Part::Other;
            return true;
        }
        if let Some(stats) = memcg::stats(text) {
            let draft = self.open_unless(Draft::is_concluded, when, caller, host, out);
            draft.part = if stats.inline {
                Part::Other
            } else {
                Part::Stats
            };
            if draft.stats.len() < super::draft::STATS_MAX {
                draft.stats.push(stats);
            }
            return true;
        }
        if text.starts_with(b"Tasks state (memory values in pages)") {
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.rows_total > 0,
                when,
                caller,
                host,
                out,
            );
            draft.table = true;
            draft.part = Part::Other;
            return true;
        }
        false
    }

    fn table_lines(
        &mut self,
        text: &[u8],
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> bool {
        if let Some(columns) = table::header(text) {
            let draft = self.open_unless(
                |draft| draft.is_concluded() || draft.rows_total > 0,
                when,
                caller,
                host,
                out,
            );
            draft.table = true;
            draft.columns = columns;
            draft.part = Part::Other;
            return true;
        }
        if !table::is_row(text) {
            return false;
        }
        let table::Parsed::Whole(row) = table::row(text, self.columns()) else {
            return false;
        };
        let draft = self.open_unless(
            |draft| draft.is_concluded() || draft.summary.is_some(),
            when,
            caller,
            host,
            out,
        );
        draft.push_row(row);
        draft.part = Part::Other;
        true
    }

    /// The open report, or a new one if there is none or `over` says that it is over.
    fn open_unless(
        &mut self,
        over: impl FnOnce(&Draft) -> bool,
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> &mut Draft {
        if self.draft.as_ref().is_some_and(over) {
            self.close(host, out);
        }
        let suppressed = &mut self.suppressed;
        self.draft
            .get_or_insert_with(|| Draft::new(*when, caller, suppressed.take()))
    }

    fn begin(
        &mut self,
        when: &When,
        caller: Option<&str>,
        host: &KlogHost,
        out: &mut Vec<Event>,
    ) -> &mut Draft {
        self.open_unless(|_| true, when, caller, host, out)
    }

    /// Puts out the open report.
    fn close(&mut self, host: &KlogHost, out: &mut Vec<Event>) {
        if let Some(draft) = self.draft.take()
            && draft.is_report()
        {
            build::events(draft, self.about(host), out);
        }
    }

    /// What the events take from around the report.
    pub(super) fn about<'a>(&'a self, host: &'a KlogHost) -> build::About<'a> {
        build::About {
            hostname: self.host.as_deref(),
            boot_id: self.boot_id.as_deref().or(host.boot_id.as_deref()),
            release: self.release.as_deref(),
            host,
        }
    }

    /// Puts out what is complete.
    pub(super) fn idle(&mut self, host: &KlogHost, out: &mut Vec<Event>) {
        self.flush_pending(host, out);
        if self.draft.as_ref().is_some_and(Draft::is_concluded) {
            self.close(host, out);
        }
    }

    /// Puts out everything.
    pub(super) fn finish(&mut self, host: &KlogHost, out: &mut Vec<Event>) {
        self.flush_pending(host, out);
        self.close(host, out);
    }

    fn flush_pending(&mut self, host: &KlogHost, out: &mut Vec<Event>) {
        if let Some(pending) = self.pending.take() {
            let caller = pending.caller.as_deref();
            self.take(&pending.text, &pending.when, caller, host, out);
        }
    }
}

/// Whether a line begins something of its own, so that it is nobody's rest.
fn is_beginning(text: &[u8]) -> bool {
    let starts: [&[u8]; 9] = [
        b"Out of memory",
        b"Memory cgroup ",
        b"oom-kill:",
        b"oom_reaper:",
        b"Tasks state",
        b"Tasks in /",
        b"Task in /",
        b"Call Trace:",
        b"Hardware name:",
    ];
    starts.iter().any(|start| text.starts_with(start))
        || trigger::invoked(text).is_some()
        || kill::fate(text).is_some()
        || table::is_row(text)
        || memcg::counter(text).is_some()
}

/// Lines that only mean something inside a report.
fn detail(text: &[u8], draft: &mut Draft) -> bool {
    // What follows the end (a page allocation failure, a panic's trace) is not the report's.
    if draft.is_concluded() {
        return false;
    }
    if let Some(processor) = trigger::processor(text) {
        let own = draft.trigger.as_ref().is_some_and(|trigger| {
            trigger.comm.starts_with(&processor.comm) || processor.comm.starts_with(&trigger.comm)
        });
        let own = own && draft.processor.is_none() && draft.part == Part::Other && !draft.foreign;
        if own {
            draft.processor = Some(processor);
        } else {
            draft.foreign = true;
        }
        return own;
    }
    if let Some(trigger) = &draft.trigger
        && draft.cpuset.is_none()
        && let Some(found) = trigger::cpuset(text, &trigger.comm)
    {
        draft.cpuset = Some(found);
        return true;
    }
    if text == b"Mem-Info:" {
        draft.part = Part::MemInfo;
        draft.foreign = false;
        draft.mem_info.get_or_insert_default();
        return true;
    }
    if draft.processor.is_some() && !draft.foreign {
        if draft.hardware.is_none()
            && let Some(hardware) = trigger::hardware(text)
        {
            draft.hardware = Some(hardware);
            return true;
        }
        if trace::begins(text) {
            draft.part = Part::Trace;
            return true;
        }
    }
    in_part(text, draft)
}

fn in_part(text: &[u8], draft: &mut Draft) -> bool {
    match draft.part {
        Part::Trace | Part::Other if draft.processor.is_some() && !draft.foreign => {
            match trace::line(text) {
                Some(trace::Line::Frame(name)) => {
                    if draft.trace.len() < trace::FRAMES_MAX {
                        draft.trace.push(name);
                    }
                    true
                }
                Some(trace::Line::Other) => true,
                None => false,
            }
        }
        Part::Stats => match memcg::value(text) {
            Some(value) => {
                draft.push_value(value);
                true
            }
            None => false,
        },
        Part::MemInfo => {
            if text == b"Unreclaimable slab info:" {
                draft.part = Part::Slabs;
                return true;
            }
            let info = draft.mem_info.get_or_insert_default();
            super::mem_info::take(text, info)
        }
        Part::Slabs => {
            let info = draft.mem_info.get_or_insert_default();
            super::mem_info::slab(text, info) || super::mem_info::take(text, info)
        }
        Part::Trace | Part::Other => false,
    }
}

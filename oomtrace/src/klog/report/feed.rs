//! The lines of one host, each joined with the rest of it and given to what reads it.

use super::detail::detail;
use super::draft::Draft;
use super::header;
use super::stream::{At, Pending, Stream};
use crate::klog::grammar::whole::{self, Break};
use crate::klog::grammar::{kill, start, systemd, trigger, userspace};
use crate::klog::line::Line;

/// Lines of other things after which a report is over, once it has come to its end or before.
const IDLE_LINES_MAX: u32 = 512;
const IDLE_LINES_UNCONCLUDED_MAX: u32 = 4096;

impl Stream {
    /// Takes a line: puts it together with the one before, or holds it back until it is whole.
    pub(super) fn line(&mut self, line: &Line, text: &[u8], at: &mut At<'_>) {
        if line.from_kernel != Some(true)
            && let Some(kill) = userspace::kill(text, line.program.as_deref())
        {
            let event = header::userspace_kill(&kill, &at.when, &self.about(at.host));
            at.out.push(event);
            return;
        }
        if line.from_kernel != Some(true)
            && let Some(unit) = systemd::killed_in_unit(text, line.program.as_deref())
        {
            return self.killed_in_unit(unit, at);
        }
        // What the carrier says is not the kernel's is not believed.
        if line.from_kernel == Some(false) {
            return;
        }
        if let Some(pending) = self.pending.take()
            && self.put_together(pending, line, text, at)
        {
            return;
        }
        if text.is_empty() {
            return;
        }
        if let Some((decision, kill)) = kill::decision_and_kill(text) {
            self.take(decision, at);
            return self.whole_line(kill, at);
        }
        self.whole_line(text, at);
    }

    /// Takes a line, or holds it back for the rest of it.
    fn whole_line(&mut self, text: &[u8], at: &mut At<'_>) {
        if let Some(kind) = whole::wants(text, self.columns()) {
            self.pending = Some(Pending {
                kind,
                text: text.to_vec(),
                when: at.when,
                caller: at.caller.map(str::to_owned),
                parts: 1,
            });
            return;
        }
        self.take(text, at);
    }

    /// Tries the next line as the rest of the pending one; says whether it is.
    fn put_together(
        &mut self,
        pending: Pending,
        line: &Line,
        text: &[u8],
        at: &mut At<'_>,
    ) -> bool {
        let when = &at.when;
        let bare = line.host.is_none() && when.boot_us.is_none() && when.realtime_ns.is_none();
        let timed = when.boot_us.is_some() || when.realtime_ns.is_some();
        let same_time =
            when.boot_us == pending.when.boot_us && when.realtime_ns == pending.when.realtime_ns;
        let how = if bare {
            Some(Break::Wrapped)
        } else {
            // The carrier gives the rest of a broken line the time of its beginning.
            (timed && same_time).then_some(Break::SameTime)
        };
        let joined = how
            .filter(|_| {
                !text.is_empty()
                    && !start::is_never_a_rest(text)
                    && pending.parts < whole::PARTS_MAX
            })
            .and_then(|how| whole::join(pending.kind, &pending.text, text, how, self.columns()));
        let Some(joined) = joined else {
            self.take_pending(&pending, &pending.text, at);
            return false;
        };
        match whole::wants(&joined, self.columns()) {
            Some(kind) => {
                self.pending = Some(Pending {
                    kind,
                    text: joined,
                    parts: pending.parts + 1,
                    ..pending
                });
            }
            None => self.take_pending(&pending, &joined, at),
        }
        true
    }

    fn take_pending(&mut self, pending: &Pending, text: &[u8], at: &mut At<'_>) {
        let mut at = At {
            when: pending.when,
            caller: pending.caller.as_deref(),
            relayed_by: at.relayed_by,
            host: at.host,
            out: at.out,
        };
        self.take(text, &mut at);
    }

    /// Takes a whole line.
    fn take(&mut self, text: &[u8], at: &mut At<'_>) {
        let far = |draft: &Draft| draft.last.is_far_from(&at.when);
        if self.draft.as_ref().is_some_and(far) {
            self.close(at);
        }
        let foreign_caller = self.draft.as_ref().is_some_and(|draft| {
            matches!((draft.caller.as_deref(), at.caller), (Some(one), Some(two)) if one != two)
        });
        let taken = if foreign_caller {
            self.foreign_line(text, at)
        } else {
            self.decisive(text, at) || self.draft.as_mut().is_some_and(|draft| detail(text, draft))
        };
        let Some(draft) = &mut self.draft else {
            return;
        };
        if taken {
            draft.idle_lines = 0;
            draft.last = at.when;
            if draft.relayed_by.is_none() {
                draft.relayed_by = at.relayed_by.map(str::to_owned);
            }
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
            self.close(at);
        }
    }

    /// Another task writes in between: only lines that are complete by themselves are taken.
    fn foreign_line(&mut self, text: &[u8], at: &mut At<'_>) -> bool {
        if let Some(reaped) = kill::reaped(text) {
            return self.reaped(reaped, at);
        }
        if trigger::invoked(text).is_some() || kill::fate(text).is_some() {
            return self.decisive(text, at);
        }
        false
    }

    /// Emits what is complete.
    pub(super) fn idle(&mut self, at: &mut At<'_>) {
        self.flush(at);
        if self.draft.as_ref().is_some_and(Draft::is_concluded) {
            self.close(at);
        }
    }

    /// Emits everything.
    pub(super) fn finish(&mut self, at: &mut At<'_>) {
        self.flush(at);
        // A count inside a report that never came to its end.
        if let Some(draft) = self.draft.as_mut().filter(|draft| !draft.is_concluded()) {
            draft.suppressed = draft.suppressed.or(self.suppressed.take());
        }
        self.close(at);
    }

    fn flush(&mut self, at: &mut At<'_>) {
        if let Some(pending) = self.pending.take() {
            self.take_pending(&pending, &pending.text, at);
        }
    }
}

//! Who was killed, and what it held.

use oomtrace_common::limits::CMDLINE_MAX;
use oomtrace_common::record::kill_flags;

use super::badness::Figures;
use super::context::{CaptureContext, micros};
use super::missing::{MissingFields, Reason, possible};
use super::parts::Parts;
use super::paths;
use super::text::text;
use crate::decode::{Kill, KillRss, SummedRss, VictimContext};
use crate::model::{
    Bytes, JSON_INTEGER_MAX, KillKind, MaskRule, Pages, ReportedMemory, Text, Victim, VictimMemory,
    hex,
};

/// The victim of `kill`. `details` are the records of the kill, or of the one whose address space
/// it shared; `path` is that of its memory cgroup; `context` its command line, with the reason where
/// it has not come.
pub(super) fn victim(
    ctx: &CaptureContext<'_>,
    kill: &Kill,
    details: Option<&Parts>,
    kind: Option<KillKind>,
    path: Result<Vec<u8>, Reason>,
    context: Result<&VictimContext, Reason>,
    missing_fields: &mut MissingFields<'_>,
) -> Victim {
    let raw = &kill.victim;
    let unread = if kill.has(kill_flags::TRACEPOINT_ONLY) {
        Reason::TracepointOnly
    } else {
        Reason::NotRead
    };
    let (comm, comm_hex) = text(raw.comm.as_deref());
    let (parent_comm, parent_comm_hex) = text(raw.parent.as_ref().map(|parent| &*parent.comm));
    let no_path = path.as_ref().err().copied().unwrap_or(Reason::NotRead);
    let (cgroup_path, cgroup_path_hex) = paths::text(path.ok().as_ref());
    let command = Command::of(context, missing_fields);
    let file = details.and_then(|parts| parts.exe.as_ref());
    let (exe, exe_hex) = text(file.and_then(|file| file.path.as_deref()));
    let no_exe = match details {
        None => Reason::NotReceived,
        Some(_) if file.is_some() => Reason::PathTooLong,
        Some(parts) if parts.kill.has(kill_flags::EXE) => Reason::NotReceived,
        Some(parts) if parts.kill.has(kill_flags::TRACEPOINT_ONLY) => Reason::TracepointOnly,
        Some(_) => Reason::NoExe,
    };
    let start = raw.start_boot_ns;
    let start_timestamp = start.and_then(|ns| ctx.clock.timestamp(ns));
    let no_start = if start.is_some() {
        Reason::NoClock
    } else {
        unread
    };

    Victim {
        pid: missing_fields.check("victim.pid", raw.tgid, unread),
        tid: missing_fields.check("victim.tid", raw.tid, unread),
        ns_pid: missing_fields.check("victim.ns_pid", raw.ns_pid, unread),
        comm: missing_fields.check("victim.comm", comm, unread),
        comm_hex,
        exe: missing_fields.check("victim.exe", exe, no_exe),
        exe_hex,
        exe_deleted: file.map(|file| file.deleted),
        cmdline: command.arguments,
        cmdline_hex: command.hex,
        cmdline_total_bytes: command.total_bytes,
        cmdline_masked_by: command.masked_by,
        uid: missing_fields.check("victim.uid", raw.uid, unread),
        parent_pid: missing_fields.check(
            "victim.parent_pid",
            raw.parent.as_ref().map(|parent| parent.tgid),
            unread,
        ),
        parent_comm: missing_fields.check("victim.parent_comm", parent_comm, unread),
        parent_comm_hex,
        start_timestamp: missing_fields.check("victim.start_timestamp", start_timestamp, no_start),
        start_since_boot_us: start.map(micros).filter(|us| *us <= JSON_INTEGER_MAX),
        threads: missing_fields.check("victim.threads", raw.threads, unread),
        cgroup_path: missing_fields.check("victim.cgroup_path", cgroup_path, no_path),
        cgroup_path_hex,
        cgroup_id: missing_fields.check(
            "victim.cgroup_id",
            raw.memcg_id.filter(|id| *id <= JSON_INTEGER_MAX),
            unread,
        ),
        oom_score_adj: missing_fields.check("victim.oom_score_adj", raw.oom_score_adj, unread),
        ..memory_of(ctx, kill, details, kind, unread, missing_fields)
    }
}

/// The fields that a process has only if the address space is its own to report.
fn memory_of(
    ctx: &CaptureContext<'_>,
    kill: &Kill,
    details: Option<&Parts>,
    kind: Option<KillKind>,
    unread: Reason,
    missing_fields: &mut MissingFields<'_>,
) -> Victim {
    if kind == Some(KillKind::SharedMm) {
        return Victim::default();
    }
    let badness = badness(ctx, kill, kind);
    let no_badness = if kill.victim.oom_score_adj.is_some_and(|adj| adj != 0) {
        Reason::NoOomControl
    } else {
        unread
    };
    let summed = details.and_then(|parts| exact(ctx, kill, parts));
    Victim {
        badness_pages: missing_fields.check("victim.badness_pages", badness, no_badness),
        memory: Some(memory(ctx, kill, summed, unread, missing_fields)),
        memory_reported: summed.and(kill.victim.rss).map(|rss| reported(rss, ctx)),
        ..Victim::default()
    }
}

/// The sums over the processors. Where they differ from the central counters by more than the known
/// error, the wrong thing was read.
fn exact(ctx: &CaptureContext<'_>, kill: &Kill, parts: &Parts) -> Option<SummedRss> {
    let summed = parts.summed_rss?;
    let central = kill.victim.rss?;
    let bound = ctx.host.rss_error_max_bytes.0;
    let near = |one: Pages, other: Pages| {
        let apart = Pages(one.0.abs_diff(other.0));
        apart.bytes(ctx.host.page_size_bytes).0 <= bound
    };
    let all = near(summed.rss.anon, central.anon)
        && near(summed.rss.file, central.file)
        && near(summed.rss.shmem, central.shmem);
    all.then_some(summed)
}

/// The central counters, which the kernel's tracepoint shows; and its log, where that is not exact.
fn reported(rss: KillRss, ctx: &CaptureContext<'_>) -> ReportedMemory {
    let bytes = |pages: Pages| Some(pages.bytes(ctx.host.page_size_bytes)).filter(possible);
    ReportedMemory {
        anon_bytes: bytes(rss.anon),
        file_bytes: bytes(rss.file),
        shmem_bytes: bytes(rss.shmem),
    }
}

fn memory(
    ctx: &CaptureContext<'_>,
    kill: &Kill,
    summed: Option<SummedRss>,
    unread: Reason,
    missing_fields: &mut MissingFields<'_>,
) -> VictimMemory {
    let page_size = ctx.host.page_size_bytes;
    let raw = &kill.victim;
    let swap = summed.map(|summed| summed.swap).or(raw.swap);
    let swap = swap.map(|pages| pages.bytes(page_size));
    let bound = match summed {
        Some(_) => Some(Bytes(0)),
        None => error_bound(ctx, kill),
    };
    let mut memory = VictimMemory {
        swap_bytes: missing_fields.bytes("victim.memory.swap_bytes", swap, unread),
        pgtables_bytes: missing_fields.bytes("victim.memory.pgtables_bytes", raw.pgtables, unread),
        virtual_bytes: missing_fields.bytes("victim.memory.virtual_bytes", raw.total_vm, unread),
        ..VictimMemory::default()
    };
    let rss = summed.map(|summed| summed.rss).or(raw.rss).map(|rss| {
        let pages = rss
            .anon
            .0
            .saturating_add(rss.file.0)
            .saturating_add(rss.shmem.0);
        (rss, Pages(pages))
    });
    let sum = rss.map(|(_, pages)| pages.bytes(page_size));
    memory.rss_bytes = missing_fields.bytes("victim.memory.rss_bytes", sum, unread);
    if let (Some((rss, pages)), Some(_)) = (rss, memory.rss_bytes) {
        memory.rss_pages = Some(pages);
        memory.anon_bytes = Some(rss.anon.bytes(page_size));
        memory.file_bytes = Some(rss.file.bytes(page_size));
        memory.shmem_bytes = Some(rss.shmem.bytes(page_size));
        memory.rss_error_max_bytes = missing_fields.check(
            "victim.memory.rss_error_max_bytes",
            bound,
            Reason::NoErrorBound,
        );
    }
    memory
}

/// How far off each RSS figure may be: not at all, unless it is the central part of a per-CPU
/// counter, or threads keep counts of their own.
fn error_bound(ctx: &CaptureContext<'_>, kill: &Kill) -> Option<Bytes> {
    let bound = ctx.host.rss_error_max_bytes;
    if kill.has(kill_flags::RSS_APPROXIMATE) {
        (bound.0 > 0).then_some(bound)
    } else {
        let per_thread = ctx.host.rss_error_per_thread_bytes.0;
        match (per_thread, kill.victim.threads) {
            (0, _) => Some(Bytes(0)),
            (_, threads) => threads.map(|threads| Bytes(per_thread.saturating_mul(threads.into()))),
        }
    }
}

/// `oom_badness()`: the kernel's own figure where it was seen and is this victim's, else computed
/// as the kernel does, but only where everything that goes into it is known.
fn badness(ctx: &CaptureContext<'_>, kill: &Kill, kind: Option<KillKind>) -> Option<i64> {
    let possible = |points: &i64| points.unsigned_abs() <= JSON_INTEGER_MAX;
    // With vm.oom_kill_allocating_task nothing is scored, and the points are 0.
    let own = kill
        .chosen_points
        .filter(|points| kind == Some(KillKind::Chosen) && *points != 0);
    if own.is_some() {
        return own.filter(possible);
    }
    Figures {
        rss: kill.victim.rss,
        swap: kill.victim.swap,
        pgtables: kill.victim.pgtables,
    }
    .badness(
        kill.victim.oom_score_adj?,
        kill.oom_control.map(|control| control.totalpages),
        ctx.host.page_size_bytes,
    )
}

/// A command line as the schema shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) arguments: Option<Vec<String>>,
    pub(super) hex: Option<String>,
    pub(super) total_bytes: Option<u64>,
    pub(super) masked_by: Option<Vec<MaskRule>>,
}

impl Command {
    fn of(context: Result<&VictimContext, Reason>, missing_fields: &mut MissingFields<'_>) -> Self {
        let reason = match context {
            Err(reason) => reason,
            Ok(context) => match &context.cmdline {
                Some(bytes) => {
                    missing_fields.check("victim.cmdline", Some(()), Reason::NotRead);
                    let masked_by = Some(context.masked_by.clone());
                    return Self {
                        masked_by: masked_by.filter(|rules| !rules.is_empty()),
                        ..Self::split(bytes, context.cmdline_total_bytes)
                    };
                }
                None if context.faulted => Reason::SwappedOut,
                None => Reason::NotRead,
            },
        };
        missing_fields.absent("victim.cmdline", reason);
        Self::default()
    }

    /// Splits at NULs; those at the end separate nothing.
    pub(super) fn split(bytes: &[u8], total_bytes: u32) -> Self {
        // Not the length of `bytes`: masking secrets may have changed that.
        let cut = usize::try_from(total_bytes).unwrap_or(usize::MAX) > CMDLINE_MAX;
        let mut whole = bytes;
        if cut
            && let Err(error) = str::from_utf8(bytes)
            && error.error_len().is_none()
        {
            // The cut went through a character; that is no reason to show the line as bytes.
            whole = bytes.get(..error.valid_up_to()).unwrap_or(bytes);
        }
        let end = whole
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let line = whole.get(..end).unwrap_or_default();
        let arguments = if line.is_empty() {
            Vec::new()
        } else {
            line.split(|byte| *byte == 0)
                .map(|argument| Text::from_bytes(argument).lossy)
                .collect()
        };
        Self {
            arguments: Some(arguments),
            hex: str::from_utf8(line).is_err().then(|| hex(line)),
            total_bytes: cut.then_some(u64::from(total_bytes)),
            masked_by: None,
        }
    }
}

//! The rest of a report: what has no place in the other parts of an event.

use super::draft::Draft;
use super::page_size::victim_row;
use super::values::{bytes, named};
use crate::klog::grammar::kill::Killed;
use crate::klog::grammar::table::Row;
use crate::model::{
    Bytes, CgroupStats, ChosenProcess, KernelReport, PageSize, ReapedProcess, Text,
};

/// What `draft` says beyond the other parts.
pub(super) fn report(
    draft: &Draft,
    page_size: Option<(PageSize, &str)>,
    is_crash_kernel: bool,
) -> KernelReport {
    let summary = draft.summary.as_ref();
    let processor = draft.processor.as_ref();
    let (cpuset, mems_allowed) = match &draft.cpuset {
        Some((name, nodes)) => (Some(name.clone()), Some(nodes.clone())),
        None => (
            summary.and_then(|summary| summary.cpuset.clone()),
            summary.and_then(|summary| summary.mems_allowed.clone()),
        ),
    };
    KernelReport {
        relayed_by: draft.relayed_by.clone(),
        constraint: summary.and_then(|summary| summary.constraint.clone()),
        global_oom: summary.and_then(|summary| summary.global),
        nodemask: summary
            .and_then(|summary| summary.nodemask.clone())
            .or_else(|| draft.trigger.as_ref()?.nodemask.clone()),
        cpuset,
        mems_allowed,
        crash_kernel: is_crash_kernel.then_some(true),
        cpu: processor.and_then(|processor| processor.cpu),
        tainted: processor.and_then(|processor| processor.tainted.clone()),
        hardware: draft.hardware.clone(),
        call_trace: draft.trace.clone(),
        chosen: chosen(draft),
        score: draft.decision.as_ref().and_then(|decision| decision.score),
        page_size_basis: page_size.map(|(_, basis)| basis.to_owned()),
        memory: draft.counters.memory,
        memsw: draft.counters.memsw,
        swap: draft.counters.swap,
        kmem: draft.counters.kmem,
        min_protection_bytes: bytes(draft.protection.map(|(min, _)| min)),
        low_protection_bytes: bytes(draft.protection.map(|(_, low)| low)),
        cgroup_stats: draft
            .stats
            .iter()
            .map(|stats| CgroupStats {
                cgroup_path: stats.path.as_deref().and_then(|path| named(path).0),
                values: stats.values.clone(),
            })
            .collect(),
        mem_info: draft.mem_info.clone(),
        task_columns: draft.columns.clone(),
        task_rows: (draft.rows_total > 0 || draft.table).then_some(draft.rows_total),
        tasks_rss_bytes: tasks_rss(draft, page_size.map(|(size, _)| size)),
        pgtables_mislabelled: draft
            .deaths
            .first()
            .filter(|death| death.killed.pgtables_printed.is_some())
            .map(|death| {
                let row = victim_row(&draft.rows, death.killed.pid);
                pgtables_are_bytes(&death.killed, row)
            }),
        reaped: draft
            .reaped
            .iter()
            .map(|reaped| {
                let (comm, comm_hex) = named(&reaped.comm);
                ReapedProcess {
                    pid: reaped.pid,
                    comm,
                    comm_hex,
                    anon_bytes: bytes(reaped.anon),
                    file_bytes: bytes(reaped.file),
                    shmem_bytes: bytes(reaped.shmem),
                    failed: reaped.failed,
                }
            })
            .collect(),
        suppressed_callbacks: draft.suppressed,
        panic: draft.panic.clone(),
        unparsed: draft
            .unparsed
            .iter()
            .map(|line| Text::from_bytes(line).lossy)
            .collect(),
        unparsed_total: (draft.unparsed_total > 0).then_some(draft.unparsed_total),
    }
}

/// The process that was announced, where another one was killed, or none could be.
fn chosen(draft: &Draft) -> Option<ChosenProcess> {
    let (pid, name) = match (&draft.decision, &draft.exiting) {
        (Some(decision), _) => (decision.pid, &decision.comm),
        (None, Some((_, pid, name))) => (*pid, name),
        (None, None) => return None,
    };
    let killed = draft.deaths.first();
    if draft.exiting.is_none() && killed.is_none_or(|death| death.killed.pid == pid) {
        return None;
    }
    let (comm, comm_hex) = named(name);
    Some(ChosenProcess {
        pid,
        comm,
        comm_hex,
    })
}

/// The sum over all rows; nothing if one of them does not tell.
fn tasks_rss(draft: &Draft, page_size: Option<PageSize>) -> Option<Bytes> {
    if draft.rows.is_empty() || u64::from(draft.rows_total) > draft.rows.len() as u64 {
        return None;
    }
    let pages = draft
        .rows
        .iter()
        .try_fold(0_u64, |sum, row| sum.checked_add(row.rss?))?;
    bytes(pages.checked_mul(page_size?.0))
}

/// Page tables as the kill line has them. Some kernels print bytes before `kB`; the row tells, and
/// without one the address space: page tables are not larger than what they map.
pub(super) fn pgtables(killed: &Killed, row: Option<&Row>) -> Option<Bytes> {
    let Some(printed) = killed.pgtables_printed else {
        return bytes(row.and_then(|row| row.pgtables_bytes));
    };
    if pgtables_are_bytes(killed, row) {
        return bytes(Some(printed));
    }
    bytes(printed.checked_mul(1024))
}

fn pgtables_are_bytes(killed: &Killed, row: Option<&Row>) -> bool {
    let Some(printed) = killed.pgtables_printed.filter(|printed| *printed > 0) else {
        return false;
    };
    match row.and_then(|row| row.pgtables_bytes) {
        Some(bytes) => printed.abs_diff(bytes) < printed.abs_diff(bytes / 1024),
        None => killed
            .total_vm
            .is_some_and(|total_vm| printed > total_vm / 1024),
    }
}

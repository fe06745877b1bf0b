//! Who died, and what its address space held.

use super::draft::{Death, Draft, Why};
use super::incident::Common;
use super::page_size::victim_row;
use super::values::{absent, bytes, named};
use super::{hit, rest};
use crate::klog::grammar::kill::{Killed, Prefix};
use crate::klog::grammar::table;
use crate::model::{JSON_INTEGER_MAX, Missing, Pages, Victim, VictimMemory};

/// Who died: the kill lines say it; without them the lines that announce a kill, or the reaper's.
pub(super) fn deaths(draft: &Draft) -> Vec<Death> {
    if !draft.deaths.is_empty() {
        return draft.deaths.clone();
    }
    if draft.exiting.is_some() || draft.nobody || draft.panic.is_some() {
        return Vec::new();
    }
    let of_summary = || {
        let summary = draft.summary.as_ref()?;
        Some((summary.pid?, summary.comm.clone()?, summary.uid))
    };
    let of_decision = || {
        let decision = draft.decision.as_ref()?;
        Some((decision.pid, decision.comm.clone(), None))
    };
    let of_reaper = || {
        let reaped = draft.reaped.first()?;
        Some((reaped.pid, reaped.comm.clone(), None))
    };
    let found = of_decision().or_else(of_summary).or_else(of_reaper);
    found
        .map(|(pid, comm, uid)| Death {
            when: draft.last,
            why: Why::Chosen,
            killed: Killed {
                prefix: Prefix::None,
                pid,
                comm,
                uid,
                total_vm: None,
                anon: None,
                file: None,
                shmem: None,
                pgtables_printed: None,
                oom_score_adj: None,
            },
        })
        .into_iter()
        .collect()
}

impl Common<'_> {
    pub(super) fn victim(&self, death: &Death, missing: &mut Vec<Missing>) -> Victim {
        let killed = &death.killed;
        let row = victim_row(&self.draft.rows, killed.pid);
        let summary = self
            .draft
            .summary
            .as_ref()
            .filter(|summary| summary.pid.is_some_and(|pid| is(row, killed.pid, pid)));
        let (comm, comm_hex) = named(&killed.comm);
        // The chosen one's cgroup; what is killed with it may be elsewhere.
        let path = hit::task_memcg(self.draft).filter(|_| death.why == Why::Chosen);
        let (cgroup_path, cgroup_path_hex) = match path {
            Some(path) => named(path),
            None => (None, None),
        };
        if cgroup_path.is_none() {
            absent(missing, "victim.cgroup_path");
        }
        let shares = (death.why == Why::Sharer)
            .then(|| self.first_victim())
            .flatten();
        Victim {
            pid: Some(row.map_or(killed.pid, |row| row.tgid)),
            tid: Some(killed.pid),
            comm,
            comm_hex,
            uid: killed
                .uid
                .or_else(|| summary.and_then(|summary| summary.uid))
                .or_else(|| row.and_then(|row| row.uid)),
            cgroup_path,
            cgroup_path_hex,
            oom_score_adj: killed
                .oom_score_adj
                .or_else(|| row.and_then(|row| row.oom_score_adj)),
            shares_memory_with_pid: shares,
            memory: (death.why != Why::Sharer)
                .then(|| self.memory(killed, missing))
                .flatten(),
            ..Victim::default()
        }
    }

    fn first_victim(&self) -> Option<u32> {
        let first = self
            .draft
            .deaths
            .iter()
            .find(|death| death.why != Why::Sharer)?;
        Some(first.killed.pid)
    }

    fn memory(&self, killed: &Killed, missing: &mut Vec<Missing>) -> Option<VictimMemory> {
        let row = victim_row(&self.draft.rows, killed.pid);
        let rss = killed.anon.zip(killed.file).and_then(|(anon, file)| {
            anon.checked_add(file)?
                .checked_add(killed.shmem.unwrap_or_default())
        });
        let in_bytes = |pages: Option<u64>| {
            bytes(
                pages
                    .zip(self.page_size)
                    .and_then(|(pages, size)| pages.checked_mul(size.0)),
            )
        };
        let from_row = |part: fn(&table::Row) -> Option<u64>| in_bytes(row.and_then(part));
        let found = VictimMemory {
            rss_pages: row
                .and_then(|row| row.rss)
                .filter(|n| *n <= JSON_INTEGER_MAX)
                .map(Pages),
            rss_bytes: bytes(rss).or_else(|| from_row(|row| row.rss)),
            anon_bytes: bytes(killed.anon).or_else(|| from_row(|row| row.rss_parts[0])),
            file_bytes: bytes(killed.file).or_else(|| from_row(|row| row.rss_parts[1])),
            shmem_bytes: bytes(killed.shmem).or_else(|| from_row(|row| row.rss_parts[2])),
            swap_bytes: from_row(|row| row.swap),
            pgtables_bytes: rest::pgtables(killed, row),
            virtual_bytes: bytes(killed.total_vm).or_else(|| from_row(|row| row.total_vm)),
            rss_error_max_bytes: None,
        };
        if found == VictimMemory::default() {
            absent(missing, "victim.memory");
            return None;
        }
        Some(found)
    }
}

/// Whether the number in the summary means the process of a kill line: the summary names its first
/// thread, the kill line one that still has memory.
fn is(row: Option<&table::Row>, printed: u32, in_summary: u32) -> bool {
    printed == in_summary || row.is_some_and(|row| row.tgid == in_summary)
}

//! Builds records as the kernel side does, for tests and for the seeds of the fuzz targets (which
//! take this file by its path, so it uses the contract crate alone).

use oomtrace_common::limits::TASK_COMM_LEN;
use oomtrace_common::record::{
    Candidate, Chain, Exe, KIND_CANDIDATE, KIND_CHAIN, KIND_EXE, KIND_KILL, KIND_NO_VICTIM,
    KIND_NODE_MEMORY, KIND_OUTCOME, KIND_REAPING, KIND_SHARED_KILL, KIND_SUMMED_RSS,
    KIND_VICTIM_CONTEXT, Kill, Level, NodeMemory, Outcome, RECORD_VERSION, Reaping, RecordHeader,
    SummedRss, VictimContext, Zone, candidate_valid, context_valid, kill_valid, level_flags,
    level_valid, node_stat, reaping_valid, zone_valid,
};
use zerocopy::{Immutable, IntoBytes};

/// Pages of 4 KiB in 256 MiB.
pub(crate) const LIMIT_PAGES: u64 = 65_536;
/// `PAGE_COUNTER_MAX` for pages of 4 KiB.
pub(crate) const UNLIMITED_PAGES: u64 = 2_251_799_813_685_247;

pub(crate) fn header(kind: u16, len_bytes: usize, boot_ns: u64, sequence: u32) -> RecordHeader {
    RecordHeader {
        kind,
        version: RECORD_VERSION,
        len_bytes: u32::try_from(len_bytes).expect("records are small"),
        boot_ns,
        cpu: 1,
        sequence,
    }
}

pub(crate) fn comm(name: &[u8]) -> [u8; TASK_COMM_LEN] {
    let mut comm = [0; TASK_COMM_LEN];
    comm[..name.len()].copy_from_slice(name);
    comm
}

/// The founding case: a JVM that triggered its own kill. Everything but the `oom_control` is
/// known; its cgroup has the id 100.
pub(crate) fn kill(sequence: u32, boot_ns: u64, tgid: u32) -> Kill {
    Kill {
        header: header(KIND_KILL, size_of::<Kill>(), boot_ns, sequence),
        valid: kill_valid::TRIGGER
            | kill_valid::TRIGGER_MEMCG
            | kill_valid::VICTIM
            | kill_valid::NS_PID
            | kill_valid::VICTIM_UID
            | kill_valid::PARENT
            | kill_valid::START
            | kill_valid::THREADS
            | kill_valid::ADJ
            | kill_valid::RSS
            | kill_valid::SWAP
            | kill_valid::PGTABLES
            | kill_valid::TOTAL_VM
            | kill_valid::VICTIM_MEMCG
            | kill_valid::MM_USERS,
        trigger_memcg_id: 100,
        victim_memcg_id: 100,
        victim_start_boot_ns: 1_000_000_000,
        anon_pages: 65_152,
        file_pages: 4_954,
        pgtables_bytes: 749_568,
        total_vm_pages: 693_644,
        trigger_tgid: tgid,
        trigger_tid: tgid + 19,
        victim_tgid: tgid,
        victim_tid: tgid,
        victim_ns_pid: 1,
        parent_tgid: 10_810,
        threads: 23,
        live_threads: 23,
        mm_users: 23,
        trigger_comm: comm(b"java"),
        victim_comm: comm(b"java"),
        parent_comm: comm(b"containerd-shim"),
        ..Kill::default()
    }
}

/// The same kill where a hook shows the invocation `oom_sequence`: the limit of the cgroup 100 was
/// hit, and `scored` tasks were looked at.
pub(crate) fn seen_kill(kill: Kill, oom_sequence: u32, scored: u32) -> Kill {
    Kill {
        valid: kill.valid | kill_valid::OOM_CONTROL | kill_valid::POINTS,
        oc_memcg_id: 100,
        gfp_mask: 0xcc0,
        constraint: 3,
        totalpages: LIMIT_PAGES,
        chosen_points: 70_289,
        oom_sequence,
        scored,
        ..kill
    }
}

/// The invocation `oom_sequence` found nothing to kill.
pub(crate) fn no_victim(sequence: u32, boot_ns: u64, oom_sequence: u32, scored: u32) -> Kill {
    let kill = kill(sequence, boot_ns, 42);
    let seen = Kill {
        header: header(KIND_NO_VICTIM, size_of::<Kill>(), boot_ns, sequence),
        valid: kill_valid::TRIGGER | kill_valid::TRIGGER_MEMCG,
        trigger_memcg_id: kill.trigger_memcg_id,
        trigger_tgid: kill.trigger_tgid,
        trigger_tid: kill.trigger_tid,
        trigger_comm: kill.trigger_comm,
        ..Kill::default()
    };
    Kill {
        chosen_points: i64::MIN,
        ..seen_kill(seen, oom_sequence, scored)
    }
}

/// A task that the invocation `oom_sequence` looked at: so many anonymous pages, nothing else.
pub(crate) fn candidate(oom_sequence: u32, tgid: u32, adj: i16, anon_pages: u64) -> Candidate {
    Candidate {
        header: header(KIND_CANDIDATE, size_of::<Candidate>(), 1_000, oom_sequence),
        valid: candidate_valid::COMM
            | candidate_valid::UID
            | candidate_valid::ADJ
            | candidate_valid::RSS
            | candidate_valid::SWAP
            | candidate_valid::PGTABLES,
        tgid,
        anon_pages,
        uid: 1_000,
        oom_score_adj: adj,
        comm: comm(b"task"),
        ..Candidate::default()
    }
}

/// A process that shared the address space of the victim of `sequence`; as the exit hook sends it.
pub(crate) fn shared_kill(sequence: u32, marked_boot_ns: u64, tgid: u32) -> Kill {
    Kill {
        header: header(
            KIND_SHARED_KILL,
            size_of::<Kill>(),
            marked_boot_ns,
            sequence,
        ),
        valid: kill_valid::START | kill_valid::VICTIM | kill_valid::VICTIM_MEMCG,
        victim_memcg_id: 100,
        victim_start_boot_ns: 1_000_000_000,
        victim_tgid: tgid,
        victim_tid: tgid,
        victim_comm: comm(b"vforked"),
        ..Kill::default()
    }
}

pub(crate) fn bytes<T: IntoBytes + Immutable>(record: &T) -> Vec<u8> {
    record.as_bytes().to_vec()
}

/// A level at its limit, everything known.
pub(crate) fn level(cgroup_id: u64) -> Level {
    Level {
        valid: level_valid::ID
            | level_valid::USAGE
            | level_valid::WATERMARK
            | level_valid::FAILCNT
            | level_valid::HIGH
            | level_valid::PROTECTION
            | level_valid::SWAP
            | level_valid::EVENTS
            | level_valid::NAME
            | level_valid::OOM_GROUP
            | level_valid::OOM_LOCK,
        cgroup_id,
        usage_pages: LIMIT_PAGES,
        max_pages: LIMIT_PAGES,
        watermark_pages: LIMIT_PAGES,
        high_pages: UNLIMITED_PAGES,
        swap_max_pages: UNLIMITED_PAGES,
        failcnt: 7,
        events_max: 9,
        events_oom: 2,
        events_oom_kill: 1,
        ..Level::default()
    }
}

/// A level far from any limit.
pub(crate) fn free_level(cgroup_id: u64) -> Level {
    Level {
        max_pages: UNLIMITED_PAGES,
        usage_pages: 70_000,
        ..level(cgroup_id)
    }
}

/// The root.
pub(crate) fn root() -> Level {
    Level {
        valid: level_valid::ID | level_valid::USAGE | level_valid::NAME,
        flags: level_flags::ROOT,
        cgroup_id: 1,
        usage_pages: 0,
        max_pages: UNLIMITED_PAGES,
        ..Level::default()
    }
}

/// A chain record of these levels and names, the task's own first.
pub(crate) fn chain(
    sequence: u32,
    boot_ns: u64,
    role: u16,
    flags: u32,
    levels: &[(Level, &[u8])],
) -> Vec<u8> {
    let mut body = Vec::new();
    for (level, name) in levels {
        let level = Level {
            name_len_bytes: u32::try_from(name.len()).expect("names are short"),
            ..*level
        };
        body.extend_from_slice(level.as_bytes());
        body.extend_from_slice(name);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let chain = Chain {
        header: header(
            KIND_CHAIN,
            size_of::<Chain>() + body.len(),
            boot_ns,
            sequence,
        ),
        role,
        levels: u16::try_from(levels.len()).expect("few levels"),
        flags,
    };
    let mut record = bytes(&chain);
    record.append(&mut body);
    record
}

/// A context record with this command line.
pub(crate) fn context(
    sequence: u32,
    boot_ns: u64,
    tgid: u32,
    cmdline: &[u8],
    total: u32,
) -> Vec<u8> {
    let context = VictimContext {
        header: header(
            KIND_VICTIM_CONTEXT,
            size_of::<VictimContext>() + cmdline.len(),
            boot_ns,
            sequence,
        ),
        tgid,
        valid: context_valid::CMDLINE,
        cmdline_len_bytes: u32::try_from(cmdline.len()).expect("short command lines"),
        cmdline_total_bytes: total,
    };
    let mut record = bytes(&context);
    record.extend_from_slice(cmdline);
    record
}

/// An outcome of the victim of [`kill`]: killed by SIGKILL.
pub(crate) fn outcome(sequence: u32, boot_ns: u64, tgid: u32, marked_boot_ns: u64) -> Outcome {
    Outcome {
        header: header(KIND_OUTCOME, size_of::<Outcome>(), boot_ns, sequence),
        marked_boot_ns,
        start_boot_ns: 1_000_000_000,
        tgid,
        exit_code: 9,
    }
}

/// The node's memory: every counter is 1000 pages plus its index, all of it known.
pub(crate) fn node_memory(sequence: u32, boot_ns: u64, orders: u32, zones: &[Zone]) -> Vec<u8> {
    let mut stats = [0; node_stat::COUNT];
    for (index, stat) in (1_000..).zip(&mut stats) {
        *stat = index;
    }
    let node = NodeMemory {
        header: header(
            KIND_NODE_MEMORY,
            size_of::<NodeMemory>() + size_of_val(zones),
            boot_ns,
            sequence,
        ),
        valid: (1 << node_stat::COUNT) - 1,
        flags: 0,
        zones: u32::try_from(zones.len()).expect("few zones"),
        orders,
        stats,
    };
    let mut record = bytes(&node);
    record.extend_from_slice(zones.as_bytes());
    record
}

/// A zone of node 0 with so many free pages; 100 must be left free.
pub(crate) fn zone(name: &[u8], free_pages: u64) -> Zone {
    let mut blocks = [0; oomtrace_common::limits::ORDERS_MAX];
    blocks[0] = 3;
    blocks[2] = 1;
    Zone {
        valid: zone_valid::NODE
            | zone_valid::NAME
            | zone_valid::MANAGED
            | zone_valid::FREE
            | zone_valid::WATERMARKS
            | zone_valid::FREE_BLOCKS
            | zone_valid::FREE_CMA
            | zone_valid::FILE_LIST,
        node: 0,
        name: comm(name),
        managed_pages: 60_000,
        free_pages,
        min_pages: 100,
        low_pages: 125,
        high_pages: 150,
        page_tables_pages: 0,
        free_cma_pages: free_pages / 2,
        anon_list_pages: 7,
        file_list_pages: 50,
        write_pending_pages: 9,
        free_blocks: blocks,
    }
}

/// An executable by the names on its path, its own first.
pub(crate) fn exe(sequence: u32, boot_ns: u64, flags: u32, names: &[&[u8]]) -> Vec<u8> {
    let mut body = names.join(&0);
    body.push(0);
    let exe = Exe {
        header: header(
            KIND_EXE,
            size_of::<Exe>() + body.len().next_multiple_of(8),
            boot_ns,
            sequence,
        ),
        flags,
        names_len_bytes: u32::try_from(body.len()).expect("short paths"),
    };
    let mut record = bytes(&exe);
    record.extend_from_slice(&body);
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

/// The RSS of the victim of [`kill`], summed over the processors: some pages more than the kill says.
pub(crate) fn summed_rss(sequence: u32, boot_ns: u64, more: i64) -> SummedRss {
    SummedRss {
        header: header(KIND_SUMMED_RSS, size_of::<SummedRss>(), boot_ns, sequence),
        anon_pages: 65_152 + more,
        file_pages: 4_954,
        shmem_pages: -1,
        swap_entries_pages: 2,
    }
}

/// A step of the reaper with the victim of [`kill`]: so many anonymous pages were left.
pub(crate) fn reaping(
    sequence: u32,
    boot_ns: u64,
    tgid: u32,
    marked_boot_ns: u64,
    step: u32,
    anon_pages: u64,
) -> Reaping {
    Reaping {
        header: header(KIND_REAPING, size_of::<Reaping>(), boot_ns, sequence),
        marked_boot_ns,
        start_boot_ns: 1_000_000_000,
        tgid,
        step,
        valid: reaping_valid::RSS,
        anon_pages,
        file_pages: 10,
        ..Reaping::default()
    }
}

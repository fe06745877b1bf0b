//! The parser, on reports that are well formed and on names that imitate them.

use super::*;

fn entries(lines: &[&[u8]]) -> Vec<Entry> {
    lines
        .iter()
        .zip(1..)
        .map(|(line, sequence)| Entry {
            sequence,
            at_us: sequence * 10,
            continues: line.starts_with(b"+"),
            text: line.strip_prefix(b"+").unwrap_or(line).to_vec(),
        })
        .collect()
}

const HEAD: &[u8] = b"[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name";

#[test]
fn a_whole_report() {
    let reports = parse(&entries(&[
        b"python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        b"CPU: 1 UID: 0 PID: 8840 Comm: python3 Not tainted 6.18.44 #1 PREEMPT(none) ",
        b"memory: usage 16384kB, limit 16384kB, failcnt 7",
        b"memory+swap: usage 16384kB, limit 16384kB, failcnt 0",
        b"kmem: usage 140kB, limit 9007199254740988kB, failcnt 0",
        b"Memory cgroup stats for /a:",
        b"cache 155648",
        b"total_rss 16474112",
        b"Tasks state (memory values in pages):",
        HEAD,
        b"[   8839]     0  8839    14382     5589     3994     1595         0   102400        0             0 python3",
        b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)",
        b"+,cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=python3,pid=8839,uid=0",
        b"Memory cgroup out of memory: Killed process 8839 (python3) total-vm:57528kB, anon-rss:15976kB, file-rss:6380kB, shmem-rss:0kB, UID:0 pgtables:100kB oom_score_adj:-5",
    ]));
    let [report] = reports.as_slice() else {
        panic!("{reports:?}");
    };
    assert_eq!(
        (
            report.killed.tid,
            report.killed.oom_score_adj,
            report.killed.pgtables_kib
        ),
        (8839, -5, 100)
    );
    let row = report.row().unwrap();
    assert_eq!(
        (row.rss, row.rss_file, row.pgtables_bytes),
        (5589, Some(1595), 102_400)
    );
    let dump = report.dump.as_ref().unwrap();
    assert_eq!(
        (dump.trigger_tid, dump.invoked.gfp_mask),
        (Some(8840), 0xcc0)
    );
    assert_eq!(dump.memory.unwrap().limit_bytes(4096), Some(16 << 20));
    assert_eq!(dump.kernel_memory.unwrap().limit_bytes(4096), None);
    assert_eq!(dump.stats.get("total_rss"), Some(&16_474_112));
    let summary = dump.summary.as_ref().unwrap();
    assert_eq!(summary.oom_memcg.as_deref(), Some(b"/a".as_slice()));
    assert_eq!(summary.task_memcg, b"/a/b");
}

#[test]
fn names_that_look_like_the_report() {
    let reports = parse(&entries(&[
        b"x,task=y,pid=1 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        b"Memory cgroup stats for /a,task_memcg=/b,task=z:",
        HEAD,
        b"[      5]     0     5    14382     5589     3994     1595         0   102400        0             0 x,task=y,pid=1",
        b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/b,task=z,task_memcg=/a,task_memcg=/b,task=z,task=x,task=y,pid=1,pid=5,uid=7",
        b"Memory cgroup out of memory: Killed process 5 () total-vm:1\n) total-vm:4kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:7 pgtables:4kB oom_score_adj:0",
    ]));
    let [report] = reports.as_slice() else {
        panic!("{reports:?}");
    };
    assert_eq!(report.killed.comm, b") total-vm:1\n");
    let summary = report.dump.as_ref().unwrap().summary.as_ref().unwrap();
    assert_eq!(
        summary.oom_memcg.as_deref(),
        Some(b"/a,task_memcg=/b,task=z".as_slice())
    );
    assert_eq!(summary.task_memcg, b"/a,task_memcg=/b,task=z");
    assert_eq!(
        (summary.task.as_slice(), summary.pid, summary.uid),
        (b"x,task=y,pid=1".as_slice(), 5, 7)
    );
}

#[test]
fn a_suppressed_report_has_no_dump() {
    let killed: &[u8] = b"Memory cgroup out of memory: Killed process 5 (a) total-vm:4kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:7 pgtables:4kB oom_score_adj:0";
    let invoked: &[u8] =
        b"a invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
    let reports = parse(&entries(&[invoked, killed, killed]));
    let dumps: Vec<bool> = reports.iter().map(|report| report.dump.is_some()).collect();
    assert_eq!(dumps, [true, false]);
}

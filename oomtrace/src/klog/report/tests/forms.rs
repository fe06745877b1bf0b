//! Forms of lines, broken lines, lines of others.

use super::*;

#[test]
fn every_kill_line() {
    for (line, comm, uid, shmem) in [
        (
            "Out of Memory: Killed process 475 (identd).",
            "identd",
            None,
            None,
        ),
        (
            "Killed process 475, UID 498, (my sqld) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
            "my sqld",
            Some(498),
            None,
        ),
        (
            "Killed process 475 (a), UID 7, total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:4kB",
            "a",
            Some(7),
            Some(4096),
        ),
        (
            "Memory cgroup out of memory: Killed process 475 ((sd-pam)) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:8kB, UID:3 pgtables:4kB oom_score_adj:-5",
            "(sd-pam)",
            Some(3),
            Some(8192),
        ),
        (
            "Out of memory (oom_kill_allocating_task): Killed process 475 () total-vm:1k) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:8kB",
            ") total-vm:1k",
            None,
            Some(8192),
        ),
    ] {
        let kill = one_kill(line);
        assert_eq!(kill.victim.pid, Some(475), "{line}");
        assert_eq!(kill.victim.comm.as_deref(), Some(comm), "{line}");
        assert_eq!(kill.victim.uid, uid, "{line}");
        let found = kill.victim.memory.and_then(|memory| memory.shmem_bytes);
        assert_eq!(found, shmem.map(Bytes), "{line}");
    }
}

#[test]
fn the_one_who_dies_may_not_be_the_one_chosen() {
    let kill = one_kill(
        "Out of memory: Kill process 30924 (java) score 5 or sacrifice child\n\
         Killed process 27564 (java) total-vm:8kB, anon-rss:4kB, file-rss:0kB\n\
         Kill process 9 (other) sharing same memory\n"
            .split_inclusive('\n')
            .take(2)
            .collect::<String>()
            .as_str(),
    );
    assert_eq!(kill.victim.pid, Some(27_564));
    assert_eq!(kill.report.unwrap().chosen.unwrap().pid, 30_924);
}

#[test]
fn broken_lines_are_put_together() {
    let kill = one_kill(
        "tmux: server invoked\n\
         oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0,\n\
         oom_score_adj=5\n\
         [  pid  ]   uid  tgid total_vm      rss pgtables_bytes\n\
         swapents oom_score_adj name\n\
         [    183]     0   183     7370     1082    36864\n\
         0             0 systemd-journal\n\
         Out of memory: Killed\n\
         process 183 (systemd-journal)\n\
         total-vm:29480kB, anon-rss:4328kB, file-rss:0kB,\n\
         shmem-rss:0kB, UID:0\n\
         pgtables:36kB oom_score_adj:0\n",
    );
    assert_eq!(kill.trigger.unwrap().comm.as_deref(), Some("tmux: server"));
    assert_eq!(kill.victim.oom_score_adj, Some(0));
    assert_eq!(kill.candidates.len(), 1);
    assert_eq!(kill.header.kernel.page_size_bytes, Some(PageSize(4096)));
}

#[test]
fn a_head_does_not_take_a_later_tail() {
    let found = events(
        "<4>[  100.000000] a invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0\n\
         <3>[ 9000.000000] Out of memory: Killed process 5 (b) total-vm:4kB, anon-rss:4kB, file-rss:0kB\n",
    );
    assert!(
        matches!(found.as_slice(), [Event::OomNoVictim(_), Event::OomKill(kill)] if kill.trigger.is_none())
    );
}

#[test]
fn what_user_space_wrote_is_not_believed() {
    let mut fake =
        lines("Out of memory: Killed process 1 (init) total-vm:4kB, anon-rss:4kB, file-rss:0kB\n");
    fake[0].from_kernel = Some(false);
    assert!(read(&fake).is_empty());
    // Quoted inside of something else it is not at the beginning.
    assert!(
        events("systemd[1]: said \"Killed process 1 (init) total-vm:4kB, anon-rss:4kB\"\n")
            .is_empty()
    );
    let found = events(
        "earlyoom[9]: sending SIGTERM to process 7 uid 0 \"java\": badness 900, VmRSS 12 MiB\n",
    );
    assert!(matches!(found.as_slice(), [Event::UserspaceOomKill(kill)] if kill.pid == Some(7)));
}

#[test]
fn a_followed_log_emits_a_kill_once_it_is_idle() {
    let mut reports = Reports::new(KlogHost::default());
    let mut out = Vec::new();
    for line in lines(SIMPLE) {
        reports.line(&line, &mut out);
    }
    assert!(out.is_empty(), "more may come");
    reports.idle(&mut out);
    assert_eq!(out.len(), 1);
}

#[test]
fn another_tasks_dump_is_not_the_triggers() {
    let kill = one_kill(
        "a invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0\n\
         CPU: 3 PID: 7 Comm: other Not tainted 6.1.0 #1\n\
         Call Trace:\n\
          dump_stack+0x1/0x2\n\
         Out of memory: Killed process 5 (b) total-vm:4kB, anon-rss:4kB, file-rss:0kB\n",
    );
    assert_eq!(kill.trigger.unwrap().tid, None);
    assert!(kill.report.unwrap().call_trace.is_empty());
}

/// Both counters of cgroup v1 are at their limits.
#[test]
fn of_two_full_counters_that_with_swap_was_hit() {
    let counter = |memsw_limit: u64, memsw_usage: u64| {
        let kills = kills(&format!(
            "<6>[  9.1] Task in /w/1 killed as a result of limit of /w/1\n\
             <6>[  9.2] memory: usage 307200kB, limit 307200kB, failcnt 4100\n\
             <6>[  9.3] memory+swap: usage {memsw_usage}kB, limit {memsw_limit}kB, failcnt 17\n\
             <3>[  9.4] Killed process 88 (sorter) total-vm:900000kB, anon-rss:290000kB, file-rss:40kB\n"
        ));
        let limit = kills[0].limit.clone().unwrap();
        (limit.counter, limit.limit_bytes.map(|bytes| bytes.0 >> 10))
    };
    assert_eq!(
        counter(614_400, 614_400),
        (Some(LimitedCounter::Memsw), Some(307_200))
    );
    assert_eq!(
        counter(614_400, 500_000),
        (Some(LimitedCounter::Memory), Some(307_200))
    );
    assert_eq!(
        counter(307_200, 307_200),
        (Some(LimitedCounter::Memory), Some(307_200))
    );
}

/// Without a kill line the cgroup's statistics and its tasks have to agree.
#[test]
fn a_cut_reports_page_size_is_that_of_its_tasks() {
    let page_size = |anon_kib: u64| {
        let text = format!(
            "Task in /w/2 killed as a result of limit of /w/2\n\
             memory: usage 800000kB, limit 800000kB, failcnt 31\n\
             Memory cgroup stats for /w/2: cache:16KB rss:{anon_kib}KB rss_huge:0KB\n\
             [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name\n\
             [  501]     0   501    90000     5000      80        0             0 proxy\n\
             [  502]     0   502   300000   196000     500        0             0 cruncher\n"
        );
        let Some(Event::OomNoVictim(event)) = events(&text).pop() else {
            panic!("no event");
        };
        event.header.kernel.page_size_bytes
    };
    assert_eq!(page_size(799_000), Some(PageSize(4096)));
    assert_eq!(page_size(3_100_000), Some(PageSize(16_384)));
    assert_eq!(page_size(400_000), None);
}

#[test]
fn a_crash_kernel_is_known_by_its_command_line() {
    let known = |options: &str| {
        let kills = kills(&format!(
            "<5>[  0.0] Linux version 6.9.1 (x@y)\n\
             <6>[  0.1] Command line: root=/dev/sda1 {options} ro\n\
             <3>[  9.1] Out of memory: Killed process 80 (saver) total-vm:90000kB, anon-rss:80000kB, file-rss:0kB\n"
        ));
        kills[0].report.as_ref().unwrap().crash_kernel
    };
    assert_eq!(known("elfcorehdr=0x2f000000"), Some(true));
    assert_eq!(known("crashkernel=256M"), None);
}

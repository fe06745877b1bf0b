//! Reports that are cut, torn or mixed, and what still is certain of them.

use super::*;

const TABLE: &str = "\
    Apr  2 03:04:05 n7 kernel: broker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=300\n\
    Apr  2 03:04:05 n7 kernel: memory: usage 307200kB, limit 307200kB, failcnt 12\n\
    Apr  2 03:04:05 n7 kernel: Tasks state (memory values in pages):\n\
    Apr  2 03:04:05 n7 kernel: [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n\
    Apr  2 03:04:05 n7 kernel: [   4120]     0  4120   207156    73600   909312        0           300 broker\n";

fn through_transport(text: &str) -> Vec<Event> {
    let mut transport = crate::klog::transport::Transport::new(Default::default());
    let mut reports = Reports::new(KlogHost::default());
    let mut out = Vec::new();
    transport.push(text.as_bytes(), |line| reports.line(&line, &mut out));
    transport.finish(|line| reports.line(&line, &mut out));
    reports.finish(&mut out);
    out
}

fn victims(events: &[Event]) -> Vec<(Option<u32>, Option<&str>)> {
    events
        .iter()
        .map(|event| match event {
            Event::OomKill(kill) => (kill.victim.pid, kill.victim.comm.as_deref()),
            _ => (None, None),
        })
        .collect()
}

#[test]
fn the_reapers_line_ends_an_open_report() {
    let reaped = "Apr  2 03:04:05 n7 kernel: oom_reaper: reaped process 4120 (broker), now \
        anon-rss:0kB, file-rss:0kB, shmem-rss:0kB\n";
    let found = through_transport(&format!("{TABLE}{reaped}"));
    assert_eq!(victims(&found), [(Some(4120), Some("broker"))]);
    let Event::OomKill(kill) = &found[0] else {
        unreachable!()
    };
    assert_eq!(kill.candidates_total, Some(1));
    assert!(kill.limit.is_some());
    // One of a process that is not in the table is of another report.
    let other = reaped.replace("4120", "4121");
    let found = through_transport(&format!("{TABLE}{other}"));
    assert_eq!(victims(&found), [(None, None)]);
}

#[test]
fn a_late_reaper_does_not_end_the_next_report() {
    let kill = "Apr  2 03:04:04 n7 kernel: Memory cgroup out of memory: Killed process 4120 (broker) \
        total-vm:828624kB, anon-rss:293000kB, file-rss:1400kB, shmem-rss:0kB, UID:0 pgtables:888kB \
        oom_score_adj:300\n";
    let reaped = "Apr  2 03:04:05 n7 kernel: oom_reaper: reaped process 4120 (broker), now \
        anon-rss:0kB, file-rss:0kB, shmem-rss:0kB\n";
    let found = through_transport(&format!("{kill}{TABLE}{reaped}"));
    assert_eq!(
        victims(&found),
        [(Some(4120), Some("broker")), (None, None)]
    );
}

#[test]
fn a_decision_is_not_married_to_a_later_kill() {
    let text = |seconds: u32| {
        format!(
            "[  700.000001] Memory cgroup out of memory: Kill process 310 (feeder) score 990 or sacrifice child\n\
             [  {seconds}.000001] Killed process 977 (ledger) total-vm:90000kB, anon-rss:71000kB, file-rss:12kB, shmem-rss:0kB\n"
        )
    };
    assert_eq!(
        victims(&through_transport(&text(700))),
        [(Some(977), Some("ledger"))]
    );
    assert_eq!(
        victims(&through_transport(&text(764))),
        [(Some(310), Some("feeder")), (Some(977), Some("ledger"))]
    );
}

#[test]
fn a_decision_and_its_kill_may_be_one_line() {
    let found = through_transport(
        "[  9.000001] Memory cgroup out of memory: Kill process 310 (feeder) score 990 or \
         sacrifice child Killed process 311 (feeder-child) total-vm:90000kB, anon-rss:71000kB, \
         file-rss:12kB, shmem-rss:0kB\n",
    );
    assert_eq!(victims(&found), [(Some(311), Some("feeder-child"))]);
}

#[test]
fn suppressed_reports_inside_a_report_count() {
    let found = through_transport(
        "[  9.000001] broker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n\
         [  9.000002] oom_kill_process: 14 callbacks suppressed\n\
         [  9.000003] Memory cgroup out of memory: Killed process 31 (broker) total-vm:9000kB, anon-rss:7100kB, file-rss:12kB, shmem-rss:0kB, UID:0 pgtables:40kB oom_score_adj:0\n",
    );
    let [Event::OomKill(kill)] = found.as_slice() else {
        panic!("{found:?}")
    };
    let report = kill.report.as_ref().unwrap();
    assert_eq!(report.suppressed_callbacks, Some(14));
}

#[test]
fn processes_that_cannot_be_are_no_victims() {
    for pid in ["0", "4194305", "99999999"] {
        let found = through_transport(&format!(
            "[  9.000001] Out of memory: Killed process {pid} (x) total-vm:9000kB, anon-rss:7100kB, \
             file-rss:12kB, shmem-rss:0kB, UID:0 pgtables:40kB oom_score_adj:0\n"
        ));
        assert_eq!(found, [], "{pid}");
    }
}

#[test]
fn a_report_without_a_kill_says_whose_it_was() {
    let pod = "/kubepods/burstable/pod0a1b2c3d-0000-4444-8888-0123456789ab/\
        c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
    let found = through_transport(&format!(
        "Task in {pod} killed as a result of limit of {pod}\n\
         memory: usage 524288kB, limit 524288kB, failcnt 7\n\
         [ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name\n\
         [  812]  1000   812   224417     8450      92        0           900 sidecar\n\
         [  844]  1000   844   220100   120100     310        0           900 gateway\n"
    ));
    let [Event::OomNoVictim(event)] = found.as_slice() else {
        panic!("{found:?}")
    };
    let owner = event.owner.as_ref().unwrap();
    assert!(
        owner
            .container_id
            .as_deref()
            .is_some_and(|id| id.starts_with("c0ffee"))
    );
    assert_eq!(event.candidates.len(), 2);
    assert!(event.limit.is_some());
}

#[test]
fn what_the_kernel_allocated_is_kept() {
    let found = through_transport(
        "[  5.000001] poller invoked oom-killer: gfp_mask=0x40cc0(GFP_KERNEL|__GFP_COMP), order=1, oom_score_adj=0\n\
         [  5.000002] Mem-Info:\n\
         [  5.000003] active_anon:4100 inactive_anon:5200 isolated_anon:0\n\
         [  5.000003]  slab_reclaimable:9000 slab_unreclaimable:610000\n\
         [  5.000003]  free:23000 free_pcp:0 free_cma:900\n\
         [  5.000004] Node 0 active_anon:16400kB inactive_anon:20800kB kernel_stack:4096kB\n\
         [  5.000004] Node 0 Normal free:92000kB min:90100kB low:97000kB high:106000kB active_anon:16400kB inactive_anon:20800kB active_file:400kB inactive_file:600kB writepending:80kB present:3600000kB managed:3400000kB free_cma:3600kB\n\
         [  5.000004] Node 0 hugepages_total=16 hugepages_free=10 hugepages_surp=0 hugepages_size=2048kB\n\
         [  5.000005] 900000 pages RAM\n\
         [  5.000005] 4096 pages cma reserved\n\
         [  5.000006] Unreclaimable slab info:\n\
         [  5.000006] Name                      Used          Total\n\
         [  5.000006] task_struct              1000KB        1200KB\n\
         [  5.000006] dentry                 900000KB      910000KB\n\
         [  5.000007] Memory allocations:\n\
         [  5.000007]     1.50GiB   390000 mm/slub.c:2264 func:alloc_slab_page\n\
         [  5.000007]   104857600    25600 fs/acme/super.c:82 [acmefs] func:acme_alloc\n\
         [  5.000008] Out of memory: Killed process 31 (poller) total-vm:9000kB, anon-rss:7100kB, file-rss:12kB, shmem-rss:0kB, UID:0 pgtables:40kB oom_score_adj:0\n",
    );
    let [Event::OomKill(kill)] = found.as_slice() else {
        panic!("{found:?}")
    };
    let node = kill.node_memory.as_ref().unwrap();
    let mib = |bytes: u64| Some(Bytes(bytes << 20));
    assert_eq!(node.kernel_stack_bytes, mib(4));
    assert_eq!(
        (node.hugepages_bytes, node.hugepages_free_bytes),
        (mib(32), mib(20))
    );
    assert_eq!(node.cma_bytes, mib(16));
    assert_eq!(node.cma_free_bytes, Some(Bytes(3600 << 10)));
    assert_eq!(node.top_slabs[0].name, "dentry");
    let sites: Vec<_> = node
        .top_allocations
        .iter()
        .map(|site| {
            (
                site.total_bytes.0,
                site.module.as_deref(),
                site.location.as_str(),
            )
        })
        .collect();
    assert_eq!(
        sites,
        [
            (1536 << 20, None, "mm/slub.c:2264"),
            (100 << 20, Some("acmefs"), "fs/acme/super.c:82")
        ]
    );
    let zone = &node.zones[0];
    assert_eq!(zone.cma_free_bytes, Some(Bytes(3600 << 10)));
    assert_eq!(zone.file_list_bytes, Some(Bytes(1000 << 10)));
    assert_eq!(zone.write_pending_bytes, Some(Bytes(80 << 10)));
    assert!(kill.report.as_ref().unwrap().unparsed.is_empty());
}

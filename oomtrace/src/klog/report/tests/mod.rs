//! Whole reports, line by line: recorded ones (`testdata`, from small cgroups of a 6.18 kernel with
//! cgroup v1), and ones put together from the kernels' format strings.

mod cut;
mod forms;
mod properties;
mod unit;
mod versions;

use super::*;
use crate::diagnose;
use crate::model::{
    Bytes, Cause, Constraint, KillKind, LimitedCounter, OomKill, OomNoVictim, PageSize, Scope,
};

/// Lines as the carrier gives them, for text with `<N>[time] ` in front or without anything; what
/// has nothing in front of it has the time of the line before.
fn lines(text: &str) -> Vec<Line> {
    let mut time = None;
    let mut lines = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let text = match text.split_once("] ") {
            Some((stamp, rest)) if stamp.starts_with('<') => {
                let seconds: f64 = stamp.split('[').nth(1).unwrap().trim().parse().unwrap();
                time = Some((seconds * 1e6) as u64);
                rest
            }
            _ => text,
        };
        lines.push(Line {
            text: text.as_bytes().to_vec(),
            since_boot_us: time,
            number: number as u64 + 1,
            ..Line::default()
        });
    }
    lines
}

fn read(lines: &[Line]) -> Vec<Event> {
    let mut reports = Reports::new(KlogHost::default());
    let mut out = Vec::new();
    for line in lines {
        reports.line(line, &mut out);
    }
    reports.finish(&mut out);
    for event in &mut out {
        diagnose::explain(event);
    }
    out
}

/// Every number of every sentence follows from the event, and the parts of the node's memory are no
/// more than all of it.
fn all_figures_follow(event: &Event) {
    let value = serde_json::to_value(event).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
    let node = &value["node_memory"];
    let bytes = |name: &str| node[format!("{name}_bytes")].as_u64().unwrap_or(0);
    let parts = [
        "anon",
        "file",
        "shmem",
        "slab",
        "page_tables",
        "kernel_stack",
        "hugepages",
        "free",
    ];
    let sum: u64 = parts.into_iter().map(bytes).sum();
    // Where the log shows the total.
    let total = bytes("total");
    assert!(total == 0 || sum <= total + total / 50, "{sum} of {total}");
}

fn events(text: &str) -> Vec<Event> {
    let events = read(&lines(text));
    events.iter().for_each(all_figures_follow);
    events
}

fn kills(text: &str) -> Vec<OomKill> {
    events(text)
        .into_iter()
        .map(|event| match event {
            Event::OomKill(kill) => *kill,
            other => panic!("not a kill: {other:?}"),
        })
        .collect()
}

fn one_kill(text: &str) -> OomKill {
    let mut kills = kills(text);
    assert_eq!(kills.len(), 1, "{kills:#?}");
    kills.remove(0)
}

fn no_victim(text: &str) -> OomNoVictim {
    match events(text).as_slice() {
        [Event::OomNoVictim(event)] => event.as_ref().clone(),
        other => panic!("{other:#?}"),
    }
}

const SIMPLE: &str = include_str!("../testdata/simple.dmesg");
const NESTED: &str = include_str!("../testdata/nested.dmesg");
const FORGED: &str = include_str!("../testdata/forged.dmesg");
const NEWLINE: &str = include_str!("../testdata/newline.dmesg");

/// A report of the first kernels with containers: statistics of each cgroup on one line, no
/// `shmem`, and the text cut where somebody copied it.
const OLD: &str = "\
oom_kill_process: 3 callbacks suppressed
app invoked oom-killer: gfp_mask=0x2400040, order=0, oom_score_adj=0
app cpuset=box mems_allowed=0
CPU: 0 PID: 712 Comm: app Not tainted 4.4.0-9-generic #1
Hardware name: Some Machine
 0000000000000286 000000006ffe9d71 ffff8800bb3c7c88 ffffffff813eb1a3
Call Trace:
 [<ffffffff813eb1a3>] dump_stack+0x63/0x90
 [<ffffffff811ff363>] mem_cgroup_out_of_memory+0x2b3/0x300
Task in /docker/abc killed as a result of limit of /docker/a
memory: usage 102400kB, limit 102400kB, failcnt 77
memory+swap: usage 102400kB, limit 9007199254740988kB, failcnt 0
kmem: usage 0kB, limit 9007199254740988kB, failcnt 0
Memory cgroup stats for /docker/abc: cache:64KB rss:102336KB rss_huge:2048KB mapped_file:1
[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name
[  700]     0   700     1127       20       7       3        0             0 sh
[  701]    33   701   688639    25000     204       7        0             0 app
Memory cgroup out of memory: Kill process 701 (app) score 977 or sacrifice child
Killed process 701 (app) total-vm:2754556kB, anon-rss:99000kB, file-rss:1000kB
";

#[test]
fn a_recorded_report() {
    let kill = one_kill(SIMPLE);
    assert_eq!(kill.victim.pid, Some(7868));
    assert_eq!(kill.victim.comm.as_deref(), Some("hog"));
    assert_eq!(kill.victim.uid, Some(0));
    let memory = kill.victim.memory.as_ref().unwrap();
    assert_eq!(memory.anon_bytes, Some(Bytes(31_360 << 10)));
    assert_eq!(memory.rss_bytes, Some(Bytes((31_360 + 6_620) << 10)));
    assert_eq!(memory.pgtables_bytes, Some(Bytes(120 << 10)));
    assert_eq!(kill.header.kernel.page_size_bytes, Some(PageSize(4096)));
    assert_eq!(kill.header.since_boot_us, Some(7_106_876_837));
    assert_eq!(kill.incident.scope, Some(Scope::Memcg));
    assert_eq!(kill.incident.constraint, Some(Constraint::Memcg));
    let limit = kill.limit.as_ref().unwrap();
    assert_eq!(limit.limit_bytes, Some(Bytes(24 << 20)));
    assert_eq!(limit.counter, Some(LimitedCounter::Memory));
    assert_eq!(limit.cgroup_version, Some(1));
    assert!(
        limit
            .cgroup_path
            .as_deref()
            .unwrap()
            .starts_with("/oomtrace-klog-")
    );
    let usage = limit.usage.as_ref().unwrap();
    assert!(usage.anon_bytes.unwrap() > Bytes(20 << 20));
    assert_eq!(
        kill.trigger.as_ref().unwrap().gfp_flags.as_ref().unwrap(),
        &["GFP_KERNEL"]
    );
    assert_eq!(kill.candidates.len(), 1);
    let report = kill.report.as_ref().unwrap();
    assert!(
        report
            .call_trace
            .iter()
            .any(|frame| frame.starts_with("oom_kill_process"))
    );
    assert_eq!(report.unparsed, Vec::<String>::new());
    assert!(
        kill.findings
            .iter()
            .any(|finding| finding.code == "limit_reached")
    );
}

#[test]
fn names_and_paths_full_of_fields_change_nothing() {
    let kill = one_kill(NESTED);
    assert_eq!(kill.victim.pid, Some(7965));
    assert_eq!(kill.victim.comm.as_deref(), Some("x,pid=1,uid=2"));
    let path = kill.victim.cgroup_path.unwrap();
    assert!(path.ends_with("/child with space"), "{path}");
    assert!(path.starts_with(kill.limit.unwrap().cgroup_path.as_deref().unwrap()));

    let kill = one_kill(FORGED);
    assert_eq!(kill.victim.pid, Some(8059));
    assert_eq!(kill.victim.comm.as_deref(), Some("a) b"));
    let path = kill.victim.cgroup_path.unwrap();
    assert!(path.ends_with("/Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:1kB"));
}

#[test]
fn a_name_with_a_newline_is_one_name() {
    let kill = one_kill(NEWLINE);
    assert_eq!(kill.victim.pid, Some(8145));
    assert_eq!(kill.victim.comm.as_deref(), Some("new\nline"));
    let trigger = kill.trigger.unwrap();
    assert_eq!(trigger.comm.as_deref(), Some("new\nline"));
    assert_eq!(trigger.tid, Some(8145));
    assert_eq!(kill.candidates[0].comm.as_deref(), Some("new\nline"));
}

#[test]
fn an_old_report_and_its_arithmetic() {
    let kill = one_kill(OLD);
    assert_eq!(kill.victim.uid, Some(33), "from the row");
    assert_eq!(kill.header.kernel.page_size_bytes, Some(PageSize(4096)));
    assert_eq!(
        kill.header.kernel.release.as_deref(),
        Some("4.4.0-9-generic")
    );
    assert_eq!(kill.trigger.as_ref().unwrap().tid, Some(712));
    assert_eq!(
        kill.trigger.as_ref().unwrap().pid,
        None,
        "no row says whose thread it is"
    );
    assert_eq!(kill.victim.memory.as_ref().unwrap().shmem_bytes, None);
    let limit = kill.limit.as_ref().unwrap();
    // The limit's own path is cut; the statistics begin with this cgroup.
    assert_eq!(limit.cgroup_path.as_deref(), Some("/docker/abc"));
    assert_eq!(limit.memsw_limit_bytes, None, "no limit");
    assert_eq!(limit.max_events_total, Some(77));
    let usage = limit.usage.as_ref().unwrap();
    assert_eq!(usage.anon_bytes, Some(Bytes(102_336 << 10)));
    assert_eq!(usage.page_cache_and_shmem_bytes, Some(Bytes(64 << 10)));
    assert_eq!(usage.unattributed_bytes, Some(Bytes(0)));
    assert_eq!(usage.thp_bytes, Some(Bytes(2048 << 10)));
    let report = kill.report.as_ref().unwrap();
    assert_eq!(report.score, Some(977));
    assert_eq!(report.suppressed_callbacks, Some(3));
    assert_eq!(report.tasks_rss_bytes, Some(Bytes(25_020 * 4096)));
    let said = |code: &str| {
        let finding = kill.findings.iter().find(|finding| finding.code == code);
        finding
            .unwrap_or_else(|| panic!("no {code}: {:#?}", kill.findings))
            .text
            .clone()
    };
    assert!(said("charged_beyond_tasks").contains("102,336 KiB of anonymous memory, the listed tasks have 100,080 KiB resident together: 2,256 KiB are charged"));
    assert!(said("page_cache_left").contains("64 KiB"));
    assert!(said("reports_suppressed").contains('3'));
}

#[test]
fn pages_of_64_kib_are_found_not_assumed() {
    let kill = one_kill(
        "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name\n\
         [    571]     0   571      571       10    51200       96             0 a\n\
         oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=a,pid=571,uid=0\n\
         Out of memory: Killed process 571 (a) total-vm:36544kB, anon-rss:640kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:51200kB oom_score_adj:0\n",
    );
    assert_eq!(kill.header.kernel.page_size_bytes, Some(PageSize(65_536)));
    let memory = kill.victim.memory.unwrap();
    assert_eq!(memory.swap_bytes, Some(Bytes(96 << 16)));
    // This kernel prints bytes before its kB.
    assert_eq!(memory.pgtables_bytes, Some(Bytes(51_200)));
    assert_eq!(kill.report.unwrap().pgtables_mislabelled, Some(true));

    let without = one_kill(
        "Out of memory: Killed process 571 (a) total-vm:36544kB, anon-rss:640kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:60kB oom_score_adj:0\n",
    );
    assert_eq!(without.header.kernel.page_size_bytes, None);
}

const GROUP: &str = "\
a invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=g,mems_allowed=0,oom_memcg=/g,task_memcg=/g,task=a,pid=119,uid=0
Memory cgroup out of memory: Killed process 119 (a) total-vm:62508kB, anon-rss:30560kB, file-rss:4kB, shmem-rss:696kB, UID:0 pgtables:92kB oom_score_adj:0
Tasks in /g are going to be killed due to memory.oom.group set
Memory cgroup out of memory: Killed process 115 (b) total-vm:6188kB, anon-rss:4956kB, file-rss:4kB, shmem-rss:696kB, UID:0 pgtables:48kB oom_score_adj:0
Memory cgroup out of memory: Killed process 119 (a) total-vm:62508kB, anon-rss:30560kB, file-rss:4kB, shmem-rss:696kB, UID:0 pgtables:92kB oom_score_adj:0
oom_reaper: reaped process 119 (a), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB
";

/// As in a copy of the log that begins elsewhere: nothing names its boot.
#[test]
fn a_report_read_twice_has_the_same_ids() {
    let ids = |text: &str| -> Vec<_> {
        let kills = kills(text);
        let ids = kills.iter().map(|kill| {
            let event_id = kill.header.event_id.clone();
            (
                event_id.expect("every event has an id"),
                kill.incident.id.clone(),
            )
        });
        ids.collect()
    };
    let first = ids(GROUP);
    assert_eq!(ids(&format!("usb 1-1: new device\n{GROUP}")), first);
    assert_ne!(first[0].0, first[1].0);
    assert_eq!(first[0].1, first[1].1);
    assert_ne!(
        ids(&GROUP.replace("process 115", "process 116"))[1],
        first[1]
    );
    assert_ne!(ids(&GROUP.replace("62508kB", "62509kB"))[0], first[0]);
}

#[test]
fn a_group_kill_counts_its_first_victim_once() {
    let kills = kills(GROUP);
    let pids: Vec<_> = kills.iter().map(|kill| kill.victim.pid.unwrap()).collect();
    assert_eq!(pids, [119, 115]);
    assert_eq!(kills[0].incident.kill_kind, Some(KillKind::Chosen));
    assert_eq!(kills[1].incident.kill_kind, Some(KillKind::Group));
    assert_eq!(kills[1].incident.kill_index, 1);
    assert_eq!(kills[0].incident.id, kills[1].incident.id);
    assert_eq!(kills[1].incident.group_cgroup_path.as_deref(), Some("/g"));
    assert_eq!(kills[0].incident.chosen, None);
    let chosen = kills[1].incident.chosen.as_ref().unwrap();
    assert_eq!((chosen.pid, chosen.comm.as_deref()), (119, Some("a")));
    assert_eq!(kills[0].report.as_ref().unwrap().reaped[0].pid, 119);

    // Only errors are in the log, and the first victim has given back memory in between.
    let errors: String = GROUP
        .lines()
        .filter(|line| line.contains("Killed"))
        .enumerate()
        .map(|(index, line)| format!("<3>[   10.{index}] {line}\n"))
        .collect();
    let errors = errors.replace(
        "10.2] Memory cgroup out of memory: Killed process 119 (a) total-vm:62508kB",
        "10.2] Memory cgroup out of memory: Killed process 119 (a) total-vm:8kB",
    );
    assert!(errors.contains("total-vm:8kB"));
    let pids: Vec<_> = self::kills(&errors)
        .iter()
        .map(|kill| kill.victim.pid.unwrap())
        .collect();
    assert_eq!(pids, [119, 115]);
}

#[test]
fn reports_without_a_victim() {
    let start = "a invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0\n";
    let event = no_victim(&format!(
        "{start}Out of memory and no killable processes...\nKernel panic - not syncing: System is deadlocked on memory\n"
    ));
    assert_eq!(event.reason.as_deref(), Some("no_killable_process"));
    let incident = event.incident.as_ref().expect("an incident");
    assert_eq!(incident.scope, Some(Scope::Global));
    let event = no_victim(&format!(
        "{start}Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled\n"
    ));
    assert_eq!(event.reason.as_deref(), Some("panic"));
    let event = no_victim(&format!(
        "{start}Memory cgroup out of memory: OOM victim 7 (b) is already exiting. Skip killing the task\n"
    ));
    assert_eq!(event.reason.as_deref(), Some("already_exiting"));
    assert_eq!(event.report.unwrap().chosen.unwrap().pid, 7);
    let event = no_victim(start);
    assert_eq!(event.reason.as_deref(), Some("not_shown"));
    assert!(
        event
            .missing
            .iter()
            .any(|missing| missing.field == "victim")
    );
    assert!(event.header.message.contains("does not show"));
    assert!(events("Kernel panic - not syncing: softlockup: hung tasks\n").is_empty());
}

#[test]
fn sysrq_and_the_other_causes() {
    let kill = one_kill(
        "kworker/0:1 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0\n\
         Out of memory: Killed process 5 (a) total-vm:4kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n",
    );
    assert_eq!(kill.incident.cause, Some(Cause::Sysrq));
    assert_eq!(kill.trigger.unwrap().order, Some(-1));
}

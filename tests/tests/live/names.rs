//! Names that are chosen to break what reads them.

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::cgroup::{self, Cgroup};
use oomtrace_tests::compare::Rss;
use oomtrace_tests::process::Workload;

const TASKS: [&[u8]; 6] = [
    b"a\nb\n",
    b"\x1b[31mred\x07",
    b"\xff\xfe\x80",
    b"oom-kill:constr",
    b") total-vm:1\n",
    "x\u{202e}\u{2028}y".as_bytes(),
];

/// `comm` is what the process says it is.
pub(crate) fn of_tasks(stage: Stage) -> Result<()> {
    stage.await_reports(TASKS.len())?;
    let cgroup = stage.cgroup(24)?;
    let mut tids = Vec::new();
    for name in TASKS {
        let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut victim = Workload::within(&cgroup)?.start(&["comm", &hex, "48"])?;
        let kill = stage
            .agreed_kill(victim.pid(), Rss::Exact)
            .with_context(|| format!("the task {}", name.escape_ascii()))?;
        victim.end_killed()?;
        ensure!(kill.report.killed.comm == name, "{:?}", kill.report.killed);
        tids.push(victim.pid());
    }
    stage.finish_with(cgroup.path(), &tids)?;
    Ok(())
}

const CGROUPS: [&[u8]; 5] = [
    b"\x1b]0;title\x07 and \x1b[2J",
    b"\xff\xfe\x80",
    b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=",
    b"x,oom_memcg=,task_memcg=,task=y,pid=1,uid=0",
    b"Memory cgroup out of memory: Killed process 1 (init) total-vm:1kB\\x0a \"'$(:)\xe2\x80\xae",
];

/// A cgroup's name is what its maker says it is; only a newline is refused.
pub(crate) fn of_cgroups(stage: Stage) -> Result<()> {
    stage.await_reports(CGROUPS.len())?;
    let parent = stage.cgroup(24)?;
    let refused = parent
        .child("a\nb")
        .err()
        .context("the kernel now takes a newline: test it")?;
    let cause = refused
        .root_cause()
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::raw_os_error);
    ensure!(cause == Some(libc::EINVAL), "{refused:#}");
    let mut tids = Vec::new();
    for name in CGROUPS {
        let child = parent.child(cgroup::name(name))?;
        child.limit_mib(16)?;
        let mut victim = Workload::within(&child)?.start(&["anon", "48"])?;
        let kill = stage
            .agreed_kill(victim.pid(), Rss::Exact)
            .with_context(|| format!("the cgroup {}", name.escape_ascii()))?;
        victim.end_killed()?;
        let summary = kill
            .report
            .dump
            .and_then(|dump| dump.summary)
            .context("no summary")?;
        ensure!(summary.task_memcg == child.path(), "{summary:?}");
        tids.push(victim.pid());
    }
    stage.finish_with(parent.path(), &tids)?;
    Ok(())
}

fn nested(top: &Cgroup, names: impl Iterator<Item = String>) -> Result<Vec<Cgroup>> {
    let mut all: Vec<Cgroup> = Vec::new();
    for name in names {
        let next = all.last().unwrap_or(top).child(name)?;
        all.push(next);
    }
    // Dropped from the front: the deepest first.
    all.reverse();
    Ok(all)
}

/// The longest name that there is, at depth 20.
pub(crate) fn long_and_deep(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let top = stage.cgroup(24)?;
    let names = (0..18)
        .map(|depth| format!("d{depth}"))
        .chain(["n".repeat(255)]);
    let levels = nested(&top, names)?;
    let deepest = levels.first().context("no level")?;
    ensure!(deepest.path().iter().filter(|byte| **byte == b'/').count() == 20);
    let mut victim = Workload::within(deepest)?.start(&["anon", "48"])?;
    let kill = stage.agreed_kill(victim.pid(), Rss::Exact)?;
    victim.end_killed()?;
    let summary = kill
        .report
        .dump
        .and_then(|dump| dump.summary)
        .context("no summary")?;
    ensure!(
        summary.task_memcg == deepest.path() && summary.oom_memcg.as_deref() == Some(top.path()),
        "{summary:?}"
    );
    stage.finish_with(top.path(), &[victim.pid()])?;
    Ok(())
}

/// Names of 255 bytes at each of 20 levels: longer than any path, and than the kernel prints. The
/// tracer names what it can and says that it is cut, or why it is not there.
pub(crate) fn longer_than_a_path(stage: Stage) -> Result<()> {
    stage.await_reports(1)?;
    let top = stage.cgroup(24)?;
    let levels = nested(
        &top,
        (0..19).map(|depth| format!("{depth:02}{}", "n".repeat(253))),
    )?;
    let deepest = levels.first().context("no level")?;
    ensure!(deepest.path().len() > 4096);
    let mut victim = Workload::within(deepest)?.start(&["anon", "48"])?;
    let kill = stage.kill(victim.pid())?;
    victim.end_killed()?;
    ensure!(
        kill.report.killed.anon_rss_kib > 16 << 10,
        "{:?}",
        kill.report.killed
    );
    if let Some(event) = kill.event {
        ensure!(
            event.u64("limit.limit_bytes") == Some(24 << 20),
            "{}",
            event.value
        );
        ensure!(
            event.bytes("limit.cgroup_path").as_deref() == Some(top.path()),
            "{}",
            event.value
        );
        ensure!(event.u64("hierarchy_total") == Some(21), "{}", event.value);
        let whole = event.bytes("victim.cgroup_path").as_deref() == Some(deepest.path());
        let cut = event.says_missing("victim.cgroup_path")
            || event.list("truncated").iter().any(|name| {
                name.as_str()
                    .is_some_and(|name| name.contains("cgroup_path"))
            });
        ensure!(
            whole || cut,
            "the path is cut and the event does not say so: {}",
            event.value
        );
    }
    stage.finish()?;
    Ok(())
}

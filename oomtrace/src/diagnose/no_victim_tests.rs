//! Invocations that killed nothing.

use super::*;
use crate::model::fixture::header;
use crate::model::*;

const MIB: u64 = 1 << 20;

fn mib(mib: u64) -> Option<Bytes> {
    Some(Bytes(mib * MIB))
}

fn none(reason: &str) -> OomNoVictim {
    OomNoVictim {
        reason: Some(reason.to_owned()),
        ..OomNoVictim::new(header(EventKind::OomNoVictim))
    }
}

/// A crash kernel of 320 MiB whose slab took most of it.
fn crash_kernel(panic: &str) -> OomNoVictim {
    let mut event = none("no_killable_process");
    event.incident = Some(Invocation {
        scope: Some(Scope::Global),
        ..Invocation::default()
    });
    event.node_memory = Some(NodeMemory {
        total_bytes: mib(320),
        free_bytes: mib(2),
        anon_bytes: mib(20),
        file_bytes: mib(4),
        slab_bytes: mib(280),
        slab_unreclaimable_bytes: mib(200),
        swap_total_bytes: mib(0),
        swap_free_bytes: mib(0),
        ..NodeMemory::default()
    });
    event.report = Some(Box::new(KernelReport {
        panic: Some(panic.to_owned()),
        ..KernelReport::default()
    }));
    event
}

fn explained(event: OomNoVictim) -> OomNoVictim {
    let mut event = Event::OomNoVictim(Box::new(event));
    explain(&mut event);
    let checked = oomtrace_tests::figures::check(&serde_json::to_value(&event).unwrap());
    assert_eq!(checked.problems, [""; 0]);
    let Event::OomNoVictim(event) = event else {
        unreachable!()
    };
    *event
}

fn text_of<'a>(event: &'a OomNoVictim, code: &str) -> Option<&'a str> {
    let found = event.findings.iter().find(|finding| finding.code == code)?;
    Some(&found.text)
}

#[test]
fn a_panic_is_said_and_explained() {
    let event = explained(crash_kernel("System is deadlocked on memory"));
    assert_eq!(
        event.header.message,
        "the node ran out of memory; 280 MiB of its 320 MiB was kernel objects (slab); nothing \
         could be killed, and the kernel panicked"
    );
    assert_eq!(event.findings[0].code, "kernel_panicked");
    assert_eq!(
        text_of(&event, "kernel_memory"),
        Some(
            "280 MiB of the node's 320 MiB was kernel objects (slab), 200 MiB of it not \
             reclaimable."
        )
    );
}

#[test]
fn a_panic_that_was_asked_for_is_told_apart() {
    let event = explained(crash_kernel(
        "Out of memory: system-wide panic_on_oom is enabled",
    ));
    assert!(
        event
            .header
            .message
            .ends_with("and the kernel panicked, as vm.panic_on_oom tells it to"),
        "{}",
        event.header.message
    );
}

/// A cgroup of 900 MiB; what its processes have resident, and their adjustments.
fn cut_report(tasks: &[(u32, u64, i32)]) -> OomNoVictim {
    let mut event = none("not_shown");
    event.limit = Some(LimitHit {
        cgroup_path: Some("/batch".to_owned()),
        limit_bytes: mib(900),
        usage_bytes: mib(900),
        usage: Some(Usage {
            anon_bytes: mib(890),
            ..Usage::default()
        }),
        ..LimitHit::default()
    });
    event.candidates = tasks
        .iter()
        .map(|&(pid, rss, adj)| Candidate {
            pid,
            comm: Some("sorter".to_owned()),
            rss_bytes: mib(rss),
            oom_score_adj: Some(adj),
            ..Candidate::default()
        })
        .collect();
    event
}

#[test]
fn a_cut_report_is_explained() {
    let event = explained(cut_report(&[(40, 850, 0), (41, 30, 0), (42, 880, -1000)]));
    assert_eq!(
        event.header.message,
        "cgroup /batch reached its 900 MiB limit; 890 MiB of it was anonymous memory; the log \
         does not show what was killed"
    );
    assert_eq!(
        text_of(&event, "likely_victim"),
        Some(
            "The likeliest victim is sorter (pid 40): of those that may be killed it had most \
             resident, 850 MiB."
        )
    );
}

#[test]
fn who_died_is_not_guessed() {
    for tasks in [
        &[(40, 850, 0), (41, 30, 900)][..],
        &[(40, 400, 0), (41, 400, 0)],
        &[(40, 850, -1000)],
        &[],
    ] {
        let event = explained(cut_report(tasks));
        assert_eq!(text_of(&event, "likely_victim"), None, "{tasks:?}");
    }
}

#[test]
fn the_likeliest_is_named_by_pages_too() {
    let mut event = cut_report(&[(40, 850, 0), (41, 30, 0)]);
    for (candidate, pages) in event.candidates.iter_mut().zip([54_000, 900]) {
        candidate.rss_bytes = None;
        candidate.rss_pages = Some(Pages(pages));
    }
    let event = explained(event);
    assert_eq!(
        text_of(&event, "likely_victim"),
        Some(
            "The likeliest victim is sorter (pid 40): of those that may be killed it had most \
             resident, 54000 pages."
        )
    );
}

#[test]
fn a_crash_kernel_needs_more_reserved() {
    let change = |is_known: Option<bool>, total: u64| {
        let mut event = crash_kernel("System is deadlocked on memory");
        event.report.as_mut().unwrap().crash_kernel = is_known;
        event.node_memory.as_mut().unwrap().total_bytes = mib(total);
        let event = explained(event);
        let code = "crash_kernel_too_small";
        let found = event.findings.into_iter().find(|one| one.code == code)?;
        found.change
    };
    let reserved = "Reserve more for it: raise crashkernel= on the kernel's command line, which \
                    leaves it 320 MiB now.";
    assert_eq!(change(Some(true), 320).as_deref(), Some(reserved));
    assert!(
        change(None, 320)
            .unwrap()
            .starts_with("If it is a crash kernel")
    );
    assert_eq!(change(None, 32_000), None);
}

//! Runtimes and data stores that may take more than the limit.

use super::*;
use crate::model::fixture::captured;
use crate::model::*;

fn mib(mib: u64) -> Option<Bytes> {
    Some(Bytes(mib << 20))
}

/// The founding case with another runtime; its limit is 256 MiB.
fn with(runtime: Runtime, change: impl FnOnce(&mut OomKill)) -> OomKill {
    let mut event = captured();
    event.runtime = Some(runtime);
    event.victim.environ = Some(Vec::new());
    change(&mut event);
    diagnose(&mut event);
    let value = serde_json::to_value(&event).unwrap();
    assert_eq!(oomtrace_tests::figures::check(&value).problems, [""; 0]);
    event
}

fn finding<'a>(event: &'a OomKill, code: &str) -> Option<&'a Finding> {
    event.findings.iter().find(|finding| finding.code == code)
}

/// A JVM whose own counters let the heap grow to 7 GiB, started with `options`.
fn jvm(options: &[&str], cgroup_version: u8) -> OomKill {
    let mut runtime = Runtime::of(RuntimeKind::Jvm);
    runtime.jvm = Some(JvmCounters {
        heap_max_bytes: mib(7 << 10),
        heap_capacity_bytes: mib(220),
        ..JvmCounters::default()
    });
    with(runtime, |event| {
        let mut args = vec!["java".to_owned()];
        args.extend(options.iter().map(|&option| option.to_owned()));
        args.push("Keep".to_owned());
        event.victim.cmdline = Some(args);
        event.limit.as_mut().unwrap().cgroup_version = Some(cgroup_version);
    })
}

#[test]
fn a_jvm_that_does_not_know_of_its_limit() {
    let event = jvm(&["-XX:-UseContainerSupport"], 1);
    let found = finding(&event, "heap_cap_above_limit").unwrap();
    assert_eq!(
        found.text,
        "The JVM of java does not know of its 256 MiB limit: its heap may grow to 7 GiB, because \
         -XX:-UseContainerSupport turns that off."
    );
    assert!(
        found
            .change
            .as_deref()
            .unwrap()
            .starts_with("Remove -XX:-UseContainerSupport")
    );
    assert_eq!(event.findings[0].code, "heap_cap_above_limit");
    let message = &event.header.message;
    assert!(message.ends_with("its heap may grow to 7 GiB"), "{message}");

    let text = |options: &[&str], version| {
        let event = jvm(options, version);
        finding(&event, "heap_cap_above_limit")
            .unwrap()
            .text
            .clone()
    };
    assert!(text(&[], 2).contains("JDKs before 25"), "{}", text(&[], 2));
    assert!(!text(&[], 1).contains("JDKs before 25"));
    // Options that are not seen may have set the heap's cap.
    for option in ["@more", "-XX:MaxRAM=28g"] {
        let said = text(&[option], 2);
        assert!(said.starts_with("The limit is 256 MiB, but"), "{said}");
    }
}

#[test]
fn a_jvm_below_its_limit_knows_of_it() {
    let mut runtime = Runtime::of(RuntimeKind::Jvm);
    runtime.jvm = Some(JvmCounters {
        heap_max_bytes: mib(64),
        ..JvmCounters::default()
    });
    let event = with(runtime, |_| ());
    assert_eq!(finding(&event, "heap_cap_above_limit"), None);
}

#[test]
fn go_without_a_soft_limit() {
    let mut runtime = Runtime::of(RuntimeKind::Go);
    runtime.gc_percent = Some(150);
    let event = with(runtime.clone(), |_| ());
    let found = finding(&event, "soft_limit_missing").unwrap();
    assert!(
        found.text.starts_with("With GOGC=150 and no GOMEMLIMIT"),
        "{}",
        found.text
    );
    let event = with(runtime, |event| event.victim.environ = None);
    assert_eq!(finding(&event, "soft_limit_missing"), None);
}

#[test]
fn connections_of_postgresql_add_up() {
    let mut runtime = Runtime::of(RuntimeKind::Postgresql);
    runtime.max_data_bytes = mib(128);
    runtime.work_mem_bytes = mib(4);
    runtime.max_connections = Some(40);
    let event = with(runtime.clone(), |_| ());
    let found = finding(&event, "configured_caps_exceed_limit").unwrap();
    assert!(
        found.text.contains("together 288 MiB, more than"),
        "{}",
        found.text
    );
    runtime.max_connections = Some(30);
    let event = with(runtime, |_| ());
    assert_eq!(finding(&event, "configured_caps_exceed_limit"), None);
}

#[test]
fn redis_holds_twice_what_it_saves() {
    let mut runtime = Runtime::of(RuntimeKind::Redis);
    runtime.max_data_bytes = mib(150);
    let child = Candidate {
        pid: 91,
        comm: Some("redis-rdb-bgsav".to_owned()),
        ..Candidate::default()
    };
    let event = with(runtime.clone(), |event| event.candidates = vec![child]);
    let found = finding(&event, "copy_on_write").unwrap();
    assert!(
        found.text.contains("150 MiB may take up to 300 MiB"),
        "{}",
        found.text
    );
    let event = with(runtime, |_| ());
    assert_eq!(finding(&event, "copy_on_write"), None);
}

#[test]
fn workers_of_python_add_up() {
    let many = |kind: RuntimeKind| {
        let event = with(Runtime::of(kind), |event| {
            event.victim.comm = Some("gunicorn".to_owned());
            event.candidates = (10..13)
                .map(|pid| Candidate {
                    pid: if pid == 10 { 10_831 } else { pid },
                    comm: Some("gunicorn".to_owned()),
                    rss_bytes: mib(80),
                    ..Candidate::default()
                })
                .collect();
        });
        finding(&event, "many_processes").and_then(|found| found.change.clone())
    };
    assert!(many(RuntimeKind::Python).unwrap().contains("fewer workers"));
    assert_eq!(many(RuntimeKind::Node), None);
}

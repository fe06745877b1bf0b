//! A victim's end agrees with the line of the kernel's reaper, and nothing else does.

use serde_json::{Value, json};

use super::*;
use crate::kmsg::Entry;
use crate::{host, report};

const KILLED: &str = "Memory cgroup out of memory: Killed process 41 (x) total-vm:9000kB, anon-rss:8192kB, file-rss:1024kB, shmem-rss:512kB, UID:7 pgtables:100kB oom_score_adj:0";
const REAPED: &str =
    "oom_reaper: reaped process 41 (x), now anon-rss:64kB, file-rss:1024kB, shmem-rss:512kB";
const REAPED_AFTER_US: u64 = 2_000_000;

fn log() -> Vec<Entry> {
    let lines = [(KILLED, 5_000_000), (REAPED, 5_000_000 + REAPED_AFTER_US)];
    let entry = |(text, at_us): (&str, u64)| Entry {
        sequence: at_us,
        at_us,
        continues: false,
        text: text.as_bytes().to_vec(),
    };
    lines.into_iter().map(entry).collect()
}

fn outcome() -> Value {
    json!({
        "event": "oom_outcome", "level": "info", "source": "bpf", "schema_version": 1, "message": "x has gone",
        "kernel": {"page_size_bytes": host::page_size(), "release": rustix::system::uname().release().to_str().unwrap()},
        "incident": {"id": "i"}, "pid": 40, "comm": "x", "state": "exited", "exit_signal": 9,
        "exit_latency_us": 12_000_000, "since_boot_us": 17_000_000,
        "reaper": {
            "state": "finished", "started_after_us": REAPED_AFTER_US - 100,
            "finished_after_us": REAPED_AFTER_US + 100, "freed_bytes": 8128 << 10,
            "left_anon_bytes": 64 << 10, "left_file_bytes": 1024 << 10, "left_shmem_bytes": 512 << 10
        }
    })
}

fn fields(value: Value) -> Vec<String> {
    let kill = json!({"victim": {"pid": 40, "tid": 41, "threads": 1}, "incident": {"id": "i"}, "since_boot_us": 5_000_000});
    let [kill, event] = [kill, value].map(|value| Event { value, length: 0 });
    let [report] = report::parse(&log()).try_into().unwrap();
    let [reaped] = report::reaped(&log()).try_into().unwrap();
    let compared = compare_outcome(&event, &kill, &report, &reaped, Manner::Strict).unwrap();
    fields_of(compared.differences)
}

#[test]
fn the_same_agrees() {
    assert_eq!(fields(outcome()), Vec::<String>::new());
}

#[test]
fn each_field_counts() {
    for (path, wrong) in [
        ("/event", json!("oom_kill")),
        ("/level", json!("warn")),
        ("/source", json!("klog")),
        ("/incident/id", json!("j")),
        ("/pid", json!(41)),
        ("/comm", json!("y")),
        ("/exit_signal", json!(11)),
        ("/since_boot_us", json!(17_100_000)),
        ("/reaper/state", json!("skipped")),
        ("/reaper/started_after_us", json!(REAPED_AFTER_US + 200)),
        ("/reaper/finished_after_us", json!(REAPED_AFTER_US / 2)),
        ("/reaper/freed_bytes", json!(2 << 20)),
        ("/reaper/freed_bytes", json!(80 << 20)),
        ("/reaper/left_anon_bytes", json!(64 << 20)),
        ("/reaper/left_file_bytes", json!(64 << 20)),
        ("/reaper/left_shmem_bytes", json!(64 << 20)),
    ] {
        for wrong in [wrong, Value::Null] {
            let mut changed = outcome();
            *changed.pointer_mut(path).expect(path) = wrong;
            let field = format!("oom_outcome{}", path.replace('/', "."));
            let found = fields(changed);
            assert!(found.contains(&field), "{path}: {found:?}");
        }
    }
}

#[test]
fn only_who_exits_meanwhile_may_have_less() {
    // 64 pages is what a thread may hold back.
    let less = 8192 - 64 * (host::page_size() >> 10) - 64;
    let mut line = outcome();
    line["reaper"]["freed_bytes"] = json!((8128 - less) << 10);
    let field = "oom_outcome.reaper.freed_bytes".to_owned();
    let off = host::rss_batch_bytes().unwrap() >> 10;
    assert_eq!(fields(line.clone()).contains(&field), less > off * 3 + 512);
    line["exit_latency_us"] = json!(REAPED_AFTER_US + 200);
    line["since_boot_us"] = json!(5_000_000 + REAPED_AFTER_US + 200);
    assert_eq!(fields(line), Vec::<String>::new());
}

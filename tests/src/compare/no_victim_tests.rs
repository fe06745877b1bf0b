//! What is told of an invocation without a victim agrees with the kernel's report of it, and nothing
//! else does.

use serde_json::{Value, json};

use super::*;
use crate::host;
use crate::kmsg::Entry;
use crate::report::{self, Dump};

fn dump() -> Dump {
    let lines = [
        "y invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=-1000",
        "CPU: 1 UID: 0 PID: 40 Comm: y Not tainted",
        "memory: usage 16384kB, limit 16384kB, failcnt 7",
        "swap: usage 0kB, limit 0kB, failcnt 0",
        "Memory cgroup stats for /gone:",
        "anon 16474112",
        "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
        "[     40]     7    40    14382     5589     3994     1595         0   102400        0         -1000 y",
        "Out of memory and no killable processes...",
    ];
    let entry = |(text, sequence): (&&str, u64)| Entry {
        sequence,
        at_us: 9_000_000,
        continues: false,
        text: text.as_bytes().to_vec(),
    };
    let entries: Vec<Entry> = lines.iter().zip(1..).map(entry).collect();
    assert_eq!(report::parse(&entries), [], "nobody was killed");
    let [dump] = report::without_victim(&entries).try_into().unwrap();
    dump
}

fn event() -> Value {
    let page = host::page_size();
    let now = jiff::Timestamp::now().to_string();
    json!({
        "timestamp": now, "observed_timestamp": now, "event": "oom_no_victim", "level": "warn",
        "source": "bpf", "schema_version": 1, "since_boot_us": 9_000_100, "lost_records": 0,
        "message": "nobody", "repeats_total": 0,
        "kernel": {"page_size_bytes": page, "release": rustix::system::uname().release().to_str().unwrap()},
        "incident": {"scope": "memcg", "constraint": "memcg", "total_pages": (16 << 20) / page},
        "trigger": {"pid": 40, "tid": 40, "comm": "y", "uid": 7, "gfp_mask": 0xcc0,
            "gfp_flags": ["GFP_KERNEL"], "order": 0, "cgroup_path": "/gone"},
        "limit": {"cgroup_path": "/gone", "cgroup_version": 2, "limit_bytes": 16 << 20,
            "usage_bytes": 16 << 20, "peak_bytes": 16 << 20, "swap_limit_bytes": 0,
            "swap_usage_bytes": 0, "max_events_total": 7},
        "candidates_total": 1,
        "candidates": [{"pid": 40, "comm": "y", "uid": 7, "oom_score_adj": -1000, "rss_pages": 5589,
            "rss_bytes": 5589 * page, "swap_bytes": 0, "pgtables_bytes": 102_400}],
        "missing": [{"field": "limit.usage", "reason": "not_captured"}]
    })
}

fn fields(value: Value) -> Vec<String> {
    let event = Event { value, length: 0 };
    let compared = compare_no_victim(&event, &dump(), Manner::Strict).unwrap();
    fields_of(compared.differences)
}

#[test]
fn the_same_agrees() {
    assert_eq!(fields(event()), Vec::<String>::new());
}

#[test]
fn each_field_counts() {
    let more = (17 << 20) + 64 * 1024 * host::page_size();
    for (path, wrong) in [
        ("/event", json!("oom_kill")),
        ("/level", json!("error")),
        ("/timestamp", json!("2001-01-01T00:00:00Z")),
        ("/since_boot_us", json!(1)),
        ("/lost_records", json!(1)),
        ("/repeats_total", json!(1)),
        ("/incident/scope", json!("global")),
        ("/incident/constraint", json!("none")),
        ("/incident/total_pages", json!(1)),
        ("/trigger/pid", json!(41)),
        ("/trigger/tid", json!(41)),
        ("/trigger/uid", json!(0)),
        ("/trigger/comm", json!("z")),
        ("/trigger/order", json!(1)),
        ("/trigger/gfp_mask", json!(0)),
        ("/trigger/cgroup_path", json!("/b")),
        ("/limit/cgroup_path", json!("/b")),
        ("/limit/limit_bytes", json!(17 << 20)),
        ("/limit/usage_bytes", json!(more)),
        ("/limit/swap_limit_bytes", json!(1)),
        ("/limit/swap_usage_bytes", json!(more)),
        ("/limit/peak_bytes", json!(1)),
        ("/limit/max_events_total", json!(0)),
        ("/candidates_total", json!(2)),
        ("/candidates", json!([])),
        ("/candidates/0/pid", json!(41)),
        ("/candidates/0/rss_bytes", json!(1)),
        ("/candidates/0/pgtables_bytes", json!(1)),
        ("/candidates/0/oom_score_adj", json!(0)),
    ] {
        let mut changed = event();
        *changed.pointer_mut(path).expect(path) = wrong;
        let field = format!("oom_no_victim{}", path.replace('/', "."));
        let found = fields(changed);
        let counts = |name: &String| field.starts_with(name.as_str());
        assert!(found.iter().any(counts), "{path}: {found:?}");
    }
    let mut changed = event();
    changed["candidates"][0]["badness_pages"] = json!(0);
    assert_eq!(
        fields(changed),
        ["oom_no_victim.candidates.0.badness_pages"],
        "who is protected has none"
    );
    let mut changed = event();
    changed["missing"] = json!([]);
    assert_eq!(fields(changed), ["oom_no_victim.limit.usage"]);
}

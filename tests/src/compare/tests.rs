//! The comparison agrees with an event that says what the report says, and with no other.

use serde_json::{Value, json};

use super::*;
use crate::kmsg::Entry;
use crate::{host, report};

const AT_US: u64 = 7_000_000;

fn report() -> KillReport {
    let page_kib = host::page_size() >> 10;
    let killed = format!(
        "Memory cgroup out of memory: Killed process 8839 (x) total-vm:{}kB, anon-rss:{}kB, file-rss:{}kB, shmem-rss:0kB, UID:7 pgtables:100kB oom_score_adj:-5",
        14382 * page_kib,
        3994 * page_kib,
        1595 * page_kib
    );
    let lines = [
        "y invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "CPU: 1 UID: 0 PID: 8840 Comm: y Not tainted",
        "memory: usage 16384kB, limit 16384kB, failcnt 7",
        "memory+swap: usage 16384kB, limit 9007199254740988kB, failcnt 0",
        "Memory cgroup stats for /a:",
        "total_cache 155648",
        "total_rss 16474112",
        "total_shmem 0",
        "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
        "[   8839]     7  8839    14382     5589     3994     1595         0   102400        0            -5 x",
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=x,pid=8839,uid=7",
        &killed,
    ];
    let entries: Vec<Entry> = lines
        .iter()
        .zip(1..)
        .map(|(line, sequence)| Entry {
            sequence,
            at_us: AT_US,
            continues: false,
            text: line.as_bytes().to_vec(),
        })
        .collect();
    report::parse(&entries).pop().unwrap()
}

fn event() -> Value {
    let page = host::page_size();
    let now = jiff::Timestamp::now().to_string();
    json!({
        "timestamp": now, "observed_timestamp": now, "level": "error", "event": "oom_kill",
        "schema_version": 1, "source": "bpf", "since_boot_us": AT_US + 1000, "lost_records": 0, "message": "x (pid 8839) was killed",
        "kernel": {"page_size_bytes": page, "release": rustix::system::uname().release().to_str().unwrap()},
        "incident": {"scope": "memcg", "constraint": "memcg", "kill_kind": "chosen", "kill_index": 0,
            "total_pages": totalpages()},
        "trigger": {"tid": 8840, "comm": "y", "gfp_mask": 0xcc0, "gfp_flags": ["GFP_KERNEL"], "order": 0},
        "victim": {
            "tid": 8839, "pid": 8839, "comm": "x", "uid": 7, "oom_score_adj": -5, "cgroup_path": "/a/b", "badness_pages": badness(),
            "memory": {
                "rss_pages": 5589, "rss_bytes": 5589 * page, "anon_bytes": 3994 * page,
                "file_bytes": 1595 * page, "shmem_bytes": 0, "swap_bytes": 0, "pgtables_bytes": 102_400,
                "virtual_bytes": 14382 * page, "rss_error_max_bytes": 0
            }
        },
        "limit": {
            "cgroup_path": "/a", "cgroup_version": 1, "limit_bytes": 16 << 20, "usage_bytes": 16 << 20,
            "peak_bytes": 16 << 20, "memsw_usage_bytes": 16 << 20, "max_events_total": 7,
            "usage": {
                "anon_bytes": 16_474_112, "page_cache_bytes": 155_648, "shmem_bytes": 0,
                "unattributed_bytes": (16 << 20) - 16_474_112 - 155_648
            }
        },
        "hierarchy": [
            {"cgroup_path": "/a/b"},
            {"cgroup_path": "/a", "limit_bytes": 16 << 20, "usage_bytes": 16 << 20, "memsw_usage_bytes": 16 << 20},
            {"cgroup_path": "/"}
        ],
        "hierarchy_total": 3,
        "candidates_total": 1,
        "candidates": [{
            "pid": 8839, "comm": "x", "uid": 7, "oom_score_adj": -5, "rss_pages": 5589,
            "rss_bytes": 5589 * page, "swap_bytes": 0, "pgtables_bytes": 102_400,
            "badness_pages": badness()
        }]
    })
}

/// The limit, with as much swap as there is on this host.
fn totalpages() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
    let swap = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("SwapTotal:"));
    let kib: u64 = swap.unwrap().trim_end_matches("kB").trim().parse().unwrap();
    ((16 << 20) + (kib << 10)) / host::page_size()
}

fn badness() -> i64 {
    let held = i64::try_from(5589 + 102_400 / host::page_size()).unwrap();
    held - 5 * i64::try_from(totalpages() / 1000).unwrap()
}

#[test]
fn a_number_that_nothing_is_compared_with_counts() {
    let mut changed = event();
    changed["victim"]["new_bytes"] = Value::from(1);
    changed["findings"] = json!([{"evidence": [{"value": 3}]}]);
    assert_eq!(fields(changed.clone()), ["victim.new_bytes"]);
    let comparison = as_stated(changed);
    let field = "findings.0.evidence.0.value";
    assert_eq!(outcomes(&comparison, field), [Outcome::Untold]);
}

fn fields(value: Value) -> Vec<String> {
    let event = Event { value, length: 0 };
    let differences = compare(&event, &report(), Rss::Exact).unwrap();
    fields_of(differences)
}

#[test]
fn the_same_agrees() {
    assert_eq!(fields(event()), Vec::<String>::new());
}

#[test]
fn each_field_counts() {
    for path in [
        "/level",
        "/source",
        "/message",
        "/timestamp",
        "/kernel/page_size_bytes",
        "/incident/scope",
        "/incident/constraint",
        "/incident/kill_kind",
        "/trigger/tid",
        "/trigger/comm",
        "/trigger/gfp_mask",
        "/trigger/order",
        "/victim/tid",
        "/victim/pid",
        "/victim/comm",
        "/victim/uid",
        "/victim/oom_score_adj",
        "/victim/cgroup_path",
        "/victim/memory/rss_pages",
        "/victim/memory/rss_bytes",
        "/victim/memory/anon_bytes",
        "/victim/memory/file_bytes",
        "/victim/memory/shmem_bytes",
        "/victim/memory/swap_bytes",
        "/victim/memory/pgtables_bytes",
        "/victim/memory/virtual_bytes",
        "/victim/memory/rss_error_max_bytes",
        "/limit/cgroup_path",
        "/limit/limit_bytes",
        "/limit/usage_bytes",
        "/limit/peak_bytes",
        "/limit/memsw_usage_bytes",
        "/limit/max_events_total",
        "/limit/usage",
        "/limit/usage/anon_bytes",
        "/limit/usage/page_cache_bytes",
        "/limit/usage/shmem_bytes",
        "/hierarchy",
        "/hierarchy_total",
        "/hierarchy/0/cgroup_path",
        "/hierarchy/1/limit_bytes",
        "/candidates/0/pid",
        "/candidates/0/rss_pages",
        "/candidates/0/badness_pages",
        "/candidates_total",
        "/victim/badness_pages",
        "/incident/total_pages",
        "/lost_records",
        "/since_boot_us",
    ] {
        let mut changed = event();
        *changed.pointer_mut(path).expect(path) = Value::Null;
        let field = path.trim_start_matches('/').replace('/', ".");
        let found = fields(changed);
        assert!(
            found
                .iter()
                .any(|name| field.starts_with(name) || name.starts_with(&field)),
            "{path}: {found:?}"
        );
    }
}

#[test]
fn one_page_more_counts() {
    for name in [
        "anon_bytes",
        "file_bytes",
        "shmem_bytes",
        "swap_bytes",
        "pgtables_bytes",
        "virtual_bytes",
    ] {
        let mut changed = event();
        let place = &mut changed["victim"]["memory"][name];
        *place = Value::from(place.as_u64().unwrap() + host::page_size());
        assert!(
            fields(changed).contains(&format!("victim.memory.{name}")),
            "{name}"
        );
    }
}

#[test]
fn a_limit_that_is_none_is_absent() {
    let mut changed = event();
    changed["limit"]["memsw_limit_bytes"] = Value::from(1);
    assert_eq!(fields(changed), ["limit.memsw_limit_bytes"]);
}

#[test]
fn what_a_name_lost_stands_beside_it() {
    let mut changed = event();
    changed["victim"]["comm_hex"] = Value::from("78");
    assert_eq!(fields(changed), ["victim.comm_hex"]);
}

#[test]
fn absent_with_a_reason() {
    let mut changed = event();
    for field in ["trigger.gfp_mask", "trigger.order", "limit.usage"] {
        let (parent, name) = field.split_once('.').unwrap();
        changed[parent].as_object_mut().unwrap().remove(name);
        assert!(
            fields(changed.clone()).contains(&field.to_owned()),
            "{field}"
        );
        let reason = json!({"field": field, "reason": "no_hook"});
        match changed.get_mut("missing").and_then(Value::as_array_mut) {
            Some(list) => list.push(reason),
            None => changed["missing"] = json!([reason]),
        }
    }
    // What the kernel's arguments tell can be had on every kernel that these tests run on.
    assert_eq!(fields(changed), ["trigger.gfp_mask", "trigger.order"]);
}

fn as_stated(value: Value) -> Comparison {
    let event = Event { value, length: 0 };
    compare_all(&event, &report(), None, Rss::Exact, Manner::AsStated).unwrap()
}

fn outcomes(comparison: &Comparison, field: &str) -> Vec<Outcome> {
    comparison
        .compared
        .iter()
        .filter(|compared| compared.field == field)
        .map(|compared| compared.outcome.clone())
        .collect()
}

#[test]
fn what_an_event_states_to_be_missing_is_written_down() {
    let mut changed = event();
    changed["victim"].as_object_mut().unwrap().remove("uid");
    assert_eq!(fields(changed.clone()), ["victim.uid"]);
    let unexplained = as_stated(changed.clone());
    assert_eq!(outcomes(&unexplained, "victim.uid"), [Outcome::Differs]);
    assert_eq!(unexplained.differences.len(), 1);

    changed["missing"] = json!([{"field": "victim.uid", "reason": "no_task"}]);
    assert_eq!(fields(changed.clone()), ["victim.uid"]);
    let stated = as_stated(changed);
    assert_eq!(stated.differences, []);
    let missing = Outcome::Missing("no_task".to_owned());
    assert_eq!(outcomes(&stated, "victim.uid"), [missing]);
}

#[test]
fn a_bound_is_no_wider_than_the_counters_error() {
    let page = host::page_size();
    let batch = host::rss_batch_bytes().unwrap();
    let anon = "victim.memory.anon_bytes";
    for (off, stated, agrees) in [
        (page, page, true),
        (page, 0, false),
        (batch + page, batch * 2, false),
    ] {
        let mut changed = event();
        let memory = &mut changed["victim"]["memory"];
        for name in ["anon_bytes", "rss_bytes"] {
            memory[name] = Value::from(memory[name].as_u64().unwrap() - off);
        }
        memory["rss_pages"] = Value::from(memory["rss_bytes"].as_u64().unwrap() / page);
        memory["rss_error_max_bytes"] = Value::from(stated);
        assert!(fields(changed.clone()).contains(&anon.to_owned()));
        let comparison = as_stated(changed);
        let expected = if agrees {
            Outcome::Agrees { bound: off }
        } else {
            Outcome::Differs
        };
        assert_eq!(outcomes(&comparison, anon), [expected], "{off} {stated}");
        assert_eq!(comparison.differences.is_empty(), agrees);
    }
}

#[test]
fn what_the_victim_ran_counts() {
    let executed = |deleted| Executed {
        path: b"/bin/x".to_vec(),
        deleted,
    };
    for (exe, flag, deleted, differs) in [
        ("/bin/x", Some(false), false, None),
        ("/bin/x", Some(true), true, None),
        ("/bin/y", Some(false), false, Some("victim.exe")),
        ("/bin/x (deleted)", Some(true), true, Some("victim.exe")),
        ("/bin/x", Some(false), true, Some("victim.exe_deleted")),
        ("/bin/x", None, false, Some("victim.exe_deleted")),
        ("/bin/x", Some(true), false, Some("victim.exe_deleted")),
    ] {
        let mut value = event();
        value["victim"]["exe"] = Value::from(exe);
        if let Some(flag) = flag {
            value["victim"]["exe_deleted"] = Value::from(flag);
        }
        let event = Event { value, length: 0 };
        let known = executed(deleted);
        let all = compare_all(&event, &report(), Some(&known), Rss::Exact, Manner::Strict);
        let found: Vec<String> = all
            .unwrap()
            .differences
            .into_iter()
            .map(|difference| difference.field)
            .collect();
        assert_eq!(found, Vec::from_iter(differs), "{exe} {flag:?} {deleted}");
    }
    let event = Event {
        value: event(),
        length: 0,
    };
    let known = executed(false);
    let all = compare_all(&event, &report(), Some(&known), Rss::Exact, Manner::Strict).unwrap();
    assert_eq!(outcomes(&all, "victim.exe"), [Outcome::Differs], "absent");
}

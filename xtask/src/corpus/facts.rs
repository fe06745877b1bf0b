//! A decoded event as the flat facts that the expectations name.

use serde_json::{Map, Value, json};

/// Fields of an expectation that speak about it, not about the text.
pub const REMARKS: &[&str] = &[
    "complete",
    "missing",
    "notes",
    "optional",
    "accept",
    "victim_uid_source",
    "oom_score_adj_source",
    "page_size_basis",
    "page_size_check",
];

/// Facts of an event by the expectation's name for them; none for a name that is not known.
pub fn fact(name: &str, event: &Value, others: &[&Value]) -> Option<Value> {
    let at = |path: &str| event.pointer(path).cloned().unwrap_or(Value::Null);
    let kb = |path: &str| kilobytes(&at(path));
    let counter = |name: &str, field: &str| {
        let path = |field: &str| format!("/report/{name}/{field}");
        match field {
            "limit" if at(&path("unlimited")) == json!(true) => json!("no limit"),
            "usage" | "limit" => kb(&path(&format!("{field}_bytes"))),
            _ => at(&path("failcnt")),
        }
    };
    let swap = if event.pointer("/report/memsw").is_some() {
        "memsw"
    } else {
        "swap"
    };
    Some(match name {
        "kind" => kind(event),
        "trigger_comm" => at("/trigger/comm"),
        "trigger_pid" => at("/trigger/tid"),
        "gfp_mask" => at("/trigger/gfp_mask"),
        "gfp_flags" => flags(&at("/trigger")),
        "order" => at("/trigger/order"),
        "trigger_oom_score_adj" => at("/trigger/oom_score_adj"),
        "constraint"
        | "nodemask"
        | "cpuset"
        | "mems_allowed"
        | "global_oom"
        | "score"
        | "panic"
        | "pgtables_unit_is_bytes" => at(&format!("/report/{name}")),
        "oom_memcg" => at("/limit/cgroup_path"),
        "task_memcg" => at("/victim/cgroup_path"),
        "usage_kb" => counter("memory", "usage"),
        "limit_kb" => counter("memory", "limit"),
        "failcnt" => counter("memory", "failcnt"),
        "memcg_swap_counter" => match event.pointer(&format!("/report/{swap}")) {
            None => Value::Null,
            Some(_) if swap == "memsw" => json!("memory+swap"),
            Some(_) => json!("swap"),
        },
        "memcg_swap_usage_kb" => counter(swap, "usage"),
        "memcg_swap_limit_kb" => counter(swap, "limit"),
        "memcg_swap_failcnt" => counter(swap, "failcnt"),
        "memsw_usage_kb" => counter("memsw", "usage"),
        "memsw_limit_kb" => counter("memsw", "limit"),
        "kmem_usage_kb" => counter("kmem", "usage"),
        "kmem_limit_kb" => counter("kmem", "limit"),
        "kmem_failcnt" => counter("kmem", "failcnt"),
        "total_swap_kb" => kb("/report/mem_info/swap_total_bytes"),
        "free_swap_kb" => kb("/report/mem_info/swap_free_bytes"),
        "victim_pid" => at("/victim/tid"),
        "victim_comm" => at("/victim/comm"),
        "victim_uid" => at("/victim/uid"),
        "total_vm_kb" => kb("/victim/memory/virtual_bytes"),
        "anon_rss_kb" => kb("/victim/memory/anon_bytes"),
        "file_rss_kb" => kb("/victim/memory/file_bytes"),
        "shmem_rss_kb" => kb("/victim/memory/shmem_bytes"),
        "pgtables_kb" if at("/report/pgtables_unit_is_bytes") == json!(true) => {
            at("/victim/memory/pgtables_bytes")
        }
        "pgtables_kb" => kb("/victim/memory/pgtables_bytes"),
        "oom_score_adj" => at("/victim/oom_score_adj"),
        "task_rows" => at("/report/task_rows"),
        "task_columns" => at("/report/task_columns"),
        "victim_row" => victim_row(event),
        "victim_row_rss_pages" => at("/victim/memory/rss_pages"),
        "rows" => rows(event),
        "page_size" => at("/kernel/page_size_bytes"),
        "page_size_kb_implied" => kb("/kernel/page_size_bytes"),
        "reaped" => reaped(event),
        "oom_group_memcg" => at("/incident/group_cgroup_path"),
        "other_kills" => other_kills(others),
        "no_killable" => match at("/reason").as_str() {
            Some("no_killable_process") => json!(true),
            _ => Value::Null,
        },
        "chosen" => at("/report/chosen"),
        "stat" => stat(event),
        _ => return None,
    })
}

fn kilobytes(bytes: &Value) -> Value {
    bytes
        .as_u64()
        .map_or(Value::Null, |bytes| json!(bytes / 1024))
}

fn kind(event: &Value) -> Value {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    let scope = text("/incident/scope").or_else(|| text("/scope"));
    let constraint = text("/incident/constraint").or_else(|| text("/constraint"));
    match (scope, constraint) {
        (Some("memcg"), _) => json!("memcg"),
        (_, Some(constraint @ ("cpuset" | "mempolicy"))) => json!(constraint),
        (Some(scope), _) => json!(scope),
        (None, _) => Value::Null,
    }
}

/// Names joined as the kernel prints them; no flags at all are printed as `0x0()`.
fn flags(trigger: &Value) -> Value {
    let names: Vec<&str> = trigger
        .get("gfp_flags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if names.is_empty() && trigger.get("gfp_mask") != Some(&json!(0)) {
        Value::Null
    } else {
        json!(names.join("|"))
    }
}

/// Our names for columns of the table, and the kernel's.
const COLUMNS: &[(&str, &str)] = &[
    ("tid", "pid"),
    ("uid", "uid"),
    ("pid", "tgid"),
    ("virtual_pages", "total_vm_pages"),
    ("rss_pages", "rss_pages"),
    ("anon_pages", "rss_anon"),
    ("file_pages", "rss_file"),
    ("shmem_pages", "rss_shmem"),
    ("nr_ptes", "nr_ptes"),
    ("nr_pmds", "nr_pmds"),
    ("pgtables_bytes", "pgtables_bytes"),
    ("swap_pages", "swapents"),
    ("oom_score_adj", "oom_score_adj"),
    ("oom_adj", "oom_adj"),
    ("cpu", "cpu"),
    ("comm", "name"),
];

fn row(candidate: &Value) -> Value {
    let mut row = Map::new();
    for (ours, kernels) in COLUMNS {
        if let Some(value) = candidate.get(ours) {
            row.insert((*kernels).to_owned(), value.clone());
        }
    }
    let others = candidate.get("other_columns").and_then(Value::as_array);
    for other in others.into_iter().flatten() {
        if let (Some(name), Some(value)) = (
            other.get("name").and_then(Value::as_str),
            other.get("value"),
        ) {
            row.insert(name.to_owned(), value.clone());
        }
    }
    Value::Object(row)
}

fn rows(event: &Value) -> Value {
    let mut rows: Vec<Value> = event
        .get("candidates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(row)
        .collect();
    rows.sort_by_key(|row| row.get("pid").and_then(Value::as_u64));
    if rows.is_empty() {
        Value::Null
    } else {
        Value::Array(rows)
    }
}

fn victim_row(event: &Value) -> Value {
    let victim = |key: &str| event.pointer(&format!("/victim/{key}"));
    let candidates = || {
        event
            .get("candidates")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let of_victim = |ours: &'static str, theirs: &'static str| {
        candidates()
            .find(move |candidate| victim(ours).is_some() && candidate.get(theirs) == victim(ours))
    };
    of_victim("tid", "tid")
        .or_else(|| of_victim("pid", "pid"))
        .map_or(Value::Null, row)
}

fn reaped(event: &Value) -> Value {
    let list: Vec<Value> = event
        .pointer("/report/reaped")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|task| {
            let kb = |key: &str| task.get(key).map_or(Value::Null, kilobytes);
            json!({
                "pid": task.get("pid"),
                "comm": task.get("comm"),
                "anon_rss_kb": kb("anon_bytes"),
                "file_rss_kb": kb("file_bytes"),
                "shmem_rss_kb": kb("shmem_bytes"),
            })
        })
        .collect();
    if list.is_empty() {
        Value::Null
    } else {
        Value::Array(list)
    }
}

fn other_kills(others: &[&Value]) -> Value {
    if others.is_empty() {
        return Value::Null;
    }
    others
        .iter()
        .map(|event| {
            json!({
                "pid": event.pointer("/victim/tid"),
                "comm": event.pointer("/victim/comm"),
            })
        })
        .collect()
}

/// The statistics, as `<name>_kb`.
fn stat(event: &Value) -> Value {
    let values = event
        .pointer("/report/cgroup_stats/0/values")
        .and_then(Value::as_array);
    let mut stat = Map::new();
    for value in values.into_iter().flatten() {
        if let (Some(name), Some(bytes)) = (
            value.get("name").and_then(Value::as_str),
            value.get("value").and_then(Value::as_u64),
        ) {
            stat.insert(format!("{name}_kb"), json!(bytes / 1024));
        }
    }
    Value::Object(stat)
}

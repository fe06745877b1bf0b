//! What each figure of the evidence must be.

use serde_json::Value;

use super::zones::{ZONE, elsewhere, zones};
use super::{others, text};

/// Measured with Node 20 in containers of 128, 256 and 512 MiB.
const NODE_DEFAULT_HEAP: i64 = 259 << 20;
/// What a JVM is told that it may use.
const CONFIGURED: [&str; 3] = [
    "runtime.max_heap_bytes",
    "runtime.max_direct_bytes",
    "runtime.max_metaspace_bytes",
];
/// The default of a JVM's `-Xss` on 64-bit Linux.
const JVM_THREAD_STACK: i64 = 1 << 20;

/// An event's facts.
pub(super) struct Facts<'a> {
    event: &'a Value,
    /// Lists were cut to keep the line short.
    pub(super) is_trimmed: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(event: &'a Value) -> Self {
        let truncated = event.get("truncated").and_then(Value::as_array);
        Self {
            event,
            is_trimmed: truncated.is_some_and(|list| !list.is_empty()),
        }
    }

    pub(super) fn value(&self, path: &str) -> Option<&'a Value> {
        self.event.pointer(&format!("/{}", path.replace('.', "/")))
    }

    pub(super) fn number(&self, path: &str) -> Option<i64> {
        self.value(path)?.as_i64()
    }

    pub(super) fn list(&self, path: &str) -> &'a [Value] {
        let list = self.value(path).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    fn sum(&self, paths: &[&str]) -> Option<i64> {
        let known = paths.iter().filter_map(|path| self.number(path));
        known.reduce(|a, b| a + b)
    }

    fn kernel_total(&self) -> Option<i64> {
        let names = [
            "slab",
            "page_tables",
            "kernel_stack",
            "sock",
            "percpu",
            "other_kernel",
        ];
        let paths = names.map(|name| format!("limit.usage.{name}_bytes"));
        self.sum(&paths.each_ref().map(String::as_str))
    }

    /// Anonymous memory with what of the victim's was being freed, less its page tables, where none of that
    /// can have been shared memory.
    fn charged_anon(&self) -> Option<i64> {
        let listed = self.number("limit.usage.anon_bytes")?;
        let freed = self
            .number("limit.usage.being_freed_bytes")
            .zip(self.number("victim.memory.pgtables_bytes"))
            .filter(|_| self.number("victim.memory.shmem_bytes") == Some(0))
            .map_or(0, |(freed, tables)| (freed - tables).max(0));
        Some(listed + freed)
    }

    /// What of the node's memory no counter names.
    fn unaccounted(&self) -> Option<i64> {
        let named = ["anon", "file", "slab", "free"]
            .map(|name| self.number(&format!("node_memory.{name}_bytes")));
        let small = [
            "shmem",
            "page_tables",
            "kernel_stack",
            "per_cpu",
            "zswap",
            "hugepages",
        ]
        .map(|name| {
            self.number(&format!("node_memory.{name}_bytes"))
                .unwrap_or(0)
        });
        let total = self.number("node_memory.total_bytes")?;
        let mut rest = total - small.iter().sum::<i64>();
        for part in named {
            rest -= part?;
        }
        Some(rest.max(0))
    }

    /// What was asked for in one piece.
    fn wanted(&self) -> Option<i64> {
        let order = self.number("trigger.order").filter(|order| *order > 0)?;
        Some(self.number("kernel.page_size_bytes")? << order)
    }

    fn share(&self) -> Option<i64> {
        let percent = self.value("runtime.max_ram_percent")?.as_f64()?;
        Some((percent * 100.0).round() as i64)
    }

    fn heap_of_limit(&self) -> Option<i64> {
        let limit = i128::from(self.number("limit.limit_bytes")?);
        i64::try_from(limit * i128::from(self.share()?) / 10_000).ok()
    }

    fn thread_stack(&self) -> i64 {
        self.number("runtime.thread_stack_bytes")
            .unwrap_or(JVM_THREAD_STACK)
    }

    /// Levels between the victim's cgroup and the one whose limit it was.
    fn levels(&self) -> Option<i64> {
        let same = |level: &Value, key: &str| {
            let of_limit = self.value("limit").and_then(|limit| limit.get(key));
            of_limit.is_some() && level.get(key) == of_limit
        };
        let at = self
            .list("hierarchy")
            .iter()
            .position(|level| same(level, "cgroup_id") || same(level, "cgroup_path"))?;
        i64::try_from(at).ok()
    }
}

/// The values that a figure may have; none if there is no rule for it.
pub(super) fn derive(code: &str, name: &str, facts: &Facts<'_>) -> Vec<i64> {
    let number = |path: &str| facts.number(path).into_iter().collect::<Vec<_>>();
    let either = |paths: &[&str]| paths.iter().filter_map(|path| facts.number(path)).collect();
    let minus = |a: &str, b: &str| {
        let both = facts.number(a).zip(facts.number(b));
        both.map(|(a, b)| a - b).into_iter().collect::<Vec<_>>()
    };
    if others::is_about_others(code) {
        return others::derive(code, name, facts);
    }
    let anon = "victim.memory.anon_bytes";
    match name {
        "limit" => either(&["limit.limit_bytes", "limit.memsw_limit_bytes"]),
        "usage" => either(&[
            "limit.usage_bytes",
            "limit.memsw_usage_bytes",
            "limit.kmem_usage_bytes",
        ]),
        "victim_anon" => number(anon),
        "victim_shmem" => number("victim.memory.shmem_bytes"),
        "victim_rss" => number("victim.memory.rss_bytes"),
        "first_site" => number("node_memory.top_allocations.0.total_bytes"),
        "second_site" => number("node_memory.top_allocations.1.total_bytes"),
        "unevictable" | "dirty" => number(&format!("limit.usage.{name}_bytes")),
        "all_else" => {
            let total = either(&["limit.usage_bytes", "limit.limit_bytes"]);
            let own = facts.number(anon);
            total
                .first()
                .zip(own)
                .map(|(total, own): (&i64, i64)| total - own)
                .into_iter()
                .collect()
        }
        "children_beyond_limit" => minus("limit.children.limits_bytes", "limit.limit_bytes"),
        "left_beside_heap" => minus("limit.limit_bytes", "runtime.max_heap_bytes"),
        "configured_beyond_limit" => {
            let limit = facts.number("limit.limit_bytes");
            facts
                .sum(&CONFIGURED)
                .zip(limit)
                .map(|(told, limit)| told - limit)
                .into_iter()
                .collect()
        }
        "victim_pgtables" => number("victim.memory.pgtables_bytes"),
        "victim_file" => number("victim.memory.file_bytes"),
        "rss" if code == PRINTED => reported(facts)
            .or_else(|| facts.number("victim.memory.rss_bytes"))
            .into_iter()
            .collect(),
        "rss_pages" if code == PRINTED => reported(facts)
            .zip(facts.number("kernel.page_size_bytes"))
            .map(|(bytes, page_size)| bytes / page_size)
            .or_else(|| facts.number("victim.memory.rss_pages"))
            .into_iter()
            .collect(),
        "rss" => number("victim.memory.rss_bytes"),
        "rss_pages" => number("victim.memory.rss_pages"),
        "rss_error_max" => number("victim.memory.rss_error_max_bytes"),
        "page_size" => number("kernel.page_size_bytes"),
        "page_cache" => either(&[
            "limit.usage.page_cache_bytes",
            "limit.usage.page_cache_and_shmem_bytes",
        ]),
        "anon" => facts.charged_anon().into_iter().collect(),
        "shmem" | "hugetlb" | "slab" | "page_tables" | "kernel_stack" | "sock" | "percpu"
        | "other_kernel" => number(&format!("limit.usage.{name}_bytes")),
        "kernel_total" => facts.kernel_total().into_iter().collect(),
        "not_freed" => {
            let of = |path: &str| facts.number(path).unwrap_or(0);
            let shared = of("limit.usage.shmem_bytes") - of("victim.memory.shmem_bytes");
            vec![shared.max(0) + of("limit.usage.slab_bytes")]
        }
        "stat_delay" => number("limit.stat_delay_us"),
        "limit_hits" => number("limit.max_events_total"),
        "levels_above_victim" => facts.levels().into_iter().collect(),
        "own_usage" => number("hierarchy.0.usage_bytes"),
        "own_limit" => number("hierarchy.0.limit_bytes"),
        "memsw_limit" | "swap_limit" => number(&format!("limit.{name}_bytes")),
        "swap_usage" => number("limit.swap_usage_bytes"),
        "swap_total" | "swap_free" => number(&format!("report.mem_info.{name}_bytes")),
        "pod_own" => number("limit.children.own_bytes"),
        "children_limited" => number("limit.children.limited_total"),
        "children_limits" => number("limit.children.limits_bytes"),
        "node_page_cache" => number("node_memory.file_bytes"),
        "node_unaccounted" => facts.unaccounted().into_iter().collect(),
        "top_slab" => number("node_memory.top_slabs.0.total_bytes"),
        "node_total"
        | "node_anon"
        | "node_shmem"
        | "node_slab"
        | "node_slab_unreclaimable"
        | "node_page_tables"
        | "node_kernel_stack"
        | "node_hugepages"
        | "node_hugepages_free" => {
            let name = name.strip_prefix("node_").unwrap_or(name);
            number(&format!("node_memory.{name}_bytes"))
        }
        "free" | "total" => number(&format!("node_memory.{name}_bytes")),
        "order" => number("trigger.order"),
        "wanted" => facts.wanted().into_iter().collect(),
        "zone_free" | "zone_min" | "zone_cma_free" | "zone_usable" | "zone_file"
        | "zone_write_pending" => zones(name, facts),
        "free_elsewhere" => elsewhere(facts),
        "victim_swap" => number("victim.memory.swap_bytes"),
        "victim_needs" => {
            let parts = [anon, "victim.memory.swap_bytes"];
            facts.sum(&parts).into_iter().collect()
        }
        "exit_code" => vec![128 + 9],
        "ns_pid" => number("victim.ns_pid"),
        "trigger_pid" => number("trigger.pid"),
        "likely_pid" => candidates(facts, "pid"),
        "likely_rss" => candidates(facts, "rss_bytes"),
        "likely_rss_pages" => candidates(facts, "rss_pages"),
        "shares_memory_with_pid" => number("victim.shares_memory_with_pid"),
        "oom_score_adj" => number("victim.oom_score_adj"),
        "totalpages" => number("incident.total_pages"),
        "adjusted_by" => {
            let total = facts.number("incident.total_pages");
            let adj = facts.number("victim.oom_score_adj");
            total
                .zip(adj)
                .map(|(total, adj)| total / 1000 * adj)
                .into_iter()
                .collect()
        }
        "number" => number("recurrence.number"),
        "since_first" => number("recurrence.since_first_us"),
        "max_heap" | "max_direct" | "max_metaspace" | "max_data" | "soft_limit" => {
            number(&format!("runtime.{name}_bytes"))
        }
        "jvm_heap_max" => number("runtime.jvm.heap_max_bytes"),
        "gc_percent" | "max_connections" => number(&format!("runtime.{name}")),
        "work_mem" => number("runtime.work_mem_bytes"),
        "connections_sum" => {
            let [buffers, each, many] = ["max_data_bytes", "work_mem_bytes", "max_connections"]
                .map(|name| facts.number(&format!("runtime.{name}")));
            let sum = buffers
                .zip(each.zip(many))
                .and_then(|(buffers, (each, many))| each.checked_mul(many)?.checked_add(buffers));
            sum.into_iter().collect()
        }
        "other_pid" => candidates(facts, "pid"),
        "max_data_twice" => facts
            .number("runtime.max_data_bytes")
            .map(|data| data * 2)
            .into_iter()
            .collect(),
        "limit_half" => facts
            .number("limit.limit_bytes")
            .map(|limit| limit / 2)
            .into_iter()
            .collect(),
        "outside_heap_min" => minus(anon, "runtime.max_heap_bytes"),
        "outside_heap" => minus(anon, "runtime.jvm.heap_capacity_bytes"),
        "heap_capacity" | "metaspace_capacity" => number(&format!("runtime.jvm.{name}_bytes")),
        "configured_sum" => facts.sum(&CONFIGURED).into_iter().collect(),
        "heap_share" => facts
            .share()
            .map(|share| (share + 50) / 100)
            .into_iter()
            .collect(),
        "heap_of_limit" => facts.heap_of_limit().into_iter().collect(),
        "left_of_limit" => {
            let limit = facts.number("limit.limit_bytes");
            limit
                .zip(facts.heap_of_limit())
                .map(|(a, b)| a - b)
                .into_iter()
                .collect()
        }
        "node_default_heap" => vec![NODE_DEFAULT_HEAP],
        "threads" => number("victim.threads"),
        "thread_stack" => vec![facts.thread_stack()],
        "thread_stacks" => facts
            .number("victim.threads")
            .map(|threads| threads * facts.thread_stack())
            .into_iter()
            .collect(),
        "charged_beyond_tasks" => minus("limit.usage.anon_bytes", "report.tasks_rss_bytes"),
        "tasks_rss" => number("report.tasks_rss_bytes"),
        "suppressed_callbacks" => number("report.suppressed_callbacks"),
        _ => Vec::new(),
    }
}

/// A figure of every candidate.
fn candidates(facts: &Facts<'_>, name: &str) -> Vec<i64> {
    let all = facts.list("candidates").iter();
    all.filter_map(|one| one[name].as_i64()).collect()
}

/// What the message may say.
pub(super) fn of_message(facts: &Facts<'_>) -> Vec<String> {
    let amounts = [
        "limit.limit_bytes",
        "limit.usage_bytes",
        "limit.memsw_limit_bytes",
        "victim.memory.anon_bytes",
        "victim.memory.shmem_bytes",
        "victim.memory.rss_bytes",
        "victim.memory.swap_bytes",
        "limit.usage.anon_bytes",
        "limit.usage.shmem_bytes",
        "limit.usage.hugetlb_bytes",
        "limit.usage.page_cache_bytes",
        "runtime.max_heap_bytes",
        "runtime.jvm.heap_max_bytes",
        "node_memory.total_bytes",
        "node_memory.anon_bytes",
        "node_memory.file_bytes",
        "node_memory.shmem_bytes",
        "node_memory.slab_bytes",
        "node_memory.page_tables_bytes",
        "node_memory.kernel_stack_bytes",
        "node_memory.hugepages_bytes",
    ];
    let numbers = [
        "victim.pid",
        "trigger.pid",
        "incident.chosen.pid",
        "victim.shares_memory_with_pid",
        "pid",
        "kills_missed_min",
        "kills_missed_max",
        "exit_signal",
    ];
    let mut allowed: Vec<String> = amounts
        .iter()
        .filter_map(|path| facts.number(path))
        .chain(facts.kernel_total())
        .chain(facts.charged_anon())
        .chain(facts.unaccounted())
        .chain(facts.wanted())
        .chain(elsewhere(facts))
        .chain(ZONE.iter().flat_map(|name| zones(name, facts)))
        .map(text::amount)
        .collect();
    allowed.extend(
        numbers
            .iter()
            .filter_map(|path| Some(facts.number(path)?.to_string())),
    );
    if let Some(us) = facts.number("exit_latency_us") {
        allowed.push(format!("{us} µs"));
        allowed.push(format!("{}.{} ms", us / 1000, us % 1000 / 100));
        allowed.push(format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000));
    }
    allowed
}

/// What says how the kernel prints the victim's RSS.
const PRINTED: &str = "report_counts_pages";

/// The victim's RSS as the kernel prints it, where that is not what the victim's own figures are.
fn reported(facts: &Facts<'_>) -> Option<i64> {
    let parts =
        ["anon", "file", "shmem"].map(|part| format!("victim.memory_reported.{part}_bytes"));
    facts.sum(&parts.each_ref().map(String::as_str))
}

//! Every number of the event is compared with something, or is on a list with the reason.

use serde_json::Value;

use super::fields::Check;
use crate::report::Dump;

/// What neither the kernel's report nor its files tell: the field or what it is part of, numbers of
/// lists left out. The tests of each say what they are held against.
const UNTOLD: &[&str] = &[
    // oomtrace's own measurements and words.
    "limit.stat_delay_us",
    "node_memory.meminfo_delay_us",
    // The kernel prints neither in a report.
    "node_memory.per_cpu_bytes",
    "node_memory.zswap_bytes",
    // How many bytes of a cache are in use depends on the moment.
    "node_memory.top_slabs.used_bytes",
    "findings",
    "runtime",
    // Not printed; the scene `plain` knows them.
    "victim.ns_pid",
    "victim.parent_pid",
    "victim.start_since_boot_us",
    "victim.threads",
    "victim.cmdline_total_bytes",
    // Of a trigger that lives outside of the cgroup there is no row.
    "trigger.pid",
    "trigger.uid",
    // Of a cgroup that has gone, or that was not at its limit, there is nothing left to read.
    "trigger.cgroup_id",
    "victim.cgroup_id",
    "limit.cgroup_id",
    "limit.low_bytes",
    "limit.min_bytes",
    "limit.oom_kill_events_total",
    "hierarchy.cgroup_id",
    "hierarchy.limit_bytes",
    "hierarchy.memsw_limit_bytes",
    "hierarchy.swap_limit_bytes",
    "hierarchy.memsw_usage_bytes",
    "hierarchy.swap_usage_bytes",
    "hierarchy.kmem_usage_bytes",
    "hierarchy.peak_bytes",
    "hierarchy.max_events_total",
    "hierarchy.oom_kill_events_total",
    // Read after the report, and nothing of the kernel's says what was given back since. They are
    // parts of a sum that is compared.
    "limit.usage.freed_before_read_bytes",
    "limit.usage.being_freed_bytes",
    "limit.usage.hugetlb_bytes",
    "limit.usage.unattributed_bytes",
    "limit.usage.overcounted_bytes",
    // The log says when the reaper was done; of the rest it has no line.
    "exit_latency_us",
    "alive_after_us",
    // The scenarios know them.
    "limit.children",
    "recurrence",
];

impl Check<'_> {
    /// Small things that the report or the table of tasks tells.
    pub(super) fn rest(&mut self, dump: &Dump, killed_at_us: u64) {
        self.amount("lost_records", 0);
        // The log's clock is not the one of the events; matching the two allows as much.
        self.near("since_boot_us", killed_at_us, 2_000_000);
        let tid = dump.trigger_tid;
        if let Some(row) = dump.tasks.iter().find(|row| Some(row.pid) == tid) {
            self.number("trigger.pid", row.tgid);
            self.number("trigger.uid", row.uid);
        }
        self.totalpages(dump);
        self.kernel_parts(dump);
    }

    /// What of the cgroup is the kernel's own: nothing may have come that the report does not know.
    fn kernel_parts(&mut self, dump: &Dump) {
        let slack = self.charge_bound() * 2;
        for (field, names) in [
            ("slab_bytes", &["slab"][..]),
            ("page_tables_bytes", &["pagetables"]),
            ("kernel_stack_bytes", &["kernel_stack"]),
            ("sock_bytes", &["sock"]),
            ("percpu_bytes", &["percpu"]),
            ("other_kernel_bytes", &["kernel"]),
            ("thp_bytes", &["anon_thp", "total_rss_huge"]),
            ("unevictable_bytes", &["total_unevictable", "unevictable"]),
            ("dirty_bytes", &["total_dirty", "file_dirty"]),
        ] {
            let field = format!("limit.usage.{field}");
            if self.event.at(&field).is_none() {
                continue;
            }
            let told = names.iter().find_map(|name| dump.stats.get(*name)).copied();
            // Version 1 counts all of it by a counter of its own, and does not print parts.
            let all = dump.kernel_memory.map(|counter| counter.usage_kib << 10);
            if let Some(most) = told.or(all) {
                self.at_most(&field, most.saturating_add(slack));
            }
        }
    }

    /// Whatever has not been looked at must be on the list.
    pub(super) fn untold(&mut self) {
        let mut all = Vec::new();
        numbers("", &self.event.value, &mut all);
        for field in all {
            let seen = self.compared.iter().any(|one| one.field == field);
            if seen {
                continue;
            }
            let plain: Vec<&str> = field
                .split('.')
                .filter(|part| part.parse::<u32>().is_err())
                .collect();
            let plain = plain.join(".");
            let listed = UNTOLD.iter().any(|listed| {
                plain
                    .strip_prefix(listed)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            if listed {
                self.cannot_tell(&field);
            } else {
                self.differ(&field, "something to compare it with", self.show(&field));
            }
        }
    }
}

fn numbers(path: &str, value: &Value, found: &mut Vec<String>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                numbers(&below(key), value, found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                numbers(&below(&index.to_string()), value, found);
            }
        }
        Value::Number(_) => found.push(path.to_owned()),
        _ => {}
    }
}

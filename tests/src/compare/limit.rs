//! Whose limit it was, what filled it, and the cgroups around it.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::fields::Check;
use super::total::meminfo_bytes;
use super::{Manner, Rss};
use crate::report::{Counter, Dump};

impl Check<'_> {
    pub(super) fn limit(&mut self, dump: &Dump) -> Result<()> {
        let Some(oom_memcg) = dump.limit_path() else {
            if self.event.at("limit").is_some() {
                self.differ("limit", "nothing: a global OOM", self.show("limit"));
            }
            return Ok(());
        };
        self.bytes("limit.cgroup_path", oom_memcg);
        let memory = dump.memory.context("a report without memory:")?;
        self.counter("limit.usage_bytes", "limit.limit_bytes", memory);
        if let Some(counter) = dump.memory_and_swap {
            self.number("limit.cgroup_version", 1);
            self.counter(
                "limit.memsw_usage_bytes",
                "limit.memsw_limit_bytes",
                counter,
            );
        }
        if let Some(counter) = dump.kernel_memory {
            self.near(
                "limit.kmem_usage_bytes",
                counter.usage_kib << 10,
                self.charge_bound(),
            );
        }
        if let Some(counter) = dump.swap {
            self.number("limit.cgroup_version", 2);
            self.counter("limit.swap_usage_bytes", "limit.swap_limit_bytes", counter);
        }
        const SWAP: &str = "limit.node_swap_total_bytes";
        if self.event.at(SWAP).is_some() {
            self.amount(SWAP, meminfo_bytes("SwapTotal:"));
        }
        // The event is later than the report, and the count only grows. Version 2 counts a charge
        // that hit the limit once; the report has how often it was tried, or nothing. Who sets the
        // limit below what is used charges nothing (`memory_max_write()`), and asks from outside.
        let asking = self.event.u64("trigger.pid");
        let charged = dump
            .tasks
            .iter()
            .any(|row| Some(u64::from(row.tgid)) == asking || Some(row.pid) == dump.trigger_tid);
        let least = match dump.memory_and_swap {
            Some(_) => memory.failcnt,
            None => u64::from(charged),
        };
        match self.event.u64("limit.max_events_total") {
            Some(count) if count < least => {
                self.differ("limit.max_events_total", format!("at least {least}"), count);
            }
            None if !self.event.says_missing("limit.max_events_total") => {
                self.differ(
                    "limit.max_events_total",
                    least,
                    "nothing, and missing gives no reason",
                );
            }
            _ => self.monotone("limit.max_events_total"),
        }
        let usage = self.event.u64("limit.usage_bytes").unwrap_or_default();
        self.at_least("limit.peak_bytes", usage);
        Ok(())
    }

    pub(super) fn counter(&mut self, usage: &str, limit: &str, counter: Counter) {
        let (kernel, bound) = (counter.usage_kib << 10, self.charge_bound());
        let freed = self
            .event
            .u64(usage)
            .is_some_and(|value| value.saturating_add(bound) < kernel);
        if freed && self.rss != Rss::Exact {
            // Others run on: an earlier victim may be giving its memory back between the two readings.
            self.at_most(usage, kernel);
        } else {
            self.near(usage, kernel, bound);
        }
        match counter.limit_bytes(self.page_size) {
            Some(bytes) => self.amount(limit, bytes),
            None if self.event.at(limit).is_some() => {
                self.differ(limit, "nothing: no limit", self.show(limit))
            }
            None => {}
        }
    }

    /// Between the report and the capture, each processor may charge a batch (`MEMCG_CHARGE_BATCH`)
    /// or give its stock back.
    pub(super) fn charge_bound(&self) -> u64 {
        64 * (self.cpus + 1) * self.page_size
    }

    /// The parts are disjoint: they add up. They were read after the kill, so the victim's own memory
    /// may have gone, and nothing may have come that the report does not know.
    pub(super) fn usage(&mut self, dump: &Dump) {
        if dump.limit_path().is_none() {
            // No cgroup's limit was hit, so none is told apart.
            return;
        }
        let Some(usage) = self.event.at("limit.usage").and_then(Value::as_object) else {
            return self.absent("limit.usage", "what filled the cgroup");
        };
        let outside = [
            "thp_bytes",
            "unevictable_bytes",
            "dirty_bytes",
            "overcounted_bytes",
        ];
        let sum: u64 = usage
            .iter()
            .filter(|(key, _)| !outside.contains(&key.as_str()))
            .filter_map(|(_, value)| value.as_u64())
            .sum();
        let over = self
            .event
            .u64("limit.usage.overcounted_bytes")
            .unwrap_or_default();
        self.amount("limit.usage_bytes", sum.saturating_sub(over));
        // Names on cgroup v1, with those below it; on v2 each cgroup has those below it in its own.
        let stat = |v1: &str, v2: &str| dump.stats.get(v1).or_else(|| dump.stats.get(v2)).copied();
        let slack = self.charge_bound() * 2;
        if let Some(anon) = stat("total_rss", "anon") {
            // Other processes go on asking: they get what the victim gives back, up to the limit.
            let others = dump.memory.filter(|_| dump.tasks.len() > 1);
            let limit = others.and_then(|memory| memory.limit_bytes(self.page_size));
            let most = anon.max(limit.unwrap_or_default());
            self.at_most("limit.usage.anon_bytes", most.saturating_add(slack));
        }
        let (cache, shmem) = (stat("total_cache", "file"), stat("total_shmem", "shmem"));
        if let (Some(cache), Some(shmem)) = (cache, shmem) {
            self.at_most(
                "limit.usage.page_cache_bytes",
                cache.saturating_sub(shmem).saturating_add(slack),
            );
            self.at_most("limit.usage.shmem_bytes", shmem.saturating_add(slack));
        }
    }

    fn at_least(&mut self, field: &str, least: u64) {
        if self.event.u64(field).is_some_and(|value| value >= least) {
            self.monotone(field);
        } else {
            self.differ(field, format!("at least {least}"), self.show(field));
        }
    }

    pub(super) fn at_most(&mut self, field: &str, most: u64) {
        if self.event.u64(field).is_some_and(|value| value <= most) {
            self.monotone(field);
        } else {
            self.differ(field, format!("at most {most}"), self.show(field));
        }
    }

    /// From the victim's cgroup up to the root, with the limiting one among them.
    pub(super) fn hierarchy(&mut self, dump: &Dump) -> Result<()> {
        let summary = dump
            .summary
            .as_ref()
            .context("a report without its summary")?;
        let mut wanted = Vec::new();
        let mut path = summary.task_memcg.as_slice();
        while path != b"/" && !path.is_empty() {
            wanted.push(path.to_vec());
            let end = path
                .iter()
                .rposition(|byte| *byte == b'/')
                .unwrap_or_default();
            path = path.get(..end).unwrap_or_default();
        }
        wanted.push(b"/".to_vec());
        if self.manner == Manner::AsStated && self.event.missing_reason("hierarchy").is_some() {
            self.differ("hierarchy", format!("{} levels", wanted.len()), "nothing");
            return Ok(());
        }
        let levels = self.event.list("hierarchy").len();
        let total = u64::try_from(wanted.len()).context("levels")?;
        self.amount("hierarchy_total", total);
        if self.trimmed("hierarchy") || self.event.says_missing("hierarchy") {
            return Ok(());
        }
        if levels != wanted.len() {
            self.differ(
                "hierarchy",
                format!("{} levels", wanted.len()),
                format!("{levels} levels"),
            );
            return Ok(());
        }
        for (index, path) in wanted.iter().enumerate() {
            let level = format!("hierarchy.{index}");
            self.bytes(&format!("{level}.cgroup_path"), path);
            if Some(path) == summary.oom_memcg.as_ref() {
                let limit = dump
                    .memory
                    .and_then(|counter| counter.limit_bytes(self.page_size));
                if let Some(limit) = limit {
                    self.amount(&format!("{level}.limit_bytes"), limit);
                }
            }
        }
        Ok(())
    }
}

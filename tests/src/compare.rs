//! Holds an event against the kernel's own report of the same kill, field by field.

use std::fmt;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::bytes;
use crate::event::Event;
use crate::host;
use crate::report::{Counter, Dump, KillReport};

/// How near the event's RSS figures have to be to the report's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rss {
    /// Equal: nothing of the victim ran between the two readings.
    Exact,
    /// So many bytes off at most, each: other threads of the victim ran on.
    Within(u64),
}

/// A field that is not what the kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field, as a path of keys with dots.
    pub field: String,
    /// What it must be.
    pub kernel: String,
    /// What it is.
    pub event: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: the kernel says {}, the event {}",
            self.field, self.kernel, self.event
        )
    }
}

/// All differences; none where the event tells what the kernel told.
///
/// # Errors
/// The report is not complete enough to compare with.
pub fn compare(event: &Event, report: &KillReport, rss: Rss) -> Result<Vec<Difference>> {
    let dump = report.dump.as_ref().context("a report without its dump")?;
    let mut check = Check {
        event,
        page_size: host::page_size(),
        cpus: host::possible_cpus()?,
        differences: Vec::new(),
    };
    check.header();
    check.victim(report)?;
    check.memory(report, rss)?;
    check.incident(dump)?;
    check.trigger(dump)?;
    check.limit(dump)?;
    check.usage(dump);
    check.hierarchy(dump)?;
    check.candidates(dump);
    Ok(check.differences)
}

struct Check<'a> {
    event: &'a Event,
    page_size: u64,
    cpus: u64,
    differences: Vec<Difference>,
}

impl Check<'_> {
    fn differ(&mut self, field: &str, kernel: impl fmt::Display, event: impl fmt::Display) {
        self.differences.push(Difference {
            field: field.to_owned(),
            kernel: kernel.to_string(),
            event: event.to_string(),
        });
    }

    fn show(&self, field: &str) -> String {
        self.event
            .at(field)
            .map_or_else(|| "nothing".to_owned(), Value::to_string)
    }

    /// The field must be there and be this number.
    fn number(&mut self, field: &str, kernel: impl Into<i64>) {
        let kernel = kernel.into();
        if self.event.i64(field) != Some(kernel) {
            self.differ(field, kernel, self.show(field));
        }
    }

    /// The field must be there and be this many.
    fn amount(&mut self, field: &str, kernel: u64) {
        self.near(field, kernel, 0);
    }

    /// The field must be there and be no further off than the bound.
    fn near(&mut self, field: &str, kernel: u64, bound: u64) {
        if self
            .event
            .u64(field)
            .is_none_or(|value| value.abs_diff(kernel) > bound)
        {
            let bound = if bound == 0 {
                String::new()
            } else {
                format!(" ± {bound}")
            };
            self.differ(field, format!("{kernel}{bound}"), self.show(field));
        }
    }

    fn text(&mut self, field: &str, kernel: &str) {
        if self.event.text(field) != Some(kernel) {
            self.differ(field, kernel, self.show(field));
        }
    }

    fn bytes(&mut self, field: &str, kernel: &[u8]) {
        let found = self.event.bytes(field);
        if found.as_deref() != Some(kernel) {
            let found = found.map_or_else(
                || "nothing".to_owned(),
                |found| found.escape_ascii().to_string(),
            );
            self.differ(field, kernel.escape_ascii(), found);
        }
        // The original stands beside the text only where the text lost something.
        let lossless = str::from_utf8(kernel).is_ok();
        let hex = format!("{field}_hex");
        if self.event.at(&hex).is_some() == lossless {
            let wanted = if lossless {
                "nothing".to_owned()
            } else {
                bytes::to_hex(kernel)
            };
            self.differ(&hex, wanted, self.show(&hex));
        }
    }

    /// The field may be absent where `missing` says why; else it must be this.
    fn number_or_missing(&mut self, field: &str, kernel: impl Into<i64>) {
        if self.event.at(field).is_some() {
            self.number(field, kernel);
        } else if !self.event.says_missing(field) {
            self.differ(field, kernel.into(), "nothing, and missing gives no reason");
        }
    }

    fn header(&mut self) {
        self.text("level", "error");
        self.text("event", "oom_kill");
        self.text("source", "bpf");
        self.number("schema_version", 1);
        self.amount("kernel.page_size_bytes", self.page_size);
        let release = rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned();
        self.text("kernel.release", &release);
        if self.event.text("message").is_none_or(str::is_empty) {
            self.differ("message", "a sentence", "nothing");
        }
        for field in ["timestamp", "observed_timestamp"] {
            let time = self
                .event
                .text(field)
                .and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let age = time.map(|time| jiff::Timestamp::now().duration_since(time).as_secs());
            if age.is_none_or(|age| !(0..=60).contains(&age)) {
                self.differ(field, "less than a minute ago", self.show(field));
            }
        }
    }

    fn victim(&mut self, report: &KillReport) -> Result<()> {
        let row = report
            .row()
            .context("the victim is not in the table of tasks")?;
        let dump = report.dump.as_ref().context("a report without its dump")?;
        let summary = dump
            .summary
            .as_ref()
            .context("a report without its summary")?;
        self.number("victim.tid", report.killed.tid);
        self.number("victim.pid", row.tgid);
        self.bytes("victim.comm", &report.killed.comm);
        self.number("victim.uid", report.killed.uid);
        self.number("victim.oom_score_adj", report.killed.oom_score_adj);
        self.bytes("victim.cgroup_path", &summary.task_memcg);
        let message = self.event.text("message").unwrap_or_default();
        if !message.contains(&row.tgid.to_string()) {
            self.differ(
                "message",
                format!("names process {}", row.tgid),
                format!("{message:?}"),
            );
        }
        Ok(())
    }

    fn memory(&mut self, report: &KillReport, rss: Rss) -> Result<()> {
        let row = report
            .row()
            .context("the victim is not in the table of tasks")?;
        let killed = &report.killed;
        let page = self.page_size;
        // Where the event's own reading sums all processors, it may differ from the kernel's by what
        // those hold back; then the kernel's reading stands beside it.
        let apart = self.event.at("victim.memory_reported").is_some();
        let own = self.event.u64("victim.memory.rss_error_max_bytes");
        if own.is_none() {
            self.differ("victim.memory.rss_error_max_bytes", "a bound", "nothing");
        }
        let within = match rss {
            Rss::Exact => 0,
            Rss::Within(bytes) => bytes,
        };
        let batch = host::rss_batch_bytes()?;
        let bound = if apart { within + batch } else { within };
        let parts = [
            ("anon_bytes", killed.anon_rss_kib),
            ("file_bytes", killed.file_rss_kib),
            ("shmem_bytes", killed.shmem_rss_kib),
        ];
        for (name, kib) in parts {
            self.near(&format!("victim.memory.{name}"), kib << 10, bound);
            if apart {
                self.near(&format!("victim.memory_reported.{name}"), kib << 10, within);
            }
        }
        self.near("victim.memory.rss_bytes", row.rss * page, bound * 3);
        self.near("victim.memory.rss_pages", row.rss, bound * 3 / page);
        self.near("victim.memory.swap_bytes", row.swapents * page, bound);
        // Threads that run on may touch new tables and map more.
        let mapped = if rss == Rss::Exact { 0 } else { within };
        self.near("victim.memory.pgtables_bytes", row.pgtables_bytes, mapped);
        self.near(
            "victim.memory.virtual_bytes",
            killed.total_vm_kib << 10,
            mapped,
        );
        let get = |name: &str| {
            self.event
                .u64(&format!("victim.memory.{name}"))
                .unwrap_or_default()
        };
        let sum: u64 = parts.iter().map(|(name, _)| get(name)).sum();
        self.amount("victim.memory.rss_bytes", sum);
        self.amount("victim.memory.rss_bytes", get("rss_pages") * page);
        Ok(())
    }

    fn incident(&mut self, dump: &Dump) -> Result<()> {
        let summary = dump
            .summary
            .as_ref()
            .context("a report without its summary")?;
        let constraint = summary
            .constraint
            .trim_start_matches("CONSTRAINT_")
            .to_lowercase();
        let constraint = if constraint == "memory_policy" {
            "mempolicy"
        } else {
            constraint.as_str()
        };
        self.text("incident.constraint", constraint);
        self.text(
            "incident.scope",
            if summary.oom_memcg.is_some() {
                "memcg"
            } else {
                "global"
            },
        );
        self.text("incident.kill_kind", "chosen");
        self.number("incident.kill_index", 0);
        Ok(())
    }

    fn trigger(&mut self, dump: &Dump) -> Result<()> {
        let tid = dump.trigger_tid.context("a report without its trigger")?;
        self.number("trigger.tid", tid);
        self.bytes("trigger.comm", &dump.invoked.comm);
        let mask = i64::try_from(dump.invoked.gfp_mask).context("gfp_mask")?;
        self.number_or_missing("trigger.gfp_mask", mask);
        self.number_or_missing("trigger.order", dump.invoked.order);
        if self.event.at("trigger.gfp_mask").is_some() {
            let names: Vec<&str> = self
                .event
                .list("trigger.gfp_flags")
                .iter()
                .filter_map(Value::as_str)
                .collect();
            if names.join("|") != dump.invoked.gfp_flags {
                self.differ(
                    "trigger.gfp_flags",
                    &dump.invoked.gfp_flags,
                    names.join("|"),
                );
            }
        }
        Ok(())
    }

    fn limit(&mut self, dump: &Dump) -> Result<()> {
        let summary = dump
            .summary
            .as_ref()
            .context("a report without its summary")?;
        let Some(oom_memcg) = &summary.oom_memcg else {
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
        // The event is later than the report, and the count only grows.
        match self.event.u64("limit.max_events_total") {
            Some(count) if count < memory.failcnt => {
                self.differ(
                    "limit.max_events_total",
                    format!("at least {}", memory.failcnt),
                    count,
                );
            }
            None if !self.event.says_missing("limit.max_events_total") => {
                self.differ(
                    "limit.max_events_total",
                    memory.failcnt,
                    "nothing, and missing gives no reason",
                );
            }
            _ => {}
        }
        let usage = self.event.u64("limit.usage_bytes").unwrap_or_default();
        if self
            .event
            .u64("limit.peak_bytes")
            .is_none_or(|peak| peak < usage)
        {
            self.differ(
                "limit.peak_bytes",
                format!("at least {usage}"),
                self.show("limit.peak_bytes"),
            );
        }
        Ok(())
    }

    fn counter(&mut self, usage: &str, limit: &str, counter: Counter) {
        self.near(usage, counter.usage_kib << 10, self.charge_bound());
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
    fn charge_bound(&self) -> u64 {
        64 * (self.cpus + 1) * self.page_size
    }

    /// The parts are disjoint: they add up. They were read after the kill, so the victim's own memory
    /// may have gone, and nothing may have come that the report does not know.
    fn usage(&mut self, dump: &Dump) {
        let Some(usage) = self.event.at("limit.usage").and_then(Value::as_object) else {
            if !self.event.says_missing("limit.usage") {
                self.differ(
                    "limit.usage",
                    "what filled the cgroup",
                    "nothing, and missing gives no reason",
                );
            }
            return;
        };
        let outside = ["thp_bytes", "overcounted_bytes"];
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
            self.at_most("limit.usage.anon_bytes", anon.saturating_add(slack));
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

    fn at_most(&mut self, field: &str, most: u64) {
        if self.event.u64(field).is_none_or(|value| value > most) {
            self.differ(field, format!("at most {most}"), self.show(field));
        }
    }

    /// From the victim's cgroup up to the root, with the limiting one among them.
    fn hierarchy(&mut self, dump: &Dump) -> Result<()> {
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
        let levels = self.event.list("hierarchy").len();
        let total = u64::try_from(wanted.len()).context("levels")?;
        self.amount("hierarchy_total", total);
        let trimmed = self
            .event
            .list("truncated")
            .iter()
            .filter_map(Value::as_str)
            .any(|name| name.contains("hierarchy"));
        if trimmed || self.event.says_missing("hierarchy") {
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

    /// Each candidate is a task of the kernel's table; the probe may know fewer.
    fn candidates(&mut self, dump: &Dump) {
        for index in 0..self.event.list("candidates").len() {
            let base = format!("candidates.{index}");
            let pid = self.event.u64(&format!("{base}.pid"));
            let Some(row) = dump
                .tasks
                .iter()
                .find(|row| Some(u64::from(row.pid)) == pid)
            else {
                self.differ(&base, "no such task in its table", self.show(&base));
                continue;
            };
            self.bytes(&format!("{base}.comm"), &row.name);
            self.number(&format!("{base}.oom_score_adj"), row.oom_score_adj);
        }
    }
}

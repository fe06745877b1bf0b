//! The event itself, who died, who asked, and who else was considered.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::fields::Check;
use super::{Manner, Rss};
use crate::host;
use crate::process::Executed;
use crate::report::{Dump, KillReport};

impl Check<'_> {
    pub(super) fn header(&mut self, event: &str, level: &str) {
        self.text("level", level);
        self.text("event", event);
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
    }

    /// It is of now.
    pub(super) fn fresh(&mut self) {
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

    pub(super) fn victim(&mut self, report: &KillReport) -> Result<()> {
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

    /// What it ran, as the test saw it when it had just been started.
    pub(super) fn executable(&mut self, executed: Option<&Executed>) {
        let Some(executed) = executed else {
            return self.cannot_tell("victim.exe");
        };
        self.bytes("victim.exe", &executed.path);
        if self.event.at("victim.exe").is_none() {
            return;
        }
        let deleted = "victim.exe_deleted";
        if self.event.at(deleted) == Some(&Value::from(executed.deleted)) {
            self.agree(deleted, 0);
        } else {
            self.differ(deleted, executed.deleted, self.show(deleted));
        }
    }

    pub(super) fn memory(&mut self, report: &KillReport, rss: Rss) -> Result<()> {
        let row = report
            .row()
            .context("the victim is not in the table of tasks")?;
        let killed = &report.killed;
        let page = self.page_size;
        // Where the event's own reading sums all processors, it may differ from the kernel's by what
        // those hold back; then the central counters stand beside it. Which of the two the kernel's
        // log shows differs between kernels, but it is one of them.
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
        if let Some(own) = own {
            // No event may give itself more room than the kernel's counters can be off.
            self.amount(
                "victim.memory.rss_error_max_bytes",
                own.min(self.most_off()),
            );
        }
        let stated = self.stated();
        let parts = [
            ("anon_bytes", killed.anon_rss_kib),
            ("file_bytes", killed.file_rss_kib),
            ("shmem_bytes", killed.shmem_rss_kib),
        ];
        let sums = parts.iter().all(|(name, kib)| {
            let sum = self.event.u64(&format!("victim.memory.{name}"));
            sum.is_some_and(|sum| sum.abs_diff(kib << 10) <= within)
        });
        let (bound, central) = match (apart, sums) {
            (false, _) => (within, within),
            (true, true) => (within, within + batch),
            (true, false) => (within + batch, within),
        };
        for (name, kib) in parts {
            self.near_as_stated(&format!("victim.memory.{name}"), kib << 10, bound, stated);
            if apart {
                self.near(
                    &format!("victim.memory_reported.{name}"),
                    kib << 10,
                    central,
                );
            }
        }
        let (three, stated_three) = (bound * 3, stated * 3);
        // The table is of the moment before the kill. Where threads keep a share of their counters
        // to themselves, those have come in since; the line of the kill is the later one then.
        let line_kib: u64 = parts.iter().map(|(_, kib)| kib).sum();
        let pages = match self.manner {
            Manner::Strict => row.rss,
            Manner::AsStated => (line_kib << 10) / page,
        };
        self.near_as_stated("victim.memory.rss_bytes", pages * page, three, stated_three);
        self.near_as_stated(
            "victim.memory.rss_pages",
            pages,
            three / page,
            stated_three / page,
        );
        self.near_as_stated(
            "victim.memory.swap_bytes",
            row.swapents * page,
            bound,
            stated,
        );
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
        if self.event.at("victim.memory.rss_bytes").is_none() {
            return Ok(());
        }
        let sum: u64 = parts.iter().map(|(name, _)| get(name)).sum();
        self.amount("victim.memory.rss_bytes", sum);
        self.amount("victim.memory.rss_bytes", get("rss_pages") * page);
        Ok(())
    }

    pub(super) fn incident(&mut self, dump: &Dump) -> Result<()> {
        let constraint = dump
            .constraint()
            .context("a report without its summary")?
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
            if dump.limit_path().is_some() {
                "memcg"
            } else {
                "global"
            },
        );
        Ok(())
    }

    /// The kernel's report is of the one that it chose.
    pub(super) fn chosen(&mut self) {
        self.text("incident.kill_kind", "chosen");
        self.number("incident.kill_index", 0);
    }

    pub(super) fn trigger(&mut self, dump: &Dump) -> Result<()> {
        let tid = dump.trigger_tid.context("a report without its trigger")?;
        self.number("trigger.tid", tid);
        self.bytes("trigger.comm", &dump.invoked.comm);
        let mask = i64::try_from(dump.invoked.gfp_mask).context("gfp_mask")?;
        self.number("trigger.gfp_mask", mask);
        self.number("trigger.order", dump.invoked.order);
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
}

//! What the kernel's files still say of the cgroups: an oracle for what its report does not print.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use anyhow::Result;

use super::fields::Check;
use crate::{counters, host};

/// A cgroup that is still there.
struct Place {
    directory: PathBuf,
    v1: bool,
}

impl Place {
    fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.directory.join(file)).ok()
    }

    fn number(&self, file: &str) -> Option<u64> {
        self.text(file)?.trim().parse().ok()
    }

    fn counter(&self, key: &str) -> Option<u64> {
        if self.v1 {
            return match key {
                "max" => self.number("memory.failcnt"),
                _ => counters::value(&self.text("memory.oom_control")?, key),
            };
        }
        counters::value(&self.text("memory.events")?, key)
    }
}

impl Check<'_> {
    /// Every cgroup that the event names, against what its files say now: ids and limits are the
    /// same, counters have only grown, and what is gone cannot be asked.
    pub(super) fn cgroup_files(&mut self) -> Result<()> {
        let mut prefixes = vec!["trigger".to_owned(), "victim".to_owned()];
        for prefix in &prefixes {
            if let Some(place) = self.place(prefix)? {
                self.id(prefix, &place);
            }
        }
        prefixes.clear();
        prefixes.push("limit".to_owned());
        let levels = self.event.list("hierarchy").len();
        prefixes.extend((0..levels).map(|level| format!("hierarchy.{level}")));
        for prefix in &prefixes {
            let Some(place) = self.place(prefix)? else {
                continue;
            };
            self.id(prefix, &place);
            self.limits(prefix, &place);
            self.grown(prefix, "max_events_total", place.counter("max"));
            self.grown(prefix, "oom_kill_events_total", place.counter("oom_kill"));
            let peak = if place.v1 {
                "memory.max_usage_in_bytes"
            } else {
                "memory.peak"
            };
            self.grown(prefix, "peak_bytes", place.number(peak));
            for (field, file) in [("low_bytes", "memory.low"), ("min_bytes", "memory.min")] {
                let field = format!("{prefix}.{field}");
                if let (Some(_), Some(value)) = (self.event.u64(&field), place.number(file)) {
                    self.amount(&field, value);
                }
            }
        }
        for prefix in &prefixes {
            // What is charged now was no more than the most that ever was.
            let (usage, peak) = (
                format!("{prefix}.usage_bytes"),
                format!("{prefix}.peak_bytes"),
            );
            if let (Some(_), Some(peak)) = (self.event.u64(&usage), self.event.u64(&peak)) {
                self.at_most(&usage, peak);
            }
        }
        self.same_level();
        Ok(())
    }

    fn place(&self, prefix: &str) -> Result<Option<Place>> {
        let controller = host::memory_controller()?;
        let Some(path) = self.event.bytes(&format!("{prefix}.cgroup_path")) else {
            return Ok(None);
        };
        let root = controller
            .root
            .strip_suffix(b"/")
            .unwrap_or(&controller.root);
        let Some(below) = path.strip_prefix(root) else {
            return Ok(None);
        };
        let below = below.strip_prefix(b"/").unwrap_or(below);
        let place = Place {
            directory: controller.mount.join(OsStr::from_bytes(below)),
            v1: controller.version == 1,
        };
        Ok(place.directory.is_dir().then_some(place))
    }

    fn id(&mut self, prefix: &str, place: &Place) {
        let field = format!("{prefix}.cgroup_id");
        if let (Some(_), Ok(metadata)) = (self.event.u64(&field), fs::metadata(&place.directory)) {
            self.amount(&field, metadata.ino());
        }
    }

    fn limits(&mut self, prefix: &str, place: &Place) {
        let files: &[(&str, &str)] = if place.v1 {
            &[
                ("limit_bytes", "memory.limit_in_bytes"),
                ("memsw_limit_bytes", "memory.memsw.limit_in_bytes"),
            ]
        } else {
            &[
                ("limit_bytes", "memory.max"),
                ("swap_limit_bytes", "memory.swap.max"),
            ]
        };
        // PAGE_COUNTER_MAX, in bytes.
        let unlimited = i64::MAX.unsigned_abs() / self.page_size * self.page_size;
        for (name, file) in files {
            let field = format!("{prefix}.{name}");
            match place.number(file).filter(|limit| *limit < unlimited) {
                Some(limit) => self.amount(&field, limit),
                None if self.event.at(&field).is_some() && place.text(file).is_some() => {
                    self.differ(&field, "nothing: no limit", self.show(&field));
                }
                None => {}
            }
        }
    }

    fn grown(&mut self, prefix: &str, name: &str, now: Option<u64>) {
        let field = format!("{prefix}.{name}");
        if let (Some(_), Some(now)) = (self.event.u64(&field), now) {
            self.at_most(&field, now);
        }
    }

    /// The level whose limit was hit has the same figures in both places.
    fn same_level(&mut self) {
        let path = self.event.bytes("limit.cgroup_path");
        let levels = self.event.list("hierarchy").len();
        for level in (0..levels).map(|level| format!("hierarchy.{level}")) {
            if path.is_none() || self.event.bytes(&format!("{level}.cgroup_path")) != path {
                continue;
            }
            for name in [
                "usage_bytes",
                "memsw_usage_bytes",
                "swap_usage_bytes",
                "kmem_usage_bytes",
            ] {
                if let Some(value) = self.event.u64(&format!("limit.{name}")) {
                    self.amount(&format!("{level}.{name}"), value);
                }
            }
        }
    }
}

//! The node's memory, where it was the node that ran out.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::fields::Check;
use crate::report::{Dump, MemInfo};

/// The kernel prints its figures before it kills, and the printing takes its time: meanwhile others
/// allocate and free.
const MOVED_BYTES: u64 = 4 << 20;

/// Figures of a zone and the kernel's names of their parts.
const LISTS: [(&str, &[&str]); 4] = [
    ("cma_free", &["free_cma"]),
    ("anon_list", &["active_anon", "inactive_anon"]),
    ("file_list", &["active_file", "inactive_file"]),
    ("write_pending", &["writepending"]),
];

impl Check<'_> {
    /// Every field of `node_memory` with its figure in the `Mem-Info:` of the same report.
    pub(super) fn node_memory(&mut self, dump: &Dump) -> Result<()> {
        if dump.limit_path().is_some() {
            if self.event.at("node_memory").is_some() && self.event.at("limit").is_some() {
                self.differ(
                    "node_memory",
                    "nothing: a limit was hit",
                    self.show("node_memory"),
                );
            }
            return Ok(());
        }
        let info = dump
            .mem_info
            .as_ref()
            .context("a global OOM without its Mem-Info")?;
        if self.event.at("node_memory").is_none() {
            self.differ("node_memory", "the node's memory", "nothing");
            return Ok(());
        }
        let page = self.page_size;
        let pages = |name: &str| info.pages.get(name).map(|pages| pages * page);
        let total = pages("pages RAM").zip(pages("pages reserved"));
        let (all, reserved) = total.context("no pages RAM")?;
        let from_kernel = self.event.text("node_memory.basis") == Some("kernel");
        if from_kernel {
            self.amount("node_memory.total_bytes", all - reserved);
        }
        let of = |name: &str| pages(name).with_context(|| format!("no {name} in Mem-Info"));
        let shmem = of("shmem")?;
        let slab = of("slab_reclaimable")? + of("slab_unreclaimable")?;
        let anon = of("active_anon")? + of("inactive_anon")? + of("isolated_anon")?;
        let cached = of("total pagecache pages")?;
        let swapped = pages("pages in swap cache").unwrap_or_default();
        if from_kernel {
            self.near("node_memory.free_bytes", of("free")?, MOVED_BYTES);
            // What cannot be evicted stands on neither list.
            let bound = MOVED_BYTES + of("unevictable")? + swapped;
            self.near("node_memory.anon_bytes", anon.saturating_sub(shmem), bound);
            self.near(
                "node_memory.file_bytes",
                cached.saturating_sub(shmem).saturating_sub(swapped),
                MOVED_BYTES + swapped,
            );
        }
        self.near("node_memory.shmem_bytes", shmem, MOVED_BYTES);
        self.near("node_memory.slab_bytes", slab, MOVED_BYTES);
        self.near(
            "node_memory.slab_unreclaimable_bytes",
            of("slab_unreclaimable")?,
            MOVED_BYTES,
        );
        self.near(
            "node_memory.page_tables_bytes",
            of("pagetables")?,
            MOVED_BYTES,
        );
        self.beside_counters(info);
        self.unaccounted();
        let free = self.event.u64("node_memory.free_bytes").unwrap_or_default();
        let file = self.event.u64("node_memory.file_bytes").unwrap_or_default();
        self.at_most(
            "node_memory.available_bytes",
            free + file + slab + MOVED_BYTES,
        );
        let swap = info.swap_total_kib.context("no Total swap")? << 10;
        self.amount("node_memory.swap_total_bytes", swap);
        self.at_most("node_memory.swap_free_bytes", swap);
        if from_kernel {
            self.near("node_memory.cma_free_bytes", of("free_cma")?, MOVED_BYTES);
            self.zones(info);
        }
        Ok(())
    }

    /// What no counter has is what the event's own parts leave of the total.
    fn unaccounted(&mut self) {
        let figure = |name: &str| self.event.u64(&format!("node_memory.{name}_bytes"));
        let parts = [
            "free",
            "anon",
            "file",
            "shmem",
            "slab",
            "page_tables",
            "kernel_stack",
            "per_cpu",
            "zswap",
            "hugepages",
        ];
        let sum: u64 = parts.iter().filter_map(|name| figure(name)).sum();
        if let Some(total) = figure("total") {
            let rest = total.saturating_sub(sum);
            self.amount("node_memory.unaccounted_bytes", rest);
        }
    }

    /// What the tracer takes from files, where the event has it: the kernel prints it too.
    fn beside_counters(&mut self, info: &MemInfo) {
        let huge = [
            ("node_memory.hugepages_bytes", info.hugepages_bytes),
            (
                "node_memory.hugepages_free_bytes",
                info.hugepages_free_bytes,
            ),
        ];
        for (field, kernel) in huge {
            if self.event.at(field).is_some() {
                self.amount(field, kernel);
            }
        }
        if self.event.at("node_memory.kernel_stack_bytes").is_some() {
            let kernel = info.kernel_stack_kib << 10;
            self.near("node_memory.kernel_stack_bytes", kernel, MOVED_BYTES);
        }
        if self.event.at("node_memory.cma_bytes").is_some() {
            let pages = info.pages.get("pages cma reserved").copied();
            let reserved = pages.unwrap_or_default() * self.page_size;
            self.amount("node_memory.cma_bytes", reserved);
        }
        for index in 0..self.event.list("node_memory.top_slabs").len() {
            let base = format!("node_memory.top_slabs.{index}");
            let name = self.event.text(&format!("{base}.name"));
            // The kernel prints only those that cannot be reclaimed, and only where they are many.
            let printed = name.and_then(|name| info.slabs.get(name));
            let field = format!("{base}.total_bytes");
            match printed {
                // Read after the report: the victim may have given much of it back.
                Some(kib) => self.at_most(&field, (kib << 10) + 4 * MOVED_BYTES),
                None => self.cannot_tell(&field),
            }
        }
    }

    /// Each zone that the kernel prints; which of them are short is in the event's own figures.
    fn zones(&mut self, info: &MemInfo) {
        let listed = self.event.list("node_memory.zones").len();
        for zone in &info.zones {
            let place = (0..listed).find(|index| {
                let base = format!("node_memory.zones.{index}");
                self.event.u64(&format!("{base}.node")) == Some(zone.node)
                    && self.event.text(&format!("{base}.zone")) == Some(&zone.name)
            });
            let Some(index) = place else {
                let name = format!("node {} zone {}", zone.node, zone.name);
                self.differ("node_memory.zones", name, "no such zone");
                continue;
            };
            let base = format!("node_memory.zones.{index}");
            self.amount(&format!("{base}.node"), zone.node);
            let kib = |name: &str| zone.kib.get(name).copied().unwrap_or_default() << 10;
            self.amount(&format!("{base}.managed_bytes"), kib("managed"));
            self.near(&format!("{base}.free_bytes"), kib("free"), MOVED_BYTES);
            for mark in ["min", "low", "high"] {
                self.amount(&format!("{base}.{mark}_bytes"), kib(mark));
            }
            for (field, names) in LISTS {
                let kernel = names.iter().map(|name| kib(name)).sum();
                self.near(&format!("{base}.{field}_bytes"), kernel, MOVED_BYTES);
            }
            let figure = |name: &str| self.event.u64(&format!("{base}.{name}"));
            let short = figure("free_bytes") < figure("min_bytes");
            let said = self.event.at(&format!("{base}.below_min"));
            if said != Some(&Value::from(short)) {
                let field = format!("{base}.below_min");
                self.differ(&field, short, self.show(&field));
            }
        }
        if listed < info.zones.len() {
            self.differ("node_memory.zones", info.zones.len(), listed);
        }
        self.other_nodes(info, listed);
    }

    /// The kernel prints no zone of a node, and none of a kind, that the allocation may not use
    /// (`SHOW_MEM_FILTER_NODES`, `gfp_zone()`).
    fn other_nodes(&mut self, info: &MemInfo, listed: usize) {
        for index in 0..listed {
            let base = format!("node_memory.zones.{index}");
            let node = self.event.u64(&format!("{base}.node"));
            let name = self.event.text(&format!("{base}.zone"));
            let has_node = info.zones.iter().any(|zone| Some(zone.node) == node);
            let has_kind = info.zones.iter().any(|zone| Some(&*zone.name) == name);
            if has_node && has_kind {
                continue;
            }
            for name in ["node", "managed_bytes", "free_bytes"] {
                self.cannot_tell(&format!("{base}.{name}"));
            }
            let lists = LISTS.map(|(name, _)| name);
            for name in ["min", "low", "high"].into_iter().chain(lists) {
                self.cannot_tell(&format!("{base}.{name}_bytes"));
            }
        }
    }
}

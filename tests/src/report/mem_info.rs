//! The `Mem-Info:` part of a report (`show_free_areas()` and `show_mem()`), which a global OOM has.

use std::collections::BTreeMap;

use crate::bytes;

/// The node's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemInfo {
    /// Figures of the whole machine, in pages, by the kernel's names.
    pub pages: BTreeMap<String, u64>,
    /// Its zones.
    pub zones: Vec<Zone>,
    /// Huge pages of all nodes and sizes, in bytes.
    pub hugepages_bytes: u64,
    /// The part of them that is free.
    pub hugepages_free_bytes: u64,
    /// `kernel_stack` of all nodes, in KiB.
    pub kernel_stack_kib: u64,
    /// What each cache of `Unreclaimable slab info:` has taken, in KiB.
    pub slabs: BTreeMap<String, u64>,
    /// `Total swap`, in KiB.
    pub swap_total_kib: Option<u64>,
}

/// A zone's line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Number of its node.
    pub node: u64,
    /// Its name.
    pub name: String,
    /// Its figures in KiB.
    pub kib: BTreeMap<String, u64>,
}

impl MemInfo {
    /// Takes a record in that may be one of the part.
    pub(super) fn take(&mut self, text: &[u8]) {
        for line in text.split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            self.line(line.trim());
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("Node ") {
            self.zones.extend(zone(rest));
            self.node(rest);
        } else if let Some(rest) = line.strip_prefix("Total swap = ") {
            self.swap_total_kib = rest.strip_suffix("kB").and_then(|kib| kib.parse().ok());
        } else if let Some((name, total_kib)) = slab(line) {
            self.slabs.insert(name.to_owned(), total_kib);
        } else if let Some((count, name)) = bytes::leading_number(line.as_bytes()) {
            let name = String::from_utf8_lossy(name).trim().to_owned();
            if name.starts_with("pages ") || name.ends_with(" pages") {
                self.pages.insert(name, count);
            }
        } else if self.zones.is_empty() {
            let pairs = line.split_ascii_whitespace().filter_map(|word| {
                let (name, value) = word.split_once(':')?;
                Some((name.to_owned(), value.parse().ok()?))
            });
            self.pages.extend(pairs);
        }
    }

    /// `0 hugepages_total=4 hugepages_free=3 hugepages_surp=0 hugepages_size=2048kB`, or a node's own
    /// line, `0 active_anon:4kB … kernel_stack:1616kB …`.
    fn node(&mut self, rest: &str) {
        let number = |name: &str| -> Option<u64> {
            let word = rest.split_ascii_whitespace().find_map(|word| {
                let rest = word.strip_prefix(name)?;
                rest.strip_prefix(['=', ':'])
            })?;
            word.trim_end_matches("kB").parse().ok()
        };
        if let Some(size_kib) = number("hugepages_size") {
            let bytes = |name| number(name).unwrap_or_default() * (size_kib << 10);
            self.hugepages_bytes += bytes("hugepages_total");
            self.hugepages_free_bytes += bytes("hugepages_free");
        }
        self.kernel_stack_kib += number("kernel_stack").unwrap_or_default();
    }
}

/// `filp                   4200KB       4336KB`.
fn slab(line: &str) -> Option<(&str, u64)> {
    let mut words = line.split_ascii_whitespace();
    let (name, used, total) = (words.next()?, words.next()?, words.next()?);
    let kib = |word: &str| word.strip_suffix("KB")?.parse::<u64>().ok();
    kib(used)?;
    Some((name, kib(total)?)).filter(|_| words.next().is_none())
}

/// `0 DMA32 free:1844kB min:1848kB …`; nothing for a node's own line and for lists of free blocks.
fn zone(rest: &str) -> Option<Zone> {
    let mut words = rest.split_ascii_whitespace();
    let node = words.next()?.parse().ok()?;
    let name = words.next()?;
    if name.contains(':') || name.contains('=') {
        return None;
    }
    let kib: BTreeMap<String, u64> = words
        .filter_map(|word| {
            let (name, value) = word.split_once(':')?;
            Some((name.to_owned(), value.strip_suffix("kB")?.parse().ok()?))
        })
        .collect();
    kib.contains_key("free").then(|| Zone {
        node,
        name: name.to_owned(),
        kib,
    })
}

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
        } else if let Some(rest) = line.strip_prefix("Total swap = ") {
            self.swap_total_kib = rest.strip_suffix("kB").and_then(|kib| kib.parse().ok());
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

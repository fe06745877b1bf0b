//! `oom_control.totalpages`: how much there is where memory ran out (`constrained_alloc()`).

use std::collections::BTreeMap;
use std::fs;

use super::fields::Check;
use crate::counters;
use crate::report::Dump;

const FIELD: &str = "incident.total_pages";

impl Check<'_> {
    pub(super) fn totalpages(&mut self, dump: &Dump) {
        if self.event.at(FIELD).is_none() {
            return self.differ(FIELD, "the size of what ran out", "nothing");
        }
        let Some(constraint) = dump.constraint() else {
            return;
        };
        let page = self.page_size;
        let swap = meminfo_bytes("SwapTotal:") / page;
        match (constraint, dump.memory) {
            // `mem_cgroup_get_max()`: the limit, and as much swap as may still be used.
            ("CONSTRAINT_MEMCG", Some(memory)) => {
                let pages = |bytes: Option<u64>| bytes.map_or(u64::MAX, |bytes| bytes / page);
                let limit = pages(memory.limit_bytes(page));
                let more = match (dump.swap, dump.memory_and_swap) {
                    (Some(counter), _) => pages(counter.limit_bytes(page)),
                    (None, Some(counter)) => pages(counter.limit_bytes(page)).saturating_sub(limit),
                    (None, None) => 0,
                };
                self.amount(FIELD, limit.saturating_add(more.min(swap)));
            }
            ("CONSTRAINT_NONE", _) => {
                self.amount(FIELD, meminfo_bytes("MemTotal:") / page + swap);
            }
            // The nodes that may be used, with what is not managed of them.
            _ => {
                let nodes = present_pages();
                let all: u64 = nodes.values().sum();
                let sums = nodes.values().copied().chain([all]);
                let told = self.event.u64(FIELD);
                let found = sums.map(|sum| sum + swap).find(|sum| Some(*sum) == told);
                match found {
                    Some(_) => self.agree(FIELD, 0),
                    None => self.differ(FIELD, format!("one of {nodes:?}"), self.show(FIELD)),
                }
            }
        }
    }
}

/// An amount of `/proc/meminfo`.
pub(super) fn meminfo_bytes(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// `node_present_pages()` by node.
fn present_pages() -> BTreeMap<u64, u64> {
    let text = fs::read_to_string("/proc/zoneinfo").unwrap_or_default();
    let mut nodes = BTreeMap::new();
    let mut node = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("Node ") {
            let number = rest.split(',').next().unwrap_or_default();
            node = number.parse().unwrap_or_default();
        } else if let Some(pages) =
            squeezed(line).and_then(|line| counters::value(&line, "present"))
        {
            *nodes.entry(node).or_default() += pages;
        }
    }
    nodes
}

/// "        present  65495" as "present 65495".
fn squeezed(line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace();
    Some(format!("{} {}", words.next()?, words.next()?))
}

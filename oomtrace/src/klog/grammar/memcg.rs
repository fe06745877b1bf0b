//! A memory cgroup's counters and statistics.

use super::text::{cgroup_path, kib, leading_unsigned, split, split_last, unsigned, words};
use crate::model::{Bytes, NamedValue, ReportedCounter, Unit};

/// Which counter a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::klog) enum Counter {
    Memory,
    Memsw,
    Swap,
    Kmem,
}

/// From here on a number of kilobytes means that there is no limit: the largest number that the
/// counters hold, rounded down to a page of any size.
const UNLIMITED_KIB: u64 = (1 << 53) - 1024;

/// The same for counters of 32 bits with pages of 4 KiB.
const UNLIMITED_32BIT_KIB: u64 = ((1 << 31) - 1) * 4;

/// `memory: usage 262144kB, limit 262144kB, failcnt 6868`
pub(in crate::klog) fn counter(text: &[u8]) -> Option<(Counter, ReportedCounter)> {
    let (name, rest) = split(text, b": usage ")?;
    let which = match name {
        b"memory" => Counter::Memory,
        b"memory+swap" => Counter::Memsw,
        b"swap" => Counter::Swap,
        b"kmem" => Counter::Kmem,
        _ => return None,
    };
    let (usage, rest) = leading_unsigned(rest)?;
    let rest = rest.strip_prefix(b"kB")?;
    let mut found = ReportedCounter {
        usage_bytes: usage.checked_mul(1024).map(Bytes),
        ..ReportedCounter::default()
    };
    let Some((limit, rest)) = rest.strip_prefix(b", limit ").and_then(leading_unsigned) else {
        return Some((which, found));
    };
    let Some(rest) = rest.strip_prefix(b"kB") else {
        return Some((which, found));
    };
    if limit >= UNLIMITED_KIB || limit == UNLIMITED_32BIT_KIB {
        found.unlimited = true;
    } else {
        found.limit_bytes = limit.checked_mul(1024).map(Bytes);
    }
    found.failcnt = rest
        .strip_prefix(b", failcnt ")
        .and_then(leading_unsigned)
        .filter(|(_, rest)| rest.first().is_none_or(u8::is_ascii_whitespace))
        .map(|(count, _)| count);
    Some((which, found))
}

/// `Memory cgroup min protection 0kB -- low protection 0kB`, bytes.
pub(in crate::klog) fn protection(text: &[u8]) -> Option<(u64, u64)> {
    let rest = text.strip_prefix(b"Memory cgroup min protection ")?;
    let (min, low) = split(rest, b" -- low protection ")?;
    Some((kib(min)?, kib(low.trim_ascii())?))
}

/// `Memory cgroup stats for PATH:`, with the figures on the same line on older kernels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::klog) struct Stats {
    pub(in crate::klog) path: Option<Vec<u8>>,
    pub(in crate::klog) values: Vec<NamedValue>,
    /// The figures are on this line, one line for each cgroup.
    pub(in crate::klog) inline: bool,
}

/// Parses the line. The path may hold anything, so the first figure is looked for from the right.
pub(in crate::klog) fn stats(text: &[u8]) -> Option<Stats> {
    let rest = text.strip_prefix(b"Memory cgroup stats")?;
    if let Some((path, figures)) = split_last(rest, b": cache:") {
        let figures = [b"cache:" as &[u8], figures].concat();
        return Some(Stats {
            path: path.strip_prefix(b" for ").and_then(cgroup_path),
            values: words(&figures).filter_map(inline_value).collect(),
            inline: true,
        });
    }
    let path = rest.strip_prefix(b" for ");
    Some(Stats {
        // Without its colon the path is cut.
        path: path
            .and_then(|path| path.trim_ascii_end().strip_suffix(b":"))
            .and_then(cgroup_path),
        ..Stats::default()
    })
}

/// `rss:262048KB`
fn inline_value(word: &[u8]) -> Option<NamedValue> {
    let (name, value) = split(word, b":")?;
    Some(NamedValue {
        name: name_of(name)?,
        value: kib(value)?,
        unit: Unit::Bytes,
    })
}

/// `anon 41631744`
pub(in crate::klog) fn value(text: &[u8]) -> Option<NamedValue> {
    let at = memchr::memchr2(b' ', b'\t', text)?;
    let (name, value) = text.split_at_checked(at)?;
    let value = unsigned(value.trim_ascii_start())?;
    let name = name_of(name)?;
    Some(NamedValue {
        value,
        unit: if is_count(&name) {
            Unit::Count
        } else {
            Unit::Bytes
        },
        name,
    })
}

/// Names of statistics are the kernel's own: lower case.
fn name_of(name: &[u8]) -> Option<String> {
    let plain = name
        .iter()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_');
    if name.len() > 48 || !plain || !name.first()?.is_ascii_lowercase() {
        return None;
    }
    String::from_utf8(name.to_vec()).ok()
}

/// Which statistics count events instead of bytes. Source: `memcg_page_state_output_unit`.
fn is_count(name: &str) -> bool {
    let name = name.strip_prefix("total_").unwrap_or(name);
    let prefixes = [
        "pg",
        "workingset_",
        "thp_",
        "numa_",
        "pswp",
        "swpin",
        "swpout",
        "nr_",
        "drop_",
    ];
    let pressed = ["zswpin", "zswpout", "zswpwb", "zswap_incomp_count"];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) || pressed.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters() {
        let (which, found) =
            counter(b"memory: usage 262144kB, limit 262144kB, failcnt 6868").unwrap();
        assert_eq!(which, Counter::Memory);
        assert_eq!(found.usage_bytes, Some(Bytes(268_435_456)));
        assert_eq!(found.limit_bytes, Some(Bytes(268_435_456)));
        assert_eq!(found.failcnt, Some(6868));
        for no_limit in [
            "9007199254740988",
            "9007199254740992",
            "9007199254740928",
            "18014398509481983",
            "8589934588",
        ] {
            let line = format!("memory+swap: usage 0kB, limit {no_limit}kB, failcnt 0");
            let (which, found) = counter(line.as_bytes()).unwrap();
            assert_eq!(which, Counter::Memsw);
            assert!(found.unlimited && found.limit_bytes.is_none(), "{no_limit}");
        }
        let (_, cut) = counter(b"kmem: usage 12kB, limit 34").unwrap();
        assert_eq!(
            (cut.limit_bytes, cut.unlimited, cut.failcnt),
            (None, false, None)
        );
    }

    #[test]
    fn statistics_of_both_styles() {
        let old = stats(b"Memory cgroup stats for /a: b: cache:96KB rss:262048KB mapped_file:16")
            .unwrap();
        assert_eq!(old.path.as_deref(), Some(b"/a: b" as &[u8]));
        assert_eq!(old.values.len(), 2, "the last one is cut");
        assert!(old.inline);
        let new = stats(b"Memory cgroup stats for /a b:").unwrap();
        assert_eq!(new.path.as_deref(), Some(b"/a b" as &[u8]));
        assert!(!new.inline);
        assert_eq!(stats(b"Memory cgroup stats for /cut").unwrap().path, None);
        assert_eq!(value(b"anon 12").unwrap().unit, Unit::Bytes);
        assert_eq!(value(b"pagetables 12").unwrap().unit, Unit::Bytes);
        assert_eq!(value(b"total_pgpgin 12").unwrap().unit, Unit::Count);
        assert_eq!(value(b"anon 12 kB"), None);
        assert_eq!(value(b"Anon 12"), None);
    }
}

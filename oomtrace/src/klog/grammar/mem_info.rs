//! The `Mem-Info:` part: key and value, never positions, for the fields differ between kernels.

use super::text::{id, kernel_word, kib, leading_unsigned, split, unsigned, words};
use crate::model::{Bytes, MemInfo, NamedValue, SlabInfo, Unit, ZoneInfo};

/// More figures, and more zones, than any machine prints.
const TOTALS_MAX: usize = 256;
const ZONES_MAX: usize = 4096;
const VALUES_MAX: usize = 64;
const SLABS_MAX: usize = 1024;
const ORDERS_MAX: usize = 32;

/// Takes a line of the part; says whether it was one.
pub(in crate::klog) fn take(text: &[u8], info: &mut MemInfo) -> bool {
    whole_figure(text, info)
        || swap(text, info)
        || zone(text, info)
        || pages(text, info)
        || free_blocks(text, info)
        || is_known(text)
}

/// `94990 total pagecache pages`, `1572729 pages RAM`: pages, named by the words.
fn whole_figure(text: &[u8], info: &mut MemInfo) -> bool {
    let Some((value, rest)) = leading_unsigned(text) else {
        return false;
    };
    let Some(name) = rest.strip_prefix(b" ") else {
        return false;
    };
    let known: [&[u8]; 11] = [
        b"total pagecache pages",
        b"pages in swap cache",
        b"pages RAM",
        b"pages HighMem",
        b"pages HighMem/MovableOnly",
        b"pages reserved",
        b"pages cma reserved",
        b"pages hwpoisoned",
        b"pages shared",
        b"pages non-shared",
        b"pages in pagetable cache",
    ];
    if !known.contains(&name.trim_ascii()) {
        return false;
    }
    if let Some(name) = kernel_word(name, 48) {
        push(&mut info.totals, TOTALS_MAX, name, value, Unit::Pages);
    }
    true
}

fn swap(text: &[u8], info: &mut MemInfo) -> bool {
    let (slot, rest) = if let Some(rest) = text.strip_prefix(b"Free swap") {
        (&mut info.swap_free_bytes, rest)
    } else if let Some(rest) = text.strip_prefix(b"Total swap") {
        (&mut info.swap_total_bytes, rest)
    } else {
        return false;
    };
    // `Free swap  = 0kB`, `Free swap:  0kB`; blanks may come as other ones from a web page.
    let value = split(rest, b"=")
        .or_else(|| split(rest, b":"))
        .map(|(_, value)| value);
    match value.and_then(|value| kib(value.trim_ascii())) {
        Some(value) => {
            *slot = Some(Bytes(value));
            true
        }
        None => false,
    }
}

/// `Node 0 active_anon:134528kB …`, `Node 0 DMA free:14336kB min:…`, `DMA free:…`, and lines that
/// go on with such figures.
fn zone(text: &[u8], info: &mut MemInfo) -> bool {
    let (node, rest) = match text.strip_prefix(b"Node ").and_then(leading_unsigned) {
        Some((node, rest)) => (u32::try_from(node).ok(), rest.trim_ascii_start()),
        None => (None, text),
    };
    if let Some(huge) = rest.strip_prefix(b"hugepages_total=") {
        hugepages(node, &[b"hugepages_total=", huge].concat(), info);
        return true;
    }
    let mut name = None;
    let mut values = Vec::new();
    let mut unreclaimable = None;
    let mut figures = 0;
    let mut all = words(rest).peekable();
    while let Some(word) = all.next() {
        if word == b"all_unreclaimable?" {
            unreclaimable = match all.next() {
                Some(b"yes") => Some(true),
                Some(b"no") => Some(false),
                _ => None,
            };
            figures += 1;
            continue;
        }
        let Some((key, value)) = split(word, b":") else {
            if figures == 0 && name.is_none() && is_zone(word) {
                name = kernel_word(word, 16);
                continue;
            }
            break;
        };
        // `shmem_thp: 0kB` has a blank in it.
        let value = if value.is_empty() {
            match all.peek().copied().and_then(kib) {
                Some(found) => {
                    all.next();
                    Some(found)
                }
                None => None,
            }
        } else {
            kib(value)
        };
        match value.zip(key_name(key)) {
            Some((value, key)) => {
                figures += 1;
                push(&mut values, VALUES_MAX, key, value, Unit::Bytes);
            }
            // A number of something, such as `pages_scanned:0`.
            None if split(word, b":").is_some_and(|(_, number)| unsigned(number).is_some()) => {}
            None => break,
        }
    }
    if figures == 0 {
        return false;
    }
    if node.is_none() && name.is_none() {
        // The rest of a zone's line that was broken.
        let Some(last) = info.zones.last_mut() else {
            return false;
        };
        let room = VALUES_MAX.saturating_sub(last.values.len());
        last.values.extend(values.into_iter().take(room));
        last.all_unreclaimable = last.all_unreclaimable.or(unreclaimable);
        return true;
    }
    if info.zones.len() < ZONES_MAX {
        info.zones.push(ZoneInfo {
            node,
            zone: name,
            values,
            free_blocks: Vec::new(),
            all_unreclaimable: unreclaimable,
        });
    }
    true
}

fn is_zone(word: &[u8]) -> bool {
    [
        b"DMA" as &[u8],
        b"DMA32",
        b"Normal",
        b"HighMem",
        b"Movable",
        b"Device",
    ]
    .contains(&word)
}

fn hugepages(node: Option<u32>, text: &[u8], info: &mut MemInfo) {
    let mut found = ZoneInfo {
        node,
        ..ZoneInfo::default()
    };
    for word in words(text) {
        let Some((key, value)) = split(word, b"=") else {
            continue;
        };
        let Some(name) = key_name(key) else { continue };
        if let Some(bytes) = kib(value) {
            push(&mut found.values, VALUES_MAX, name, bytes, Unit::Bytes);
        } else if let Some(count) = unsigned(value) {
            push(&mut found.values, VALUES_MAX, name, count, Unit::Count);
        }
    }
    if info.zones.len() < ZONES_MAX {
        info.zones.push(found);
    }
}

/// `active_anon:33632 inactive_anon:1327714`: pages.
fn pages(text: &[u8], info: &mut MemInfo) -> bool {
    let mut found = Vec::new();
    for word in words(text) {
        let pair = split(word, b":");
        let Some((name, value)) = pair.and_then(|(key, value)| key_name(key).zip(unsigned(value)))
        else {
            return false;
        };
        push(&mut found, VALUES_MAX, name, value, Unit::Pages);
    }
    if found.is_empty() {
        return false;
    }
    let room = TOTALS_MAX.saturating_sub(info.totals.len());
    info.totals.extend(found.into_iter().take(room));
    true
}

/// `Node 0 DMA: 1*4kB (U) 0*8kB 2*16kB (UM) = 36kB`: how many free blocks of each size, from one
/// page on. The zone's own line came before.
fn free_blocks(text: &[u8], info: &mut MemInfo) -> bool {
    let (node, rest) = match text.strip_prefix(b"Node ").and_then(leading_unsigned) {
        Some((node, rest)) => (u32::try_from(node).ok(), rest.trim_ascii_start()),
        None => (None, text),
    };
    let Some((name, list)) = split(rest, b":").filter(|(name, _)| is_zone(name)) else {
        return false;
    };
    let mut counts = Vec::new();
    for word in words(list) {
        match split(word, b"*").map(|(count, size)| (unsigned(count), kib(size))) {
            Some((Some(count), Some(_))) if counts.len() < ORDERS_MAX => counts.push(count),
            // `(UM)`, the kinds of blocks, or the sum.
            None if word.starts_with(b"(") || word == b"=" || kib(word).is_some() => {}
            _ => return false,
        }
    }
    let of_zone = |entry: &&mut ZoneInfo| {
        entry.node == node && entry.zone.as_deref().map(str::as_bytes) == Some(name)
    };
    if let Some(entry) = info.zones.iter_mut().find(of_zone)
        && entry.free_blocks.is_empty()
    {
        entry.free_blocks = counts;
    }
    true
}

/// Lines of the part that are understood, but hold nothing that is worth keeping: free lists that
/// are cut, per-processor batches.
fn is_known(text: &[u8]) -> bool {
    let rest = match text.strip_prefix(b"Node ").and_then(leading_unsigned) {
        Some((_, rest)) => rest.trim_ascii_start(),
        None => text,
    };
    let free_list = || {
        let (zone, list) = split(rest, b":")?;
        (is_zone(zone) && super::text::contains(list, b"kB")).then_some(())
    };
    text.starts_with(b"lowmem_reserve[]:")
        || text.starts_with(b"Swap cache stats:")
        || text.ends_with(b"per-cpu:")
        || (text.starts_with(b"CPU ") && super::text::contains(text, b" hi:"))
        || free_list().is_some()
        || id(text.split(|byte| *byte == b' ').next().unwrap_or_default()).is_some()
            && text.ends_with(b"kB")
            && text.starts_with(b"0*")
}

fn key_name(key: &[u8]) -> Option<String> {
    let plain = key
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'(' | b')'));
    if !plain || !key.first()?.is_ascii_alphabetic() {
        return None;
    }
    kernel_word(key, 32)
}

fn push(values: &mut Vec<NamedValue>, max: usize, name: String, value: u64, unit: Unit) {
    if values.len() < max {
        values.push(NamedValue { name, value, unit });
    }
}

/// `kmalloc-64  988KB  992KB` after `Unreclaimable slab info:`.
pub(in crate::klog) fn slab(text: &[u8], info: &mut MemInfo) -> bool {
    let mut all = words(text);
    let (Some(name), Some(used), Some(total), None) =
        (all.next(), all.next(), all.next(), all.next())
    else {
        return false;
    };
    if (name, used, total) == (b"Name", b"Used", b"Total") {
        return true;
    }
    let (Some(used), Some(total), Some(name)) = (kib(used), kib(total), kernel_word(name, 64))
    else {
        return false;
    };
    if info.slabs.len() < SLABS_MAX {
        info.slabs.push(SlabInfo {
            name,
            used_bytes: Bytes(used),
            total_bytes: Bytes(total),
        });
    }
    true
}

/// The figure of the first block with this name, in pages.
pub(in crate::klog) fn total_pages(info: &MemInfo, name: &str) -> Option<u64> {
    info.totals
        .iter()
        .find(|figure| figure.name == name)
        .map(|figure| figure.value)
}

/// The sum over whole nodes, or over zones where nodes do not have the figure; bytes.
pub(in crate::klog) fn sum_bytes(info: &MemInfo, name: &str) -> Option<u64> {
    let sum = |zones: bool| {
        info.zones
            .iter()
            .filter(|entry| entry.zone.is_some() == zones)
            .filter_map(|entry| {
                let figure = entry.values.iter().find(|figure| figure.name == name)?;
                Some(figure.value)
            })
            .reduce(u64::saturating_add)
    };
    sum(false).or_else(|| sum(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lines: &[&str]) -> MemInfo {
        let mut info = MemInfo::default();
        for line in lines {
            assert!(take(line.as_bytes(), &mut info), "{line}");
        }
        info
    }

    #[test]
    fn pages_zones_and_swap() {
        let info = taken(&[
            "active_anon:33632 inactive_anon:13 isolated_anon:0",
            "Node 0 active_anon:134528kB isolated(anon):0kB shmem_thp: 8kB all_unreclaimable? no",
            "Node 0 DMA free:14336kB min:176kB low:220kB high:264kB reserved_highatomic:4KB",
            "mlocked:12kB bounce:0kB",
            "lowmem_reserve[]: 0 2655 5626 5626 5626",
            "Node 0 DMA: 0*4kB 1*2048kB (M) = 14336kB",
            "Node 0 hugepages_total=3 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB",
            "1572729 pages RAM",
            "Free swap  = 12kB",
            "Total swap = 34kB",
        ]);
        assert_eq!(total_pages(&info, "active_anon"), Some(33_632));
        assert_eq!(total_pages(&info, "pages RAM"), Some(1_572_729));
        assert_eq!(sum_bytes(&info, "active_anon"), Some(134_528 << 10));
        assert_eq!(sum_bytes(&info, "shmem_thp"), Some(8 << 10));
        assert_eq!(info.zones[0].all_unreclaimable, Some(false));
        assert_eq!(info.zones[1].zone.as_deref(), Some("DMA"));
        assert_eq!(
            info.zones[1].free_blocks,
            [0, 1],
            "as they stand in this line"
        );
        assert_eq!(
            sum_bytes(&info, "mlocked"),
            Some(12 << 10),
            "a broken line goes on"
        );
        assert_eq!(info.zones[2].values[0].value, 3);
        assert_eq!(info.swap_free_bytes, Some(Bytes(12 << 10)));
        assert_eq!(info.swap_total_bytes, Some(Bytes(34 << 10)));
    }

    #[test]
    fn other_lines_are_not_taken() {
        let mut info = MemInfo::default();
        for line in [
            "docker0: port 2 entered disabled state",
            "1 2 3",
            "",
            "a:b",
            "Free swap = x",
        ] {
            assert!(!take(line.as_bytes(), &mut info), "{line}");
        }
        assert_eq!(info, MemInfo::default());
    }
}

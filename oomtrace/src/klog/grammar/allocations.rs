//! `Memory allocations:`, the kernel's own list of who allocated what (`CONFIG_MEM_ALLOC_PROFILING`).

use super::text::{kernel_word, split, unsigned, words};
use crate::model::{AllocationSite, Bytes, JSON_INTEGER_MAX, MemInfo};

/// More than the kernel prints.
const ALLOCATIONS_MAX: usize = 64;

/// The head of the list.
pub(in crate::klog) fn begins(text: &[u8]) -> bool {
    text == b"Memory allocations:"
}

/// `  3176243200   247900 mm/slub.c:2264 func:alloc_slab_page`,
/// `1047212032 511334 fs/x/inode.c:82 [x] func:f`; sizes may be printed like `1.23GiB`.
pub(in crate::klog) fn allocation(text: &[u8], info: &mut MemInfo) -> bool {
    let mut all = words(text).peekable();
    let Some((total, allocations)) = all
        .next()
        .and_then(human_bytes)
        .zip(all.next().and_then(unsigned))
    else {
        return false;
    };
    let Some(location) = all
        .next()
        .filter(|word| split(word, b":").is_some_and(|(_, line)| unsigned(line).is_some()))
        .and_then(|word| kernel_word(word, 128))
    else {
        return false;
    };
    let module = all
        .next_if(|word| word.starts_with(b"["))
        .and_then(|word| word.strip_prefix(b"[")?.strip_suffix(b"]"))
        .and_then(|word| kernel_word(word, 64));
    let function = all
        .next()
        .and_then(|word| word.strip_prefix(b"func:"))
        .and_then(|word| kernel_word(word, 128));
    if info.allocations.len() < ALLOCATIONS_MAX
        && total <= JSON_INTEGER_MAX
        && allocations <= JSON_INTEGER_MAX
    {
        info.allocations.push(AllocationSite {
            total_bytes: Bytes(total),
            allocations,
            location,
            module,
            function,
        });
    }
    true
}

/// A plain number of bytes, or one with a unit (`string_get_size()` with `STRING_UNITS_2`).
fn human_bytes(word: &[u8]) -> Option<u64> {
    if let Some(bytes) = unsigned(word) {
        return Some(bytes);
    }
    let units: [(&[u8], u32); 5] = [
        (b"KiB", 10),
        (b"MiB", 20),
        (b"GiB", 30),
        (b"TiB", 40),
        (b"B", 0),
    ];
    let (digits, shift) = units
        .iter()
        .find_map(|(unit, shift)| Some((word.strip_suffix(*unit)?, *shift)))?;
    let (whole, fraction) = split(digits, b".").unwrap_or((digits, b""));
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok().filter(|it| *it <= 3)?)?;
    let fraction = if fraction.is_empty() {
        0
    } else {
        unsigned(fraction)?
    };
    let thousandths = unsigned(whole)?.checked_mul(scale)?.checked_add(fraction)?;
    Some(thousandths.checked_mul(1_u64.checked_shl(shift)?)? / scale)
}

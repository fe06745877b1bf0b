//! A victim's RSS with what each processor holds of it beside the central counters.
//!
//! A per-CPU address is an offset that each processor adds its own base to. The bases are in no
//! place that a program may read, but the kernel shows where another processor's element of a BPF
//! map lies: that less the map's own per-CPU address is the processor's base.

use aya_ebpf::helpers::generated::bpf_map_lookup_percpu_elem;
use oomtrace_common::field::KernelField;
use oomtrace_common::limits::CPUS_SUMMED_MAX;
use oomtrace_common::record::{KIND_SUMMED_RSS, Kill, SummedRss, kill_flags};

use crate::emit;
use crate::field::{member, number, read};
use crate::globals::CPUS_SUMMED;
use crate::maps::PERCPU_BASE;
use crate::mm::Mm;
use crate::scratch::DETAIL_SCRATCH;

/// Sends the sums over all processors.
#[inline(always)]
pub fn send(kill: &mut Kill, mm: Mm) {
    if CPUS_SUMMED.load() != 0
        && send_sums(kill.header.sequence.into(), kill.header.boot_ns, mm.0) != 0
    {
        kill.flags |= kill_flags::SUMMED_RSS;
    }
}

/// Sends the sums of the counters of `mm`; whether all could be read and it found room.
// A global function: see `chain::send_chain`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send_sums(sequence: u64, boot_ns: u64, mm: u64) -> u64 {
    // Also for the verifier, which looks at this function by itself: where it is 0 the kernel may
    // not have the helper.
    let cpus = CPUS_SUMMED.load();
    if cpus == 0 {
        return 0;
    }
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    let central = |which| Mm(mm).rss_pages(which).map(u64::cast_signed);
    let (Some(central_anon), Some(central_file), Some(central_shmem), Some(central_swap)) = (
        central(KernelField::RssAnon),
        central(KernelField::RssFile),
        central(KernelField::RssShmem),
        central(KernelField::RssSwap),
    ) else {
        return 0;
    };
    let (Some(anon), Some(file), Some(shmem), Some(swap), Some(map)) = (
        percpu_address(mm, KernelField::RssAnon),
        percpu_address(mm, KernelField::RssFile),
        percpu_address(mm, KernelField::RssShmem),
        percpu_address(mm, KernelField::RssSwap),
        as_number((&raw const PERCPU_BASE) as u64)
            .and_then(|map| member(map, KernelField::BpfArrayPptrs)),
    ) else {
        return 0;
    };
    // SAFETY: the scratch is aligned for it and begins with room for it.
    let record = unsafe { &mut *scratch.cast::<SummedRss>() };
    *record = SummedRss {
        header: emit::header(
            KIND_SUMMED_RSS,
            size_of::<SummedRss>() as u32,
            boot_ns,
            sequence as u32,
        ),
        anon_pages: central_anon,
        file_pages: central_file,
        shmem_pages: central_shmem,
        swap_entries_pages: central_swap,
    };
    for cpu in 0..CPUS_SUMMED_MAX {
        if cpu >= cpus {
            break;
        }
        let Some(base) = base_of(cpu, map) else {
            return 0;
        };
        let part = |address: u64| read::<i32>(address + base).map(i64::from);
        let (Some(anon), Some(file), Some(shmem), Some(swap)) =
            (part(anon), part(file), part(shmem), part(swap))
        else {
            return 0;
        };
        record.anon_pages += anon;
        record.file_pages += file;
        record.shmem_pages += shmem;
        record.swap_entries_pages += swap;
    }
    // SAFETY: the record lies in the scratch.
    u64::from(unsafe {
        emit::detail(
            scratch.cast_const().cast(),
            size_of::<SummedRss>() as u64,
            emit::NO_WAKEUP,
        )
    })
}

/// `mm->rss_stat[which].counters`.
#[inline(always)]
fn percpu_address(mm: u64, which: KernelField) -> Option<u64> {
    let at = number(KernelField::MmRssStatPercpu)?
        + number(which)? * number(KernelField::MmRssStatStride)?;
    read(mm + at)
}

/// What processor `cpu` adds to a per-CPU address; `map` is that of the map's element.
#[inline(always)]
fn base_of(cpu: u32, map: u64) -> Option<u64> {
    let key = 0_u32;
    // SAFETY: the map is this object's own, the key lies on the stack; the helper refuses a
    // processor that cannot be.
    let element = unsafe {
        bpf_map_lookup_percpu_elem(
            (&raw const PERCPU_BASE).cast_mut().cast(),
            (&raw const key).cast(),
            cpu,
        )
    };
    if element.is_null() {
        return None;
    }
    Some(as_number(element as u64)? - map)
}

/// A pointer as a plain number: the verifier lets no arithmetic happen on the pointer itself.
#[inline(always)]
fn as_number(pointer: u64) -> Option<u64> {
    let mut slot = 0_u64;
    // SAFETY: a variable of this function; volatile, so that the value goes through memory.
    unsafe { core::ptr::write_volatile(&raw mut slot, pointer) };
    read((&raw const slot) as u64)
}

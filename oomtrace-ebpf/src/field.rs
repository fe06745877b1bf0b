//! The only place where a kernel address becomes a value, and where an offset is looked up.
//!
//! When rustc gains BTF relocations, [`offset`] is all that changes.

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel_str, bpf_probe_read_user};
use oomtrace_common::field::{ABSENT, KernelField};

use crate::globals::FIELDS;

/// The resolved number of `field`, or nothing where the running kernel has no such field.
#[inline(always)]
pub fn number(field: KernelField) -> Option<u64> {
    let element = &raw const FIELDS[field.index()];
    // SAFETY: the element is inside a static; volatile, because user space has replaced the value
    // that the compiler sees.
    let value = unsafe { core::ptr::read_volatile(element) };
    if value == ABSENT {
        None
    } else {
        Some(value as u64)
    }
}

/// Reads a `T` at a kernel address; nothing if that faults.
#[inline(always)]
pub fn read<T: Copy>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address itself and reports a fault; every T used here is an
    // integer or an array of integers, for which any bytes are valid.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}

/// Reads the member `field` of the structure at `base`.
#[inline(always)]
pub fn member<T: Copy>(base: u64, field: KernelField) -> Option<T> {
    read(base + number(field)?)
}

/// Reads a pointer member and refuses NULL.
#[inline(always)]
pub fn pointer(base: u64, field: KernelField) -> Option<u64> {
    let value: u64 = member(base, field)?;
    if value == 0 { None } else { Some(value) }
}

/// The first argument of the function that a kprobe is on; 0 if it cannot be had. Where it lies in the
/// registers is a number like any other, so one object serves all architectures.
#[inline(always)]
pub fn first_argument<C: EbpfContext>(ctx: &C) -> u64 {
    // By the helper: older verifiers refuse a context with an offset that they see as added.
    member(ctx.as_ptr() as u64, KernelField::RegsFirstArgument).unwrap_or(0)
}

/// Reads element `index` of an array member: `base` + offset of the array + index × stride.
#[inline(always)]
pub fn element<T: Copy>(
    base: u64,
    array: KernelField,
    stride: KernelField,
    index: KernelField,
) -> Option<T> {
    read(base + number(array)? + number(index)? * number(stride)?)
}

/// Copies a NUL-terminated kernel string of at most `LEN - 1` bytes to `target`; the length
/// without the NUL.
///
/// # Safety
///
/// `target` must point to at least `LEN` writable bytes.
#[inline(always)]
pub unsafe fn string<const LEN: u32>(target: *mut u8, address: u64) -> Option<u64> {
    // SAFETY: the caller vouches for the target; the helper checks the source.
    let copied = unsafe { bpf_probe_read_kernel_str(target.cast(), LEN, address as *const _) };
    if copied <= 0 {
        None
    } else {
        Some(copied as u64 - 1)
    }
}

/// Copies `len_bytes` bytes of current's own memory to `target`, without faulting pages in.
///
/// # Safety
///
/// `target` must point to at least `len_bytes` writable bytes.
#[inline(always)]
pub unsafe fn user(target: *mut u8, len_bytes: u32, address: u64) -> bool {
    // SAFETY: the caller vouches for the target; the helper checks the source.
    unsafe { bpf_probe_read_user(target.cast(), len_bytes, address as *const _) == 0 }
}

//! The one atomic operation that every kernel supported has.

/// Adds to a number in a map value, which may be changed by other programs at the same time.
///
/// # Safety
///
/// `number` must be an aligned `u64` inside a map value.
#[inline(always)]
pub unsafe fn add(number: *mut u64, by: i64) {
    // The generic bpf target has no atomics in core. Kernels before 5.12 have no other atomic
    // instruction than this one, which does not return the old value.
    // SAFETY: the caller vouches for the address.
    unsafe {
        core::arch::asm!("lock *(u64 *)({number} + 0) += {by}", number = in(reg) number, by = in(reg) by);
    }
}

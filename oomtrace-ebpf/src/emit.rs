//! The only writer of the rings: reserve, fill, submit, and count what found no room.

use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns};
use oomtrace_common::record::{
    Candidate, Kill, LostKill, Outcome, RECORD_VERSION, Reaping, RecordHeader, counter,
};

use crate::maps::{CANDIDATES, DETAIL, ESSENTIAL, LOST_KILLS, count};

/// `BPF_RB_NO_WAKEUP`: something follows that wakes the reader.
pub const NO_WAKEUP: u64 = 1;

/// `CLOCK_BOOTTIME` now, nanoseconds.
#[inline(always)]
pub fn now_boot_ns() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// A header for a record of `len_bytes` bytes.
#[inline(always)]
pub fn header(kind: u16, len_bytes: u32, boot_ns: u64, sequence: u32) -> RecordHeader {
    RecordHeader {
        kind,
        version: RECORD_VERSION,
        len_bytes,
        boot_ns,
        // SAFETY: the helper has no preconditions.
        cpu: unsafe { bpf_get_smp_processor_id() } as u32,
        sequence,
    }
}

/// Sends a kill; keeps a trace of it where the ring is full.
#[inline(always)]
pub fn kill(record: &Kill) {
    count(counter::KILLS);
    kill_record(record);
}

/// Sends a record of the essential ring that is no kill of its own.
#[inline(always)]
pub fn kill_record(record: &Kill) {
    if ESSENTIAL.output::<Kill>(record, 0).is_err() {
        count(counter::LOST_KILLS);
        let index = record.header.sequence % oomtrace_common::limits::LOST_KILLS_KEPT as u32;
        if let Some(slot) = LOST_KILLS.get_ptr_mut(index) {
            let lost = LostKill {
                boot_ns: record.header.boot_ns,
                sequence: record.header.sequence,
                tgid: record.victim_tgid,
                tid: record.victim_tid,
                reserved: 0,
                comm: record.victim_comm,
            };
            // SAFETY: an element of a map; marks are serialised by the kernel, so nobody else
            // writes it.
            unsafe { *slot = lost };
        }
    }
}

/// Sends a candidate; whether it found room. The kill that follows wakes the reader.
#[inline(always)]
pub fn candidate(record: &Candidate) -> bool {
    CANDIDATES.output::<Candidate>(record, NO_WAKEUP).is_ok()
}

/// Sends a step of the reaper.
#[inline(always)]
pub fn reaping(record: &Reaping) {
    if DETAIL.output::<Reaping>(record, 0).is_err() {
        count(counter::LOST_DETAILS);
    }
}

/// Sends an outcome.
#[inline(always)]
pub fn outcome(record: &Outcome) {
    if DETAIL.output::<Outcome>(record, 0).is_err() {
        count(counter::LOST_DETAILS);
    }
}

/// Bytes of the ring of details that nobody has read yet.
#[inline(always)]
pub fn detail_waiting() -> u64 {
    /// `BPF_RB_AVAIL_DATA`.
    const AVAILABLE: u64 = 0;
    // SAFETY: the map is this object's own.
    unsafe {
        aya_ebpf::helpers::generated::bpf_ringbuf_query(
            (&raw const DETAIL).cast_mut().cast(),
            AVAILABLE,
        )
    }
}

/// Sends `len_bytes` bytes at `start` to the ring of details.
///
/// # Safety
///
/// `start` must point to at least `len_bytes` readable bytes that the verifier knows of.
#[inline(always)]
pub unsafe fn detail(start: *const u8, len_bytes: u64, flags: u64) -> bool {
    // SAFETY: the caller vouches for the bytes; the map is this object's own.
    let failed = unsafe {
        aya_ebpf::helpers::generated::bpf_ringbuf_output(
            (&raw const DETAIL).cast_mut().cast(),
            start.cast_mut().cast(),
            len_bytes,
            flags,
        )
    } != 0;
    if failed {
        count(counter::LOST_DETAILS);
    }
    !failed
}

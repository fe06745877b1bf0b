//! The clock of the kernel's log, `local_clock()`, which no system call reads. perf stamps its
//! records with the same clock, so a perf event caused by this process shows its distance from
//! `CLOCK_BOOTTIME` without writing anything into the log.

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::clock;

// `include/uapi/linux/perf_event.h`, as eight words of `struct perf_event_attr` version 0.
const ATTR_BYTES: u64 = 64;
const TYPE_SOFTWARE: u64 = 1;
const SOFTWARE_DUMMY: u64 = 9;
const SAMPLE_TIME: u64 = 1 << 2;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HV: u64 = 1 << 6;
const COMM: u64 = 1 << 9;
const SAMPLE_ID_ALL: u64 = 1 << 18;
const FLAG_CLOEXEC: libc::c_ulong = 1 << 3;
/// `PERF_RECORD_COMM`
const RECORD_COMM: u32 = 3;
/// Byte offset of `data_head` in `struct perf_event_mmap_page`.
const DATA_HEAD: usize = 1024;

/// `CLOCK_BOOTTIME` minus the log's clock, nanoseconds, as they are now.
///
/// # Errors
///
/// perf is not allowed here (`kernel.perf_event_paranoid`), or not there.
pub fn boot_ahead_ns() -> io::Result<i64> {
    let event = open()?;
    let ring = Ring::map(&event)?;
    // Setting the same name again still makes a record.
    let name = rustix::thread::name()?;
    let before = clock::boot_ns();
    rustix::thread::set_name(&name)?;
    let after = clock::boot_ns();
    let logged = ring
        .first_stamp()
        .ok_or_else(|| io::Error::other("perf shows no record"))?;
    let middle = before + (after - before) / 2;
    i64::try_from(i128::from(middle) - i128::from(logged)).map_err(io::Error::other)
}

/// A perf event that records when this thread's name is set.
#[expect(unsafe_code, reason = "perf_event_open has no safe wrapper")]
fn open() -> io::Result<OwnedFd> {
    let attributes: [u64; 8] = [
        TYPE_SOFTWARE | ATTR_BYTES << 32,
        SOFTWARE_DUMMY,
        0,
        SAMPLE_TIME,
        0,
        EXCLUDE_KERNEL | EXCLUDE_HV | COMM | SAMPLE_ID_ALL,
        0,
        0,
    ];
    let (this_thread, any_cpu, no_group) = (0_i32, -1_i32, -1_i32);
    // SAFETY: the kernel reads as many bytes of the attributes as their size field says, which is
    // how many there are.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attributes.as_ptr(),
            this_thread,
            any_cpu,
            no_group,
            FLAG_CLOEXEC,
        )
    };
    match i32::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor for nobody else.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The event's records: a page about them, and a page of them.
struct Ring {
    start: NonNull<c_void>,
    page: usize,
}

impl Ring {
    #[expect(unsafe_code, reason = "mmap is unsafe for what could be mapped over")]
    fn map(event: &OwnedFd) -> io::Result<Self> {
        let page = rustix::param::page_size();
        // SAFETY: the kernel chooses a free range.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                2 * page,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                event.as_fd(),
                0,
            )
        }?;
        let start = NonNull::new(start).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { start, page })
    }

    /// The time of the first record, by the log's clock, nanoseconds.
    fn first_stamp(&self) -> Option<u64> {
        let head = usize::try_from(self.word(DATA_HEAD)?).ok()?;
        // type (32 bits), misc (16), size (16)
        let header = self.word(self.page)?;
        let kind = u32::try_from(header & u64::from(u32::MAX)).ok()?;
        let size = usize::try_from(header >> 48).ok()?;
        let is_whole = kind == RECORD_COMM && size >= 16 && size <= head;
        is_whole.then(|| self.word(self.page + size - 8)).flatten()
    }

    /// The word at a byte offset; none if it is not aligned or not in the mapping.
    #[expect(
        unsafe_code,
        reason = "memory that the kernel writes is read by pointer"
    )]
    fn word(&self, offset: usize) -> Option<u64> {
        if !offset.is_multiple_of(8) || offset + 8 > 2 * self.page {
            return None;
        }
        let word = self.start.as_ptr().wrapping_byte_add(offset).cast::<u64>();
        // SAFETY: the offset is inside of the mapping and aligned, and any bytes are a u64. It is
        // volatile as the kernel is the writer.
        Some(unsafe { word.read_volatile() })
    }
}

impl Drop for Ring {
    #[expect(unsafe_code, reason = "munmap is unsafe for what is still used")]
    fn drop(&mut self) {
        // SAFETY: it is the whole mapping, and nothing refers to it once this is gone.
        let unmapped = unsafe { munmap(self.start.as_ptr(), 2 * self.page) };
        if let Err(error) = unmapped {
            log::debug!("perf's records stay mapped: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two readings agree; where perf is not allowed, that is an error and not a number.
    #[test]
    fn the_clock_is_read_or_refused() {
        match (boot_ahead_ns(), boot_ahead_ns()) {
            (Ok(one), Ok(two)) => {
                assert!(one.abs_diff(two) < 50_000_000, "{one} and then {two}");
                // The log's clock starts with the kernel, as the other does.
                assert!(
                    u64::try_from(one.abs()).unwrap() <= clock::boot_ns(),
                    "{one}"
                );
            }
            (Err(one), Err(two)) => assert_eq!(one.kind(), two.kind()),
            (one, two) => panic!("{one:?} and then {two:?}"),
        }
    }
}

//! This process's memory: releases what only start-up needed and locks the rest.

use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use rustix::thread::CapabilitySet;

/// Freed heap that is kept rather than given back.
#[cfg(target_env = "gnu")]
const HEAP_KEPT_BYTES: libc::c_int = 64 * 1024;

/// Returns to the kernel what only start-up needed, then locks what is left.
///
/// That is freed heap, of which the allocator holds some 3 MB after loading (the names of the kernel's
/// BTF, the object), and as much program text that start-up touched.
pub fn release_startup_memory() {
    // Locked pages cannot be released.
    if let Err(error) = munlockall() {
        log::debug!("cannot unlock memory: {error}");
    }
    trim_heap();
    release_text();
    lock();
}

/// Locks every page that is resident, and every page touched from now on: under a system-wide OOM
/// the kernel reclaims program text first, and reading that back needs memory. Pages that are
/// never touched cost nothing (`MLOCK_ONFAULT`).
fn lock() {
    // Without the capability RLIMIT_MEMLOCK applies, beyond which the heap could not grow.
    let may = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    let locked = if may {
        mlockall(flags).map_err(|error| error.to_string())
    } else {
        Err("needs CAP_IPC_LOCK".to_owned())
    };
    if let Err(why) = locked {
        log::info!("cannot lock memory ({why}): events may be late under a system-wide OOM");
    }
}

#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "mallopt and malloc_trim have no safe wrapper")
)]
fn trim_heap() {
    #[cfg(target_env = "gnu")]
    {
        // Unset, the threshold grows with what is freed, so that a storm's memory is kept for ever;
        // and each thread would keep an arena of its own.
        for (name, value) in [
            (libc::M_TRIM_THRESHOLD, HEAP_KEPT_BYTES),
            (libc::M_ARENA_MAX, 1),
        ] {
            // SAFETY: may be called at any time and takes any value.
            unsafe { libc::mallopt(name, value) };
        }
        // SAFETY: may be called at any time and takes any pad.
        unsafe { libc::malloc_trim(0) };
    }
}

/// Unmaps the pages of executable files. They stay in the page cache, and the few that waiting and
/// reporting need are faulted in again.
#[expect(unsafe_code, reason = "madvise takes an address range")]
fn release_text() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return;
    };
    for (start, length) in maps.lines().filter_map(text_range) {
        let start = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: the range is one whole, unwritable mapping of a file: it holds only the file's own
        // bytes, which are faulted in again when touched.
        let advised =
            unsafe { rustix::mm::madvise(start, length, rustix::mm::Advice::LinuxDontNeed) };
        if let Err(error) = advised {
            log::debug!("cannot release program text: {error}");
        }
    }
}

/// Start and length of a `/proc/self/maps` line that maps a file's own bytes: its text (`r-xp`), or
/// its beginning (`r--p` at offset 0: headers and constants). Other unwritable mappings are left
/// alone: the dynamic loader wrote to those before it made them read-only.
fn text_range(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (range, flags, offset) = (words.next()?, words.next()?, words.next()?);
    let path = words.nth(2)?;
    let is_own = flags == "r-xp" || flags == "r--p" && offset.bytes().all(|digit| digit == b'0');
    if !is_own || !path.starts_with('/') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let length = usize::from_str_radix(end, 16).ok()?.checked_sub(start)?;
    (start != 0 && length != 0).then_some((start, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unwritable_text_of_files_is_released() {
        let text = "55c518a000-55c52cd000 r-xp 00093000 fe:00 1234    /usr/bin/oomtrace";
        assert_eq!(text_range(text), Some((0x55_c518_a000, 0x14_3000)));
        let constants = "55c518a000-55c518b000 r--p 00000000 fe:00 1234    /usr/bin/oomtrace";
        assert_eq!(text_range(constants), Some((0x55_c518_a000, 0x1000)));
        for kept in [
            "55c518a000-55c52cd000 rwxp 00093000 fe:00 1234    /usr/bin/oomtrace",
            "55c518a000-55c52cd000 r--p 00093000 fe:00 1234    /usr/bin/oomtrace",
            "7ffe99500000-7ffe99502000 r-xp 00000000 00:00 0   [vdso]",
            "55c518a000-55c52cd000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(text_range(kept), None, "{kept}");
        }
    }

    #[test]
    fn the_program_runs_on_after_release() {
        release_startup_memory();
        assert_eq!(
            std::fs::read_to_string("/proc/self/comm")
                .map(|name| !name.is_empty())
                .ok(),
            Some(true)
        );
    }
}

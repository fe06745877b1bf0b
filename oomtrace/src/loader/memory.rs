//! The process's own memory: give back what start-up took, keep what is needed.

use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use rustix::thread::CapabilitySet;

/// Returns to the system what only start-up needed: freed memory, of which loading makes the
/// allocator hold some 20 MB (most of it the kernel's BTF, which aya parses for itself), and the
/// pages of program text that were mapped on the way.
pub fn give_back() {
    // What is locked cannot be given back.
    if let Err(error) = munlockall() {
        log::debug!("memory stays locked: {error}");
    }
    trim_heap();
    unmap_text();
    lock();
}

/// Keeps what is in memory there, and from now on whatever comes: under a system-wide OOM the pages
/// of program text would be taken first, and reading them again takes memory. What is never
/// touched takes none.
fn lock() {
    // Without the capability a limit holds, and past that the heap could not grow any more.
    let may = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    let locked = if may {
        mlockall(flags).map_err(|error| error.to_string())
    } else {
        Err("needs CAP_IPC_LOCK".to_owned())
    };
    if let Err(why) = locked {
        log::info!("cannot lock my memory ({why}): under a system-wide OOM events may be late");
    }
}

#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "malloc_trim has no safe wrapper")
)]
fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim may be called at any time and takes any pad.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Takes the pages of executable files out of this process. They stay in the page cache, and those
/// that waiting and reporting need come back by themselves, a few at a time.
#[expect(unsafe_code, reason = "madvise takes an address range")]
fn unmap_text() {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return;
    };
    for (start, length) in maps.lines().filter_map(text_range) {
        let start = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: the range is a whole mapping of a file that is not writable, so it holds nothing
        // but the file's own bytes, which come back when they are touched again.
        let advised =
            unsafe { rustix::mm::madvise(start, length, rustix::mm::Advice::LinuxDontNeed) };
        if let Err(error) = advised {
            log::debug!("program text stays mapped: {error}");
        }
    }
}

/// Start and length of a mapping of a file's own bytes: its text (`r-xp`), or its beginning
/// (`r--p` at offset 0: headers and constants). Other unwritable mappings are left alone; the
/// dynamic loader has written to those before it locked them.
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

/// Asks the OOM killer to take others first. What is refused is
/// told: tracing goes on without it.
#[must_use]
pub fn protect() -> Vec<String> {
    let mut refused = Vec::new();
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "-1000") {
        refused.push(format!(
            "cannot set my own oom_score_adj to -1000 ({error}; needs CAP_SYS_RESOURCE): under a system-wide OOM I may be killed too"
        ));
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unwritable_text_of_files_is_unmapped() {
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
    fn the_program_runs_on_after_giving_back() {
        give_back();
        assert_eq!(
            std::fs::read_to_string("/proc/self/comm")
                .map(|name| !name.is_empty())
                .ok(),
            Some(true)
        );
    }
}

//! Whether a victim still runs.

use std::fs;

use crate::model::{Liveness, LivenessRequest};

/// Looks the victim up by its process id and start time.
///
/// Neither opens its memory map, which would keep dying memory alive. In another pid or time
/// namespace than the kernel's initial one no process matches, and none is called alive.
#[must_use]
pub fn liveness(request: &LivenessRequest, now: impl Fn() -> u64) -> Liveness {
    let stat = fs::read(format!("/proc/{}/stat", request.pid)).ok();
    let ticks = rustix::param::clock_ticks_per_second();
    Liveness {
        sequence: request.sequence,
        boot_ns: now(),
        is_alive: stat.is_some_and(|stat| is_alive(&stat, request.start_boot_ns, ticks)),
    }
}

/// What `read` finds below `/proc/PID`, if that process is the one that was started then, before the
/// reading and after it: a process id may be in use again.
pub(super) fn of_the_same<T>(
    pid: u32,
    start_boot_ns: u64,
    read: impl FnOnce() -> Option<T>,
) -> Option<T> {
    let is_same = || {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok();
        let ticks = rustix::param::clock_ticks_per_second();
        stat.is_some_and(|stat| is_started(&stat, start_boot_ns, ticks))
    };
    if !is_same() {
        return None;
    }
    read().filter(|_| is_same())
}

fn fields_after_name(stat: &[u8]) -> Vec<&str> {
    let rest = stat
        .iter()
        .rposition(|byte| *byte == b')')
        .and_then(|end| stat.get(end + 1..))
        .and_then(|rest| str::from_utf8(rest).ok());
    rest.into_iter().flat_map(str::split_whitespace).collect()
}

/// Whether `/proc/PID/stat` is of the process that was started then.
fn is_started(stat: &[u8], start_boot_ns: u64, ticks_per_second: u64) -> bool {
    const STARTTIME: usize = 19;
    let fields = fields_after_name(stat);
    let start = fields.get(STARTTIME).and_then(|text| text.parse().ok());
    let tick_ns = 1_000_000_000_u64.checked_div(ticks_per_second);
    let wanted = tick_ns.and_then(|tick_ns| start_boot_ns.checked_div(tick_ns));
    start.is_some() && start == wanted
}

/// Whether `/proc/PID/stat` is of the process that was started then, and a thread of it runs. The
/// name of a task may hold anything, so fields count from its closing bracket.
fn is_alive(stat: &[u8], start_boot_ns: u64, ticks_per_second: u64) -> bool {
    const NUM_THREADS: usize = 17;
    let fields = fields_after_name(stat);
    let threads = fields.get(NUM_THREADS).and_then(|text| text.parse().ok());
    let (Some(state), Some(threads)) = (fields.first(), threads) else {
        return false;
    };
    let threads: u64 = threads;
    // A leader that has exited stays until its process is waited for, with or without threads.
    let has_exited = matches!(*state, "Z" | "X") && threads <= 1;
    is_started(stat, start_boot_ns, ticks_per_second) && !has_exited
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_NS: u64 = 12_345_678_901;

    fn stat(state: &str, threads: u32, start: u64) -> Vec<u8> {
        format!(
            "7 (a) R (b\u{fffd}) {state} 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 {threads} 0 {start} \
             4096 1 18446744073709551615 0\n"
        )
        .into_bytes()
    }

    #[test]
    fn another_start_is_another_process() {
        let pid = std::process::id();
        let stat = fs::read(format!("/proc/{pid}/stat")).unwrap();
        let start: u64 = fields_after_name(&stat)[19].parse().unwrap();
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let start_ns = start * tick_ns + tick_ns / 2;
        assert_eq!(of_the_same(pid, start_ns, || Some(1)), Some(1));
        let never = || -> Option<u8> { panic!("nothing of another process is opened") };
        assert_eq!(of_the_same(pid, start_ns + tick_ns, never), None);
        assert_eq!(of_the_same(u32::MAX, start_ns, || Some(1)), None);
    }

    #[test]
    fn a_process_replaced_while_read_gives_nothing() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let stat = fs::read(format!("/proc/{}/stat", child.id())).unwrap();
        let start: u64 = fields_after_name(&stat)[19].parse().unwrap();
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let read = of_the_same(child.id(), start * tick_ns, || {
            child.kill().unwrap();
            child.wait().unwrap();
            Some(1)
        });
        assert_eq!(read, None);
    }

    #[test]
    fn a_running_process_is_alive() {
        assert!(is_alive(&stat("S", 1, 1234), START_NS, 100));
        assert!(is_alive(&stat("D", 3, 1234), START_NS, 100));
        assert!(
            is_alive(&stat("Z", 2, 1234), START_NS, 100),
            "a leader that has exited"
        );
    }

    #[test]
    fn the_exited_and_others_are_not() {
        assert!(
            !is_alive(&stat("Z", 1, 1234), START_NS, 100),
            "not waited for"
        );
        assert!(!is_alive(&stat("X", 1, 1234), START_NS, 100));
        assert!(
            !is_alive(&stat("S", 1, 1235), START_NS, 100),
            "another process"
        );
        for damaged in [&b""[..], b"7 (a) S", b"7 (a", b"7 (a) S x x", b"\xff) \xff"] {
            assert!(!is_alive(damaged, START_NS, 100));
        }
        assert!(!is_alive(&stat("S", 1, 1234), START_NS, 0));
    }

    #[test]
    fn this_process_is_found_by_its_start() {
        let own = fs::read("/proc/self/stat").unwrap();
        let text = String::from_utf8_lossy(&own);
        let start: u64 = text
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .nth(19)
            .unwrap()
            .parse()
            .unwrap();
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let request = LivenessRequest {
            sequence: 3,
            pid: std::process::id(),
            start_boot_ns: start * tick_ns + 1,
        };
        let alive = liveness(&request, || 5);
        assert_eq!(
            (alive.sequence, alive.boot_ns, alive.is_alive),
            (3, 5, true)
        );
        let other = LivenessRequest {
            start_boot_ns: request.start_boot_ns + tick_ns,
            ..request
        };
        assert!(!liveness(&other, || 5).is_alive);
    }
}

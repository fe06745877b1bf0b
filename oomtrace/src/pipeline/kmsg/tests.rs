//! Records one by one, as the device gives them, from a socket that keeps their bounds.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::thread;

use super::*;
use crate::model::OomKill;

/// The log, and where the kernel writes.
fn log() -> (UnixDatagram, KernelLog) {
    let (writer, reader) = UnixDatagram::pair().unwrap();
    reader.set_nonblocking(true).unwrap();
    let file = File::from(OwnedFd::from(reader));
    (writer, KernelLog::of(file, Some("h".to_owned())))
}

/// A record of the kernel's kill of `pid`.
fn record(number: u64, us: u64, pid: u32) -> Vec<u8> {
    format!(
        "3,{number},{us},-;Out of memory: Killed process {pid} (a) total-vm:4kB, anon-rss:4kB, \
         file-rss:0kB, shmem-rss:0kB\n"
    )
    .into_bytes()
}

fn kills(events: Vec<Event>) -> Vec<OomKill> {
    events
        .into_iter()
        .map(|event| match event {
            Event::OomKill(kill) => *kill,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn records_are_emitted_when_nothing_follows() {
    let (kernel, mut log) = log();
    kernel.send(&record(40, 1_000_000, 7)).unwrap();
    kernel.send(&record(41, 2_000_000, 8)).unwrap();
    assert!(log.read().unwrap().is_empty(), "either may go on");
    assert_eq!(log.begins, Some((40, 1_000_000)));
    assert_eq!((log.newest_us(), log.lost()), (2_000_000, 0));
    assert!(log.settled().is_empty(), "not so soon");
    let due = log.due().expect("it waits");
    thread::sleep(due.saturating_duration_since(Instant::now()));
    let emitted = kills(log.settled());
    assert_eq!(log.due(), None, "no timer while nothing waits");
    let pids: Vec<_> = emitted.iter().map(|kill| kill.victim.pid).collect();
    assert_eq!(pids, [Some(7), Some(8)]);
    for kill in emitted {
        assert_eq!(kill.header.hostname.as_deref(), Some("h"));
        assert!(kill.header.observed_timestamp.is_some());
    }
}

#[test]
fn what_is_decided_is_emitted_though_the_log_goes_on() {
    let (kernel, mut log) = log();
    kernel.send(&record(1, 1_000_000, 7)).unwrap();
    let start = Instant::now();
    let mut emitted = log.read().unwrap();
    let mut number = 1;
    while emitted.is_empty() && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(PATIENCE / 4);
        number += 1;
        let other = format!("6,{number},{number}000000,-;usb 1-1: new device\n");
        kernel.send(other.as_bytes()).unwrap();
        emitted.extend(log.read().unwrap());
        emitted.extend(log.settled());
    }
    assert_eq!(kills(emitted).len(), 1);
    let waited = start.elapsed();
    assert!(waited >= PATIENCE, "{waited:?}");
}

#[test]
fn overwritten_records_are_counted() {
    let (kernel, mut log) = log();
    kernel.send(&record(7, 1_000_000, 7)).unwrap();
    kernel.send(&record(10, 2_000_000, 8)).unwrap();
    kernel.send(&record(11, 3_000_000, 9)).unwrap();
    let mut events = log.read().unwrap();
    events.extend(log.finished());
    assert_eq!(log.lost(), 2);
    let lost: Vec<u64> = kills(events).iter().map(|kill| kill.lost_records).collect();
    assert_eq!(lost, [2, 2, 2]);
}

#[test]
fn what_the_log_no_longer_holds_is_emitted() {
    let (kernel, mut log) = log();
    kernel.send(&record(5, 1_000_000, 7)).unwrap();
    log.read().unwrap();
    let gap = |counted, kills, twice| match log.gap_before(
        counted,
        Observed {
            kills,
            maybe_twice: twice,
        },
    ) {
        Some(Event::Gap(gap)) => Some((gap.kills_missed_min, gap.kills_missed_max)),
        None => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(gap(Some((5, 5)), 5, 0), None);
    assert_eq!(gap(Some((5, 6)), 3, 0), Some((2, 3)));
    assert_eq!(
        gap(Some((5, 5)), 2, 1),
        Some((2, 3)),
        "a group's victim counts twice"
    );
    assert_eq!(gap(Some((3, 3)), 2, 1), None);
    assert_eq!(gap(None, 2, 0), None, "a kernel that does not count");
    assert_eq!(gap(Some((1, 1)), 2, 0), None);
}

/// Where perf gives the clock, a record of now has the time of now; where it does not, a record that
/// came after the first reading tells it.
#[test]
fn a_time_of_day_is_derived() {
    let (kernel, mut log) = log();
    log.read().unwrap();
    let ahead = log.boot_ahead_ns().unwrap_or_default();
    let now_us = (i128::from(clock::boot_ns()) - i128::from(ahead)) / 1000;
    let now_us = u64::try_from(now_us).unwrap();
    kernel.send(&record(1, now_us, 7)).unwrap();
    let mut events = log.read().unwrap();
    events.extend(log.finished());
    let kill = kills(events).pop().unwrap();
    assert_eq!(kill.header.timestamp_basis.as_deref(), Some("derived"));
    let emitted: jiff::Timestamp = kill.header.timestamp.unwrap().parse().unwrap();
    let apart = jiff::Timestamp::now().as_millisecond() - emitted.as_millisecond();
    assert!((-1..5000).contains(&apart), "{apart} ms");
    assert!(
        kill.missing
            .iter()
            .all(|missing| missing.field != "timestamp")
    );
}

#[test]
fn a_time_that_is_not_known_is_missed() {
    let (kernel, mut log) = log();
    kernel.send(&record(1, 1_000_000, 7)).unwrap();
    // As where perf is not allowed.
    log.compared = Some((Instant::now(), false));
    let mut events = log.read().unwrap();
    events.extend(log.finished());
    let kill = kills(events).pop().unwrap();
    assert_eq!(kill.header.timestamp, None);
    let why = kill
        .missing
        .iter()
        .find(|missing| missing.field == "timestamp");
    assert_eq!(why.unwrap().reason.word(), "no_clock");
}

#[test]
fn a_damaged_record_is_no_kill_and_no_panic() {
    let (kernel, mut log) = log();
    let records: [&[u8]; 6] = [
        b"",
        b"\0",
        b"3",
        b"3,,,;",
        b"3,99999999999999999999,1,-;x",
        &[0xff; 4000],
    ];
    for record in records {
        kernel.send(record).unwrap();
        // An empty record reads like an end; the next reading goes on.
        assert!(log.read().unwrap().is_empty());
    }
    assert!(log.finished().is_empty());
}

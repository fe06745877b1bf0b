use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn event(number: u64) -> Vec<u8> {
    format!("{{\"event\":\"oom_kill\",\"number\":{number}}}").into_bytes()
}

fn settings(max_bytes: u64) -> Settings {
    Settings {
        max_bytes,
        ..Settings::default()
    }
}

fn open(directory: &Path) -> Writer {
    Writer::open(directory, settings(1 << 30)).unwrap().writer
}

/// Everything from `place` on.
fn read_from(directory: &Path, place: u64) -> Vec<Item> {
    let mut reader = Reader::new(directory, place);
    std::iter::from_fn(|| reader.next_item().unwrap()).collect()
}

fn numbers(items: &[Item]) -> Vec<u64> {
    items
        .iter()
        .map(|item| match item {
            Item::Event { number, line } => {
                assert_eq!(*line, event(*number));
                *number
            }
            Item::Removed { .. } | Item::Unreadable { .. } => panic!("{item:?}"),
        })
        .collect()
}

/// Fills a store; its closed segments are packed. The number of events that were removed.
fn filled(directory: &Path, count: u64, max_bytes: u64) -> u64 {
    let mut writer = Writer::open(directory, settings(max_bytes)).unwrap().writer;
    let mut removed = 0;
    for number in 1..=count {
        // Long enough that segments fill; the blanks are no part of what `event` gives.
        let done = writer
            .append(&event(number), NOW + Duration::from_secs(number))
            .unwrap();
        removed += done.removed;
        if let Some(closed) = done.closed {
            pack(&closed).unwrap();
        }
    }
    removed
}

#[test]
fn events_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    for number in 1..=5 {
        assert_eq!(writer.append(&event(number), NOW).unwrap().number, number);
    }
    assert_eq!(numbers(&read_from(folder.path(), 0)), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&read_from(folder.path(), 4)), [4, 5]);
    assert_eq!(read_from(folder.path(), 6), []);
}

#[test]
fn a_reader_follows_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = Reader::new(folder.path(), 0);
    assert_eq!(reader.next_item().unwrap(), None);
    let mut writer = Writer::open(folder.path(), settings(1 << 20))
        .unwrap()
        .writer;
    let mut seen = Vec::new();
    // Segments of 64 KiB: several are closed, and packed under the reader.
    for number in 1..=6_000 {
        let done = writer.append(&event(number), NOW).unwrap();
        if number % 7 == 0 {
            seen.extend(std::iter::from_fn(|| reader.next_item().unwrap()));
        }
        if let Some(closed) = done.closed {
            pack(&closed).unwrap();
        }
    }
    seen.extend(std::iter::from_fn(|| reader.next_item().unwrap()));
    assert_eq!(numbers(&seen), (1..=6_000).collect::<Vec<_>>());
    assert_eq!(reader.place(), 6_001);
}

#[test]
fn a_full_store_removes_its_oldest_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    // Plain segments of 64 KiB; three of them and a part fit.
    let mut writer = Writer::open(folder.path(), settings(200 * 1024))
        .unwrap()
        .writer;
    let mut removed = 0;
    for number in 1..=12_000 {
        removed += writer.append(&event(number), NOW).unwrap().removed;
    }
    assert!(removed > 0);
    let size: u64 = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(size <= (200 + 64) * 1024, "{size}");
    let mut items = read_from(folder.path(), 0);
    assert_eq!(
        items.remove(0),
        Item::Removed {
            first: 1,
            count: removed
        }
    );
    assert_eq!(numbers(&items), (removed + 1..=12_000).collect::<Vec<_>>());
}

#[test]
fn old_segments_are_removed_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    let written = SystemTime::now();
    writer.append(&event(1), written).unwrap();
    let day = Duration::from_secs(86_401);
    // A day later a new segment begins; a month later the first one is gone.
    assert!(
        writer
            .append(&event(2), written + day)
            .unwrap()
            .closed
            .is_some()
    );
    assert_eq!(numbers(&read_from(folder.path(), 0)), [1, 2]);
    let done = writer.append(&event(3), written + 40 * day).unwrap();
    assert_eq!(done.removed, 2);
    assert_eq!(numbers(&read_from(folder.path(), 3)), [3]);
}

#[test]
fn a_torn_tail_is_cut_at_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = Vec::new();
    for number in 1..=3 {
        whole.extend(event(number));
        whole.push(b'\n');
    }
    let line = event(1).len() + 1;
    for length in 0..=whole.len() {
        let directory = folder.path().join(length.to_string());
        fs::create_dir(&directory).unwrap();
        let path = directory.join("events-000000000001.ndjson");
        fs::write(&path, &whole[..length]).unwrap();
        let kept = length / line;
        // A reader ignores it, a writer cuts it and goes on behind the last whole event.
        assert_eq!(read_from(&directory, 0).len(), kept);
        let Opened {
            mut writer,
            cut_bytes,
        } = Writer::open(&directory, settings(1 << 30)).unwrap();
        assert_eq!(cut_bytes, u64::try_from(length % line).unwrap());
        let number = u64::try_from(kept).unwrap() + 1;
        assert_eq!(writer.append(&event(number), NOW).unwrap().number, number);
        assert_eq!(
            numbers(&read_from(&directory, 0)),
            (1..=number).collect::<Vec<_>>()
        );
    }
}

#[test]
fn zeros_after_a_power_cut_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events-000000000001.ndjson");
    let mut text = event(1);
    text.extend(b"\n{\"event\0\0\0\n\0\0\0\0");
    fs::write(&path, text).unwrap();
    let opened = Writer::open(folder.path(), settings(1 << 30)).unwrap();
    assert_eq!(opened.cut_bytes, 15);
    assert_eq!(numbers(&read_from(folder.path(), 0)), [1]);
}

#[test]
fn a_crash_while_packing_loses_and_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(filled(folder.path(), 3_000, 1 << 20), 0);
    drop(open(folder.path()));
    // Packed, and the plain file not yet removed.
    let plain = folder.path().join("events-000000000001.ndjson");
    fs::write(&plain, b"{\"event\":\"oom_kill\",\"number\":1}\n").unwrap();
    // Half packed.
    fs::write(
        folder.path().join("events-000000000009.ndjson.gz.tmp"),
        b"\x1f\x8b",
    )
    .unwrap();
    let before = read_from(folder.path(), 0);
    drop(open(folder.path()));
    assert!(!plain.exists());
    assert_eq!(read_from(folder.path(), 0), before);
}

#[test]
fn numbering_goes_on_after_a_packed_segment() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path());
    writer.append(&event(1), NOW).unwrap();
    writer.append(&event(2), NOW).unwrap();
    drop(writer);
    pack(&folder.path().join("events-000000000001.ndjson")).unwrap();
    let mut writer = open(folder.path());
    assert_eq!(writer.append(&event(3), NOW).unwrap().number, 3);
    assert_eq!(numbers(&read_from(folder.path(), 0)), [1, 2, 3]);
}

#[test]
fn only_one_process_writes() {
    let folder = tempfile::tempdir().unwrap();
    let writer = open(folder.path());
    let refused = Writer::open(folder.path(), settings(1)).unwrap_err();
    assert!(refused.to_string().contains("in use"), "{refused}");
    drop(writer);
    open(folder.path());
}

#[test]
fn files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("a/store");
    drop(open(&directory));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("events-000000000001.ndjson")), 0o600);
}

#[test]
fn foreign_files_and_paths_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "events-.ndjson",
        "events-1x.ndjson",
        "events-+1.ndjson",
        "notes",
    ] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    assert_eq!(read_from(folder.path(), 0), []);
    assert_eq!(read_from(&folder.path().join("none"), 0), []);
    let file = folder.path().join("notes");
    let error = Writer::open(&file, settings(1)).unwrap_err().to_string();
    assert!(error.contains("not a directory"), "{error}");
    assert!(Reader::new(&file, 0).next_item().is_err());
}

#[test]
fn newest_first_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(filled(folder.path(), 3_000, 1 << 20), 0);
    let mut last = Vec::new();
    newest_first(folder.path(), |line| {
        last.push(line.to_vec());
        last.len() < 2_500
    })
    .unwrap();
    let expected: Vec<_> = (501..=3_000).rev().map(event).collect();
    assert_eq!(last, expected);
}

#[test]
fn a_removed_segment_is_no_error_for_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let gone = super::segment::Segment::open_at(folder.path(), 1);
    assert!(gone.lines().unwrap().is_none());
}

#[test]
fn room_is_made_by_removing_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(folder.path(), settings(1 << 20))
        .unwrap()
        .writer;
    assert_eq!(writer.make_room().unwrap(), None);
    let long = vec![b'x'; 40 * 1024];
    for _ in 0..4 {
        writer.append(&long, NOW).unwrap();
    }
    writer.sync().unwrap();
    let first = writer.unpacked().unwrap();
    assert_eq!(writer.make_room().unwrap(), Some(1));
    assert_eq!(writer.unpacked().unwrap(), first[1..]);
}

/// A segment in the middle is damaged: what is lost with it is counted and named, and reading goes on.
#[test]
fn a_damaged_segment_does_not_end_reading() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(filled(folder.path(), 6_000, 1 << 20), 0);
    let segments = super::segment::list(folder.path()).unwrap();
    let [_, middle, next, ..] = segments.as_slice() else {
        panic!("{segments:?}");
    };
    fs::write(&middle.path, b"no gzip").unwrap();
    let items = read_from(folder.path(), 1);
    let damage = items.iter().position(|item| {
        let Item::Unreadable { first, count, why } = item else {
            return false;
        };
        assert_eq!((*first, first + count), (middle.first, next.first));
        assert!(why.contains(middle.path.to_str().unwrap()), "{why}");
        true
    });
    let (before, after) = items.split_at(damage.unwrap());
    assert_eq!(numbers(before), (1..middle.first).collect::<Vec<_>>());
    assert_eq!(
        numbers(&after[1..]),
        (next.first..=6_000).collect::<Vec<_>>()
    );

    let mut visited = 0;
    let damaged = newest_first(folder.path(), |_| {
        visited += 1;
        true
    });
    assert_eq!(damaged.unwrap().len(), 1);
    assert_eq!(visited, 6_000 - (next.first - middle.first));
}

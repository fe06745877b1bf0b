use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::spool::{BYTES_MAX, CONGESTED_BYTES};
use super::*;
use crate::sinks::Progress;
use crate::store::{Item, Reader, Settings, Writer};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn what_is_pushed_is_stored_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::open(folder.path(), Settings::default())
        .unwrap()
        .writer;
    let progress = Arc::new(Progress::default());
    let spool = Spool::new(|| ());
    let keeper = Keeper::new(spool.clone(), writer, Arc::clone(&progress), true);
    let kept = keeper.kept();
    let thread = keeper.start().unwrap();
    for number in 1..=1000 {
        spool
            .push(format!("{{\"n\":{number}}}").into_bytes())
            .unwrap();
    }
    spool.close(SOON);
    thread.join().unwrap();
    assert_eq!(progress.view().end, 1001);
    assert_eq!(kept.figures().stored, 1000);
    let mut reader = Reader::new(folder.path(), 0);
    for number in 1..=1000 {
        let Some(Item::Event { line, .. }) = reader.next_item().unwrap() else {
            panic!("no event {number}");
        };
        assert_eq!(line, format!("{{\"n\":{number}}}").into_bytes());
    }
}

#[test]
fn a_full_spool_refuses_and_says_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::open(folder.path(), Settings::default())
        .unwrap()
        .writer;
    let rooms = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&rooms);
    let spool = Spool::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let line = || vec![b'x'; CONGESTED_BYTES];
    let mut taken = 0;
    while spool.push(line()).is_ok() {
        assert!(spool.is_congested());
        taken += 1;
    }
    assert_eq!(taken, BYTES_MAX / CONGESTED_BYTES);
    let keeper = Keeper::new(spool.clone(), writer, Arc::default(), false);
    let thread = keeper.start().unwrap();
    spool.close(SOON);
    thread.join().unwrap();
    assert!(!spool.is_congested());
    assert_eq!(rooms.load(Ordering::Relaxed), 1);
}

#[test]
fn a_store_that_never_recovers_counts_its_losses() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("store");
    let writer = Writer::open(
        &directory,
        Settings {
            max_bytes: 1,
            ..Settings::default()
        },
    );
    let mut writer = writer.unwrap().writer;
    // The next event needs a new segment, for which there is no directory any more.
    writer
        .append(&vec![b'x'; 70 * 1024], std::time::SystemTime::now())
        .unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    let spool = Spool::new(|| ());
    let keeper = Keeper::new(spool.clone(), writer, Arc::default(), false);
    let kept = keeper.kept();
    let thread = keeper.start().unwrap();
    spool.push(b"{}".to_vec()).unwrap();
    spool.close(Duration::from_millis(50));
    thread.join().unwrap();
    let figures = kept.figures();
    assert_eq!((figures.stored, figures.given_up), (0, 1));
    assert!(figures.failure.unwrap().contains("events-"));
}

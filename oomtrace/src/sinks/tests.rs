use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::cursor::Cursor;
use super::worker::{Batch, Refused};
use super::*;
use crate::store::{Settings, Writer};

const SOON: Duration = Duration::from_secs(10);

/// Lets every line through, and reports what was removed.
struct AsIs;

impl Shape for AsIs {
    fn shape(&mut self, line: Vec<u8>) -> Option<Vec<u8>> {
        Some(line)
    }

    fn removed(&mut self, first: u64, count: u64) -> Option<Vec<u8>> {
        Some(format!("removed {count} from {first}").into_bytes())
    }
}

/// Takes batches while it is told to.
#[derive(Clone, Default)]
struct Taker {
    taken: Arc<Mutex<Vec<String>>>,
    refuses: Arc<Mutex<bool>>,
}

impl Receiver for Taker {
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused> {
        if *self.refuses.lock().unwrap() {
            return Err(Refused {
                retry_after: Some(Duration::from_millis(5)),
                ..Refused::passing("not now".to_owned())
            });
        }
        let lines = batch.lines.iter();
        let lines = lines.map(|line| String::from_utf8(line.clone()).unwrap());
        self.taken.lock().unwrap().extend(lines);
        Ok(())
    }
}

struct Bench {
    folder: tempfile::TempDir,
    writer: Writer,
    progress: Arc<Progress>,
}

impl Bench {
    fn new(max_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            max_bytes,
            ..Settings::default()
        };
        let writer = Writer::open(folder.path(), settings).unwrap().writer;
        let progress = Arc::new(Progress::default());
        progress.stored(writer.next_number());
        Self {
            folder,
            writer,
            progress,
        }
    }

    fn add(&mut self, lines: &[&str]) {
        for line in lines {
            self.writer
                .append(line.as_bytes(), SystemTime::UNIX_EPOCH)
                .unwrap();
        }
        self.progress.stored(self.writer.next_number());
    }

    fn start(&self, receiver: impl Receiver + 'static) -> Handle {
        let setup = Setup {
            name: "a".to_owned(),
            directory: self.folder.path().to_owned(),
            shape: Box::new(AsIs),
            receiver: Box::new(receiver),
        };
        start(setup, &self.progress).unwrap()
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_sink_goes_on_where_it_was() {
    let mut bench = Bench::new(1 << 30);
    bench.add(&["{\"before\":0}"]);
    let taker = Taker::default();
    let sink = bench.start(taker.clone());
    bench.add(&["{\"n\":1}", "{\"n\":2}"]);
    wait_until(|| sink.status.figures().place == 4);
    assert!(sink.stopped(SOON));
    bench.add(&["{\"n\":3}"]);
    let sink = bench.start(taker.clone());
    wait_until(|| sink.status.figures().place == 5);
    assert!(sink.stopped(SOON));
    let expected = ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"];
    assert_eq!(*taker.taken.lock().unwrap(), expected);
}

#[test]
fn a_dead_receiver_gets_everything_once_it_is_back() {
    let mut bench = Bench::new(1 << 30);
    let taker = Taker::default();
    *taker.refuses.lock().unwrap() = true;
    let sink = bench.start(taker.clone());
    bench.add(&["{\"n\":1}", "{\"n\":2}"]);
    wait_until(|| sink.status.figures().errors > 1);
    let figures = sink.status.figures();
    assert_eq!((figures.place, figures.delivered), (1, 0));
    assert_eq!(figures.failure.as_deref(), Some("not now"));
    *taker.refuses.lock().unwrap() = false;
    wait_until(|| sink.status.figures().delivered == 2);
    assert_eq!(sink.status.figures().failure, None);
    assert_eq!(taker.taken.lock().unwrap().len(), 2);
}

#[test]
fn a_stop_keeps_the_cursor_before_what_was_refused() {
    let mut bench = Bench::new(1 << 30);
    let taker = Taker::default();
    *taker.refuses.lock().unwrap() = true;
    let sink = bench.start(taker.clone());
    bench.add(&["{\"n\":1}"]);
    wait_until(|| sink.status.figures().errors > 0);
    assert!(sink.stopped(SOON));
    *taker.refuses.lock().unwrap() = false;
    let sink = bench.start(taker.clone());
    wait_until(|| sink.status.figures().delivered == 1);
}

#[test]
fn what_the_store_removed_is_reported() {
    let mut bench = Bench::new(1);
    let taker = Taker::default();
    let sink = bench.start(taker.clone());
    assert!(sink.stopped(SOON));
    let long = format!("{{\"n\":\"{}\"}}", "x".repeat(40 * 1024));
    bench.add(&[long.as_str(); 5]);
    let sink = bench.start(taker.clone());
    wait_until(|| sink.status.figures().place == 6);
    let taken = taker.taken.lock().unwrap();
    assert!(taken[0].starts_with("removed "), "{}", taken[0]);
    let dropped = sink.status.figures().dropped;
    assert_eq!(usize::try_from(dropped).unwrap() + taken.len() - 1, 5);
}

#[test]
fn the_end_waits_for_delivery() {
    let mut bench = Bench::new(1 << 30);
    let taker = Taker::default();
    let sink = bench.start(taker.clone());
    bench.add(&["{\"n\":1}"; 500]);
    bench.progress.finish(SOON);
    assert!(sink.ended_by(Instant::now() + SOON));
    assert_eq!(taker.taken.lock().unwrap().len(), 500);
}

#[test]
fn a_cursor_survives_and_garbage_repeats() {
    let folder = tempfile::tempdir().unwrap();
    let open = |end| Cursor::open(folder.path(), "a", 7, end).unwrap();
    let (cursor, place) = open(7);
    assert_eq!(place, 7);
    cursor.save(9).unwrap();
    assert_eq!(open(100).1, 9);
    // The store is gone, and another one has begun.
    assert_eq!(open(8).1, 1);
    for garbage in [&b"x\n"[..], b"\xff\xff", b"-1"] {
        fs::write(folder.path().join("cursor-a"), garbage).unwrap();
        assert_eq!(open(100).1, 1, "{garbage:?}");
    }
}

fn batch(lines: &[&str]) -> Batch {
    Batch {
        first: 1,
        lines: lines.iter().map(|line| line.as_bytes().to_vec()).collect(),
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_is_rotated_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oom.ndjson");
    let mut sink = FileSink::new(path.clone(), Some(8), 2);
    sink.deliver(&batch(&["{1}", "{2}", "{3}", "{4}", "{5}", "{6}", "{7}"]))
        .unwrap();
    assert_eq!(text(&path), "{7}\n");
    assert_eq!(text(&path.with_extension("ndjson.1")), "{5}\n{6}\n");
    assert_eq!(text(&path.with_extension("ndjson.2")), "{3}\n{4}\n");
    assert!(!path.with_extension("ndjson.3").exists());
}

#[test]
fn a_file_that_was_moved_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oom.ndjson");
    let mut sink = FileSink::new(path.clone(), None, 0);
    sink.deliver(&batch(&["{1}"])).unwrap();
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    sink.deliver(&batch(&["{2}"])).unwrap();
    sink.reopen();
    sink.deliver(&batch(&["{3}"])).unwrap();
    assert_eq!(
        (text(&moved), text(&path)),
        ("{1}\n{2}\n".into(), "{3}\n".into())
    );
}

#[test]
fn half_an_event_at_the_end_of_a_file_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oom.ndjson");
    for (before, after) in [
        ("{1}\n{\"ev", "{1}\n{2}\n"),
        ("{\"ev", "{2}\n"),
        ("{1}\n", "{1}\n{2}\n"),
        ("notes", "notes\n{2}\n"),
    ] {
        fs::write(&path, before).unwrap();
        let mut sink = FileSink::new(path.clone(), None, 0);
        sink.deliver(&batch(&["{2}"])).unwrap();
        assert_eq!(text(&path), after);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_tried_again() {
    let mut sink = FileSink::new("/dev/full".into(), None, 0);
    let refused = sink.deliver(&batch(&["{1}"])).unwrap_err();
    assert!(refused.why.contains("/dev/full"), "{}", refused.why);
    assert!(!refused.is_final);
}

/// Leaves one event out of each batch.
struct Picky;

impl Receiver for Picky {
    fn deliver(&mut self, _: &Batch) -> Result<(), Refused> {
        Ok(())
    }

    fn left_out(&self) -> u64 {
        1
    }
}

#[test]
fn what_is_left_out_counts_as_dropped() {
    let mut bench = Bench::new(1 << 30);
    bench.add(&["{\"before\":0}"]);
    let sink = bench.start(Picky);
    bench.add(&["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"]);
    wait_until(|| sink.status.figures().place == 5);
    let figures = sink.status.figures();
    assert_eq!((figures.delivered, figures.dropped), (2, 1));
    assert!(sink.stopped(SOON));
}

#[test]
fn a_file_is_rotated_by_its_age() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let age = Duration::from_millis(50);
    let mut sink = FileSink::new(path.clone(), None, 2).rotated_after(Some(age));
    let batch = |line: &str| Batch {
        first: 1,
        lines: vec![line.as_bytes().to_vec()],
    };
    sink.deliver(&batch("{\"n\":1}")).unwrap();
    let made = SystemTime::now();
    wait_until(|| made.elapsed().is_ok_and(|since| since > 2 * age));
    sink.deliver(&batch("{\"n\":2}")).unwrap();
    let old = folder.path().join("out.1");
    assert_eq!(fs::read_to_string(old).unwrap(), "{\"n\":1}\n");
    assert_eq!(fs::read_to_string(path).unwrap(), "{\"n\":2}\n");
}

//! Writers that fail in every way a writer can.

use std::fs::File;

use super::*;

/// Answers each write as scripted; afterwards takes everything.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<io::Result<usize>>,
    written: Vec<u8>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match self.answers.pop_front() {
            Some(answer) => answer?.min(bytes.len()),
            None => bytes.len(),
        };
        self.written.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sink(answers: impl IntoIterator<Item = io::Result<usize>>) -> Sink<Scripted> {
    Sink::new(Scripted {
        answers: answers.into_iter().collect(),
        ..Scripted::default()
    })
}

fn item(text: &str) -> Item {
    Item {
        bytes: text.as_bytes().to_vec(),
        loss: Loss {
            events: 1,
            kills_min: 1,
            kills_max: 1,
        },
        is_gap: false,
    }
}

fn deliver<W: Write>(sink: &mut Sink<W>, text: &str) -> Progress {
    sink.push(item(text)).unwrap();
    sink.write()
}

fn error<T>(kind: ErrorKind) -> io::Result<T> {
    Err(kind.into())
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    let mut sink = sink([Ok(1), error(ErrorKind::Interrupted), Ok(2)]);
    assert!(matches!(deliver(&mut sink, "hello\n"), Progress::Done));
    assert_eq!(sink.writer.written, b"hello\n");
    assert_eq!(sink.queued_bytes(), 0);
}

#[test]
fn an_item_without_bytes_is_not_written() {
    let mut sink = sink([]);
    assert!(matches!(deliver(&mut sink, ""), Progress::Done));
    assert!(matches!(deliver(&mut sink, "a\n"), Progress::Done));
    assert_eq!(sink.writer.written, b"a\n");
}

#[test]
fn without_room_an_item_waits_in_its_place() {
    let mut sink = sink([Ok(2), error(ErrorKind::WouldBlock)]);
    assert!(matches!(deliver(&mut sink, "a1\n"), Progress::Blocked));
    sink.push_first(item("notice\n"));
    sink.push(item("b\n")).unwrap();
    assert_eq!(sink.waiting().events, 3);
    assert!(matches!(sink.write(), Progress::Done));
    assert_eq!(sink.writer.written, b"a1\nnotice\nb\n");
    assert_eq!(sink.waiting(), Loss::default());
}

#[test]
fn a_closed_pipe_stays_closed_and_keeps_what_waits() {
    let mut sink = sink([error(ErrorKind::BrokenPipe)]);
    assert!(matches!(deliver(&mut sink, "a\n"), Progress::Closed));
    assert!(matches!(deliver(&mut sink, "b\n"), Progress::Closed));
    assert_eq!(sink.writer.written, b"");
    assert_eq!(sink.waiting().kills_max, 2);
}

#[test]
fn an_item_that_was_not_begun_survives_an_error() {
    let mut sink = sink([error(ErrorKind::StorageFull)]);
    let failed = deliver(&mut sink, "a\n");
    assert!(
        matches!(failed, Progress::Failed { torn: None, .. }),
        "{failed:?}"
    );
    assert!(matches!(sink.write(), Progress::Done));
    assert_eq!(sink.writer.written, b"a\n");
}

#[test]
fn a_torn_line_is_given_back_and_ended() {
    let mut sink = sink([Ok(3), error(ErrorKind::StorageFull)]);
    let Progress::Failed { torn, .. } = deliver(&mut sink, "{\"a\":1}\n") else {
        panic!("no failure");
    };
    assert_eq!(torn.unwrap().loss.kills_max, 1);
    assert!(matches!(deliver(&mut sink, "{\"b\":2}\n"), Progress::Done));
    assert_eq!(sink.writer.written, b"{\"a\n{\"b\":2}\n");
}

#[test]
fn the_queue_is_bounded() {
    let mut sink = sink([error(ErrorKind::WouldBlock)]);
    let long = "x".repeat(QUEUE_BYTES_MAX);
    assert!(matches!(deliver(&mut sink, &long), Progress::Blocked));
    assert!(sink.push(item("more\n")).is_err());
    assert!(matches!(sink.write(), Progress::Done));
    assert!(sink.push(item("more\n")).is_ok());
}

#[test]
fn a_real_pipe_without_a_reader_is_closed() {
    let (reader, writer) = io::pipe().unwrap();
    let mut sink = Sink::new(writer);
    assert!(matches!(deliver(&mut sink, "a\n"), Progress::Done));
    drop(reader);
    assert!(matches!(deliver(&mut sink, "b\n"), Progress::Closed));
}

#[test]
fn the_device_that_is_always_full_is_survived() {
    let file = File::options().write(true).open("/dev/full").unwrap();
    let mut sink = Sink::new(file);
    assert!(matches!(deliver(&mut sink, "a\n"), Progress::Failed { .. }));
}

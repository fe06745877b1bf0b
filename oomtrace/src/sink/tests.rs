//! Writers that fail in every way a writer can.

use super::*;
use std::collections::VecDeque;

/// Answers each write as it was told to; afterwards takes everything.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<io::Result<usize>>,
    written: Vec<u8>,
    flushes: usize,
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
        self.flushes += 1;
        Ok(())
    }
}

fn sink(answers: impl IntoIterator<Item = io::Result<usize>>) -> Sink<Scripted> {
    let writer = Scripted {
        answers: answers.into_iter().collect(),
        ..Scripted::default()
    };
    Sink::new(writer, "test")
}

#[test]
fn every_event_is_flushed() {
    let mut sink = sink([]);
    assert_eq!(sink.deliver(b"a\n"), Delivery::Written);
    assert_eq!(sink.deliver(b"b\n"), Delivery::Written);
    let writer = sink.writer;
    assert_eq!(writer.written, b"a\nb\n");
    assert_eq!(writer.flushes, 2);
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    let interrupted = || Err(ErrorKind::Interrupted.into());
    let full = || Err(ErrorKind::WouldBlock.into());
    let mut sink = sink([Ok(1), interrupted(), Ok(2), full(), full()]);
    assert_eq!(sink.deliver(b"hello\n"), Delivery::Written);
    assert_eq!(sink.dropped(), 0);
    assert_eq!(sink.writer.written, b"hello\n");
}

#[test]
fn a_closed_pipe_is_no_loss_and_stays_closed() {
    let mut sink = sink([Err(ErrorKind::BrokenPipe.into())]);
    assert_eq!(sink.deliver(b"a\n"), Delivery::Closed);
    assert_eq!(sink.deliver(b"b\n"), Delivery::Closed);
    assert!(sink.closed);
    assert_eq!(sink.dropped(), 0);
    assert_eq!(sink.writer.written, b"");
}

#[test]
fn a_full_disk_is_counted_and_survived() {
    let full = || Err(ErrorKind::StorageFull.into());
    let mut sink = sink([full(), full()]);
    assert_eq!(sink.deliver(b"a\n"), Delivery::Dropped);
    assert_eq!(sink.deliver(b"b\n"), Delivery::Dropped);
    assert_eq!(sink.dropped(), 2);
    assert_eq!(sink.deliver(b"c\n"), Delivery::Written);
    assert_eq!(sink.writer.written, b"c\n");
}

#[test]
fn an_event_is_never_glued_to_a_torn_one() {
    let mut sink = sink([Ok(3), Err(ErrorKind::StorageFull.into())]);
    assert_eq!(sink.deliver(b"{\"a\":1}\n"), Delivery::Dropped);
    assert_eq!(sink.deliver(b"{\"b\":2}\n"), Delivery::Written);
    assert_eq!(sink.writer.written, b"{\"a\n{\"b\":2}\n");
}

#[test]
fn a_reader_that_takes_nothing_is_given_up() {
    let mut sink = sink((0..20).map(|_| Err(ErrorKind::WouldBlock.into())));
    assert_eq!(sink.deliver(b"a\n"), Delivery::Dropped);
    assert_eq!(sink.dropped(), 1);
}

#[test]
fn a_real_pipe_without_a_reader_is_closed() {
    let (reader, writer) = io::pipe().unwrap();
    let mut sink = Sink::new(writer, "pipe");
    assert_eq!(sink.deliver(b"a\n"), Delivery::Written);
    drop(reader);
    assert_eq!(sink.deliver(b"b\n"), Delivery::Closed);
}

#[test]
fn the_device_that_is_always_full_is_survived() {
    let file = File::options().write(true).open("/dev/full").unwrap();
    let mut sink = Sink::new(file, "/dev/full");
    assert_eq!(sink.deliver(b"a\n"), Delivery::Dropped);
}

//! The kernel's log, followed from now on.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::bytes;

/// One record of the kernel's own (what processes write to the log is left out).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The kernel's running number.
    pub sequence: u64,
    /// Microseconds of the log's clock.
    pub at_us: u64,
    /// Whether it goes on where an earlier record stopped.
    pub continues: bool,
    /// The text, unescaped.
    pub text: Vec<u8>,
}

#[derive(Debug, Default)]
struct Seen {
    entries: Vec<Entry>,
    overrun: bool,
    failure: Option<io::Error>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    more: Condvar,
    stop: AtomicBool,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the log in a thread of its own: a storm would overrun a reader that comes now and then.
#[derive(Debug)]
pub struct KernelLog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl KernelLog {
    /// Starts behind the newest record.
    ///
    /// # Errors
    /// `/dev/kmsg` cannot be opened.
    pub fn follow() -> Result<Self> {
        let mut file = open()?;
        file.seek(SeekFrom::End(0))
            .context("cannot go to the end of /dev/kmsg")?;
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || read_on(file, &shared))
        };
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// All records so far.
    ///
    /// # Errors
    /// Reading has failed, or the kernel overwrote records that had not been read.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        entries(&self.shared.seen())
    }

    /// Waits until `find` makes something of the records.
    ///
    /// # Errors
    /// As [`Self::entries`]; nothing was found in time.
    pub fn wait_for<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut(&[Entry]) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        let mut seen = self.shared.seen();
        loop {
            if let Some(found) = find(&entries(&seen)?) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("not in the kernel's log within {limit:?}");
            }
            seen = self
                .shared
                .more
                .wait_timeout(seen, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for KernelLog {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say: its failures are in `Seen`.
            let _ = thread.join();
        }
    }
}

fn entries(seen: &Seen) -> Result<Vec<Entry>> {
    if let Some(failure) = &seen.failure {
        bail!("cannot read /dev/kmsg: {failure}");
    }
    if seen.overrun {
        bail!("the kernel's log was overrun: the oracle is incomplete");
    }
    Ok(seen.entries.clone())
}

/// All that the kernel still remembers.
///
/// # Errors
/// `/dev/kmsg` cannot be read.
pub fn history() -> Result<Vec<Entry>> {
    let mut file = open()?;
    let mut found = Vec::new();
    loop {
        match next(&mut file) {
            Ok(Some(entry)) => found.push(entry),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(found),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => found.clear(),
            Err(error) => return Err(error).context("cannot read /dev/kmsg"),
        }
    }
}

/// Waits for so long; whether nobody, kernel or process, wrote to the log meanwhile.
///
/// # Errors
/// `/dev/kmsg` cannot be read.
pub fn is_silent_for(time: Duration) -> Result<bool> {
    let mut file = open()?;
    file.seek(SeekFrom::End(0))
        .context("cannot go to the end of /dev/kmsg")?;
    thread::sleep(time);
    match next(&mut file) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot read /dev/kmsg"),
    }
}

fn open() -> Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/kmsg")
        .context("the kernel's report is the oracle, and /dev/kmsg cannot be opened")
}

fn read_on(mut file: File, shared: &Shared) {
    // Who waits looks at all that there is, so it is woken when there is no more for now.
    let mut more = false;
    while !shared.stop.load(Ordering::Relaxed) {
        match next(&mut file) {
            Ok(Some(entry)) => {
                shared.seen().entries.push(entry);
                more = true;
            }
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if std::mem::take(&mut more) {
                    shared.more.notify_all();
                }
                wait(&file);
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => shared.seen().overrun = true,
            Err(error) => {
                shared.seen().failure = Some(error);
                shared.more.notify_all();
                return;
            }
        }
    }
}

fn wait(file: &File) {
    let patience = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    // A failure shows at the next read.
    let _ = rustix::event::poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&patience));
}

/// The next record, `None` where it is not the kernel's own.
fn next(file: &mut File) -> io::Result<Option<Entry>> {
    // Larger than the kernel's longest record with every byte escaped.
    let mut buffer = [0; 16384];
    let length = file.read(&mut buffer)?;
    Ok(buffer.get(..length).and_then(parse))
}

/// `priority,sequence,microseconds,flags[,…];text\n KEY=value\n…`
fn parse(record: &[u8]) -> Option<Entry> {
    let (prefix, rest) = bytes::split(record, b";")?;
    let mut fields = prefix.split(|byte| *byte == b',');
    let priority: u32 = bytes::number(fields.next()?)?;
    let sequence = bytes::number(fields.next()?)?;
    let at_us = bytes::number(fields.next()?)?;
    let flags = fields.next()?;
    // The upper bits are the facility: 0 is the kernel, whatever a process may write.
    if priority >> 3 != 0 {
        return None;
    }
    let line = rest.split(|byte| *byte == b'\n').next()?;
    Some(Entry {
        sequence,
        at_us,
        continues: flags.first() == Some(&b'c'),
        text: unescape(line),
    })
}

/// Undoes `\xNN` of `msg_add_ext_text()` (`kernel/printk/printk.c`), which escapes the backslash too.
fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        let escaped = if *first == b'\\' && rest.first() == Some(&b'x') {
            rest.get(1..3)
                .and_then(|digits| str::from_utf8(digits).ok())
        } else {
            None
        };
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                text = rest.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                text = rest;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_unescaped() {
        let entry = parse(b"6,17,42,-;a\\x0ab\\x5cx\xc3\n SUBSYSTEM=x\n").unwrap();
        assert_eq!(entry.text, b"a\nb\\x\xc3");
        assert_eq!(
            (entry.sequence, entry.at_us, entry.continues),
            (17, 42, false)
        );
    }

    #[test]
    fn what_a_process_wrote_is_left_out() {
        assert_eq!(parse(b"12,1,1,-;Killed process 1 (x)\n"), None);
    }
}

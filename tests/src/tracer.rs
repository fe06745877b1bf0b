//! The real binary, running.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal};

use crate::event::Event;
use crate::schema::Schema;
use crate::{counters, process};

/// What it says on standard error once every probe is attached.
const ATTACHED: &str = "oomtrace: tracing";

/// An emulated machine that is busy takes its time to load programs, and to take hooks away.
const ATTACHES_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// The binary under test: `OOMTRACE_BIN`, else the one built beside the tests.
///
/// # Errors
/// There is none.
pub fn program() -> Result<PathBuf> {
    process::sibling("oomtrace", "OOMTRACE_BIN")
}

#[derive(Debug, Default)]
struct Heard {
    lines: Vec<String>,
    complaints: Vec<String>,
    ended: u32,
}

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    more: Condvar,
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running `oomtrace -o json`; dropping it kills it.
#[derive(Debug)]
pub struct Tracer {
    child: Child,
    shared: Arc<Shared>,
    readers: Vec<JoinHandle<()>>,
    schema: Schema,
}

/// What a tracer had said when it ended.
#[derive(Debug)]
pub struct Said {
    /// All events, checked against the schema.
    pub events: Vec<Event>,
    /// Lines on standard error.
    pub complaints: Vec<String>,
    /// Runs of its programs that the kernel skipped, by the kernel's count: where a tracepoint's programs
    /// can be preempted, a record may be lost for each. 0 where it ended by itself.
    pub skipped_runs: u64,
}

impl Said {
    /// The reported kills of victims in this cgroup and below.
    #[must_use]
    pub fn killed_in(&self, cgroup_path: &[u8]) -> Vec<&Event> {
        self.events
            .iter()
            .filter(|event| event.kind() == "oom_kill")
            .filter(|event| {
                event
                    .bytes("victim.cgroup_path")
                    .is_some_and(|path| path.starts_with(cgroup_path))
            })
            .collect()
    }

    /// The kills of these threads that were reported with another cgroup, or with none.
    #[must_use]
    pub fn killed_elsewhere(&self, cgroup_path: &[u8], tids: &[u32]) -> Vec<&Event> {
        let inside = self.killed_in(cgroup_path);
        self.events
            .iter()
            .filter(|event| tids.iter().any(|tid| event.is_kill_of(*tid)))
            .filter(|event| !inside.iter().any(|other| std::ptr::eq(*other, *event)))
            .collect()
    }

    /// Checks outcomes of victims that have all ended soon after their kill: none is called alive, and
    /// none has two ends.
    ///
    /// # Errors
    /// Names the event that is not true.
    pub fn all_ended(&self) -> Result<()> {
        let mut ended = BTreeSet::new();
        for event in &self.events {
            if event.kind() == "oom_outcome" {
                ensure!(
                    event.text("state") == Some("exited"),
                    "the victim is dead: {}",
                    event.value
                );
                let kill = event.text("kill_event_id").map(str::to_owned);
                ensure!(
                    kill.is_none() || ended.insert(kill),
                    "a second end: {}",
                    event.value
                );
            }
        }
        Ok(())
    }

    /// The threads of the reported kills of victims in this cgroup and below, in ascending order.
    #[must_use]
    pub fn killed_below(&self, cgroup_path: &[u8]) -> Vec<u32> {
        let mut tids: Vec<u32> = self
            .killed_in(cgroup_path)
            .into_iter()
            .filter_map(|event| u32::try_from(event.u64("victim.tid")?).ok())
            .collect();
        tids.sort_unstable();
        tids
    }
}

impl Tracer {
    /// Starts it and waits until it is attached.
    ///
    /// # Errors
    /// It is not there, or does not attach within a minute.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        Self::start_by(&[], arguments)
    }

    /// As [`Self::start`], by way of another program, whose last arguments it and its own are.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_by(way: &[&str], arguments: &[&str]) -> Result<Self> {
        let program = program()?;
        let schema = Schema::of(&program)?;
        let mut command = match way.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&program);
                command
            }
            None => Command::new(&program),
        };
        let mut child = command
            .args(["-o", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let shared = Arc::new(Shared::default());
        let mut readers = Vec::new();
        if let Some(out) = child.stdout.take() {
            readers.push(follow(out, &shared, |heard| &mut heard.lines));
        }
        if let Some(error) = child.stderr.take() {
            readers.push(follow(error, &shared, |heard| &mut heard.complaints));
        }
        let tracer = Self {
            child,
            shared,
            readers,
            schema,
        };
        let attached = |heard: &Heard| {
            heard
                .complaints
                .iter()
                .any(|line| line.starts_with(ATTACHED))
                .then_some(())
        };
        match tracer.wait_for(ATTACHES_WITHIN, attached)? {
            Some(()) => Ok(tracer),
            None => bail!(
                "oomtrace does not attach; it says: {:?}",
                tracer.shared.heard().complaints
            ),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `None` where the time is over, or nothing more can come.
    fn wait_for<T>(
        &self,
        limit: Duration,
        find: impl Fn(&Heard) -> Option<T>,
    ) -> Result<Option<T>> {
        let deadline = Instant::now() + limit;
        let mut heard = self.shared.heard();
        loop {
            if let Some(found) = find(&heard) {
                return Ok(Some(found));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || heard.ended == 2 {
                return Ok(None);
            }
            heard = self
                .shared
                .more
                .wait_timeout(heard, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for the event of this thread's kill.
    ///
    /// # Errors
    /// It does not come within `limit`, or is broken.
    pub fn kill_of(&self, tid: u32, limit: Duration) -> Result<Event> {
        // Cheap filter first: in a storm hundreds of lines are waiting.
        let needle = tid.to_string();
        let find = |heard: &Heard| {
            heard
                .lines
                .iter()
                .find(|line| {
                    line.contains(&needle) && raw(line).is_some_and(|event| event.is_kill_of(tid))
                })
                .cloned()
        };
        match self.wait_for(limit, find)? {
            Some(line) => self.event(&line),
            None => bail!(
                "no event for the kill of thread {tid} within {limit:?}; oomtrace says: {:?}",
                self.shared.heard().complaints
            ),
        }
    }

    /// Waits for the first event of this kind.
    ///
    /// # Errors
    /// As [`Self::kill_of`].
    pub fn event_that(&self, is_it: impl Fn(&Event) -> bool, limit: Duration) -> Result<Event> {
        let find = |heard: &Heard| {
            let mut lines = heard.lines.iter();
            let found = lines.find(|line| raw(line).is_some_and(|event| is_it(&event)));
            found.cloned()
        };
        match self.wait_for(limit, find)? {
            Some(line) => self.event(&line),
            None => bail!(
                "no such event within {limit:?}; oomtrace says: {:?}",
                self.shared.heard().complaints
            ),
        }
    }

    fn event(&self, line: &str) -> Result<Event> {
        Ok(Event {
            value: self.schema.check(line)?,
            length: line.len(),
        })
    }

    /// Ends it as a service manager would, and checks all it has said.
    ///
    /// # Errors
    /// It does not end with success within a minute, or a line is broken.
    pub fn stop(self) -> Result<Said> {
        let skipped_runs = counters::skipped_runs(self.child.id())?;
        self.signal(Signal::TERM)?;
        Ok(Said {
            skipped_runs,
            ..self.finish(0)?
        })
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It is not there any more.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("no process id")?;
        rustix::process::kill_process(pid, signal).context("oomtrace is not there any more")
    }

    /// Waits until it ends with this exit code, and checks all it has said.
    ///
    /// # Errors
    /// It does not end so within a minute, or a line is broken.
    pub fn finish(mut self, code: i32) -> Result<Said> {
        let status = self.end()?;
        for reader in self.readers.drain(..) {
            reader
                .join()
                .map_err(|_| anyhow::anyhow!("a reader panicked"))?;
        }
        let heard = std::mem::take(&mut *self.shared.heard());
        ensure!(
            status.code() == Some(code),
            "oomtrace ended with {status}; it says: {:?}",
            heard.complaints
        );
        let events = heard
            .lines
            .iter()
            .map(|line| self.event(line))
            .collect::<Result<Vec<_>>>()?;
        Ok(Said {
            events,
            complaints: heard.complaints,
            skipped_runs: 0,
        })
    }

    fn end(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + ENDS_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().context("cannot wait for oomtrace")? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(2));
        }
        bail!("oomtrace does not end")
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Both fail only where it has been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn raw(line: &str) -> Option<Event> {
    Some(Event {
        value: serde_json::from_str(line).ok()?,
        length: line.len(),
    })
}

fn follow(
    from: impl Read + Send + 'static,
    shared: &Arc<Shared>,
    place: fn(&mut Heard) -> &mut Vec<String>,
) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        // Bytes, not text: that a line is UTF-8 is what the test has to find out.
        while from
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            let text =
                String::from_utf8(text.to_vec()).unwrap_or_else(|_| "\u{1}no UTF-8".to_owned());
            place(&mut shared.heard()).push(text);
            shared.more.notify_all();
            line.clear();
        }
        shared.heard().ended += 1;
        shared.more.notify_all();
    })
}

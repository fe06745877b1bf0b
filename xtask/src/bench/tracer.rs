//! A tracing program that runs while something is measured: oomtrace or a peer.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for a program to say that it traces. Peers compile at start.
const START_MAX: Duration = Duration::from_secs(60);

/// How a program is started and how it says that it is ready.
pub struct Recipe {
    /// Name in the report.
    pub name: &'static str,
    /// Program and arguments.
    pub command: Vec<String>,
    /// What the line contains by which it says that it traces.
    pub ready: &'static str,
}

/// A program that traces. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Tracer {
    child: Child,
    /// From the start of the process to the line that says that it traces.
    pub took: Duration,
}

impl Tracer {
    /// Starts a program and waits until it traces.
    ///
    /// # Errors
    /// It cannot be started, ends, or does not get ready; the error holds what it said last.
    pub fn start(recipe: &Recipe) -> Result<Self> {
        let (program, arguments) = recipe
            .command
            .split_first()
            .context("an empty command line")?;
        let start = Instant::now();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let mut tracer = Self {
            child,
            took: Duration::ZERO,
        };
        let (said, lines) = channel();
        if let Some(stdout) = tracer.child.stdout.take() {
            follow(stdout, said.clone());
        }
        if let Some(stderr) = tracer.child.stderr.take() {
            follow(stderr, said);
        }
        tracer.took = wait_for(&lines, recipe.ready, start)?;
        // What it says from here on is still read, so that it never meets a full pipe.
        thread::spawn(move || for _ in lines {});
        Ok(tracer)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Politely first: a tracer that was killed could leave things behind.
            let _ = kill_process(pid, Signal::INT);
        }
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(from: impl Read + Send + 'static, said: Sender<(Instant, String)>) {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if said.send((Instant::now(), line)).is_err() {
                break;
            }
        }
    });
}

fn wait_for(lines: &Receiver<(Instant, String)>, ready: &str, start: Instant) -> Result<Duration> {
    let mut said: Vec<String> = Vec::new();
    loop {
        let left = START_MAX.saturating_sub(start.elapsed());
        match lines.recv_timeout(left) {
            Ok((at, line)) if line.contains(ready) => return Ok(at.duration_since(start)),
            Ok((_, line)) => said.push(line),
            Err(RecvTimeoutError::Timeout) => {
                anyhow::bail!(
                    "not ready after {} s; it said: {}",
                    START_MAX.as_secs(),
                    quoted(&said)
                )
            }
            Err(RecvTimeoutError::Disconnected) => {
                anyhow::bail!("it ended before it was ready and said: {}", quoted(&said))
            }
        }
    }
}

fn quoted(said: &[String]) -> String {
    let words: Vec<&str> = said
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(" / ")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A tracer that is a shell script.
    pub fn script(body: &str) -> Recipe {
        let command = ["sh", "-c", body].map(str::to_owned).to_vec();
        Recipe {
            name: "script",
            command,
            ready: "oomtrace: tracing",
        }
    }

    #[test]
    fn a_tracer_is_ready_when_it_says_so() {
        let recipe = script("sleep 0.2; echo 'oomtrace: tracing' >&2; exec sleep 60");
        let tracer = Tracer::start(&recipe).unwrap();
        assert!(
            tracer.took >= Duration::from_millis(200),
            "{:?}",
            tracer.took
        );
        let process = std::path::PathBuf::from(format!("/proc/{}", tracer.pid()));
        assert!(process.exists());
        drop(tracer);
        assert!(!process.exists());
    }

    #[test]
    fn one_that_ends_first_is_quoted() {
        let error = Tracer::start(&script("echo no BTF here >&2; exit 3")).unwrap_err();
        assert!(error.to_string().contains("no BTF here"), "{error}");
    }
}

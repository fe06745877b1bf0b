//! Receivers that are not there, come, and take what waited for them; metrics and the service manager.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::deploy::http::free_port;
use oomtrace_tests::tracer;

use super::ledger::Ledger;
use super::{Daemon, file_sink, kill_many, wait_until};

/// Takes POSTs of plain NDJSON for ever; the first two it refuses for a second.
fn receive(listener: TcpListener, taken: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let Some(body) = body(&mut stream) else {
                continue;
            };
            let answer = if number < 2 {
                "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n"
            } else {
                taken
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_str(&body);
                "HTTP/1.1 200 OK\r\n\r\n"
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

fn body(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        text.extend_from_slice(buffer.get(..read)?);
        let whole = String::from_utf8_lossy(&text);
        let Some((head, body)) = whole.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))?;
        if body.len() >= length.parse().ok()? {
            return Some(body.to_owned());
        }
    }
}

/// It is dead, then busy, then there: it gets every kill, and the file got them long before.
#[test]
fn a_dead_http_receiver_gets_everything_later() -> Result<()> {
    const KILLS: usize = 20;
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let (port, metrics) = (free_port()?, free_port()?);
    let more = format!(
        "[[sink]]\ntype = \"http\"\nurl = \"http://127.0.0.1:{port}/in\"\ngzip = false\n\
         max_line_bytes = 7680\n[capture]\nbackfill = false\n\
         [metrics]\nlisten = \"127.0.0.1:{metrics}\"\n"
    );
    let config = file_sink(folder.path(), &more);
    let cgroup = stage.cgroup(24)?;
    let daemon = Daemon::start(folder.path(), &config, Stdio::null())?;
    let tids = kill_many(&cgroup, KILLS)?;
    let in_file = || {
        let text = fs::read_to_string(folder.path().join("out")).unwrap_or_default();
        Ok(Ledger::read(&text, cgroup.path()).is_ok_and(|ledger| ledger.holds(&tids).is_ok()))
    };
    ensure!(wait_until(in_file)?, "{}", daemon.said()?);
    let figure = |name: &str| -> Result<u64> {
        let text = get(metrics, "/metrics")?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        Ok(line
            .with_context(|| format!("no {name} in {text}"))?
            .trim()
            .parse()?)
    };
    ensure!(get(metrics, "/-/ready")?.contains(" 200 "));
    ensure!(figure("oomtrace_oom_kills_total{scope=\"memcg\"}")? >= u64::try_from(KILLS)?);
    ensure!(figure("oomtrace_sink_queue_events{sink=\"http\"}")? >= u64::try_from(KILLS)?);
    ensure!(figure("oomtrace_sink_errors_total{sink=\"http\"}")? > 0);
    let taken = Arc::new(Mutex::new(String::new()));
    receive(TcpListener::bind(("127.0.0.1", port))?, Arc::clone(&taken));
    let is_there = || {
        let text = taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Ledger::read(&text, cgroup.path())?.holds(&tids).is_ok())
    };
    ensure!(wait_until(is_there)?, "{}", daemon.said()?);
    let is_empty = || Ok(figure("oomtrace_sink_queue_events{sink=\"http\"}")? == 0);
    ensure!(wait_until(is_empty)?);
    let said = daemon.stop()?;
    ensure!(said.contains("sink http: works again"), "{said}");
    Ok(())
}

pub(super) fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.1\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The service manager hears of readiness once kills are seen, and of the end; from then on no privilege
/// can be gained.
#[test]
fn the_service_manager_is_told() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let folder = tempfile::tempdir()?;
    let socket = UnixDatagram::bind(folder.path().join("notify"))?;
    socket.set_read_timeout(Some(super::WITHIN))?;
    let file = folder.path().join("oomtrace.toml");
    fs::write(
        &file,
        file_sink(folder.path(), "[capture]\nbackfill = false\n"),
    )?;
    let mut child = Command::new(tracer::program()?)
        .arg("daemon")
        .arg("--config")
        .arg(&file)
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .env("WATCHDOG_USEC", "400000")
        .stderr(Stdio::null())
        .spawn()?;
    let mut heard = Vec::new();
    let hear = || -> Result<String> {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer)?;
        Ok(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned())
    };
    while !heard
        .iter()
        .any(|text: &String| text.starts_with("READY=1"))
    {
        heard.push(hear()?);
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
    ensure!(status.contains("NoNewPrivs:\t1"), "{status}");
    while hear()? != "WATCHDOG=1" {}
    let cgroup = stage.cgroup(24)?;
    kill_many(&cgroup, 1)?;
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.context("no pid")?, rustix::process::Signal::TERM)?;
    while !hear()?.starts_with("STOPPING=1") {}
    ensure!(child.wait()?.success());
    let text = fs::read_to_string(folder.path().join("out"))?;
    ensure!(
        Ledger::read(&text, cgroup.path())?.kills.len() == 1,
        "{text}"
    );
    Ok(())
}

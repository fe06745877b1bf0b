//! promtool on what `/metrics` answers, and a Prometheus that scrapes it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::deploy::http::free_port;
use oomtrace_tests::deploy::prometheus::start as start_prometheus;
use serde_json::Value;

use super::Stored;

/// The body of the answer to a GET.
fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (_, body) = text.split_once("\r\n\r\n").context("no answer")?;
    Ok(body.to_owned())
}

/// The value of the one sample that Prometheus has of this.
fn sample(prometheus: u16, query: &str) -> Result<f64> {
    let answer = get(prometheus, &format!("/api/v1/query?query={query}"))?;
    let answer: Value = serde_json::from_str(&answer)?;
    let value = answer.pointer("/data/result/0/value/1");
    let value = value.and_then(Value::as_str).context("no sample")?;
    Ok(value.parse()?)
}

#[test]
fn prometheus_takes_every_metric() -> Result<()> {
    let stored = Stored::new(&["file"])?;
    let (port, prometheus) = (free_port()?, free_port()?);
    let mut daemon = stored.daemon(&format!(
        "[metrics]\nlisten = \"127.0.0.1:{port}\"\n[[sink]]\ntype = \"file\"\npath = \"{}\"\n",
        stored.path("out").display()
    ))?;
    let all = stored.events.len();
    let text = daemon.until("all events are delivered", || {
        let text = get(port, "/metrics").ok()?;
        let delivered = format!("oomtrace_sink_delivered_events_total{{sink=\"file\"}} {all}\n");
        text.contains(&delivered).then_some(text)
    })?;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("promtool is not there: install prometheus")?;
    let mut stdin = promtool.stdin.take().context("no input")?;
    stdin.write_all(text.as_bytes())?;
    drop(stdin);
    let checked = promtool.wait_with_output()?;
    let said = String::from_utf8_lossy(&checked.stderr);
    ensure!(checked.status.success() && said.is_empty(), "{said}");

    let config = format!(
        "global: {{scrape_interval: 500ms}}\nscrape_configs:\n- job_name: oomtrace\n  \
         static_configs: [{{targets: [\"127.0.0.1:{port}\"]}}]\n"
    );
    let mut server = start_prometheus(stored.folder.path(), &config, prometheus)?;
    let delivered = server.until("it has scraped", || {
        sample(prometheus, "oomtrace_sink_delivered_events_total").ok()
    })?;
    ensure!(delivered.to_string() == all.to_string(), "{delivered}");
    for (query, wanted) in [
        ("up", "1"),
        ("oomtrace_capturing", "1"),
        ("oomtrace_sink_queue_events", "0"),
    ] {
        let value = sample(prometheus, query)?;
        ensure!(value.to_string() == wanted, "{query} is {value}");
    }
    Ok(())
}

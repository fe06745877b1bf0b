//! rsyslog and syslog-ng over TCP with octet counting, and rsyslog's datagram socket.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::deploy::http::free_port;
use oomtrace_tests::deploy::running::Running;
use oomtrace_tests::deploy::shipper::within;
use oomtrace_tests::loggers;
use serde_json::Value;

use super::{Events, Stored, read, text};

/// `MSGID|HOST|APP|MESSAGE` a line.
fn parsed(written: &str) -> Result<Vec<(Vec<String>, Value)>> {
    // The last line may be in the making.
    let whole = written.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| {
            let (head, message) = line.split_once("|{").context("no message")?;
            let event = serde_json::from_str(&format!("{{{message}"))
                .with_context(|| format!("no JSON: {message:.300}"))?;
            Ok((head.split('|').map(str::to_owned).collect(), event))
        })
        .collect()
}

fn events(written: &str) -> Result<Events> {
    let events = parsed(written)?;
    let by_id = events
        .into_iter()
        .map(|(_, event)| (text(&event, "/event_id").to_owned(), event));
    Ok(by_id.collect())
}

/// Every event is there, and the header agrees with it.
fn holds(stored: &Stored, written: &str) -> Result<()> {
    stored.is_in(&events(written)?)?;
    for (head, event) in parsed(written)? {
        let wanted = [
            text(&event, "/event"),
            text(&event, "/hostname"),
            "oomtrace",
        ];
        let [kind, host, app] = head.as_slice() else {
            anyhow::bail!("{head:?}");
        };
        // Where the event names none, the receivers have words of their own.
        let is_named = !matches!(host.as_str(), "-" | "localhost");
        let host = if is_named { host.as_str() } else { "" };
        ensure!([kind, host, app] == wanted, "{head:?}, not {wanted:?}");
    }
    Ok(())
}

fn wait(stored: &Stored, daemon: &mut Running, file: &Path, count: usize) -> Result<String> {
    daemon.until("all events arrive", || {
        let written = read(file);
        let arrived = events(&written).ok()?;
        (stored.count_in(&arrived) >= count).then_some(written)
    })
}

#[test]
fn rsyslog_gets_every_field() -> Result<()> {
    let stored = Stored::new(&["tcp", "socket"])?;
    let port = free_port()?;
    let here = stored.folder.path().display();
    let config = stored.path("rsyslog.conf");
    fs::write(
        &config,
        format!(
            "global(workDirectory=\"{here}\" maxMessageSize=\"512k\" parser.escapeControlCharactersOnReceive=\"off\")\n\
             module(load=\"imtcp\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             template(name=\"t\" type=\"string\" string=\"%msgid%|%hostname%|%app-name%|%msg%\\n\")\n\
             ruleset(name=\"tcp\") {{ action(type=\"omfile\" file=\"{here}/by-tcp\" template=\"t\") }}\n\
             ruleset(name=\"socket\") {{ action(type=\"omfile\" file=\"{here}/by-socket\" template=\"t\") }}\n\
             input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\" ruleset=\"tcp\")\n\
             input(type=\"imuxsock\" Socket=\"{here}/socket\" UseSpecialParser=\"off\" \
             ParseHostname=\"on\" ruleset=\"socket\" RateLimit.Interval=\"0\")\n"
        ),
    )?;
    let mut program = within("rsyslogd")?;
    program.args(["-n", "-f"]).arg(&config);
    program.arg("-i").arg(stored.path("pid"));
    let mut rsyslog = Running::start(&mut program, &stored.path("rsyslog.log"))?;
    let socket = stored.path("socket");
    rsyslog.until("it listens", || socket.exists().then_some(()))?;
    let mut daemon = stored.daemon(&format!(
        "[[sink]]\ntype = \"syslog\"\nname = \"tcp\"\naddress = \"tcp:127.0.0.1:{port}\"\n\
         [[sink]]\ntype = \"syslog\"\nname = \"socket\"\naddress = \"unixgram:{}\"\n",
        socket.display()
    ))?;
    let all = stored.events.len();
    holds(
        &stored,
        &wait(&stored, &mut daemon, &stored.path("by-tcp"), all)?,
    )?;
    // A datagram of this size is taken too, here; what is not is counted as dropped.
    holds(
        &stored,
        &wait(&stored, &mut daemon, &stored.path("by-socket"), all)?,
    )
}

#[test]
fn syslog_ng_gets_every_field() -> Result<()> {
    let stored = Stored::new(&["syslog"])?;
    let port = free_port()?;
    let out = stored.path("out");
    let config = stored.path("syslog-ng.conf");
    fs::write(
        &config,
        format!(
            "@version: {}\noptions {{ log-msg-size(524288); keep-hostname(yes); }};\n\
             source s {{ syslog(ip(127.0.0.1) port({port}) transport(\"tcp\")); }};\n\
             destination d {{ file(\"{}\" template(\"${{MSGID}}|${{HOST}}|${{PROGRAM}}|${{MSG}}\\n\")); }};\n\
             log {{ source(s); destination(d); }};\n",
            loggers::syslog_ng_version()?,
            out.display()
        ),
    )?;
    let mut program = within("syslog-ng")?;
    program
        .args(["--foreground", "--no-caps", "-f"])
        .arg(&config);
    for file in ["persist-file", "pidfile", "control"] {
        program.arg(format!("--{file}={}", stored.path(file).display()));
    }
    let _syslog_ng = Running::start(&mut program, &stored.path("syslog-ng.log"))?;
    let mut daemon = stored.daemon(&format!(
        "[[sink]]\ntype = \"syslog\"\naddress = \"tcp:127.0.0.1:{port}\"\n"
    ))?;
    let all = stored.events.len();
    holds(&stored, &wait(&stored, &mut daemon, &out, all)?)
}

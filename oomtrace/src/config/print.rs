//! From [`Config`] to TOML text, every default written out: what `--print-config` shows.

use std::fmt::Write as _;
use std::path::Path;

use super::amount::{show_size, show_time};
use super::sink::{Address, Kind, Sink, Url};
use super::{Config, Source};

/// The configuration as [`super::parse`] reads it.
#[must_use]
pub fn print(config: &Config) -> String {
    let mut out = String::new();
    let capture = &config.capture;
    out.push_str("[capture]\n");
    let source = match capture.source {
        Source::Bpf => "bpf",
        Source::Klog => "klog",
        Source::Auto => "auto",
    };
    line(&mut out, "source", &quoted(source));
    line(&mut out, "backfill", &capture.backfill.to_string());
    if let Some(name) = &capture.hostname {
        line(&mut out, "hostname", &quoted(name));
    }
    line(&mut out, "cmdline", &capture.cmdline.to_string());
    line(&mut out, "redact", &list(&capture.redact));
    let only = capture.tracepoints_only.to_string();
    line(&mut out, "tracepoints_only", &only);
    let names = &capture.names;
    for (key, paths) in [
        ("names.docker_roots", &names.docker_roots),
        ("names.containerd_states", &names.containerd_states),
        ("names.storage_roots", &names.storage_roots),
    ] {
        if !paths.is_empty() {
            let texts = paths.iter().map(|path| path.to_string_lossy().into_owned());
            line(&mut out, key, &list(&texts.collect::<Vec<_>>()));
        }
    }
    if let Some(socket) = &names.docker_socket {
        line(&mut out, "names.docker_socket", &path(socket));
    }

    let store = &config.store;
    out.push_str("\n[store]\n");
    line(&mut out, "path", &path(&store.path));
    line(&mut out, "max_size", &quoted(&show_size(store.max_bytes)));
    line(&mut out, "max_age", &quoted(&show_time(store.max_age)));
    line(&mut out, "sync", &store.sync.to_string());

    let metrics = &config.metrics;
    out.push_str("\n[metrics]\n");
    if let Some(address) = metrics.listen {
        line(&mut out, "listen", &quoted(&address.to_string()));
    }
    if let Some(file) = &metrics.textfile {
        line(&mut out, "textfile", &path(file));
    }
    line(&mut out, "owners_max", &metrics.owners_max.to_string());

    let privileges = config.privileges;
    out.push_str("\n[privileges]\n");
    for (key, switch) in [
        ("drop_capabilities", privileges.drop_capabilities),
        ("seccomp", privileges.seccomp),
        ("landlock", privileges.landlock),
    ] {
        line(&mut out, key, &switch.to_string());
    }

    for sink in &config.sinks {
        print_sink(sink, &mut out);
    }
    out
}

fn print_sink(sink: &Sink, out: &mut String) {
    out.push_str("\n[[sink]]\n");
    line(out, "type", &quoted(sink.kind.word()));
    line(out, "name", &quoted(&sink.name));
    match &sink.kind {
        Kind::Stdout => {}
        Kind::File {
            path: file,
            max_bytes,
            max_age,
            keep,
        } => {
            line(out, "path", &path(file));
            if let Some(bytes) = max_bytes {
                line(out, "max_size", &quoted(&show_size(*bytes)));
            }
            if let Some(age) = max_age {
                line(out, "max_age", &quoted(&show_time(*age)));
            }
            line(out, "keep", &keep.to_string());
        }
        Kind::Syslog { address } => {
            let address = match address {
                Address::Unixgram(socket) => format!("unixgram:{}", socket.display()),
                Address::Tcp(host) => format!("tcp:{host}"),
            };
            line(out, "address", &quoted(&address));
        }
        Kind::Journald { socket } => line(out, "socket", &path(socket)),
        Kind::Http { url, gzip, timeout } | Kind::Otlp { url, gzip, timeout } => {
            let Url {
                authority,
                path: below,
            } = url;
            line(out, "url", &quoted(&format!("http://{authority}{below}")));
            line(out, "gzip", &gzip.to_string());
            line(out, "timeout", &quoted(&show_time(*timeout)));
        }
        Kind::Kubernetes {
            url,
            token_file,
            timeout,
        } => {
            let below = format!("http://{}{}", url.authority, url.path);
            line(out, "url", &quoted(&below));
            if let Some(file) = token_file {
                line(out, "token_file", &path(file));
            }
            line(out, "timeout", &quoted(&show_time(*timeout)));
        }
    }
    let filter = &sink.filter;
    for (key, values) in [
        ("events", &sink.events),
        ("where.cgroup", &filter.cgroup),
        ("where.container", &filter.container),
        ("where.pod", &filter.pod),
        ("where.unit", &filter.unit),
        ("where.comm", &filter.comm),
        ("fields.include", &sink.include),
        ("fields.exclude", &sink.exclude),
    ] {
        if !values.is_empty() {
            line(out, key, &list(values));
        }
    }
    if let Some(bytes) = sink.max_line_bytes {
        line(out, "max_line_bytes", &bytes.to_string());
    }
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

//! What must hold of every log: it ends, in bounded memory; and an event says nothing that the log
//! does not.

use oomtrace::fuzz::{
    Event, Json, KlogHost, LINE_BYTES_MAX, Line, Render as _, Reports, Transport,
    TransportSettings, explain, parse,
};
use serde_json::Value;

/// Takes a log in, in pieces of so many bytes; gives its events, and the text of the lines that its
/// carrier was taken off from, without blanks: words that were broken are whole in it.
pub fn decode(log: &[u8], step: usize, settings: TransportSettings) -> (Vec<Event>, Vec<u8>) {
    let mut carrier = Transport::new(settings);
    let mut reports = Reports::new(KlogHost::default());
    let (mut events, mut text) = (Vec::new(), Vec::new());
    let mut line = |line: Line, events: &mut Vec<Event>| {
        text.extend(line.text.iter().filter(|byte| !is_blank(**byte)));
        // A name is not part of what follows it, though a line may be.
        reports.line(&line, events);
    };
    for piece in log.chunks(step.max(1)) {
        carrier.push(piece, |it| line(it, &mut events));
    }
    carrier.finish(|it| line(it, &mut events));
    reports.finish(&mut events);
    (events, text)
}

/// The rest of the way, and what must hold; with `again`, also that each event is read as it was
/// written, which takes longer than everything else.
pub fn check(events: &mut [Event], text: &[u8], again: bool) {
    for event in &mut *events {
        explain(event);
        let mut line = Vec::new();
        Json::full().render(event, &mut line);
        let value: Value = serde_json::from_slice(&line).expect("a line is JSON");
        quoted(&value, text);
        if !again {
            continue;
        }
        let read = parse(&line).expect("what is written is read");
        let mut second = Vec::new();
        Json::full().render(&read, &mut second);
        assert_eq!(line, second, "an event that is not read as it was written");
        let mut bounded = Vec::new();
        Json::bounded().render(event, &mut bounded);
        assert!(bounded.len() <= LINE_BYTES_MAX, "a line too long");
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// Everything that the kernel prints as it is must be in the text.
fn quoted(event: &Value, text: &[u8]) {
    let number = |path: &str| event.pointer(path).and_then(Value::as_i64);
    for path in [
        "/victim/pid",
        "/victim/tid",
        "/victim/uid",
        "/victim/oom_score_adj",
        "/victim/shares_memory_with_pid",
        "/victim/memory/rss_pages",
        "/trigger/pid",
        "/trigger/tid",
        "/trigger/uid",
        "/trigger/order",
        "/trigger/oom_score_adj",
        "/limit/max_events_total",
        "/report/suppressed_callbacks",
        "/report/score",
    ] {
        if let Some(number) = number(path) {
            assert!(
                holds(text, number.to_string().as_bytes()),
                "{path}: {number}"
            );
        }
    }
    let page = number("/kernel/page_size_bytes").unwrap_or(4096);
    for path in [
        "/victim/memory/anon_bytes",
        "/victim/memory/file_bytes",
        "/victim/memory/shmem_bytes",
        "/victim/memory/swap_bytes",
        "/victim/memory/virtual_bytes",
        "/limit/limit_bytes",
        "/limit/usage_bytes",
        "/limit/memsw_limit_bytes",
        "/limit/memsw_usage_bytes",
        "/limit/swap_limit_bytes",
        "/limit/kmem_usage_bytes",
    ] {
        if let Some(bytes) = number(path) {
            let shown = [1024, page].iter().any(|unit| {
                bytes % unit == 0 && holds(text, (bytes / unit).to_string().as_bytes())
            });
            assert!(shown, "{path}: {bytes}");
        }
    }
    for (object, name) in [
        ("/victim", "comm"),
        ("/victim", "cgroup_path"),
        ("/trigger", "comm"),
        ("/limit", "cgroup_path"),
    ] {
        let Some(object) = event.pointer(object) else {
            continue;
        };
        let exact = object.get(format!("{name}_hex")).and_then(Value::as_str);
        let lossy = object.get(name).and_then(Value::as_str);
        let bytes = match (exact, lossy) {
            (Some(hex), _) => unhex(hex),
            (None, Some(text)) => text.as_bytes().to_vec(),
            (None, None) => continue,
        };
        let word: Vec<u8> = bytes.into_iter().filter(|byte| !is_blank(*byte)).collect();
        assert!(holds(text, &word), "{name}: {}", word.escape_ascii());
    }
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

//! The whole way from bytes to events: what others write, between the lines of a report or in its
//! names, makes no event and changes none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::report::{KlogHost, Reports};
use super::transport::{Transport, TransportSettings};
use crate::model::Event;

/// A report and all that happens in it, from the parser's tests.
const REPORTS: [&str; 8] = [
    include_str!("report/testdata/simple.dmesg"),
    include_str!("report/testdata/nested.dmesg"),
    include_str!("report/testdata/forms/group.log"),
    include_str!("report/testdata/forms/rhel6.log"),
    include_str!("report/testdata/forms/rhel7.log"),
    include_str!("report/testdata/forms/debian10.log"),
    include_str!("report/testdata/forms/rhel9.log"),
    include_str!("report/testdata/forms/v7.log"),
];

const SIMPLE: &str = REPORTS[0];

/// How a line of the kernel, and one of a process, appears in a log that tells the two apart.
type Wrap = fn(host: &str, number: usize, text: &str) -> String;

/// By form: the kernel's line, a process's line.
const FORMS: [(Wrap, Wrap); 4] = [
    (
        |host, number, text| format!("May 26 06:17:40 {host} kernel: [  100.{number:06}] {text}"),
        |host, _, text| format!("May 26 06:17:40 {host} app[7]: {text}"),
    ),
    (
        |host, number, text| {
            format!("<4>1 2024-05-26T06:17:40.{number:06}Z {host} kernel - - - {text}")
        },
        // Who calls himself the kernel is known by his facility.
        |host, number, text| {
            format!("<12>1 2024-05-26T06:17:40.{number:06}Z {host} kernel - - - {text}")
        },
    ),
    (
        |host, number, text| {
            json!({"MESSAGE": text, "_TRANSPORT": "kernel", "_HOSTNAME": host,
                "__MONOTONIC_TIMESTAMP": (100_000_000 + number).to_string()})
            .to_string()
        },
        |host, number, text| {
            json!({"MESSAGE": text, "_TRANSPORT": "syslog", "_HOSTNAME": host,
                "SYSLOG_IDENTIFIER": "kernel",
                "__MONOTONIC_TIMESTAMP": (100_000_000 + number).to_string()})
            .to_string()
        },
    ),
    (
        |host, number, text| format!("2024-05-26T06:17:40.{number:06}+0200 {host} kernel: {text}"),
        |host, number, text| {
            format!("2024-05-26T06:17:40.{number:06}+0200 {host} app: kernel: {text}")
        },
    ),
];

/// A line without what the kernel or a carrier puts before it.
fn bare(line: &str) -> &str {
    // `Oct  3 04:12:07 web3 kernel: `
    let is_syslog = [9, 12].map(|at| line.as_bytes().get(at)) == [Some(&b':'); 2];
    let line = match line.split_once(" kernel: ") {
        Some((_, line)) if is_syslog => line,
        _ => line,
    };
    let line = line
        .strip_prefix('<')
        .and_then(|line| line.split_once('>'))
        .map_or(line, |(_, line)| line);
    match line
        .strip_prefix('[')
        .and_then(|line| line.split_once("] "))
    {
        Some((stamp, rest)) if stamp.contains('.') => rest,
        _ => line,
    }
}

fn wrapped(report: &str, host: &str, wrap: Wrap) -> Vec<String> {
    report
        .lines()
        .enumerate()
        .map(|(number, line)| wrap(host, number, bare(line)))
        .collect()
}

fn decode(log: &str) -> Vec<Event> {
    let mut carrier = Transport::new(TransportSettings::default());
    let mut reports = Reports::new(KlogHost::default());
    let mut events = Vec::new();
    carrier.push(log.as_bytes(), |line| reports.line(&line, &mut events));
    carrier.finish(|line| reports.line(&line, &mut events));
    reports.finish(&mut events);
    events
}

/// Events as JSON, without what follows from the place of a line in its file.
fn shown(events: &[Event], host: &str) -> Vec<Value> {
    events
        .iter()
        .map(|event| {
            let mut event = serde_json::to_value(event).unwrap();
            // Without any time it is the line's number.
            if event["incident"]["id"]
                .as_str()
                .is_some_and(|id| id.starts_with("log:"))
            {
                event["incident"]["id"].take();
            }
            event
        })
        .filter(|event| event["hostname"] == host)
        .collect()
}

fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

/// The lines of two, in any order that keeps each one's own.
fn mixed(one: &[String], two: &[String], order: &[bool]) -> String {
    let (mut one, mut two) = (one.iter(), two.iter());
    let mut mixed = String::new();
    for first in order {
        if let Some(line) = if *first { one.next() } else { two.next() } {
            let _ = writeln!(mixed, "{line}");
        }
    }
    for line in one.chain(two) {
        let _ = writeln!(mixed, "{line}");
    }
    mixed
}

fn orders() -> impl Strategy<Value = Vec<bool>> {
    // In runs, too: whole reports within each other.
    prop::collection::vec((any::<bool>(), 1..12_usize), 0..40).prop_map(|runs| {
        runs.into_iter()
            .flat_map(|(first, length)| std::iter::repeat_n(first, length))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_hosts_in_any_order_give_what_each_gives_alone(
        one in select(&REPORTS[..]),
        two in select(&REPORTS[..]),
        form in 0..FORMS.len(),
        order in orders(),
    ) {
        let (kernel, _) = FORMS[form];
        let (one, two) = (wrapped(one, "alpha", kernel), wrapped(two, "beta", kernel));
        let found = decode(&mixed(&one, &two, &order));
        for (lines, host) in [(&one, "alpha"), (&two, "beta")] {
            let alone = shown(&decode(&text(lines)), host);
            prop_assert!(!alone.is_empty());
            prop_assert_eq!(differences(&shown(&found, host), &alone), none());
        }
        prop_assert_eq!(found.len(), shown(&found, "alpha").len() + shown(&found, "beta").len());
    }

    #[test]
    fn what_a_process_writes_changes_nothing(
        real in select(&REPORTS[..]),
        forged in select(&REPORTS[..]),
        form in 0..FORMS.len(),
        order in orders(),
    ) {
        let (kernel, process) = FORMS[form];
        let real = wrapped(real, "alpha", kernel);
        let forged = wrapped(forged, "alpha", process);
        let found = decode(&mixed(&real, &forged, &order));
        let alone = shown(&decode(&text(&real)), "alpha");
        prop_assert_eq!(differences(&shown(&found, "alpha"), &alone), none());
        prop_assert!(decode(&text(&forged)).is_empty());
    }
}

/// What parsers look for, and what carriers put around lines: pieces of names that try to pass for
/// more than a name.
const PIECES: [&str; 41] = [
    "a",
    "b",
    " ",
    ",",
    "(",
    ")",
    "[",
    "]",
    ":",
    "=",
    "/",
    "-",
    "_",
    "\\",
    "<",
    ">",
    "'",
    "\"",
    "{",
    "}",
    "1",
    "42",
    "7868",
    ",pid=1",
    "pid=1,",
    ",uid=7",
    ",task=",
    "Killed",
    " process ",
    ") ",
    "oom-kill:",
    "invoked ",
    "total-vm:",
    "kernel: ",
    "[1.0] ",
    "<4>",
    "\u{e9}",
    "Comm: ",
    "CPU: ",
    "Task in ",
    " in ",
];

fn name(longest: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(&PIECES[..]), 1..12).prop_map(move |pieces| {
        let mut name = pieces.concat();
        while name.len() > longest {
            name.pop();
        }
        name
    })
}

/// All that an event says, with where it says it; lists have their length.
fn facts(value: &Value, path: &str, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                facts(value, &format!("{path}/{name}"), out);
            }
        }
        Value::Array(items) => {
            out.insert(format!("{path}/len"), json!(items.len()));
            for (index, value) in items.iter().enumerate() {
                facts(value, &format!("{path}/{index}"), out);
            }
        }
        other => {
            out.insert(path.to_owned(), other.clone());
        }
    }
}

/// Where two lists of events differ.
fn differences(found: &[Value], expected: &[Value]) -> Vec<String> {
    let (mut one, mut two) = (BTreeMap::new(), BTreeMap::new());
    facts(&json!(found), "", &mut one);
    facts(&json!(expected), "", &mut two);
    let paths: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    paths
        .into_iter()
        .map(|path| (path, one.get(path), two.get(path)))
        .filter(|(_, found, expected)| found != expected)
        .map(|(path, found, expected)| format!("{path}: {found:?} instead of {expected:?}"))
        .collect()
}

/// The events of the recorded report in which a name or a path is another one: as it was, and as it
/// must be.
fn renamed(from: &str, to: &str, kernel: Wrap) -> (Vec<Value>, Vec<Value>) {
    let usual = text(&wrapped(SIMPLE, "alpha", kernel));
    let mut expected = shown(&decode(&usual), "alpha");
    for event in &mut expected {
        replace(event, from, to);
    }
    let lines = wrapped(&SIMPLE.replace(from, to), "alpha", kernel);
    let mut found = shown(&decode(&text(&lines)), "alpha");
    // Another report, so another id.
    for event in found.iter_mut().chain(&mut expected) {
        if let Value::Object(object) = event {
            object.remove("event_id");
        }
    }
    (found, expected)
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::Object(object) => object
            .values_mut()
            .for_each(|value| replace(value, from, to)),
        Value::Array(items) => items.iter_mut().for_each(|value| replace(value, from, to)),
        Value::String(text) if text == from => to.clone_into(text),
        _ => {}
    }
}

fn none() -> Vec<String> {
    Vec::new()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_makes_or_changes_an_event(comm in name(15), form in 0..FORMS.len()) {
        // The kernel prints a name as it is; a blank at an end of it is one that no parser can see.
        let comm = comm.trim();
        prop_assume!(!comm.is_empty());
        let (found, expected) = renamed("hog", comm, FORMS[form].0);
        prop_assert_eq!(found.len(), expected.len());
        prop_assert_eq!(differences(&found, &expected), none());
    }

    #[test]
    fn no_path_makes_or_changes_an_event(path in name(60), form in 0..FORMS.len()) {
        let path = format!("/{}", path.trim());
        // These may be marks of a pager that cut the line; then the path counts as unknown.
        prop_assume!(!path.ends_with(['>', '/']));
        let (found, expected) = renamed("/oomtrace-klog-7864", &path, FORMS[form].0);
        prop_assert_eq!(differences(&found, &expected), none());
    }
}

//! Lines: round trips, bounds, hostile text.

use proptest::prelude::*;

use super::parse::ParseError;
use super::*;
use crate::model::{Bytes, Evidence, NodeMemory, OomKill, Recurrence, SlabInfo, Unit, fixture};
use crate::render::escape;

fn line(json: Json, event: &Event) -> Vec<u8> {
    let mut json = json;
    let mut out = b"before".to_vec();
    json.render(event, &mut out);
    assert!(out.starts_with(b"before"));
    out.split_off(b"before".len())
}

fn kill(event: OomKill) -> Event {
    Event::OomKill(Box::new(event))
}

fn parsed_kill(line: &[u8]) -> OomKill {
    match parse(line) {
        Ok(Event::OomKill(kill)) => *kill,
        other => panic!("no kill: {other:?}"),
    }
}

#[test]
fn every_kind_survives_the_round_trip_in_one_line() {
    let mut events = fixture::all();
    events.push(kill(fixture::hostile()));
    for event in events {
        for json in [Json::bounded(), Json::full()] {
            let line = line(json, &event);
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(line.last(), Some(&b'\n'));
            assert_eq!(parse(&line).unwrap(), event);
        }
    }
}

#[test]
fn keys_come_in_the_order_of_the_schema() {
    let line = String::from_utf8(line(Json::full(), &kill(fixture::founding()))).unwrap();
    assert!(line.starts_with(r#"{"timestamp":"2026-11-23T15:25:59.551893123Z","timestamp_basis""#));
    let at = |key: &str| line.find(key).unwrap();
    assert!(at("\"incident\"") < at("\"victim\""));
    assert!(at("\"victim\"") < at("\"findings\""));
}

#[test]
fn a_line_holds_nothing_that_a_terminal_obeys() {
    let line = line(Json::full(), &kill(fixture::hostile()));
    let text = String::from_utf8(line).unwrap();
    assert!(!text.trim_end_matches('\n').contains(escape::is_unsafe));
    assert!(text.contains(r"\u202e\u2028\u009b1m"));
}

#[test]
fn characters_beyond_16_bits_are_escaped_as_pairs() {
    let mut event = fixture::founding();
    event.victim.comm = Some("x\u{e0041}y".to_owned());
    let line = line(Json::full(), &kill(event.clone()));
    assert!(String::from_utf8_lossy(&line).contains(r"x\udb40\udc41y"));
    assert_eq!(parsed_kill(&line), event);
}

#[test]
fn integers_that_readers_would_round_are_missing() {
    let mut event = fixture::founding();
    event.victim.cgroup_id = Some((1 << 53) + 1);
    event.victim.memory.as_mut().unwrap().swap_bytes = Some(Bytes(1 << 53));
    event.victim.badness_pages = Some(i64::MIN);
    event.victim.start_since_boot_us = Some((1 << 53) - 1);
    event.lost_records = u64::MAX;
    event.recurrence = Some(Recurrence {
        number: 2,
        since_first_us: u64::MAX,
    });
    event.node_memory = Some(NodeMemory {
        top_slabs: vec![SlabInfo {
            name: "dentry".to_owned(),
            used_bytes: Bytes(1),
            total_bytes: Bytes(u64::MAX),
        }],
        ..NodeMemory::default()
    });
    event.findings[0].evidence.push(Evidence {
        name: "huge".to_owned(),
        value: i64::MAX,
        unit: Unit::Count,
    });
    let read = parsed_kill(&line(Json::bounded(), &kill(event)));
    assert_eq!(read.victim.cgroup_id, None);
    assert_eq!(read.victim.badness_pages, None);
    assert_eq!(read.victim.memory.as_ref().unwrap().swap_bytes, None);
    assert_eq!(read.victim.start_since_boot_us, Some((1 << 53) - 1));
    assert_eq!(read.lost_records, (1 << 53) - 1);
    assert_eq!(read.recurrence.unwrap().since_first_us, (1 << 53) - 1);
    assert_eq!(read.node_memory.unwrap().top_slabs, []);
    assert_eq!(read.findings[0].evidence.len(), 1);
    let mut missing: Vec<_> = read.missing.iter().map(|m| m.field.as_str()).collect();
    missing.sort_unstable();
    assert_eq!(
        missing,
        [
            "victim.badness_pages",
            "victim.cgroup_id",
            "victim.exe",
            "victim.memory.swap_bytes"
        ]
    );
}

#[test]
fn a_short_event_is_not_trimmed() {
    let event = fixture::founding();
    let read = parsed_kill(&line(Json::bounded(), &kill(event.clone())));
    assert_eq!(read, event);
}

#[test]
fn candidates_go_first_and_alone_if_that_is_enough() {
    let event = fixture::huge(8, 3, 2000);
    let line = line(Json::bounded(), &kill(event.clone()));
    assert!(line.len() <= LINE_BYTES_MAX);
    assert!(line.len() > LINE_BYTES_MAX - 512, "more went than had to");
    let read = parsed_kill(&line);
    assert_eq!(read.truncated, ["candidates"]);
    assert_eq!(read.candidates_total, Some(2000));
    assert_eq!(read.candidates, event.candidates[..read.candidates.len()]);
    assert_eq!(read.hierarchy, event.hierarchy);
    assert_eq!(read.victim, event.victim);
}

#[test]
fn the_hierarchy_is_trimmed_before_the_cmdline() {
    let mut event = fixture::huge(30, 20, 10);
    event.victim.cmdline = Some(vec!["--short".to_owned(); 10]);
    let read = parsed_kill(&line(Json::bounded(), &kill(event.clone())));
    assert_eq!(read.truncated, ["candidates", "hierarchy"]);
    assert_eq!(read.hierarchy_total, Some(21));
    assert_eq!(read.hierarchy.first(), event.hierarchy.first());
    assert_eq!(read.hierarchy.last(), event.hierarchy.last());
    let limit_path = &event.limit.as_ref().unwrap().cgroup_path;
    assert!(read.hierarchy.iter().any(|l| &l.cgroup_path == limit_path));
    assert_eq!(read.victim, event.victim);

    let event = fixture::huge(40, 20, 10);
    let read = parsed_kill(&line(Json::bounded(), &kill(event.clone())));
    assert_eq!(
        read.truncated,
        ["candidates", "hierarchy", "victim.cmdline"]
    );
    let kept = read.victim.cmdline.unwrap();
    assert!(!kept.is_empty());
    assert_eq!(kept, event.victim.cmdline.unwrap()[..kept.len()]);
    assert_eq!(read.findings, event.findings);
    assert_eq!(read.limit, event.limit);
    assert_eq!(read.incident, event.incident);
}

#[test]
fn the_deepest_cgroup_still_gives_a_bounded_line() {
    let event = fixture::huge(255, 20, 5000);
    let line = line(Json::bounded(), &kill(event.clone()));
    assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
    let read = parsed_kill(&line);
    assert_eq!(read.incident, event.incident);
    assert_eq!(read.victim.pid, event.victim.pid);
    assert_eq!(read.victim.memory, event.victim.memory);
    let (limit, whole) = (read.limit.unwrap(), event.limit.unwrap());
    assert_eq!(limit.usage, whole.usage);
    assert_eq!(limit.limit_bytes, whole.limit_bytes);
    assert!(read.truncated.contains(&"victim.cgroup_path".to_owned()));
}

#[test]
fn a_trimmed_line_keeps_what_was_not_named() {
    for limit in (6_000..15_000).step_by(500) {
        let event = fixture::huge(40, 20, 60);
        let read = parsed_kill(&line(Json::at_most(limit), &kill(event.clone())));
        let mut expected = event;
        for name in &read.truncated {
            match name.as_str() {
                "candidates" => expected.candidates.clone_from(&read.candidates),
                "hierarchy" => expected.hierarchy.clone_from(&read.hierarchy),
                "victim.cmdline" => expected.victim.cmdline.clone_from(&read.victim.cmdline),
                "findings.text" | "findings.evidence" => {
                    expected.findings.clone_from(&read.findings)
                }
                "missing.why" => expected.missing.clone_from(&read.missing),
                "runtime.basis" => expected.runtime.as_mut().unwrap().basis.clear(),
                other => panic!("{other} at {limit}"),
            }
        }
        expected.candidates_total = read.candidates_total;
        expected.hierarchy_total = read.hierarchy_total;
        expected.truncated.clone_from(&read.truncated);
        assert_eq!(read, expected, "{limit}");
    }
}

#[test]
fn full_lifts_the_bound() {
    let event = fixture::huge(255, 20, 5000);
    let line = line(Json::full(), &kill(event.clone()));
    assert!(line.len() > 100_000);
    assert_eq!(parsed_kill(&line), event);
}

#[test]
fn lines_that_are_no_event_are_told_apart() {
    assert!(matches!(parse(b"hello"), Err(ParseError::NotJson(_))));
    assert!(matches!(parse(b"[1]"), Err(ParseError::NotJson(_))));
    assert!(matches!(parse(b"\xff\xfe"), Err(ParseError::NotJson(_))));
    assert!(matches!(parse(b"{}"), Err(ParseError::NoKind)));
    let error = parse(br#"{"event":"oom_\u001bkill2"}"#).unwrap_err();
    assert!(matches!(&error, ParseError::UnknownKind(_)));
    let text = error.to_string();
    assert!(text.contains("oom_") && text.contains("userspace_oom_kill"));
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let error = parse(br#"{"event":"oom_kill","schema_version":2}"#).unwrap_err();
    assert!(matches!(error, ParseError::OtherVersion(2)));
    let error = parse(br#"{"event":"oom_kill","schema_version":1}"#).unwrap_err();
    assert!(error.to_string().contains("incident"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_text_survives(comm in any::<String>(), argument in any::<String>()) {
        let mut event = fixture::founding();
        event.victim.comm = Some(comm);
        event.victim.cmdline = Some(vec![argument]);
        let line = line(Json::full(), &kill(event.clone()));
        prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        prop_assert_eq!(parsed_kill(&line), event);
    }

    #[test]
    fn whatever_is_long_the_line_is_not(
        comm in "\\PC{0,3000}",
        path in "[/a\u{1}\u{202e}é]{0,6000}",
        message in any::<String>(),
        arguments in proptest::collection::vec(".{0,400}", 0..40),
        findings in 0_usize..200,
        missing in 0_usize..200,
        limit in 4096_usize..20_000,
    ) {
        let mut event = fixture::hostile();
        event.header.message = message.repeat(50);
        event.victim.comm_hex = Some("00".repeat(comm.len()));
        event.victim.comm = Some(comm);
        event.victim.cmdline = Some(arguments);
        event.victim.cgroup_path_hex = Some("ff".repeat(path.len()));
        event.victim.cgroup_path = Some(path.clone());
        if let Some(limit) = &mut event.limit {
            limit.cgroup_path = Some(path);
        }
        event.findings = vec![event.findings[0].clone(); findings];
        event.missing = vec![event.missing[0].clone(); missing];
        let line = line(Json::at_most(limit), &kill(event.clone()));
        prop_assert!(line.len() <= limit, "{} > {limit}", line.len());
        let read = parsed_kill(&line);
        prop_assert_eq!(read.victim.pid, event.victim.pid);
        prop_assert_eq!(read.victim.memory, event.victim.memory);
    }
}

#[test]
fn other_kinds_are_bounded_too() {
    for mut event in fixture::all() {
        match &mut event {
            Event::OomOutcome(outcome) => outcome.cmdline = Some(vec!["x".repeat(300); 100]),
            Event::Gap(gap) => gap.victims = vec![fixture::victim(); 64],
            Event::OomNoVictim(event) => {
                event.limit.as_mut().unwrap().cgroup_path = Some("/y".repeat(9000));
            }
            Event::UserspaceOomKill(event) => event.killer = "\u{1b}".repeat(9000),
            Event::OomKill(_) => continue,
        }
        let line = line(Json::bounded(), &event);
        assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
        assert_eq!(parse(&line).unwrap().header(), event.header());
    }
}

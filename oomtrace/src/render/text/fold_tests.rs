//! Storms: what is folded, and what the summary says of it.

use super::fold::Folding;
use super::tests::kill;
use super::*;
use crate::model::fixture;

fn at(us: u64, comm: &str) -> Event {
    let mut event = fixture::founding();
    event.header.since_boot_us = Some(us);
    event.incident.id = format!("b:{us}");
    event.victim.comm = Some(comm.to_owned());
    kill(event)
}

fn gone(us: u64, latency_us: u64) -> Event {
    let mut event = fixture::outcome();
    event.incident.id = format!("b:{us}");
    event.exit_latency_us = Some(latency_us);
    Event::OomOutcome(Box::new(event))
}

fn fold(events: &[Event]) -> (Folding, String) {
    let mut folding = Folding::new(TextSettings::default());
    let mut out = Vec::new();
    for event in events {
        folding.render(event, &mut out);
    }
    (folding, String::from_utf8(out).unwrap())
}

#[test]
fn a_storm_is_one_line_and_a_summary() {
    let mut events = vec![at(1_000_000, "java")];
    for step in 1..=49 {
        events.push(at(1_000_000 + step * 250_000, "java"));
        events.push(gone(1_000_000 + step * 250_000, step * 1_000));
    }
    let (mut folding, page) = fold(&events);
    assert_eq!(
        page.matches(" was killed: ").count(),
        1,
        "the first in full"
    );
    assert_eq!(page.matches("\r\x1b[2K").count(), 2 * 49);
    assert!(folding.is_holding());
    let last = page.rsplit("\r\x1b[2K").next().unwrap();
    assert_eq!(
        last,
        "  49 more kills here in 12.2 s, 4.0 per second: java 49"
    );
    let mut out = Vec::new();
    folding.flush(&mut out);
    let summary = String::from_utf8(out).unwrap();
    assert!(!folding.is_holding());
    assert!(
        summary.contains("  gone     after 1.0 ms to 49.0 ms, half of them within 25.0 ms\n"),
        "{summary}"
    );
    assert!(summary.contains("  pace     "), "{summary}");
    assert!(summary.contains("  change   "), "{summary}");
}

#[test]
fn kills_far_apart_or_elsewhere_are_shown_whole() {
    let mut elsewhere = fixture::founding();
    elsewhere.header.since_boot_us = Some(7_500_000);
    elsewhere.limit = None;
    let (folding, page) = fold(&[
        at(1_000_000, "java"),
        at(7_000_000, "java"),
        kill(elsewhere),
    ]);
    assert_eq!(page.matches(" was killed: ").count(), 3, "{page}");
    assert!(!folding.is_holding());
}

#[test]
fn another_event_ends_a_storm() {
    let gap = fixture::all()
        .into_iter()
        .find(|event| matches!(event, Event::Gap(_)))
        .unwrap();
    let (folding, page) = fold(&[at(1_000_000, "a"), at(1_100_000, "\u{1b}b"), gap]);
    assert!(!folding.is_holding());
    assert!(
        page.contains("  storm    1 more kill by the limit of container web"),
        "{page}"
    );
    assert!(page.contains("\\x1bb 1"), "escaped: {page}");
    assert!(page.contains("missed"), "{page}");
}

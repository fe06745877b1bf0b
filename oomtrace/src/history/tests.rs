use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::*;
use crate::model::fixture;
use crate::model::{Bytes, Event, OomKill};
use crate::render::Render as _;
use crate::render::json::Json;

fn line(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    Json::full().render(event, &mut out);
    out
}

fn lines(events: &[Event]) -> Vec<u8> {
    events.iter().flat_map(line).collect()
}

fn kill(number: u32) -> OomKill {
    let mut kill = fixture::founding();
    let us = 1_000_000 + u64::from(number) * 30_000_000;
    kill.header.event_id = Some(format!("boot:{us}:{number}"));
    kill.header.since_boot_us = Some(us);
    kill.incident.id = format!("boot:{us}");
    kill.victim.pid = Some(number);
    kill.victim.start_since_boot_us = Some(us - 20_000_000);
    kill
}

fn event(kill: OomKill) -> Event {
    Event::OomKill(Box::new(kill))
}

fn read(places: Vec<PathBuf>) -> (Vec<Event>, Flaws) {
    let mut events = Events::new(places);
    let mut found = Vec::new();
    while let Some(event) = events.next_event().unwrap() {
        found.push(event);
    }
    (found, events.flaws().clone())
}

fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    (directory, path)
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

#[test]
fn every_event_is_read_back_as_written() {
    let mut events = fixture::all();
    for odd in [
        fixture::hostile(),
        fixture::bare(),
        fixture::huge(255, 32, 9),
    ] {
        events.push(event(odd));
    }
    let text = lines(&events);
    for (name, content) in [("plain", text.clone()), ("packed.gz", packed(&text))] {
        let (_directory, path) = file(name, &content);
        let (found, flaws) = read(vec![path]);
        assert_eq!(lines(&found), text, "{name}");
        assert_eq!(flaws, Flaws::default(), "{name}");
    }
}

#[test]
fn bad_lines_are_counted_and_skipped() {
    let mut text = b"garbage\n{}\n\n".to_vec();
    text.extend(line(&event(kill(1))));
    text.extend(b"\xff\xfe\n{\"event\":\"new\"}\n");
    text.extend(line(&event(kill(2))));
    text.extend(b"{\"event\":\"oom_k");
    let (_directory, path) = file("x", &text);
    let (found, flaws) = read(vec![path]);
    assert_eq!(found.len(), 2);
    assert_eq!((flaws.bad_lines, flaws.cut_lines.len()), (4, 1));
    assert!(flaws.is_any_lost());
    let first = flaws.first_bad_line.as_deref().unwrap();
    assert!(first.contains("x, line 1: "), "{first}");
}

#[test]
fn a_last_line_without_newline_is_read() {
    let mut text = line(&event(kill(1)));
    text.pop();
    let (_directory, path) = file("x", &text);
    let (found, flaws) = read(vec![path]);
    assert_eq!((found.len(), flaws), (1, Flaws::default()));
}

#[test]
fn a_torn_gzip_file_gives_what_it_holds() {
    let events: Vec<Event> = (1..40).map(|number| event(kill(number))).collect();
    let mut content = packed(&lines(&events));
    content.truncate(content.len() - 9);
    let (_directory, torn) = file("torn.gz", &content);
    let (_other, whole) = file("whole", &line(&event(kill(50))));
    let (found, flaws) = read(vec![torn, whole]);
    assert!(found.len() > 1, "the file after it is read as well");
    assert_eq!(flaws.damaged.len(), 1);
    assert!(flaws.is_any_lost());
}

#[test]
fn what_holds_no_events_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let error = |path: PathBuf| match Events::new(vec![path]).next_event() {
        Err(error) => error.to_string(),
        Ok(event) => panic!("{event:?}"),
    };
    let missing = error(directory.path().join("no"));
    assert!(missing.contains("there is nothing at"), "{missing}");
    let empty = error(directory.path().to_owned());
    assert!(empty.contains("holds no events"), "{empty}");
}

fn pick(text: &str, events: &[Event]) -> Result<Vec<Event>, PickError> {
    let mut picked = Picked::new(text.parse().unwrap());
    for event in events {
        picked.add(event.clone());
    }
    picked.finish()
}

fn picked_pid(text: &str, events: &[Event]) -> Option<u32> {
    match pick(text, events).unwrap().remove(0) {
        Event::OomKill(kill) => kill.victim.pid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kill_is_found_by_place_id_or_pid() {
    let events: Vec<Event> = [10, 11, 12, 120].map(|pid| event(kill(pid))).to_vec();
    for (text, pid) in [
        ("last", 120),
        ("-1", 120),
        ("-4", 10),
        ("11", 11),
        ("12", 12),
        ("boot:331000000:11", 11),
        ("331000000:11", 11),
        ("331", 11),
        ("boot:331", 11),
    ] {
        assert_eq!(picked_pid(text, &events), Some(pid), "{text}");
    }
    assert_eq!(pick("-5", &events).unwrap_err(), PickError::TooFew(4));
    assert_eq!(pick("last", &[]).unwrap_err(), PickError::NoKills);
    let not_found = PickError::NotFound("zz".to_owned());
    assert_eq!(pick("zz", &events).unwrap_err(), not_found);
    match pick("boot:3", &events).unwrap_err() {
        PickError::Ambiguous { count, ids, .. } => assert_eq!((count, ids.len()), (4, 4)),
        other => panic!("{other}"),
    }
    for bad in ["", "-0", "-x", "-99999999", "a b", "\u{1b}"] {
        assert!(bad.parse::<Pick>().is_err(), "{bad:?}");
    }
}

#[test]
fn the_same_event_twice_is_one() {
    let events = [event(kill(1)), event(kill(1))];
    assert_eq!(picked_pid("boot:31", &events), Some(1));
}

#[test]
fn outcomes_come_with_their_kill() {
    let mut outcome = fixture::outcome();
    outcome.kill_event_id = kill(1).header.event_id;
    let events = [
        event(kill(1)),
        event(kill(2)),
        Event::OomOutcome(Box::new(outcome)),
    ];
    assert_eq!(pick("-2", &events).unwrap().len(), 2);
    assert_eq!(pick("last", &events).unwrap().len(), 1);
}

fn top_of(by: By, kills: &[OomKill]) -> Top {
    let mut top = Top::new(by);
    for kill in kills {
        top.add(&Kill::of(kill));
    }
    top
}

#[test]
fn kills_add_up_by_what_they_share() {
    let mut kills: Vec<OomKill> = (1..4).map(kill).collect();
    let mut other = kill(9);
    other.owner.as_mut().unwrap().container_name = Some("api".to_owned());
    other.owner.as_mut().unwrap().image = None;
    kills.push(other);
    let owners = top_of(By::Owner, &kills);
    let counts: Vec<(Option<&str>, u64)> = owners
        .groups()
        .iter()
        .map(|group| (group.name.as_deref(), group.kills))
        .collect();
    assert_eq!(
        counts,
        [(Some("container web"), 3), (Some("container api"), 1)]
    );
    assert_eq!(owners.all().kills, 4);
    assert_eq!(top_of(By::Image, &kills).rest().kills, 1);
    assert_eq!(top_of(By::Unit, &kills).rest().kills, 4);
}

#[test]
fn a_restart_loop_needs_the_victims_starts() {
    let loop_of = |kills: &[OomKill]| top_of(By::Owner, kills).groups()[0].restart_loop();
    let mut kills: Vec<OomKill> = (1..6).map(kill).collect();
    let found = loop_of(&kills).unwrap();
    assert_eq!(
        (found.kills, found.interval_us(), found.ran_mean_us()),
        (5, 30_000_000, 20_000_000)
    );
    assert_eq!(loop_of(&kills[..2]), None, "twice is no loop");
    // The third victim ran all along beside the others.
    kills[2].victim.start_since_boot_us = Some(1);
    assert_eq!(loop_of(&kills).map(|found| found.kills), Some(3));
    for kill in &mut kills {
        kill.victim.start_since_boot_us = None;
    }
    assert_eq!(loop_of(&kills), None, "starts are not known");
}

#[test]
fn the_needed_limit_is_of_the_events_figures() {
    let mut kill = kill(1);
    let limit = kill.limit.as_mut().unwrap();
    limit.limit_bytes = Some(Bytes(1 << 20));
    limit.usage_bytes = Some(Bytes(1 << 20));
    kill.trigger.as_mut().unwrap().order = Some(2);
    let runtime = kill.runtime.as_mut().unwrap();
    runtime.max_heap_bytes = Some(Bytes(1 << 20));
    runtime.max_direct_bytes = Some(Bytes(1 << 21));
    let needed = Kill::of(&kill).needed;
    assert_eq!(needed.in_use_bytes, Some(Bytes((1 << 20) + 4 * 4096)));
    assert_eq!(needed.configured_bytes, Some(Bytes(3 << 20)));

    // Caps within the limit say nothing, nor does a limit that was not used up.
    kill.limit.as_mut().unwrap().limit_bytes = Some(Bytes(1 << 30));
    assert_eq!(Kill::of(&kill).needed.bytes(), None);
    kill.limit = None;
    assert_eq!(Kill::of(&kill).needed.bytes(), None);
}

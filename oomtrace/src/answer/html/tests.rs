use super::*;
use crate::history::Flaws;
use crate::model::Event;
use crate::model::fixture;

const EVIL: &str = "</text></svg><script>alert(1)</script>\"'&\u{1b}[2J\u{202e}";

fn page_of(events: &[Event]) -> String {
    let mut report = Report::default();
    for event in events {
        report.add(event);
    }
    page(&report, &Flaws::default())
}

fn hostile() -> Event {
    let mut kill = fixture::founding();
    kill.header.hostname = Some(EVIL.to_owned());
    kill.header.message = EVIL.to_owned();
    kill.victim.comm = Some(EVIL.to_owned());
    kill.victim.cmdline = Some(vec![EVIL.to_owned()]);
    kill.victim.cgroup_path = Some(format!("/{EVIL}"));
    let owner = kill.owner.as_mut().unwrap();
    owner.container_name = Some(EVIL.to_owned());
    owner.image = Some(EVIL.to_owned());
    kill.limit.as_mut().unwrap().cgroup_path = Some(format!("/{EVIL}"));
    for finding in &mut kill.findings {
        finding.change = Some(EVIL.to_owned());
    }
    Event::OomKill(Box::new(kill))
}

#[test]
fn hostile_text_is_text_only() {
    let page = page_of(&[hostile(), hostile()]);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn elements_are_balanced() {
    let mut events = fixture::all();
    events.push(hostile());
    for kill in [
        fixture::hostile(),
        fixture::bare(),
        fixture::huge(255, 32, 9),
    ] {
        events.push(Event::OomKill(Box::new(kill)));
    }
    let page = page_of(&events);
    let mut open = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag that ends");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.starts_with('!') && !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn same_events_same_page_without_command_lines() {
    let events = fixture::all();
    let page = page_of(&events);
    assert_eq!(page, page_of(&events));
    assert!(page.contains("2026-11-23 15:25:59"));
    assert!(!page.contains("MaxDirectMemorySize=512m"), "a command line");
}

#[test]
fn the_page_is_bounded() {
    let mut report = Report::default();
    for number in 0..3_000_u32 {
        let mut kill = fixture::founding();
        kill.victim.pid = Some(number);
        kill.owner.as_mut().unwrap().container_name = Some(format!("web-{number}"));
        report.add(&Event::OomKill(Box::new(kill)));
    }
    let page = super::page(&report, &Flaws::default());
    assert!(page.len() < 500_000, "{} bytes", page.len());
    assert!(page.contains("2700 more kills are counted"));
}

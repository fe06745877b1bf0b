//! Pages: what they say, how wide they are, and what cannot get into them.

use jiff::tz::{Offset, TimeZone};
use proptest::prelude::*;

use super::*;
use crate::model::{Bytes, KillKind, OomKill, fixture};
use crate::render::escape;
use crate::render::json::{Json, parse};
use crate::render::layout::columns_of;

pub(super) fn show(events: &[Event], settings: TextSettings) -> String {
    let mut text = Text::new(settings);
    let mut out = Vec::new();
    for event in events {
        text.render(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

pub(super) fn long() -> TextSettings {
    TextSettings {
        view: View::Long,
        ..TextSettings::default()
    }
}

pub(super) fn plain(event: OomKill) -> String {
    show(&[kill(event)], long())
}

pub(super) fn kill(event: OomKill) -> Event {
    Event::OomKill(Box::new(event))
}

pub(super) fn everything() -> Vec<Event> {
    let mut events = fixture::all();
    events.extend([
        kill(fixture::hostile()),
        kill(fixture::huge(30, 20, 10)),
        kill(fixture::huge(255, 5, 500)),
        kill(fixture::bare()),
    ]);
    events
}

/// Every combination of settings that matters, at some widths.
fn settings() -> Vec<TextSettings> {
    let mut all = Vec::new();
    for width in [0, 60, 80, 120, 237] {
        for bits in 0..32 {
            all.push(TextSettings {
                view: match bits / 8 {
                    0 => View::Compact,
                    1 => View::Oneline,
                    _ => View::Long,
                },
                width,
                color: bits & 1 != 0,
                ascii: bits & 2 != 0,
                exact_bytes: bits & 4 != 0 && width >= 80,
                verbose: bits >= 24,
                time_zone: TimeZone::UTC,
            });
        }
    }
    all
}

fn without_color(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split("\x1b[");
    out.push_str(parts.next().unwrap());
    for part in parts {
        let (codes, rest) = part.split_once('m').unwrap();
        assert!(
            codes.chars().all(|c| c.is_ascii_digit() || c == ';'),
            "{codes:?}"
        );
        out.push_str(rest);
    }
    out
}

/// The page that the documents show; `BLESS=1 cargo test -p oomtrace founding` writes it anew.
#[test]
fn the_founding_case_at_80_columns() {
    let page = show(
        &[kill(fixture::founding()), fixture::all().remove(1)],
        long(),
    );
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/render/text/testdata/founding-80.txt"
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden, &page).unwrap();
    }
    assert_eq!(page, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for settings in settings() {
        let width = settings.width.max(60);
        for line in without_color(&show(&everything(), settings)).lines() {
            assert!(
                columns_of(line) <= width,
                "{} > {width}: {line}",
                columns_of(line)
            );
            assert_eq!(line.trim_end(), line, "blanks at the end");
        }
    }
}

#[test]
fn nothing_that_a_terminal_obeys_comes_from_an_event() {
    for settings in settings() {
        // One line has no colour.
        let color = settings.color && settings.view != View::Oneline;
        let page = show(&everything(), settings);
        assert_eq!(page.contains('\x1b'), color);
        let text = without_color(&page);
        assert!(!text.replace('\n', "").contains(escape::is_unsafe));
        assert!(
            !text.lines().any(|line| line.starts_with("15:26:01")),
            "forged line"
        );
    }
}

#[test]
fn colour_adds_only_colour_and_ascii_stays_ascii() {
    for settings in settings().into_iter().filter(|settings| settings.color) {
        let colored = show(&everything(), settings.clone());
        let plain = show(
            &everything(),
            TextSettings {
                color: false,
                ..settings.clone()
            },
        );
        assert_eq!(without_color(&colored), plain);
        assert!(plain.is_ascii() || !settings.ascii, "{plain}");
    }
}

#[test]
fn replayed_from_json_it_reads_the_same() {
    let through_json: Vec<Event> = everything()
        .iter()
        .map(|event| {
            let mut line = Vec::new();
            Json::full().render(event, &mut line);
            parse(&line).unwrap()
        })
        .collect();
    for settings in settings() {
        assert_eq!(
            show(&through_json, settings.clone()),
            show(&everything(), settings)
        );
    }
}

#[test]
fn host_and_day_are_said_once_and_when_they_change() {
    let first = fixture::founding();
    let mut later = fixture::founding();
    later.header.timestamp = Some("2026-11-23T23:30:00Z".to_owned());
    let berlin = TextSettings {
        time_zone: TimeZone::fixed(Offset::constant(1)),
        ..long()
    };
    let page = show(&[kill(first.clone()), kill(first), kill(later)], berlin);
    assert_eq!(page.matches("n1, Mon 2026-11-23, UTC+01:00").count(), 1);
    assert_eq!(page.matches("n1, Tue 2026-11-24, UTC+01:00").count(), 1);
    assert_eq!(page.matches("16:25:59 java").count(), 2);
    assert_eq!(page.matches("00:30:00 java").count(), 1);
}

#[test]
fn what_is_not_known_is_not_shown() {
    let mut unknown = fixture::bare();
    unknown.victim.pid = Some(4);
    assert_eq!(
        plain(unknown),
        "time since boot\n\
         [ 1241.551893] a process (pid 4) was killed by the OOM killer\n  \
         victim   (name not known), pid 4\n"
    );

    let mut kill = fixture::founding();
    let memory = kill.victim.memory.as_mut().unwrap();
    memory.swap_bytes = None;
    memory.shmem_bytes = None;
    kill.limit
        .as_mut()
        .unwrap()
        .usage
        .as_mut()
        .unwrap()
        .page_cache_bytes = None;
    let page = plain(kill);
    assert!(page.contains("plus 732 KiB of page tables\n"), "{page}");
    for word in ["swapped", "shared", "page cache  "] {
        assert!(!page.contains(word), "{word}: {page}");
    }
}

#[test]
fn a_bound_on_the_error_is_part_of_the_figure() {
    let mut kill = fixture::founding();
    kill.victim.memory.as_mut().unwrap().rss_error_max_bytes = Some(Bytes(2 << 20));
    let page = plain(kill);
    assert!(page.contains("± 2 MiB resident"), "{page}");
}

#[test]
fn another_trigger_is_named_at_length() {
    let mut kill = fixture::founding();
    let trigger = kill.trigger.as_mut().unwrap();
    trigger.pid = Some(77);
    trigger.tid = Some(77);
    trigger.comm = Some("sidecar".to_owned());
    trigger.order = Some(4);
    trigger.cgroup_path = Some("/docker/other".to_owned());
    let page = plain(kill);
    let expected = "trigger  sidecar (pid 77, uid 0) asked for the memory: 64 KiB in one piece";
    assert!(page.contains(expected), "{page}");
    assert!(page.contains("in /docker/other"), "{page}");
}

#[test]
fn siblings_of_a_kill_do_not_repeat_the_limit() {
    let first = fixture::founding();
    let mut second = fixture::founding();
    second.incident.kill_index = 1;
    second.incident.kill_kind = Some(KillKind::Group);
    second.incident.group_cgroup_path = Some("/docker/x".to_owned());
    let page = show(&[kill(first), kill(second.clone())], long());
    assert_eq!(page.matches("  limit    ").count(), 1);
    assert_eq!(page.matches("  victim   ").count(), 2);
    assert!(page.contains("kill 2 of this incident"));
    // Alone (the first was filtered out) it tells everything.
    assert!(plain(second).contains("  limit    "));
}

#[test]
fn others_are_others_than_the_victim() {
    let mut event = fixture::founding();
    assert!(!plain(event.clone()).contains("others"), "the victim alone");
    let mut other = event.candidates[0].clone();
    other.pid = 77;
    other.comm = Some("bystander".to_owned());
    other.badness_pages = None;
    event.candidates.push(other);
    event.candidates[0].badness_pages = None;
    event.candidates_total = Some(3);
    let page = plain(event);
    assert!(page.contains("pid 77 bystander"), "{page}");
    assert!(!page.contains("pid 10831 java\n"), "{page}");
    assert!(page.contains("and 1 more"), "{page}");
    assert!(!page.contains("badness"), "a column of nothing: {page}");
}

#[test]
fn a_time_without_zone_or_year_is_shown_as_it_stands() {
    let heading = |log_time: &str| {
        let mut event = fixture::founding();
        event.header.timestamp = None;
        event.header.log_time = Some(log_time.to_owned());
        let page = plain(event);
        let start: Vec<String> = page.lines().take(2).map(str::to_owned).collect();
        (start[0].clone(), start[1][..9].to_owned())
    };
    let (day, time) = heading("07-26 02:43:54");
    assert_eq!(day, "n1, Jul 26, in the log's own time zone");
    assert_eq!(time, "02:43:54 ");
    let (day, _) = heading("2016-07-26 02:43:54");
    assert_eq!(day, "n1, 2016-07-26, in the log's own time zone");
    // NDJSON may hold anything.
    let (day, _) = heading("99-\u{1b}[31m 02:43:54");
    assert_eq!(day, "n1, 99-\\x1b[31m, in the log's own time zone");
}

#[test]
fn what_was_not_understood_is_shown_on_demand() {
    let mut event = fixture::founding();
    event.report = Some(Box::new(crate::model::KernelReport {
        unparsed: vec!["odd \u{1b}[31m line".to_owned()],
        unparsed_total: Some(3),
        ..Default::default()
    }));
    let verbose = TextSettings {
        verbose: true,
        ..long()
    };
    let page = show(&[kill(event.clone())], verbose);
    assert!(page.contains("unparsed odd \\x1b[31m line"), "{page}");
    assert!(page.contains("and 2 more lines"), "{page}");
    assert!(!plain(event).contains("unparsed"));
}

#[test]
fn missing_facts_of_one_reason_share_a_line() {
    let mut kill = fixture::founding();
    let first = kill.missing[0].clone();
    for index in 0..9 {
        let mut more = first.clone();
        more.field = format!("field{index}");
        if index > 2 {
            more.why = Some(format!("reason {index}"));
        }
        kill.missing.push(more);
    }
    let page = plain(kill);
    assert!(page.contains("victim.exe, field0, field1, field2: the victim's"));
    assert!(
        page.contains("and 4 more fields (-v tells which)"),
        "{page}"
    );
}

#[test]
fn other_events_take_one_line() {
    for event in fixture::all().into_iter().skip(1) {
        let has_blocks = matches!(event, Event::OomNoVictim(_));
        let page = show(
            &[event],
            TextSettings {
                width: 200,
                ..long()
            },
        );
        let shows_limit = page.contains("\n  limit    256 MiB for");
        assert_eq!(shows_limit, has_blocks, "{page}");
        assert!(
            has_blocks || page.lines().count() == 2,
            "day and event: {page}"
        );
    }
    let mut events = fixture::all();
    events.truncate(2);
    let page = show(&events, long());
    assert!(page.ends_with("\n  outcome  java (pid 10831) is gone, 38.4 ms after the kill\n"));
    events.reverse();
    assert!(show(&events, long()).contains("15:25:59 java (pid 10831) is gone"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_anywhere_stays_on_its_line(text in any::<String>(), path in "[/.a-f0-9\\PC]{0,300}") {
        let mut event = fixture::hostile();
        event.victim.comm = Some(text.clone());
        event.header.message = text.clone();
        event.header.hostname = Some(text.clone());
        event.header.timestamp = Some(text.clone());
        event.victim.cmdline = Some(vec![text.clone(); 3]);
        event.victim.cgroup_path = Some(path.clone());
        event.missing[0].field = text;
        if let Some(limit) = &mut event.limit {
            limit.cgroup_path = Some(path.clone());
        }
        event.hierarchy[0].cgroup_path = Some(path);
        for (view, verbose) in [
            (View::Long, false),
            (View::Long, true),
            (View::Compact, false),
            (View::Oneline, false),
        ] {
            let settings = TextSettings { view, verbose, ..TextSettings::default() };
            let page = show(&[kill(event.clone())], settings);
            prop_assert!(!page.replace('\n', "").contains(escape::is_unsafe));
            for line in page.lines() {
                prop_assert!(columns_of(line) <= 80, "{}", line);
            }
        }
    }
}

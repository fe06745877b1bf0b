//! The short views: a dozen lines, or one.

use super::tests::{everything, kill, long, show};
use super::*;
use crate::model::fixture;
use crate::model::{Bytes, KillKind, Missing, OomKill, Reason, Recurrence, Usage};
use crate::render::layout::columns_of;

fn view(view: View, width: usize) -> TextSettings {
    TextSettings {
        view,
        width,
        ..TextSettings::default()
    }
}

fn again() -> OomKill {
    let mut kill = fixture::founding();
    kill.recurrence = Some(Recurrence {
        number: 2,
        since_first_us: 300_000_000,
    });
    kill
}

/// `BLESS=1 cargo test -p oomtrace short_tests` writes it anew.
#[test]
fn the_founding_case_in_twelve_lines() {
    let page = show(
        &[kill(again()), fixture::all().remove(1)],
        view(View::Compact, 80),
    );
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/render/text/testdata/compact-80.txt"
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden, &page).unwrap();
    }
    assert_eq!(page, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn a_kill_and_its_outcome_take_twelve_lines() {
    for event in everything() {
        for width in [80, 120, 200] {
            let is_kill = matches!(event, Event::OomKill(_));
            let page = show(std::slice::from_ref(&event), view(View::Compact, width));
            // The line of the day comes on top; the outcome is an event of its own.
            let lines = page.lines().count() - 1 + usize::from(is_kill);
            assert!(lines <= 12, "{lines} lines:\n{page}");
        }
    }
}

#[test]
fn the_verdict_says_that_it_was_not_the_first_time() {
    let page = show(&[kill(again())], view(View::Compact, 200));
    assert!(page.contains("(2nd here in 5 min)"), "{page}");
    let page = show(&[kill(fixture::founding())], view(View::Compact, 200));
    assert!(!page.contains("here in"), "{page}");
}

#[test]
fn a_sibling_repeats_neither_limit_nor_advice() {
    let mut second = fixture::founding();
    second.incident.kill_index = 1;
    let page = show(
        &[kill(fixture::founding()), kill(second)],
        view(View::Compact, 80),
    );
    assert_eq!(page.matches("  filled   ").count(), 1, "{page}");
    assert_eq!(page.matches("  change   ").count(), 1, "{page}");
    assert_eq!(page.matches("  victim   ").count(), 2, "{page}");
}

#[test]
fn one_line_a_kill_in_columns() {
    for width in [60, 80, 120] {
        let events: Vec<Event> = everything();
        let page = show(&events, view(View::Oneline, width));
        let exited = events
            .iter()
            .filter(|event| matches!(event, Event::OomOutcome(_)));
        assert_eq!(
            page.lines().count(),
            events.len() - exited.count(),
            "{page}"
        );
    }
    let page = show(&[kill(again())], view(View::Oneline, 80));
    let expected =
        "11-23 15:25:59 java[10831]      container web       256 MiB anon 99 %    ! 2nd\n";
    assert_eq!(page, expected);
}

/// Of memory that was gone when the statistics were read it is known whose it was, not what.
#[test]
fn memory_that_was_freed_is_the_victims() {
    let mut event = fixture::founding();
    event.limit.as_mut().unwrap().usage = Some(Usage {
        page_cache_bytes: Some(Bytes(1 << 20)),
        freed_before_read_bytes: Some(Bytes(251 << 20)),
        being_freed_bytes: Some(Bytes(4 << 20)),
        ..Usage::default()
    });
    let shown = |event: &OomKill, view_of| show(&[kill(event.clone())], view(view_of, 80));
    let page = shown(&event, View::Compact);
    assert!(
        page.contains("the victim's 255 MiB (99.6 %); page cache 1 MiB"),
        "{page}"
    );
    let page = shown(&event, View::Oneline);
    assert!(page.contains(" victim 99 % "), "{page}");
    event.incident.kill_kind = Some(KillKind::Group);
    let page = shown(&event, View::Compact);
    assert!(page.contains("of those killed 255 MiB"), "{page}");
    let page = shown(&event, View::Oneline);
    assert!(page.contains(" killed 99 % "), "{page}");
}

#[test]
fn wide_and_combining_characters_align() {
    let mut wide = again();
    wide.victim.comm = Some("漢字漢字".to_owned());
    let mut combining = again();
    combining.victim.comm = Some("e\u{301}e\u{301}".to_owned());
    let page = show(
        &[kill(again()), kill(wide), kill(combining)],
        view(View::Oneline, 80),
    );
    let columns: Vec<usize> = page
        .lines()
        .map(|line| columns_of(line.split("container").next().unwrap()))
        .collect();
    assert_eq!(columns, [columns[0]; 3], "{page}");
}

#[test]
fn what_this_host_lacks_is_said_once() {
    let mut event = fixture::captured();
    event.missing = vec![
        Missing {
            field: "candidates".to_owned(),
            reason: Reason::NoHook,
            why: None,
        },
        Missing {
            field: "victim.exe".to_owned(),
            reason: Reason::NoExe,
            why: None,
        },
    ];
    let twice = [kill(event.clone()), kill(event)];
    let count = |settings: TextSettings, word: &str| show(&twice, settings).matches(word).count();
    assert_eq!(count(long(), "candidates: no hook"), 1);
    assert_eq!(count(long(), "victim.exe: its address space"), 2);
    let verbose = TextSettings {
        verbose: true,
        ..long()
    };
    assert_eq!(count(verbose, "candidates: no hook"), 2);
}

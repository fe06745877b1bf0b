//! Dates of many forms.

use super::*;

/// The time in seconds, and what is left of the text.
fn seconds(text: &str) -> Option<(i64, &str)> {
    let mut cursor = Cursor(text.as_bytes());
    let stamp = Stamp::take(&mut cursor)?;
    let mut assumed = Assumed::new(Some(TimeZone::UTC), Some(2024));
    let ns = assumed.realtime_ns(stamp)?;
    assert_eq!(ns % 1000, 0);
    Some((ns / 1_000_000_000, str::from_utf8(cursor.0).unwrap()))
}

#[test]
fn forms_of_the_same_second() {
    let second = 1_716_704_260;
    for (text, rest) in [
        ("2024-05-26T06:17:40+00:00 h", " h"),
        ("2024-05-26T08:17:40.123456+02:00 h", " h"),
        ("2024-05-26T08:17:40+0200 h", " h"),
        ("2024-05-26T06:17:40,287197+00:00 x", " x"),
        ("2024-05-26 06:17:40 h", " h"),
        ("2024-05-26T06:17:40Z", ""),
        ("May 26 06:17:40 host", " host"),
        ("may 26 06:17:40 host", " host"),
        ("May 26 06:17:40.123456 host", " host"),
        ("May 26 2024 06:17:40 host", " host"),
        ("Sun May 26 06:17:40 2024", ""),
        ("Sun 2024-05-26 06:17:40 UTC host", " host"),
        ("Sun 2024-05-26 06:17:40 GMT host", " host"),
        ("So Mai 26 06:17:40 2024", ""),
        ("dim. mai 26 06:17:40 2024", ""),
        ("日 5月 26 06:17:40 2024", ""),
        ("1716704260.500000 host", " host"),
        ("1716704260 host", " host"),
    ] {
        assert_eq!(seconds(text), Some((second, rest)), "{text}");
    }
}

#[test]
fn what_is_no_date_is_not_taken() {
    for text in [
        "java invoked oom-killer",
        "Killed process 12 (java)",
        "DMA: 1*4kB",
        "12345 (java)",
        "oom-kill:constraint=CONSTRAINT_MEMCG",
        "May 99 06:17:40",
        "2024-05-26",
        "",
    ] {
        assert_eq!(Stamp::take(&mut Cursor(text.as_bytes())), None, "{text}");
    }
}

#[test]
fn a_year_or_zone_that_nobody_gave_is_not_made_up() {
    let stamp = Stamp::take(&mut Cursor(b"May 26 06:17:40 host")).unwrap();
    let zone = Some(TimeZone::UTC);
    assert_eq!(Assumed::new(zone.clone(), None).realtime_ns(stamp), None);
    assert_eq!(Assumed::new(None, Some(2024)).realtime_ns(stamp), None);
    assert!(Assumed::new(zone, Some(2024)).realtime_ns(stamp).is_some());
    let whole = Stamp::take(&mut Cursor(b"2024-05-26T06:17:40Z")).unwrap();
    assert!(Assumed::default().realtime_ns(whole).is_some());
    // What the text shows is kept.
    let told = |text: &str| {
        let mut line = Line::default();
        let stamp = Stamp::within(text.as_bytes()).unwrap();
        Assumed::default().stamp(&mut line, stamp);
        let shown = line.shown_time.map(|shown| shown.to_string());
        (line.realtime_ns.is_some(), shown)
    };
    for (text, shown) in [
        ("May  6 06:17:40 host", Some("05-06 06:17:40")),
        ("Wed Mar 13 11:16:48 2024", Some("2024-03-13 11:16:48")),
        ("x 16:02:24 y", None),
    ] {
        assert_eq!(told(text), (false, shown.map(str::to_owned)), "{text}");
    }
    assert_eq!(told("2024-05-26T06:17:40Z"), (true, None));
}

#[test]
fn january_follows_december() {
    let mut assumed = Assumed::new(Some(TimeZone::UTC), Some(2023));
    let mut at = |text: &str| {
        let stamp = Stamp::take(&mut Cursor(text.as_bytes())).unwrap();
        assumed.realtime_ns(stamp).unwrap() / 1_000_000_000
    };
    let december = at("Dec 31 23:59:59 h");
    assert_eq!(at("Jan  1 00:00:00 h"), december + 1);
}

#[test]
fn dates_of_foreign_order_are_dates() {
    for text in [
        "月 12日 24 16:02:24 2017",
        "ven. nov. 28 07:26:44 2025",
        "x 16:02:24 y",
    ] {
        assert!(Stamp::within(text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!(Stamp::within(b"  pid  "), None);
}

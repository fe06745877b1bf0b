//! Pages: what they say, how wide they are, and what cannot get into them.

use super::*;
use crate::model::OomKill;
use crate::render::{escape, fixture, json};

fn show(events: &[Event], settings: TextSettings) -> String {
    let mut text = Text::new(settings);
    let mut out = Vec::new();
    for event in events {
        text.render(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn kill(event: OomKill) -> Event {
    Event::OomKill(Box::new(event))
}

#[test]
fn look() {
    for (name, width, color, exact_bytes, verbose, ascii) in [
        ("80", 80, false, false, false, false),
        ("80c", 80, true, false, false, false),
        ("120c", 120, true, false, true, false),
        ("80b", 80, false, true, false, true),
    ] {
        let settings = TextSettings {
            width,
            color,
            exact_bytes,
            verbose,
            ascii,
            ..TextSettings::default()
        };
        let mut events = fixture::all();
        events.push(kill(fixture::hostile()));
        events.push(kill(fixture::huge(30, 20, 10)));
        std::fs::write(
            format!("/tmp/render-look-{name}.txt"),
            show(&events, settings),
        )
        .unwrap();
    }
    let _ = (escape::is_unsafe('a'), json::Json::full());
}

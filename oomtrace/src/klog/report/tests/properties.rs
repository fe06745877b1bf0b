//! What holds for any text.

use proptest::prelude::*;

use super::*;

/// Reports that are interleaved, told apart by the name of their host.
fn with_host(text: &str, host: &str) -> Vec<Line> {
    let mut lines = lines(text);
    for line in &mut lines {
        line.host = Some(host.as_bytes().to_vec());
    }
    lines
}

proptest! {
    #[test]
    fn any_interleaving_of_two_hosts_gives_both(order in prop::collection::vec(any::<bool>(), 200)) {
        let mut one = with_host(GROUP, "one").into_iter();
        let mut two = with_host(OLD, "two").into_iter();
        let mut mixed = Vec::new();
        for first in order {
            mixed.extend(if first { one.next() } else { two.next() });
        }
        mixed.extend(one);
        mixed.extend(two);
        let mut found: Vec<_> = read(&mixed)
            .iter()
            .map(|event| match event {
                Event::OomKill(kill) => (
                    kill.header.hostname.clone().unwrap(),
                    kill.victim.pid.unwrap(),
                    kill.candidates.len(),
                ),
                other => panic!("{other:?}"),
            })
            .collect();
        found.sort();
        prop_assert_eq!(
            found,
            [("one".to_owned(), 115, 0), ("one".to_owned(), 119, 0), ("two".to_owned(), 701, 2)]
        );
    }

    #[test]
    fn no_line_makes_it_panic(text in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..40)) {
        let lines: Vec<_> = text
            .into_iter()
            .map(|text| Line { text, ..Line::default() })
            .collect();
        read(&lines);
    }

    #[test]
    fn no_damaged_report_makes_it_panic(
        which in 0..4_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..30),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..5),
    ) {
        let text = [SIMPLE, OLD, GROUP, NEWLINE][which];
        let mut lines = lines(text);
        for (at, byte) in damage {
            let line = at.get(&lines).clone();
            let index = at.index(lines.len());
            let mut text = line.text.clone();
            if !text.is_empty() {
                let place = at.index(text.len());
                text[place] = byte;
            }
            lines[index].text = text;
        }
        for (at, length) in cuts {
            let index = at.index(lines.len());
            let kept = length.index(lines[index].text.len() + 1);
            lines[index].text.truncate(kept);
        }
        for event in read(&lines) {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(text.as_bytes()[0], b'{');
        }
    }
}

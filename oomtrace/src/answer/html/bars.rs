//! The limits, each as a bar: what filled it at the last kill, and what it would have had to be.

use super::markup::Markup;
use super::timeline::{line, text};
use crate::history::{Group, Holder, Kill, PartKind};
use crate::model::Bytes;
use crate::words::size;

const WIDTH: u64 = 1040;
const LEFT: u64 = 0;
const RIGHT: u64 = 190;
const ROW_HEIGHT: u64 = 58;
const BAR_HEIGHT: u64 = 18;

/// Limits that are drawn.
pub(super) const BARS_MAX: usize = 20;

/// The last kill of a group, if there is something to draw.
fn drawable(group: &Group) -> Option<&Kill> {
    group
        .latest()
        .filter(|kill| kill.limit_bytes.is_some() || !kill.parts.is_empty())
}

/// How many of these groups have a bar.
pub(super) fn count(groups: &[&Group]) -> usize {
    let drawn = groups.iter().filter(|group| drawable(group).is_some());
    drawn.count().min(BARS_MAX)
}

/// Which kinds of memory the bars of these groups show.
pub(super) fn kinds(groups: &[&Group]) -> Vec<PartKind> {
    let kills: Vec<&Kill> = groups
        .iter()
        .filter_map(|group| drawable(group))
        .take(BARS_MAX)
        .collect();
    let has = |kind| {
        kills
            .iter()
            .any(|kill| kill.parts.iter().any(|part| part.kind == kind))
    };
    PartKind::ALL
        .into_iter()
        .filter(|kind| has(*kind))
        .collect()
}

/// Draws the bars of the first groups.
pub(super) fn draw(markup: &mut Markup, groups: &[&Group], names: &[String]) {
    let rows: Vec<(&Group, &Kill, &String)> = groups
        .iter()
        .zip(names)
        .filter_map(|(group, name)| Some((*group, drawable(group)?, name)))
        .take(BARS_MAX)
        .collect();
    let height = ROW_HEIGHT * u64::try_from(rows.len()).unwrap_or(0);
    markup.open(
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg"),
            ("viewBox", &format!("0 0 {WIDTH} {height}")),
            ("role", "img"),
            ("aria-label", "Limits and what filled them"),
        ],
    );
    for (row, (group, kill, name)) in (0_u64..).zip(rows) {
        bar(markup, row * ROW_HEIGHT, group, kill, name);
    }
    markup.close();
}

fn bar(markup: &mut Markup, top: u64, group: &Group, kill: &Kill, name: &str) {
    let y = signed(top);
    let needed = group.needed().configured_bytes.map(|bytes| bytes.0);
    let limit = kill.limit_bytes.map(|bytes| bytes.0);
    let whole = kill.whole_bytes().0;
    let scale = whole
        .max(limit.unwrap_or(0))
        .max(needed.unwrap_or(0))
        .max(1);
    let kills = match group.kills {
        1 => "1 kill".to_owned(),
        many => format!("{many} kills"),
    };
    let short: String = name.chars().take(110).collect();
    text(
        markup,
        "",
        (signed(LEFT), y + 14),
        "start",
        &format!("{short}: {kills}"),
    );
    let bar_y = top + 24;
    let room = WIDTH - LEFT - RIGHT;
    let at = |bytes: u64| {
        let at = u128::from(bytes) * u128::from(room) / u128::from(scale);
        LEFT + u64::try_from(at).unwrap_or(room)
    };
    rectangle(
        markup,
        "track",
        LEFT,
        bar_y,
        at(limit.unwrap_or(whole)) - LEFT,
        None,
    );
    let mut end = 0_u64;
    for part in &kill.parts {
        let start = end;
        end = end.saturating_add(part.bytes.0);
        let (from, to) = (at(start.min(scale)), at(end.min(scale)));
        let title = format!("{}: {}", part.kind.name(), size(part.bytes));
        rectangle(
            markup,
            part.kind.word(),
            from,
            bar_y,
            to - from,
            Some(&title),
        );
    }
    if let Some(needed) = needed {
        rectangle(markup, "need", LEFT, bar_y - 2, at(needed) - LEFT, None);
    }
    if let Some(limit) = limit {
        let x = signed(at(limit));
        let (from, to) = (signed(bar_y) - 4, signed(bar_y + BAR_HEIGHT) + 4);
        line(markup, "edge", (x, from), (x, to));
    }
    let what = match kill.holder {
        Holder::Node => "memory",
        Holder::Limit(_) | Holder::Unknown => "limit",
    };
    let mut words = limit.map_or_else(
        || "limit not known".to_owned(),
        |limit| format!("{what} {}", size(Bytes(limit))),
    );
    if let Some(needed) = needed {
        words.push_str(&format!(", caps {}", size(Bytes(needed))));
    }
    if kill.parts.is_empty() {
        words.push_str(", filled by ?");
    }
    let right = (signed(WIDTH), signed(bar_y) + 14);
    text(markup, "dim", right, "end", &words);
}

fn rectangle(
    markup: &mut Markup,
    class: &'static str,
    x: u64,
    y: u64,
    width: u64,
    title: Option<&str>,
) {
    markup.open(
        "rect",
        &[
            ("class", class),
            ("x", &x.to_string()),
            ("y", &y.to_string()),
            ("width", &width.to_string()),
            (
                "height",
                &(if class == "need" {
                    BAR_HEIGHT + 4
                } else {
                    BAR_HEIGHT
                })
                .to_string(),
            ),
        ],
    );
    if let Some(title) = title {
        markup.leaf("title", &[], title);
    }
    markup.close();
}

fn signed(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(0)
}

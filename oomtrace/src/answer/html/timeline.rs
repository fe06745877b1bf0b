//! When which owner was hit: a lane for each, a dot for the kills of a moment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::time::utc;
use super::markup::Markup;
use crate::history::{Group, Kill};

const WIDTH: i64 = 1040;
const LABEL_WIDTH: i64 = 250;
const LANE_HEIGHT: i64 = 26;
const LANES_MAX: usize = 12;
const LABEL_CHARS: usize = 36;

/// Kills whose moment is kept, the latest ones.
const POINTS_MAX: usize = 50_000;

/// Tick distances in seconds.
const STEPS: [i64; 17] = [
    1, 5, 10, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000,
    7_776_000, 31_536_000,
];

/// When kills were, and whose.
#[derive(Debug, Default)]
pub(super) struct Points {
    points: std::collections::VecDeque<(Timestamp, u32)>,
    /// Owners by name and host, with a number each.
    owners: BTreeMap<(Option<String>, Option<String>), u32>,
}

impl Points {
    /// Takes a kill in, if its time is known.
    pub(super) fn add(&mut self, kill: &Kill) {
        let Some(time) = kill.time else { return };
        let next = u32::try_from(self.owners.len()).unwrap_or(u32::MAX);
        let key = (kill.owner.clone(), kill.host.clone());
        let number = if self.owners.len() < POINTS_MAX {
            *self.owners.entry(key).or_insert(next)
        } else {
            self.owners.get(&key).copied().unwrap_or(u32::MAX)
        };
        if self.points.len() == POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back((time, number));
    }

    fn number(&self, group: &Group) -> Option<u32> {
        let key = (group.name.clone(), group.host.clone());
        self.owners.get(&key).copied()
    }
}

/// Draws the lanes of these owners (the first ones), and one of all others.
pub(super) fn draw(markup: &mut Markup, points: &Points, groups: &[&Group], names: &[String]) {
    let times = points.points.iter().map(|(time, _)| time.as_second());
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
        return;
    };
    // Owners whose kills have no known times have no lane.
    let drawn: Vec<(u32, &String)> = groups
        .iter()
        .zip(names)
        .filter_map(|(group, name)| Some((points.number(group)?, name)))
        .take(LANES_MAX)
        .collect();
    let lanes: BTreeMap<u32, usize> = drawn
        .iter()
        .enumerate()
        .map(|(lane, (number, _))| (*number, lane))
        .collect();
    let own_lanes = drawn.len();
    let lane_of = |number: u32| lanes.get(&number).copied().unwrap_or(own_lanes);
    let has_others = points
        .points
        .iter()
        .any(|(_, number)| lane_of(*number) == own_lanes);
    let lane_count = own_lanes + usize::from(has_others);
    let bottom = LANE_HEIGHT * i64::try_from(lane_count).unwrap_or(1) + 6;
    let axis = Axis::new(first, last);

    markup.open(
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg"),
            ("viewBox", &format!("0 0 {WIDTH} {}", bottom + 24)),
            ("role", "img"),
            ("aria-label", "Timeline of kills"),
        ],
    );
    for (at, label) in axis.ticks() {
        line(markup, "grid", (at, 0), (at, bottom));
        text(markup, "dim", (at, bottom + 17), "middle", &label);
    }
    for lane in 0..lane_count {
        let y = middle(lane);
        let name = drawn.get(lane).map_or("all others", |(_, name)| name);
        line(markup, "grid", (LABEL_WIDTH, y), (WIDTH - 10, y));
        text(markup, "", (0, y + 4), "start", &shorten(name));
    }
    let mut dots: BTreeMap<(usize, i64), (u64, Timestamp)> = BTreeMap::new();
    for (time, number) in &points.points {
        let key = (lane_of(*number), axis.at(time.as_second()));
        dots.entry(key).or_insert((0, *time)).0 += 1;
    }
    for ((lane, x), (kills, time)) in dots {
        let radius = 4 + i64::from(kills.ilog2());
        markup.open(
            "circle",
            &[
                ("class", "dot"),
                ("cx", &x.to_string()),
                ("cy", &middle(lane).to_string()),
                ("r", &radius.min(11).to_string()),
            ],
        );
        let kills = match kills {
            1 => "1 kill".to_owned(),
            many => format!("{many} kills from here on"),
        };
        markup.leaf("title", &[], &format!("{} UTC: {kills}", utc(time)));
        markup.close();
    }
    markup.close();
}

fn middle(lane: usize) -> i64 {
    LANE_HEIGHT * i64::try_from(lane).unwrap_or(0) + LANE_HEIGHT / 2
}

/// The part of the picture that shows time.
struct Axis {
    first: i64,
    seconds: i64,
}

impl Axis {
    fn new(first: i64, last: i64) -> Self {
        Self {
            first,
            seconds: last.saturating_sub(first).max(1),
        }
    }

    fn at(&self, second: i64) -> i64 {
        let room = i128::from(WIDTH - LABEL_WIDTH - 50);
        let at = i128::from(second - self.first) * room / i128::from(self.seconds);
        LABEL_WIDTH + 20 + i64::try_from(at).unwrap_or(0)
    }

    /// Round moments, at most eight.
    fn ticks(&self) -> Vec<(i64, String)> {
        let step = STEPS
            .into_iter()
            .find(|step| self.seconds / step < 8)
            .unwrap_or(31_536_000);
        let format = match step {
            0..60 => "%H:%M:%S",
            60..43_200 => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        };
        let start = (self.first + step - 1).div_euclid(step) * step;
        (0..9)
            .map(|tick| start + tick * step)
            .take_while(|second| *second <= self.first + self.seconds)
            .filter_map(|second| {
                let time = Timestamp::from_second(second).ok()?;
                let label = time.to_zoned(TimeZone::UTC).strftime(format).to_string();
                Some((self.at(second), label))
            })
            .collect()
    }
}

fn shorten(name: &str) -> String {
    let name = crate::render::escape::escape(name);
    if name.chars().count() <= LABEL_CHARS {
        return name.into_owned();
    }
    let head: String = name.chars().take(LABEL_CHARS - 1).collect();
    format!("{head}…")
}

/// A line of the picture.
pub(super) fn line(markup: &mut Markup, class: &'static str, from: (i64, i64), to: (i64, i64)) {
    markup.empty(
        "line",
        &[
            ("class", class),
            ("x1", &from.0.to_string()),
            ("y1", &from.1.to_string()),
            ("x2", &to.0.to_string()),
            ("y2", &to.1.to_string()),
        ],
    );
}

/// Text in the picture.
pub(super) fn text(
    markup: &mut Markup,
    class: &'static str,
    at: (i64, i64),
    anchor: &'static str,
    words: &str,
) {
    markup.leaf(
        "text",
        &[
            ("class", class),
            ("x", &at.0.to_string()),
            ("y", &at.1.to_string()),
            ("text-anchor", anchor),
        ],
        words,
    );
}

//! The page as a whole.

use super::super::time::utc;
use super::super::top::name;
use super::collect::{LISTED_MAX, Report};
use super::markup::Markup;
use super::{bars, table, timeline};
use crate::history::{Flaws, Group};

const SHEET: &str = include_str!("style.css");

/// Nothing is loaded and no script runs, whatever a name might hold.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page: the same for the same events.
#[must_use]
pub fn page(report: &Report, flaws: &Flaws) -> String {
    let owners = report.owners.groups();
    let limits = report.limits.groups();
    let hosts = report.owners.hosts();
    let with_host = hosts.len() > 1;
    let names = |groups: &[&Group]| -> Vec<String> {
        groups.iter().map(|group| name(group, with_host)).collect()
    };
    let title = match (hosts.first(), hosts.len()) {
        (Some(host), 1) => format!("OOM kills on {host}"),
        (_, 0) => "OOM kills".to_owned(),
        (_, many) => format!("OOM kills on {many} hosts"),
    };

    let mut markup = Markup::begin("<!DOCTYPE html>");
    markup.open(
        "html",
        &[("xmlns", "http://www.w3.org/1999/xhtml"), ("lang", "en")],
    );
    markup.open("head", &[]);
    markup.empty("meta", &[("charset", "utf-8")]);
    markup.empty(
        "meta",
        &[
            ("http-equiv", "Content-Security-Policy"),
            ("content", POLICY),
        ],
    );
    markup.empty(
        "meta",
        &[
            ("name", "viewport"),
            ("content", "width=device-width, initial-scale=1"),
        ],
    );
    markup.empty(
        "meta",
        &[("name", "color-scheme"), ("content", "light dark")],
    );
    markup.leaf("title", &[], &title);
    markup.style(SHEET);
    markup.close();
    markup.open("body", &[]);
    markup.open("main", &[]);
    markup.open("header", &[]);
    markup.leaf("h1", &[], &title);
    markup.leaf("p", &[("class", "sub")], &period(report.owners.all()));
    markup.close();
    tiles(&mut markup, report, owners.len());

    let owner_names = names(&owners);
    if report.owners.all().first.is_some() {
        section(
            &mut markup,
            "When",
            "A dot for each kill, larger for several at nearly the same time. Times are UTC.",
        );
        timeline::draw(&mut markup, &report.points, &owners, &owner_names);
        markup.close();
    }
    section(
        &mut markup,
        "Limits, and what filled them",
        "As of the last kill by each limit. The line is the limit; the dashed frame is the sum of the caps \
         that the victim's runtime was configured with, where that is more than the limit.",
    );
    legend(&mut markup, &limits);
    bars::draw(&mut markup, &limits, &names(&limits));
    more(&mut markup, limits.len(), bars::count(&limits), "limits");
    markup.close();

    section(
        &mut markup,
        "Who was killed most",
        "What a limit would have had to be is concluded from the events' own figures: what was charged and \
         asked for at the last ten kills at most, and configured caps. How much more would have been wanted \
         later, no event can say.",
    );
    table::owners(&mut markup, &owners, &owner_names);
    more(&mut markup, owners.len(), table::OWNERS_MAX, "owners");
    markup.close();

    section(&mut markup, "Each kill", "The latest first.");
    table::kills(&mut markup, report.latest.iter().rev(), with_host);
    let kills = usize::try_from(report.owners.all().kills).unwrap_or(usize::MAX);
    more(&mut markup, kills, LISTED_MAX, "kills");
    markup.close();
    footer(&mut markup, report, flaws);
    markup.finish()
}

/// Opens a section.
fn section(markup: &mut Markup, title: &str, note: &str) {
    markup.open("section", &[]);
    markup.leaf("h2", &[], title);
    markup.leaf("p", &[("class", "note")], note);
}

fn more(markup: &mut Markup, all: usize, shown: usize, things: &str) {
    if all > shown {
        let text = format!(
            "{} more {things} are counted, but not shown here.",
            all - shown
        );
        markup.leaf("p", &[("class", "note")], &text);
    }
}

fn period(all: &Group) -> String {
    match (all.first, all.last) {
        (Some(first), Some(last)) if first == last => format!("{} UTC", utc(first)),
        (Some(first), Some(last)) => format!("{} to {} UTC", utc(first), utc(last)),
        _ => "at times that are not known".to_owned(),
    }
}

fn tiles(markup: &mut Markup, report: &Report, owners: usize) {
    let all = report.owners.all();
    markup.open("div", &[("class", "tiles")]);
    let mut tile = |number: String, what: &str, is_bad: bool| {
        let class = if is_bad { "tile bad" } else { "tile" };
        markup.open("div", &[("class", class)]);
        markup.leaf("b", &[], &number);
        markup.leaf("span", &[], what);
        markup.close();
    };
    tile(
        all.kills.to_string(),
        plural(all.kills, "kill", "kills"),
        false,
    );
    tile(
        all.incidents.to_string(),
        plural(all.incidents, "incident", "incidents"),
        false,
    );
    let owners = u64::try_from(owners).unwrap_or(u64::MAX);
    tile(owners.to_string(), plural(owners, "owner", "owners"), false);
    if report.no_victims > 0 {
        tile(
            report.no_victims.to_string(),
            "times nobody could be killed",
            false,
        );
    }
    if report.by_user_space > 0 {
        tile(
            report.by_user_space.to_string(),
            "by user-space OOM killers",
            false,
        );
    }
    match report.missed {
        (_, 0) => {}
        (least, most) if least == most => tile(most.to_string(), "kills missed", true),
        (least, most) => tile(format!("{least}–{most}"), "kills missed", true),
    }
    markup.close();
}

const fn plural(number: u64, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

fn legend(markup: &mut Markup, limits: &[&Group]) {
    markup.open("div", &[("class", "legend")]);
    let mut key = |class: &str, words: &str| {
        markup.open("span", &[]);
        markup.leaf("span", &[("class", &format!("key {class}"))], "");
        markup.text(words);
        markup.close();
    };
    for kind in bars::kinds(limits) {
        key(kind.word(), kind.name());
    }
    key("edge", "limit");
    let has_caps = limits
        .iter()
        .take(bars::BARS_MAX)
        .any(|group| group.needed().configured_bytes.is_some());
    if has_caps {
        key("need", "configured caps");
    }
    markup.close();
}

fn footer(markup: &mut Markup, report: &Report, flaws: &Flaws) {
    markup.open("footer", &[]);
    let version = report.tracer.as_ref().map_or("", |tracer| &tracer.version);
    let made =
        format!("Made by oomtrace from events of oomtrace {version}. It holds no command lines.");
    markup.leaf("p", &[], &made);
    for sentence in flaws.sentences() {
        markup.leaf("p", &[], &format!("Not complete: {sentence}."));
    }
    markup.close();
}

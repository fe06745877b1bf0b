//! The tables: who was killed most, and each kill.

use super::super::sentence;
use super::super::time::utc;
use super::markup::Markup;
use crate::history::{Group, Kill};
use crate::words::size;

/// Owners that are shown.
pub(super) const OWNERS_MAX: usize = 20;

fn head(markup: &mut Markup, columns: &[(&str, bool)]) {
    markup.open("thead", &[]);
    markup.open("tr", &[]);
    for (name, is_number) in columns {
        let class = if *is_number { "number" } else { "name" };
        markup.leaf("th", &[("class", class), ("scope", "col")], name);
    }
    markup.close();
    markup.close();
}

fn cell(markup: &mut Markup, class: &'static str, text: &str) {
    markup.leaf("td", &[("class", class)], text);
}

fn more(markup: &mut Markup, columns: &str, sentences: &[String], change: Option<&str>) {
    markup.open("tr", &[("class", "more")]);
    markup.open("td", &[("colspan", columns)]);
    for sentence in sentences {
        markup.leaf("p", &[], sentence);
    }
    if let Some(change) = change {
        markup.leaf("p", &[("class", "change")], &format!("→ {change}"));
    }
    markup.close();
    markup.close();
}

/// Who was killed most.
pub(super) fn owners(markup: &mut Markup, groups: &[&Group], names: &[String]) {
    markup.open("div", &[("class", "scroll")]);
    markup.open("table", &[]);
    head(
        markup,
        &[
            ("Owner", false),
            ("Kills", true),
            ("First (UTC)", false),
            ("Last (UTC)", false),
            ("Limit", true),
            ("Filled by, at the last kill", false),
        ],
    );
    markup.open("tbody", &[]);
    for (group, name) in groups.iter().zip(names).take(OWNERS_MAX) {
        let Some(kill) = group.latest() else { continue };
        markup.open("tr", &[("class", "has-more")]);
        cell(markup, "name", name);
        cell(markup, "number", &group.kills.to_string());
        cell(markup, "time", &group.first.map_or_else(unknown, utc));
        cell(markup, "time", &group.last.map_or_else(unknown, utc));
        cell(
            markup,
            "number",
            &kill.limit_bytes.map_or_else(unknown, size),
        );
        cell(
            markup,
            "name",
            &sentence::filled(kill).unwrap_or_else(unknown),
        );
        markup.close();
        let mut sentences = Vec::new();
        sentences.extend(group.restart_loop().map(sentence::restart_loop));
        sentences.extend(sentence::needed(group));
        let sentences: Vec<String> = sentences.iter().map(|text| capitalized(text)).collect();
        more(markup, "6", &sentences, kill.change.as_deref());
    }
    markup.close();
    markup.close();
    markup.close();
}

/// Each kill, the latest first.
pub(super) fn kills<'a>(
    markup: &mut Markup,
    kills: impl Iterator<Item = &'a Kill>,
    with_host: bool,
) {
    markup.open("div", &[("class", "scroll")]);
    markup.open("table", &[]);
    let mut columns = vec![("Time (UTC)", false)];
    if with_host {
        columns.push(("Host", false));
    }
    columns.extend([
        ("Victim", false),
        ("Pid", true),
        ("Whose limit", false),
        ("Limit", true),
        ("Filled by", false),
    ]);
    head(markup, &columns);
    let span = columns.len().to_string();
    markup.open("tbody", &[]);
    for kill in kills {
        markup.open("tr", &[("class", "has-more")]);
        let log_time = || kill.log_time.clone().unwrap_or_else(unknown);
        cell(markup, "time", &kill.time.map_or_else(log_time, utc));
        if with_host {
            cell(markup, "name", kill.host.as_deref().unwrap_or("–"));
        }
        cell(markup, "name", kill.comm.as_deref().unwrap_or("–"));
        let pid = kill.pid.map_or_else(unknown, |pid| pid.to_string());
        cell(markup, "number", &pid);
        cell(markup, "name", &kill.short_holder);
        cell(
            markup,
            "number",
            &kill.limit_bytes.map_or_else(unknown, size),
        );
        cell(
            markup,
            "name",
            &sentence::filled(kill).unwrap_or_else(unknown),
        );
        markup.close();
        more(markup, &span, std::slice::from_ref(&kill.message), None);
    }
    markup.close();
    markup.close();
    markup.close();
}

fn unknown() -> String {
    "–".to_owned()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

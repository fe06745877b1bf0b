//! Who dies most, as text and as JSON.

use serde::Serialize;

use super::sentence;
use super::time::Times;
use crate::history::{By, Group, Kill, Top};
use crate::render::escape::escape;
use crate::words::size;

const INDENT: usize = 7;
const LIMIT_COLUMNS: usize = 10;

/// Text of so many groups at most.
#[must_use]
pub fn text(top: &Top, by: By, count: usize, times: Times, width: usize) -> String {
    let name_columns = width
        .saturating_sub(INDENT + times.columns() + LIMIT_COLUMNS + 2)
        .max(12);
    let mut out = format!(
        "KILLS  {:<name_columns$} {:<time_columns$} {:>LIMIT_COLUMNS$}\n",
        heading(by),
        "LAST",
        "LIMIT",
        time_columns = times.columns(),
    );
    let groups = top.groups();
    for group in groups.iter().take(count) {
        let limit = group.latest().and_then(|kill| kill.limit_bytes);
        let last = group.latest().map_or_else(String::new, |kill| {
            let time = group.last.or(kill.time);
            times.best(time, kill.log_time.as_deref(), kill.since_boot_us)
        });
        let name = name(group, top.hosts().len() > 1);
        let line = format!(
            "{:>5}  {} {:<time_columns$} {:>LIMIT_COLUMNS$}",
            group.kills,
            cut(&escape(&name), name_columns),
            escape(&last),
            limit.map_or_else(|| "-".to_owned(), size),
            time_columns = times.columns(),
        );
        out.push_str(line.trim_end());
        out.push('\n');
        for sentence in sentences(group) {
            wrap(&escape(&sentence), width, &mut out);
        }
    }
    let more: u64 = groups.iter().skip(count).map(|group| group.kills).sum();
    let left = groups.len().saturating_sub(count);
    if left > 0 {
        out.push_str(&format!("{more:>5}  in {left} more (-n shows more)\n"));
    }
    if top.rest().kills > 0 {
        out.push_str(&format!("{:>5}  {}\n", top.rest().kills, rest(by)));
    }
    out
}

/// One line of JSON a group.
#[must_use]
pub fn json(top: &Top, count: usize) -> String {
    let mut out = String::new();
    for group in top.groups().iter().take(count) {
        if let Ok(line) = serde_json::to_string(&Row::of(group)) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// A group's line of JSON. `docs/history.md` says what each means.
#[derive(Serialize)]
struct Row<'a> {
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    kills: u64,
    incidents: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filled_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filled_by_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needed_above_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configured_bytes: Option<u64>,
    needed_by_kills: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_loop: Option<LoopRow>,
}

#[derive(Serialize)]
struct LoopRow {
    kills: u32,
    lasted_us: u64,
    interval_us: u64,
    ran_mean_us: u64,
}

impl<'a> Row<'a> {
    fn of(group: &'a Group) -> Self {
        let latest = group.latest();
        let part = latest.and_then(Kill::largest_part);
        let needed = group.needed();
        Self {
            name: group.name.as_deref(),
            hostname: group.host.as_deref(),
            kills: group.kills,
            incidents: group.incidents,
            first_timestamp: group.first.map(|time| time.to_string()),
            last_timestamp: group.last.map(|time| time.to_string()),
            last_event_id: latest.and_then(|kill| kill.id.as_deref()),
            limit_bytes: latest
                .and_then(|kill| kill.limit_bytes)
                .map(|bytes| bytes.0),
            filled_by: part.map(|part| part.kind.word()),
            filled_by_bytes: part.map(|part| part.bytes.0),
            needed_above_bytes: needed.bytes().map(|bytes| bytes.0),
            in_use_bytes: needed.in_use_bytes.map(|bytes| bytes.0),
            configured_bytes: needed.configured_bytes.map(|bytes| bytes.0),
            needed_by_kills: group.needed_by(),
            restart_loop: group.restart_loop().map(|found| LoopRow {
                kills: found.kills,
                lasted_us: found.lasted_us,
                interval_us: found.interval_us(),
                ran_mean_us: found.ran_mean_us(),
            }),
        }
    }
}

/// A group's name, with its host where there are several.
pub(super) fn name(group: &Group, with_host: bool) -> String {
    let name = group.name.as_deref().unwrap_or("?");
    match &group.host {
        Some(host) if with_host => format!("{name} on {host}"),
        _ => name.to_owned(),
    }
}

/// What is to be said of a group beside its figures.
pub(super) fn sentences(group: &Group) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(kill) = group.latest()
        && let Some(filled) = sentence::filled(kill)
    {
        let comm = kill.comm.as_deref().unwrap_or("a process");
        sentences.push(format!("filled by: {filled} when {comm} was killed last"));
    }
    sentences.extend(group.restart_loop().map(sentence::restart_loop));
    sentences.extend(sentence::needed(group));
    if group.incidents < group.kills {
        sentences.push(match group.incidents {
            1 => "all in one incident".to_owned(),
            many => format!("in {many} incidents"),
        });
    }
    sentences
}

const fn heading(by: By) -> &'static str {
    match by {
        By::Owner => "OWNER",
        By::Image => "IMAGE",
        By::Unit => "UNIT",
        By::Limit => "WHOSE LIMIT",
    }
}

const fn rest(by: By) -> &'static str {
    match by {
        By::Owner => "whose owner and cgroup are not known",
        By::Image => "whose image is not known, or that were in no container",
        By::Unit => "that were in no systemd unit, as far as known",
        By::Limit => "whose limit is not known",
    }
}

fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return format!("{text:<columns$}");
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn wrap(text: &str, width: usize, out: &mut String) {
    let room = width.saturating_sub(INDENT).max(20);
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            out.push_str(&format!("{:INDENT$}{line}\n", ""));
            line.clear();
            line.push_str("  ");
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&format!("{:INDENT$}{line}\n", ""));
}

//! Numbers in sentences, and how figures are written.

use serde_json::Value;

/// Fields whose values are names: somebody else's words, that may hold digits.
const NAMES: [&str; 14] = [
    "comm",
    "cgroup_path",
    "group_cgroup_path",
    "container_name",
    "container_id",
    "namespace",
    "pod_name",
    "pod_uid",
    "unit",
    "zone",
    "killer",
    "module",
    "function",
    "location",
];

/// Units that belong to the number before them.
const UNITS: [&str; 13] = [
    "byte", "bytes", "KiB", "MiB", "GiB", "TiB", "µs", "ms", "s", "min", "h", "d", "%",
];

/// Words of oomtrace's own that hold digits and are no figures.
const WORDS: [&str; 3] = ["Node 20", "64-bit", "JDKs before 25"];

/// The names in an event, longest first.
pub(super) fn names(event: &Value) -> Vec<String> {
    let mut found: Vec<String> = WORDS.iter().map(|&word| word.to_owned()).collect();
    collect(event, &mut found);
    found.sort_by_key(|name| std::cmp::Reverse(name.len()));
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    // The unit of a figure is no systemd unit.
                    Value::Array(_) if key == "evidence" => {}
                    Value::String(_) if key == "unit" && map.contains_key("value") => {}
                    Value::String(text) if NAMES.contains(&key.as_str()) => variants(text, found),
                    other => collect(other, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// A name, and what is said of it where it is long.
fn variants(text: &str, found: &mut Vec<String>) {
    if text.len() > 1 || !text.chars().all(|c| c.is_ascii_digit()) {
        found.push(text.to_owned());
    }
    if let Some((stem, _)) = text.rsplit_once('.') {
        found.push(stem.to_owned());
    }
    if let Some(uid) = text
        .strip_prefix("user-")
        .and_then(|rest| rest.strip_suffix(".slice"))
    {
        found.push(format!("user {uid}"));
    }
    for part in text.split(['/', '-', '.', '_', ':']) {
        if part.len() >= 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            found.push(part.to_owned());
            found.push(part[..12].to_owned());
        }
    }
}

/// The numbers of a sentence, each with its unit where it has one.
pub(super) fn figures(said: &str, names: &[String]) -> Vec<String> {
    let mut said = said.to_owned();
    for name in names.iter().filter(|name| !name.is_empty()) {
        said = said.replace(name.as_str(), "NAME");
    }
    let words: Vec<&str> = said
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| "();:,.".contains(c)))
        .collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let digits = word.strip_prefix('-').unwrap_or(word);
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        match words.get(at + 1).copied().unwrap_or_default() {
            unit if UNITS.contains(&unit) => {
                found.push(format!("{word} {unit}"));
            }
            _ => found.push((*word).to_owned()),
        }
    }
    found
}

/// How a figure may be written.
pub(super) fn forms(value: i64, unit: &str) -> Vec<String> {
    match unit {
        "bytes" => vec![amount(value), kib(value)],
        // In a sentence each part of a time is a figure.
        "microseconds" => {
            let whole = time(value);
            let words: Vec<&str> = whole.split(' ').collect();
            words.chunks(2).map(|pair| pair.join(" ")).collect()
        }
        "percent" => vec![format!("{value} %")],
        _ => vec![value.to_string()],
    }
}

/// With the largest unit of which there is at least one, and one decimal where it is no whole number
/// of it: by way of a decimal fraction, not by whole numbers as oomtrace does it.
pub(super) fn amount(bytes: i64) -> String {
    if bytes < 1024 {
        return format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
    }
    let (mut name, mut amount) = ("bytes", bytes as f64);
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if (amount * 10.0 + 0.5).floor() < 10_240.0 {
            break;
        }
        (name, amount) = (larger, amount / 1024.0);
    }
    if amount.fract() == 0.0 {
        return format!("{amount} {name}");
    }
    format!("{:.1} {name}", (amount * 10.0 + 0.5).floor() / 10.0)
}

/// Whole KiB, in groups of three digits.
fn kib(bytes: i64) -> String {
    let kib = bytes / 1024;
    let mut groups = Vec::new();
    let mut rest = kib;
    while rest >= 1000 {
        groups.push(format!("{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.push(rest.to_string());
    groups.reverse();
    format!("{} KiB", groups.join(","))
}

/// Two parts where a time is long, one decimal where it is short, rounded down.
fn time(us: i64) -> String {
    let pair = |long: i64, short: i64, units: [&str; 2]| match short {
        0 => format!("{long} {}", units[0]),
        _ => format!("{long} {} {short} {}", units[0], units[1]),
    };
    let seconds = us / 1_000_000;
    match seconds {
        0 if us < 1000 => format!("{us} µs"),
        0 => format!("{}.{} ms", us / 1000, us / 100 % 10),
        1..120 => format!("{seconds}.{} s", us / 100_000 % 10),
        120..7200 => pair(seconds / 60, seconds % 60, ["min", "s"]),
        7200..172_800 => pair(seconds / 3600, seconds / 60 % 60, ["h", "min"]),
        _ => pair(seconds / 86_400, seconds / 3600 % 24, ["d", "h"]),
    }
}

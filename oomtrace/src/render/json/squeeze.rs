//! The last resort against long lines: every text and every list held at a length.
//!
//! The ordered trimming of [`super::trim`] is enough for what kernels and containers produce. Paths
//! of 5,000 bytes or lists out of a foreign file need this.

use serde_json::Value;

use super::format::encoded_len;
use crate::model::Event;

/// Longest texts (in encoded bytes) and lists, tried in this order.
const CAPS: [(usize, usize); 4] = [(1024, 64), (256, 16), (96, 4), (66, 1)];

/// `event` in at most `limit` bytes, or as near as the smallest caps bring it.
pub(super) fn to_fit(event: Event, limit: usize) -> Result<Event, serde_json::Error> {
    let mut event = event;
    for (text_bytes, items) in CAPS {
        if encoded_len(&event) <= limit {
            break;
        }
        // By way of text: a second way in and out of values would be 100 KB of code for this rare case.
        let mut value: Value = serde_json::from_slice(&serde_json::to_vec(&event)?)?;
        let mut cut = Vec::new();
        squeeze(&mut value, "", text_bytes, items, &mut cut);
        event = typed(&event, &value)?;
        if let Event::OomKill(kill) = &mut event {
            for name in cut {
                if !kill.truncated.contains(&name) {
                    kill.truncated.push(name);
                }
            }
            kill.truncated.truncate(items.max(16));
        }
    }
    Ok(event)
}

fn squeeze(value: &mut Value, path: &str, text: usize, items: usize, cut: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, value| {
                let path = join(path, key);
                // Half of a hexadecimal copy is a copy of something else.
                if key.ends_with("_hex") && encoded_len(value) > text {
                    note(cut, path);
                    return false;
                }
                squeeze(value, &path, text, items, cut);
                true
            });
        }
        Value::Array(list) => {
            if list.len() > items && path != "truncated" {
                list.truncate(items);
                note(cut, path.to_owned());
            }
            for item in list {
                squeeze(item, path, text, items, cut);
            }
        }
        Value::String(string) if encoded_len(string) > text + 2 => {
            *string = middle_cut(string, text);
            note(cut, path.to_owned());
        }
        _ => {}
    }
}

fn note(cut: &mut Vec<String>, path: String) {
    if path != "truncated" && !cut.contains(&path) {
        cut.push(path);
    }
}

/// Both ends of `text`, in at most `bytes` encoded bytes.
pub(super) fn middle_cut(text: &str, bytes: usize) -> String {
    const DOTS: &str = "…";
    let half = bytes.saturating_sub(DOTS.len()) / 2;
    let take = |chars: &mut dyn Iterator<Item = char>| {
        let mut used = 0;
        let mut taken = Vec::new();
        for c in chars {
            used += encoded_len(&c).saturating_sub(2);
            if used > half {
                break;
            }
            taken.push(c);
        }
        taken
    };
    let head = take(&mut text.chars());
    let tail = take(&mut text.chars().rev());
    let mut out: String = head.into_iter().collect();
    out.push_str(DOTS);
    out.extend(tail.into_iter().rev());
    out
}

/// A key's place in the event, with dots.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// `value` as an event of the kind of `like`.
pub(super) fn typed(like: &Event, value: &Value) -> Result<Event, serde_json::Error> {
    let text = serde_json::to_vec(value)?;
    Ok(match like {
        Event::OomKill(_) => Event::OomKill(serde_json::from_slice(&text)?),
        Event::OomOutcome(_) => Event::OomOutcome(serde_json::from_slice(&text)?),
        Event::OomNoVictim(_) => Event::OomNoVictim(serde_json::from_slice(&text)?),
        Event::Gap(_) => Event::Gap(serde_json::from_slice(&text)?),
        Event::UserspaceOomKill(_) => Event::UserspaceOomKill(serde_json::from_slice(&text)?),
    })
}

//! The last resort against long lines: every text and every list held at a length.
//!
//! The ordered trimming of [`super::trim`] is enough for what kernels and containers produce. Paths
//! of 5,000 bytes or lists out of a foreign file need this.

use super::format::encoded_len;
use super::node::Node;

/// Longest texts (in encoded bytes) and lists, tried in this order.
const CAPS: [(usize, usize); 4] = [(1024, 64), (256, 16), (96, 4), (66, 1)];

/// The field that names what was trimmed; kills have it.
const TRUNCATED: &str = "truncated";

/// Squeezes `event` to at most `limit` bytes, or as near to it as the smallest caps bring it.
pub(super) fn to_fit(event: &mut Node<'_>, is_kill: bool, limit: usize) {
    for (text_bytes, items) in CAPS {
        if event.bytes() <= limit {
            break;
        }
        let mut cut = Vec::new();
        squeeze(event, "", text_bytes, items, &mut cut);
        if is_kill {
            for name in cut {
                note(event, &name);
            }
            event.edit(&[TRUNCATED], |names| {
                names.edit_items(|names| names.truncate(items.max(16)))
            });
        }
    }
}

/// Adds `name` to what was trimmed, if it is not there.
pub(super) fn note(kill: &mut Node<'_>, name: &str) {
    let name = Node::string(name);
    match kill.get(TRUNCATED) {
        Some(names) if names.items().contains(&name) => {}
        Some(_) => {
            kill.edit(&[TRUNCATED], |names| {
                names.edit_items(|names| names.push(name))
            });
        }
        None => kill.insert_before("lost_records", TRUNCATED, Node::list(vec![name])),
    }
}

fn squeeze(node: &mut Node<'_>, path: &str, text: usize, items: usize, cut: &mut Vec<String>) {
    for key in node.sorted_keys() {
        let path = join(path, key);
        // Half of a hexadecimal copy is a copy of something else.
        if key.ends_with("_hex") && node.get(key).is_some_and(|hex| hex.bytes() > text) {
            node.remove(key);
            push(cut, path);
        } else {
            node.edit(&[key], |value| squeeze(value, &path, text, items, cut));
        }
    }
    node.edit_items(|list| {
        if list.len() > items && path != TRUNCATED {
            list.truncate(items);
            push(cut, path.to_owned());
        }
        for item in list {
            squeeze(item, path, text, items, cut);
        }
    });
    if node.bytes() > text + 2
        && let Some(whole) = node.text()
    {
        *node = Node::string(&middle_cut(&whole, text));
        push(cut, path.to_owned());
    }
}

fn push(cut: &mut Vec<String>, path: String) {
    if path != TRUNCATED && !cut.contains(&path) {
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
            used += encoded_len(c);
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

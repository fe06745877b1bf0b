//! Integers that a JSON consumer may read inexactly are not written.

use super::node::Node;
use super::squeeze;
use crate::model::{JSON_INTEGER_MAX, Reason};

/// Fields that must be there: held at the largest exact integer, which no real count or amount reaches.
const REQUIRED: [&str; 5] = [
    "lost_records",
    "kills_missed_min",
    "kills_missed_max",
    "since_first_us",
    "limits_bytes",
];

/// Fields without which an item of a list says nothing: evidence, a named value, a slab cache, an
/// allocation site.
const ITEM_REQUIRED: [&str; 4] = ["value", "used_bytes", "total_bytes", "allocations"];

/// Takes integers beyond 2^53 - 1 out of `event`. In a kill, `missing` says so.
pub(super) fn remove_unsafe(event: &mut Node<'_>, is_kill: bool) {
    let mut removed = Vec::new();
    strip(event, "", &mut removed);
    if !is_kill || removed.is_empty() {
        return;
    }
    if event.get("missing").is_none() {
        let next = ["truncated", "lost_records"];
        let next = next.into_iter().find(|key| event.get(key).is_some());
        event.insert_before(next.unwrap_or_default(), "missing", Node::list(Vec::new()));
    }
    event.edit(&["missing"], |missing| {
        missing.edit_items(|missing| missing.extend(removed.iter().map(|field| reason(field))))
    });
}

fn reason(field: &str) -> Node<'static> {
    let reason = Reason::BeyondJsonIntegers;
    Node::object(vec![
        ("field", Node::string(field)),
        ("reason", Node::string(reason.word())),
        ("why", Node::string(reason.explanation())),
    ])
}

fn strip(node: &mut Node<'_>, path: &str, removed: &mut Vec<String>) {
    for key in node.sorted_keys() {
        let path = squeeze::join(path, key);
        let Some(value) = node.get(key) else { continue };
        if is_unsafe(value) {
            if REQUIRED.contains(&key) {
                node.edit(&[key], |value| *value = Node::number(JSON_INTEGER_MAX));
            } else {
                node.remove(key);
                removed.push(path);
            }
            continue;
        }
        let had_items = !value.items().is_empty();
        node.edit(&[key], |value| strip(value, &path, removed));
        // An empty list is not written.
        if had_items && node.get(key).is_some_and(|it| it.items().is_empty()) {
            node.remove(key);
        }
    }
    node.edit_items(|items| {
        let lacks = |item: &Node<'_>, key: &&str| item.get(key).is_some_and(is_unsafe);
        items.retain(|item| !ITEM_REQUIRED.iter().any(|key| lacks(item, key)));
        for item in items {
            strip(item, path, removed);
        }
    });
}

fn is_unsafe(value: &Node<'_>) -> bool {
    let number = value
        .written()
        .and_then(|written| written.parse::<i128>().ok());
    number.is_some_and(|number| number.unsigned_abs() > u128::from(JSON_INTEGER_MAX))
}

//! A list of quoted strings, one a line: Ansible's `stdout_lines`, and JSON arrays of lines.

use serde_json::Value;

use crate::klog::transport::carrier::{Carrier, Context, Stripped};

/// `    "TEXT",` and `    "msg": "TEXT"`.
pub(in crate::klog::transport) const LIST_ITEM: Carrier = Carrier {
    name: "a list of quoted lines",
    example: "        \"Out of memory: Killed process 4821 (indexer) total-vm:91340kB, \
        anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0\",",
    strip: list_item,
};

fn list_item(bytes: &[u8], _: &mut Context) -> Option<Stripped> {
    let text = bytes.trim_ascii();
    if text.first() != Some(&b'"') {
        return None;
    }
    let text = text.strip_suffix(b",").unwrap_or(text);
    if let Ok(item) = serde_json::from_slice::<String>(text) {
        return Some(Stripped {
            text: item.into_bytes(),
            ..Stripped::default()
        });
    }
    let message = text.strip_prefix(b"\"msg\": ")?;
    match serde_json::from_slice(message) {
        Ok(Value::String(item)) => Some(Stripped {
            text: item.into_bytes(),
            ..Stripped::default()
        }),
        _ => None,
    }
}

//! Tables of comma-separated values, as Splunk, Kibana and cloud consoles export them.

use crate::klog::cursor::Cursor;
use crate::klog::grammar::start;
use crate::klog::transport::carrier::{Carrier, Columns, Context, Stripped};
use crate::klog::transport::prefix::is_prefixed;
use crate::klog::transport::stamp::Stamp;

/// A row; the header, where it was seen, says which column is what.
pub(in crate::klog::transport) const ROW: Carrier = Carrier {
    name: "comma-separated values",
    example: "\"2026-05-26T06:17:40.000Z\",n4,\"Out of memory: Killed process 4821 (indexer) \
        total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB \
        oom_score_adj:0\"",
    strip: row,
};

const MESSAGES: &[&str] = &[
    "_raw",
    "message",
    "@message",
    "msg",
    "log",
    "line",
    "event.original",
    "textpayload",
    "jsonpayload.message",
    "body",
    "content",
];
const HOSTS: &[&str] = &[
    "host",
    "hostname",
    "host.name",
    "host.hostname",
    "agent.hostname",
    "_hostname",
    "resource.labels.node_name",
];
const TIMES: &[&str] = &["_time", "@timestamp", "timestamp", "time"];

/// More columns than any export has that is worth reading.
const COLUMNS_MAX: usize = 512;

fn row(bytes: &[u8], context: &mut Context) -> Option<Stripped> {
    if bytes.first() != Some(&b'"') && context.columns.is_none() && !has_header(bytes) {
        return None;
    }
    let fields = fields(bytes.trim_ascii())?;
    if let Some(columns) = header(&fields) {
        context.columns = Some(columns);
        return Some(Stripped::default());
    }
    if context
        .columns
        .is_some_and(|columns| columns.total != fields.len())
    {
        return None;
    }
    let at = |index: usize| fields.get(index).filter(|field| !field.is_empty());
    let (text, host, time) = match context.columns {
        Some(columns) => (
            at(columns.message)?,
            columns.host.and_then(at),
            columns.time.and_then(at),
        ),
        None => (
            fields
                .iter()
                .filter(|field| start::is_long(field) || start::begins(field) || is_prefixed(field))
                .max_by_key(|field| field.len())?,
            None,
            fields.iter().find(|field| is_time(field)),
        ),
    };
    let mut stripped = Stripped {
        text: text.clone(),
        ..Stripped::default()
    };
    stripped.line.host = host.cloned();
    if let Some(stamp) = time.and_then(|time| Stamp::within(time)) {
        context.assumed.stamp(&mut stripped.line, stamp);
    }
    Some(stripped)
}

fn is_time(field: &[u8]) -> bool {
    let mut cursor = Cursor(field);
    Stamp::take(&mut cursor).is_some() && cursor.0.is_empty()
}

/// Cheap test before a row is parsed.
fn has_header(bytes: &[u8]) -> bool {
    bytes.len() < 4096
        && bytes.contains(&b',')
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.@,\" -".contains(byte))
}

fn header(fields: &[Vec<u8>]) -> Option<Columns> {
    if fields.len() < 2 {
        return None;
    }
    let find = |names: &[&str]| {
        names.iter().find_map(|name| {
            fields
                .iter()
                .position(|field| field.eq_ignore_ascii_case(name.as_bytes()))
        })
    };
    let time = find(TIMES);
    let host = find(HOSTS);
    // One known name alone may be a word of a text.
    (time.is_some() || host.is_some()).then_some(())?;
    Some(Columns {
        total: fields.len(),
        message: find(MESSAGES)?,
        host,
        time,
    })
}

/// The fields of a row; a quotation mark within a quoted one is doubled. `None` where quotes do not
/// match, or there is only one field.
fn fields(row: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut fields = Vec::new();
    let mut rest = row;
    loop {
        let mut field = Vec::new();
        if let Some(mut quoted) = rest.strip_prefix(b"\"") {
            loop {
                let at = memchr::memchr(b'"', quoted)?;
                field.extend_from_slice(quoted.get(..at)?);
                quoted = quoted.get(at + 1..)?;
                let Some(more) = quoted.strip_prefix(b"\"") else {
                    break;
                };
                field.push(b'"');
                quoted = more;
            }
            rest = quoted;
            if !rest.is_empty() && !rest.starts_with(b",") {
                return None;
            }
        } else {
            let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
            field.extend_from_slice(rest.get(..end)?);
            rest = rest.get(end..)?;
        }
        fields.push(field);
        match rest.strip_prefix(b",") {
            Some(more) if fields.len() < COLUMNS_MAX => rest = more,
            _ => break,
        }
    }
    (fields.len() > 1).then_some(fields)
}

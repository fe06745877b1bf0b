//! Lines behind a time and labels, a stream's name, or the name of a field.

use memchr::memchr;

use crate::klog::cursor::Cursor;
use crate::klog::transport::carrier::{Carrier, Context, Stripped};
use crate::klog::transport::stamp::Stamp;

/// Loki's `logcli query`: `TIME {label="value", …} TEXT`.
pub(in crate::klog::transport) const LOGCLI: Carrier = Carrier {
    name: "logcli",
    example: "2026-05-26T06:17:40Z {job=\"kernel\", node_name=\"n4\"} Out of memory: Killed process \
        4821 (indexer) total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 \
        pgtables:212kB oom_score_adj:0",
    strip: logcli,
};

/// `aws logs get-log-events --output text`: `EVENTS`, the time, the text and the time of its
/// arrival, between tabs.
pub(in crate::klog::transport) const AWS_TEXT: Carrier = Carrier {
    name: "aws logs --output text",
    example: "EVENTS\t1779776260123\tOut of memory: Killed process 4821 (indexer) \
        total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB \
        oom_score_adj:0\t1779776261000",
    strip: aws_text,
};

/// A field of the journal on a line of its own: `MESSAGE=TEXT`.
pub(in crate::klog::transport) const JOURNAL_FIELD: Carrier = Carrier {
    name: "a field of the journal",
    example: "    MESSAGE=Out of memory: Killed process 4821 (indexer) total-vm:91340kB, \
        anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0",
    strip: journal_field,
};

/// Labels that name the machine.
const HOST_LABELS: &[&[u8]] = &[b"hostname", b"host", b"node_name", b"nodename", b"node"];

fn logcli(bytes: &[u8], context: &mut Context) -> Option<Stripped> {
    if !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let mut cursor = Cursor(bytes);
    let stamp = Stamp::take(&mut cursor)?;
    if cursor.blanks() == 0 || !cursor.eat(b"{") {
        return None;
    }
    let mut stripped = Stripped::default();
    loop {
        cursor.blanks();
        if cursor.eat(b"}") {
            break;
        }
        let name = cursor.until(b'=', 128)?;
        if !cursor.eat(b"\"") {
            return None;
        }
        let value = cursor.until(b'"', 512)?;
        if HOST_LABELS.contains(&name) {
            stripped.line.host = Some(value.to_vec());
        }
        let _ = cursor.eat(b",");
    }
    cursor.blanks();
    stripped.text = cursor.0.to_vec();
    context.assumed.stamp(&mut stripped.line, stamp);
    Some(stripped)
}

fn aws_text(bytes: &[u8], _: &mut Context) -> Option<Stripped> {
    let mut cursor = Cursor(bytes);
    if !cursor.eat(b"EVENTS\t") {
        return None;
    }
    let first = cursor.until(b'\t', 64)?;
    // `filter-log-events` has an id and a stream's name, too; the text is what is longest.
    let rest = cursor.0;
    let text = rest
        .split(|byte| *byte == b'\t')
        .max_by_key(|part| part.len())?;
    let mut stripped = Stripped {
        text: text.to_vec(),
        ..Stripped::default()
    };
    let ms = Cursor(first).number(13).filter(|_| first.len() == 13);
    stripped.line.realtime_ns = ms.and_then(|ms| i64::try_from(ms.checked_mul(1_000_000)?).ok());
    Some(stripped)
}

fn journal_field(bytes: &[u8], _: &mut Context) -> Option<Stripped> {
    let text = bytes.trim_ascii().strip_prefix(b"MESSAGE=")?;
    memchr(b' ', text).map(|_| Stripped {
        text: text.to_vec(),
        is_bare: true,
        ..Stripped::default()
    })
}

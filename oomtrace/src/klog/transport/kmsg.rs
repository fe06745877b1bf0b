//! Records of /dev/kmsg.

use super::kernel::{Priority, lossy};
use crate::klog::cursor::Cursor;
use crate::klog::line::Line;

/// A record of /dev/kmsg: `6,1234,567,-,caller=T1;text`, with the text's escapes undone.
pub(super) struct Record {
    pub(super) priority: Priority,
    pub(super) text: Vec<u8>,
    /// The text goes on with the record before (only older kernels have this).
    pub(super) continues: bool,
}

/// Reads a record of /dev/kmsg.
pub(super) fn record(bytes: &[u8], line: &mut Line) -> Option<Record> {
    let mut cursor = Cursor(bytes);
    let priority = Priority::of(cursor.number(4)?)?;
    if !cursor.eat(b",") {
        return None;
    }
    cursor.number(19)?;
    if !cursor.eat(b",") {
        return None;
    }
    let us = cursor.number(19)?;
    if !cursor.eat(b",") {
        return None;
    }
    let mut fields = Cursor(cursor.until(b';', 256)?);
    let flags = fields.until(b',', 16).unwrap_or(fields.0);
    if flags.len() > 2 || !flags.iter().all(|flag| matches!(flag, b'-' | b'c' | b'+')) {
        return None;
    }
    while !fields.0.is_empty() {
        let field = fields.until(b',', 256).unwrap_or(fields.0);
        if let Some(caller) = field.strip_prefix(b"caller=") {
            line.caller = Some(lossy(caller));
        }
        if field.len() == fields.0.len() {
            break;
        }
    }
    line.since_boot_us = Some(us);
    Some(Record {
        priority,
        text: unescaped(cursor.0),
        continues: flags.contains(&b'+'),
    })
}

/// Undoes `\x0a`; the kernel escapes the backslash as well, so that this is exact.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'\\'
            && let [b'x', high, low, beyond @ ..] = behind
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            out.push(high * 16 + low);
            rest = beyond;
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_dev_kmsg() {
        let mut line = Line::default();
        let found = record(b"6,1234,5678,-,caller=T7;a\\x0ab\\x5cx2d,c;d", &mut line).unwrap();
        assert_eq!(found.text, b"a\nb\\x2d,c;d");
        assert_eq!(
            found.priority,
            Priority {
                facility: 0,
                severity: 6
            }
        );
        assert_eq!(line.since_boot_us, Some(5678));
        assert_eq!(line.caller.as_deref(), Some("T7"));
        let user = record(b"30,1,2,-;systemd[1]: x", &mut line).unwrap();
        assert_eq!(user.priority.facility, 3);
        for no in ["6,1234,5678;x", "a,1,2,-;x", "1,2,3,4;x", "6,1,2,-", ""] {
            assert!(record(no.as_bytes(), &mut line).is_none(), "{no}");
        }
    }
}

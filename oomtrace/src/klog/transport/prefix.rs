//! What single lines show by themselves, whatever stood before them.

use memchr::memchr;

use super::stamp::{Assumed, Stamp};
use super::{kernel, kmsg, rfc5424};
use crate::klog::cursor::Cursor;
use crate::klog::find::Needle;
use crate::klog::line::Line;

/// ` SUBSYSTEM=pci`: a field below a record of /dev/kmsg.
pub(super) fn is_kmsg_field(line: &[u8]) -> bool {
    let Some(field) = line.strip_prefix(b" ") else {
        return false;
    };
    let name = field.split(|byte| *byte == b'=').next().unwrap_or_default();
    name.len() < field.len()
        && name
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

/// Whether this starts with what can only be a prefix.
pub(super) fn is_prefixed(text: &[u8]) -> bool {
    let mut cursor = Cursor(text);
    cursor.blanks();
    let _ = kernel::priority(&mut cursor);
    let (mut line, mut assumed) = (Line::default(), Assumed::default());
    kernel::bracket(&mut cursor.clone(), &mut line, &mut assumed)
        || rfc5424::header(&mut cursor.clone(), &mut line, &mut assumed).is_some()
        || Stamp::take(&mut cursor.clone()).is_some()
        || kernel::decoded(&mut cursor.clone()).is_some()
        || kmsg::record(cursor.0, &mut line).is_some()
        || cursor.0.starts_with(b"kernel: ")
}

/// What journalctl and grep write between lines.
pub(super) fn is_note(line: &[u8]) -> bool {
    if !line.starts_with(b"--") {
        return false;
    }
    line == b"--"
        || line.starts_with(b"-- Boot ")
        || line.starts_with(b"-- Logs begin ")
        || line.starts_with(b"-- Journal begins ")
        || line.starts_with(b"-- No entries ")
        || line.starts_with(b"-- Reboot --")
}

/// The text behind a time since boot somewhere in the line: a console to which programs
/// write as well, or a prefix that is not known. Where the kernel's own words come before it, it is
/// part of a name.
pub(super) fn behind_a_bracket<'a>(text: &'a [u8], line: &mut Line) -> Option<Cursor<'a>> {
    const BEFORE_BYTES_MAX: usize = 160;
    let window = text.get(..BEFORE_BYTES_MAX).unwrap_or(text);
    let mut from = 0;
    while let Some(at) = window.get(from..).and_then(|rest| memchr(b'[', rest)) {
        let at = from + at;
        let before = window.get(..at)?;
        if before.iter().any(|byte| b"/=".contains(byte)) || Needle::new(b"oom").is_in(before) {
            return None;
        }
        let mut cursor = Cursor(text.get(at..)?);
        let mut stamped = line.clone();
        stamped.since_boot_us = None;
        if kernel::bracket(&mut cursor, &mut stamped, &mut Assumed::default())
            && stamped.since_boot_us.is_some()
        {
            *line = stamped;
            return Some(cursor);
        }
        from = at + 1;
    }
    None
}

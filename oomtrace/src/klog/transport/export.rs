//! journald's entries as lines of fields: its export format, and `journalctl -o verbose`.

use super::entry::Entry;
use super::fields::journal;
use super::stamp::{Assumed, Stamp};
use crate::klog::cursor::Cursor;

/// An entry of journald's export format, as its lines come.
#[derive(Debug, Default)]
pub(super) struct Export {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    /// The entry is one of `journalctl -o verbose`.
    is_verbose: bool,
}

/// Bytes of one entry that are kept.
const EXPORT_BYTES_MAX: usize = 2 * super::split::LINE_BYTES_MAX;

impl Export {
    /// Whether an entry is being read.
    pub(super) fn is_open(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Whether `line` begins an entry.
    pub(super) fn begins(line: &[u8]) -> bool {
        line.starts_with(b"__CURSOR=")
    }

    /// Takes a field.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        self.bytes = self
            .bytes
            .saturating_add(name.len())
            .saturating_add(value.len())
            .saturating_add(64);
        if self.bytes <= EXPORT_BYTES_MAX {
            self.fields.push((name.to_vec(), value.to_vec()));
        }
    }

    /// Whether an entry of `journalctl -o verbose` is being read.
    pub(super) fn is_verbose(&self) -> bool {
        self.is_verbose && self.is_open()
    }

    /// Begins an entry of `journalctl -o verbose`, with what its first line says.
    pub(super) fn begin_verbose(&mut self, head: Vec<(Vec<u8>, Vec<u8>)>) {
        self.fields = head;
        self.bytes = 0;
        self.is_verbose = true;
    }

    /// Takes an indented line of such an entry: a field, or the rest of one.
    pub(super) fn verbose_line(&mut self, line: &[u8]) {
        let text = line.trim_ascii();
        let is_field = line.iter().take_while(|byte| **byte == b' ').count() == 4;
        let named = memchr::memchr(b'=', text)
            .and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)))
            .filter(|(name, _)| {
                is_field
                    && name.iter().all(|byte| {
                        byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_'
                    })
            });
        if let Some((name, value)) = named {
            self.field(name, value);
        } else if let Some((_, value)) = self.fields.last_mut()
            && self.bytes.saturating_add(text.len()) <= EXPORT_BYTES_MAX
        {
            self.bytes += text.len() + 1;
            value.push(b'\n');
            value.extend_from_slice(text);
        }
    }

    /// The end of the entry.
    pub(super) fn end(&mut self) -> Option<Entry> {
        let fields = std::mem::take(&mut self.fields);
        self.bytes = 0;
        self.is_verbose = false;
        journal(|key| {
            fields
                .iter()
                .find(|(name, _)| name == key.as_bytes())
                .map(|(_, value)| value.clone())
        })
    }
}

/// Reads `Sat 2026-05-23 06:17:40.123456 UTC [s=…;i=…;b=…;m=…;t=…;x=…]`, which begins an entry of
/// `journalctl -o verbose`, as fields of the export format.
pub(super) fn verbose_head(line: &[u8], assumed: &mut Assumed) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    if !line.first()?.is_ascii_alphabetic() || !line.ends_with(b"]") {
        return None;
    }
    let mut cursor = Cursor(line);
    let stamp = Stamp::take(&mut cursor)?;
    cursor.blanks();
    if !cursor.eat(b"[s=") {
        return None;
    }
    let ids = cursor.0.strip_suffix(b"]")?;
    let mut fields = Vec::new();
    let mut shown_us = assumed.realtime_ns(stamp).map(|ns| ns / 1000);
    for id in ids.split(|byte| *byte == b';') {
        let hex = |digits: &[u8]| u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
        if let Some(boot) = id.strip_prefix(b"b=") {
            fields.push((b"_BOOT_ID".to_vec(), boot.to_vec()));
        } else if let Some(us) = id.strip_prefix(b"m=").and_then(hex) {
            fields.push((b"__MONOTONIC_TIMESTAMP".to_vec(), us.to_string().into()));
        } else if let Some(us) = id.strip_prefix(b"t=").and_then(hex) {
            shown_us = shown_us.or(i64::try_from(us).ok());
        }
    }
    if let Some(us) = shown_us {
        fields.push((b"__REALTIME_TIMESTAMP".to_vec(), us.to_string().into()));
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_the_export_format() {
        let mut export = Export::default();
        assert!(Export::begins(b"__CURSOR=x"));
        export.field(b"_TRANSPORT", b"kernel");
        export.field(b"MESSAGE", b"a\nb");
        assert!(export.is_open());
        let found = export.end().unwrap();
        assert_eq!(found.text, b"a\nb");
        assert_eq!(found.line.from_kernel, Some(true));
        assert!(!export.is_open());
        assert_eq!(export.end(), None);
    }

    #[test]
    fn entries_of_the_verbose_form() {
        let mut export = Export::default();
        let head = b"Tue 2026-05-26 06:17:40.123456 UTC [s=a;i=1;b=5f1c9a2e0123456789abcdef01234567;m=4c4b40;t=1;x=1]";
        export.begin_verbose(verbose_head(head, &mut Assumed::default()).unwrap());
        for line in [
            "    _TRANSPORT=kernel",
            "    MESSAGE=web server invoked oom-killer: gfp_mask=0xcc0",
            "            and more",
            "    _HOSTNAME=n4",
        ] {
            assert!(export.is_verbose());
            export.verbose_line(line.as_bytes());
        }
        let found = export.end().unwrap();
        assert_eq!(
            found.text,
            b"web server invoked oom-killer: gfp_mask=0xcc0\nand more"
        );
        assert_eq!(found.line.host.as_deref(), Some(&b"n4"[..]));
        assert_eq!(found.line.since_boot_us, Some(5_000_000));
        assert_eq!(found.line.realtime_ns, Some(1_779_776_260_123_456_000));
        assert_eq!(found.line.from_kernel, Some(true));
    }
}

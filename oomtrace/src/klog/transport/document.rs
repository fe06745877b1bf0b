//! JSON documents over one line or many: arrays of records, and objects that hold such arrays.

use super::split::LINE_BYTES_MAX;

/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 64;

/// A document that is being read. Records are the outermost objects in arrays; without any, the
/// document is one itself.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The open brackets, outermost first.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    /// The document so far, while no record was found in it.
    whole: Vec<u8>,
    /// The record that is being read, and the number of brackets open around it.
    record: Option<(usize, Vec<u8>)>,
    /// A record was found.
    any: bool,
}

/// What a line did to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    Open,
    /// It is complete.
    Done,
    /// It is no JSON.
    Broken,
}

/// Whether a line begins a document, or a record in the middle of one.
pub(super) fn begins(line: &[u8]) -> bool {
    matches!(line, b"{" | b"[" | b"},{" | b"}, {")
        || line.starts_with(b"[{")
        || line.starts_with(b"[ {")
        || line.starts_with(b"{\"") && !line.ends_with(b"}")
}

/// Whether a line only ends what another line has begun.
pub(super) fn ends(line: &[u8]) -> bool {
    !line.is_empty()
        && matches!(line.first(), Some(b'}' | b']'))
        && line.iter().all(|byte| b"}], ".contains(byte))
}

/// Shorter lines are not cut.
const CUT_BYTES_MIN: usize = 16 * 1024;

/// What is between two records of an array on one line.
const BETWEEN: &[u8] = b"},{";

/// Whether a line is a long array of records of which an end is missing: what lies far from any report
/// is not read.
pub(super) fn is_cut(line: &[u8]) -> bool {
    let is_whole =
        matches!(line.first(), Some(b'[' | b'{')) && matches!(line.last(), Some(b']' | b'}'));
    let is_long = line.len() >= CUT_BYTES_MIN;
    is_long && !is_whole && memchr::memmem::find(line, BETWEEN).is_some()
}

/// The records of such a line that are complete. One that holds an array of objects itself is not
/// found to be.
pub(super) fn records_of_cut(line: &[u8]) -> Vec<Vec<u8>> {
    let whole_first = line.strip_prefix(b"[{").or_else(|| line.strip_prefix(b"{"));
    let mut rest = whole_first.unwrap_or(line);
    let mut is_complete = whole_first.is_some();
    let mut found = Vec::new();
    while let Some(at) = memchr::memmem::find(rest, BETWEEN) {
        let (record, behind) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        if is_complete {
            found.push([b"{", record, b"}"].concat());
        }
        is_complete = true;
        rest = behind.get(BETWEEN.len()..).unwrap_or_default();
    }
    let rest = rest.strip_suffix(b",").unwrap_or(rest);
    if let Some(record) = rest.strip_suffix(b"}]").or_else(|| rest.strip_suffix(b"}")) {
        found.push([b"{", record, b"}"].concat());
    }
    found
}

impl Document {
    /// Takes a line; records go to `on`, which says whether they were any.
    pub(super) fn line(&mut self, line: &[u8], mut on: impl FnMut(&[u8]) -> bool) -> Progress {
        // The rest of the record before.
        let line = line
            .strip_prefix(b"}")
            .filter(|_| self.open.is_empty())
            .unwrap_or(line);
        for byte in line {
            if self.open.is_empty() && b", ]}".contains(byte) {
                continue;
            }
            if !self.byte(*byte, &mut on) {
                return Progress::Broken;
            }
        }
        if self.in_string {
            return Progress::Broken;
        }
        if self.open.is_empty() {
            Progress::Done
        } else {
            Progress::Open
        }
    }

    fn byte(&mut self, byte: u8, on: &mut impl FnMut(&[u8]) -> bool) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            self.keep(byte);
            return true;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                let in_array = self.open.last() == Some(&b'[');
                if byte == b'{' && in_array && self.record.is_none() {
                    self.record = Some((self.open.len(), Vec::new()));
                }
                self.open.push(byte);
                if self.open.len() > DEPTH_MAX {
                    return false;
                }
            }
            b'}' | b']' => {
                let opened = self.open.pop();
                if opened != Some(if byte == b'}' { b'{' } else { b'[' }) {
                    return false;
                }
                self.keep(byte);
                self.closed(on);
                return true;
            }
            _ if byte.is_ascii_alphanumeric() || b" \t:,.+-".contains(&byte) => {}
            _ => return false,
        }
        self.keep(byte);
        !self.open.is_empty() || byte.is_ascii_whitespace()
    }

    fn keep(&mut self, byte: u8) {
        if let Some((_, record)) = &mut self.record
            && record.len() < LINE_BYTES_MAX
        {
            record.push(byte);
        }
        if !self.any && self.whole.len() < LINE_BYTES_MAX {
            self.whole.push(byte);
        }
    }

    fn closed(&mut self, on: &mut impl FnMut(&[u8]) -> bool) {
        if let Some((_, record)) = self.record.take_if(|(depth, _)| *depth == self.open.len())
            && on(&record)
        {
            self.any = true;
            self.whole = Vec::new();
        }
        if self.open.is_empty() {
            if !self.any {
                on(&self.whole);
            }
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lines: &[&str]) -> (Vec<String>, Option<Progress>) {
        let mut document = Document::default();
        let mut found = Vec::new();
        let mut last = None;
        for line in lines {
            last = Some(document.line(line.trim().as_bytes(), |record| {
                let text = String::from_utf8_lossy(record).into_owned();
                let is_one = text.contains("msg");
                if is_one {
                    found.push(text);
                }
                is_one
            }));
        }
        (found, last)
    }

    #[test]
    fn records_are_the_outermost_objects_in_arrays() {
        let (found, last) = records(&[
            "{",
            r#"  "items": ["#,
            r#"    { "msg": "a ] \" }", "inner": [ { "msg": 1 } ] }, {"#,
            r#"      "msg": "b" }"#,
            "  ]",
            "}",
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(last, Some(Progress::Done));
    }

    #[test]
    fn a_document_without_arrays_is_a_record() {
        let (found, _) = records(&["{", r#""msg": "x","#, r#""list": [1, 2]"#, "}"]);
        assert_eq!(found, [r#"{"msg": "x","list": [1, 2]}"#]);
    }

    #[test]
    fn a_cut_array_keeps_its_whole_records() {
        let long = format!(r#"{{"pad":"{}"}}"#, "x".repeat(CUT_BYTES_MIN));
        let text = |line: &str| -> Vec<String> {
            let line = line.replace("LONG", &long);
            assert!(is_cut(line.as_bytes()), "{line}");
            let found = records_of_cut(line.as_bytes()).into_iter();
            found
                .skip(1)
                .map(|one| String::from_utf8(one).unwrap())
                .collect()
        };
        let (a, b) = (r#"{"a":1}"#, r#"{"b":2}"#);
        assert_eq!(text(&format!("[LONG,{a},{b},{{\"c\":")), [a, b]);
        assert_eq!(text(&format!("rest\"}},LONG,{a},{b}]")), [a, b]);
        assert!(!is_cut(format!("[{long},{a}]").as_bytes()));
        assert!(!is_cut(br#"x},{"a":1}"#));
    }

    #[test]
    fn other_text_is_no_document() {
        for text in [
            "java invoked oom-killer: gfp_mask=0x1",
            "\"open",
            "]x",
            "}{]",
        ] {
            let (_, last) = records(&["[", text]);
            assert_eq!(last, Some(Progress::Broken), "{text}");
        }
        let deep = "[".repeat(1000);
        assert_eq!(records(&[&deep]).1, Some(Progress::Broken));
    }
}

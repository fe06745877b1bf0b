//! Rows of comma-separated values whose quoted fields hold line ends.

/// Bytes of a row that is not complete that are kept, and its lines.
const ROW_BYTES_MAX: usize = super::split::LINE_BYTES_MAX;
const ROW_LINES_MAX: usize = 4096;

/// The lines of a row so far.
#[derive(Debug, Default)]
pub(super) struct Row {
    lines: Vec<Vec<u8>>,
    bytes: usize,
}

/// What a line of a table is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// A row, or what is none, by itself.
    Alone,
    /// Part of a row that goes on.
    Part,
    /// The last line of this row.
    Whole(Vec<u8>),
    /// No row ends here: these are lines of their own.
    Lines(Vec<Vec<u8>>),
}

impl Row {
    /// Takes a line of a table whose header was seen. A quotation mark within a field is doubled, so
    /// an odd number of them opens or closes one.
    pub(super) fn line(&mut self, line: &[u8]) -> Taken {
        let is_odd = memchr::memchr_iter(b'"', line).count() % 2 == 1;
        if self.lines.is_empty() && !is_odd {
            return Taken::Alone;
        }
        let is_last = !self.lines.is_empty() && is_odd;
        self.bytes = self.bytes.saturating_add(line.len());
        self.lines.push(line.to_vec());
        if is_last {
            return Taken::Whole(self.end().join(b"\n".as_slice()));
        }
        if self.bytes > ROW_BYTES_MAX || self.lines.len() > ROW_LINES_MAX {
            return Taken::Lines(self.end());
        }
        Taken::Part
    }

    /// The lines of a row that never came to its end.
    pub(super) fn end(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_field_goes_on() {
        let mut row = Row::default();
        assert_eq!(row.line(b"a,b"), Taken::Alone);
        assert_eq!(row.line(b"1,\"x"), Taken::Part);
        assert_eq!(row.line(b"y \"\"z\"\""), Taken::Part);
        let whole = b"1,\"x\ny \"\"z\"\"\nw\",2".to_vec();
        assert_eq!(row.line(b"w\",2"), Taken::Whole(whole));
        assert_eq!(row.line(b"3,\"q\""), Taken::Alone);
    }

    #[test]
    fn an_endless_row_is_given_up() {
        let mut row = Row::default();
        assert_eq!(row.line(b"\""), Taken::Part);
        for _ in 1..ROW_LINES_MAX {
            assert_eq!(row.line(b"x"), Taken::Part);
        }
        assert!(matches!(row.line(b"x"), Taken::Lines(_)));
        assert_eq!(row.end(), Vec::<Vec<u8>>::new());
    }
}

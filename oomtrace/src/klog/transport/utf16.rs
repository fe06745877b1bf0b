//! Text in UTF-16, as some editors and shells of Windows save it, recognised by its byte order mark.

/// Byte order marks.
const LITTLE_ENDIAN: &[u8] = &[0xff, 0xfe];
const BIG_ENDIAN: &[u8] = &[0xfe, 0xff];
const UTF8: &[u8] = &[0xef, 0xbb, 0xbf];

/// What the first bytes have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Unknown,
    Bytes,
    LittleEndian,
    BigEndian,
}

/// Bytes of any of the forms in, bytes (UTF-8, where it was UTF-16) out.
#[derive(Debug)]
pub(super) struct Unicode {
    form: Form,
    held: Vec<u8>,
    surrogate: Option<u16>,
    out: Vec<u8>,
}

impl Unicode {
    pub(super) fn new() -> Self {
        Self {
            form: Form::Unknown,
            held: Vec::new(),
            surrogate: None,
            out: Vec::new(),
        }
    }

    /// `bytes` as they are to be read on.
    pub(super) fn push<'a>(&'a mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.form == Form::Bytes {
            return bytes;
        }
        self.held.extend_from_slice(bytes);
        if self.form == Form::Unknown {
            // A mark that has not come whole may still become one.
            if self.held.len() < UTF8.len() && UTF8.starts_with(&self.held) || self.held.len() < 2 {
                return &[];
            }
            self.decide();
        }
        self.convert();
        &self.out
    }

    /// What is left at the end.
    pub(super) fn finish(&mut self) -> &[u8] {
        self.out.clear();
        match self.form {
            Form::Unknown => self.out.append(&mut self.held),
            Form::Bytes => {}
            Form::LittleEndian | Form::BigEndian => {
                if self.surrogate.take().is_some() || !self.held.is_empty() {
                    self.put(char::REPLACEMENT_CHARACTER);
                }
            }
        }
        &self.out
    }

    fn decide(&mut self) {
        let (form, mark) = if self.held.starts_with(LITTLE_ENDIAN) {
            (Form::LittleEndian, LITTLE_ENDIAN.len())
        } else if self.held.starts_with(BIG_ENDIAN) {
            (Form::BigEndian, BIG_ENDIAN.len())
        } else if self.held.starts_with(UTF8) {
            (Form::Bytes, UTF8.len())
        } else {
            (Form::Bytes, 0)
        };
        self.form = form;
        self.held.drain(..mark);
    }

    fn convert(&mut self) {
        self.out.clear();
        if self.form == Form::Bytes {
            self.out.append(&mut self.held);
            return;
        }
        let held = std::mem::take(&mut self.held);
        let (units, rest) = held.as_chunks::<2>();
        for unit in units {
            let unit = if self.form == Form::LittleEndian {
                u16::from_le_bytes(*unit)
            } else {
                u16::from_be_bytes(*unit)
            };
            self.unit(unit);
        }
        self.held = rest.to_vec();
    }

    fn unit(&mut self, unit: u16) {
        if let Some(high) = self.surrogate.take() {
            if let Some(Ok(char)) = char::decode_utf16([high, unit]).next() {
                self.put(char);
                return;
            }
            self.put(char::REPLACEMENT_CHARACTER);
        }
        match char::decode_utf16([unit]).next() {
            Some(Ok(char)) => self.put(char),
            _ if (0xd800..0xdc00).contains(&unit) => self.surrogate = Some(unit),
            _ => self.put(char::REPLACEMENT_CHARACTER),
        }
    }

    fn put(&mut self, char: char) {
        self.out
            .extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], step: usize) -> Vec<u8> {
        let mut unicode = Unicode::new();
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            out.extend_from_slice(unicode.push(piece));
        }
        out.extend_from_slice(unicode.finish());
        out
    }

    #[test]
    fn utf16_becomes_utf8_whatever_the_pieces() {
        let text = "[ts] ja\u{fc}va \u{1f600}\r\n";
        let mut little = LITTLE_ENDIAN.to_vec();
        let mut big = BIG_ENDIAN.to_vec();
        for unit in text.encode_utf16() {
            little.extend(unit.to_le_bytes());
            big.extend(unit.to_be_bytes());
        }
        for step in 1..7 {
            assert_eq!(read(&little, step), text.as_bytes());
            assert_eq!(read(&big, step), text.as_bytes());
        }
    }

    #[test]
    fn other_bytes_stay_as_they_are() {
        for text in [
            &b"\xff\xfa not a mark"[..],
            b"x",
            b"",
            b"\xef\xbb",
            b"plain",
        ] {
            for step in 1..4 {
                assert_eq!(read(text, step), text, "{text:?}");
            }
        }
        assert_eq!(read(b"\xef\xbb\xbftext", 2), b"text");
    }

    #[test]
    fn a_broken_end_is_a_replacement_character() {
        assert_eq!(
            read(&[0xff, 0xfe, b'a', 0, 0x3d, 0xd8], 3),
            "a\u{fffd}".as_bytes()
        );
        assert_eq!(
            read(&[0xff, 0xfe, b'a', 0, b'b'], 2),
            "a\u{fffd}".as_bytes()
        );
    }
}

//! Reading a line from the left, piece by piece.

use memchr::memchr;

/// What is left of a line.
#[derive(Clone, Copy, Debug)]
pub(in crate::klog) struct Cursor<'a>(pub(in crate::klog) &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next byte, which stays.
    pub(in crate::klog) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Takes `prefix`, if it is there.
    pub(in crate::klog) fn eat(&mut self, prefix: &[u8]) -> bool {
        match self.0.strip_prefix(prefix) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Takes blanks (and tabs); how many.
    pub(in crate::klog) fn blanks(&mut self) -> usize {
        let count = self
            .0
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        self.advance(count);
        count
    }

    /// Takes a decimal number of 1 to `digits_max` digits.
    pub(in crate::klog) fn number(&mut self, digits_max: usize) -> Option<u64> {
        let digits = self.digits(digits_max)?;
        let mut value = 0_u64;
        for digit in digits {
            value = value
                .checked_mul(10)?
                .checked_add(u64::from(digit.wrapping_sub(b'0')))?;
        }
        Some(value)
    }

    /// Takes 1 to `max` digits; none if more follow.
    pub(in crate::klog) fn digits(&mut self, max: usize) -> Option<&'a [u8]> {
        let count = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 || count > max {
            return None;
        }
        self.take(count)
    }

    /// Takes a fraction's digits (up to 9) as nanoseconds.
    pub(in crate::klog) fn nanoseconds(&mut self) -> Option<u64> {
        let digits = self.digits(9)?;
        let mut value = 0_u64;
        for place in 0..9 {
            let digit = digits
                .get(place)
                .map_or(0, |digit| digit.wrapping_sub(b'0'));
            value = value * 10 + u64::from(digit);
        }
        Some(value)
    }

    /// Takes what precedes the next blank or the end; may be empty.
    pub(in crate::klog) fn word(&mut self) -> &'a [u8] {
        let end = memchr(b' ', self.0).unwrap_or(self.0.len());
        self.take(end).unwrap_or_default()
    }

    /// Takes what precedes `byte`, and the byte, if it comes within `max`.
    pub(in crate::klog) fn until(&mut self, byte: u8, max: usize) -> Option<&'a [u8]> {
        let window = self.0.get(..max).unwrap_or(self.0);
        let at = memchr(byte, window)?;
        let piece = self.take(at)?;
        self.advance(1);
        Some(piece)
    }

    /// Takes `count` bytes, if there are as many.
    pub(in crate::klog) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (piece, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(piece)
    }

    fn advance(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }
}

/// A number that is all of `bytes`.
pub(in crate::klog) fn whole_number(bytes: &[u8]) -> Option<u64> {
    let mut cursor = Cursor(bytes);
    let number = cursor.number(19)?;
    cursor.0.is_empty().then_some(number)
}

//! A search for short words in lines, for which the general one costs more to set up than to run.

use memchr::memchr;

/// A word to be found, and the place of its byte that is rarest in logs.
#[derive(Clone, Copy, Debug)]
pub(in crate::klog) struct Needle<'a> {
    bytes: &'a [u8],
    rare: usize,
}

impl<'a> Needle<'a> {
    /// Must not be empty.
    pub(in crate::klog) const fn new(bytes: &'a [u8]) -> Self {
        let (mut rare, mut least, mut at) = (0, u8::MAX, 0);
        let mut rest = bytes;
        while let [byte, behind @ ..] = rest {
            if commonness(*byte) < least {
                (rare, least) = (at, commonness(*byte));
            }
            at += 1;
            rest = behind;
        }
        Self { bytes, rare }
    }

    /// Where it begins in `text`, the first time.
    pub(in crate::klog) fn find(&self, text: &[u8]) -> Option<usize> {
        let byte = *self.bytes.get(self.rare)?;
        let mut from = self.rare;
        loop {
            from += memchr(byte, text.get(from..)?)?;
            let start = from - self.rare;
            if text.get(start..)?.starts_with(self.bytes) {
                return Some(start);
            }
            from += 1;
        }
    }

    /// Whether it is in `text`.
    pub(in crate::klog) fn is_in(&self, text: &[u8]) -> bool {
        self.find(text).is_some()
    }
}

/// How often a byte occurs in the lines of a kernel's log, roughly.
const fn commonness(byte: u8) -> u8 {
    match byte {
        b' ' | b'0' => 9,
        b'e' | b'a' | b'o' | b't' | b'i' | b'n' | b'r' | b's' | b'_' | b'1'..=b'9' => 8,
        b'l' | b'c' | b'd' | b'm' | b'f' | b'p' | b'u' => 6,
        b'h' | b'g' | b'b' | b'x' | b'.' | b':' | b'[' | b']' | b'k' => 5,
        b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'=' | b',' | b'-' | b'(' | b')' => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_the_general_search_finds(
            text in prop::collection::vec(97..101_u8, 0..60),
            word in prop::collection::vec(97..101_u8, 1..6),
        ) {
            prop_assert_eq!(
                Needle::new(&word).find(&text),
                memchr::memmem::find(&text, &word)
            );
        }
    }

    #[test]
    fn the_rarest_byte_is_looked_for() {
        assert_eq!(Needle::new(b" invoked oom-killer").rare, 3);
        assert_eq!(Needle::new(b"aaa").rare, 0);
        assert_eq!(Needle::new(b"abc").find(b"xxab"), None);
    }
}

//! Text that somebody else chose, made harmless and visible.
//!
//! A process chooses its name, its arguments and often the names of its cgroups. Printed as they
//! are, they could move the cursor, forge a second line, or reorder what is read. Every character
//! that a terminal would obey or hide is replaced by its escape. Backslashes stay as they are:
//! unit names are full of them (`dev-disk\x2dby.device`), and JSON output is where a reader
//! gets the exact bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal would obey `c`, hide it, or let it change how its neighbours look.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Bidirectional controls.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // No width, or drawn as nothing.
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with every unsafe character written as `\n`, `\r`, `\t`, `\x1b` or `\u{202e}`.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push(&mut out, c);
    }
    Cow::Owned(out)
}

fn push(out: &mut String, c: char) {
    // Writing to a String cannot fail.
    let _ = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        c if !is_unsafe(c) => out.write_char(c),
        c if u32::from(c) < 0x80 => write!(out, "\\x{:02x}", u32::from(c)),
        c => write!(out, "\\u{{{:x}}}", u32::from(c)),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(escape("java größe 日本 \\x2d"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_a_terminal_would_obey_becomes_visible() {
        assert_eq!(escape("a\nb\r\tc"), "a\\nb\\r\\tc");
        assert_eq!(escape("\u{1b}[2J\u{7}\u{7f}\0"), "\\x1b[2J\\x07\\x7f\\x00");
        assert_eq!(escape("\u{9b}31m\u{85}"), "\\u{9b}31m\\u{85}");
        assert_eq!(escape("evil\u{202e}cod.exe"), "evil\\u{202e}cod.exe");
        assert_eq!(
            escape("a\u{2028}b\u{2029}c\u{200b}d\u{feff}"),
            "a\\u{2028}b\\u{2029}c\\u{200b}d\\u{feff}"
        );
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text in any::<String>()) {
            prop_assert!(!escape(&text).contains(is_unsafe));
        }

        #[test]
        fn escaping_twice_changes_nothing(text in any::<String>()) {
            let once = escape(&text).into_owned();
            prop_assert_eq!(escape(&once).into_owned(), once);
        }
    }
}

//! Patterns with `*` (any text, slashes included) and `?` (any one character).

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Whether it matches the whole of `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        matches(self.0.as_bytes(), text.as_bytes())
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err("an empty pattern matches nothing; leave it out to see all".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// Remembers only the last star: linear in practice, |pattern| * |text| at worst, never
/// exponential, whatever a process calls itself.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += char_len(text, t);
            }
            Some(wanted) if wanted == byte => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((star, from)) => {
                    *from += 1;
                    t = *from;
                    p = *star + 1;
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// Bytes of the UTF-8 character that starts at `at`.
fn char_len(text: &[u8], at: usize) -> usize {
    1 + text
        .get(at + 1..)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| **byte & 0xc0 == 0x80)
        .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn glob(text: &str) -> Glob {
        text.parse().unwrap()
    }

    #[test]
    fn stars_and_question_marks() {
        let cases = [
            ("java", "java", true),
            ("java", "javac", false),
            ("java*", "javac", true),
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("gr??e", "größe", true),
            ("*.slice/*", "/a.slice/b/c", true),
            ("/docker/*", "/docker", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("**a", "ba", true),
            ("[a]", "a", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(glob(pattern).matches(text), expected, "{pattern} {text}");
        }
        assert!("".parse::<Glob>().is_err());
    }

    #[test]
    fn a_nasty_pattern_is_not_slow() {
        let pattern = glob(&format!("{}b", "a*".repeat(50)));
        assert!(!pattern.matches(&"a".repeat(5000)));
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_and_what_starts_or_ends_it(a in "[a-c/]{1,9}", b in "[a-c/é]{0,9}") {
            let whole = format!("{a}{b}");
            let starts = glob(&format!("{a}*")).matches(&whole);
            let ends = glob(&format!("*{b}")).matches(&whole);
            prop_assert!(glob(&whole).matches(&whole) && starts && ends);
            let longer = glob(&format!("{whole}?")).matches(&whole);
            prop_assert!(!longer);
        }
    }
}

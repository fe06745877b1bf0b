//! What a user wants masked besides what is known to be secret.

use std::ops::Range;
use std::str::FromStr;

/// A text that is masked wherever it occurs in a command line. `*` is any text up to the end of
/// the argument, `?` any one character, and a space also the border between two arguments:
/// `--tenant *` finds `--tenant acme` written in either way. Large and small letters differ. All
/// that fits is masked: of several possibilities the first, and of these the longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err("an empty pattern would mask nothing; leave it out".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Pattern {
    /// Where it is in `argv`: arguments separated by NUL. `cut`: of the last argument only the
    /// beginning is there, so that what begins to fit at its end is taken as fitting.
    pub(super) fn find(&self, argv: &[u8], cut: bool) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(range) = first(self.0.as_bytes(), argv, from, cut) {
            from = range.end;
            found.push(range);
        }
        found
    }
}

/// The first and longest text that fits. Everything that may still become one is followed in one
/// pass: no pattern takes longer than its length times that of the text.
fn first(pattern: &[u8], argv: &[u8], from: usize, cut: bool) -> Option<Range<usize>> {
    // At each index: where the earliest text starts that fits the pattern's first bytes, so many.
    let mut fit: Vec<Option<usize>> = vec![None; pattern.len() + 1];
    let mut best: Option<Range<usize>> = None;
    for position in from..=argv.len() {
        if best.is_none() {
            earlier(&mut fit, 0, Some(position));
        }
        for (index, byte) in pattern.iter().enumerate() {
            if *byte == b'*' {
                // It may also match nothing.
                let start = fit.get(index).copied().flatten();
                earlier(&mut fit, index + 1, start);
            }
        }
        if let Some(start) = fit
            .last()
            .copied()
            .flatten()
            .filter(|start| *start < position)
        {
            best = Some(start..position);
        }
        let Some(byte) = argv.get(position) else {
            break;
        };
        fit = step(pattern, &fit, *byte);
        if let Some(best) = &best {
            // What starts later is covered, or found the next time.
            fit.iter_mut()
                .for_each(|start| *start = start.filter(|start| *start <= best.start));
            if fit.iter().all(Option::is_none) {
                break;
            }
        }
    }
    let unfinished = fit
        .iter()
        .flatten()
        .min()
        .filter(|start| cut && **start < argv.len());
    match (unfinished, best) {
        (Some(start), best) if best.as_ref().is_none_or(|best| *start <= best.start) => {
            Some(*start..argv.len())
        }
        (_, best) => best,
    }
}

fn earlier(fit: &mut [Option<usize>], index: usize, start: Option<usize>) {
    if let (Some(known), Some(start)) = (fit.get_mut(index), start) {
        *known = Some(known.map_or(start, |known| known.min(start)));
    }
}

/// What still fits after one more byte.
fn step(pattern: &[u8], fit: &[Option<usize>], byte: u8) -> Vec<Option<usize>> {
    let mut next = vec![None; fit.len()];
    let mut before = 0;
    for (index, start) in fit.iter().enumerate() {
        let wanted = pattern.get(index).copied();
        // A character may have several bytes.
        let goes_on = before == b'?' && (0x80..0xc0).contains(&byte);
        if goes_on || (wanted == Some(b'*') && byte != 0) {
            earlier(&mut next, index, *start);
        }
        let fits = match wanted {
            Some(b'?') => byte != 0,
            Some(b' ') => matches!(byte, 0 | b' '),
            Some(wanted) => wanted == byte,
            None => false,
        };
        if fits {
            earlier(&mut next, index + 1, *start);
        }
        before = wanted.unwrap_or_default();
    }
    next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Redactor;
    use super::*;

    fn masked(pattern: &str, argv: &str, cut: bool) -> String {
        let redactor = Redactor::default().and(vec![pattern.parse().unwrap()]);
        let argv = argv.replace('|', "\0");
        let once = redactor.mask(argv.as_bytes(), cut).argv;
        assert_eq!(redactor.mask(&once, cut).argv, once, "{pattern} {argv:?}");
        String::from_utf8(once).unwrap().replace('\0', "|")
    }

    #[test]
    fn what_fits_is_masked_wherever_it_stands() {
        for (pattern, argv, expected) in [
            (
                "acme",
                "run|--tenant=acme|acme-db",
                "run|--tenant=***|***-db",
            ),
            ("acme", "run|--tenant=Acme", "run|--tenant=Acme"),
            ("tenant=*", "run|--tenant=acme|-v", "run|--***|-v"),
            ("--tenant *", "run|--tenant|acme|-v", "run|***|***|-v"),
            (
                "--tenant *",
                "sh|-c|run --tenant acme -v|x",
                "sh|-c|run ***|x",
            ),
            ("*.corp.example", "psql|db1.corp.example|-v", "psql|***|-v"),
            (
                "id-????",
                "run|id-1234|id-12|xid-12345",
                "run|***|id-12|x***5",
            ),
            ("a*b", "run|xaabab-|ba", "run|x***-|ba"),
            ("a*b*c", "run|abx", "run|abx"),
            ("?", "ru|é", "***|***"),
            ("gr??e", "größe|x", "***|x"),
            ("*", "run|x|", "***|***|"),
            // Beside what is masked anyway.
            (
                "acme",
                "run|--password=hunter2|acme",
                "run|--password=***|***",
            ),
        ] {
            assert_eq!(masked(pattern, argv, false), expected, "{pattern} {argv}");
        }
        for empty in ["", " "] {
            assert!(empty.parse::<Pattern>().is_err());
        }
    }

    #[test]
    fn what_a_cut_may_have_left_out_is_masked() {
        assert_eq!(
            masked("customer-7", "run|customer-7|-v|custom", true),
            "run|***|-v|***"
        );
        assert_eq!(masked("customer-7", "run|custom", false), "run|custom");
        assert_eq!(masked("--tenant *", "run|--ten", true), "run|***");
        assert_eq!(masked("x*y", "run|axb|axb", true), "run|axb|a***");
    }

    #[test]
    fn a_nasty_pattern_is_not_slow() {
        let pattern: Pattern = format!("{}b", "a*".repeat(50)).parse().unwrap();
        assert!(pattern.find(&[b'a'; 5000], false).is_empty());
    }

    proptest! {
        #[test]
        fn a_plain_text_is_nowhere_left(
            pattern in "[a-c]{1,3}",
            argv in prop::collection::vec("[a-d]{0,6}", 1..5),
            cut: bool,
        ) {
            let argv = argv.join("|");
            let masked = masked(&pattern, &argv, cut);
            prop_assert!(!masked.contains(&pattern), "{} {} {}", pattern, argv, masked);
            prop_assert_eq!(masked.matches('|').count(), argv.matches('|').count());
            prop_assert!(cut || argv.contains(&pattern) || masked == argv);
        }

        #[test]
        fn any_pattern_masks_once_and_for_all(
            pattern in "[a-b*? é]{1,6}",
            argv in "[a-b*é| ]{0,12}",
            cut: bool,
        ) {
            prop_assume!(!pattern.trim().is_empty());
            masked(&pattern, &argv, cut);
        }
    }
}

//! Durations as people write them: `30s`, `5m`, `1h30m`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Longest duration: the clocks of the event loop end somewhere.
const MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Parses a duration by jiff's friendly format, days having 24 hours.
///
/// # Errors
///
/// It is none, not above zero, or too long.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    const HINT: &str = "write a number and a unit, like 30s, 5m, 1h or 1h30m";
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("the unit is missing; {HINT}"));
    }
    let span: Span = text.parse().map_err(|error| format!("{error}; {HINT}"))?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|error| format!("{error}; {HINT}"))?;
    if !duration.is_positive() {
        return Err("must be more than zero; leave it out to run until stopped".to_owned());
    }
    Duration::try_from(duration)
        .ok()
        .filter(|duration| *duration <= MAX)
        .ok_or_else(|| "longer than a hundred years".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_add_up() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1h", 3600),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("1d1s", 86401),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, part) in [
            ("", "like 30s"),
            ("30", "unit is missing"),
            ("s", "like 30s"),
            ("5y", "like 30s"),
            ("1 month", "like 30s"),
            ("-1s", "more than zero"),
            ("0s", "more than zero"),
            ("99999999999999999999s", "like 30s"),
            ("99999d", "hundred years"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_panic(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}

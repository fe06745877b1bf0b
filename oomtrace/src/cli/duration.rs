//! Durations as people write them: `30s`, `5m`, `1h30m`.

use std::time::Duration;

/// Reads a duration of whole seconds, minutes, hours and days.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    const HINT: &str = "write a number and a unit, like 30s, 5m, 1h or 1h30m";
    let mut seconds = 0_u64;
    let mut rest = text;
    if rest.is_empty() {
        return Err(HINT.to_owned());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(|| format!("the unit is missing; {HINT}"))?;
        let (digits, after) = rest.split_at(end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, tail) = after.split_at(unit_end);
        let factor = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86400,
            _ => return Err(format!("unknown unit {unit:?}; {HINT}")),
        };
        let number: u64 = digits.parse().map_err(|_| HINT.to_owned())?;
        seconds = number
            .checked_mul(factor)
            .and_then(|part| seconds.checked_add(part))
            .filter(|seconds| *seconds <= 100 * 365 * 86400)
            .ok_or("longer than a hundred years")?;
        rest = tail;
    }
    if seconds == 0 {
        return Err("must be more than zero; leave it out to run until stopped".to_owned());
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_add_up() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1h", 3600),
            ("1h30m", 5400),
            ("1d1s", 86401),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, part) in [
            ("", "like 30s"),
            ("30", "unit is missing"),
            ("s", "like 30s"),
            ("5 m", "unknown unit"),
            ("1.5h", "unknown unit"),
            ("-1s", "unknown unit"),
            ("10ms", "unknown unit \"ms\""),
            ("0s", "more than zero"),
            ("99999999999999999999s", "like 30s"),
            ("99999999999d", "hundred years"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}

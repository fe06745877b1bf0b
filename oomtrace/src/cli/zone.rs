//! Time zones on the command line.

use jiff::tz::{Offset, TimeZone};

/// Reads `local`, `UTC`, `+02:00`, `Europe/Berlin`.
///
/// # Errors
///
/// It is none of these, or the host has no such zone.
pub(super) fn parse(text: &str) -> Result<TimeZone, String> {
    match text.to_ascii_lowercase().as_str() {
        "local" => Ok(TimeZone::system()),
        "utc" | "z" => Ok(TimeZone::UTC),
        _ => match text.as_bytes().first() {
            Some(b'+' | b'-') => offset(text).ok_or_else(|| {
                format!("{text:?} is no offset from UTC; it is written like +02:00 or -05:30")
            }),
            _ => TimeZone::get(text).map_err(|error| {
                format!(
                    "{error}; write local, UTC, an offset like +02:00, or a name like Europe/Berlin"
                )
            }),
        },
    }
}

fn offset(text: &str) -> Option<TimeZone> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.get(1..)?.replace(':', "");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        2 => (digits.as_str(), "0"),
        4 => digits.split_at_checked(2)?,
        _ => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if minutes > 59 {
        return None;
    }
    let seconds = sign * (hours * 3600 + minutes * 60);
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        assert_eq!(parse("UTC"), Ok(TimeZone::UTC));
        assert_eq!(parse("+00:00"), Ok(TimeZone::fixed(Offset::UTC)));
        for (text, seconds) in [("+02:00", 7200), ("-0530", -19800), ("+02", 7200)] {
            let expected = TimeZone::fixed(Offset::from_seconds(seconds).unwrap());
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        assert!(parse("local").is_ok());
        for wrong in ["+2", "+99:99", "+ab:cd", "Nowhere/Land", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}

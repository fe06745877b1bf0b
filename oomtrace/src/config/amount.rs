//! Sizes and spans of time as people write them: `256MiB`, `30d`.

use std::time::Duration;

/// Units of size, largest first.
const SIZES: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

/// Units of time, largest first.
const TIMES: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Longest span: no clock of the daemon reaches further.
const SECONDS_MAX: u64 = 100 * 365 * 86_400;

/// Bytes from `64KiB`, `256MiB`, `1GiB`; `None` if it is none of these.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, factor) = split(text, &SIZES)?;
    number.checked_mul(factor)
}

/// A span from `30s`, `5m`, `12h`, `30d`; `None` if it is none of these, or zero.
pub(super) fn time(text: &str) -> Option<Duration> {
    let (number, factor) = split(text, &TIMES)?;
    let seconds = number.checked_mul(factor)?;
    (1..=SECONDS_MAX)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

/// The size in the largest unit that divides it.
pub(super) fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES).unwrap_or_else(|| format!("{bytes}B"))
}

/// The span in the largest unit that divides it.
pub(super) fn show_time(time: Duration) -> String {
    show(time.as_secs(), &TIMES).unwrap_or_else(|| format!("{}s", time.as_secs()))
}

fn split(text: &str, units: &[(&str, u64)]) -> Option<(u64, u64)> {
    let (number, factor) = units.iter().find_map(|(unit, factor)| {
        let number = text.strip_suffix(unit)?;
        Some((number.trim_end(), *factor))
    })?;
    let all_digits = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| all_digits)?, factor))
}

fn show(amount: u64, units: &[(&str, u64)]) -> Option<String> {
    let (unit, factor) = units
        .iter()
        .find(|(_, factor)| amount != 0 && amount.is_multiple_of(*factor))?;
    Some(format!("{}{unit}", amount / factor))
}

//! Searching in bytes that need not be text.

/// Where `needle` first occurs in `text`.
pub(crate) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len())
        .position(|window| window == needle)
}

/// Where `needle` last occurs in `text`.
pub(crate) fn rfind(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len())
        .rposition(|window| window == needle)
}

/// What precedes and follows the first `needle`.
pub(crate) fn split<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    divide(text, find(text, needle)?, needle.len())
}

/// What precedes and follows the last `needle`.
pub(crate) fn rsplit<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    divide(text, rfind(text, needle)?, needle.len())
}

fn divide(text: &[u8], at: usize, len: usize) -> Option<(&[u8], &[u8])> {
    Some((text.get(..at)?, text.get(at.checked_add(len)?..)?))
}

/// The whole of `text` as a decimal number.
pub(crate) fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// The digits (and a sign) at the start of `text`, as a number, and what follows them.
pub(crate) fn leading_number<T: std::str::FromStr>(text: &[u8]) -> Option<(T, &[u8])> {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit() && *byte != b'-')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((number(digits)?, rest))
}

/// The number that follows the last `key`.
pub(crate) fn number_after<T: std::str::FromStr>(text: &[u8], key: &[u8]) -> Option<T> {
    let (_, rest) = rsplit(text, key)?;
    leading_number(rest).map(|(value, _)| value)
}

/// Bytes that two hexadecimal digits each spell.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// Two hexadecimal digits for each byte.
#[must_use]
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

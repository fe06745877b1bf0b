//! Amounts as options give them.

use crate::model::Bytes;

/// Digits and a unit (in any case; none: `bare`, as a power of two); `None` for anything else, for
/// nothing and for more than fits.
pub(super) fn parse(value: &str, bare: u32, units: &[(&str, u32)]) -> Option<Bytes> {
    let end = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let (digits, unit) = value.split_at(end);
    let shift = match unit {
        "" => bare,
        unit => {
            let same = |(name, _): &&(&str, u32)| name.eq_ignore_ascii_case(unit);
            units.iter().find(same)?.1
        }
    };
    let number: u64 = digits.parse().ok()?;
    number
        .checked_mul(1u64.checked_shl(shift)?)
        .filter(|&bytes| bytes > 0)
        .map(Bytes)
}

/// `k`, `m`, `g`, `t`: multiples of 1024.
pub(super) const LETTERS: &[(&str, u32)] = &[("k", 10), ("m", 20), ("g", 30), ("t", 40)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, bytes) in [
            ("1", Some(1)),
            ("268435456", Some(256 << 20)),
            ("2k", Some(2048)),
            ("3G", Some(3 << 30)),
            ("1T", Some(1 << 40)),
            ("", None),
            ("m", None),
            ("0", None),
            ("-1m", None),
            ("+1m", None),
            ("1x", None),
            ("1é", None),
            ("1mm", None),
            ("99999999999999999999", None),
            ("99999999999999t", None),
        ] {
            assert_eq!(parse(text, 0, LETTERS), bytes.map(Bytes), "{text}");
        }
        assert_eq!(parse("3", 20, LETTERS), Some(Bytes(3 << 20)));
    }
}

//! Amounts as people read them.

use crate::model::Bytes;

const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

/// `bytes` with a binary unit and at most three significant digits (four before a unit that
/// would be 1024 of the smaller one): `256 MiB`, `21.5 MiB`, `12 KiB`, `0 B`.
#[must_use]
pub fn human(bytes: Bytes) -> String {
    let (mut name, mut shift) = ("B", 0);
    // The largest unit of which there is at least one.
    for (unit, bits) in UNITS {
        if bytes.0 >> bits > 0 {
            (name, shift) = (unit, bits);
            break;
        }
    }
    let unit = 1u128 << shift;
    let tenths = (u128::from(bytes.0) * 10 + unit / 2) / unit;
    if tenths >= 1000 || tenths.is_multiple_of(10) {
        let whole = (u128::from(bytes.0) + unit / 2) / unit;
        return format!("{whole} {name}");
    }
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// Microseconds as whole seconds, minutes or hours, rounded down: `12 min`.
pub(super) fn duration(us: u64) -> String {
    let seconds = us / 1_000_000;
    match seconds {
        0 => "less than a second".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (12_288, "12 KiB"),
            (98_304, "96 KiB"),
            (268_435_456, "256 MiB"),
            (266_862_592, "255 MiB"),
            (20_291_584, "19.4 MiB"),
            (1 << 30, "1 GiB"),
            (3 << 29, "1.5 GiB"),
            ((1 << 40) - 1, "1024 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(human(Bytes(bytes)), text);
        }
    }

    #[test]
    fn durations() {
        for (us, text) in [
            (64_000, "less than a second"),
            (59_999_999, "59 s"),
            (3_599_999_999, "59 min"),
            (7_200_000_000, "2 h"),
        ] {
            assert_eq!(duration(us), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_off_by_more_than_it_rounds(bytes in 0..1u64 << 50) {
            let text = human(Bytes(bytes));
            let (number, unit) = text.split_once(' ').unwrap();
            let (_, bits) = UNITS.iter().find(|(name, _)| *name == unit).unwrap();
            let unit = (1u64 << bits) as f64;
            let off = (number.parse::<f64>().unwrap() * unit - bytes as f64).abs();
            let step = if number.contains('.') || bytes < 100 << bits { 0.05 } else { 0.5 };
            proptest::prop_assert!(off <= step * unit + 1.0, "{text} for {bytes}");
        }
    }
}

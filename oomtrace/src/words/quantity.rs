//! Amounts of memory, times and shares.

use crate::model::Bytes;

/// How figures are written.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Bytes instead of MiB.
    pub exact: bool,
    /// No characters outside ASCII.
    pub ascii: bool,
}

/// Figures of sentences that become part of an event.
const PLAIN: Figures = Figures {
    exact: false,
    ascii: false,
};

/// `256 MiB`, `254.7 MiB`: a decimal point where it is no whole number of the unit.
#[must_use]
pub fn size(bytes: Bytes) -> String {
    PLAIN.size(bytes.0)
}

/// `254.7 MiB of page cache`, `no page cache`.
#[must_use]
pub fn amount_of(bytes: Bytes, what: &str) -> String {
    if bytes.0 == 0 {
        return format!("no {what}");
    }
    format!("{} of {what}", size(bytes))
}

/// `310 µs`, `1.2 ms`, `41.3 s`, `3 h 20 min`.
#[must_use]
pub fn duration(us: u64) -> String {
    PLAIN.duration(us)
}

const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl Figures {
    /// For a sentence: `256 MiB`, `252.3 MiB`, or `264,507,392 bytes`.
    #[must_use]
    pub fn size(self, bytes: u64) -> String {
        if self.exact {
            return exact(bytes);
        }
        if let Some((whole, unit)) = whole(bytes) {
            return format!("{whole} {unit}");
        }
        let (tenths, unit) = tenths(bytes);
        format!("{} {unit}", decimal(tenths))
    }

    /// For a table: figures of one width, their units in a column of their own.
    #[must_use]
    pub fn column(self, amounts: &[u64]) -> Vec<String> {
        let cells: Vec<(String, &str)> = amounts.iter().map(|bytes| self.cell(*bytes)).collect();
        let figures = cells.iter().map(|(figure, _)| figure.len()).max();
        let units = cells.iter().map(|(_, unit)| unit.len()).max();
        let (figures, units) = (figures.unwrap_or(0), units.unwrap_or(0));
        cells
            .into_iter()
            .map(|(figure, unit)| format!("{figure:>figures$} {unit:<units$}"))
            .collect()
    }

    fn cell(self, bytes: u64) -> (String, &'static str) {
        if self.exact || bytes < 1024 {
            return (grouped(bytes), "B");
        }
        let (tenths, unit) = tenths(bytes);
        (decimal(tenths), unit)
    }

    /// `1.2 ms`, `41 s`, `3 h 20 min`.
    #[must_use]
    pub fn duration(self, us: u64) -> String {
        let micro = if self.ascii { "us" } else { "µs" };
        let seconds = us / 1_000_000;
        let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| {
            if small == 0 {
                format!("{big} {big_unit}")
            } else {
                format!("{big} {big_unit} {small} {small_unit}")
            }
        };
        match us {
            0..1_000 => format!("{us} {micro}"),
            1_000..1_000_000 => format!("{} ms", decimal(us / 100)),
            1_000_000..120_000_000 => format!("{} s", decimal(us / 100_000)),
            120_000_000..7_200_000_000 => pair(seconds / 60, "min", seconds % 60, "s"),
            7_200_000_000..172_800_000_000 => pair(seconds / 3600, "h", seconds / 60 % 60, "min"),
            _ => pair(seconds / 86400, "d", seconds / 3600 % 24, "h"),
        }
    }
}

/// `264,507,392 bytes`.
#[must_use]
pub fn exact(bytes: u64) -> String {
    let unit = if bytes == 1 { "byte" } else { "bytes" };
    format!("{} {unit}", grouped(bytes))
}

/// `264,507,392`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1st`, `2nd`, `11th`, `1,021st`.
#[must_use]
pub fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{}{ending}", grouped(number.into()))
}

/// `99.5 %`; what is not all is never shown as 100, what is not nothing never as 0. `None` where
/// `part` is no part of `whole`: nothing is more than 100 %.
#[must_use]
pub fn percent(part: u64, whole: u64) -> Option<String> {
    if whole == 0 || part > whole {
        return None;
    }
    let tenths = (u128::from(part) * 1000 + u128::from(whole) / 2) / u128::from(whole);
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    Some(match tenths {
        0 if part > 0 => "< 0.1 %".to_owned(),
        0 => "0 %".to_owned(),
        1000 if part < whole => "99.9 %".to_owned(),
        1000 => "100 %".to_owned(),
        _ => format!("{} %", decimal(tenths)),
    })
}

/// The size in its unit, where it is a whole number of it.
fn whole(bytes: u64) -> Option<(u64, &'static str)> {
    if bytes < 1024 {
        let unit = if bytes == 1 { "byte" } else { "bytes" };
        return Some((bytes, unit));
    }
    let power = power(bytes);
    let unit = 1_u64 << (10 * power);
    let name = UNITS.get(power)?;
    bytes.is_multiple_of(unit).then_some((bytes / unit, *name))
}

/// The size in tenths of its unit, rounded to the nearest.
fn tenths(bytes: u64) -> (u64, &'static str) {
    let mut power = power(bytes);
    let in_unit = |power: usize| {
        let unit = 1_u128 << (10 * power);
        let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
        u64::try_from(tenths).unwrap_or(u64::MAX)
    };
    // 1023.96 KiB would be written as 1024.0 KiB.
    if in_unit(power) >= 10_240 && power + 1 < UNITS.len() {
        power += 1;
    }
    (in_unit(power), UNITS.get(power).copied().unwrap_or("B"))
}

fn power(bytes: u64) -> usize {
    let bits = u64::BITS - bytes.leading_zeros();
    (bits.saturating_sub(1) / 10) as usize
}

fn decimal(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_end_as_they_are_spoken() {
        let shown = [1, 2, 3, 4, 11, 12, 13, 21, 102, 1111, 1021].map(ordinal);
        let expected = "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 1,111th 1,021st";
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn sizes_in_sentences() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (12_288, "12 KiB"),
            (1_048_575, "1.0 MiB"),
            (264_507_392, "252.3 MiB"),
            (268_435_456, "256 MiB"),
            (268_431_360, "256.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(PLAIN.size(bytes), expected, "{bytes}");
        }
        let exact = Figures {
            exact: true,
            ..PLAIN
        };
        assert_eq!(exact.size(264_507_392), "264,507,392 bytes");
    }

    #[test]
    fn columns_have_one_width() {
        let amounts = [0, 1023, 1024, 1_048_575, 264_507_392, 1 << 52];
        assert_eq!(
            PLAIN.column(&amounts),
            [
                "    0 B  ",
                "1,023 B  ",
                "  1.0 KiB",
                "  1.0 MiB",
                "252.3 MiB",
                "  4.0 PiB"
            ]
        );
        let exact = Figures {
            exact: true,
            ..PLAIN
        };
        assert_eq!(exact.column(&[0, 12_288]), ["     0 B", "12,288 B"]);
        assert_eq!(exact.column(&[]), [""; 0]);
    }

    #[test]
    fn shares_never_claim_all_or_nothing() {
        assert_eq!(percent(1, 0), None);
        assert_eq!(percent(0, 10).as_deref(), Some("0 %"));
        assert_eq!(percent(1, 1 << 40).as_deref(), Some("< 0.1 %"));
        assert_eq!(percent((1 << 40) - 1, 1 << 40).as_deref(), Some("99.9 %"));
        assert_eq!(percent(7, 7).as_deref(), Some("100 %"));
        assert_eq!(percent(2, 1), None);
    }

    #[test]
    fn durations() {
        let cases = [
            (310, "310 µs"),
            (1_250, "1.2 ms"),
            (41_300_000, "41.3 s"),
            (312_000_000, "5 min 12 s"),
            (12_000_000_000, "3 h 20 min"),
            (1_051_200_000_000, "12 d 4 h"),
            (172_800_000_000, "2 d"),
        ];
        for (us, expected) in cases {
            assert_eq!(PLAIN.duration(us), expected);
        }
    }
}

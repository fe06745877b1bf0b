//! No part is larger than its whole.

/// Bytes of the units that sentences have.
const UNITS: [(&str, f64); 6] = [
    ("byte", 1.0),
    ("bytes", 1.0),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

/// Shares above 100 %, and parts that are said to be of something smaller, in a sentence or in a
/// rendered page.
#[must_use]
pub fn impossible(text: &str) -> Vec<String> {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| "();:,•".contains(c)))
        .collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let rest = words.get(at..).unwrap_or_default();
        if let Ok(share) = word.replace(',', "").parse::<f64>()
            && rest
                .get(1)
                .is_some_and(|unit| unit.trim_end_matches('.') == "%")
            && share > 100.0
        {
            found.push(format!("{word} %"));
        }
        let Some((part, step)) = amount(rest) else {
            continue;
        };
        if rest.get(2) != Some(&"of") {
            continue;
        }
        let after = rest.get(3..).unwrap_or_default();
        let whole = amount(after)
            .or_else(|| amount(after.get(1..)?).filter(|_| after.first() == Some(&"the")))
            .map(|(whole, _)| whole)
            .or_else(|| {
                (after.first() == Some(&"it")).then_some(())?;
                let before = (0..at).filter_map(|at| amount(words.get(at..)?));
                before.map(|(whole, _)| whole).reduce(f64::max)
            });
        if whole.is_some_and(|whole| part > whole + step) {
            let end = rest.len().min(6);
            found.push(rest.get(..end).unwrap_or_default().join(" "));
        }
    }
    found
}

/// The amount that words begin with, in bytes, and how far rounding may have moved it.
fn amount(words: &[&str]) -> Option<(f64, f64)> {
    let number: f64 = words.first()?.replace(',', "").parse().ok()?;
    let name = words.get(1)?.trim_end_matches('.');
    let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
    Some((number * unit, 0.1 * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_larger_than_their_whole_are_found() {
        for (text, count) in [
            ("a 256 MiB limit; 254.5 MiB of it was anon", 0),
            ("a 2 MiB limit; 24.1 MiB of it was anon", 1),
            ("24.1 MiB (1203.1 %) in use", 1),
            ("24.1 MiB (100 %) in use.", 0),
            ("3 GiB of the 2 GiB limit", 1),
            ("3 GiB of 2 GiB.", 1),
            ("1023 KiB of the 1 MiB limit", 0),
        ] {
            assert_eq!(impossible(text).len(), count, "{text}");
        }
    }
}

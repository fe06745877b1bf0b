//! Months by name.

/// Beginnings of the names of months in English, German, French, Spanish, Italian, Portuguese and
/// Dutch; none is the beginning of another month's name in one of the others.
const MONTHS: &[(&str, i8)] = &[
    ("jan", 1),
    ("ene", 1),
    ("gen", 1),
    ("feb", 2),
    ("fev", 2),
    ("f\u{e9}v", 2),
    ("mar", 3),
    ("m\u{e4}r", 3),
    ("mrt", 3),
    ("maa", 3),
    ("apr", 4),
    ("abr", 4),
    ("avr", 4),
    ("mai", 5),
    ("may", 5),
    ("mag", 5),
    ("mei", 5),
    ("juin", 6),
    ("jun", 6),
    ("giu", 6),
    ("juil", 7),
    ("jul", 7),
    ("lug", 7),
    ("aug", 8),
    ("ago", 8),
    ("aou", 8),
    ("ao\u{fb}", 8),
    ("sep", 9),
    ("set", 9),
    ("oct", 10),
    ("okt", 10),
    ("out", 10),
    ("ott", 10),
    ("nov", 11),
    ("dec", 12),
    ("dez", 12),
    ("dic", 12),
    ("d\u{e9}c", 12),
];

/// The month's number, if its name is known.
pub(super) fn month_of(word: &[u8]) -> Option<i8> {
    let text = str::from_utf8(word).ok()?.to_lowercase();
    // Chinese, Japanese and Korean number their months.
    if let Some(number) = text
        .strip_suffix('\u{6708}')
        .or_else(|| text.strip_suffix('\u{c6d4}'))
    {
        return number.parse().ok().filter(|month| (1..=12).contains(month));
    }
    MONTHS
        .iter()
        .find(|(beginning, _)| text.starts_with(beginning))
        .map(|(_, month)| *month)
}

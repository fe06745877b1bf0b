//! The table of tasks. Its columns differ between kernels: the header says which there are.

use super::text::{id, kernel_word, leading_unsigned, signed, unsigned, words};

/// More columns than any kernel prints.
const COLUMNS_MAX: usize = 24;

/// The columns of a header, `pid` first and `name` last; `None` for another line. A header that
/// is not whole lacks `name`.
pub(in crate::klog) fn header(text: &[u8]) -> Option<Vec<String>> {
    let (bracketed, rest) = bracketed(text)?;
    if bracketed != b"pid" {
        return None;
    }
    let mut columns = vec!["pid".to_owned()];
    columns.extend(
        words(rest)
            .filter_map(|word| kernel_word(word, 32))
            .take(COLUMNS_MAX),
    );
    Some(columns)
}

/// The text in brackets at the beginning, without blanks, and what follows.
fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = text.strip_prefix(b"[")?;
    let at = memchr::memchr(b']', rest)?;
    Some((rest.get(..at)?.trim_ascii(), rest.get(at + 1..)?))
}

/// One task, as printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::klog) struct Row {
    pub(in crate::klog) tid: u32,
    pub(in crate::klog) tgid: u32,
    pub(in crate::klog) uid: Option<u32>,
    pub(in crate::klog) total_vm: Option<u64>,
    pub(in crate::klog) rss: Option<u64>,
    pub(in crate::klog) rss_parts: [Option<u64>; 3],
    pub(in crate::klog) pgtables_bytes: Option<u64>,
    pub(in crate::klog) nr_ptes: Option<u64>,
    pub(in crate::klog) nr_pmds: Option<u64>,
    pub(in crate::klog) swap: Option<u64>,
    pub(in crate::klog) cpu: Option<u32>,
    pub(in crate::klog) oom_adj: Option<i32>,
    pub(in crate::klog) oom_score_adj: Option<i32>,
    /// Columns of vendors' kernels.
    pub(in crate::klog) others: Vec<(String, u64)>,
    pub(in crate::klog) name: Vec<u8>,
}

/// Whether a line looks like a row, whole or not.
pub(in crate::klog) fn is_row(text: &[u8]) -> bool {
    let looks = || {
        let (pid, rest) = bracketed(text)?;
        id(pid)?;
        let first = words(rest).next()?;
        unsigned(first)
    };
    looks().is_some()
}

/// What becomes of a line that looks like a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::klog) enum Parsed {
    /// A row.
    Whole(Box<Row>),
    /// A row that goes on in the next line, if it is a row: so many of its fields are there.
    Part(usize),
    /// Something else.
    No,
}

/// Columns of a table whose header is not in the text: those that every kernel has.
const KNOWN: [&str; 4] = ["uid", "tgid", "total_vm", "rss"];

/// The columns between these and the last, where their number tells them.
fn columns_between(numbers: &[&[u8]]) -> &'static [&'static str] {
    match numbers.get(KNOWN.len()..) {
        Some([_, _, _]) => &["nr_ptes", "nr_pmds", "swapents"],
        Some([_, _, _, _, _]) => &[
            "rss_anon",
            "rss_file",
            "rss_shmem",
            "pgtables_bytes",
            "swapents",
        ],
        // Page tables in bytes are whole pages; their number is smaller, a processor's too.
        Some([first, _]) if unsigned(first).is_some_and(|it| it >= 4096 && it % 4096 == 0) => {
            &["pgtables_bytes", "swapents"]
        }
        _ => &[],
    }
}

/// Parses a row by the columns of its header.
pub(in crate::klog) fn row(text: &[u8], columns: &[String]) -> Parsed {
    let Some((tid, rest)) = bracketed(text) else {
        return Parsed::No;
    };
    let Some(tid) = id(tid) else {
        return Parsed::No;
    };
    if columns.last().is_some_and(|last| last == "name") {
        return by_header(tid, rest, columns);
    }
    without_header(tid, rest)
}

fn by_header(tid: u32, rest: &[u8], columns: &[String]) -> Parsed {
    let mut row = Row {
        tid,
        ..Row::default()
    };
    let mut rest = rest;
    let numbers = columns.len().saturating_sub(2);
    for (index, column) in columns.iter().skip(1).take(numbers).enumerate() {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Parsed::Part(index);
        }
        let Some((word, after)) = number_word(rest) else {
            return Parsed::No;
        };
        rest = after;
        set(&mut row, column, word);
    }
    finish(row, rest, numbers)
}

fn without_header(tid: u32, rest: &[u8]) -> Parsed {
    let mut row = Row {
        tid,
        ..Row::default()
    };
    let mut rest = rest;
    let mut all = Vec::new();
    let mut numbers = 0;
    // The name may consist of digits: it is what is left for the last word.
    loop {
        let start = rest.trim_ascii_start();
        let Some((word, after)) = number_word(start) else {
            break;
        };
        if after.trim_ascii().is_empty() || numbers >= COLUMNS_MAX {
            break;
        }
        numbers += 1;
        all.push(word);
        rest = after;
    }
    // uid, tgid, total_vm, rss and at least three more.
    if numbers < 7 {
        return Parsed::No;
    }
    let Some((adj, others)) = all.split_last() else {
        return Parsed::No;
    };
    set(&mut row, "oom_score_adj", adj);
    for (column, word) in KNOWN.iter().chain(columns_between(others)).zip(others) {
        set(&mut row, column, word);
    }
    finish(row, rest, numbers)
}

fn finish(mut row: Row, rest: &[u8], numbers: usize) -> Parsed {
    // One blank, then the name, whatever it is; blanks at the end may be the carrier's.
    let name = rest.strip_prefix(b" ").unwrap_or(rest).trim_ascii_end();
    if name.is_empty() {
        return Parsed::Part(numbers);
    }
    row.name = name.trim_ascii_start().to_vec();
    if row.name.len() > super::text::COMM_BYTES_MAX * 2 {
        return Parsed::No;
    }
    Parsed::Whole(Box::new(row))
}

/// A number with a sign or not, up to a blank.
fn number_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let sign = usize::from(text.starts_with(b"-"));
    let (_, after) = leading_unsigned(text.get(sign..)?)?;
    if !after.is_empty() && !after.first()?.is_ascii_whitespace() {
        return None;
    }
    text.split_at_checked(text.len() - after.len())
}

fn set(row: &mut Row, column: &str, word: &[u8]) {
    let small = || signed(word).and_then(|value| i32::try_from(value).ok());
    match column {
        "uid" => row.uid = id(word),
        "tgid" => row.tgid = id(word).unwrap_or_default(),
        "total_vm" => row.total_vm = unsigned(word),
        "rss" => row.rss = unsigned(word),
        "rss_anon" => row.rss_parts[0] = unsigned(word),
        "rss_file" => row.rss_parts[1] = unsigned(word),
        "rss_shmem" => row.rss_parts[2] = unsigned(word),
        "pgtables_bytes" => row.pgtables_bytes = unsigned(word),
        "nr_ptes" => row.nr_ptes = unsigned(word),
        "nr_pmds" => row.nr_pmds = unsigned(word),
        "swapents" => row.swap = unsigned(word),
        "cpu" => row.cpu = id(word),
        "oom_adj" => row.oom_adj = small(),
        "oom_score_adj" => row.oom_score_adj = small(),
        other => {
            if let Some(value) = unsigned(word) {
                row.others.push((other.to_owned(), value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, header: &str) -> Row {
        let columns = super::header(header.as_bytes()).unwrap();
        match row(text.as_bytes(), &columns) {
            Parsed::Whole(row) => *row,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_set_of_columns() {
        let row = whole(
            "[26675]     0 26675   688639    64577     204       7        0             0 ja va)",
            "[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
        );
        assert_eq!((row.tid, row.tgid, row.rss), (26_675, 26_675, Some(64_577)));
        assert_eq!((row.nr_ptes, row.nr_pmds), (Some(204), Some(7)));
        assert_eq!(row.name, b"ja va)");

        let row = whole(
            "[  531] 1001240000   531  1  2   3   -17         -1000 531",
            "[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name",
        );
        assert_eq!((row.uid, row.cpu), (Some(1_001_240_000), Some(3)));
        assert_eq!((row.oom_adj, row.oom_score_adj), (Some(-17), Some(-1000)));
        assert_eq!(row.name, b"531");

        let row = whole(
            "[    244]     0   243     5389     5305     5130        1       174    81920        0             0 bystander",
            "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
        );
        assert_eq!(row.rss_parts, [Some(5130), Some(1), Some(174)]);
        assert_eq!((row.tgid, row.pgtables_bytes), (243, Some(81_920)));
    }

    #[test]
    fn a_broken_row_goes_on() {
        let columns =
            header(b"[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name")
                .unwrap();
        assert_eq!(row(b"[ 5] 0 5 7 8 9", &columns), Parsed::Part(5));
        assert_eq!(row(b"[ 5] 0 5 7 8 9 0 0", &columns), Parsed::Part(7));
        assert_eq!(row(b"[ 5] 0 5 x", &columns), Parsed::No);
        assert_eq!(row(b"[ 5.1] 0 5", &columns), Parsed::No);
    }

    #[test]
    fn without_a_header_only_what_every_kernel_has() {
        let Parsed::Whole(row) = row(b"[ 5] 0 6 7 8 9 10 -5 531", &[]) else {
            panic!("not a row");
        };
        assert_eq!((row.tgid, row.total_vm, row.rss), (6, Some(7), Some(8)));
        assert_eq!((row.oom_score_adj, row.nr_ptes), (Some(-5), None));
        assert_eq!(row.name, b"531");
        let Parsed::Whole(row) = super::row(b"[ 5] 0 6 7 8 8192 10 -5 a", &[]) else {
            panic!("not a row");
        };
        assert_eq!((row.pgtables_bytes, row.swap), (Some(8192), Some(10)));
        let Parsed::Whole(row) = super::row(b"[ 5] 0 6 7 8 5 2 1 4096 10 -5 a", &[]) else {
            panic!("not a row");
        };
        assert_eq!(row.rss_parts, [Some(5), Some(2), Some(1)]);
        assert_eq!(
            super::row(b"[ 5] some driver 1 2 3 4 5 6 7", &[]),
            Parsed::No
        );
    }
}

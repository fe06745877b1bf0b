//! Lines that mail, a terminal or a name with a newline has broken, put together again.
//!
//! A line is put together with the next one only if it is of a known kind, lacks something of
//! it, and lacks less of it with the next one: what does not help is left alone.

use super::kill::{self, Fate};
use super::{memcg, start, summary, table, text, trigger};

/// What a line that is not whole is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::klog) enum Kind {
    Invoked,
    Processor,
    Kill,
    Reaper,
    Summary,
    TaskIn,
    Counter,
    Header,
    Row,
}

/// Lines that are put together at most.
pub(in crate::klog) const PARTS_MAX: u8 = 8;

/// Longest line that is put together.
pub(in crate::klog) const BYTES_MAX: usize = 4096;

/// What `text` is a part of, if it is no whole line.
pub(in crate::klog) fn wants(text: &[u8], columns: &[String]) -> Option<Kind> {
    if text.ends_with(b" invoked") || text::is_first_line(text) {
        let whole = trigger::invoked(text).is_some_and(|found| trigger::is_whole(&found, text));
        return (!whole).then_some(Kind::Invoked);
    }
    match text.first()? {
        b'O' | b'M' | b'K' | b'k' if start::begins_kill(text) => match kill::fate(text) {
            None => Some(Kind::Kill),
            Some(Fate::Killed(killed)) => (killed.oom_score_adj.is_none()).then_some(Kind::Kill),
            Some(Fate::Chosen { score: None, .. }) => Some(Kind::Kill),
            Some(_) => None,
        },
        b'o' if text.starts_with(b"oom-kill:") => {
            let uid = summary::summary(text).and_then(|found| found.uid);
            uid.is_none().then_some(Kind::Summary)
        }
        b'o' if text.starts_with(b"oom_reaper: reaped") => {
            (reaper_fields(text) < 4).then_some(Kind::Reaper)
        }
        b'T' if text.starts_with(b"Task in /") => {
            (task_in_fields(text) < 2).then_some(Kind::TaskIn)
        }
        b'm' | b's' | b'k' if text::contains(text, b": usage") => {
            (counter_fields(text) < 3).then_some(Kind::Counter)
        }
        b'C' if text.starts_with(b"CPU: ") => trigger::processor(text)
            .is_some_and(|found| found.release.is_none())
            .then_some(Kind::Processor),
        b'[' => match table::header(text) {
            Some(header) => {
                (header.last().is_none_or(|last| last != "name")).then_some(Kind::Header)
            }
            None => {
                matches!(table::row(text, columns), table::Parsed::Part(_)).then_some(Kind::Row)
            }
        },
        _ => None,
    }
}

/// How much of its kind a line shows.
fn score(kind: Kind, text: &[u8], columns: &[String]) -> usize {
    match kind {
        Kind::Invoked => match trigger::invoked(text) {
            Some(found) => {
                1 + usize::from(found.order.is_some()) + usize::from(found.oom_score_adj.is_some())
            }
            None => 0,
        },
        Kind::Processor => trigger::processor(text).map_or(0, |found| {
            1 + usize::from(found.release.is_some()) + usize::from(found.tainted.is_some())
        }),
        Kind::Kill => kill::fields(text),
        Kind::Reaper => reaper_fields(text),
        Kind::Summary => summary::fields(text),
        Kind::TaskIn => task_in_fields(text),
        Kind::Counter => counter_fields(text),
        Kind::Header => {
            usize::from(
                table::header(text)
                    .is_some_and(|header| header.last().is_some_and(|l| l == "name")),
            ) + table::header(text).map_or(0, |header| header.len())
        }
        Kind::Row => match table::row(text, columns) {
            table::Parsed::Whole(_) => usize::MAX,
            table::Parsed::Part(fields) => fields + 1,
            table::Parsed::No => 0,
        },
    }
}

fn reaper_fields(text: &[u8]) -> usize {
    kill::reaped(text).map_or(0, |found| {
        1 + [found.anon, found.file, found.shmem]
            .iter()
            .flatten()
            .count()
    })
}

fn task_in_fields(text: &[u8]) -> usize {
    summary::task_in(text).map_or(0, |found| {
        usize::from(found.task_memcg.is_some()) + usize::from(found.oom_memcg.is_some())
    })
}

fn counter_fields(text: &[u8]) -> usize {
    memcg::counter(text).map_or(0, |(_, found)| {
        usize::from(found.usage_bytes.is_some())
            + usize::from(found.limit_bytes.is_some() || found.unlimited)
            + usize::from(found.failcnt.is_some())
    })
}

/// How two lines may have been one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::klog) enum Break {
    /// Broken by what carried them: at a blank, or anywhere.
    Wrapped,
    /// The same, or a newline in a name: the parts have the same time.
    SameTime,
}

/// The two lines as one, where that shows more than the first alone.
pub(in crate::klog) fn join(
    kind: Kind,
    first: &[u8],
    next: &[u8],
    how: Break,
    columns: &[String],
) -> Option<Vec<u8>> {
    if first.len() + next.len() > BYTES_MAX {
        return None;
    }
    let alone = score(kind, first, columns);
    let separators: &[&[u8]] = match how {
        Break::Wrapped => &[b" ", b""],
        Break::SameTime if is_in_name(kind, first) => &[b"\n"],
        Break::SameTime => &[b" ", b""],
    };
    let mut best: Option<(usize, Vec<u8>)> = None;
    for separator in separators {
        let both = [first, *separator, next].concat();
        let shown = score(kind, &both, columns);
        let most = best.as_ref().map_or(alone, |(most, _)| *most);
        // A name may be all that the next line adds, and an incomplete start shows nothing yet.
        if shown > most {
            best = Some((shown, both));
        }
    }
    if best.is_none() && alone == 0 && expects(kind, first, next) {
        return Some([first, b" ", next].concat());
    }
    best.map(|(_, both)| both)
}

/// Mail and terminals break lines that are longer than this, with their prefix.
const WRAPPED_BYTES_MIN: usize = 56;

/// Whether a line breaks off inside of a name, too early for the carrier to have broken it.
fn is_in_name(kind: Kind, first: &[u8]) -> bool {
    let open = || {
        let at = memchr::memrchr(b'(', first)?;
        Some(memchr::memchr(b')', first.get(at..)?).is_none())
    };
    if first.len() >= WRAPPED_BYTES_MIN {
        return false;
    }
    match kind {
        Kind::Kill => open() == Some(true),
        Kind::Processor => !text::contains(first, b"ainted"),
        _ => false,
    }
}

/// Whether a start that shows nothing yet can go on with `next`.
fn expects(kind: Kind, first: &[u8], next: &[u8]) -> bool {
    match kind {
        Kind::Kill => {
            (first.ends_with(b"Kill") || first.ends_with(b"Killed"))
                && next.starts_with(b"process ")
                || next.starts_with(b"(")
                || next.starts_with(b"Kill")
        }
        Kind::Invoked => {
            first.ends_with(b" invoked") && next.starts_with(b"oom-killer:")
                || next.starts_with(b"gfp_mask=")
        }
        _ => false,
    }
}

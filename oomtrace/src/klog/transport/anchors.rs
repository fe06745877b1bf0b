//! The fast way past what has no OOM report: blocks are searched for the few words that every
//! report has; only what lies around one is handed on.

use aho_corasick::packed::Searcher;
use memchr::{memchr, memchr_iter, memmem};

/// At least one of these occurs in every report, and in every line that may be all that is left of
/// one; and what it says of the report around it. Of two that begin at the same place the first
/// counts.
///
/// The last two are `oom` in journald's JSON, where a message that is no UTF-8 is an array of numbers.
const ANCHORS: &[(&str, Kind)] = &[
    ("invoked oom-killer", Kind::First),
    ("oom_score_adj name", Kind::Table),
    ("illed process", Kind::Last),
    ("Linux version ", Kind::Apart),
    ("oom", Kind::Other),
    ("ut of memory", Kind::Other),
    ("ut of Memory", Kind::Other),
    ("ill process", Kind::Other),
    ("as a result of limit of", Kind::Other),
    ("by the OOM killer", Kind::Other),
    ("111,111,109", Kind::Other),
    ("111, 111, 109", Kind::Other),
];

/// Handed on before an anchor: a report whose first lines are lost begins with its table, of which
/// the kernel has no bound; this holds thousands of rows.
const BEFORE_BYTES: usize = 512 * 1024;

/// Handed on before an anchor that no part of a report comes before: the rest of its entry, where
/// an entry has several lines.
const BEFORE_FIRST_BYTES: usize = 8 * 1024;

/// Handed on after an anchor while a report has not come to its last line: the table again, and what
/// other programs write meanwhile.
const AFTER_BYTES: usize = 1024 * 1024;

/// Handed on after any other anchor. What comes later than that is not lost: it comes before the
/// next anchor.
const AFTER_LAST_BYTES: usize = 64 * 1024;

/// Longest anchor, less one: what two blocks must share.
const OVERLAP_BYTES: usize = 32;

/// What to do with bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pass<'a> {
    /// So many lines without interest were left out here.
    Skipped(u64),
    /// Bytes to be read.
    Bytes(&'a [u8]),
}

/// What an anchor says of the report around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The first line of a report.
    First,
    /// The head of its table.
    Table,
    /// Its last line.
    Last,
    /// The first line of a boot, which belongs to no report.
    Apart,
    /// Any other.
    Other,
}

/// Searches a stream.
#[derive(Debug)]
pub(super) struct Anchors {
    /// All anchors at once, by SIMD; none where the processor has no such instructions.
    searcher: Option<Searcher>,
    /// Bytes without an anchor that may turn out to come before one.
    before: Vec<u8>,
    /// The end of what was searched: an anchor may begin in it.
    seam: Vec<u8>,
    /// Bytes still to be handed on.
    open: usize,
    /// Reports, of several hosts, that have not come to their last line.
    reports: u32,
    /// Everything is handed on.
    all: bool,
}

/// An anchor in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Met {
    start: usize,
    end: usize,
    kind: Kind,
}

impl Anchors {
    /// With `all`, nothing is left out.
    pub(super) fn new(all: bool) -> Self {
        Self {
            searcher: Searcher::new(ANCHORS.iter().map(|(text, _)| text)),
            before: Vec::new(),
            seam: Vec::new(),
            open: 0,
            reports: 0,
            all,
        }
    }

    /// Takes a block; what is to be read goes to `on`.
    pub(super) fn push(&mut self, bytes: &[u8], mut on: impl FnMut(Pass<'_>)) {
        if self.all {
            on(Pass::Bytes(bytes));
            return;
        }
        self.across(bytes, &mut on);
        let mut rest = bytes;
        let mut met = self.find(rest, 0);
        while !rest.is_empty() {
            if self.open == 0 {
                let Some(first) = met else {
                    self.hold(rest, &mut on);
                    return;
                };
                let (quiet, loud) = rest.split_at_checked(first.start).unwrap_or((rest, &[]));
                self.hold(quiet, &mut on);
                self.open(first.kind, &mut on);
                rest = loud;
                met = self.find(rest, first.end - first.start);
            }
            while let Some(next) = met
                && next.start < self.open
            {
                self.open = next.start.saturating_add(self.after(next.kind));
                met = self.find(rest, next.end);
            }
            let (now, later) = rest.split_at_checked(self.open).unwrap_or((rest, &[]));
            on(Pass::Bytes(now));
            self.open -= now.len();
            if self.open == 0 {
                self.reports = 0;
            }
            rest = later;
            met = met.and_then(|met| met.behind(now.len()));
        }
    }

    /// Forgets what is held back: it precedes nothing.
    pub(super) fn finish(&mut self) {
        self.before.clear();
    }

    /// Meets an anchor that began in the block before.
    fn across(&mut self, bytes: &[u8], on: &mut impl FnMut(Pass<'_>)) {
        let mut across = std::mem::take(&mut self.seam);
        let border = across.len();
        across.extend(bytes.iter().take(OVERLAP_BYTES));
        let mut from = 0;
        while let Some(met) = self.find(&across, from)
            && met.start < border
        {
            if met.end > border {
                self.open(met.kind, on);
                self.open -= border - met.start;
            }
            from = met.end;
        }
        if bytes.len() > OVERLAP_BYTES {
            across.clear();
            across.extend(bytes.iter().skip(bytes.len() - OVERLAP_BYTES));
        } else {
            across.drain(..across.len().saturating_sub(OVERLAP_BYTES));
        }
        self.seam = across;
    }

    /// The first anchor from there on.
    fn find(&self, bytes: &[u8], from: usize) -> Option<Met> {
        let (index, start) = if let Some(searcher) = &self.searcher {
            let found = searcher.find_in(bytes, (from..bytes.len()).into())?;
            (found.pattern().as_usize(), found.start())
        } else {
            let behind = bytes.get(from..)?;
            let (at, index) = ANCHORS
                .iter()
                .enumerate()
                .filter_map(|(index, (text, _))| {
                    Some((memmem::find(behind, text.as_bytes())?, index))
                })
                .min()?;
            (index, from + at)
        };
        let (text, kind) = *ANCHORS.get(index)?;
        Some(Met {
            start,
            end: start + text.len(),
            kind,
        })
    }

    /// Hands on what precedes an anchor, and opens for what follows it.
    fn open(&mut self, kind: Kind, on: &mut impl FnMut(Pass<'_>)) {
        if self.open == 0 {
            if matches!(kind, Kind::First | Kind::Apart) {
                self.trim(on);
            }
            let mut before = std::mem::take(&mut self.before);
            on(Pass::Bytes(&before));
            before.clear();
            self.before = before;
        }
        self.open = self.after(kind);
    }

    /// How much is handed on from the beginning of an anchor.
    fn after(&mut self, kind: Kind) -> usize {
        self.reports = match kind {
            Kind::First => self.reports.saturating_add(1),
            Kind::Table => self.reports.max(1),
            Kind::Last => self.reports.saturating_sub(1),
            Kind::Apart | Kind::Other => self.reports,
        };
        if self.reports > 0 {
            AFTER_BYTES
        } else {
            AFTER_LAST_BYTES
        }
    }

    /// Lets go of lines far before an anchor that begins something.
    fn trim(&mut self, on: &mut impl FnMut(Pass<'_>)) {
        let from = self.before.len().saturating_sub(BEFORE_FIRST_BYTES);
        let behind = self.before.get(from..).unwrap_or_default();
        // A line that is longer than that is not cut.
        if let (1.., Some(at)) = (from, memchr(b'\n', behind)) {
            let lines = count(self.before.get(..=from + at).unwrap_or_default());
            self.before.drain(..=from + at);
            on(Pass::Skipped(lines));
        }
    }

    /// Keeps the end of what has no anchor, from the beginning of a line if there is one.
    fn hold(&mut self, bytes: &[u8], on: &mut impl FnMut(Pass<'_>)) {
        let total = self.before.len().saturating_add(bytes.len());
        if total <= 2 * BEFORE_BYTES {
            self.before.extend_from_slice(bytes);
            return;
        }
        let mut lines = 0;
        let keep = BEFORE_BYTES.min(bytes.len());
        let (gone, kept) = bytes
            .split_at_checked(bytes.len() - keep)
            .unwrap_or((&[], bytes));
        if kept.len() < BEFORE_BYTES {
            let from = self.before.len() - (BEFORE_BYTES - kept.len()).min(self.before.len());
            lines += count(self.before.get(..from).unwrap_or_default());
            self.before.drain(..from);
        } else {
            lines += count(&self.before);
            self.before.clear();
        }
        lines += count(gone);
        self.before.extend_from_slice(kept);
        // A line that has lost its beginning is nobody's; without it, the rest begins cleanly.
        if let Some(at) = memchr(b'\n', &self.before) {
            self.before.drain(..=at);
            lines += 1;
        }
        on(Pass::Skipped(lines));
    }
}

impl Met {
    /// The same, if it does not begin in the first so many bytes, in what follows these.
    fn behind(self, bytes: usize) -> Option<Self> {
        Some(Self {
            start: self.start.checked_sub(bytes)?,
            end: self.end.checked_sub(bytes)?,
            ..self
        })
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(memchr_iter(b'\n', bytes).count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on, and the lines left out before it.
    fn run(input: &[u8], step: usize) -> (Vec<u8>, u64) {
        let mut anchors = Anchors::new(false);
        let (mut out, mut skipped) = (Vec::new(), 0);
        for piece in input.chunks(step) {
            anchors.push(piece, |pass| match pass {
                Pass::Bytes(bytes) => out.extend_from_slice(bytes),
                Pass::Skipped(lines) if out.is_empty() => skipped += lines,
                Pass::Skipped(_) => {}
            });
        }
        anchors.finish();
        (out, skipped)
    }

    #[test]
    fn without_an_anchor_nothing_is_handed_on() {
        let quiet = b"[    1.000000] nothing of interest here\n".repeat(100_000);
        let (out, _) = run(&quiet, 65_536);
        assert_eq!(out, b"");
    }

    const QUIET: &[u8; 40] = b"[    1.000000] nothing of interest here\n";
    const FIRST: &[u8] = b"java invoked oom-killer: gfp_mask=0x0\n";
    const TABLE: &[u8] = b"[ pid ]   uid  tgid total_vm      rss oom_score_adj name\n";
    const LAST: &[u8] = b"Killed process 7 (java) total-vm:4kB\n";

    fn quiet(bytes: usize) -> Vec<u8> {
        QUIET.repeat(bytes / QUIET.len())
    }

    #[test]
    fn lines_around_an_anchor_pass_the_rest_is_counted() {
        for (anchor, before, after) in [
            (
                FIRST,
                BEFORE_FIRST_BYTES - 50..=BEFORE_FIRST_BYTES,
                AFTER_BYTES,
            ),
            (TABLE, BEFORE_BYTES - 50..=2 * BEFORE_BYTES, AFTER_BYTES),
            (LAST, BEFORE_BYTES - 50..=2 * BEFORE_BYTES, AFTER_LAST_BYTES),
        ] {
            let input = [&quiet(4_000_000), anchor, &quiet(4_000_000)].concat();
            for step in [1000, 65_536, 1 << 20, usize::MAX] {
                let (out, skipped) = run(&input, step.min(input.len()));
                assert!(out.starts_with(QUIET), "a whole line first");
                let at = memchr::memmem::find(&out, anchor).unwrap();
                assert!(before.contains(&at), "{step}: {at}");
                let handed = out.len() - at;
                assert!((after..=after + 100).contains(&handed), "{step}: {handed}");
                let lines_before = u64::try_from(at / QUIET.len()).unwrap();
                assert_eq!(skipped + lines_before, 100_000, "{step}");
            }
        }
    }

    #[test]
    fn a_report_with_a_long_table_stays_whole() {
        let table = quiet(900_000);
        let report = [FIRST, TABLE, &table, LAST].concat();
        let other = [FIRST, LAST].concat();
        let between = [FIRST, TABLE, &other, &table, LAST].concat();
        let headless = [&quiet(500_000), LAST].concat();
        // Newest first, as far as it matters here.
        let turned = [LAST, &quiet(500_000), TABLE, FIRST].concat();
        for whole in [report, between, headless, turned] {
            let input = [&quiet(3_000_000), whole.as_slice(), &quiet(3_000_000)].concat();
            for step in [999, 65_536, usize::MAX] {
                let (out, _) = run(&input, step.min(input.len()));
                assert!(memchr::memmem::find(&out, &whole).is_some(), "{step}");
                let after = out.len() - memchr::memmem::rfind(&out, b"java").unwrap();
                assert!(after < 2 * AFTER_BYTES, "{step}: {after}");
            }
        }
    }

    #[test]
    fn an_anchor_across_two_blocks_is_found() {
        for (anchor, _) in ANCHORS {
            let text = format!("first line\nxx{anchor}yy\n");
            for step in 1..text.len() {
                let (out, _) = run(text.as_bytes(), step);
                assert_eq!(out, text.as_bytes(), "{anchor} in pieces of {step}");
            }
        }
    }
}

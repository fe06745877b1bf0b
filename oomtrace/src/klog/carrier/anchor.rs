//! The fast way past what has no OOM report: blocks are searched for the few words that every
//! report has; only what lies around one is handed on.

use aho_corasick::packed::Searcher;
use memchr::{memchr, memchr_iter, memmem};

/// At least one of these stands in every report, and in every line that may be all that is left of
/// one.
///
/// The last two are `oom` in journald's JSON, where a message that is no UTF-8 is an array of numbers.
const ANCHORS: &[&str] = &[
    "oom",
    "ut of memory",
    "ut of Memory",
    "illed process",
    "ill process",
    "as a result of limit of",
    "Linux version ",
    "111,111,109",
    "111, 111, 109",
];

/// Handed on before an anchor: a report whose first lines are lost begins with its table, of which
/// the kernel has no bound; this holds thousands of rows.
const BEFORE_BYTES: usize = 512 * 1024;

/// Handed on after an anchor: the table again, and what other programs write meanwhile.
const AFTER_BYTES: usize = 1024 * 1024;

/// Longest anchor, less one: what two blocks must share.
const OVERLAP_BYTES: usize = 32;

/// What to do with bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pass<'a> {
    /// Lines that nobody needs to see were left out here; as many as this.
    Skipped(u64),
    /// Bytes to be read.
    Bytes(&'a [u8]),
}

/// Searches a stream.
#[derive(Debug)]
pub(super) struct Anchors {
    /// All anchors at once, by SIMD; none where the processor has no such instructions.
    searcher: Option<Searcher>,
    /// Bytes without an anchor that may turn out to stand before one.
    before: Vec<u8>,
    /// Bytes still to be handed on.
    open: usize,
    /// Everything is handed on.
    all: bool,
}

impl Anchors {
    /// With `all`, nothing is left out.
    pub(super) fn new(all: bool) -> Self {
        Self {
            searcher: Searcher::new(ANCHORS),
            before: Vec::new(),
            open: 0,
            all,
        }
    }

    /// Takes a block; what is to be read goes to `on`.
    pub(super) fn push(&mut self, bytes: &[u8], mut on: impl FnMut(Pass<'_>)) {
        if self.all {
            on(Pass::Bytes(bytes));
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.open > 0 {
                rest = self.pass(rest, &mut on);
                continue;
            }
            // An anchor may begin in what was held back.
            let seam = self.before.len().saturating_sub(OVERLAP_BYTES);
            let straddles = {
                let mut across = self.before.get(seam..).unwrap_or_default().to_vec();
                across.extend(rest.iter().take(OVERLAP_BYTES));
                self.find(&across).is_some()
            };
            let found = if straddles { Some(0) } else { self.find(rest) };
            match found {
                Some(at) => {
                    let (quiet, loud) = rest.split_at_checked(at).unwrap_or((rest, &[]));
                    self.hold(quiet, &mut on);
                    let before = std::mem::take(&mut self.before);
                    on(Pass::Bytes(&before));
                    self.open = AFTER_BYTES;
                    rest = loud;
                }
                None => {
                    self.hold(rest, &mut on);
                    rest = &[];
                }
            }
        }
    }

    /// Forgets what is held back: it stands before nothing.
    pub(super) fn finish(&mut self) {
        self.before.clear();
    }

    /// Where the first anchor begins.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        if let Some(searcher) = &self.searcher {
            return searcher.find(bytes).map(|found| found.start());
        }
        ANCHORS
            .iter()
            .filter_map(|anchor| memmem::find(bytes, anchor.as_bytes()))
            .min()
    }

    /// Hands on up to where nothing has been found for long enough; gives what comes behind.
    fn pass<'a>(&mut self, bytes: &'a [u8], on: &mut impl FnMut(Pass<'_>)) -> &'a [u8] {
        let (now, rest) = bytes.split_at_checked(self.open).unwrap_or((bytes, &[]));
        let last = self.last(now);
        on(Pass::Bytes(now));
        self.open = match last {
            Some(at) => AFTER_BYTES.saturating_sub(now.len().saturating_sub(at)),
            None => self.open.saturating_sub(now.len()),
        };
        rest
    }

    /// Where one of the last anchors is: looked for from the back, as reports are dense.
    fn last(&self, bytes: &[u8]) -> Option<usize> {
        const STEP_BYTES: usize = 4096;
        let mut end = bytes.len();
        loop {
            let from = end.saturating_sub(STEP_BYTES);
            let to = end.saturating_add(OVERLAP_BYTES).min(bytes.len());
            if let Some(at) = bytes.get(from..to).and_then(|part| self.find(part)) {
                return Some(from + at);
            }
            if from == 0 {
                return None;
            }
            end = from;
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

    #[test]
    fn what_stands_around_an_anchor_is_handed_on_and_the_rest_is_counted() {
        let quiet = b"[    1.000000] nothing of interest here\n".repeat(100_000);
        let mut input = quiet.clone();
        input.extend(b"java invoked oom-killer: gfp_mask=0x0\n");
        input.extend(&quiet);
        for step in [1000, 65_536, 1 << 20, usize::MAX] {
            let (out, skipped) = run(&input, step.min(input.len()));
            assert!(
                out.starts_with(b"[    1.000000] nothing"),
                "a whole line first"
            );
            let at = memchr::memmem::find(&out, b"java invoked").unwrap();
            assert!(
                (BEFORE_BYTES - 50..=2 * BEFORE_BYTES).contains(&at),
                "{step}: {at}"
            );
            let after = out.len() - at;
            assert!(
                (AFTER_BYTES..=AFTER_BYTES + 100).contains(&after),
                "{step}: {after}"
            );
            let lines_before = u64::try_from(at / 40).unwrap();
            assert_eq!(skipped + lines_before, 100_000, "{step}");
        }
    }

    #[test]
    fn an_anchor_across_two_blocks_is_found() {
        for anchor in ANCHORS {
            let text = format!("first line\nxx{anchor}yy\n");
            for step in 1..text.len() {
                let (out, _) = run(text.as_bytes(), step);
                assert_eq!(out, text.as_bytes(), "{anchor} in pieces of {step}");
            }
        }
    }
}

//! Applies every rule to a command line, until none changes it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::finds::Finds;
use super::pattern::Pattern;
use super::{environ, line, scan, shape, url, work};
use crate::model::MaskRule;

/// Replaces a secret.
pub const MASK: &[u8] = b"***";

/// Masking stops changing anything after this many rounds; otherwise everything is masked.
pub(super) const ROUNDS_MAX: usize = 8;

/// A masked command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// The arguments, separated by NUL.
    pub argv: Vec<u8>,
    /// The rules that masked something, each once.
    pub rules: BTreeSet<MaskRule>,
}

/// Masks secrets in command lines.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// What the user wants masked besides.
    pub(super) patterns: Vec<Pattern>,
    /// Show the program alone, none of its arguments.
    pub(super) program_only: bool,
}

impl Redactor {
    /// Masks what fits any of these, too.
    #[must_use]
    pub fn and(mut self, patterns: Vec<Pattern>) -> Self {
        self.patterns.extend(patterns);
        self
    }

    /// Drops all arguments and keeps the program, if `only`.
    #[must_use]
    pub fn program_only(mut self, only: bool) -> Self {
        self.program_only = only;
        self
    }

    /// Masks the secrets in `argv`: arguments separated by NUL, any bytes. `cut`: only its
    /// beginning is there, so the last argument may be the first part of a secret.
    #[must_use]
    pub fn mask(&self, argv: &[u8], cut: bool) -> Masked {
        if self.program_only {
            let end = argv
                .iter()
                .position(|byte| *byte == 0 || byte.is_ascii_whitespace());
            let program = Self {
                patterns: self.patterns.clone(),
                program_only: false,
            };
            let mut masked = program.mask(
                argv.get(..end.unwrap_or(argv.len())).unwrap_or_default(),
                cut && end.is_none(),
            );
            if end.is_some_and(|end| end + 1 < argv.len()) {
                masked.rules.insert(MaskRule::NoCmdline);
            }
            return masked;
        }
        let mut masked = Masked {
            argv: argv.to_vec(),
            rules: BTreeSet::new(),
        };
        for _ in 0..ROUNDS_MAX {
            let next = round(&masked.argv, cut, &self.patterns, &mut masked.rules);
            if next == masked.argv {
                return masked;
            }
            masked.argv = next;
        }
        // Rather nothing readable than a secret.
        let arguments = masked.argv.iter().filter(|&&byte| byte == 0).count() + 1;
        masked.argv = vec![MASK; arguments].join(&0);
        masked
    }
}

impl Redactor {
    /// Masks the secrets in a variable's words, separated by NUL; where no argument is to be
    /// shown, all of a variable that holds options.
    pub(super) fn mask_variable(&self, words: &[u8]) -> Vec<u8> {
        let name = words.split(|byte| *byte == b'=').next().unwrap_or_default();
        if self.program_only && environ::holds_options(name) {
            return [name, b"=", MASK].concat();
        }
        let all = Self {
            patterns: self.patterns.clone(),
            program_only: false,
        };
        all.mask(words, false).argv
    }
}

fn round(argv: &[u8], cut: bool, patterns: &[Pattern], rules: &mut BTreeSet<MaskRule>) -> Vec<u8> {
    let wanted: Vec<Range<usize>> = patterns
        .iter()
        .flat_map(|pattern| pattern.find(argv, cut))
        .collect();
    let mut offset = 0;
    let mut out = Vec::with_capacity(argv.len() + MASK.len());
    let mut walk = line::Walk::default();
    let mut arguments = argv.split(|&byte| byte == 0).peekable();
    let mut first = true;
    while let Some(arg) = arguments.next() {
        if !first {
            out.push(0);
        }
        first = false;
        work::looked_at(arg.len());
        let cut = cut && arguments.peek().is_none();
        let mut finds = Finds::default();
        walk.argument(arg, &mut finds);
        let mut by = |rule: MaskRule, find: &dyn Fn(&mut Vec<Range<usize>>)| {
            let mut ranges = Vec::new();
            find(&mut ranges);
            finds.add(rule, ranges);
        };
        by(MaskRule::Name, &|found| scan::scan(arg, found));
        by(MaskRule::Url, &|found| url::scan(arg, cut, found));
        by(MaskRule::Shape, &|found| shape::scan(arg, cut, found));
        by(MaskRule::Header, &|found| scan::bearer(arg, cut, found));
        by(MaskRule::PrivateKey, &|found| {
            shape::private_keys(arg, found)
        });
        by(MaskRule::Pattern, &|found| {
            found.extend(
                wanted
                    .iter()
                    .filter_map(|range| within(range, offset, arg.len())),
            );
        });
        offset += arg.len() + 1;
        rules.append(&mut finds.rules);
        replace(arg, finds.ranges, &mut out);
    }
    out
}

/// The part of a range of the whole command line that lies in the argument at `offset`.
fn within(range: &Range<usize>, offset: usize, length: usize) -> Option<Range<usize>> {
    let start = range.start.saturating_sub(offset);
    let end = range.end.saturating_sub(offset).min(length);
    (start < end).then_some(start..end)
}

/// Copies `arg` to `out` with a mask in the place of each range.
fn replace(arg: &[u8], mut found: Vec<Range<usize>>, out: &mut Vec<u8>) {
    found.sort_by_key(|range| range.start);
    let mut copied = 0;
    let mut masked_to = None;
    for range in found {
        if masked_to.is_some_and(|end| range.start <= end) {
            copied = copied.max(range.end);
            masked_to = Some(copied);
            continue;
        }
        out.extend_from_slice(arg.get(copied..range.start).unwrap_or_default());
        out.extend_from_slice(MASK);
        copied = range.end;
        masked_to = Some(copied);
    }
    out.extend_from_slice(arg.get(copied..).unwrap_or_default());
}

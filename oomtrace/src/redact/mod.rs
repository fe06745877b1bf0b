//! Masks secrets in command lines, before anything else sees them.
//!
//! What is masked: values of options and variables whose name is that of a secret, passwords in
//! URLs, authorization headers, well-known keys, and the options of a few programs whose name
//! says nothing (`mysql -pSECRET`). The number of arguments never changes, and masking twice is
//! the same as masking once.

pub mod environ;
mod event;
mod key;
mod pattern;
mod program;
mod record;
mod scan;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::key::{KeyClass, classify};
use self::program::{Part, Place, Program};

pub use self::pattern::Pattern;
pub use self::record::redact_context_record;

/// What stands in the place of a secret.
pub const MASK: &[u8] = b"***";

/// After so many rounds at the latest nothing changes any more; if it does, everything is masked.
const ROUNDS_MAX: usize = 8;

/// Masks secrets in command lines.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// What else is to be masked.
    patterns: Vec<Pattern>,
}

impl Redactor {
    /// Masks what fits any of these, too.
    #[must_use]
    pub fn and(mut self, patterns: Vec<Pattern>) -> Self {
        self.patterns.extend(patterns);
        self
    }

    /// Masks the secrets in `argv`: arguments separated by NUL, any bytes.
    #[cfg(test)]
    fn mask(&self, argv: &[u8]) -> Vec<u8> {
        self.mask_cut(argv, false)
    }

    /// Masks the secrets in `argv`: arguments separated by NUL, any bytes. `cut`: only its beginning is there, so the last
    /// argument may be the first part of a secret.
    #[must_use]
    pub fn mask_cut(&self, argv: &[u8], cut: bool) -> Vec<u8> {
        let mut masked = argv.to_vec();
        for _ in 0..ROUNDS_MAX {
            let next = round(&masked, cut, &self.patterns);
            if next == masked {
                return masked;
            }
            masked = next;
        }
        // Rather nothing readable than a secret.
        let arguments = masked.iter().filter(|&&byte| byte == 0).count() + 1;
        vec![MASK; arguments].join(&0)
    }
}

/// What the next word is, by the option before it.
#[derive(Clone, Copy, Debug)]
struct Pending {
    class: KeyClass,
    part: Part,
}

fn round(argv: &[u8], cut: bool, patterns: &[Pattern]) -> Vec<u8> {
    let wanted: Vec<Range<usize>> = patterns
        .iter()
        .flat_map(|pattern| pattern.find(argv, cut))
        .collect();
    let mut offset = 0;
    let mut out = Vec::with_capacity(argv.len() + MASK.len());
    let mut program = Program::default();
    let mut pending = None;
    let mut arguments = argv.split(|&byte| byte == 0).peekable();
    let mut first = true;
    while let Some(arg) = arguments.next() {
        if !first {
            out.push(0);
        }
        first = false;
        let cut = cut && arguments.peek().is_none();
        let mut found = Vec::new();
        walk(arg, &mut program, &mut pending, &mut found);
        scan::scan(arg, cut, &mut found);
        found.extend(
            wanted
                .iter()
                .filter_map(|range| within(range, offset, arg.len())),
        );
        offset += arg.len() + 1;
        replace(arg, found, &mut out);
    }
    out
}

/// The part of a range of the whole command line that lies in the argument at `offset`.
fn within(range: &Range<usize>, offset: usize, length: usize) -> Option<Range<usize>> {
    let start = range.start.saturating_sub(offset);
    let end = range.end.saturating_sub(offset).min(length);
    (start < end).then_some(start..end)
}

/// Options and their values, one argument or (in a shell's `-c` text) one word at a time.
fn walk(
    arg: &[u8],
    program: &mut Program,
    pending: &mut Option<Pending>,
    found: &mut Vec<Range<usize>>,
) {
    if pending.is_some() || !arg.iter().any(u8::is_ascii_whitespace) {
        word(arg, 0, program, pending, found);
        return;
    }
    for Range { start, end } in words(arg) {
        let text = arg.get(start..end).unwrap_or_default();
        word(text, start, program, pending, found);
    }
    // An option at the end of a text has no value in the next argument.
    *pending = None;
}

fn word(
    text: &[u8],
    offset: usize,
    program: &mut Program,
    pending: &mut Option<Pending>,
    found: &mut Vec<Range<usize>>,
) {
    if let Some(Pending { class, part }) = pending.take()
        && !looks_like_option(text)
    {
        if class.hides(text) {
            found.extend(secret_part(text, offset, part));
        }
        return;
    }
    if let Some((option, attached)) = program.option(text) {
        match (attached, option.place) {
            (Some(at), _) => {
                let value = text.get(at..).unwrap_or_default();
                found.extend(secret_part(value, offset + at, option.part));
            }
            (None, Place::Either) => {
                *pending = Some(Pending {
                    class: KeyClass::Secret,
                    part: option.part,
                });
            }
            (None, Place::Attached) => {}
        }
        return;
    }
    if text.starts_with(b"-") && !text.starts_with(b"-D") && !text.contains(&b'=') {
        let class = classify(text);
        if class != KeyClass::Innocent {
            *pending = Some(Pending {
                class,
                part: Part::Whole,
            });
        }
        return;
    }
    program.see(text);
}

/// A secret may begin with a dash; an option that takes none is followed by another option.
fn looks_like_option(text: &[u8]) -> bool {
    match text {
        [b'-', b'-'] => true,
        [b'-', b'-', third, ..] => third.is_ascii_lowercase(),
        [b'-', letter] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

fn secret_part(value: &[u8], offset: usize, part: Part) -> Option<Range<usize>> {
    let start = match part {
        Part::Whole => 0,
        Part::AfterColon => memchr::memchr(b':', value)? + 1,
    };
    (start < value.len()).then_some(offset + start..offset + value.len())
}

/// The words of a text; white space between a pair of quotes separates nothing.
fn words(text: &[u8]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    for (at, &byte) in text.iter().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte.is_ascii_whitespace() => {
                words.extend(start.take().map(|start| start..at));
                continue;
            }
            None if matches!(byte, b'"' | b'\'') => {
                let rest = text.get(at + 1..).unwrap_or_default();
                // A quote that is never closed is an apostrophe.
                quote = memchr::memchr(byte, rest).map(|_| byte);
            }
            None => {}
        }
        start = start.or(Some(at));
    }
    words.extend(start.map(|start| start..text.len()));
    words
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

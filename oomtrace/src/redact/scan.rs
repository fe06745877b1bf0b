//! Secrets inside one argument that follow a name: assignments, fields and headers.
//!
//! Every function only finds ranges of bytes; the caller masks them. A range may be larger than
//! the secret, never smaller.

use std::ops::Range;

use super::name::{NameClass, classify};
use super::shape::is_key_byte;
use super::value::{JUDGED_BYTES_MAX, is_plain};
use super::work::{looked_at, until};

/// Headers whose value is a secret.
pub(super) const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-amz-security-token",
];
const SCHEMES: &[&[u8]] = &[
    b"bearer ",
    b"basic ",
    b"digest ",
    b"token ",
    b"negotiate ",
    b"apikey ",
    b"key ",
    b"splunk ",
    b"bot ",
];

/// Adds the secrets found in `arg`.
pub(super) fn scan(arg: &[u8], found: &mut Vec<Range<usize>>) {
    let layout = Layout {
        first_blank: memchr::memchr(b' ', arg).unwrap_or(arg.len()),
        last_option: memchr::memmem::rfind(arg, b" -").unwrap_or_default(),
    };
    let mut end = 0;
    for at in memchr::memchr3_iter(b'=', b':', b'>', arg) {
        // Inside of a secret nothing else is looked for.
        if at < end {
            continue;
        }
        let range = match arg.get(at) {
            Some(b'=') => assignment(arg, at, &layout),
            Some(b'>') => element(arg, at),
            _ => field(arg, at),
        };
        if let Some(range) = range {
            end = range.end;
            found.push(range);
        }
    }
}

/// What is asked about an argument again and again.
struct Layout {
    /// Where its first blank is; its end where there is none.
    first_blank: usize,
    /// Where its last option behind a blank is.
    last_option: usize,
}

/// `<name>value</name>` with the first `>` at `at`.
fn element(arg: &[u8], at: usize) -> Option<Range<usize>> {
    let start = name_start(arg, at);
    if start.checked_sub(1).and_then(|i| arg.get(i)) != Some(&b'<') {
        return None;
    }
    let class = classify(arg.get(start..at)?);
    range(
        at + 1,
        secret_len(class, from(arg, at + 1), |byte| byte == b'<')?,
    )
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Where the name that ends before `end` starts.
fn name_start(arg: &[u8], end: usize) -> usize {
    let before = arg.get(..end).unwrap_or_default();
    let len = before.iter().rev().take_while(|&&b| is_key_byte(b)).count();
    looked_at(len);
    end - len
}

/// `arg` from `at` on; empty beyond its end.
fn from(arg: &[u8], at: usize) -> &[u8] {
    arg.get(at..).unwrap_or_default()
}

/// A range, unless it is empty.
fn range(start: usize, len: usize) -> Option<Range<usize>> {
    (len > 0).then_some(start..start + len)
}

/// Whether the value up to `stop` is a secret by its beginning, and how long it is.
fn secret_len(class: NameClass, value: &[u8], stop: impl Fn(u8) -> bool) -> Option<usize> {
    let judged = value
        .get(..value.len().min(JUDGED_BYTES_MAX))
        .unwrap_or_default();
    let len = until(judged, &stop);
    if !class.hides(judged.get(..len)?) {
        return None;
    }
    Some(if len < judged.len() {
        len
    } else {
        len + until(from(value, len), stop)
    })
}

/// Bytes of white space, blanks of other writings too, at the end of `text`.
fn blank_end(text: &[u8]) -> usize {
    const BLANKS_MAX: usize = 8;
    let mut len = 0;
    for _ in 0..BLANKS_MAX {
        let rest = text.get(..text.len() - len).unwrap_or_default();
        len += if rest.ends_with(b" ") || rest.ends_with(b"\t") {
            1
        } else if rest.ends_with("\u{a0}".as_bytes()) {
            2
        } else if rest.ends_with("\u{3000}".as_bytes())
            || rest.ends_with("\u{2009}".as_bytes())
            || rest.ends_with("\u{202f}".as_bytes())
            || rest.ends_with("\u{feff}".as_bytes())
            || rest.ends_with("\u{200b}".as_bytes())
        {
            3
        } else {
            break;
        };
    }
    len
}

/// The same at the beginning.
fn blank_start(text: &[u8]) -> usize {
    let mut len = 0;
    for _ in 0..8 {
        let rest = from(text, len);
        len += match rest {
            [b' ' | b'\t', ..] => 1,
            [0xc2, 0xa0, ..] => 2,
            [0xe3, 0x80, 0x80, ..]
            | [0xe2, 0x80, 0x89 | 0xaf | 0x8b, ..]
            | [0xef, 0xbb, 0xbf, ..] => 3,
            _ => break,
        };
    }
    len
}

/// `name=value` with the `=` at `at`; also `name := value`, `name => value`, `name == value`.
fn assignment(arg: &[u8], at: usize, layout: &Layout) -> Option<Range<usize>> {
    let head = arg.get(..at)?;
    let head = head
        .strip_suffix(b":")
        .or_else(|| head.strip_suffix(b"+"))
        .unwrap_or(head);
    let head = head.strip_suffix(b"]").unwrap_or(head);
    let quotes = head
        .iter()
        .rev()
        .take(4)
        .take_while(|&&b| is_quote(b) || b == b'\\')
        .count();
    let blank = blank_end(head.get(..head.len() - quotes)?);
    let end = head.len() - quotes - blank;
    let start = name_start(arg, end);
    let class = classify(bare(arg.get(start..end)?));
    if class == NameClass::Innocent {
        return None;
    }
    let before = start.checked_sub(1).and_then(|i| arg.get(i)).copied();
    let mut value_at = at + 1;
    if let Some(b'>' | b'=') = arg.get(value_at) {
        value_at += 1;
    }
    if blank > 0 || value_at > at + 1 {
        value_at += blank_start(from(arg, value_at));
    }
    let value = from(arg, value_at);
    // Only a quote behind which the word ends holds the whole value (`""hunter2` does not).
    let ends = |(skipped, len): &(usize, usize)| {
        let next = value.get(skipped + len + 1);
        next.is_none_or(|byte| byte.is_ascii_whitespace() || b";&|,)}]\\\"'".contains(byte))
    };
    if let Some((skipped, len)) = quoted(class, value).flatten().filter(ends) {
        return range(value_at + skipped, len);
    }
    let is_option = start == 0 || before == Some(b'=') && layout.first_blank >= start;
    // Behind the name alone the whole rest is the value, whatever it looks like; unless it holds more
    // options, as a variable for a runtime does.
    if is_option && blank == 0 && !(before == Some(b'=') && layout.last_option >= value_at) {
        let judged = value.get(..value.len().min(JUDGED_BYTES_MAX))?;
        return class.hides(judged).then(|| range(value_at, value.len()))?;
    }
    let len = secret_len(class, value, |byte| match before {
        Some(b'&' | b'?') => {
            matches!(byte, b'&' | b'#') || byte.is_ascii_whitespace() || is_quote(byte)
        }
        Some(b',') => byte == b',',
        Some(b';') => byte == b';',
        Some(b'{' | b'(' | b'[') => matches!(byte, b',' | b'}' | b')' | b']'),
        Some(quote) if is_quote(quote) => byte == quote,
        _ => byte.is_ascii_whitespace(),
    })?;
    range(value_at, len)
}

/// A name without what an option that holds an assignment or a header puts before it.
fn bare(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"-H")
        .or_else(|| name.strip_prefix(b"-P"))
        .or_else(|| name.strip_prefix(b"-e"))
        .unwrap_or(name)
}

/// `None`: `value` begins with no quote. Otherwise, if what is quoted is a secret: how many bytes to
/// skip (backslashes and the quote), and the length up to the closing quote, or up to the end where
/// there is none.
#[expect(
    clippy::option_option,
    reason = "no quote and no secret are different answers"
)]
fn quoted(class: NameClass, value: &[u8]) -> Option<Option<(usize, usize)>> {
    let backslashes = value.iter().take(8).take_while(|b| **b == b'\\').count();
    let quote = *value.get(backslashes)?;
    if !is_quote(quote) {
        return None;
    }
    let open = backslashes + 1;
    let inner = from(value, open);
    // The beginning decides: what is no secret is not looked through.
    let judged = inner
        .get(..inner.len().min(JUDGED_BYTES_MAX))
        .unwrap_or_default();
    let judged = judged
        .get(..until(judged, |byte| byte == quote))
        .unwrap_or_default();
    let judged = judged.strip_suffix(b"\\").unwrap_or(judged);
    if judged.is_empty() || !class.hides(judged) {
        return Some(None);
    }
    let mut run = 0;
    for (at, &byte) in inner.iter().enumerate() {
        if byte == quote && run <= backslashes {
            looked_at(at);
            return Some(Some((open, at - run)));
        }
        run = if byte == b'\\' { run + 1 } else { 0 };
    }
    looked_at(inner.len());
    Some(Some((open, inner.len())))
}

/// `name: value`, `name:value`, `"name": "value"` or a header, with the `:` at `at`.
fn field(arg: &[u8], at: usize) -> Option<Range<usize>> {
    let head = arg.get(..at)?;
    let blank = blank_end(head);
    let head = head.get(..at - blank)?;
    let quotes = head
        .iter()
        .rev()
        .take(8)
        .take_while(|&&b| is_quote(b) || b == b'\\')
        .count();
    let end = head.len() - quotes;
    let start = name_start(arg, end);
    let name = bare(arg.get(start..end)?);
    let is_header = HEADERS
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    let class = if is_header {
        NameClass::Secret
    } else {
        classify(name)
    };
    if class == NameClass::Innocent {
        return None;
    }
    // A part of a reference (`arn:aws:secretsmanager:…:secret:NAME`).
    if start.checked_sub(1).and_then(|i| arg.get(i)) == Some(&b':')
        && !name.contains(&b'.')
        && quotes == 0
        && !is_header
    {
        return None;
    }
    let after = from(arg, at + 1);
    if after.starts_with(b"//")
        || after.starts_with(b"=")
        || after.starts_with(b":")
        || after.is_empty()
    {
        return None; // a URL's scheme, or an assignment
    }
    let spaces = blank_start(after);
    let value = from(after, spaces);
    let value_at = at + 1 + spaces;
    if let Some(found) = quoted(class, value) {
        let (skipped, len) = found?;
        return range(value_at + skipped, len);
    }
    if quotes > 0 {
        let len = secret_len(class, value, |b| matches!(b, b',' | b'}' | b']' | b'\n'))?;
        return range(value_at, len);
    }
    let scheme = SCHEMES
        .iter()
        .find(|scheme| {
            value
                .get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
        .map_or(0, |scheme| scheme.len());
    let rest = from(value, scheme);
    let extended = name
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"x-"));
    if spaces == 0 && scheme == 0 && !is_header && !extended {
        // `secret:/run/x` is a volume, `auth:app` a module, `token-service:1.2` an image.
        let within_path = start.checked_sub(1).and_then(|i| arg.get(i)) == Some(&b'/') && start > 1;
        let judged = rest.get(..rest.len().min(JUDGED_BYTES_MAX))?;
        let word = judged.get(
            ..until(judged, |b| {
                b.is_ascii_whitespace() || matches!(b, b',' | b';')
            }),
        )?;
        if within_path || word.starts_with(b"/") || (class != NameClass::Password && is_plain(word))
        {
            return None;
        }
    }
    let len = secret_len(class, rest, |b| {
        is_quote(b)
            || matches!(b, b'\n' | b'\r')
            || (scheme == 0 && !is_header && spaces == 0 && b.is_ascii_whitespace())
    })?;
    range(value_at + scheme, len)
}

/// `Bearer TOKEN` and `Basic TOKEN` outside of a header.
pub(super) fn bearer(arg: &[u8], cut: bool, found: &mut Vec<Range<usize>>) {
    const TOKEN_MIN: usize = 8;
    for at in memchr::memchr2_iter(b' ', b'\t', arg) {
        let head = arg.get(at.saturating_sub(6)..at).unwrap_or_default();
        let is = |word: &[u8]| {
            head.len() >= word.len()
                && head
                    .get(head.len() - word.len()..)
                    .is_some_and(|end| end.eq_ignore_ascii_case(word))
        };
        let basic = is(b"basic");
        if !basic && !is(b"bearer") {
            continue;
        }
        let value = from(arg, at + 1);
        let len = until(value, |byte| byte.is_ascii_whitespace() || is_quote(byte));
        let long = if basic { 16 } else { TOKEN_MIN };
        if len >= long || (cut && len > 0 && at + 1 + len == arg.len()) {
            found.extend(range(at + 1, len));
        }
    }
}

//! Secrets inside one argument: assignments, fields, headers, URLs and well-known keys.
//!
//! Every function only finds ranges of bytes; the caller masks them. A range may be larger than
//! the secret, never smaller.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use super::key::{KeyClass, classify};

/// Beginnings of keys that are recognised wherever they stand, with the least number of key
/// characters that must follow.
const KEY_BEGINNINGS: &[(&[u8], usize)] = &[
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"AIza", 30),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghu_", 20),
    (b"ghs_", 20),
    (b"ghr_", 20),
    (b"github_pat_", 20),
    (b"glpat-", 16),
    (b"xoxb-", 10),
    (b"xoxp-", 10),
    (b"xoxa-", 10),
    (b"xoxs-", 10),
    (b"sk_live_", 10),
    (b"rk_live_", 10),
    (b"sk-", 32),
    (b"npm_", 30),
    (b"hvs.", 20),
    (b"eyJ", 40),
];

const HEADERS: &[&[u8]] = &[
    b"authorization",
    b"proxy-authorization",
    b"cookie",
    b"set-cookie",
];
const SCHEMES: &[&[u8]] = &[b"bearer ", b"basic ", b"digest ", b"token "];

/// Adds the secrets found in `arg`. `cut`: the argument's end is not known.
pub(super) fn scan(arg: &[u8], cut: bool, found: &mut Vec<Range<usize>>) {
    for at in memchr_iter(b'=', arg) {
        found.extend(assignment(arg, at));
    }
    for at in memchr_iter(b':', arg) {
        found.extend(field(arg, at));
        found.extend(url(arg, at, cut));
    }
    keys(arg, cut, found);
    bearer(arg, cut, found);
    private_key(arg, found);
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Where the name that ends before `end` starts.
fn key_start(arg: &[u8], end: usize) -> usize {
    let before = arg.get(..end).unwrap_or_default();
    end - before.iter().rev().take_while(|&&b| is_key_byte(b)).count()
}

/// `arg` from `at` on; empty beyond its end.
fn from(arg: &[u8], at: usize) -> &[u8] {
    arg.get(at..).unwrap_or_default()
}

fn until(value: &[u8], stop: impl Fn(u8) -> bool) -> usize {
    value
        .iter()
        .position(|&byte| stop(byte))
        .unwrap_or(value.len())
}

/// A range, unless it is empty.
fn range(start: usize, len: usize) -> Option<Range<usize>> {
    (len > 0).then_some(start..start + len)
}

/// `name=value` with the `=` at `at`.
fn assignment(arg: &[u8], at: usize) -> Option<Range<usize>> {
    let start = key_start(arg, at);
    let class = classify(arg.get(start..at)?);
    if class == KeyClass::Innocent {
        return None;
    }
    let value = from(arg, at + 1);
    let before = start.checked_sub(1).and_then(|i| arg.get(i)).copied();
    if matches!(before, None | Some(b'=')) {
        // The whole rest is the value, whatever it looks like.
        return class.hides(value).then(|| range(at + 1, value.len()))?;
    }
    let (skipped, len) = match quoted(value) {
        Some(inner) => inner,
        None => {
            let len = until(value, |byte| match before {
                Some(b'&' | b'?') => matches!(byte, b'&' | b'#') || ends_word(byte),
                Some(b',') => byte == b',',
                Some(b';') => byte == b';',
                Some(b'{' | b'(' | b'[') => matches!(byte, b',' | b'}' | b')' | b']'),
                Some(quote) if is_quote(quote) => byte == quote,
                _ => byte.is_ascii_whitespace(),
            });
            (0, len)
        }
    };
    let secret = from(value, skipped).get(..len)?;
    class.hides(secret).then(|| range(at + 1 + skipped, len))?
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || is_quote(byte)
}

/// If `value` begins with a quote (with backslashes before it, in a quoted text): how many bytes
/// to skip, and the length up to the closing one, or up to the end where there is none.
fn quoted(value: &[u8]) -> Option<(usize, usize)> {
    let backslashes = until(value, |byte| byte != b'\\');
    let quote = *value.get(backslashes)?;
    if !is_quote(quote) {
        return None;
    }
    let open = backslashes + 1;
    let inner = from(value, open);
    let mut run = 0;
    for (at, &byte) in inner.iter().enumerate() {
        if byte == quote && run <= backslashes {
            return Some((open, at - run));
        }
        run = if byte == b'\\' { run + 1 } else { 0 };
    }
    Some((open, inner.len()))
}

/// `name: value`, `"name": "value"` or a header, with the `:` at `at`.
fn field(arg: &[u8], at: usize) -> Option<Range<usize>> {
    let head = arg.get(..at)?;
    let quotes = head
        .iter()
        .rev()
        .take_while(|&&b| is_quote(b) || b == b'\\')
        .count();
    let end = at - quotes;
    let key = arg.get(key_start(arg, end)..end)?;
    // curl's option for a header, with the header attached.
    let key = key.strip_prefix(b"-H").unwrap_or(key);
    let is_header = HEADERS.iter().any(|name| key.eq_ignore_ascii_case(name));
    let class = if is_header {
        KeyClass::Secret
    } else {
        classify(key)
    };
    if class == KeyClass::Innocent {
        return None;
    }
    let after = from(arg, at + 1);
    let spaces = until(after, |byte| byte != b' ');
    let value = from(after, spaces);
    let extended = key
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"x-"));
    if quotes == 0 && spaces == 0 && !is_header && !extended {
        // `secret:/run/x` is a volume, not a field.
        return None;
    }
    let (skipped, len) = if let Some(inner) = quoted(value) {
        inner
    } else if quotes > 0 {
        (0, until(value, |b| matches!(b, b',' | b'}' | b']')))
    } else {
        let scheme = SCHEMES
            .iter()
            .find(|scheme| starts_with_ignoring_case(value, scheme))
            .map_or(0, |scheme| scheme.len());
        let rest = from(value, scheme);
        (
            scheme,
            until(rest, |b| is_quote(b) || matches!(b, b'\n' | b'\r')),
        )
    };
    let secret = from(value, skipped).get(..len)?;
    class
        .hides(secret)
        .then(|| range(at + 1 + spaces + skipped, len))?
}

fn starts_with_ignoring_case(value: &[u8], start: &[u8]) -> bool {
    value
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// `scheme://user:password@host` with the scheme's `:` at `at`.
fn url(arg: &[u8], at: usize, cut: bool) -> Option<Range<usize>> {
    let start = at + 3;
    from(arg, at).strip_prefix(b"://")?;
    let word = from(arg, start);
    let word = word.get(..until(word, ends_word))?;
    let authority = word.get(..until(word, |b| matches!(b, b'/' | b'?' | b'#')))?;
    if authority.starts_with(b"[") {
        return None; // an IPv6 address
    }
    let colon = authority.iter().position(|&byte| byte == b':')?;
    if let Some(end) = memchr::memrchr(b'@', authority) {
        return range(start + colon + 1, end.checked_sub(colon + 1)?);
    }
    // No user so far. What follows the colon is a port, or else a password with a `/`, `?` or `#`
    // in it, or one whose end was cut off.
    let port = from(authority, colon + 1);
    let is_port = port
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b',');
    let reaches_end = start + word.len() == arg.len();
    match memchr::memrchr(b'@', word) {
        Some(end) if !is_port => range(start + colon + 1, end.checked_sub(colon + 1)?),
        None if cut && reaches_end && authority.len() == word.len() => {
            range(start + colon + 1, port.len())
        }
        _ => None,
    }
}

fn keys(arg: &[u8], cut: bool, found: &mut Vec<Range<usize>>) {
    for (beginning, least) in KEY_BEGINNINGS {
        for at in memmem::find_iter(arg, beginning) {
            let inside_word = at
                .checked_sub(1)
                .and_then(|i| arg.get(i))
                .is_some_and(u8::is_ascii_alphanumeric);
            let body = from(arg, at + beginning.len());
            let len = until(body, |byte| !is_key_byte(byte));
            let unfinished = cut && at + beginning.len() + len == arg.len();
            if !inside_word && (len >= *least || unfinished) {
                found.push(at..at + beginning.len() + len);
            }
        }
    }
}

/// `Bearer TOKEN` outside of a header.
fn bearer(arg: &[u8], cut: bool, found: &mut Vec<Range<usize>>) {
    const WORD: &[u8] = b"bearer ";
    const TOKEN_MIN: usize = 8;
    for (at, window) in arg.windows(WORD.len()).enumerate() {
        if window.eq_ignore_ascii_case(WORD) {
            let start = at + WORD.len();
            let len = until(from(arg, start), ends_word);
            if len >= TOKEN_MIN || (cut && len > 0 && start + len == arg.len()) {
                found.push(start..start + len);
            }
        }
    }
}

/// A private key in PEM form: everything between its first and its last line.
fn private_key(arg: &[u8], found: &mut Vec<Range<usize>>) {
    const HEAD: &[u8] = b"PRIVATE KEY-----";
    let Some(head) = memmem::find(arg, HEAD) else {
        return;
    };
    let start = head + HEAD.len();
    let body = from(arg, start);
    let len = memmem::find(body, b"-----END").unwrap_or(body.len());
    found.extend(range(start, len));
}

//! Secrets in URLs: passwords and tokens in the user part, signatures and keys among the
//! parameters, and paths that are known to nobody but their owner (webhooks).

use std::ops::Range;

use super::name::{NameClass, classify, signs_url};
use super::value::{is_opaque, is_plain};
use super::work::until;

/// Hosts, and beginnings of paths, behind which the path is a secret.
#[rustfmt::skip]
pub(super) const SECRET_PATHS: &[&str] = &[
    "hooks.", "hook.", "/hooks/", "/hook/", "/webhook", "/webhooks/", "webhook.", "/services/t",
    "/incomingwebhook/", "/with/key/", "infura.io/v3/", "alchemy.com/v2/", "alchemyapi.io/v2/",
    "quiknode.pro/", "hc-ping.com/", "/ping/", "ntfy.sh/", "/bot", "/input/", "api.day.app/",
    "events.pagerduty.com/integration/", "/integration/", "opsgenie.com/v1/json/",
    "alert.victorops.com/", "logs-01.loggly.com/inputs/", "/inputs/", "/collector/",
    "uptime.betterstack.com/api/v1/heartbeat/", "/heartbeat/", "cronitor.link/", "cronitor.io/",
    "/trigger/", "sctapi.ftqq.com/", "/token/", "/key/", "/apikey/", "/catch/", "/live2/",
    "twitch.tv/app/", "ankr.com/", "chainstack.com/", "getblock.io/", "discord.com/api/", "rpc.",
    "pushplus", "deadmanssnitch.com/", "nosnch.in/", "/private-token/", "/feed/", "/secret/",
    "/invite/", "/reset/", "/magic/",
];

/// URLs of one word whose path is looked at.
const PATHS_MAX: usize = 32;

/// Segments of a path that are looked at.
const OPEN_SEGMENTS_MAX: usize = 10;

/// Adds the secrets of all URLs in `arg`. `cut`: the argument's end is not known.
pub(super) fn scan(arg: &[u8], cut: bool, found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while at < arg.len() {
        let len = until(arg.get(at..).unwrap_or_default(), ends_word);
        let word = arg.get(at..at + len).unwrap_or_default();
        in_word(word, at, cut && at + len == arg.len(), found);
        at += len + 1;
    }
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>')
}

fn in_word(word: &[u8], offset: usize, cut: bool, found: &mut Vec<Range<usize>>) {
    let last_at = memchr::memrchr(b'@', word);
    let mut from = 0;
    for (number, at) in memchr::memmem::find_iter(word, b"://").enumerate() {
        let start = at + 3;
        // A URL in the parameters of another begins behind what was masked.
        if start < from {
            continue;
        }
        let rest = word.get(start..).unwrap_or_default();
        let authority_len = until(rest, |b| matches!(b, b'/' | b'?' | b'#'));
        let authority = rest.get(..authority_len).unwrap_or_default();
        let found_user = user(authority, start, word, last_at, cut);
        from = found_user.as_ref().map_or(start, |range| range.end);
        found.extend(found_user.map(|range| range.start + offset..range.end + offset));
        if from <= start + authority_len && number < PATHS_MAX {
            path(authority, word, start + authority_len, offset, found);
        }
    }
    parameters(word, offset, found);
    user_at_host(word, offset, found);
    dsn(word, offset, found);
}

/// The password, or the token, before the host.
fn user(
    authority: &[u8],
    start: usize,
    word: &[u8],
    last_at: Option<usize>,
    cut: bool,
) -> Option<Range<usize>> {
    if authority.starts_with(b"[") {
        return None; // an IPv6 address
    }
    let some = |from: usize, to: usize| (from < to).then_some(from..to);
    let at = memchr::memrchr(b'@', authority);
    let before_host = authority.get(..at.unwrap_or(authority.len()))?;
    let Some(colon) = memchr::memchr(b':', before_host) else {
        let token = before_host.get(..at?)?;
        return (is_opaque(token) || is_opaque_short(token))
            .then(|| some(start, start + token.len()))?;
    };
    if let Some(at) = at {
        let secret = authority.get(colon + 1..at).unwrap_or_default();
        let name = authority.get(..colon).unwrap_or_default();
        // `https://TOKEN:x-oauth-basic@host`: the token is where the user's name would be.
        if matches!(secret, b"" | b"x" | b"X" | b"x-oauth-basic" | b"***") && is_opaque(name) {
            return some(start, start + colon);
        }
        return some(start + colon + 1, start + at);
    }
    // No user so far. What follows the colon is a port, or else a password with a `/`, `?` or `#`
    // in it, or one whose end was cut off.
    let port = authority.get(colon + 1..)?;
    let is_port = port
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b':' | b'.'))
        || super::value::is_variable(port);
    match last_at {
        Some(end) if !is_port && end > start + colon => some(start + colon + 1, end),
        None if cut && start + authority.len() == word.len() => some(start + colon + 1, word.len()),
        _ => None,
    }
}

/// Hexadecimal of 32 digits and more, as in Sentry's addresses.
fn is_opaque_short(token: &[u8]) -> bool {
    token.len() >= 20 && token.iter().all(u8::is_ascii_hexdigit)
}

/// What follows a host or a path that makes the rest a secret.
fn path(authority: &[u8], word: &[u8], start: usize, offset: usize, found: &mut Vec<Range<usize>>) {
    const LOOKED_AT_MAX: usize = 512;
    let host = authority
        .rsplit(|byte| *byte == b'@')
        .next()
        .unwrap_or(authority);
    let rest = word.get(start..).unwrap_or_default();
    let path = rest
        .get(
            ..until(
                rest.get(..rest.len().min(LOOKED_AT_MAX))
                    .unwrap_or_default(),
                |b| matches!(b, b'?' | b'#'),
            ),
        )
        .unwrap_or_default();
    let host = host.get(..host.len().min(128)).unwrap_or_default();
    let whole = [b"/", host, path].concat().to_ascii_lowercase();
    let behind = SECRET_PATHS.iter().filter_map(|known| {
        let at = memchr::memmem::find(&whole, known.as_bytes())?;
        // A host's first label, or a part of the path.
        let ready = !known.ends_with('.')
            || (at < host.len()
                && whole
                    .get(at.checked_sub(1)?)
                    .is_some_and(|b| matches!(b, b'/' | b'.')));
        ready.then_some(at + known.len())
    });
    let Some(behind) = behind.min() else {
        return;
    };
    let from = behind.saturating_sub(host.len() + 1);
    let mut at = 0;
    for segment in path.split(|byte| *byte == b'/').take(OPEN_SEGMENTS_MAX) {
        let end = at + segment.len();
        let secret = end > from
            && (is_token(segment)
                || segment.iter().filter(|b| **b == b'-').count() == 4 && segment.len() == 36);
        if secret {
            // The rest is not shown either: what comes after a secret part belongs to it.
            let all = word.len() - start;
            let stop = if all > LOOKED_AT_MAX { all } else { path.len() };
            found.push(offset + start + at..offset + start + stop);
            return;
        }
        at = end + 1;
    }
}

/// A part of a path that nobody chose to be read: digits and letters, or long.
fn is_token(segment: &[u8]) -> bool {
    let segment = segment.strip_prefix(b"bot").unwrap_or(segment);
    let digits = segment.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = segment.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let capitals = segment.iter().filter(|b| b.is_ascii_uppercase()).count();
    let usual = segment
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || b"_-:@.=%~".contains(b));
    usual
        && ((segment.len() >= 6 && digits >= 2 && letters >= 2 && !is_plain(segment))
            || (segment.len() >= 16 && capitals > 1 && letters > capitals))
}

/// Parameters that sign or authorise: names that mean that in a URL only.
fn parameters(word: &[u8], offset: usize, found: &mut Vec<Range<usize>>) {
    const VALUE_MIN: usize = 4;
    let mut masked_to = 0;
    for equals in memchr::memchr_iter(b'=', word) {
        if equals < masked_to {
            continue;
        }
        let before = word.get(..equals).unwrap_or_default();
        let name_len = before
            .iter()
            .rev()
            .take(64)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            .count();
        let name = before.get(equals - name_len..).unwrap_or_default();
        let opens = before.get(..equals - name_len).and_then(<[u8]>::last);
        let mut class = classify(name);
        if matches!(opens, Some(b'&' | b'?' | b'#' | b';')) && signs_url(name) {
            class = NameClass::Weak;
        } else if !matches!(opens, Some(b'&' | b'?' | b'#')) {
            continue;
        }
        let value = word.get(equals + 1..).unwrap_or_default();
        let judged = value
            .get(..value.len().min(super::value::JUDGED_BYTES_MAX))
            .unwrap_or_default();
        let len = until(judged, |b| matches!(b, b'&' | b'#'));
        let secret = judged.get(..len).unwrap_or_default();
        if class.hides(secret) && secret.len() >= VALUE_MIN {
            let rest = value.get(len..).unwrap_or_default();
            let len = if len == judged.len() {
                len + until(rest, |b| matches!(b, b'&' | b'#'))
            } else {
                len
            };
            masked_to = equals + 1 + len;
            found.push(offset + equals + 1..offset + masked_to);
        }
    }
}

/// `user:password@host` without a scheme. `image:tag@sha256:…`, `npm:name@1` and the like are none.
fn user_at_host(word: &[u8], offset: usize, found: &mut Vec<Range<usize>>) {
    const OTHERS: [&[u8]; 14] = [
        b"mailto",
        b"sip",
        b"sips",
        b"xmpp",
        b"acct",
        b"npm",
        b"jsr",
        b"workspace",
        b"file",
        b"github",
        b"gitlab",
        b"link",
        b"patch",
        b"user",
    ];
    let at = memchr::memrchr(
        b'@',
        word.get(..word.len().min(super::value::JUDGED_BYTES_MAX))
            .unwrap_or_default(),
    );
    let Some((user, host)) = at.and_then(|at| Some((word.get(..at)?, word.get(at + 1..)?))) else {
        return;
    };
    let Some(colon) = memchr::memchr(b':', user) else {
        return;
    };
    let (name, secret) = (
        user.get(..colon).unwrap_or_default(),
        user.get(colon + 1..).unwrap_or_default(),
    );
    let plain = |text: &[u8]| {
        !text.is_empty()
            && text
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    let host = host
        .split(|byte| matches!(byte, b':' | b'/'))
        .next()
        .unwrap_or(host);
    let chosen = secret.len() >= 4
        && !is_plain(secret)
        && secret.iter().any(|b| !b.is_ascii_alphabetic())
        && !secret.iter().any(|b| matches!(b, b':' | b'/'));
    if plain(name)
        && plain(host)
        && !host.starts_with(b"sha")
        && chosen
        && !OTHERS.contains(&name)
        && name.iter().any(u8::is_ascii_alphabetic)
    {
        found.push(offset + colon + 1..offset + user.len());
    }
}

/// `user:password@tcp(host)/db` and `user:password@unix(…)`, as in Go.
fn dsn(word: &[u8], offset: usize, found: &mut Vec<Range<usize>>) {
    for marker in [&b"@tcp("[..], b"@unix(", b"@cloudsql(", b"@tcp6("] {
        let Some(at) = memchr::memmem::find(word, marker) else {
            continue;
        };
        let before = word.get(..at).unwrap_or_default();
        let from = memchr::memmem::rfind(before, b"://").map_or(0, |scheme| scheme + 3);
        if let Some(colon) = memchr::memchr(b':', before.get(from..).unwrap_or_default()) {
            let start = from + colon + 1;
            if start < at {
                found.push(offset + start..offset + at);
            }
        }
    }
}

//! Options and their values, one argument or (in a shell's `-c` text) one word at a time.

use std::ops::Range;

use super::client::{Found, Part, Program};
use super::finds::Finds;
use super::name::{NameClass, classify};
use super::shape::is_key_byte;
use super::value::{is_number, is_place};
use crate::model::MaskRule;

/// Words of four letters and fewer that are options by themselves.
#[rustfmt::skip]
const SHORT_OPTIONS: &[&str] = &[
    "all", "any", "auth", "bind", "cert", "conf", "cpu", "csv", "data", "db", "dir", "dns", "dry",
    "env", "eval", "exec", "file", "flag", "fork", "get", "gpu", "help", "host", "http", "id", "in",
    "info", "init", "io", "ip", "json", "key", "kill", "kind", "lang", "lib", "list", "log", "logs",
    "max", "mem", "min", "mode", "name", "new", "no", "node", "once", "org", "out", "path", "pid",
    "ping", "port", "pull", "push", "put", "role", "root", "rpc", "run", "save", "seed", "set",
    "size", "sni", "sql", "ssh", "ssl", "stop", "sync", "tag", "tail", "team", "test", "time",
    "tls", "tty", "type", "uid", "uri", "url", "use", "user", "uuid", "wait", "web", "xml", "yaml",
    "yes", "zone",
];

/// Words after which a bare name is followed by its value (`config set NAME VALUE`).
#[rustfmt::skip]
const SETTERS: &[&str] = &[
    "set", "config", "configure", "setenv", "add-generic-password", "define", "putenv", "setx",
    "set_network", "setprop",
];

/// What the next word is, by the one before it.
#[derive(Clone, Copy, Debug)]
enum Pending {
    /// The value of an option whose name says so.
    Named(NameClass),
    /// A value by the table of programs.
    Client(Part),
    /// The value of `-u`: a user, perhaps with a password.
    User,
    /// A value that is no secret.
    Open,
    /// A bare name: an `=` of its own may follow.
    Bare(NameClass, bool),
}

/// Walks over the words of a command line.
#[derive(Debug, Default)]
pub(super) struct Walk {
    program: Program,
    pending: Option<Pending>,
    setting: bool,
}

impl Walk {
    /// Takes in one argument.
    pub(super) fn argument(&mut self, arg: &[u8], finds: &mut Finds) {
        let value_awaited = matches!(
            self.pending,
            Some(Pending::Named(_) | Pending::Client(_) | Pending::User)
        );
        if value_awaited || !arg.iter().any(u8::is_ascii_whitespace) {
            self.word(arg, 0, finds);
            return;
        }
        self.pending = None;
        for Range { start, end } in words(arg) {
            let text = arg.get(start..end).unwrap_or_default();
            self.word(text, start, finds);
        }
        // An option at the end of a text has no value in the next argument.
        self.pending = None;
    }

    fn word(&mut self, text: &[u8], offset: usize, finds: &mut Finds) {
        let mut mask = |rule: MaskRule, range: Option<Range<usize>>| {
            finds.add(
                rule,
                range.map(|range| range.start + offset..range.end + offset),
            );
        };
        let inner = unquoted(text);
        match self.pending.take() {
            Some(Pending::Named(class)) if !looks_like_option(text) => {
                // `password = x` and `--password = x`, each in an argument of its own.
                if text == b"=" {
                    self.pending = Some(Pending::Named(class));
                } else if class.hides(judged(inner)) {
                    mask(MaskRule::Name, Some(0..text.len()));
                }
                return;
            }
            Some(Pending::Client(part)) if !looks_like_option(text) => {
                mask(MaskRule::Client, part.of(text));
                return;
            }
            Some(Pending::User) if !text.starts_with(b"-") => {
                mask(MaskRule::Client, user_password(text));
                return;
            }
            Some(Pending::Open) if !looks_like_option(text) => return,
            Some(Pending::Bare(class, _)) if text == b"=" || text == b":=" => {
                self.pending = Some(Pending::Named(class));
                return;
            }
            Some(Pending::Bare(class, _)) if text.starts_with(b"=") && text.len() > 1 => {
                if class.hides(judged(text.get(1..).unwrap_or_default())) {
                    mask(MaskRule::Name, Some(1..text.len()));
                }
                return;
            }
            Some(Pending::Bare(class, true)) if !text.starts_with(b"-") => {
                if let Some(Found::Itself(part)) = self.program.argument(inner) {
                    mask(MaskRule::Client, part.of(text));
                }
                if class.hides(judged(inner)) {
                    mask(MaskRule::Name, Some(0..text.len()));
                }
                return;
            }
            _ => {}
        }
        let slash = text
            .strip_prefix(b"/")
            .is_some_and(|rest| !rest.contains(&b'/'));
        let dash = text.starts_with(b"-");
        if dash || slash {
            let is_known = self.option(text, &mut mask);
            if is_known || dash {
                return;
            }
        }
        // A variable of options, in one argument: its first option is behind the name.
        if let Some(at) = memchr::memchr(b'=', text)
            && text.get(..at).is_some_and(|name| {
                name.iter().all(|b| {
                    b.is_ascii_alphanumeric()
                        || *b == b'_'
                        || is_key_byte(*b)
                        || matches!(b, b'"' | b'\'')
                })
            })
        {
            let value = text.get(at + 1..).unwrap_or_default();
            let quotes = value
                .iter()
                .take_while(|b| matches!(b, b'"' | b'\''))
                .count();
            let value = value.get(quotes..).unwrap_or_default();
            if value.starts_with(b"-") {
                self.option(value, &mut |rule, range| {
                    mask(
                        rule,
                        range.map(|range| {
                            range.start + at + 1 + quotes..range.end + at + 1 + quotes
                        }),
                    );
                });
            }
            return;
        }
        match self.program.argument(inner) {
            Some(Found::Itself(part)) => mask(MaskRule::Client, part.of(text)),
            _ => {
                let class = classify(inner);
                let setter = self.setting && class != NameClass::Innocent;
                if class != NameClass::Innocent && text.len() <= 64 {
                    self.pending = Some(Pending::Bare(class, setter));
                }
                self.setting |= SETTERS.iter().any(|setter| setter.as_bytes() == text);
            }
        }
    }

    /// An option, its value attached or to come; whether it is one that hides something.
    fn option(
        &mut self,
        text: &[u8],
        mask: &mut impl FnMut(MaskRule, Option<Range<usize>>),
    ) -> bool {
        let shift = |range: Option<Range<usize>>, by: usize| {
            range.map(|range| range.start + by..range.end + by)
        };
        match self.program.option(text) {
            Some(Found::Attached(at, part)) => {
                mask(
                    MaskRule::Client,
                    shift(part.of(text.get(at..).unwrap_or_default()), at),
                );
                return true;
            }
            Some(Found::Next(part)) => {
                self.pending = Some(Pending::Client(part));
                return true;
            }
            Some(Found::Skip) => {
                self.pending = Some(Pending::Open);
                return true;
            }
            Some(Found::Itself(_)) | None => {}
        }
        if self.program.may_name_user() {
            let long = [
                &b"--user"[..],
                b"--proxy-user",
                b"--userpass",
                b"--credentials-basic",
            ];
            if text == b"-u" || text == b"-U" || long.contains(&text) {
                self.pending = Some(Pending::User);
                return true;
            }
            let attached = long
                .iter()
                .find_map(|name| text.strip_prefix(*name)?.strip_prefix(b"="))
                .or_else(|| {
                    text.strip_prefix(b"-u")
                        .filter(|rest| !rest.starts_with(b"="))
                });
            if let Some(value) = attached
                && let Some(range) = user_password(value)
            {
                mask(
                    MaskRule::Client,
                    shift(Some(range), text.len() - value.len()),
                );
                return true;
            }
        }
        if !text.starts_with(b"-D")
            && !text.contains(&b'=')
            && !text.contains(&b':')
            && text.starts_with(b"-")
        {
            let class = classify(text);
            if class != NameClass::Innocent {
                self.pending = Some(Pending::Named(class));
                return true;
            }
        }
        false
    }
}

fn judged(value: &[u8]) -> &[u8] {
    value
        .get(..value.len().min(super::value::JUDGED_BYTES_MAX))
        .unwrap_or_default()
}

/// The password in `user:password`; `1000:1000` and `app:app` are a user and a group, `a:/b` a path.
fn user_password(value: &[u8]) -> Option<Range<usize>> {
    let range = Part::After(b':').of(value)?;
    let name = value.get(..range.start - 1)?;
    let secret = value.get(range.clone())?;
    let is_url = secret.starts_with(b"//");
    let open = is_number(secret) && is_number(name)
        || name == secret
        || is_url
        || is_place(judged(secret))
        || super::value::is_variable(judged(secret));
    let simple =
        !name.is_empty() && name.len() <= 128 && !name.contains(&b'/') && !name.contains(&b'=');
    (simple && !open).then_some(range)
}

/// A secret may begin with a dash, or with two; an option that takes no value is followed by
/// another option, whose name is a word.
fn looks_like_option(text: &[u8]) -> bool {
    match text {
        [b'-', b'-'] => true,
        [b'-', b'-', name @ ..] => {
            let name = name.split(|byte| *byte == b'=').next().unwrap_or(name);
            let has_value = text.contains(&b'=');
            let plain = name
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'.'));
            let edges = name.first().is_some_and(u8::is_ascii_lowercase)
                && name.last().is_some_and(u8::is_ascii_lowercase);
            let known = SHORT_OPTIONS.iter().any(|known| known.as_bytes() == name);
            plain
                && edges
                && (known
                    || name.len() > 4
                    || name.contains(&b'-')
                    || (has_value && name.len() > 1))
        }
        [b'-', letter] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// `text` without quotes around it.
fn unquoted(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => text.strip_suffix(b";").unwrap_or(text),
    }
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
            None if matches!(byte, b'"' | b'\'') && opens(text, start, at) => {
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

/// Whether a quote at `at` opens. That of a variable of options does not: the options in it are
/// words of their own (`JAVA_TOOL_OPTIONS="-Xmx1g --password x"`).
fn opens(text: &[u8], start: Option<usize>, at: usize) -> bool {
    let before = start
        .and_then(|start| text.get(start..at))
        .unwrap_or_default();
    !(before.ends_with(b"=") && text.get(at + 1) == Some(&b'-'))
}

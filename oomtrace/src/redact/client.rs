//! What a word is to the program it belongs to, by the table of programs.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::{CLIENTS, OTHER_USERS};

/// Letters of a bundle that are looked at.
const LETTERS_MAX: usize = 12;

/// A row as it is looked up.
#[derive(Debug, Default)]
struct Known {
    takes: Option<&'static str>,
    entries: Vec<Entry>,
    other_user: bool,
}

static KNOWN: LazyLock<HashMap<&'static [u8], Known>> = LazyLock::new(|| {
    let mut known: HashMap<&'static [u8], Known> = HashMap::new();
    for client in CLIENTS {
        for name in client.names.split(' ') {
            let entry = known.entry(name.as_bytes()).or_default();
            entry.takes = client.takes;
            entry
                .entries
                .extend(client.secrets.split(' ').map(Entry::parse));
        }
    }
    for name in OTHER_USERS.split(' ') {
        known.entry(name.as_bytes()).or_default().other_user = true;
    }
    known
});

/// Which part of a value is the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// What follows the first of this byte.
    After(u8),
}

impl Part {
    /// Where the secret in `value` begins and ends.
    pub(super) fn of(self, value: &[u8]) -> Option<std::ops::Range<usize>> {
        let (start, end) = match self {
            // `pass:SECRET` of openssl; `env:NAME` and `file:NAME` hold none.
            Self::Whole if value.starts_with(b"pass:") => (5, value.len()),
            Self::Whole
                if ["env:", "file:", "fd:", "$"]
                    .iter()
                    .any(|no| value.starts_with(no.as_bytes()))
                    || value == b"stdin" =>
            {
                return None;
            }
            Self::Whole => (0, value.len()),
            Self::After(byte) => {
                let start = memchr::memchr(byte, value).filter(|at| *at > 0 || byte != b'/')? + 1;
                let end = match byte {
                    b'/' => memchr::memrchr(b'@', value).filter(|at| *at > start),
                    _ => None,
                };
                (start, end.unwrap_or(value.len()))
            }
        };
        (start < end).then_some(start..end)
    }
}

/// One entry of [`Client::secrets`].
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// A word that must come before it, or a short option.
    after: Option<&'static str>,
    /// The option; absent where an argument is meant.
    option: Option<&'static str>,
    /// Which argument, and whether all that follow are secret too.
    argument: Option<(usize, bool)>,
    attached_only: bool,
    part: Part,
}

impl Entry {
    fn parse(text: &'static str) -> Self {
        let (text, part) = match text.as_bytes().last() {
            Some(b':') if text.starts_with('/') => (text, Part::Whole),
            Some(byte @ (b':' | b'%' | b',' | b'/')) => (
                text.get(..text.len() - 1).unwrap_or(text),
                Part::After(*byte),
            ),
            _ => (text, Part::Whole),
        };
        let (text, attached_only) = match text.strip_suffix('!') {
            Some(text) => (text, true),
            None => (text, text.starts_with('/') && text.ends_with(':')),
        };
        let (after, what) = match text.split_once('>') {
            Some((after, what)) => (Some(after).filter(|after| !after.is_empty()), what),
            None => (None, text),
        };
        let number = what.strip_suffix('+').unwrap_or(what).parse().ok();
        let argument = number.map(|number| (number, what.ends_with('+')));
        Self {
            after,
            option: argument.is_none().then_some(what),
            argument,
            attached_only,
            part,
        }
    }
}

/// What a word is to the program it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The secret begins at this offset of the word.
    Attached(usize, Part),
    /// The secret is the next word.
    Next(Part),
    /// An option that takes the next word, which is no secret.
    Skip,
    /// The word itself is an argument that is secret.
    Itself(Part),
}

/// The program that the words walked over belong to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Program {
    client: Option<&'static Known>,
    /// Arguments since the program's name.
    arguments: usize,
    /// Triggering words that have come, a bit each by their place in the row, and arguments since.
    since: [Option<usize>; Self::ENTRIES],
}

impl Program {
    const ENTRIES: usize = 16;

    fn entries(&self) -> impl Iterator<Item = (usize, Entry)> + use<> {
        let entries: &'static [Entry] = self.client.map_or(&[], |client| &client.entries);
        entries.iter().copied().enumerate()
    }

    /// Takes in an argument that is no option: a known program's name starts that program, behind
    /// wrappers too (`sudo`, `env`, `sh -c`).
    pub(super) fn argument(&mut self, word: &[u8]) -> Option<Found> {
        let name = word
            .rsplit(|&byte| matches!(byte, b'/' | b'(' | b'`'))
            .next()
            .unwrap_or(word);
        let name = name.strip_suffix(b".exe").unwrap_or(name);
        // An argument that a row waits for is no program (`expect`'s `AUTH password`).
        let mut found = None;
        self.arguments = self.arguments.saturating_add(1);
        for (at, entry) in self.entries() {
            let count = match (entry.after, self.since.get_mut(at)) {
                (None, _) => self.arguments,
                (Some(_), Some(Some(since))) => {
                    *since += 1;
                    *since
                }
                _ => 0,
            };
            if let Some((wanted, more)) = entry.argument
                && count > 0
                && (count == wanted || (more && count > wanted))
            {
                found = found.or(Some(Found::Itself(entry.part)));
            }
            if let (Some(after), Some(since @ None)) = (entry.after, self.since.get_mut(at))
                && after.as_bytes() == name
            {
                *since = Some(0);
            }
        }
        if found.is_some() {
            return found;
        }
        if let Some(known) = KNOWN.get(name) {
            *self = Self {
                client: Some(known),
                ..Self::default()
            };
        }
        None
    }

    /// What an option is to this program. `None`: the table says nothing.
    pub(super) fn option(&mut self, word: &[u8]) -> Option<Found> {
        let takes = self.client.and_then(|client| client.takes);
        for (at, entry) in self.entries() {
            let ready = entry.after.is_none() || self.since.get(at).copied().flatten().is_some();
            let Some(option) = entry.option.filter(|_| ready) else {
                if let (Some(after), Some(since @ None)) = (entry.after, self.since.get_mut(at))
                    && after.as_bytes() == word
                {
                    *since = Some(0);
                }
                continue;
            };
            let Some(rest) = word.strip_prefix(option.as_bytes()) else {
                continue;
            };
            let attached = word.len() - rest.len();
            let is_long = option.len() > 2 && !entry.attached_only;
            match rest.first() {
                None if entry.attached_only => return Some(Found::Attached(attached, entry.part)),
                None => return Some(Found::Next(entry.part)),
                Some(b'=') if is_long => return Some(Found::Attached(attached + 1, entry.part)),
                Some(b'=') => return Some(Found::Attached(attached + 1, entry.part)),
                Some(_) if !is_long && (entry.attached_only || takes.is_some()) => {
                    return Some(Found::Attached(attached, entry.part));
                }
                // `--username` is another option than `--user`.
                Some(_) => {}
            }
        }
        self.bundle(word)
    }

    /// `-sSu VALUE`: short options in one word.
    fn bundle(&mut self, word: &[u8]) -> Option<Found> {
        let takes = self.client?.takes?.as_bytes();
        let letters = word
            .strip_prefix(b"-")
            .filter(|rest| !rest.starts_with(b"-"))?;
        for (at, letter) in letters.iter().take(LETTERS_MAX).enumerate() {
            let is = |option: &str| matches!(option.as_bytes(), [b'-', known] if known == letter);
            let end = at + 2;
            for (index, entry) in self.entries() {
                if let (Some(after), Some(since @ None)) = (entry.after, self.since.get_mut(index))
                    && is(after)
                {
                    *since = Some(0);
                }
                let ready =
                    entry.after.is_none() || self.since.get(index).copied().flatten().is_some();
                if ready && entry.option.is_some_and(is) {
                    return match (end < word.len(), entry.attached_only) {
                        (true, _) => Some(Found::Attached(end, entry.part)),
                        (false, true) => None,
                        (false, false) => Some(Found::Next(entry.part)),
                    };
                }
            }
            if takes.contains(letter) {
                return (end == word.len()).then_some(Found::Skip);
            }
            if !letter.is_ascii_alphanumeric() {
                return None;
            }
        }
        None
    }

    /// Whether `-u name:value` may be a user with a password.
    pub(super) fn may_name_user(&self) -> bool {
        !self.client.is_some_and(|client| client.other_user)
    }
}

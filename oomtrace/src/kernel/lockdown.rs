//! Whether the kernel is locked down, and how far.

use std::path::Path;
use std::{fmt, fs};

/// Where securityfs shows it.
const PATH: &str = "/sys/kernel/security/lockdown";

/// How far the kernel is locked down (`security/lockdown/lockdown.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// Not at all.
    None,
    /// User space may not change the running kernel. Nothing that oomtrace does is barred.
    Integrity,
    /// Nor read its memory: BPF programs cannot.
    Confidentiality,
}

impl Lockdown {
    const NAMES: [(&str, Self); 3] = [
        ("none", Self::None),
        ("integrity", Self::Integrity),
        ("confidentiality", Self::Confidentiality),
    ];

    /// Reads it; absent where the kernel does not say: it was built without lockdown, securityfs
    /// is not mounted, or the file is not ours to read.
    pub(super) fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string(Path::new(PATH)).ok()?)
    }

    /// The file lists all levels, the present one in brackets.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once('[')?;
        Self::named(rest.split_once(']')?.0)
    }

    /// The level of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, level)| *level)
    }
}

impl fmt::Display for Lockdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::NAMES.iter().find(|(_, level)| level == self);
        f.write_str(found.map_or("unknown", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_in_brackets_is_the_present_one() {
        for (text, level) in [
            ("[none] integrity confidentiality\n", Some(Lockdown::None)),
            (
                "none [integrity] confidentiality\n",
                Some(Lockdown::Integrity),
            ),
            (
                "none integrity [confidentiality]\n",
                Some(Lockdown::Confidentiality),
            ),
            ("none integrity confidentiality\n", None),
            ("[new]\n", None),
            ("", None),
        ] {
            assert_eq!(Lockdown::parse(text), level, "{text}");
        }
    }
}

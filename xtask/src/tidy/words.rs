//! Words that do not belong into the repository: places of the machine it was written on, and
//! names of package registries (a build gets its packages through its tools' own settings).
//!
//! The list is spelled in pieces so that this file passes its own rule.

use super::{Tree, Violation};

/// What to look for.
struct Banned {
    /// In lower case.
    word: &'static str,
    /// It counts only as a whole word.
    whole: bool,
}

/// Words before the word for a login that make it systemd's, which oomtrace may well speak of.
const SYSTEMDS: &[&str] = &["login", "user", "user's", "users'"];

const BANNED: &[Banned] = &[
    Banned {
        word: concat!("/wo", "rk/"),
        whole: true,
    },
    Banned {
        word: concat!(".lib", "rary"),
        whole: true,
    },
    Banned {
        word: concat!("ses", "sion"),
        whole: true,
    },
    Banned {
        word: concat!("ses", "sions"),
        whole: true,
    },
    Banned {
        word: concat!("crates", ".io"),
        whole: false,
    },
    Banned {
        word: concat!("deb.debian", ".org"),
        whole: false,
    },
    Banned {
        word: concat!("security.debian", ".org"),
        whole: false,
    },
    Banned {
        word: concat!("archive.ubuntu", ".com"),
        whole: false,
    },
    Banned {
        word: concat!("pypi", ".org"),
        whole: false,
    },
    Banned {
        word: concat!("registry.npmjs", ".org"),
        whole: false,
    },
    Banned {
        word: concat!("proxy.golang", ".org"),
        whole: false,
    },
];

/// Files that cargo writes, and captured kernel logs, whose words are not ours.
fn is_exempt(path: &str) -> bool {
    let generated = path.ends_with("Cargo.lock");
    let captured = path.ends_with(".log") || path.ends_with(".dmesg");
    generated || captured
}

/// Every banned word in any text file.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in tree.files.iter().filter(|file| !is_exempt(&file.path)) {
        for (line, text) in file.text.lines().enumerate() {
            let text = text.to_lowercase();
            for banned in BANNED.iter().filter(|banned| banned.is_in(&text)) {
                violations.push(Violation::new(
                    file,
                    line + 1,
                    format!("`{}` does not belong here", banned.word),
                ));
            }
        }
    }
    violations
}

impl Banned {
    fn is_in(&self, text: &str) -> bool {
        text.match_indices(self.word).any(|(at, word)| {
            let before = text.get(..at).and_then(|head| head.chars().next_back());
            let after = text
                .get(at + word.len()..)
                .and_then(|tail| tail.chars().next());
            // `/usr/work/x` and systemd's `session-3.scope` are other words.
            let starts = before.is_none_or(|c| !joins(c));
            let ends = word.ends_with('/') || after.is_none_or(|c| !joins(c));
            let said = text
                .get(..at)
                .unwrap_or_default()
                .split_whitespace()
                .next_back();
            let is_systemds = said.is_some_and(|word| SYSTEMDS.contains(&word));
            !self.whole || (starts && ends && !is_systemds)
        })
    }
}

fn joins(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("docs/page.md", text)])).len()
    }

    #[test]
    fn each_banned_word_is_found() {
        for banned in BANNED {
            assert!(
                count(&format!("see {}, there", banned.word)) > 0,
                "{}",
                banned.word
            );
            assert!(count(&banned.word.to_uppercase()) > 0, "{}", banned.word);
        }
    }

    #[test]
    fn longer_words_are_other_words() {
        let word = concat!("ses", "sion");
        assert_eq!(
            count(&format!("/user.slice/{word}-3.scope ob{word} get_{word}")),
            0
        );
        assert_eq!(count(&format!("a login {word} and a user's {word}")), 0);
        assert_eq!(count(concat!("overlay2/0a/wo", "rk/x")), 0);
    }

    #[test]
    fn lock_files_name_their_registry() {
        let text = concat!("registry+https://crates", ".io");
        assert_eq!(check(&Tree::of(&[("fuzz/Cargo.lock", text)])).len(), 0);
        assert_eq!(check(&Tree::of(&[("fuzz/Cargo.toml", text)])).len(), 1);
    }
}

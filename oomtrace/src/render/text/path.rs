//! cgroup paths as a person can read them.

use std::borrow::Cow;

use super::look::Look;
use crate::render::escape::escape;
use crate::render::layout::{columns_of, tail};

/// Hexadecimal digits that name a container well enough for a person.
const ID_DIGITS: usize = 12;
/// A run of this many digits is an id, not a word.
const ID_RUN_MIN: usize = 32;

/// The first digits of a container id; an id of another form is left whole.
pub(super) fn short_id(id: &str) -> &str {
    if id.len() >= ID_RUN_MIN && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        id.get(..ID_DIGITS).unwrap_or(id)
    } else {
        id
    }
}

/// `path` escaped, its ids shortened unless everything is to be shown.
pub(super) fn shown(look: &Look, path: &str) -> String {
    let escaped = escape(path);
    if look.verbose {
        escaped.into_owned()
    } else {
        shorten_ids(&escaped, look.dots()).into_owned()
    }
}

/// `path` in at most `columns` characters: its end is what tells levels apart.
pub(super) fn fitted(look: &Look, path: &str, columns: usize) -> String {
    let shown = shown(look, path);
    if columns_of(&shown) <= columns || look.verbose {
        return shown;
    }
    let kept = columns.saturating_sub(columns_of(look.dots()));
    format!("{}{}", look.dots(), tail(&shown, kept))
}

fn shorten_ids<'a>(path: &'a str, dots: &str) -> Cow<'a, str> {
    let mut out = String::new();
    let mut rest = path;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        out.push_str(before);
        if run.len() >= ID_RUN_MIN {
            out.push_str(short_id(run));
            out.push_str(dots);
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    if out == path {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_ids_are_shortened_wherever_they_stand() {
        let id = "8e24c1f2a3b4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e";
        assert_eq!(short_id(id), "8e24c1f2a3b4");
        assert_eq!(short_id("web"), "web");
        assert_eq!(
            shorten_ids(&format!("/kubepods.slice/cri-containerd-{id}.scope/x"), "…"),
            "/kubepods.slice/cri-containerd-8e24c1f2a3b4….scope/x"
        );
        assert_eq!(shorten_ids("/docker/deadbeef", "…"), "/docker/deadbeef");
    }
}

//! Colour, if any. What colour says is also said in words: output without it loses nothing.

/// What a piece of text is, for the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// As it comes.
    Plain,
    /// The verdict.
    Verdict,
    /// The name of a block.
    Label,
    /// Something at its limit.
    Full,
    /// Worth less attention.
    Dim,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether escape sequences may be written.
    pub(super) color: bool,
}

impl Style {
    /// `text` in the look of `role`.
    pub(super) fn paint(self, role: Role, text: &str) -> String {
        // Only the 16 basic colours and attributes: they follow the user's own scheme.
        let start = match role {
            _ if !self.color || text.is_empty() => return text.to_owned(),
            Role::Plain => return text.to_owned(),
            Role::Verdict => "\x1b[1m",
            Role::Label => "\x1b[36m",
            Role::Full => "\x1b[1;31m",
            Role::Dim => "\x1b[2m",
        };
        format!("{start}{text}\x1b[0m")
    }
}

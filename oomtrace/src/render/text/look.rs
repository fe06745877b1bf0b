//! How the text is to look, and what its reader has already seen.

use jiff::tz::TimeZone;

use crate::model::Reason;
use crate::words::Figures;

/// How much is shown of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// A dozen lines a kill: the verdict, what filled the limit, what to change, who died.
    #[default]
    Compact,
    /// Everything.
    Long,
    /// One line a kill.
    Oneline,
}

/// How the text is to look. Where it goes to is not known here.
#[derive(Clone, Debug)]
pub struct TextSettings {
    /// How much is shown.
    pub view: View,
    /// Columns of the terminal; fewer than 60 count as 60.
    pub width: usize,
    /// Whether to colour.
    pub color: bool,
    /// Whether to keep to ASCII where oomtrace itself chooses the characters.
    pub ascii: bool,
    /// Exact bytes instead of KiB, MiB, GiB.
    pub exact_bytes: bool,
    /// Whole paths, command lines and ids, and how things are known.
    pub verbose: bool,
    /// Time zone of the times shown.
    pub time_zone: TimeZone,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self {
            view: View::default(),
            width: 80,
            color: false,
            ascii: false,
            exact_bytes: false,
            verbose: false,
            time_zone: TimeZone::UTC,
        }
    }
}

/// What the reader has already seen.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) anything: bool,
    pub(super) day: Option<String>,
    pub(super) incident: Option<String>,
    /// Fields that no kill seen here has, and why: said once.
    pub(super) missing_here: Vec<(String, Reason)>,
}

/// The part of the settings that the blocks need.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) figures: Figures,
    pub(super) verbose: bool,
    pub(super) ascii: bool,
    pub(super) time_zone: TimeZone,
}

impl Look {
    pub(super) fn new(settings: &TextSettings) -> Self {
        Self {
            figures: Figures {
                exact: settings.exact_bytes,
                ascii: settings.ascii,
            },
            verbose: settings.verbose,
            ascii: settings.ascii,
            time_zone: settings.time_zone.clone(),
        }
    }

    pub(super) fn times(&self) -> &'static str {
        if self.ascii { "x" } else { "×" }
    }

    pub(super) fn plus_minus(&self) -> &'static str {
        if self.ascii { "+-" } else { "±" }
    }

    pub(super) fn dots(&self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    pub(super) fn bullet(&self) -> &'static str {
        if self.ascii { "-" } else { "•" }
    }

    pub(super) fn none(&self) -> &'static str {
        if self.ascii { "-" } else { "–" }
    }
}

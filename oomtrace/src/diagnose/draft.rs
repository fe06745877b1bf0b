//! Builds a finding so that every figure in its text is also in its evidence.

use super::code::Code;
use crate::model::{Bytes, Evidence, Finding, Pages, Unit};
use crate::words;

/// Findings with what they are ordered by.
pub(super) type Findings = Vec<Draft>;

pub(super) struct Draft {
    rank: u8,
    weight: Bytes,
    /// Its suggestion counts only if nothing before it has one.
    is_last_resort: bool,
    finding: Finding,
}

impl Draft {
    pub(super) fn new(code: Code) -> Self {
        Self {
            rank: code.rank(),
            weight: Bytes(0),
            is_last_resort: false,
            finding: Finding {
                code: code.name.to_owned(),
                text: String::new(),
                change: None,
                detail: false,
                evidence: Vec::new(),
            },
        }
    }

    /// Whether it is of this kind.
    pub(super) fn is(&self, code: Code) -> bool {
        self.finding.code == code.name
    }

    /// How much of the memory it explains: of the same rank the heavier comes first.
    pub(super) fn weighing(mut self, bytes: Bytes) -> Self {
        self.weight = bytes;
        self
    }

    /// True, but not what explains this kill: it comes last.
    pub(super) fn aside(mut self) -> Self {
        self.rank = u8::MAX;
        self.is_last_resort = true;
        self
    }

    /// Marks it as a repetition of what the text report shows elsewhere, if `is_repeated`.
    pub(super) fn detail_if(mut self, is_repeated: bool) -> Self {
        self.finding.detail = is_repeated;
        self
    }

    /// From here on it is said what to change.
    pub(super) fn change(mut self, text: &str) -> Self {
        self.finding.change = Some(text.to_owned());
        self
    }

    /// What to change if nothing more telling suggests something.
    pub(super) fn change_at_last(mut self, text: &str) -> Self {
        self.is_last_resort = true;
        self.change(text)
    }

    pub(super) fn say(mut self, text: &str) -> Self {
        let finding = &mut self.finding;
        finding
            .change
            .as_mut()
            .unwrap_or(&mut finding.text)
            .push_str(text);
        self
    }

    /// An amount, in words and as evidence.
    pub(super) fn bytes(self, name: &str, bytes: Bytes) -> Self {
        self.say(&words::size(bytes)).with_bytes(name, bytes)
    }

    /// A number of pages, in words and as evidence.
    pub(super) fn pages(self, name: &str, pages: Pages) -> Self {
        self.say(&pages.0.to_string())
            .with(name, pages.0, Unit::Pages)
    }

    /// A number, in words and as evidence.
    pub(super) fn count(self, name: &str, value: u64) -> Self {
        self.say(&value.to_string()).with(name, value, Unit::Count)
    }

    /// A time, in words and as evidence.
    pub(super) fn duration(self, name: &str, us: u64) -> Self {
        self.say(&words::duration(us))
            .with(name, us, Unit::Microseconds)
    }

    /// An amount as evidence only.
    pub(super) fn with_bytes(self, name: &str, bytes: Bytes) -> Self {
        self.with(name, bytes.0, Unit::Bytes)
    }

    /// Evidence that the text does not name.
    pub(super) fn with(mut self, name: &str, value: u64, unit: Unit) -> Self {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.add(name, value, unit);
        self
    }

    /// A figure that text and change both name is evidence once.
    fn add(&mut self, name: &str, value: i64, unit: Unit) {
        let evidence = &mut self.finding.evidence;
        let is_there = |known: &Evidence| known.name == name && known.value == value;
        if !evidence.iter().any(is_there) {
            evidence.push(Evidence {
                name: name.to_owned(),
                value,
                unit,
            });
        }
    }

    /// Evidence that may be absent.
    pub(super) fn with_optional(self, name: &str, bytes: Option<Bytes>) -> Self {
        match bytes {
            Some(bytes) => self.with_bytes(name, bytes),
            None => self,
        }
    }

    pub(super) fn signed(self, name: &str, value: i64) -> Self {
        let mut draft = self.say(&value.to_string());
        draft.add(name, value, Unit::Count);
        draft
    }
}

/// What explains most comes first.
pub(super) fn in_order(mut drafts: Findings) -> Vec<Finding> {
    drafts.sort_by_key(|draft| (draft.rank, std::cmp::Reverse(draft.weight)));
    let mut is_any = false;
    for draft in &mut drafts {
        if draft.is_last_resort && is_any {
            draft.finding.change = None;
        }
        is_any |= draft.finding.change.is_some();
    }
    drafts.into_iter().map(|draft| draft.finding).collect()
}

//! What could not be read, counted.

/// What was skipped or is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Lines that are no events.
    pub bad_lines: u64,
    /// The first of them: where, and why.
    pub first_bad_line: Option<String>,
    /// Files that end within a line: their writer may be at it, or was interrupted.
    pub cut_lines: Vec<String>,
    /// Packed files that are cut short or damaged; what comes before was read.
    pub damaged: Vec<String>,
    /// Events that a store had and has removed since, because it was full or they were too old.
    pub removed: u64,
    /// Events that are gone from the middle of a store.
    pub gone: u64,
}

impl Flaws {
    /// Whether something was skipped that should have been readable.
    #[must_use]
    pub fn is_any_lost(&self) -> bool {
        self.bad_lines > 0 || self.gone > 0 || !self.damaged.is_empty()
    }

    /// A sentence for each kind, those first that are losses.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if let Some(first) = &self.first_bad_line {
            sentences.push(match self.bad_lines {
                1 => format!("1 line is no event and was skipped: {first}"),
                many => format!("{many} lines are no events and were skipped, the first: {first}"),
            });
        }
        for damaged in &self.damaged {
            sentences.push(format!("{damaged}; what comes before was read"));
        }
        if self.gone > 0 {
            sentences.push(format!(
                "{} events are gone from the middle of the store: segments were deleted",
                self.gone
            ));
        }
        for name in &self.cut_lines {
            sentences.push(format!(
                "{name} ends within a line, which was left out (its writer may be at it)"
            ));
        }
        sentences
    }
}

//! How many fields compared how.

use std::collections::BTreeMap;
use std::fmt;

use oomtrace_tests::compare::Outcome;

/// Outcomes, counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Equal.
    pub equal: usize,
    /// Within a bound, or on the right side of a figure that only grows.
    pub near: usize,
    /// The same without the figures that only grow, and the widest bound.
    within: (usize, u64),
    /// Absent with a reason, by that reason.
    missing: BTreeMap<String, usize>,
    /// Nothing of the kernel's to compare with.
    untold: usize,
    /// Not as the kernel has them.
    pub differs: usize,
}

impl Tally {
    /// Adds one.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Agrees { bound: 0 } => self.equal += 1,
            Outcome::Agrees { bound } => {
                self.near += 1;
                self.within = (self.within.0 + 1, self.within.1.max(*bound));
            }
            Outcome::Monotone => self.near += 1,
            Outcome::Missing(reason) => *self.missing.entry(reason.clone()).or_default() += 1,
            Outcome::Untold => self.untold += 1,
            Outcome::Differs => self.differs += 1,
        }
    }

    /// How many were absent with a reason.
    pub fn missing(&self) -> usize {
        self.missing.values().sum()
    }

    /// Nothing was compared with anything.
    pub fn is_empty(&self) -> bool {
        self.equal + self.near + self.missing() + self.differs == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (within, bound) = self.within;
        let counts = [
            ("exact".to_owned(), self.equal, ""),
            (format!("± {bound}"), within, ""),
            ("monotone".to_owned(), self.near - within, ""),
            ("untold".to_owned(), self.untold, ""),
        ];
        let missing = self.missing.iter();
        let missing =
            missing.map(|(reason, count)| ("missing".to_owned(), *count, reason.as_str()));
        let differs = ("**differs**".to_owned(), self.differs, "");
        let parts: Vec<String> = counts
            .into_iter()
            .chain(missing)
            .chain([differs])
            .filter(|(_, count, _)| *count > 0)
            .map(|(what, count, reason)| match reason {
                "" => format!("{what} {count}"),
                reason => format!("{what} {count}: {reason}"),
            })
            .collect();
        f.write_str(if parts.is_empty() { "·" } else { "" })?;
        f.write_str(&parts.join("; "))
    }
}

//! What the rules find in one argument.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::model::MaskRule;

/// Secrets found in one argument.
#[derive(Debug, Default)]
pub(super) struct Finds {
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) rules: BTreeSet<MaskRule>,
}

impl Finds {
    pub(super) fn add(&mut self, rule: MaskRule, ranges: impl IntoIterator<Item = Range<usize>>) {
        let before = self.ranges.len();
        self.ranges.extend(ranges);
        if self.ranges.len() > before {
            self.rules.insert(rule);
        }
    }
}

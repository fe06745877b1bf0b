//! How a single field is held against what it must be.

use std::fmt;

use serde_json::Value;

use super::Difference;
use crate::bytes;
use crate::event::Event;

pub(super) struct Check<'a> {
    pub(super) event: &'a Event,
    pub(super) page_size: u64,
    pub(super) cpus: u64,
    pub(super) differences: Vec<Difference>,
}

impl Check<'_> {
    pub(super) fn differ(
        &mut self,
        field: &str,
        kernel: impl fmt::Display,
        event: impl fmt::Display,
    ) {
        self.differences.push(Difference {
            field: field.to_owned(),
            kernel: kernel.to_string(),
            event: event.to_string(),
        });
    }

    pub(super) fn show(&self, field: &str) -> String {
        self.event
            .at(field)
            .map_or_else(|| "nothing".to_owned(), Value::to_string)
    }

    /// The field must be there and be this number.
    pub(super) fn number(&mut self, field: &str, kernel: impl Into<i64>) {
        let kernel = kernel.into();
        if self.event.i64(field) != Some(kernel) {
            self.differ(field, kernel, self.show(field));
        }
    }

    /// The field must be there and be this many.
    pub(super) fn amount(&mut self, field: &str, kernel: u64) {
        self.near(field, kernel, 0);
    }

    /// The field must be there and be no further off than the bound.
    pub(super) fn near(&mut self, field: &str, kernel: u64, bound: u64) {
        if self
            .event
            .u64(field)
            .is_none_or(|value| value.abs_diff(kernel) > bound)
        {
            let bound = if bound == 0 {
                String::new()
            } else {
                format!(" ± {bound}")
            };
            self.differ(field, format!("{kernel}{bound}"), self.show(field));
        }
    }

    pub(super) fn text(&mut self, field: &str, kernel: &str) {
        if self.event.text(field) != Some(kernel) {
            self.differ(field, kernel, self.show(field));
        }
    }

    pub(super) fn bytes(&mut self, field: &str, kernel: &[u8]) {
        let found = self.event.bytes(field);
        if found.as_deref() != Some(kernel) {
            let found = found.map_or_else(
                || "nothing".to_owned(),
                |found| found.escape_ascii().to_string(),
            );
            self.differ(field, kernel.escape_ascii(), found);
        }
        // The original stands beside the text only where the text lost something.
        let lossless = str::from_utf8(kernel).is_ok();
        let hex = format!("{field}_hex");
        if self.event.at(&hex).is_some() == lossless {
            let wanted = if lossless {
                "nothing".to_owned()
            } else {
                bytes::to_hex(kernel)
            };
            self.differ(&hex, wanted, self.show(&hex));
        }
    }

    /// As [`Self::number_or_missing`], for a text.
    pub(super) fn text_or_missing(&mut self, field: &str, kernel: &str) {
        if self.event.at(field).is_some() {
            self.text(field, kernel);
        } else if !self.event.says_missing(field) {
            self.differ(field, kernel, "nothing, and missing gives no reason");
        }
    }

    /// The field may be absent where `missing` says why; else it must be this.
    pub(super) fn number_or_missing(&mut self, field: &str, kernel: impl Into<i64>) {
        if self.event.at(field).is_some() {
            self.number(field, kernel);
        } else if !self.event.says_missing(field) {
            self.differ(field, kernel.into(), "nothing, and missing gives no reason");
        }
    }
}

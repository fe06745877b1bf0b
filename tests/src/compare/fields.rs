//! How a single field is held against what it must be.

use std::fmt;

use anyhow::Result;
use serde_json::Value;

use super::{Compared, Comparison, Difference, Manner, Outcome, Rss};
use crate::event::Event;
use crate::{bytes, host};

pub(super) struct Check<'a> {
    pub(super) event: &'a Event,
    pub(super) page_size: u64,
    pub(super) cpus: u64,
    /// How far off a counter of the kernel's may be that is kept by processor.
    pub(super) batch: u64,
    pub(super) manner: Manner,
    pub(super) rss: Rss,
    pub(super) differences: Vec<Difference>,
    pub(super) compared: Vec<Compared>,
}

impl<'a> Check<'a> {
    pub(super) fn new(event: &'a Event, rss: Rss, manner: Manner) -> Result<Self> {
        Ok(Self {
            event,
            page_size: host::page_size(),
            cpus: host::possible_cpus()?,
            batch: host::rss_batch_bytes()?,
            manner,
            rss,
            differences: Vec::new(),
            compared: Vec::new(),
        })
    }

    /// All that was compared. The fields of an event of another kind than a kill's stand apart from
    /// those of a kill.
    pub(super) fn done(mut self, kind: &str) -> Comparison {
        if kind != "oom_kill" {
            for field in self
                .compared
                .iter_mut()
                .map(|one| &mut one.field)
                .chain(self.differences.iter_mut().map(|one| &mut one.field))
            {
                field.insert_str(0, &format!("{kind}."));
            }
        }
        Comparison {
            differences: self.differences,
            compared: self.compared,
        }
    }
}

impl Check<'_> {
    /// The field is not what it must be; or it is absent, with a reason that is good enough here.
    pub(super) fn differ(
        &mut self,
        field: &str,
        kernel: impl fmt::Display,
        event: impl fmt::Display,
    ) {
        if self.event.at(field).is_none()
            && let Some(reason) = self.event.missing_reason(field)
            && self.manner == Manner::AsStated
        {
            let outcome = Outcome::Missing(reason.to_owned());
            return self.note(field, outcome);
        }
        self.note(field, Outcome::Differs);
        self.differences.push(Difference {
            field: field.to_owned(),
            kernel: kernel.to_string(),
            event: event.to_string(),
        });
    }

    /// The field is what it must be, give or take the bound.
    pub(super) fn agree(&mut self, field: &str, bound: u64) {
        self.note(field, Outcome::Agrees { bound });
    }

    /// The field is on the right side of what the kernel says.
    pub(super) fn monotone(&mut self, field: &str) {
        self.note(field, Outcome::Monotone);
    }

    /// Neither the kernel's report nor its files say anything of the field.
    pub(super) fn cannot_tell(&mut self, field: &str) {
        self.note(field, Outcome::Untold);
    }

    /// Whether the line was cut short there: a total says how much there was.
    pub(super) fn trimmed(&self, list: &str) -> bool {
        let mut names = self
            .event
            .list("truncated")
            .iter()
            .filter_map(Value::as_str);
        names.any(|name| name.contains(list))
    }

    /// How far off the event says that each of its RSS figures may be: no further than the kernel's
    /// counters can be.
    pub(super) fn stated(&self) -> u64 {
        let own = self.event.u64("victim.memory.rss_error_max_bytes");
        own.unwrap_or_default().min(self.most_off())
    }

    /// The same of the figures of those that were looked at, which are not added up over processors.
    pub(super) fn stated_of_candidates(&self) -> u64 {
        let own = self
            .event
            .u64("candidates_rss_error_max_bytes")
            .unwrap_or_default();
        // Where nothing was scored, the badness is of the counters as the kernel's own mark reads them;
        // from 7.0 on its table sums what processors hold back.
        let unscored = self.event.at("victim.memory_reported").is_some()
            && self.event.missing_reason("candidates").is_some();
        let own = if unscored { self.most_off() } else { own };
        self.stated().max(own.min(self.most_off()))
    }

    /// How far off a counter of the victim's can be: by what processors hold back, or, before 6.2,
    /// by what each of its threads does (`TASK_RSS_EVENTS_THRESH`).
    pub(super) fn most_off(&self) -> u64 {
        let threads = self.event.u64("victim.threads").unwrap_or(1);
        self.batch.max(threads * 64 * self.page_size)
    }

    fn note(&mut self, field: &str, outcome: Outcome) {
        let field = field.to_owned();
        self.compared.push(Compared { field, outcome });
    }

    /// A field that may be absent where `missing` says why.
    pub(super) fn absent(&mut self, field: &str, kernel: impl fmt::Display) {
        match self.event.missing_reason(field) {
            Some(reason) => self.note(field, Outcome::Missing(reason.to_owned())),
            None => self.differ(field, kernel, "nothing, and missing gives no reason"),
        }
    }

    pub(super) fn show(&self, field: &str) -> String {
        self.event
            .at(field)
            .map_or_else(|| "nothing".to_owned(), Value::to_string)
    }

    /// The field must be there and be this number.
    pub(super) fn number(&mut self, field: &str, kernel: impl Into<i64>) {
        let kernel = kernel.into();
        if self.event.i64(field) == Some(kernel) {
            self.agree(field, 0);
        } else {
            self.differ(field, kernel, self.show(field));
        }
    }

    /// The field must be there and be this many.
    pub(super) fn amount(&mut self, field: &str, kernel: u64) {
        self.near(field, kernel, 0);
    }

    /// As [`Self::near`]; or it is no further off than the event itself says it may be.
    pub(super) fn near_as_stated(&mut self, field: &str, kernel: u64, bound: u64, stated: u64) {
        let off = self.event.u64(field).map(|value| value.abs_diff(kernel));
        let stated = self.manner == Manner::AsStated && off.is_some_and(|off| off > bound) && {
            off.is_some_and(|off| off <= stated.saturating_add(bound))
        };
        if stated {
            self.agree(field, off.unwrap_or_default());
        } else {
            self.near(field, kernel, bound);
        }
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
        } else {
            self.agree(field, bound);
        }
    }

    pub(super) fn text(&mut self, field: &str, kernel: &str) {
        if self.event.text(field) == Some(kernel) {
            self.agree(field, 0);
        } else {
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
            return;
        }
        self.agree(field, 0);
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
}

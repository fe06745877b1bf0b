//! Why something is absent.

pub(super) use crate::model::Reason;
use crate::model::{Bytes, Host, JSON_INTEGER_MAX, Missing};

/// Collects what is absent from one event. Where the host already says why a field cannot be had,
/// that is the reason given.
pub(super) struct MissingFields<'a> {
    unavailable: &'a [Missing],
    listed: Vec<Missing>,
    /// Explanations given so far: each is given once in an event.
    explained: Vec<String>,
    checked: Vec<&'static str>,
    /// What an event of this kind does not have, whatever the host says of it.
    inapplicable: Vec<&'static str>,
}

impl<'a> MissingFields<'a> {
    pub(super) fn new(host: &'a Host) -> Self {
        Self {
            unavailable: &host.unavailable,
            listed: Vec::new(),
            explained: Vec::new(),
            checked: Vec::new(),
            inapplicable: Vec::new(),
        }
    }

    /// Passes `value` through; lists `field` where there is none.
    pub(super) fn check<T>(
        &mut self,
        field: &'static str,
        value: Option<T>,
        reason: Reason,
    ) -> Option<T> {
        if value.is_none() {
            self.absent(field, reason);
        } else {
            self.checked.push(field);
        }
        value
    }

    /// The same for an amount, which must also be one that JSON can carry.
    pub(super) fn bytes(
        &mut self,
        field: &'static str,
        value: Option<Bytes>,
        reason: Reason,
    ) -> Option<Bytes> {
        let reason = if value.is_some() {
            Reason::OutOfRange
        } else {
            reason
        };
        self.check(field, value.filter(possible), reason)
    }

    /// `field` and its parts do not apply to this event: they are absent without a reason.
    pub(super) fn inapplicable(&mut self, field: &'static str) {
        self.inapplicable.push(field);
    }

    /// Lists `field` as absent.
    pub(super) fn absent(&mut self, field: &'static str, reason: Reason) {
        self.checked.push(field);
        let known = self
            .unavailable
            .iter()
            .find(|missing| covers(&missing.field, field));
        let (reason, why) = match known {
            Some(known) => (known.reason, known.why.clone()),
            None => (reason, Some(reason.explanation().to_owned())),
        };
        let why = self.once(why);
        self.listed.push(Missing {
            field: field.to_owned(),
            reason,
            why,
        });
    }

    /// An explanation is given once in an event: lines are to stay short.
    fn once(&mut self, why: Option<String>) -> Option<String> {
        let why = why.filter(|why| !self.explained.contains(why))?;
        self.explained.push(why.clone());
        Some(why)
    }

    /// What is absent, together with what the host says of fields that were not asked for here.
    pub(super) fn finish(mut self) -> Vec<Missing> {
        for missing in self.unavailable {
            let is_checked = |field: &&str| covers(&missing.field, field);
            let is_nothing = |field: &&str| covers(field, &missing.field);
            if !self.checked.iter().any(is_checked) && !self.inapplicable.iter().any(is_nothing) {
                let why = self.once(missing.why.clone());
                self.listed.push(Missing {
                    why,
                    ..missing.clone()
                });
            }
        }
        self.listed
    }
}

/// Whether `field` is `named` or a part of it.
fn covers(named: &str, field: &str) -> bool {
    field
        .strip_prefix(named)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether JSON can carry it. No memory is larger; a damaged recording may say so.
pub(super) fn possible(bytes: &Bytes) -> bool {
    bytes.0 <= JSON_INTEGER_MAX
}

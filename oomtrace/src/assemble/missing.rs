//! Why something is absent.

use crate::model::{Bytes, Host, JSON_INTEGER_MAX, Missing};

/// A reason, as `missing` words it. The words are part of the schema: they do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    NotRead,
    NotCaptured,
    NoOomControl,
    TracepointOnly,
    NotReceived,
    CaptureEnded,
    AssemblerFull,
    RecordLost,
    PreviousKillLost,
    NotFollowed,
    PastExit,
    NoGfpTable,
    NoZones,
    NoExe,
    PathTooLong,
    SwappedOut,
    ChainTruncated,
    NameTruncated,
    NameNotRead,
    NotInChain,
    TriggerCgroupUnknown,
    TriggerOutsideLimit,
    NothingScored,
    CandidatesLost,
    NoCgroupAtLimit,
    NotDetermined,
    NoClock,
    NoErrorBound,
    OutOfRange,
}

impl Reason {
    /// The stable word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NotRead => "not_read",
            Self::NotCaptured => "not_captured",
            Self::NoOomControl => "no_oom_control",
            Self::TracepointOnly => "tracepoint_only",
            Self::NotReceived => "not_received",
            Self::CaptureEnded => "capture_ended",
            Self::AssemblerFull => "assembler_full",
            Self::RecordLost => "record_lost",
            Self::PreviousKillLost => "previous_kill_lost",
            Self::NotFollowed => "not_followed",
            Self::PastExit => "past_exit",
            Self::NoGfpTable => "no_gfp_table",
            Self::NoZones => "no_zones",
            Self::NoExe => "no_exe",
            Self::PathTooLong => "path_too_long",
            Self::SwappedOut => "swapped_out",
            Self::ChainTruncated => "chain_truncated",
            Self::NameTruncated => "name_truncated",
            Self::NameNotRead => "name_not_read",
            Self::NotInChain => "not_in_chain",
            Self::TriggerCgroupUnknown => "trigger_cgroup_unknown",
            Self::TriggerOutsideLimit => "trigger_outside_limit",
            Self::NothingScored => "nothing_scored",
            Self::CandidatesLost => "candidates_lost",
            Self::NoCgroupAtLimit => "no_cgroup_at_limit",
            Self::NotDetermined => "not_determined",
            Self::NoClock => "no_clock",
            Self::NoErrorBound => "no_error_bound",
            Self::OutOfRange => "out_of_range",
        }
    }

    /// The same in words.
    const fn why(self) -> &'static str {
        match self {
            Self::NotRead => "the probe could not read it from the kernel",
            Self::NotCaptured => "this version of oomtrace does not capture it",
            Self::NoOomControl => "the OOM killer's own arguments were not seen",
            Self::TracepointOnly => "this kernel's tracepoint does not give the task",
            Self::NotReceived => "its record had not come 50 ms after the kill",
            Self::CaptureEnded => "the capture ended before its record came",
            Self::AssemblerFull => "too many kills at once to wait for its record",
            Self::RecordLost => "the ring of details had no room for its record",
            Self::PreviousKillLost => {
                "the record of the kill before this one is lost, so it is not known whether both \
                 belong together"
            }
            Self::NotFollowed => "too many victims at once to follow this one",
            Self::NoGfpTable => {
                "the kernel's table of names could not be read: there is no tracefs here, or it \
                 may not be mounted"
            }
            Self::PastExit => {
                "the victim, on another processor, was past the hook in its exit when it was marked"
            }
            Self::NoZones => "the OOM killer was invoked without a list of the node's zones",
            Self::NoExe => {
                "its address space named no executable any more when the victim was marked"
            }
            Self::PathTooLong => "its path is longer than what is captured",
            Self::SwappedOut => "the pages that held it were not in memory",
            Self::ChainTruncated => {
                "the cgroup lies too deep: the levels nearest the root were not captured"
            }
            Self::NameTruncated => "a cgroup's name on the path is longer than what is captured",
            Self::NameNotRead => "a cgroup's name on the path could not be read",
            Self::NotInChain => "its cgroup is not part of the captured chain",
            Self::TriggerCgroupUnknown => {
                "the cgroup of the task that asked for the memory is not known"
            }
            Self::TriggerOutsideLimit => {
                "the task that asked for the memory is outside the cgroup whose limit was hit: it \
                 may have lowered the limit, or have charged memory on another's behalf"
            }
            Self::NothingScored => {
                "the kernel looked at no task before it chose (vm.oom_kill_allocating_task), or no \
                 hook saw it do so"
            }
            Self::CandidatesLost => {
                "records of some tasks found no room or had not come 50 ms after the kill"
            }
            Self::NoCgroupAtLimit => {
                "no cgroup above both victim and trigger was at its limit when the victim was \
                 marked"
            }
            Self::NotDetermined => "nothing that was captured decides it",
            Self::NoClock => "the wall clock was not read",
            Self::NoErrorBound => "how far off the kernel's per-CPU counters are is not known",
            Self::OutOfRange => "the value is no possible one",
        }
    }
}

/// Collects what is absent from one event. Where the host already says why a field cannot be had,
/// that is the reason given.
pub(super) struct MissingFields<'a> {
    unavailable: &'a [Missing],
    listed: Vec<Missing>,
    /// What was explained.
    told: Vec<String>,
    checked: Vec<&'static str>,
    /// What an event of this kind does not have, whatever the host says of it.
    inapplicable: Vec<&'static str>,
}

impl<'a> MissingFields<'a> {
    pub(super) fn new(host: &'a Host) -> Self {
        Self {
            unavailable: &host.unavailable,
            listed: Vec::new(),
            told: Vec::new(),
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

    /// The event has no `field`, nor a part of it, and nobody needs to be told why.
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
            Some(known) => (known.reason.clone(), known.why.clone()),
            None => (reason.word().to_owned(), Some(reason.why().to_owned())),
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
        let why = why.filter(|why| !self.told.contains(why))?;
        self.told.push(why.clone());
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

//! Why a field is absent (`missing[].reason`) and why kills were missed (`reason` of a gap): every word,
//! with its explanation.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($(#[$about:meta])* $name:ident: $($variant:ident = $word:literal: $why:literal;)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name {
            $(
                #[doc = $why]
                #[serde(rename = $word)]
                $variant,
            )*
            /// a word that this oomtrace does not know, from a newer one
            #[serde(other, rename = "unrecognized")]
            Unrecognized,
        }

        impl $name {
            /// Every reason that this oomtrace gives, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word in the event.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unrecognized => "unrecognized",
                }
            }

            /// What the word means, as a clause without its full stop.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self {
                    $(Self::$variant => $why,)*
                    Self::Unrecognized => "a newer oomtrace gave a reason that this one does not know",
                }
            }
        }
    };
}

reasons! {
    /// Why a field is absent. The words are part of the schema: rules may rest on them.
    Reason:

    // What this kernel and these privileges cannot give.
    NoHook = "no_hook": "no hook that sees it is attached";
    NoTask = "no_task": "the mark_victim tracepoint of this kernel does not hand over the task";
    NoKernelField = "no_kernel_field": "this kernel has no such field, or its type information does not show it";
    NoOomControl = "no_oom_control": "the OOM killer's own arguments were not seen";
    TracepointOnly = "tracepoint_only": "only the tracepoint's record was seen, which does not hold it";
    NoGfpTable = "no_gfp_table": "the kernel's table of names could not be read: there is no tracefs here, or it may not be mounted";
    NoMemoryController = "no_memory_controller": "the kernel's memory controller is switched off (cgroup_disable=memory)";
    NoErrorBound = "no_error_bound": "how far off the kernel's per-CPU counters are is not known";
    NoCgroupfs = "no_cgroupfs": "no cgroup file system with the memory controller is visible here";

    // What the probe found at the kill.
    NotRead = "not_read": "the probe could not read it from the kernel";
    NotCaptured = "not_captured": "this version of oomtrace does not capture it";
    NotFollowed = "not_followed": "too many victims at once to follow this one";
    PastExit = "past_exit": "the victim, on another processor, was past the hook in its exit when it was marked";
    NoZones = "no_zones": "the OOM killer was invoked without a list of the node's zones";
    NoExe = "no_exe": "its address space named no executable any more when the victim was marked";
    PathTooLong = "path_too_long": "its path is longer than what is captured";
    SwappedOut = "swapped_out": "the pages that held it were not in memory";
    ChainTruncated = "chain_truncated": "the cgroup lies too deep: the levels nearest the root were not captured";
    NameTruncated = "name_truncated": "a cgroup's name on the path is longer than what is captured";
    NameNotRead = "name_not_read": "a cgroup's name on the path could not be read";
    NothingScored = "nothing_scored": "the kernel looked at no task before it chose (vm.oom_kill_allocating_task), or no hook saw it do so";
    OutOfRange = "out_of_range": "the value is not a possible one";

    // What was lost on the way.
    NotReceived = "not_received": "its record had not arrived 50 ms after the kill";
    CaptureEnded = "capture_ended": "the capture ended before its record arrived";
    AssemblerFull = "assembler_full": "too many kills at once to wait for its record";
    RecordLost = "record_lost": "the ring of details had no room for its record";
    PreviousKillLost = "previous_kill_lost": "the record of the kill before this one is lost, so it is not known whether both belong together";
    CandidatesLost = "candidates_lost": "records of some tasks found no room or had not arrived 50 ms after the kill";

    // What the captured facts do not decide.
    NotInChain = "not_in_chain": "its cgroup is not part of the captured chain";
    TriggerCgroupUnknown = "trigger_cgroup_unknown": "the cgroup of the task that asked for the memory is not known";
    TriggerOutsideLimit = "trigger_outside_limit": "the task that asked for the memory is outside the cgroup whose limit was hit: it may have lowered the limit, or have charged memory on another's behalf";
    NoCgroupAtLimit = "no_cgroup_at_limit": "no cgroup above both victim and trigger was at its limit when the victim was marked";
    NotDetermined = "not_determined": "nothing that was captured decides it";

    // What user space could not read afterwards.
    CgroupGone = "cgroup_gone": "the cgroup was removed before its statistics could be read";
    CgroupOutsideMount = "cgroup_outside_mount": "only another part of the cgroup hierarchy is mounted here";
    BadCgroupPath = "bad_cgroup_path": "the cgroup's path has a component that is not a name";
    OtherCgroup = "other_cgroup": "statistics were read of another cgroup than the one whose limit was hit";
    UsageUnknown = "usage_unknown": "the usage at the kill is not known";
    Unreadable = "unreadable": "a file or socket that holds it could not be read";
    NotLookedUp = "not_looked_up": "it was not looked up, because this runtime's names never are or because the whole node was out of memory";
    NotFound = "not_found": "no engine's state that is looked at has a container of this id";
    NotSaid = "not_said": "the source of the container's other names does not give this one";

    // Clocks.
    NoClock = "no_clock": "the clock that it needs could not be read";
    Suspended = "suspended": "the host was suspended since boot, and the log's clock stops meanwhile";

    // Kernel logs.
    NotInLog = "not_in_log": "this log does not show it: a part is missing, or the kernel left it out";
    OnlyInKernelLog = "only_in_kernel_log": "this log has only systemd's line on the kill; the kernel's own report is in the kernel's log (journalctl -k)";
    NeverInLog = "never_in_log": "the kernel does not write it into its log";

    // The output itself.
    BeyondJsonIntegers = "beyond_json_integers": "larger than 2^53 - 1, which not every JSON reader keeps exactly";
}

impl Reason {
    /// Whether it holds for every kill that is seen here: what this kernel and these privileges cannot
    /// give.
    #[must_use]
    pub const fn is_of_host(self) -> bool {
        matches!(
            self,
            Self::NoHook
                | Self::NoTask
                | Self::NoKernelField
                | Self::NoOomControl
                | Self::TracepointOnly
                | Self::NoGfpTable
                | Self::NoMemoryController
                | Self::NoErrorBound
                | Self::NoCgroupfs
        )
    }
}

reasons! {
    /// Why kills were missed. The words are part of the schema: rules may rest on them.
    GapReason:

    // Of a live capture.
    RingFull = "ring_full": "they came faster than they were taken out of the ring";
    Recursion = "recursion": "they came while the probe was running on the same processor";
    Unknown = "unknown": "the kernel counted more than were seen, and nothing says why";

    // Of the kernel's log.
    LogOverwritten = "log_overwritten": "they were before oomtrace started, and the kernel's log, which begins here, no longer holds them";
    NotInLog = "not_in_log": "they were before oomtrace started, and the kernel's log does not show them";
    LogOverrun = "log_overrun": "the kernel overwrote messages of its log before they were read";

    // Of the output.
    OutputFailed = "output_failed": "standard output could not be written";
    OutputBlocked = "output_blocked": "standard output was not read for too long";

    // Of the daemon.
    BeforeStart = "before_start": "they were before oomtrace was first started, and the kernel's log does not show them";
    NotRunning = "not_running": "oomtrace was not running, and the kernel's log does not show them";
    StoreFailed = "store_failed": "the store could not be written";
    StoreRemoved = "store_removed": "the store removed the oldest events before this sink had taken them";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_round_trip() {
        let mut words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
        for reason in Reason::ALL {
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.word()));
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), *reason);
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }

    #[test]
    fn a_newer_word_is_no_error() {
        let reason: Reason = serde_json::from_str("\"of_a_later_version\"").unwrap();
        assert_eq!(reason, Reason::Unrecognized);
    }
}

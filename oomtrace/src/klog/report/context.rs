//! What is known beside the log.

/// What is known of the host beside its log. Absent for a log from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KlogHost {
    /// Name of the host, where its lines do not name it.
    pub hostname: Option<String>,
    /// `uname -r`, where a report does not name it.
    pub release: Option<String>,
    /// Identity of the boot, where the lines do not name it.
    pub boot_id: Option<String>,
    /// Version of the oomtrace that reads.
    pub tracer_version: String,
    /// `CLOCK_REALTIME` minus the log's clock, nanoseconds; only where that log is being written on
    /// this host now. It gives lines that only show the time since boot a time of day.
    pub realtime_ahead_ns: Option<i64>,
}

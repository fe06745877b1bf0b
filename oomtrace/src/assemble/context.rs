//! What every event starts with.

use super::clock::Clock;
use super::missing::{MissingFields, Reason};
use crate::decode::Kill;
use crate::model::{Bytes, EventKind, Header, Host, JSON_INTEGER_MAX, KernelInfo, Source, id};

/// What every event of a capture takes from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct CaptureContext<'a> {
    pub(super) host: &'a Host,
    pub(super) clock: &'a Clock,
    pub(super) lost_records: u64,
}

impl<'a> CaptureContext<'a> {
    pub(super) const fn new(host: &'a Host, clock: &'a Clock, lost_records: u64) -> Self {
        Self {
            host,
            clock,
            lost_records,
        }
    }

    /// The header of an event that happened at `boot_ns`.
    pub(super) fn header(&self, event: EventKind, boot_ns: u64, event_id: String) -> Header {
        let timestamp = self.clock.timestamp(boot_ns);
        Header {
            timestamp_basis: timestamp.is_some().then(|| "kernel_clock".to_owned()),
            timestamp,
            observed_timestamp: self.clock.observed(boot_ns),
            hostname: Some(self.host.hostname.clone()),
            since_boot_us: Some(micros(boot_ns)).filter(|us| *us <= JSON_INTEGER_MAX),
            kernel: KernelInfo {
                release: Some(self.host.release.clone()),
                boot_id: Some(self.host.boot_id.clone()),
                page_size_bytes: Some(self.host.page_size_bytes),
            },
            ..Header::new(event, Source::Bpf, event_id, &self.host.tracer_version)
        }
    }

    /// Upper bound of the error of each counter of a candidate that the kernel looked at.
    pub(super) fn candidates_error_max(&self) -> Bytes {
        self.host.rss_error_max_bytes
    }

    /// The id of a kill.
    pub(super) fn kill_id(&self, kill: &Kill) -> String {
        let victim = &kill.victim;
        let tid = victim.tid.or(victim.tgid);
        match victim.start_boot_ns.zip(tid) {
            Some((start, tid)) => id::of_victim(&self.host.boot_id, start, tid),
            None => self.moment_id(kill.meta.boot_ns, tid),
        }
    }

    /// The id of what has no victim of its own.
    pub(super) fn moment_id(&self, boot_ns: u64, tid: Option<u32>) -> String {
        id::of_moment(&self.host.boot_id, micros(boot_ns), tid)
    }
}

/// Lists what a header lacks.
pub(super) fn check(header: &Header, missing_fields: &mut MissingFields<'_>) {
    if header.timestamp.is_none() {
        missing_fields.absent("timestamp", Reason::NoClock);
    }
}

/// Nanoseconds as whole microseconds.
pub(super) const fn micros(ns: u64) -> u64 {
    ns / 1_000
}

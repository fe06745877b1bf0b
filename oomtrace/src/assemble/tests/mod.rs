//! The assembler from outside: records in, events out.

mod candidates;
mod counted;
mod details;
mod founding;
mod groups;
mod lateness;
mod limits;
mod no_victim;
mod outcomes;
mod properties;
mod reconciling;
mod reconciling_busy;
mod sharers;

use oomtrace_common::record::{self, chain_role};

use super::missing::Reason;
use super::waiting::{WAITING_BYTES_MAX, WAITING_MAX};
use super::*;
use crate::decode::{Record, decode, testing as build};
use crate::model::{
    Bytes, GfpFlag, Host, KernelCounters, Liveness, Missing, OomNoVictim, OomOutcome, PageSize,
};

pub(super) const PAGE: PageSize = PageSize(4096);
/// The mark of most tests' kills.
pub(super) const MARK: u64 = 1_241_551_893_123;
/// The wall clock at boot, so that [`MARK`] is 2026-11-23T15:25:59.551893123Z.
pub(super) const BOOT_REALTIME: u64 = 1_795_447_559_551_893_123 - MARK;

pub(super) fn host() -> Host {
    Host {
        hostname: "n1".into(),
        release: "6.18.44".into(),
        boot_id: "5f1c9a2e".into(),
        page_size_bytes: PAGE,
        cgroup_version: 2,
        rss_error_max_bytes: Bytes(253_952),
        rss_error_per_thread_bytes: Bytes(0),
        gfp_flags: vec![GfpFlag {
            mask: 0xcc0,
            name: "GFP_KERNEL".into(),
        }],
        tracer_version: "0.1.0".into(),
        unavailable: Vec::new(),
    }
}

/// An assembler with records put into it as the kernel side makes them.
pub(super) struct Fixture {
    pub(super) assembler: Assembler,
    pub(super) out: Vec<Output>,
}

impl Fixture {
    pub(super) fn new(host: Host) -> Self {
        let mut assembler = Assembler::new(host);
        assembler.clock(MARK + 1, BOOT_REALTIME + MARK + 1);
        Self {
            assembler,
            out: Vec::new(),
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let record = decode(bytes, PAGE).expect("a whole record");
        self.assembler.record(record, &mut self.out);
        self
    }

    pub(super) fn kill(&mut self, kill: &record::Kill) -> &mut Self {
        self.bytes(&build::bytes(kill))
    }

    pub(super) fn outcome(&mut self, outcome: &record::Outcome) -> &mut Self {
        self.bytes(&build::bytes(outcome))
    }

    pub(super) fn tick(&mut self, boot_ns: u64) -> &mut Self {
        self.assembler.tick(boot_ns, &mut self.out);
        self
    }

    pub(super) fn kills(&self) -> Vec<&OomKill> {
        kills(&self.out)
    }

    pub(super) fn candidate(&mut self, candidate: &record::Candidate) -> &mut Self {
        self.bytes(&build::bytes(candidate))
    }

    pub(super) fn no_victims(&self) -> Vec<&OomNoVictim> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Event(Event::OomNoVictim(event)) => Some(&**event),
                _ => None,
            })
            .collect()
    }

    /// The only kill so far.
    pub(super) fn event(&self) -> &OomKill {
        let kills = self.kills();
        assert_eq!(kills.len(), 1, "{:?}", self.out);
        kills[0]
    }

    pub(super) fn outcomes(&self) -> Vec<&OomOutcome> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Event(Event::OomOutcome(outcome)) => Some(&**outcome),
                _ => None,
            })
            .collect()
    }

    /// Answers the only question whether a victim still runs.
    pub(super) fn answer(&mut self, is_alive: bool, boot_ns: u64) -> &mut Self {
        let sequence = self.overdue()[0].sequence;
        let liveness = Liveness {
            sequence,
            boot_ns,
            is_alive,
        };
        self.assembler.liveness(&liveness, &mut self.out);
        self
    }

    pub(super) fn overdue(&self) -> Vec<&LivenessRequest> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Overdue(request) => Some(request),
                _ => None,
            })
            .collect()
    }

    pub(super) fn requests(&self) -> Vec<&SnapshotRequest> {
        self.out
            .iter()
            .filter_map(|output| match output {
                Output::Opened(request) => Some(request),
                _ => None,
            })
            .collect()
    }
}

pub(super) fn kills(out: &[Output]) -> Vec<&OomKill> {
    out.iter()
        .filter_map(|output| match output {
            Output::Kill { event, .. } => Some(&**event),
            _ => None,
        })
        .collect()
}

/// `/docker/8e24`, where `8e24` is at its limit.
pub(super) fn docker(sequence: u32, boot_ns: u64) -> Vec<u8> {
    build::chain(
        sequence,
        boot_ns,
        chain_role::VICTIM,
        0,
        &[
            (build::level(100), b"8e24"),
            (build::free_level(50), b"docker"),
            (build::root(), b""),
        ],
    )
}

pub(super) fn cmdline(sequence: u32, tgid: u32) -> Vec<u8> {
    build::context(sequence, MARK + 2_000, tgid, b"java\0-Xmx128m\0", 14)
}

/// Why a field is absent.
pub(super) fn reason<'a>(event: &'a OomKill, field: &str) -> Option<&'a str> {
    reason_in(&event.missing, field)
}

pub(super) fn reason_in<'a>(missing: &'a [Missing], field: &str) -> Option<&'a str> {
    let mut found = missing.iter().filter(|missing| missing.field == field);
    let reason = found.next().map(|missing| missing.reason.word());
    assert_eq!(found.next(), None, "{field} is listed twice");
    reason
}

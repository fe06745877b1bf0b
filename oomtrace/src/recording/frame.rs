//! What a recording is made of.

use crate::model::{KernelCounters, Liveness, Snapshot};

/// Kinds of frames; never reused.
pub(super) mod kind {
    pub(in super::super) const HOST: u8 = 0;
    pub(in super::super) const CLOCK: u8 = 1;
    pub(in super::super) const RECORD: u8 = 2;
    pub(in super::super) const SNAPSHOT: u8 = 3;
    pub(in super::super) const TICK: u8 = 4;
    pub(in super::super) const COUNTERS: u8 = 5;
    pub(in super::super) const LIVENESS: u8 = 6;
}

/// Something that came into a capture.
#[expect(
    clippy::large_enum_variant,
    reason = "frames pass one at a time and are never kept in numbers"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Both clocks were read.
    Clock {
        /// `CLOCK_BOOTTIME`, nanoseconds.
        boot_ns: u64,
        /// `CLOCK_REALTIME`, nanoseconds.
        realtime_ns: u64,
    },
    /// A record of the kernel side, with secrets masked.
    Record(Vec<u8>),
    /// What user space saw of a kill.
    Snapshot(Snapshot),
    /// A deadline came.
    Tick {
        /// `CLOCK_BOOTTIME`, nanoseconds.
        boot_ns: u64,
    },
    /// The counters were read.
    Counters(KernelCounters),
    /// A victim whose end was not seen was looked up.
    Liveness(Liveness),
}

impl Frame {
    /// Its kind and body.
    pub(super) fn encode(&self) -> Result<(u8, Vec<u8>), serde_json::Error> {
        Ok(match self {
            Self::Clock {
                boot_ns,
                realtime_ns,
            } => {
                let mut body = boot_ns.to_le_bytes().to_vec();
                body.extend_from_slice(&realtime_ns.to_le_bytes());
                (kind::CLOCK, body)
            }
            Self::Record(bytes) => (kind::RECORD, bytes.clone()),
            Self::Snapshot(snapshot) => (kind::SNAPSHOT, serde_json::to_vec(snapshot)?),
            Self::Tick { boot_ns } => (kind::TICK, boot_ns.to_le_bytes().to_vec()),
            Self::Counters(counters) => (kind::COUNTERS, serde_json::to_vec(counters)?),
            Self::Liveness(liveness) => (kind::LIVENESS, serde_json::to_vec(liveness)?),
        })
    }

    /// A frame from its body: nothing if the kind is not known, in words what is wrong with it.
    pub(super) fn decode(kind: u8, body: Vec<u8>) -> Result<Option<Self>, String> {
        Ok(Some(match kind {
            kind::CLOCK => {
                let (boot, real) = body
                    .split_at_checked(8)
                    .ok_or("a clock frame is too short")?;
                Self::Clock {
                    boot_ns: number(boot)?,
                    realtime_ns: number(real)?,
                }
            }
            kind::RECORD => Self::Record(body),
            kind::SNAPSHOT => Self::Snapshot(json(&body, "snapshot")?),
            kind::TICK => Self::Tick {
                boot_ns: number(&body)?,
            },
            kind::COUNTERS => Self::Counters(json(&body, "counters")?),
            kind::LIVENESS => Self::Liveness(json(&body, "liveness")?),
            kind::HOST => return Err("a second header".to_owned()),
            _ => return Ok(None),
        }))
    }
}

fn number(bytes: &[u8]) -> Result<u64, String> {
    let bytes: [u8; 8] = bytes
        .try_into()
        .map_err(|_| format!("a time has {} bytes instead of 8", bytes.len()))?;
    Ok(u64::from_le_bytes(bytes))
}

/// A body in JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(body: &[u8], what: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("the {what} cannot be read: {error}"))
}

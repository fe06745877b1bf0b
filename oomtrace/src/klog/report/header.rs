//! What every event starts with, and the events that have little else.

use super::context::KlogHost;
use super::draft::When;
use super::values::named;
use crate::klog::grammar::userspace;
use crate::model::{
    Event, EventKind, Gap, GapReason, Header, JSON_INTEGER_MAX, KernelInfo, Source,
    UserspaceOomKill, id,
};

/// What events take from around their report.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) hostname: Option<&'a [u8]>,
    pub(super) boot_id: Option<&'a str>,
    pub(super) release: Option<&'a str>,
    pub(super) is_crash_kernel: bool,
    pub(super) host: &'a KlogHost,
}

impl About<'_> {
    fn hostname(&self) -> Option<String> {
        match self.hostname {
            Some(name) => Some(String::from_utf8_lossy(name).into_owned()),
            None => self.host.hostname.clone(),
        }
    }

    /// The id of what happened at `when`, to the thread `tid` if to any. Where the log does not name
    /// its boot, `facts` are what else it says of it.
    pub(super) fn id(&self, when: &When, tid: Option<u32>, facts: &str) -> String {
        if let (Some(boot_id), Some(us)) = (self.boot_id, when.boot_us) {
            return id::of_moment(boot_id, us, tid);
        }
        let When {
            boot_us,
            realtime_ns,
            shown,
        } = when;
        let time = format!("{boot_us:?} {realtime_ns:?} {shown:?} {tid:?}");
        let host = self.hostname().unwrap_or_default();
        id::of_report(host.as_bytes(), [time.as_bytes(), facts.as_bytes()])
    }
}

/// The header of an event at `when`.
pub(super) fn header(
    about: &About<'_>,
    event: EventKind,
    when: &When,
    event_id: String,
    kernel: KernelInfo,
) -> Header {
    let derived = || {
        let boot_ns = i64::try_from(when.boot_us?).ok()?.checked_mul(1000)?;
        boot_ns.checked_add(about.host.realtime_ahead_ns?)
    };
    let (realtime_ns, basis) = match when.realtime_ns {
        Some(ns) => (Some(ns), "carrier"),
        None => (derived(), "derived"),
    };
    let timestamp = realtime_ns
        .and_then(|ns| jiff::Timestamp::from_nanosecond(ns.into()).ok())
        .map(|time| format!("{time:.9}"));
    Header {
        timestamp_basis: timestamp.is_some().then(|| basis.to_owned()),
        log_time: when
            .shown
            .filter(|_| timestamp.is_none())
            .map(|shown| shown.to_string()),
        timestamp,
        hostname: about.hostname(),
        since_boot_us: when.boot_us.filter(|us| *us <= JSON_INTEGER_MAX),
        kernel,
        ..Header::new(event, Source::Klog, event_id, &about.host.tracer_version)
    }
}

/// The event of kills that are known to be missed, up to `since_boot_us`.
pub(super) fn gap(
    min: u64,
    max: u64,
    reason: GapReason,
    since_boot_us: Option<u64>,
    host: &KlogHost,
) -> Event {
    let about = About {
        hostname: None,
        boot_id: host.boot_id.as_deref(),
        release: None,
        is_crash_kernel: false,
        host,
    };
    let when = When {
        boot_us: since_boot_us,
        ..When::default()
    };
    let kernel = KernelInfo {
        release: host.release.clone(),
        boot_id: host.boot_id.clone(),
        page_size_bytes: None,
    };
    let id = about.id(&when, None, &format!("{min} {max} {}", reason.word()));
    let header = header(&about, EventKind::Gap, &when, id, kernel);
    Event::Gap(Box::new(Gap::of(header, reason, (min, max))))
}

/// The event of a user-space OOM killer's line.
pub(super) fn userspace_kill(kill: &userspace::Kill, when: &When, about: &About<'_>) -> Event {
    let kernel = KernelInfo {
        release: about.host.release.clone(),
        boot_id: about.boot_id.map(str::to_owned),
        page_size_bytes: None,
    };
    Event::UserspaceOomKill(Box::new(UserspaceOomKill {
        header: header(
            about,
            EventKind::UserspaceOomKill,
            when,
            about.id(when, kill.pid, &format!("{kill:?}")),
            kernel,
        ),
        killer: kill.killer.to_owned(),
        pid: kill.pid,
        comm: kill.comm.as_deref().and_then(|comm| named(comm).0),
        cgroup_path: kill.cgroup.as_deref().and_then(|path| named(path).0),
        reason: kill.reason.as_deref().and_then(|reason| named(reason).0),
    }))
}

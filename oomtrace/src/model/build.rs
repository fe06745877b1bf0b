//! The constructors of events: what an event holds when its source has filled in nothing yet.
//!
//! Each source (the live probe, the kernel log, the daemon) starts from these and sets what it knows, so
//! a field that only one of them knows is named there and here.

use super::{
    EventKind, Gap, GapReason, Header, Incident, JSON_INTEGER_MAX, KernelInfo, Level, OomKill,
    OomNoVictim, Owner, OwnerKind, SCHEMA_VERSION, Source, TracerInfo, Victim,
};

impl EventKind {
    /// How bad an event of this kind is, as a rule.
    const fn level(self) -> Level {
        match self {
            Self::OomKill | Self::UserspaceOomKill => Level::Error,
            Self::OomNoVictim | Self::Gap => Level::Warn,
            Self::OomOutcome => Level::Info,
        }
    }
}

impl Header {
    /// A header without time, host or kernel. The message is left to `diagnose`.
    #[must_use]
    pub fn new(event: EventKind, source: Source, event_id: String, tracer_version: &str) -> Self {
        Self {
            timestamp: None,
            timestamp_basis: None,
            log_time: None,
            observed_timestamp: None,
            level: event.level(),
            event,
            schema_version: SCHEMA_VERSION,
            message: String::new(),
            hostname: None,
            event_id: Some(event_id),
            source,
            since_boot_us: None,
            kernel: KernelInfo::default(),
            tracer: TracerInfo {
                version: tracer_version.to_owned(),
            },
        }
    }
}

impl Incident {
    /// An incident of which nothing but its id is known.
    #[must_use]
    pub const fn new(id: String) -> Self {
        Self {
            id,
            scope: None,
            scope_basis: None,
            constraint: None,
            cause: None,
            kill_kind: None,
            kill_index: 0,
            group_cgroup_path: None,
            chosen: None,
            total_pages: None,
        }
    }
}

impl Owner {
    /// An owner of which nothing but its kind is known.
    #[must_use]
    pub const fn of(kind: OwnerKind) -> Self {
        Self {
            kind,
            engine: None,
            container_id: None,
            container_name: None,
            image: None,
            namespace: None,
            pod_name: None,
            pod_uid: None,
            pod_qos_class: None,
            unit: None,
            names_basis: None,
        }
    }
}

impl OomKill {
    /// The kill of `victim`, of which nothing else is known.
    #[must_use]
    pub const fn new(header: Header, incident: Incident, victim: Victim) -> Self {
        Self {
            header,
            incident,
            trigger: None,
            victim,
            owner: None,
            runtime: None,
            limit: None,
            node_memory: None,
            hierarchy: Vec::new(),
            hierarchy_total: None,
            candidates: Vec::new(),
            candidates_total: None,
            candidates_basis: None,
            candidates_delay_us: None,
            candidates_rss_error_max_bytes: None,
            report: None,
            recurrence: None,
            findings: Vec::new(),
            missing: Vec::new(),
            truncated: Vec::new(),
            lost_records: 0,
        }
    }
}

impl OomNoVictim {
    /// An invocation without a victim, of which nothing else is known.
    #[must_use]
    pub const fn new(header: Header) -> Self {
        Self {
            header,
            incident: None,
            trigger: None,
            limit: None,
            owner: None,
            node_memory: None,
            reason: None,
            candidates: Vec::new(),
            candidates_total: None,
            candidates_basis: None,
            candidates_delay_us: None,
            candidates_rss_error_max_bytes: None,
            repeats_total: None,
            report: None,
            findings: Vec::new(),
            missing: Vec::new(),
            lost_records: None,
        }
    }

    /// The same facts as a kill of an unknown victim, for code that explains or shows both.
    #[must_use]
    pub fn as_kill(&self) -> OomKill {
        let invocation = self.incident.clone().unwrap_or_default();
        let incident = Incident {
            scope: invocation.scope,
            scope_basis: invocation.scope_basis,
            constraint: invocation.constraint,
            cause: invocation.cause,
            total_pages: invocation.total_pages,
            ..Incident::new(invocation.id)
        };
        OomKill {
            trigger: self.trigger.clone(),
            owner: self.owner.clone(),
            limit: self.limit.clone(),
            node_memory: self.node_memory.clone(),
            candidates: self.candidates.clone(),
            candidates_total: self.candidates_total,
            candidates_basis: self.candidates_basis,
            candidates_delay_us: self.candidates_delay_us,
            candidates_rss_error_max_bytes: self.candidates_rss_error_max_bytes,
            report: self.report.clone(),
            findings: self.findings.clone(),
            missing: self.missing.clone(),
            ..OomKill::new(self.header.clone(), incident, Victim::default())
        }
    }
}

impl Gap {
    /// A gap of at least `min` and at most `max` kills.
    #[must_use]
    pub fn of(header: Header, reason: GapReason, (min, max): (u64, u64)) -> Self {
        Self {
            header,
            kills_missed_min: min.min(JSON_INTEGER_MAX),
            kills_missed_max: max.min(JSON_INTEGER_MAX),
            reason,
            victims: Vec::new(),
        }
    }

    /// A gap beside another event, whose time and host it takes: at least and at most so many kills were
    /// lost with it. `nth` keeps the ids of several gaps beside one event apart.
    #[must_use]
    pub fn beside(neighbour: &Header, reason: GapReason, kills: (u64, u64), nth: u64) -> Self {
        let beside = neighbour.event_id.as_deref().unwrap_or_default();
        let header = Header {
            level: EventKind::Gap.level(),
            event: EventKind::Gap,
            event_id: Some(format!("{beside}:{}:{nth}", reason.word())),
            ..neighbour.clone()
        };
        Self::of(header, reason, kills)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::Event;

    fn header(event: EventKind) -> Header {
        Header::new(event, Source::Klog, "id".to_owned(), "1.0.0")
    }

    fn written(event: &Event) -> Value {
        serde_json::to_value(event).unwrap()
    }

    /// What is not known is absent: only the keys that the schema requires are there.
    #[test]
    fn a_new_event_has_only_required_fields() {
        let kill = OomKill::new(
            header(EventKind::OomKill),
            Incident::new("i".to_owned()),
            Victim::default(),
        );
        assert_eq!(
            written(&Event::OomKill(Box::new(kill))),
            json!({
                "level": "error", "event": "oom_kill", "schema_version": 1, "message": "",
                "event_id": "id", "source": "klog", "kernel": {}, "tracer": {"version": "1.0.0"},
                "incident": {"id": "i", "kill_index": 0}, "victim": {}, "lost_records": 0,
            })
        );
        let none = OomNoVictim::new(header(EventKind::OomNoVictim));
        assert_eq!(
            written(&Event::OomNoVictim(Box::new(none))),
            json!({
                "level": "warn", "event": "oom_no_victim", "schema_version": 1, "message": "",
                "event_id": "id", "source": "klog", "kernel": {}, "tracer": {"version": "1.0.0"},
            })
        );
    }

    #[test]
    fn a_gap_beside_an_event_is_no_error() {
        let gap = Gap::beside(
            &header(EventKind::OomKill),
            GapReason::RingFull,
            (1, u64::MAX),
            3,
        );
        assert_eq!(gap.header.level, Level::Warn);
        assert_eq!(gap.header.event_id.as_deref(), Some("id:ring_full:3"));
        assert_eq!(
            (gap.kills_missed_min, gap.kills_missed_max),
            (1, JSON_INTEGER_MAX)
        );
    }
}

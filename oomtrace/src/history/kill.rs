//! What a list, a count or a page needs of a kill.

use jiff::Timestamp;

use super::needed::{Needed, counter};
use super::part::{self, Part};
use crate::model::{Bytes, OomKill, Owner, OwnerKind, Scope};
use crate::words;

/// Hexadecimal digits of a container's id that are shown, as Docker shows it.
const SHORT_ID: usize = 12;

/// Characters of a name that are kept, and of a sentence: a file may hold lines that no oomtrace wrote.
const NAME_CHARS_MAX: usize = 300;
const SENTENCE_CHARS_MAX: usize = 2_000;

/// Whose memory ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A cgroup with a limit, in words: `container web`.
    Limit(String),
    /// The node, or the part of it that was allowed.
    Node,
    /// The event does not say.
    Unknown,
}

/// A kill, without what only the full report shows. Text is as it was captured: not escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Kill {
    /// The event's id. Absent where the event has none.
    pub id: Option<String>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The time as a log shows it, where its zone or year are not known.
    pub log_time: Option<String>,
    /// Microseconds between boot and the kill.
    pub since_boot_us: Option<u64>,
    /// Which boot.
    pub boot_id: Option<String>,
    /// Name of the host.
    pub host: Option<String>,
    /// The incident that it belongs to.
    pub incident: String,
    /// The victim's name.
    pub comm: Option<String>,
    /// The victim's process id.
    pub pid: Option<u32>,
    /// When the victim started, microseconds after boot.
    pub started_us: Option<u64>,
    /// Whom the victim belonged to, in words: `container web`, `service nginx`, `cgroup /a`.
    pub owner: Option<String>,
    /// Whose limit it was, in a few characters: `web`, `shop/web-1`, `nginx.service`, `/a/b`.
    pub short_holder: String,
    /// The container's image.
    pub image: Option<String>,
    /// The systemd unit.
    pub unit: Option<String>,
    /// Whose limit it was.
    pub holder: Holder,
    /// The limit that was hit; for a node its memory.
    pub limit_bytes: Option<Bytes>,
    /// What counted against it.
    pub used_bytes: Option<Bytes>,
    /// `anon 99 %`: what filled it most.
    pub filled_by: Option<String>,
    /// What filled it; empty where that is not known.
    pub parts: Vec<Part>,
    /// What the limit would have had to be.
    pub needed: Needed,
    /// The event in one sentence.
    pub message: String,
    /// What to change, by the first finding that says so.
    pub change: Option<String>,
}

impl Kill {
    /// What is needed of `event`.
    #[must_use]
    pub fn of(event: &OomKill) -> Self {
        let header = &event.header;
        let owner = event.owner.as_ref();
        let (holder, limit_bytes, used_bytes, parts) = held(event);
        let findings = event.findings.iter();
        Self {
            id: header.event_id.as_deref().map(name),
            time: header
                .timestamp
                .as_deref()
                .and_then(|time| time.parse().ok()),
            log_time: header.log_time.as_deref().map(name),
            since_boot_us: header.since_boot_us,
            boot_id: header.kernel.boot_id.as_deref().map(name),
            host: header.hostname.as_deref().map(name),
            incident: name(&event.incident.id),
            comm: event
                .victim
                .comm
                .as_deref()
                .filter(|comm| !comm.is_empty())
                .map(name),
            pid: event.victim.pid,
            started_us: event.victim.start_since_boot_us,
            owner: words::home(event).as_deref().map(name),
            short_holder: name(&short_holder(event, &holder)),
            image: owner.and_then(|owner| owner.image.as_deref()).map(name),
            unit: owner.and_then(|owner| owner.unit.as_deref()).map(name),
            holder,
            limit_bytes,
            used_bytes,
            filled_by: words::parts::filled_by(event),
            parts,
            needed: Needed::by(event),
            message: clip(&header.message, SENTENCE_CHARS_MAX),
            change: findings
                .filter_map(|finding| finding.change.as_deref())
                .map(|change| clip(change, SENTENCE_CHARS_MAX))
                .next(),
        }
    }

    /// The largest part of what filled the limit.
    #[must_use]
    pub fn largest_part(&self) -> Option<Part> {
        // Of equal ones the first.
        self.parts
            .iter()
            .rev()
            .max_by_key(|part| part.bytes)
            .copied()
    }

    /// What the parts are parts of: what was in use, or their sum where that is more.
    #[must_use]
    pub fn whole_bytes(&self) -> Bytes {
        let sum = self
            .parts
            .iter()
            .fold(Bytes(0), |sum, part| sum.saturating_add(part.bytes));
        self.used_bytes.unwrap_or_default().max(sum)
    }
}

fn name(text: &str) -> String {
    clip(text, NAME_CHARS_MAX)
}

fn clip(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn held(event: &OomKill) -> (Holder, Option<Bytes>, Option<Bytes>, Vec<Part>) {
    if let Some(limit) = &event.limit {
        let (bound, used) = counter(limit);
        let parts = limit.usage.as_ref().map(part::of_cgroup);
        return (
            Holder::Limit(name(&words::limit_owner(event, limit))),
            bound,
            used,
            parts.unwrap_or_default(),
        );
    }
    let node = event.node_memory.as_ref();
    if node.is_none() && event.incident.scope != Some(Scope::Global) {
        return (Holder::Unknown, None, None, Vec::new());
    }
    let total = node.and_then(|node| node.total_bytes);
    let free = node.and_then(|node| node.free_bytes);
    let used = total
        .zip(free)
        .map(|(total, free)| total.saturating_sub(free));
    let parts = node.map(|node| part::of_node(node, used));
    (Holder::Node, total, used, parts.unwrap_or_default())
}

fn short_holder(event: &OomKill, holder: &Holder) -> String {
    match holder {
        Holder::Node => "node".to_owned(),
        Holder::Unknown => "?".to_owned(),
        Holder::Limit(_)
            if event
                .limit
                .as_ref()
                .is_some_and(|limit| limit.cgroup_path.is_none()) =>
        {
            "(cgroup)".to_owned()
        }
        Holder::Limit(words) => {
            let path = event
                .limit
                .as_ref()
                .and_then(|limit| limit.cgroup_path.as_deref());
            let is_own = path.is_some() && path == event.victim.cgroup_path.as_deref();
            let own = event
                .owner
                .as_ref()
                .filter(|_| is_own)
                .and_then(short_owner);
            own.unwrap_or_else(|| {
                let kinds = ["container ", "pod ", "service ", "cgroup "];
                let rest = kinds.iter().find_map(|kind| words.strip_prefix(kind));
                rest.unwrap_or(words).to_owned()
            })
        }
    }
}

fn short_owner(owner: &Owner) -> Option<String> {
    match owner.kind {
        OwnerKind::Container | OwnerKind::Pod => {
            let id = owner.container_id.as_deref();
            let name = owner
                .container_name
                .as_deref()
                .or(id.map(|id| id.get(..SHORT_ID).unwrap_or(id)));
            match (&owner.pod_name, name) {
                (Some(pod), Some(name)) => Some(format!("{pod}/{name}")),
                (Some(pod), None) => Some(pod.clone()),
                (None, name) => name.map(str::to_owned),
            }
        }
        OwnerKind::Unit | OwnerKind::User => owner.unit.clone(),
    }
}

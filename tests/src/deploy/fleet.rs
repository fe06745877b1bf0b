//! Events of a fleet that does not exist: many nodes, some weeks, a handful of services with the faults
//! that real ones have. The same size and seed give the same bytes.

use std::io::Write;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

/// 2026-10-01T00:00:00Z.
const BEGIN_US: i64 = 1_790_812_800_000_000;
const MIB: u64 = 1024 * 1024;
const SECOND_US: u64 = 1_000_000;
const DAY_US: u64 = 24 * 3600 * SECOND_US;
const PAGE_BYTES: u64 = 4096;

/// Every so many lines one comes again, as a sink delivers it after a crash.
const REPEATED: u64 = 40;

/// How large, and which.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// Hosts.
    pub nodes: u64,
    /// Days.
    pub days: u64,
    /// Another one gives other kills.
    pub seed: u64,
}

/// What the questions of `deploy/sql` are about, of one kill.
#[derive(Clone, Debug)]
pub struct Kill {
    /// `event_id`.
    pub id: String,
    /// `hostname`.
    pub host: String,
    /// Namespace and container, else the unit.
    pub workload: &'static str,
    /// The image; none for a unit.
    pub image: Option<String>,
    /// The node ran out, not a cgroup.
    pub is_global: bool,
    /// Microseconds since 1970.
    pub time_us: i64,
    /// Microseconds between boot and kill.
    pub killed_us: u64,
    /// Microseconds between boot and the victim's start.
    pub started_us: u64,
    /// The limit that was reached, in bytes.
    pub limit: Option<u64>,
    /// Sum of the caps that the runtime was configured with, in bytes.
    pub configured: Option<u64>,
}

/// A service that is deployed on every node.
struct Service {
    workload: &'static str,
    namespace: &'static str,
    comm: &'static str,
    limit_mib: Option<u64>,
    /// Caps of the runtime, in MiB: heap, direct buffers.
    caps_mib: Option<(u64, u64)>,
    /// Tags of the image before and after the change; none for a unit of the host.
    tags: Option<(&'static str, &'static str)>,
}

const fn service(
    workload: &'static str,
    namespace: &'static str,
    comm: &'static str,
    limit_mib: Option<u64>,
    caps_mib: Option<(u64, u64)>,
    tags: Option<(&'static str, &'static str)>,
) -> Service {
    Service {
        workload,
        namespace,
        comm,
        limit_mib,
        caps_mib,
        tags,
    }
}

/// Leaks since its second image.
const ORDERS: Service = service(
    "shop/orders",
    "shop",
    "java",
    Some(512),
    Some((384, 512)),
    Some(("2.3.1", "2.4.0")),
);
/// Cannot even start within its limit.
const CHECKOUT: Service = service(
    "shop/checkout",
    "shop",
    "node",
    Some(128),
    None,
    Some(("5.0.2", "5.0.2")),
);
const THUMBNAILER: Service = service(
    "media/thumbnailer",
    "media",
    "python3",
    Some(256),
    None,
    Some(("1.9", "1.10")),
);
const SEARCH: Service = service(
    "search/indexer",
    "search",
    "java",
    Some(2048),
    Some((1024, 256)),
    Some(("8.1", "8.1")),
);
const BACKUP: Service = service("backup.service", "", "restic", Some(1024), None, None);
const DATABASE: Service = service("mysql.service", "", "mysqld", None, None, None);

/// Splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` on, below `high`.
    fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % high.saturating_sub(low).max(1)
    }
}

/// A host.
struct Node {
    name: String,
    boot_id: String,
    /// Boot to the beginning of the time that is simulated.
    up_us: u64,
    next_tid: u64,
}

impl Fleet {
    /// Writes the events, one a line, some of them twice; `keep` gets each kill once.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self, out: &mut impl Write, mut keep: impl FnMut(Kill)) -> Result<u64> {
        let mut lines = 0;
        for number in 0..self.nodes {
            let mut random = Random(self.seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f));
            let mut node = Node {
                name: format!("node-{number:05}"),
                boot_id: format!(
                    "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                    random.next() & 0xffff_ffff,
                    random.next() & 0xffff,
                    random.next() & 0xfff,
                    random.next() & 0xfff,
                    random.next() & 0xffff_ffff_ffff
                ),
                up_us: random.within(2 * DAY_US, 40 * DAY_US),
                next_tid: random.within(1000, 20_000),
            };
            for day in 0..self.days {
                for (service, at_us, started_us) in self.day(day, &node, &mut random) {
                    let kill = self.kill(&mut node, service, at_us, started_us);
                    let line = event(&node, service, &kill, node.next_tid);
                    let line = serde_json::to_string(&line).context("no JSON")?;
                    for _ in 0..1 + u64::from(lines % REPEATED == REPEATED - 1) {
                        writeln!(out, "{line}").context("writing events")?;
                        lines += 1;
                    }
                    keep(kill);
                }
            }
        }
        Ok(lines)
    }

    /// The kills of a node on one day: service, microseconds since the beginning, start since boot.
    fn day(&self, day: u64, node: &Node, random: &mut Random) -> Vec<(&'static Service, u64, u64)> {
        let at_us = day * DAY_US + random.within(0, 20 * 3600 * SECOND_US);
        let ran_us = random.within(1800 * SECOND_US, 36 * 3600 * SECOND_US);
        let started_us = (node.up_us + at_us).saturating_sub(ran_us);
        let service = match random.within(0, 100) {
            0..30 if self.is_after_change(day) => &ORDERS,
            30..38 => {
                let mut kills = Vec::new();
                let (mut at_us, mut started_us) = (at_us, started_us);
                for _ in 0..random.within(2, 8) {
                    kills.push((&CHECKOUT, at_us, started_us));
                    started_us = node.up_us + at_us + random.within(SECOND_US, 300 * SECOND_US);
                    at_us = started_us - node.up_us + random.within(SECOND_US, 40 * SECOND_US);
                }
                return kills;
            }
            38..48 => &THUMBNAILER,
            48..52 => &SEARCH,
            52..56 => &BACKUP,
            56..60 => &DATABASE,
            _ => return Vec::new(),
        };
        vec![(service, at_us, started_us)]
    }

    fn is_after_change(&self, day: u64) -> bool {
        day >= self.days * 2 / 5
    }

    fn kill(&self, node: &mut Node, service: &Service, at_us: u64, started_us: u64) -> Kill {
        node.next_tid += 7;
        let tag = service.tags.map(|(before, after)| {
            if self.is_after_change(at_us / DAY_US) {
                after
            } else {
                before
            }
        });
        let name = service.workload.rsplit('/').next().unwrap_or_default();
        Kill {
            id: format!("{}:{started_us}:{}", node.boot_id, node.next_tid),
            host: node.name.clone(),
            workload: service.workload,
            image: tag.map(|tag| format!("{name}:{tag}")),
            is_global: service.limit_mib.is_none(),
            time_us: BEGIN_US + i64::try_from(at_us).unwrap_or_default(),
            killed_us: node.up_us + at_us,
            started_us,
            limit: service.limit_mib.map(|mib| mib * MIB),
            configured: service.caps_mib.map(|(heap, direct)| (heap + direct) * MIB),
        }
    }
}

/// The event of a kill, with the fields that a fleet's questions need.
fn event(node: &Node, service: &Service, kill: &Kill, tid: u64) -> Value {
    let time = Timestamp::from_microsecond(kill.time_us).unwrap_or_default();
    let name = service.workload.rsplit('/').next().unwrap_or_default();
    let uid = format!("{}-pod", node.boot_id);
    let container = format!("{:0>64}", kill.id.replace([':', '-'], ""));
    let cgroup = match service.tags {
        Some(_) => format!("/kubepods/burstable/pod{uid}/{container}"),
        None => format!("/system.slice/{}", service.workload),
    };
    let scope = if kill.is_global { "global" } else { "memcg" };
    let held = kill.limit.unwrap_or(6 * 1024 * MIB);
    let mut event = json!({
        "timestamp": time.to_string(), "timestamp_basis": "kernel_clock",
        "observed_timestamp": time.to_string(),
        "level": "error", "event": "oom_kill", "schema_version": 1,
        "message": format!("{} (pid {tid}) was killed on {}", service.comm, node.name),
        "hostname": node.name, "event_id": kill.id, "source": "bpf", "since_boot_us": kill.killed_us,
        "kernel": {"release": "6.12.9", "boot_id": node.boot_id, "page_size_bytes": PAGE_BYTES},
        "tracer": {"version": env!("CARGO_PKG_VERSION")},
        "incident": {
            "id": kill.id, "scope": scope, "scope_basis": "kernel", "cause": "allocation",
            "constraint": if kill.is_global { "none" } else { "memcg" },
            "kill_kind": "chosen", "kill_index": 0, "total_pages": held / PAGE_BYTES,
        },
        "trigger": {"pid": tid, "tid": tid, "comm": service.comm, "order": 0, "gfp_mask": 3264},
        "victim": {
            "pid": tid, "tid": tid, "comm": service.comm, "uid": 1000,
            "start_since_boot_us": kill.started_us, "cgroup_path": cgroup, "oom_score_adj": 0,
            "memory": {"rss_bytes": held, "anon_bytes": held, "file_bytes": 0, "shmem_bytes": 0},
        },
        "findings": [{
            "code": if kill.is_global { "node_exhausted" } else { "anon_filled" },
            "text": "Simulated.",
        }],
        "lost_records": 0,
    });
    let mut set = |key: &str, value: Value| {
        if let Some(map) = event.as_object_mut() {
            map.insert(key.to_owned(), value);
        }
    };
    set("owner", owner(service, kill, name, &uid, &container, node));
    if let Some(limit) = kill.limit {
        set(
            "limit",
            json!({
                "basis": "kernel", "cgroup_path": cgroup, "cgroup_version": 2, "counter": "memory",
                "limit_bytes": limit, "usage_bytes": limit, "max_events_total": 12,
            }),
        );
    }
    if let Some((heap, direct)) = service.caps_mib {
        set(
            "runtime",
            json!({"kind": "jvm", "max_heap_bytes": heap * MIB, "max_direct_bytes": direct * MIB}),
        );
    }
    event
}

fn owner(
    service: &Service,
    kill: &Kill,
    name: &str,
    uid: &str,
    container: &str,
    node: &Node,
) -> Value {
    match &kill.image {
        Some(image) => json!({
            "kind": "pod", "engine": "containerd", "container_id": container,
            "container_name": name, "image": image, "namespace": service.namespace,
            "pod_name": format!("{name}-{}", node.boot_id.get(..8).unwrap_or_default()), "pod_uid": uid,
        }),
        None => json!({"kind": "unit", "unit": service.workload}),
    }
}

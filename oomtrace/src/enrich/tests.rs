//! From files to an event.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::model::fixture::{bare, captured};
use crate::model::{Bytes, LimitHit, OwnerKind, StatBasis, StatReading, Usage};

const ID: &str = "8e24aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";

/// A host whose cgroups and Docker are directories of a test.
struct Host {
    root: TempDir,
}

impl Host {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let containers = root.path().join("docker/containers").join(ID);
        fs::create_dir_all(&containers).unwrap();
        fs::write(
            containers.join("config.v2.json"),
            r#"{"Name":"/web","Config":{"Image":"app:1"}}"#,
        )
        .unwrap();
        Self { root }
    }

    fn cgroup(&self, path: &str, stat: &str, usage: &str) {
        let directory = self
            .root
            .path()
            .join("cgroup")
            .join(path.trim_start_matches('/'));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("memory.stat"), stat).unwrap();
        fs::write(directory.join("memory.usage_in_bytes"), usage).unwrap();
    }

    fn places(&self) -> NamePlaces {
        NamePlaces {
            roots: vec![(&DOCKER, vec![self.root.path().join("docker")])],
            docker_socket: None,
            kubelet_logs: self.root.path().join("log"),
        }
    }

    fn enricher(&self) -> Enricher {
        let directory = fs::File::open(self.root.path().join("cgroup")).unwrap();
        Enricher {
            cgroups: Ok(CgroupFs::new(directory.into(), 1, Vec::new())),
            owners: Owners::new(&self.places()),
            meminfo: None,
            slabs: None,
            processes: Processes::new(self.root.path()),
            host_pids: true,
        }
    }
}

fn request(path: &str) -> SnapshotRequest {
    SnapshotRequest {
        sequence: 7,
        marked_boot_ns: 1_000_000,
        victim_cgroup_path: Some(path.as_bytes().to_vec()),
        limit_cgroup_path: Some(path.as_bytes().to_vec()),
        victim_pid: Some(10831),
        victim_start_boot_ns: None,
        victim_ns_pid: None,
        node_memory: false,
        survivors: false,
    }
}

#[test]
fn a_snapshot_has_statistics_and_names() {
    let host = Host::new();
    let path = format!("/docker/{ID}");
    host.cgroup(
        &path,
        "total_rss 20\ntotal_cache 10\ntotal_shmem 1\n",
        "40\n",
    );
    let mut enricher = host.enricher();
    // Taken away before the kill is known, as `docker run --rm` may do.
    fs::remove_dir_all(host.root.path().join("docker/containers").join(ID)).unwrap();
    let snapshot = enricher.snapshot(&request(&path), || 1_310_999);
    assert_eq!(snapshot.sequence, 7);
    let stat = snapshot.stat.unwrap();
    assert_eq!(stat.delay_us, 310);
    assert_eq!(stat.usage_bytes, Some(Bytes(40)));
    let owner = snapshot.owner.unwrap();
    assert_eq!(owner.kind, OwnerKind::Container);
    assert_eq!(owner.container_name.as_deref(), Some("web"));
    assert_eq!(owner.image.as_deref(), Some("app:1"));
    assert_eq!(snapshot.owner_missing, []);
}

#[test]
fn a_removed_cgroup_is_said_to_be_gone() {
    let host = Host::new();
    host.cgroup("/", "", "");
    let snapshot = host.enricher().snapshot(&request("/docker/gone"), || 0);
    assert_eq!(snapshot.stat, None);
    assert_eq!(snapshot.stat_missing.unwrap().reason.word(), "cgroup_gone");

    let mut event = bare();
    event.limit = Some(LimitHit::default());
    apply(
        &mut event,
        &host.enricher().snapshot(&request("/docker/gone"), || 0),
    );
    assert_eq!(event.missing.len(), 1);
    assert_eq!(event.missing[0].field, "limit.usage");
    assert_eq!(event.missing[0].reason.word(), "cgroup_gone");
}

#[test]
fn without_cgroupfs_the_owner_is_still_known() {
    let host = Host::new();
    let mut enricher = Enricher {
        cgroups: Err(MountError::NoController),
        owners: Owners::new(&host.places()),
        meminfo: None,
        slabs: None,
        processes: Processes::new(host.root.path()),
        host_pids: true,
    };
    assert!(enricher.problem().is_some() && enricher.cgroup_version().is_none());
    let snapshot = enricher.snapshot(&request(&format!("/docker/{ID}")), || 0);
    assert_eq!(snapshot.stat_missing.unwrap().reason.word(), "no_cgroupfs");
    assert!(snapshot.owner.is_some());
}

fn founding_snapshot() -> Snapshot {
    Snapshot {
        stat: Some(StatReading {
            cgroup_path: format!("/docker/{ID}"),
            delay_us: 310,
            usage_bytes: Some(Bytes(268_435_456)),
            anon_bytes: Some(Bytes(267_063_296)),
            file_bytes: Some(Bytes(12_288)),
            shmem_bytes: Some(Bytes(0)),
            ..StatReading::default()
        }),
        ..Snapshot::default()
    }
}

#[test]
fn apply_only_fills_what_is_absent() {
    let mut event = captured();
    event.owner = None;
    event.runtime = None;
    let limit = event.limit.as_mut().unwrap();
    limit.usage = None;
    limit.stat_basis = None;
    limit.stat_delay_us = None;
    let before = event.clone();
    apply(&mut event, &founding_snapshot());

    let limit = event.limit.as_ref().unwrap();
    assert_eq!(limit.stat_basis, Some(StatBasis::MemoryStat));
    assert_eq!(limit.stat_delay_us, Some(310));
    let usage = limit.usage.as_ref().unwrap();
    assert_eq!(usage.anon_bytes, Some(Bytes(267_063_296)));
    assert_eq!(usage.page_cache_bytes, Some(Bytes(12_288)));
    assert_eq!(usage.other_kernel_bytes, Some(Bytes(1_359_872)));
    assert_eq!(usage.unattributed_bytes, Some(Bytes(0)));
    let owner = event.owner.as_ref().unwrap();
    assert_eq!(
        owner.container_id.as_deref(),
        Some(ID),
        "from the path alone"
    );
    let runtime = event.runtime.as_ref().unwrap();
    assert_eq!(runtime.max_heap_bytes, Some(Bytes(134_217_728)));

    // Taking the additions away again leaves the event as it was.
    let mut after = event.clone();
    after.owner = None;
    after.runtime = None;
    assert_eq!(after.missing.pop().unwrap().field, "runtime.jvm");
    let limit = after.limit.as_mut().unwrap();
    limit.usage = None;
    limit.stat_basis = None;
    limit.stat_delay_us = None;
    assert_eq!(after, before);
}

#[test]
fn apply_never_replaces() {
    let mut event = captured();
    event.limit.as_mut().unwrap().usage = Some(Usage::default());
    let before = event.clone();
    apply(&mut event, &founding_snapshot());
    assert_eq!(event, before);
}

#[test]
fn statistics_of_another_cgroup_are_not_the_limits() {
    let mut event = captured();
    event.limit.as_mut().unwrap().usage = None;
    let mut snapshot = founding_snapshot();
    snapshot.stat.as_mut().unwrap().cgroup_path = format!("/docker/{ID}/inner");
    apply(&mut event, &snapshot);
    assert_eq!(event.limit.as_ref().unwrap().usage, None);
    assert_eq!(event.missing[0].reason.word(), "other_cgroup");

    // No limit known at all: nothing to split, and nothing missing from it.
    let mut event = bare();
    apply(&mut event, &founding_snapshot());
    assert_eq!(event.missing, []);
}

#[test]
fn a_cut_last_argument_is_not_believed() {
    let mut event = bare();
    let args = ["java", "-Xms1g", "-Xmx12"].map(str::to_owned);
    event.victim.cmdline = Some(args.to_vec());
    event.victim.cmdline_total_bytes = Some(9000);
    apply(&mut event, &Snapshot::default());
    assert_eq!(event.runtime.unwrap().max_heap_bytes, None);
}

//! What only user space knows: statistics, owner, runtime.
//!
//! [`Enricher`] does the reading, bounded and never of the victim's own /proc files (that would
//! keep a dying address space alive); [`apply`] puts what it read into an event.

mod apply;
pub mod cgroupfs;
mod liveness;
mod meminfo;
mod owner;
mod runtime;
mod slabinfo;
mod survivors;

use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::system::sysinfo;

pub use self::apply::apply;
use self::cgroupfs::{CgroupFs, MountError, Places};
pub use self::liveness::liveness;
use self::meminfo::MemInfo;
use self::owner::Owners;
pub use self::owner::{CONTAINERD, DOCKER, EngineState, NamePlaces, STORAGE, engine_states};
use self::slabinfo::SlabCaches;
use self::survivors::Processes;
use crate::model::{Bytes, Missing, OomKill, Reason, Snapshot, SnapshotRequest, Text};

/// Where an [`Enricher`] reads.
#[derive(Clone, Debug)]
pub struct EnrichConfig {
    /// Where cgroups are found.
    pub cgroups: Places,
    /// Where the names of containers are looked for.
    pub names: NamePlaces,
    /// `/proc` numbers processes as the kernel does: this process is in the initial pid namespace.
    pub host_pids: bool,
}

impl Default for EnrichConfig {
    fn default() -> Self {
        Self {
            cgroups: Places {
                mountinfo: "/proc/self/mountinfo".into(),
                cgroup_namespace: "/proc/self/ns/cgroup".into(),
                root: "/".into(),
            },
            names: NamePlaces::default(),
            host_pids: true,
        }
    }
}

/// Reads what only user space can.
#[derive(Debug)]
pub struct Enricher {
    cgroups: Result<CgroupFs, MountError>,
    owners: Owners,
    meminfo: Option<MemInfo>,
    slabs: Option<SlabCaches>,
    processes: Processes,
    host_pids: bool,
}

impl Enricher {
    /// Finds the memory controller's files and learns the containers that exist. What is not
    /// there only makes later snapshots say so; see [`Enricher::problem`].
    #[must_use]
    pub fn new(config: &EnrichConfig) -> Self {
        Self {
            cgroups: CgroupFs::find(&config.cgroups),
            owners: Owners::new(&config.names),
            // Every Linux system has the file; where it cannot be read, the event says so.
            meminfo: MemInfo::open(Path::new("/proc/meminfo")).ok(),
            // Only root may read it, and it only adds which objects fill what is counted anyway.
            slabs: SlabCaches::open(Path::new("/proc/slabinfo")).ok(),
            processes: Processes::new(Path::new("/proc")),
            host_pids: config.host_pids,
        }
    }

    /// 1 or 2: the version of the hierarchy that the memory controller is on; absent where it was
    /// not found.
    #[must_use]
    pub fn cgroup_version(&self) -> Option<u8> {
        self.cgroups.as_ref().ok().map(CgroupFs::version)
    }

    /// Where the memory controller's cgroups are mounted; absent where they are not.
    #[must_use]
    pub fn cgroup_root(&self) -> Option<&Path> {
        self.cgroups.as_ref().ok().map(CgroupFs::mount_point)
    }

    /// The cgroup below which statistics can be read, where that is not all of the hierarchy.
    #[must_use]
    pub fn cgroups_below(&self) -> Option<String> {
        let part = self.cgroups.as_ref().ok()?.mounted_part()?;
        Some(Text::from_bytes(part).lossy)
    }

    /// Why statistics of cgroups cannot be had, if so.
    #[must_use]
    pub fn problem(&self) -> Option<&MountError> {
        self.cgroups.as_ref().err()
    }

    /// Becomes readable when containers come or go; then [`Enricher::learn`] is to be called.
    /// Absent if nothing is watched. `try_clone_to_owned` gives one to poll while the enricher is
    /// borrowed.
    #[must_use]
    pub fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        self.owners.watch_fd()
    }

    /// Takes in which containers have come. Never blocks.
    pub fn learn(&mut self) {
        self.owners.learn();
    }

    /// Reads what belongs to a kill, at once: it is being taken away. `boot_now_ns` gives
    /// nanoseconds of `CLOCK_BOOTTIME`.
    #[must_use]
    pub fn snapshot(
        &mut self,
        request: &SnapshotRequest,
        boot_now_ns: impl Fn() -> u64,
    ) -> Snapshot {
        let mut snapshot = Snapshot {
            sequence: request.sequence,
            ..Snapshot::default()
        };
        // When the whole node is out of memory, reading a file that is not in memory could take
        // long: then what is known has to do.
        let fresh = request.limit_cgroup_path.is_some();
        // The way to its files goes first of all, then figures: they change while the victim goes.
        let root = request
            .victim_pid
            .zip(request.victim_start_boot_ns)
            // In another pid namespace the same number is another process.
            .filter(|_| fresh && self.host_pids)
            .and_then(|(pid, start_boot_ns)| {
                liveness::of_the_same(pid, start_boot_ns, || runtime::root_of(pid))
            });
        let delay_us = || boot_now_ns().saturating_sub(request.marked_boot_ns) / 1000;
        if request.node_memory
            && let Some(meminfo) = &mut self.meminfo
        {
            let mut node = meminfo.read(delay_us).ok();
            if let (Some(node), Some(slabs)) = (&mut node, &mut self.slabs) {
                node.top_slabs = slabs.largest().unwrap_or_default();
            }
            snapshot.node_memory = node;
        }
        if fresh {
            let system = sysinfo();
            let bytes = u128::from(system.totalswap) * u128::from(system.mem_unit);
            snapshot.swap_total_bytes = u64::try_from(bytes).ok().map(Bytes);
        }
        let path = request
            .limit_cgroup_path
            .as_deref()
            .or(request.victim_cgroup_path.as_deref());
        match (path, &self.cgroups) {
            (None, _) => {}
            (Some(path), Ok(cgroups)) => match cgroups.read(path, delay_us) {
                Ok(stat) => snapshot.stat = Some(stat),
                Err(missing) => snapshot.stat_missing = Some(missing),
            },
            (Some(_), Err(problem)) => {
                snapshot.stat_missing = Some(Missing {
                    field: "limit.usage".to_owned(),
                    reason: Reason::NoCgroupfs,
                    why: Some(problem.to_string()),
                });
            }
        }
        if request.survivors && self.host_pids {
            let cgroups = self.cgroups.as_ref().ok();
            snapshot.survivors = self.processes.survivors(request, cgroups, &boot_now_ns);
        }
        self.owners.learn();
        if let Some(path) = &request.victim_cgroup_path {
            let path = Text::from_bytes(path).lossy;
            (snapshot.owner, snapshot.owner_missing) = self.owners.find(&path, fresh, &boot_now_ns);
        }
        if let (Some(limit), Some(victim), Ok(cgroups)) = (
            &request.limit_cgroup_path,
            &request.victim_cgroup_path,
            &self.cgroups,
        ) && limit != victim
        {
            snapshot.children = cgroups.children(limit);
        }
        if let Some((root, ns_pid)) = root.zip(request.victim_ns_pid) {
            snapshot.jvm = runtime::jvm_counters_below(&root, ns_pid);
        }
        snapshot
    }

    /// Adds the owner's names, as far as they are still there, to a kill that was read from a log.
    pub fn name_owner(&mut self, event: &mut OomKill, boot_now_ns: impl Fn() -> u64) {
        self.owners.learn();
        let Some(path) = event.victim.cgroup_path.as_deref() else {
            return;
        };
        // As for a snapshot: no files while the whole node is out of memory.
        let (owner, missing) = self.owners.find(path, event.limit.is_some(), &boot_now_ns);
        if owner.is_some() {
            event.owner = owner;
        }
        event.missing.extend(missing);
    }
}

#[cfg(test)]
mod tests;

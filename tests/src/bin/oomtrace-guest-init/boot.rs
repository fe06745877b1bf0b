//! Makes a bare kernel a place where the scenes can run.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use anyhow::{Context as _, Result};
use rustix::mount::MountFlags;

/// The disk's mount point.
pub(crate) const DISK: &str = "/disk";
/// Where version 1 has the cpuset controller.
pub(crate) const CPUSET_V1: &str = "/sys/fs/cgroup/cpuset";
/// The workload on the disk: its text is page cache, as on a real machine.
const ON_DISK: &str = "/disk/oomtrace-workload";
/// The workload in memory that nothing can reclaim.
const IN_MEMORY: &str = "/bin/oomtrace-workload";

/// The workload that a scene starts. Who is out of memory reads a program's text from the disk over
/// and over before it gives up, for minutes where the machine is emulated: where there are many
/// kills or large ones, the text is where it cannot be reclaimed.
pub(crate) fn workload(scene: &str) -> &'static str {
    match scene {
        "global" | "global-50" | "allocating-task" | "cpuset" | "mempolicy" | "panic-on-oom"
        | "cmdline-1000-own" | "cmdline-1000-other" | "cmdline-1000-group" => IN_MEMORY,
        _ => ON_DISK,
    }
}

/// Modules of the kernel that every scene needs, in the order of their loading.
const MODULES: &str = "/modules";

struct Mount {
    what: &'static str,
    place: &'static str,
    kind: &'static str,
    data: &'static str,
}

const fn mount(kind: &'static str, place: &'static str, data: &'static str) -> Mount {
    Mount {
        what: kind,
        place,
        kind,
        data,
    }
}

const ALWAYS: [Mount; 5] = [
    mount("devtmpfs", "/dev", ""),
    mount("sysfs", "/sys", ""),
    mount("securityfs", "/sys/kernel/security", ""),
    mount("tracefs", "/sys/kernel/tracing", ""),
    mount("tmpfs", "/tmp", ""),
];
const V1: [Mount; 4] = [
    mount("tmpfs", "/sys/fs/cgroup", ""),
    mount("cgroup", "/sys/fs/cgroup/memory", "memory"),
    mount("cgroup", "/sys/fs/cgroup/freezer", "freezer"),
    mount("cgroup", CPUSET_V1, "cpuset"),
];
/// As systemd lays it out: the controllers on version 1, its own tree on version 2.
const UNIFIED: Mount = mount("cgroup2", "/sys/fs/cgroup/unified", "");
/// The freezer of version 1 beside it: it is the one that holds a dying process.
const V2: [Mount; 2] = [
    mount("cgroup2", "/sys/fs/cgroup", ""),
    mount("cgroup", "/freezer", "freezer"),
];

/// What the memory controller is to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// Version 1.
    V1,
    /// Version 2.
    V2,
    /// Version 1, with all processes in a tree of version 2 as well.
    Hybrid,
}

/// What the kernel's command line asks for.
pub(crate) struct Asked {
    /// What the memory controller is to be on.
    pub(crate) hierarchy: Hierarchy,
    /// Names of scenes.
    pub(crate) scenes: Vec<String>,
    /// Seconds that one scene may take.
    pub(crate) seconds: u64,
}

/// Mounts and settles everything; what systemd has mounted stays as it is, the cgroups above all.
///
/// # Errors
/// Something cannot be had, and no scene could be trusted without it.
pub(crate) fn settle() -> Result<Asked> {
    attach(&mount("proc", "/proc", ""))?;
    let line = fs::read_to_string("/proc/cmdline").context("the kernel's command line")?;
    let asked = asked(&line)?;
    for each in &ALWAYS {
        attach(each)?;
    }
    modules()?;
    if rustix::process::getpid().is_init() {
        cgroups(asked.hierarchy)?;
    }
    // With it, a kernel short of memory reclaims ahead, for minutes where it is emulated.
    fs::write("/proc/sys/vm/watermark_boost_factor", "0").context("watermark_boost_factor")?;
    disk()?;
    Ok(asked)
}

fn cgroups(hierarchy: Hierarchy) -> Result<()> {
    let mounts: &[Mount] = match hierarchy {
        Hierarchy::V1 | Hierarchy::Hybrid => &V1,
        Hierarchy::V2 => &V2,
    };
    for each in mounts {
        attach(each).map_err(|error| lacking(each, error))?;
    }
    if hierarchy == Hierarchy::Hybrid {
        attach(&UNIFIED)?;
        // Elsewhere than in the other tree, so that who takes one path for the other is found out.
        let place = Path::new(UNIFIED.place).join("elsewhere");
        fs::create_dir(&place).context("a cgroup of version 2")?;
        fs::write(place.join("cgroup.procs"), "0").context("entering it")?;
    }
    Ok(())
}

/// A controller that this kernel was built without, so that the guest asked for cannot be had.
#[derive(Debug)]
pub(crate) struct NoController(&'static str);

impl fmt::Display for NoController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kernel has no {} controller on cgroup v1", self.0)
    }
}

/// The kernel knows a controller that it was built with, whatever else may be wrong with a mount.
fn lacking(mount: &Mount, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<rustix::io::Errno>() {
        Some(&rustix::io::Errno::INVAL) if mount.kind == "cgroup" => {
            error.context(NoController(mount.data))
        }
        _ => error,
    }
}

/// Whether a kernel with this command line was booted for the scenes.
pub(crate) fn is_guest(line: &str) -> bool {
    asked(line).is_ok()
}

fn asked(line: &str) -> Result<Asked> {
    let value = |key: &str| {
        line.split_whitespace()
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    };
    let wanted =
        |key: &'static str| value(key).with_context(|| format!("{key} is not on the command line"));
    let hierarchy = match wanted("oomtrace.cgroup")? {
        "v1" => Hierarchy::V1,
        "v2" => Hierarchy::V2,
        "hybrid" => Hierarchy::Hybrid,
        other => anyhow::bail!("oomtrace.cgroup={other}"),
    };
    Ok(Asked {
        hierarchy,
        scenes: wanted("oomtrace.scenes")?
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        seconds: wanted("oomtrace.seconds")?
            .parse()
            .context("oomtrace.seconds")?,
    })
}

/// Mounts it, unless it is there already.
fn attach(mount: &Mount) -> Result<()> {
    // Before there is a /proc, nothing is mounted.
    let mounted = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let place = format!(" {} {} ", mount.place, mount.kind);
    if mounted.lines().any(|line| line.contains(&place)) {
        return Ok(());
    }
    fs::create_dir_all(mount.place).with_context(|| format!("cannot make {}", mount.place))?;
    let data = std::ffi::CString::new(mount.data).context("data")?;
    let data = (!mount.data.is_empty()).then_some(data.as_c_str());
    rustix::mount::mount(
        mount.what,
        mount.place,
        mount.kind,
        MountFlags::empty(),
        data,
    )
    .with_context(|| {
        format!(
            "cannot mount {} {} at {}",
            mount.kind, mount.data, mount.place
        )
    })
}

/// Loads the modules that were brought along, in the order of their names.
fn modules() -> Result<()> {
    let mut files = fs::read_dir(MODULES)
        .and_then(|folder| {
            folder
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .context(MODULES)?;
    files.sort();
    for file in files {
        let name = file.display();
        let module = fs::File::open(&file).with_context(|| format!("cannot open {name}"))?;
        rustix::system::finit_module(&module, c"", 0)
            .with_context(|| format!("cannot load {name}"))?;
    }
    Ok(())
}

/// Mounts the disk and puts the workload on it.
fn disk() -> Result<()> {
    let device = Path::new("/dev/nvme0n1");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !device.exists() {
        anyhow::ensure!(Instant::now() < deadline, "the disk does not appear");
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::create_dir_all(DISK).context(DISK)?;
    rustix::mount::mount(device, DISK, "ext4", MountFlags::empty(), None)
        .context("cannot mount the disk")?;
    fs::copy(IN_MEMORY, ON_DISK).context("cannot copy the workload")?;
    fs::set_permissions(ON_DISK, fs::Permissions::from_mode(0o755)).context(ON_DISK)?;
    rustix::fs::sync();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_known_by_its_command_line() {
        let line =
            "console=ttyS0 oomtrace.cgroup=v2 oomtrace.seconds=9 oomtrace.scenes=plain,swap\n";
        let asked = asked(line).unwrap();
        assert_eq!((asked.hierarchy, asked.seconds), (Hierarchy::V2, 9));
        assert_eq!(asked.scenes, ["plain", "swap"]);
        assert!(is_guest(line));
        assert!(is_guest(
            "oomtrace.cgroup=hybrid oomtrace.seconds=9 oomtrace.scenes="
        ));
        for host in ["", "root=/dev/sda1 quiet", "oomtrace.scenes=global"] {
            assert!(!is_guest(host), "{host}");
        }
    }
}

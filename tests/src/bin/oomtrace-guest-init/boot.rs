//! Makes a bare kernel a place where the scenes can play.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::mount::MountFlags;

/// The disk's mount point.
pub(crate) const DISK: &str = "/disk";
/// The workload on the disk: its text is page cache, as on a real machine.
const ON_DISK: &str = "/disk/oomtrace-workload";
/// The workload in memory that nothing can reclaim.
const IN_MEMORY: &str = "/bin/oomtrace-workload";

/// The workload that a scene starts. A machine that is wholly out of memory would read a program's
/// text from the disk over and over before it gives up, for minutes where it is emulated.
pub(crate) fn workload(scene: &str) -> &'static str {
    match scene {
        "global" | "global-50" | "allocating-task" | "cpuset" | "mempolicy" => IN_MEMORY,
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

const ALWAYS: [Mount; 4] = [
    mount("devtmpfs", "/dev", ""),
    mount("sysfs", "/sys", ""),
    mount("tracefs", "/sys/kernel/tracing", ""),
    mount("tmpfs", "/tmp", ""),
];
const V1: [Mount; 3] = [
    mount("tmpfs", "/sys/fs/cgroup", ""),
    mount("cgroup", "/sys/fs/cgroup/memory", "memory"),
    mount("cgroup", "/sys/fs/cgroup/freezer", "freezer"),
];
/// The freezer of version 1 beside it: it is the one that holds a dying process.
const V2: [Mount; 2] = [
    mount("cgroup2", "/sys/fs/cgroup", ""),
    mount("cgroup", "/freezer", "freezer"),
];

/// What the kernel's command line asks for.
pub(crate) struct Asked {
    /// 1 or 2.
    pub(crate) cgroup: u8,
    /// Names of scenes.
    pub(crate) scenes: Vec<String>,
    /// Seconds that one scene may take.
    pub(crate) seconds: u64,
}

/// Mounts and settles everything.
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
    let cgroups: &[Mount] = if asked.cgroup == 1 { &V1 } else { &V2 };
    for each in cgroups {
        attach(each)?;
    }
    // With it, a kernel short of memory reclaims ahead, for minutes where it is emulated.
    fs::write("/proc/sys/vm/watermark_boost_factor", "0").context("watermark_boost_factor")?;
    disk()?;
    Ok(asked)
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
    let number = |key: &str| -> Result<u64> {
        let text = value(key).with_context(|| format!("{key} is not on the command line"))?;
        text.parse().with_context(|| format!("{key}={text}"))
    };
    Ok(Asked {
        cgroup: u8::try_from(number("oomtrace.cgroup")?).context("oomtrace.cgroup")?,
        scenes: value("oomtrace.scenes")
            .context("oomtrace.scenes is not on the command line")?
            .split(',')
            .map(str::to_owned)
            .collect(),
        seconds: number("oomtrace.seconds")?,
    })
}

fn attach(mount: &Mount) -> Result<()> {
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
            "console=ttyS0 oomtrace.cgroup=2 oomtrace.seconds=9 oomtrace.scenes=plain,swap\n";
        let asked = asked(line).unwrap();
        assert_eq!((asked.cgroup, asked.seconds), (2, 9));
        assert_eq!(asked.scenes, ["plain", "swap"]);
        assert!(is_guest(line));
        for host in ["", "root=/dev/sda1 quiet", "oomtrace.scenes=global"] {
            assert!(!is_guest(host), "{host}");
        }
    }
}

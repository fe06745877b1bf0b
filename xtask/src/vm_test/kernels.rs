//! Which kernels are booted. To add one, add a row.

use super::arch::{AARCH64, Arch, X86_64};

/// A kernel of Debian's.
#[derive(Debug)]
pub struct Kernel {
    /// What it is called on the command line and in the table.
    pub name: &'static str,
    /// The release of Debian that has it.
    pub suite: &'static str,
    /// The package that depends on the newest such kernel of its suite.
    pub package: &'static str,
    /// Its architecture.
    pub arch: &'static Arch,
    /// Its memory controller can be on a hierarchy of version 1.
    pub has_cgroup_v1: bool,
    /// Its `mark_victim` tracepoint hands over the task.
    pub mark_has_task: bool,
    /// It can reserve memory for contiguous allocations.
    pub has_cma: bool,
    /// What every guest needs and this kernel has as modules; what they depend on comes by itself.
    pub modules: &'static [&'static str],
    /// `--full` plays every scene on it. Where it does not, emulating the machine takes too long for
    /// those whose figures depend neither on the size of a page nor on the architecture.
    pub every_scene: bool,
    /// `--smoke` plays on it what it plays on every kernel. Where it does not, that would take too long,
    /// as a build for another architecture does, and it plays only the scenes that name the kernel.
    pub in_smoke: bool,
}

const fn cloud(name: &'static str, suite: &'static str, has_cgroup_v1: bool) -> Kernel {
    Kernel {
        name,
        suite,
        package: "linux-image-cloud-amd64",
        arch: &X86_64,
        has_cgroup_v1,
        mark_has_task: true,
        // Debian's kernels for PCs are built without CONFIG_CMA.
        has_cma: false,
        modules: &[],
        every_scene: true,
        in_smoke: true,
    }
}

const fn arm64(name: &'static str, package: &'static str) -> Kernel {
    Kernel {
        name,
        suite: "trixie",
        package,
        arch: &AARCH64,
        has_cgroup_v1: false,
        mark_has_task: true,
        has_cma: true,
        modules: &[],
        every_scene: false,
        in_smoke: false,
    }
}

/// Why a kernel has no memory controller of version 1.
pub const WITHOUT_V1: &str = "built without `CONFIG_MEMCG_V1`";

/// Oldest first.
pub const KERNELS: &[Kernel] = &[
    Kernel {
        mark_has_task: false,
        ..cloud("5.10", "bullseye", true)
    },
    cloud("6.1", "bookworm", true),
    // From here on Debian builds without CONFIG_MEMCG_V1.
    cloud("6.12", "trixie", false),
    cloud("7.2", "sid", false),
    // Tracepoint programs can be preempted by each other on the same processor.
    Kernel {
        in_smoke: false,
        ..cloud("7.3", "trixie-backports", false)
    },
    // Spinlocks sleep there, so that a mark can be preempted too.
    Kernel {
        package: "linux-image-rt-amd64",
        modules: &["nvme", "ext4"],
        in_smoke: false,
        ..cloud("7.3-rt", "trixie-backports", false)
    },
    // Pages of 4 KiB.
    arm64("6.12-arm64", "linux-image-cloud-arm64"),
    Kernel {
        // The disk and its file system; ext4 asks for a checksum by name, which is no dependency.
        modules: &["nvme", "crc32c_generic", "ext4"],
        ..arm64("6.12-arm64-16k", "linux-image-arm64-16k")
    },
];

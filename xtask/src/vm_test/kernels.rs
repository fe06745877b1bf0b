//! Which kernels are booted. To add one, add a row.

/// A kernel of Debian's.
#[derive(Debug)]
pub struct Kernel {
    /// What it is called on the command line and in the table.
    pub name: &'static str,
    /// The release of Debian that has it.
    pub suite: &'static str,
    /// The package that depends on the newest such kernel of its suite.
    pub package: &'static str,
    /// Its memory controller can be on a hierarchy of version 1.
    pub has_cgroup_v1: bool,
}

const fn cloud(name: &'static str, suite: &'static str, has_cgroup_v1: bool) -> Kernel {
    Kernel {
        name,
        suite,
        package: "linux-image-cloud-amd64",
        has_cgroup_v1,
    }
}

/// Oldest first.
pub const KERNELS: &[Kernel] = &[
    cloud("5.10", "bullseye", true),
    cloud("6.1", "bookworm", true),
    // From here on Debian builds without CONFIG_MEMCG_V1.
    cloud("6.12", "trixie", false),
    cloud("7.2", "sid", false),
];

//! Which namespaces this process is in.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// Inode numbers of the initial namespaces, fixed by the kernel (`include/linux/proc_ns.h`).
const CGROUP_INIT_INO: u64 = 0xEFFF_FFFB;
const PID_INIT_INO: u64 = 0xEFFF_FFFC;
const USER_INIT_INO: u64 = 0xEFFF_FFFD;

/// Whether each namespace is the host's; absent where `/proc` does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Elsewhere `/proc` has other pids than the kernel's, which events hold.
    pub pid_is_initial: Option<bool>,
    /// Elsewhere paths of cgroups begin below the hierarchy's root.
    pub cgroup_is_initial: Option<bool>,
    /// Elsewhere no capability lets a process load a tracing program.
    pub user_is_initial: Option<bool>,
}

impl Namespaces {
    /// Reads those of this process.
    #[must_use]
    pub fn read() -> Self {
        let is = |kind: &str, inode: u64| {
            let namespace = fs::metadata(format!("/proc/self/ns/{kind}")).ok()?;
            Some(namespace.ino() == inode)
        };
        Self {
            pid_is_initial: is("pid", PID_INIT_INO),
            cgroup_is_initial: is("cgroup", CGROUP_INIT_INO),
            user_is_initial: is("user", USER_INIT_INO),
        }
    }
}

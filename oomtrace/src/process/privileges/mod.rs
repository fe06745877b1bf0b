//! What this process may still do once it is set up: capabilities, a system-call filter, Landlock.
//!
//! Capabilities and the filter belong to a thread and are inherited by the threads that it starts, so
//! they are applied before any other thread exists. Landlock is applied to threads that write files and
//! talk to receivers, not to the capture: a process in a Landlock domain may not look into
//! `/proc/PID/root` of processes outside of it, where a dying JVM's counters are.

mod capabilities;
mod landlock;
mod seccomp;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::thread::CapabilitySet;

pub use capabilities::Need;
pub use landlock::confine as confine_writes;

/// Which protections to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protections {
    /// Drop the capabilities that are no longer needed.
    pub drop_capabilities: bool,
    /// Filter system calls.
    pub seccomp: bool,
    /// Confine the writes of the threads that deliver events.
    pub landlock: bool,
}

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Capabilities that are left; absent if none were dropped.
    capabilities: Option<CapabilitySet>,
    no_new_privs: bool,
    seccomp: bool,
    /// The delivering threads are to be confined by Landlock, which this kernel offers.
    pub landlock: bool,
    /// What could not be applied, and why.
    pub failures: Vec<String>,
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capabilities = match self.capabilities {
            None => "all that it was started with".to_owned(),
            Some(left) if left.is_empty() => "none".to_owned(),
            Some(left) => capabilities::names(left),
        };
        let is_on = |is_on| if is_on { "on" } else { "off" };
        write!(
            f,
            "capabilities {capabilities}; no_new_privs {}; seccomp {}; Landlock {}",
            is_on(self.no_new_privs),
            is_on(self.seccomp),
            is_on(self.landlock)
        )
    }
}

/// Gives up what is not needed any more, for this thread and those that it starts from now on.
///
/// `needs` are capabilities that are kept where something that they are for fails without them.
#[must_use]
pub fn give_up(wanted: Protections, needs: &[Need<'_>]) -> InForce {
    let mut in_force = InForce::default();
    if wanted.drop_capabilities {
        match capabilities::drop_all_but(needs) {
            Ok(left) => in_force.capabilities = Some(left),
            Err(error) => in_force
                .failures
                .push(format!("cannot drop capabilities: {error}")),
        }
    }
    match rustix::thread::set_no_new_privs(true) {
        Ok(()) => in_force.no_new_privs = true,
        Err(error) => in_force
            .failures
            .push(format!("cannot set no_new_privs: {error}")),
    }
    if wanted.landlock {
        match landlock::abi() {
            Some(_) => in_force.landlock = true,
            None => in_force
                .failures
                .push("this kernel does not offer Landlock".to_owned()),
        }
    }
    if wanted.seccomp {
        match seccomp::apply() {
            Ok(()) => in_force.seccomp = true,
            Err(error) => in_force
                .failures
                .push(format!("cannot filter system calls: {error}")),
        }
    }
    in_force
}

/// The directory of a file, and that of the file which it links to: what has to be writable for it.
#[must_use]
pub fn directories_of(file: &Path) -> Vec<PathBuf> {
    let paths = [Some(file.to_owned()), fs::canonicalize(file).ok()];
    let parents = paths.iter().flatten().filter_map(|path| path.parent());
    parents.map(Path::to_owned).collect()
}

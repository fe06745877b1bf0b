//! Dropping capabilities.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities,
};

/// Kept wherever they are held: no attempt at the start shows whether a later victim needs them.
///
/// `DAC_READ_SEARCH` reads what engines keep of containers of other users, and a JVM's counters;
/// `SYS_PTRACE` opens `/proc/PID/root` of the victim; `IPC_LOCK` keeps memory locked as it grows.
const ALWAYS_KEPT: CapabilitySet = CapabilitySet::DAC_READ_SEARCH
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::IPC_LOCK);

/// Something that may take a capability on this host and not on another.
pub struct Need<'a> {
    /// Alternatives, the least powerful first.
    pub any_of: &'a [CapabilitySet],
    /// Whether it works as things are.
    pub works: &'a dyn Fn() -> bool,
}

/// Drops every capability of this thread but those that are needed; returns what is left.
///
/// # Errors
///
/// The kernel refuses. Some may have been dropped then.
pub(super) fn drop_all_but(needs: &[Need<'_>]) -> io::Result<CapabilitySet> {
    let held = capabilities(None)?;
    let mut kept = held.permitted & ALWAYS_KEPT;
    set_effective(held, kept)?;
    for need in needs {
        if (need.works)() {
            continue;
        }
        for capability in need.any_of {
            if !held.permitted.contains(*capability) {
                continue;
            }
            set_effective(held, kept | *capability)?;
            if (need.works)() {
                kept |= *capability;
                break;
            }
            set_effective(held, kept)?;
        }
    }
    if held.permitted.contains(CapabilitySet::SETPCAP) {
        set_effective(held, kept | CapabilitySet::SETPCAP)?;
        for capability in CapabilitySet::all()
            .iter()
            .filter(|one| !kept.contains(*one))
        {
            // The kernel may know fewer than this program.
            let _ = remove_capability_from_bounding_set(capability);
        }
    }
    // Kernels without ambient capabilities have none to clear.
    let _ = clear_ambient_capability_set();
    set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(kept)
}

fn set_effective(held: CapabilitySets, effective: CapabilitySet) -> io::Result<()> {
    set_capabilities(None, CapabilitySets { effective, ..held })?;
    Ok(())
}

/// `CAP_IPC_LOCK, CAP_SYS_PTRACE`
pub(super) fn names(set: CapabilitySet) -> String {
    let names = set.iter_names().map(|(name, _)| format!("CAP_{name}"));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// On a thread of its own: capabilities belong to a thread.
    #[test]
    fn only_what_is_needed_is_kept() {
        let left = thread::spawn(|| {
            let held = capabilities(None).unwrap().permitted;
            let never = || false;
            let has_bpf = || {
                let now = capabilities(None).unwrap().effective;
                now.contains(CapabilitySet::BPF)
            };
            let needs = [
                Need {
                    any_of: &[CapabilitySet::SYS_ADMIN],
                    works: &never,
                },
                Need {
                    any_of: &[CapabilitySet::BPF],
                    works: &has_bpf,
                },
            ];
            let left = drop_all_but(&needs).unwrap();
            let now = capabilities(None).unwrap();
            assert_eq!((now.effective, now.permitted), (left, left));
            let wanted = held & (ALWAYS_KEPT | CapabilitySet::BPF);
            assert_eq!(left, wanted);
            left
        });
        assert!(!left.join().unwrap().contains(CapabilitySet::SYS_ADMIN));
    }

    #[test]
    fn capabilities_are_named() {
        let set = CapabilitySet::IPC_LOCK | CapabilitySet::SYS_PTRACE;
        assert_eq!(names(set), "CAP_IPC_LOCK, CAP_SYS_PTRACE");
    }
}

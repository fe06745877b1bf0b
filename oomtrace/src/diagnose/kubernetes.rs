//! What the kubelet's own cgroups mean, and what it makes of a kill.

use super::code;
use super::draft::Draft;
use super::share::is_half;
use crate::cgroup::path;
use crate::model::{Bytes, KillKind, OomKill, Owner, OwnerKind, Scope, Unit};
use crate::words;

/// Exit code of a process that SIGKILL ended.
const EXIT_CODE: u64 = 137;

/// A cgroup whose limit the kubelet sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// All pods of the node together: node allocatable.
    Allocatable,
    /// All pods of a class of service.
    QosClass,
    /// A pod.
    Pod,
}

/// Which of them `path` is; `None` for a container's and for all that is not Kubernetes'.
pub(super) fn level(cgroup: &str) -> Option<Level> {
    let components = path::components(cgroup);
    let (last, above) = components.split_last()?;
    let name = last.strip_suffix(".slice").unwrap_or(last);
    let is_below = above
        .iter()
        .any(|name| name.strip_suffix(".slice").unwrap_or(name) == "kubepods");
    match name {
        "kubepods" => return Some(Level::Allocatable),
        "kubepods-burstable" | "kubepods-besteffort" => return Some(Level::QosClass),
        "burstable" | "besteffort" if is_below => return Some(Level::QosClass),
        _ => {}
    }
    let owner = path::from_path(cgroup)?;
    let is_pod = owner.pod_uid.is_some() && owner.container_id.is_none();
    // A cgroup that something made inside of a pod is not the pod.
    let is_its_own = path::from_path(&format!("/{}", above.join("/")))
        .is_none_or(|above| above.pod_uid != owner.pod_uid);
    (is_pod && is_its_own).then_some(Level::Pod)
}

/// Whether a cgroup is one of the kubelet's containers.
pub(super) fn is_container(cgroup: &str) -> bool {
    path::from_path(cgroup)
        .is_some_and(|owner| owner.pod_uid.is_some() && owner.container_id.is_some())
}

/// What the limit of such a cgroup is, and how to change it; `draft` says whose it is.
pub(super) fn parent_limit(
    draft: Draft,
    level: Level,
    event: &OomKill,
    bound: Option<Bytes>,
) -> Draft {
    let amount = |draft: Draft, before: &str, after: &str| match bound {
        Some(bound) => draft.say(before).bytes("limit", bound).say(after),
        None => draft,
    };
    match level {
        Level::Allocatable => {
            let draft = draft
                .say(
                    " It is what the kubelet leaves to all pods of the node together (node \
                     allocatable).",
                )
                .change("Give the pods limits that fit together");
            amount(draft, " into the ", "").say(
                ", or reserve less for the system (kubeReserved, systemReserved): the kubelet \
                      sets this limit.",
            )
        }
        Level::QosClass => draft
            .say(" The kubelet keeps all pods of one class of service in it.")
            .change("Give the pod")
            .say(" a limit of its own, or change what the node reserves for other classes")
            .say(" (--qos-reserved): the kubelet sets this limit."),
        Level::Pod => {
            let draft = draft.say(
                " Unless the pod has a limit of its own (spec.resources), it is the sum of its \
                 containers' limits.",
            );
            let container = event
                .owner
                .as_ref()
                .filter(|owner| owner.container_id.is_some() && is_most_its_own(event, bound))
                .and_then(words::owner);
            let name = words::victim_again(&event.victim);
            let draft = match container {
                Some(container) => {
                    draft.change(&format!("Raise resources.limits.memory of {container}"))
                }
                None => {
                    draft.change("Raise resources.limits.memory of the container that needs more")
                }
            };
            amount(draft, ": the pod's limit of ", " follows")
                .say(&format!("; or find out what {name} keeps."))
        }
    }
}

/// Whether the victim alone had at least half of what the limit allows.
fn is_most_its_own(event: &OomKill, bound: Option<Bytes>) -> bool {
    let anon = event
        .victim
        .memory
        .as_ref()
        .and_then(|memory| memory.anon_bytes);
    anon.zip(bound)
        .is_some_and(|(anon, bound)| is_half(anon, bound))
}

/// What the pod's status shows of this kill, where that is known.
pub(super) fn status(event: &OomKill) -> Option<Draft> {
    let owner = event.owner.as_ref()?;
    if owner.kind != OwnerKind::Pod || owner.container_id.is_none() {
        return None;
    }
    if event.incident.scope != Some(Scope::Memcg)
        || matches!(event.incident.kill_kind, Some(KillKind::SharedMm))
    {
        return None;
    }
    let container = container(owner);
    let draft = Draft::new(code::CONTAINER_STATUS);
    // Its parent is the runtime's own process both for the first one and for those of `exec`.
    let is_of_runtime = |comm: &str| comm.starts_with("containerd-shim") || comm == "conmon";
    match event.victim.ns_pid? {
        1 => Some(
            draft
                .say(&format!("It was the first process of {container}: the container ended with it, and its status shows OOMKilled with exit code "))
                .count("exit_code", EXIT_CODE)
                .say("."),
        ),
        inside if event.incident.kill_kind == Some(KillKind::Chosen) => {
            let parent = event.victim.parent_comm.as_deref()?;
            (!is_of_runtime(parent)).then(|| {
                draft
                    .say(&format!(
                        "It was not the first process of {container}: while that goes on so does \
                         the container, and no status shows OOMKilled."
                    ))
                    .with("ns_pid", inside.into(), Unit::Count)
            })
        }
        _ => None,
    }
}

fn container(owner: &Owner) -> String {
    words::owner(owner).unwrap_or_else(|| "the container".to_owned())
}

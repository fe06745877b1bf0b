//! What the kubelet's own cgroups mean.

use super::code;
use super::draft::Draft;
use super::share::is_half;
use crate::cgroup::path;
use crate::model::{Bytes, LimitHit, OomKill};
use crate::words;

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

/// What is charged to a pod itself explains a kill from one part in so many of its limit.
const OUTLIVING_PARTS: u64 = 16;

/// Memory of a pod that none of its living containers is charged for: what a container had on a tmpfs
/// stays when it ends, and is charged to the pod from then on.
pub(super) fn outlives_container(limit: &LimitHit) -> Option<Draft> {
    let own = limit.children?.own_bytes?;
    let bound = limit.limit_bytes?;
    let is_pod = limit.cgroup_path.as_deref().and_then(level) == Some(Level::Pod);
    (is_pod && own.0 > 0 && own.0 >= bound.0 / OUTLIVING_PARTS && own <= bound).then(|| {
        Draft::new(code::OUTLIVES_CONTAINER)
            .bytes("pod_own", own)
            .say(" of the pod's ")
            .bytes("limit", bound)
            .say(
                " limit was charged to none of its living containers, like files on a tmpfs \
                 (emptyDir of medium Memory) that outlive the container that wrote them.",
            )
            .weighing(own)
            .change(
                "Bound the pod's tmpfs (sizeLimit of the emptyDir), or remove its files when a \
                 container starts.",
            )
    })
}

//! What Kubernetes, Docker and systemd show of a kill.

use super::code;
use super::draft::Draft;
use crate::model::{KillKind, OomKill, OwnerKind, Scope, Unit};
use crate::words;

/// Exit code of a process that SIGKILL ended.
const EXIT_CODE: u64 = 137;

/// Only where it is known whether the container ended, or what the service manager watches.
pub(super) fn finding(event: &OomKill) -> Option<Draft> {
    let owner = event.owner.as_ref()?;
    if event.incident.kill_kind == Some(KillKind::SharedMm) {
        return None;
    }
    match (owner.kind, owner.engine.as_deref(), &owner.container_id) {
        (OwnerKind::Pod, _, Some(_)) => pod(event),
        (OwnerKind::Container, Some("docker"), _) => docker(event),
        (OwnerKind::Unit, _, None) => unit(event),
        _ => None,
    }
}

/// The victim's place in its container.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its first process, with which it ends.
    First,
    /// Another one, of this pid inside; the container goes on.
    Other(u32),
}

fn place(event: &OomKill) -> Option<Place> {
    // Its parent is the runtime's own process both for the first one and for those of `exec`.
    let is_of_runtime = |comm: &str| comm.starts_with("containerd-shim") || comm == "conmon";
    match event.victim.ns_pid? {
        1 => Some(Place::First),
        inside if event.incident.kill_kind == Some(KillKind::Chosen) => {
            let parent = event.victim.parent_comm.as_deref()?;
            (!is_of_runtime(parent)).then_some(Place::Other(inside))
        }
        _ => None,
    }
}

fn container(event: &OomKill) -> String {
    let owner = event.owner.as_ref().and_then(words::owner);
    owner.unwrap_or_else(|| "the container".to_owned())
}

fn pod(event: &OomKill) -> Option<Draft> {
    let container = container(event);
    let draft = Draft::new(code::CONTAINER_STATUS);
    match (event.incident.scope?, place(event)) {
        (Scope::Memcg, Some(Place::First)) => Some(
            draft
                .say(&format!(
                    "It was the first process of {container}: the container ended with it, and its \
                     status shows OOMKilled with exit code "
                ))
                .count("exit_code", EXIT_CODE)
                .say("."),
        ),
        (Scope::Memcg, Some(Place::Other(inside))) => Some(
            draft
                .say(&format!(
                    "It was not the first process of {container}: while that goes on so does the \
                     container, and no status shows OOMKilled."
                ))
                .with("ns_pid", inside.into(), Unit::Count),
        ),
        (Scope::Global, place) => {
            let draft = draft.say(
                "The kubelet records a SystemOOM event of the node that names this process (kubectl \
                 describe node)",
            );
            Some(match place {
                Some(Place::First) => draft
                    .say(&format!("; {container} ended with exit code "))
                    .count("exit_code", EXIT_CODE)
                    .say("."),
                _ => draft.say("."),
            })
        }
        (Scope::Memcg, None) => None,
    }
}

fn docker(event: &OomKill) -> Option<Draft> {
    if event.incident.scope != Some(Scope::Memcg) {
        return None;
    }
    let container = container(event);
    let draft = Draft::new(code::CONTAINER_STATUS);
    Some(match place(event)? {
        Place::First => draft
            .say(&format!(
                "It was the first process of {container}, which ended with it: docker inspect shows \
                 State.OOMKilled true and State.ExitCode "
            ))
            .count("exit_code", EXIT_CODE)
            .say("."),
        Place::Other(inside) => draft
            .say(&format!(
                "It was not the first process of {container}, which goes on while that does: docker \
                 events shows oom, and no exit code."
            ))
            .with("ns_pid", inside.into(), Unit::Count),
    })
}

/// systemd watches `memory.events` of its units, which only cgroup v2 has.
fn unit(event: &OomKill) -> Option<Draft> {
    let unit = event.owner.as_ref()?.unit.as_deref()?;
    let version = event.limit.as_ref()?.cgroup_version?;
    (version == 2 && unit.ends_with(".service")).then(|| {
        Draft::new(code::UNIT_STATUS).say(&format!(
            "systemd logs that a process of {unit} was killed by the OOM killer, and unless the unit \
             says OOMPolicy=continue it stops the rest: its result is oom-kill."
        ))
    })
}

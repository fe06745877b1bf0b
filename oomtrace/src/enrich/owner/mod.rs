//! Whom a cgroup belongs to: container, pod, unit or user.

mod access;
mod cache;
mod engine;
mod kubelet;
mod names;
mod place;
mod places;
mod read;
mod socket;
mod states;
mod watch;

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

pub use self::access::{EngineState, engine_states};
use self::engine::Engine;
pub use self::engine::{CONTAINERD, DOCKER, STORAGE};
use self::names::Names;
use self::place::Place;
pub use self::places::NamePlaces;
use self::socket::{Socket, Unanswered};
use self::states::States;
use crate::cgroup::path::{self, is_container_id};
use crate::model::{Missing, Owner, OwnerKind, Reason};

/// All looking for one container's names together takes no longer than this, nanoseconds: what
/// has not been asked by then is not asked any more.
const TIME_MAX_NS: u64 = 50_000_000;

/// How long one may still read files and ask the daemon.
struct Time<'a> {
    now_ns: &'a dyn Fn() -> u64,
    end_ns: u64,
}

impl Time<'_> {
    fn left_ns(&self) -> u64 {
        self.end_ns.saturating_sub((self.now_ns)())
    }

    fn is_left(&self) -> bool {
        self.left_ns() > 0
    }
}

/// Finds owners and their names.
#[derive(Debug)]
pub(super) struct Owners {
    states: States,
    socket: Socket,
    kubelet_logs: PathBuf,
}

impl Owners {
    pub(super) fn new(places: &NamePlaces) -> Self {
        let all = places
            .roots
            .iter()
            .flat_map(|(engine, roots)| roots.iter().map(|root| Place::new(engine, root)));
        Self {
            states: States::new(all.collect()),
            socket: Socket::new(places.docker_socket.clone()),
            kubelet_logs: places.kubelet_logs.clone(),
        }
    }

    pub(super) fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        self.states.watch_fd()
    }

    pub(super) fn learn(&mut self) {
        self.states.learn();
    }

    /// The owner of the cgroup at `path`, with what names could be had, and why the others are
    /// absent. `fresh`: files may be read and the daemon asked; else what is known has to do.
    /// `now_ns` counts nanoseconds.
    pub(super) fn find(
        &mut self,
        path: &str,
        fresh: bool,
        now_ns: &dyn Fn() -> u64,
    ) -> (Option<Owner>, Vec<Missing>) {
        let found = path::from_path(path);
        let id = found.as_ref().and_then(|owner| owner.container_id.clone());
        if fresh {
            self.states.look_if_blind();
        }
        let mut why = Vec::new();
        let time = fresh.then(|| Time {
            now_ns,
            end_ns: now_ns().saturating_add(TIME_MAX_NS),
        });
        let time = time.as_ref();
        let inner = self.known_by_its_engine(path, id.as_deref(), time, &mut why);
        let Some(mut owner) = inner.or(found) else {
            why.extend(late(time));
            return (None, unknown(path, fresh, &why).into_iter().collect());
        };
        if !matches!(owner.kind, OwnerKind::Container | OwnerKind::Pod) {
            return (Some(owner), Vec::new());
        }
        if let Some(id) = owner.container_id.clone() {
            self.name(&mut owner, &id, time, &mut why);
        }
        if let (Some(uid), None) = (&owner.pod_uid, &owner.pod_name) {
            let known = self.states.known_of_pod(uid).cloned();
            let known = known.map(|names| Names {
                name: None,
                image: None,
                ..names
            });
            let looked = |_: &Time<'_>| {
                kubelet::find(&self.kubelet_logs, owner.container_id.as_deref(), uid)
            };
            if let Some(names) =
                known.or_else(|| time.filter(|time| time.is_left()).and_then(looked))
            {
                add(&mut owner, names);
            }
        }
        why.extend(late(time));
        let missing = missing(&owner, fresh, &why);
        (Some(owner), missing)
    }

    /// Adds what is known of the container `id`, or says why nothing is.
    fn name(
        &mut self,
        owner: &mut Owner,
        id: &str,
        time: Option<&Time<'_>>,
        why: &mut Vec<String>,
    ) {
        let engine = owner.engine.as_deref().map(Engine::of);
        // The names of some engines are not looked up.
        if engine == Some(None) {
            return;
        }
        let engine = engine.flatten();
        if time.is_some_and(Time::is_left) {
            why.extend(self.states.refresh(engine, id));
        }
        let fits = |names: &&Names| {
            let same_pod = match (&owner.pod_uid, &names.pod_uid) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            };
            same_pod && owner.engine.as_deref().is_none_or(|it| it == names.runtime)
        };
        let may_be_docker = engine.is_none_or(|engine| *engine == DOCKER);
        if may_be_docker && self.states.known(id).is_none() {
            self.ask_docker(id, time, why);
        }
        if let Some(names) = self.states.known(id).filter(fits) {
            add(owner, names.clone());
        }
    }

    /// Learns what the daemon says of container `id`, if it may be asked.
    fn ask_docker(&mut self, id: &str, time: Option<&Time<'_>>, why: &mut Vec<String>) {
        let Some(time) = time.filter(|time| time.is_left() && is_container_id(id)) else {
            return;
        };
        let answer = self.socket.ask(id, time.now_ns, time.left_ns());
        let path = self.socket.path().map(|path| path.display().to_string());
        let from = path.unwrap_or_default();
        match answer.map(|json| names::docker(&json)) {
            Ok(Ok(names)) => self.states.remember(id, Names { from, ..names }),
            Ok(Err(_)) => why.push(format!("{from} answers with no JSON of the known form")),
            Err(Unanswered::Absent | Unanswered::Unknown) => {}
            Err(Unanswered::Because(said)) => why.push(format!("{from} {said}")),
        }
    }

    /// A container whose cgroup has a form that tells nothing (`/some/parent/<id>`), if an engine
    /// knows the id; inside of the container `outer`, where there is one.
    fn known_by_its_engine(
        &mut self,
        path: &str,
        outer: Option<&str>,
        time: Option<&Time<'_>>,
        why: &mut Vec<String>,
    ) -> Option<Owner> {
        let components = path::components(path);
        for at in (0..components.len()).rev() {
            let id = components.get(at).copied().unwrap_or_default();
            if outer.is_some_and(|outer| id.contains(outer)) {
                return None;
            }
            let is_id = is_container_id(id);
            if is_id && time.is_some_and(Time::is_left) {
                why.extend(self.states.refresh(None, id));
                if self.states.known(id).is_none() {
                    self.ask_docker(id, time, why);
                }
            }
            let Some(names) = self.states.known(id) else {
                continue;
            };
            // Any other name may occur in any path; only that of its own cgroup is meant.
            let up_to = components.get(..=at).unwrap_or_default();
            let own = |cgroup: &String| path::leads_to(up_to, cgroup);
            if is_id || names.cgroup.as_ref().is_some_and(own) {
                let mut owner = Owner::of(OwnerKind::Container);
                owner.engine = Some(names.runtime.to_owned());
                owner.container_id = Some(id.to_owned());
                return Some(path::inside_and_outside(owner, &components, at));
            }
        }
        None
    }
}

/// That not all was looked at, if so.
fn late(time: Option<&Time<'_>>) -> Option<String> {
    let is_over = time.is_some_and(|time| !time.is_left());
    is_over.then(|| format!("looking was given up after {} ms", TIME_MAX_NS / 1_000_000))
}

/// Why a path that contains an id has no owner.
fn unknown(path: &str, fresh: bool, why: &[String]) -> Option<Missing> {
    path.split('/').any(is_container_id).then(|| Missing {
        field: "owner".to_owned(),
        ..reason(None, fresh, why)
    })
}

/// Adds names where there are none.
fn add(owner: &mut Owner, names: Names) {
    let set = |field: &mut Option<String>, value: Option<String>| {
        if field.is_none() {
            *field = value;
        }
    };
    if !names.runtime.is_empty() {
        set(&mut owner.engine, Some(names.runtime.to_owned()));
    }
    set(&mut owner.container_name, names.name);
    set(&mut owner.image, names.image);
    set(&mut owner.namespace, names.namespace);
    set(&mut owner.pod_name, names.pod_name);
    if names.pod_uid.is_some() {
        owner.kind = OwnerKind::Pod;
        set(&mut owner.pod_uid, names.pod_uid);
    }
    set(&mut owner.names_basis, Some(names.from));
}

/// What is absent, and why.
fn missing(owner: &Owner, fresh: bool, why: &[String]) -> Vec<Missing> {
    let is_pod = owner.kind == OwnerKind::Pod;
    let has_id = owner.container_id.is_some();
    let absent = [
        (
            "owner.container_name",
            has_id && owner.container_name.is_none(),
        ),
        ("owner.image", has_id && owner.image.is_none()),
        ("owner.pod_name", is_pod && owner.pod_name.is_none()),
        ("owner.namespace", is_pod && owner.namespace.is_none()),
    ];
    absent
        .into_iter()
        .filter(|(_, absent)| *absent)
        .map(|(field, _)| Missing {
            field: field.to_owned(),
            ..reason(Some(owner), fresh, why)
        })
        .collect()
}

fn reason(owner: Option<&Owner>, fresh: bool, why: &[String]) -> Missing {
    let runtime = owner.and_then(|owner| owner.engine.as_deref());
    let is_looked_up = runtime.is_none_or(|runtime| Engine::of(runtime).is_some());
    let (reason, text) = if !is_looked_up {
        let text = "names of this runtime's containers are not looked up";
        (Reason::NotLookedUp, text.to_owned())
    } else if owner.is_some_and(|owner| owner.names_basis.is_some()) {
        let text = "what says the container's other names does not say this";
        (Reason::NotSaid, text.to_owned())
    } else if !fresh {
        let text = "not known before, and not looked up while the whole node is out of memory";
        (Reason::NotLookedUp, text.to_owned())
    } else if why.is_empty() {
        let text = "no engine's state that is looked at has a container of this id";
        (Reason::NotFound, text.to_owned())
    } else {
        (Reason::Unreadable, why.join("; "))
    };
    Missing {
        field: String::new(),
        reason,
        why: Some(text),
    }
}

#[cfg(test)]
mod tests;

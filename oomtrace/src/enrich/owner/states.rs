//! What the engines on this node say of their containers, learnt while the containers are there:
//! `--rm` deletes it some 100 ms after a kill.

use std::os::fd::BorrowedFd;

use super::cache::Cache;
use super::engine::Engine;
use super::names::Names;
use super::place::Place;
use super::read::Silence;
use super::watch::{CONTAINERS_MAX, Change, Found, Watch};

/// Containers that are gone and still known.
const GONE_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct States {
    watch: Watch,
    known: Cache<Names>,
}

impl States {
    /// Reads what is there and watches for more. A directory that does not exist is no error.
    pub(super) fn new(places: Vec<Place>) -> Self {
        let mut states = Self {
            watch: Watch::new(places),
            known: Cache::new(CONTAINERS_MAX, GONE_MAX),
        };
        let changes = states.watch.look();
        states.take_in(changes);
        states
    }

    /// Becomes readable when a container comes or goes.
    pub(super) fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.fd()
    }

    /// Takes in what the watch has told since the last time.
    pub(super) fn learn(&mut self) {
        let changes = self.watch.changes();
        self.take_in(changes);
    }

    /// Without a watch (out of inotify instances): looks for what is there.
    pub(super) fn look_if_blind(&mut self) {
        if self.watch.is_blind() {
            let changes = self.watch.look();
            self.take_in(changes);
        }
    }

    fn take_in(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Came(found) => self.came(&found),
                Change::Gone(id) => {
                    self.watch.wait_no_longer(&id);
                    self.known.is_gone(&id);
                }
            }
        }
    }

    fn came(&mut self, found: &Found) {
        let known = |known: &Names| known.from.starts_with(&*found.containers.to_string_lossy());
        if found.engine.is_twofold && self.known.get(&found.id).is_some_and(|it| !known(it)) {
            // Said by the other of the storage's two directories.
            return;
        }
        if self.read(found).is_ok() {
            self.watch.wait_no_longer(&found.id);
            return;
        }
        self.watch.wait_for(found);
        // The file may have come before the watch was set.
        if self.read(found).is_ok() {
            self.watch.wait_no_longer(&found.id);
        }
    }

    fn read(&mut self, found: &Found) -> Result<(), Silence> {
        let names = found.engine.names(&found.containers, &found.id)?;
        self.known.put(&found.id, names);
        Ok(())
    }

    /// What is known of container `id`.
    pub(super) fn known(&mut self, id: &str) -> Option<&Names> {
        self.known.get(id)
    }

    /// Keeps what was found out in another way.
    pub(super) fn remember(&mut self, id: &str, names: Names) {
        self.known.put(id, names);
    }

    /// Something that is known of a container of the pod of this uid.
    pub(super) fn known_of_pod(&self, uid: &str) -> Option<&Names> {
        self.known
            .values()
            .find(|names| names.pod_uid.as_deref() == Some(uid) && names.pod_name.is_some())
    }

    /// Reads the files of container `id` again, if they are still there: it may have been renamed.
    /// Says what is wrong with them if nothing is known.
    pub(super) fn refresh(&mut self, engine: Option<&'static Engine>, id: &str) -> Option<String> {
        let mut useless = None;
        for (engine, containers) in self.watch.directories(engine) {
            let id = id.to_owned();
            let found = Found {
                engine,
                containers,
                id,
            };
            match self.read(&found) {
                Ok(()) => return None,
                Err(Silence::Nothing) => {}
                Err(Silence::Useless(why)) => {
                    let of = found.containers.join(&found.id);
                    useless = Some(format!("what {} has of it {why}", of.display()));
                }
            }
        }
        useless.filter(|_| self.known.get(id).is_none())
    }
}

#[cfg(test)]
mod tests;

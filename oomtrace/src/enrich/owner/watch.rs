//! Follows, by inotify, which containers come and go in the directories that engines keep. A
//! directory that is not there yet is waited for in the one above it. Nothing runs while no
//! container comes or goes.

use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use super::engine::{Engine, Part};
use super::place::Place;

/// Containers of one directory that are looked at.
pub(super) const CONTAINERS_MAX: usize = 4096;
/// Directories that are followed besides those of containers that are coming.
const NODES_MAX: usize = 256;
/// Containers that are waited for at the same time.
const COMING_MAX: usize = 512;

/// A container's directory, by what it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) engine: &'static Engine,
    pub(super) containers: PathBuf,
    pub(super) id: String,
}

/// What has happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A container has come, or something in the directory of one that is awaited.
    Came(Found),
    /// The container of this id is gone.
    Gone(String),
}

/// A directory on the way to containers.
#[derive(Clone, Debug)]
struct Node {
    place: usize,
    depth: usize,
    path: PathBuf,
    /// Absent without inotify.
    watch: Option<i32>,
}

#[derive(Debug)]
pub(super) struct Watch {
    inotify: Option<OwnedFd>,
    places: Vec<Place>,
    nodes: Vec<Node>,
    /// New containers whose files are not there yet, by a watch in their own directory: the files
    /// come a moment after it. The watch goes as soon as they were read.
    coming: Vec<(i32, Found)>,
}

impl Watch {
    pub(super) fn new(places: Vec<Place>) -> Self {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let inotify = (!places.is_empty()).then(|| inotify::init(flags).ok());
        Self {
            inotify: inotify.flatten(),
            places,
            nodes: Vec::new(),
            coming: Vec::new(),
        }
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(|fd| fd.as_fd())
    }

    /// The directories of `engine` (of all, if none is given) in which containers have theirs.
    pub(super) fn directories(
        &self,
        engine: Option<&'static Engine>,
    ) -> Vec<(&'static Engine, PathBuf)> {
        let containers = |node: &&Node| self.part(node.place, node.depth).is_none();
        self.nodes
            .iter()
            .filter(containers)
            .filter_map(|node| Some((self.places.get(node.place)?.engine, node.path.clone())))
            .filter(|(of, _)| engine.is_none_or(|engine| engine == *of))
            .collect()
    }

    /// Looks for everything anew; what was there before a watch is found after it is set, so that
    /// nothing falls between.
    pub(super) fn look(&mut self) -> Vec<Change> {
        let old: Vec<i32> = self.nodes.drain(..).filter_map(|node| node.watch).collect();
        let coming = std::mem::take(&mut self.coming);
        for watch in old
            .into_iter()
            .chain(coming.into_iter().map(|(watch, _)| watch))
        {
            self.unwatch(watch);
        }
        let mut changes = Vec::new();
        self.look_from_the_root(&mut changes);
        changes
    }

    /// Whether nothing tells of changes, so that one has to [`Watch::look`].
    pub(super) fn is_blind(&self) -> bool {
        self.inotify.is_none()
    }

    fn look_from_the_root(&mut self, changes: &mut Vec<Change>) {
        for place in 0..self.places.len() {
            self.visit(place, 0, PathBuf::from("/"), changes);
        }
    }

    fn part(&self, place: usize, depth: usize) -> Option<Part> {
        self.places.get(place)?.part(depth).cloned()
    }

    /// Follows `path`, to which the first `depth` parts of a place lead, and what is below it.
    fn visit(&mut self, place: usize, depth: usize, path: PathBuf, changes: &mut Vec<Change>) {
        let known = |node: &Node| node.place == place && node.depth == depth && node.path == path;
        if self.nodes.iter().any(known) || self.nodes.len() >= NODES_MAX {
            return;
        }
        let Some(engine) = self.places.get(place).map(|place| place.engine) else {
            return;
        };
        let part = self.part(place, depth);
        if let Some(Part::Name(name)) = &part
            && self.is_directory(place, depth, &path.join(name))
        {
            return self.visit(place, depth + 1, path.join(name), changes);
        }
        let watch = self.watch(&path, WatchFlags::DELETE | WatchFlags::MOVED_FROM);
        // Without a watch only what is there is of use.
        if watch.is_none() && (!self.is_blind() || matches!(part, Some(Part::Name(_)))) {
            return;
        }
        self.nodes.push(Node {
            place,
            depth,
            path: path.clone(),
            watch,
        });
        for name in entries(&path) {
            match &part {
                None => changes.extend(engine.id(&name).map(|id| {
                    Change::Came(Found {
                        engine,
                        containers: path.clone(),
                        id,
                    })
                })),
                Some(part) => self.descend(place, depth, part, &path.join(name), changes),
            }
        }
    }

    fn descend(
        &mut self,
        place: usize,
        depth: usize,
        part: &Part,
        path: &Path,
        changes: &mut Vec<Change>,
    ) {
        if path.file_name().is_some_and(|name| part.fits(name))
            && self.is_directory(place, depth, path)
        {
            self.visit(place, depth + 1, path.to_owned(), changes);
        }
    }

    fn is_directory(&self, place: usize, depth: usize, path: &Path) -> bool {
        let follow = self
            .places
            .get(place)
            .is_some_and(|place| place.follows_links(depth));
        let found = if follow {
            std::fs::metadata(path)
        } else {
            std::fs::symlink_metadata(path)
        };
        found.is_ok_and(|found| found.is_dir())
    }

    fn watch(&self, path: &Path, more: WatchFlags) -> Option<i32> {
        let events = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR | more;
        inotify::add_watch(self.inotify.as_ref()?, path, events).ok()
    }

    fn unwatch(&self, watch: i32) {
        if let Some(fd) = &self.inotify {
            // Fails only if the directory, and with it the watch, is gone.
            let _ = inotify::remove_watch(fd, watch);
        }
    }

    /// Waits for the files of a container that has come. Where it can no longer be waited for, its
    /// files are read when they are needed.
    pub(super) fn wait_for(&mut self, found: &Found) {
        let directory = found.containers.join(&found.id);
        let inner = found.engine.inner.iter().map(|name| directory.join(name));
        let directories: Vec<_> = std::iter::once(directory.clone()).chain(inner).collect();
        for directory in directories {
            let events = WatchFlags::CLOSE_WRITE | WatchFlags::DONT_FOLLOW;
            let Some(watch) = self.watch(&directory, events) else {
                return;
            };
            let waiting = self.coming.iter().any(|(known, _)| *known == watch);
            if !waiting && self.coming.len() < COMING_MAX {
                self.coming.push((watch, found.clone()));
            } else if !waiting {
                self.unwatch(watch);
            }
        }
    }

    /// Its files were read.
    pub(super) fn wait_no_longer(&mut self, id: &str) {
        let (done, waiting) = std::mem::take(&mut self.coming)
            .into_iter()
            .partition(|(_, found)| found.id == id);
        self.coming = waiting;
        for (watch, _) in done {
            self.unwatch(watch);
        }
    }

    /// What has happened since the last time. Never blocks.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let Some(events) = self.drain() else {
            return self.look();
        };
        for Event { watch, name, flags } in events {
            if flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::IGNORED) {
                self.coming.retain(|(known, _)| *known != watch);
                let before = self.nodes.len();
                self.nodes.retain(|node| node.watch != Some(watch));
                if self.nodes.len() < before {
                    self.look_from_the_root(&mut changes);
                }
                continue;
            }
            let awaited = self.coming.iter().filter(|(known, _)| *known == watch);
            changes.extend(awaited.map(|(_, found)| Change::Came(found.clone())));
            let nodes: Vec<Node> = self
                .nodes
                .iter()
                .filter(|node| node.watch == Some(watch))
                .cloned()
                .collect();
            let has_come = flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
            for node in nodes {
                self.happened(&node, OsStr::from_bytes(&name), has_come, &mut changes);
            }
        }
        changes
    }

    fn happened(&mut self, node: &Node, name: &OsStr, has_come: bool, changes: &mut Vec<Change>) {
        match self.part(node.place, node.depth) {
            None => {
                let engine = self.places.get(node.place).map(|place| place.engine);
                changes.extend(engine.and_then(|engine| {
                    let id = engine.id(name)?;
                    Some(if has_come {
                        Change::Came(Found {
                            engine,
                            containers: node.path.clone(),
                            id,
                        })
                    } else {
                        Change::Gone(id)
                    })
                }));
            }
            Some(part) if has_come && part.fits(name) => {
                if matches!(part, Part::Name(_)) {
                    // What was waited for has come.
                    self.leave(node);
                    self.visit(node.place, node.depth, node.path.clone(), changes);
                } else {
                    self.descend(
                        node.place,
                        node.depth,
                        &part,
                        &node.path.join(name),
                        changes,
                    );
                }
            }
            Some(_) => {}
        }
    }

    fn leave(&mut self, left: &Node) {
        self.nodes.retain(|node| {
            (node.place, node.depth, &node.path) != (left.place, left.depth, &left.path)
        });
        let shared = self.nodes.iter().any(|node| node.watch == left.watch);
        if let (Some(watch), false) = (left.watch, shared) {
            self.unwatch(watch);
        }
    }

    /// `None`: more than the kernel remembered, or than is of use one by one.
    fn drain(&self) -> Option<Vec<Event>> {
        let mut events = Vec::new();
        let Some(fd) = &self.inotify else {
            return Some(events);
        };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(fd, &mut buffer);
        let mut whole = true;
        // Ends with `WOULDBLOCK`; any other error ends it too, and the next call goes on.
        while let Ok(event) = reader.next() {
            whole &= !event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            whole &= events.len() < CONTAINERS_MAX;
            if whole {
                events.push(Event {
                    watch: event.wd(),
                    flags: event.events(),
                    name: event
                        .file_name()
                        .map(|name| name.to_bytes().to_vec())
                        .unwrap_or_default(),
                });
            }
        }
        whole.then_some(events)
    }
}

struct Event {
    watch: i32,
    name: Vec<u8>,
    flags: ReadFlags,
}

fn entries(path: &Path) -> Vec<std::ffi::OsString> {
    let Ok(entries) = std::fs::read_dir(path) else {
        return Vec::new();
    };
    entries
        .flatten()
        .take(CONTAINERS_MAX)
        .map(|entry| entry.file_name())
        .collect()
}

#[cfg(test)]
mod tests;

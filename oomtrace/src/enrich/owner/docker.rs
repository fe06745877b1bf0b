//! Names of Docker's containers, from the files that its daemon keeps.
//!
//! `docker run --rm` deletes them some 100 ms after a kill, so they are learnt before: those that
//! exist at start, and new ones when an inotify watch tells of them. Nothing runs while no
//! container comes or goes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::fs::{Mode, OFlags};
use serde::Deserialize;

use super::cache::Cache;
use super::path::is_container_id;

/// Containers whose names are kept.
const CONTAINERS_MAX: usize = 4096;

/// Largest `config.v2.json` that is read; real ones have some 10 KiB.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// What Docker's own state says of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// Name, without the slash that Docker puts before it.
    pub(super) name: Option<String>,
    /// Image as it was asked for.
    pub(super) image: Option<String>,
    /// The file it was read from.
    pub(super) from: String,
}

/// Follows `containers/` of Docker's data directories.
#[derive(Debug)]
pub(super) struct Docker {
    directories: Vec<Directory>,
    watch: Option<OwnedFd>,
    known: Cache<Names>,
    /// New containers whose file is not there yet, by the watch on their own directory: the file
    /// comes a moment after the directory. The watch goes as soon as the file was read.
    coming: HashMap<i32, String>,
}

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    /// The descriptor of its watch, once it exists.
    watch: Option<i32>,
}

impl Docker {
    /// Reads what is there and watches for more. A directory that does not exist is no error.
    pub(super) fn new(roots: &[PathBuf]) -> Self {
        let watch = (!roots.is_empty())
            .then(|| inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok())
            .flatten();
        let mut docker = Self {
            directories: roots
                .iter()
                .map(|root| Directory {
                    path: root.join("containers"),
                    watch: None,
                })
                .collect(),
            watch,
            known: Cache::new(CONTAINERS_MAX),
            coming: HashMap::new(),
        };
        docker.watch_directories();
        docker
    }

    /// Becomes readable when a container comes or goes.
    pub(super) fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(|fd| fd.as_fd())
    }

    /// Takes in what the watch has told since the last time.
    pub(super) fn learn(&mut self) {
        for change in self.drain() {
            match change {
                Change::New(id) => self.expect(&id),
                Change::Inside(watch) => self.came(watch),
                Change::Overflow => self.scan_all(),
                Change::Gone(watch) => {
                    self.coming.remove(&watch);
                    for directory in &mut self.directories {
                        if directory.watch == Some(watch) {
                            directory.watch = None;
                        }
                    }
                }
            }
        }
        self.watch_directories();
    }

    /// The names of container `id`. `fresh`: the file is read again if it is still there, for a
    /// container can be renamed.
    pub(super) fn names(&mut self, id: &str, fresh: bool) -> Option<Names> {
        if !is_container_id(id) {
            return None;
        }
        if fresh || self.known.get(id).is_none() {
            self.watch_directories();
            self.read(id);
        }
        self.known.get(id).cloned()
    }

    /// Adds the watches that are not there yet. What was there before a watch is read after it is
    /// set, so that nothing falls between.
    fn watch_directories(&mut self) {
        let Some(fd) = &self.watch else {
            // Without a watch (out of inotify instances) the files are read when needed.
            return;
        };
        let mut new = Vec::new();
        for directory in &mut self.directories {
            if directory.watch.is_some() {
                continue;
            }
            let events = WatchFlags::CREATE
                | WatchFlags::MOVED_TO
                | WatchFlags::DELETE_SELF
                | WatchFlags::ONLYDIR;
            directory.watch = inotify::add_watch(fd, &directory.path, events).ok();
            if directory.watch.is_some() {
                new.push(directory.path.clone());
            }
        }
        for path in new {
            self.scan(&path);
        }
    }

    fn scan_all(&mut self) {
        let paths: Vec<PathBuf> = self.directories.iter().map(|d| d.path.clone()).collect();
        for path in paths {
            self.scan(&path);
        }
    }

    fn scan(&mut self, containers: &Path) {
        let Ok(entries) = std::fs::read_dir(containers) else {
            return;
        };
        for entry in entries.flatten().take(CONTAINERS_MAX) {
            if let Some(id) = container_id(entry.file_name().as_os_str()) {
                self.expect(&id);
            }
        }
    }

    /// Reads the names of a container that has come, or waits for its file.
    fn expect(&mut self, id: &str) {
        if self.read(id) || self.coming.len() >= CONTAINERS_MAX {
            return;
        }
        let Some(fd) = &self.watch else {
            return;
        };
        let events = WatchFlags::MOVED_TO | WatchFlags::CREATE | WatchFlags::ONLYDIR;
        let watch = self
            .directories
            .iter()
            .find_map(|directory| inotify::add_watch(fd, directory.path.join(id), events).ok());
        if let Some(watch) = watch {
            self.coming.insert(watch, id.to_owned());
            // It may have come before the watch was set.
            self.came(watch);
        }
    }

    /// Something has changed in the directory of a container that is coming.
    fn came(&mut self, watch: i32) {
        let Some(id) = self.coming.get(&watch).cloned() else {
            return;
        };
        if self.read(&id) {
            self.coming.remove(&watch);
            if let Some(fd) = &self.watch {
                // Fails only if the directory, and with it the watch, is gone.
                let _ = inotify::remove_watch(fd, watch);
            }
        }
    }

    fn read(&mut self, id: &str) -> bool {
        let names = self
            .directories
            .iter()
            .find_map(|directory| read_config(&directory.path, id));
        let Some(names) = names else {
            return false;
        };
        self.known.put(id, names);
        true
    }

    fn drain(&self) -> Vec<Change> {
        let Some(fd) = &self.watch else {
            return Vec::new();
        };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(fd, &mut buffer);
        let mut changes = Vec::new();
        // Ends with `WOULDBLOCK`; any other error ends it too, and the next call goes on.
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                changes.push(Change::Overflow);
            } else if flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::IGNORED) {
                changes.push(Change::Gone(event.wd()));
            } else if self.coming.contains_key(&event.wd()) {
                changes.push(Change::Inside(event.wd()));
            } else if let Some(id) = event
                .file_name()
                .and_then(|name| container_id(OsStr::from_bytes(name.to_bytes())))
            {
                changes.push(Change::New(id));
            }
            if changes.len() > CONTAINERS_MAX {
                // More than can be kept: the directory itself is the shorter list.
                changes.clear();
                changes.push(Change::Overflow);
            }
        }
        changes
    }
}

/// What the watch tells.
enum Change {
    /// A container's directory has come.
    New(String),
    /// Something has come in the directory of a container that is coming, by its watch.
    Inside(i32),
    /// More than the kernel remembered.
    Overflow,
    /// A watch is gone with its directory.
    Gone(i32),
}

fn container_id(name: &OsStr) -> Option<String> {
    name.to_str()
        .filter(|name| is_container_id(name))
        .map(str::to_owned)
}

/// The part of `config.v2.json` that is of use.
#[derive(Deserialize)]
struct Config {
    #[serde(rename = "Name")]
    name: Option<String>,
    #[serde(rename = "Config")]
    config: Option<ContainerConfig>,
}

#[derive(Deserialize)]
struct ContainerConfig {
    #[serde(rename = "Image")]
    image: Option<String>,
}

/// Docker replaces the file by renaming, so what is there is whole; what cannot be read or
/// understood counts as not there.
fn read_config(containers: &Path, id: &str) -> Option<Names> {
    let path = containers.join(id).join("config.v2.json");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::open(&path, flags, Mode::empty()).ok()?;
    let mut bytes = Vec::new();
    std::fs::File::from(file)
        .take(CONFIG_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    let config: Config = serde_json::from_slice(&bytes).ok()?;
    let not_empty = |text: &String| !text.is_empty();
    Some(Names {
        name: config
            .name
            .map(|name| name.strip_prefix('/').unwrap_or(&name).to_owned())
            .filter(not_empty),
        image: config
            .config
            .and_then(|config| config.image)
            .filter(not_empty),
        from: path.to_string_lossy().into_owned(),
    })
}

#[cfg(test)]
#[path = "docker_tests.rs"]
mod tests;

//! Names of Docker's containers, from the files that its daemon keeps.
//!
//! `docker run --rm` deletes them some 100 ms after a kill, so they are learnt before: those that
//! exist at start, and new ones when an inotify watch tells of them. Nothing runs while no
//! container comes or goes.

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
        };
        docker.watch_directories();
        docker
    }

    /// Becomes readable when a container comes or goes.
    pub(super) fn watch_fd(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(|fd| fd.as_fd())
    }

    /// Takes in what the watch has told since the last time, and what was not readable then.
    pub(super) fn learn(&mut self) {
        for change in self.drain() {
            match change {
                Change::New(id) => self.known.expect(&id),
                Change::Overflow => self.scan_all(),
                Change::DirectoryGone(watch) => {
                    for directory in &mut self.directories {
                        if directory.watch == Some(watch) {
                            directory.watch = None;
                        }
                    }
                }
            }
        }
        self.watch_directories();
        for id in self.known.expected() {
            self.read(&id);
        }
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
                self.known.expect(&id);
                self.read(&id);
            }
        }
    }

    fn read(&mut self, id: &str) {
        let names = self
            .directories
            .iter()
            .find_map(|directory| read_config(&directory.path, id));
        if let Some(names) = names {
            self.known.put(id, names);
        }
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
                changes.push(Change::DirectoryGone(event.wd()));
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

enum Change {
    New(String),
    Overflow,
    DirectoryGone(i32),
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
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn id(number: u32) -> String {
        format!("{number:064x}")
    }

    fn add(root: &TempDir, number: u32, json: &str) -> PathBuf {
        let directory = root.path().join("containers").join(id(number));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(".tmp"), json).unwrap();
        fs::rename(directory.join(".tmp"), directory.join("config.v2.json")).unwrap();
        directory
    }

    fn config(name: &str, image: &str) -> String {
        format!(r#"{{"ID":"x","Name":"/{name}","Config":{{"Image":"{image}","Env":["A=b"]}}}}"#)
    }

    fn docker(root: &TempDir) -> Docker {
        Docker::new(&[root.path().to_owned()])
    }

    #[test]
    fn what_exists_at_start_is_known_after_it_is_gone() {
        let root = TempDir::new().unwrap();
        let directory = add(&root, 1, &config("web", "nginx:1.27"));
        let mut docker = docker(&root);
        fs::remove_dir_all(&directory).unwrap();
        let names = docker.names(&id(1), true).unwrap();
        assert_eq!(names.name.as_deref(), Some("web"));
        assert_eq!(names.image.as_deref(), Some("nginx:1.27"));
        assert_eq!(
            names.from,
            directory.join("config.v2.json").to_string_lossy()
        );
        assert_eq!(docker.names(&id(2), true), None);
    }

    #[test]
    fn a_new_container_is_learnt_before_it_is_gone() {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("containers")).unwrap();
        let mut docker = docker(&root);
        // Docker makes the directory first, the file a moment later.
        let directory = root.path().join("containers").join(id(1));
        fs::create_dir(&directory).unwrap();
        docker.learn();
        add(&root, 1, &config("job", "busybox"));
        add(&root, 2, &config("other", "busybox"));
        docker.learn();
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(
            docker.names(&id(1), true).unwrap().name.as_deref(),
            Some("job")
        );
        assert_eq!(
            docker.names(&id(2), false).unwrap().name.as_deref(),
            Some("other")
        );
    }

    #[test]
    fn the_watch_wakes_only_when_containers_come() {
        let root = TempDir::new().unwrap();
        let directory = add(&root, 1, &config("web", "nginx"));
        let docker = docker(&root);
        fs::write(directory.join("config.v2.json"), config("web", "nginx")).unwrap();
        assert_eq!(docker.drain().len(), 0, "a running container wakes nobody");
        add(&root, 2, &config("new", "nginx"));
        assert_eq!(docker.drain().len(), 1);
        assert_eq!(docker.drain().len(), 0, "what was told is told once");
    }

    #[test]
    fn a_renamed_container_has_its_new_name_if_asked_for() {
        let root = TempDir::new().unwrap();
        add(&root, 1, &config("old", "nginx"));
        let mut docker = docker(&root);
        add(&root, 1, &config("new", "nginx"));
        assert_eq!(
            docker.names(&id(1), false).unwrap().name.as_deref(),
            Some("old")
        );
        assert_eq!(
            docker.names(&id(1), true).unwrap().name.as_deref(),
            Some("new")
        );
    }

    #[test]
    fn docker_may_come_later() {
        let root = TempDir::new().unwrap();
        let mut docker = docker(&root);
        assert_eq!(docker.names(&id(1), true), None);
        add(&root, 1, &config("late", "nginx"));
        assert_eq!(
            docker.names(&id(1), true).unwrap().name.as_deref(),
            Some("late")
        );
        let directory = add(&root, 2, &config("later", "nginx"));
        docker.learn();
        fs::remove_dir_all(directory).unwrap();
        assert_eq!(
            docker.names(&id(2), true).unwrap().name.as_deref(),
            Some("later")
        );
    }

    #[test]
    fn odd_files_are_no_names() {
        let root = TempDir::new().unwrap();
        for (number, json) in [
            (1, ""),
            (2, "{"),
            (3, "[]"),
            (4, r#"{"Name":7}"#),
            (5, "\u{0}\u{1}"),
        ] {
            add(&root, number, json);
        }
        add(&root, 6, r#"{"Name":"","Config":{}}"#);
        let outside = TempDir::new().unwrap();
        fs::write(outside.path().join("secret"), config("stolen", "x")).unwrap();
        let linked = root.path().join("containers").join(id(7));
        fs::create_dir_all(&linked).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), linked.join("config.v2.json"))
            .unwrap();
        let mut docker = docker(&root);
        for number in [1, 2, 3, 4, 5, 7] {
            assert_eq!(docker.names(&id(number), true), None, "{number}");
        }
        let names = docker.names(&id(6), true).unwrap();
        assert_eq!((names.name, names.image), (None, None));
        assert_eq!(docker.names("../../etc", true), None);
        assert_eq!(Docker::new(&[]).names(&id(1), true), None);
    }
}

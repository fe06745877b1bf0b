//! What wakes, and what does not.

use std::fs;

use tempfile::TempDir;

use super::super::engine::DOCKER;
use super::*;

impl Watch {
    /// As if there were no inotify.
    pub(in crate::enrich::owner) fn blind(&mut self) {
        self.inotify = None;
        self.nodes.clear();
    }
}

fn id(number: u32) -> String {
    format!("{number:064x}")
}

fn came(containers: &Path, id: &str) -> Change {
    Change::Came(Found {
        engine: &DOCKER,
        containers: containers.to_owned(),
        id: id.to_owned(),
    })
}

#[test]
fn it_wakes_only_when_containers_come_or_go() {
    let root = TempDir::new().unwrap();
    let containers = root.path().join("containers");
    let directory = containers.join(id(1));
    fs::create_dir_all(&directory).unwrap();
    let mut watch = Watch::new(vec![Place::new(&DOCKER, root.path())]);
    assert_eq!(watch.look(), [came(&containers, &id(1))]);
    fs::write(directory.join("config.v2.json"), "x").unwrap();
    fs::write(root.path().join("engine-id"), "x").unwrap();
    assert!(
        watch.drain().unwrap().is_empty(),
        "a running container wakes nobody"
    );
    fs::create_dir(containers.join(id(2))).unwrap();
    assert_eq!(watch.changes(), [came(&containers, &id(2))]);
    assert_eq!(watch.changes(), [], "what was told is told once");
    fs::create_dir(containers.join("no-id")).unwrap();
    assert_eq!(watch.changes(), []);
    fs::remove_dir(containers.join(id(2))).unwrap();
    assert_eq!(watch.changes(), [Change::Gone(id(2))]);
}

#[test]
fn more_than_can_be_remembered_is_looked_at_anew() {
    let root = TempDir::new().unwrap();
    let containers = root.path().join("containers");
    fs::create_dir(&containers).unwrap();
    let mut watch = Watch::new(vec![Place::new(&DOCKER, root.path())]);
    watch.look();
    for round in 0..=CONTAINERS_MAX {
        let name = containers.join(format!("{round}"));
        fs::create_dir(&name).unwrap();
        fs::remove_dir(&name).unwrap();
    }
    fs::create_dir(containers.join(id(1))).unwrap();
    assert_eq!(watch.changes(), [came(&containers, &id(1))]);
    // The old watches went; nothing is told twice.
    assert_eq!(watch.changes(), []);
    fs::create_dir(containers.join(id(2))).unwrap();
    assert_eq!(watch.changes(), [came(&containers, &id(2))]);
}

#[test]
fn places_that_share_a_directory_are_both_followed() {
    let root = TempDir::new().unwrap();
    let place = |name: &str| Place::new(&DOCKER, &root.path().join(name));
    let mut watch = Watch::new(vec![place("a"), place("b")]);
    assert_eq!(watch.look(), []);
    for name in ["a", "b"] {
        let containers = root.path().join(name).join("containers");
        fs::create_dir_all(containers.join(id(1))).unwrap();
        assert_eq!(watch.changes(), [came(&containers, &id(1))]);
    }
    assert_eq!(watch.directories(None).len(), 2);
}

//! Engines' directories as a test lays them out, while they are followed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use super::super::engine::{CONTAINERD, DOCKER, STORAGE};
use super::*;

fn id(number: u32) -> String {
    format!("{number:064x}")
}

fn config(name: &str) -> String {
    format!(r#"{{"ID":"x","Name":"/{name}","Config":{{"Image":"nginx","Env":["A=b"]}}}}"#)
}

/// As Docker does: the directory, then the file by renaming.
fn add(root: &TempDir, number: u32, json: &str) -> PathBuf {
    let directory = root.path().join("containers").join(id(number));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(".tmp"), json).unwrap();
    fs::rename(directory.join(".tmp"), directory.join("config.v2.json")).unwrap();
    directory
}

fn docker(root: &TempDir) -> States {
    States::new(vec![Place::new(&DOCKER, root.path())])
}

fn containerd(root: &TempDir) -> States {
    States::new(vec![Place::new(&CONTAINERD, root.path())])
}

fn name(states: &mut States, id: &str) -> Option<String> {
    states.known(id).and_then(|names| names.name.clone())
}

fn with_name(name: &str) -> String {
    format!(r#"{{"annotations":{{"nerdctl/name":"{name}"}}}}"#)
}

#[test]
fn what_exists_at_start_is_known_after_it_is_gone() {
    let root = TempDir::new().unwrap();
    let directory = add(&root, 1, &config("web"));
    let mut states = docker(&root);
    fs::remove_dir_all(&directory).unwrap();
    states.learn();
    let names = states.known(&id(1)).unwrap();
    assert_eq!(names.name.as_deref(), Some("web"));
    assert_eq!(names.image.as_deref(), Some("nginx"));
    assert_eq!(
        names.from,
        directory.join("config.v2.json").to_string_lossy()
    );
    assert_eq!(states.known(&id(2)), None);
}

#[test]
fn a_new_container_is_learnt_before_it_is_gone() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("containers")).unwrap();
    let mut states = docker(&root);
    let directory = root.path().join("containers").join(id(1));
    fs::create_dir(&directory).unwrap();
    states.learn();
    add(&root, 1, &config("job"));
    add(&root, 2, &config("other"));
    states.learn();
    // Its own directory is no longer followed: what changes in it wakes nobody.
    fs::write(directory.join("hostconfig.json"), "{}").unwrap();
    states.learn();
    fs::write(directory.join("x"), "").unwrap();
    assert_eq!(states.watch.changes(), []);
    fs::remove_dir_all(&directory).unwrap();
    states.learn();
    assert_eq!(name(&mut states, &id(1)).as_deref(), Some("job"));
    assert_eq!(name(&mut states, &id(2)).as_deref(), Some("other"));
}

#[test]
fn a_container_that_never_comes_is_forgotten() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("containers")).unwrap();
    let mut states = docker(&root);
    let directory = root.path().join("containers").join(id(1));
    fs::create_dir(&directory).unwrap();
    states.learn();
    fs::remove_dir(&directory).unwrap();
    states.learn();
    assert_eq!(states.watch.changes(), []);
    assert_eq!(states.known(&id(1)), None);
}

#[test]
fn a_renamed_container_has_its_new_name() {
    let root = TempDir::new().unwrap();
    add(&root, 1, &config("old"));
    let mut states = docker(&root);
    add(&root, 1, &config("new"));
    assert_eq!(name(&mut states, &id(1)).as_deref(), Some("old"));
    assert_eq!(states.refresh(Some(&DOCKER), &id(1)), None);
    assert_eq!(name(&mut states, &id(1)).as_deref(), Some("new"));
}

/// An engine that is installed, or started, after oomtrace, and one that is removed and comes again.
#[test]
fn an_engine_may_come_later() {
    let root = TempDir::new().unwrap();
    let state = root.path().join("run/containerd");
    let mut states = States::new(vec![Place::new(&CONTAINERD, &state)]);
    for (step, number) in [1, 2].into_iter().enumerate() {
        // A step at a time, and all at once.
        let mut path = root.path().to_owned();
        for part in [
            "run",
            "containerd",
            "io.containerd.runtime.v2.task",
            "default",
        ] {
            path.push(part);
            fs::create_dir(&path).unwrap();
            if step == 0 {
                states.learn();
            }
        }
        fs::create_dir(path.join(id(number))).unwrap();
        states.learn();
        fs::write(path.join(id(number)).join("config.json"), with_name("late")).unwrap();
        states.learn();
        fs::remove_dir_all(root.path().join("run")).unwrap();
        states.learn();
        assert_eq!(name(&mut states, &id(number)).as_deref(), Some("late"));
    }
}

#[test]
fn a_file_that_is_being_written_is_waited_for() {
    use std::io::Write as _;
    let root = TempDir::new().unwrap();
    let directory = root.path().join("io.containerd.runtime.v2.task/default/x1");
    fs::create_dir_all(directory.parent().unwrap()).unwrap();
    let mut states = containerd(&root);
    fs::create_dir(&directory).unwrap();
    let mut file = fs::File::create(directory.join("config.json")).unwrap();
    file.write_all(br#"{"annotations":{"nerdctl/name":"#)
        .unwrap();
    states.learn();
    assert_eq!(states.known("x1"), None);
    file.write_all(br#""web"}}"#).unwrap();
    drop(file);
    states.learn();
    assert_eq!(name(&mut states, "x1").as_deref(), Some("web"));
}

#[test]
fn podmans_list_is_read_when_a_container_comes() {
    let root = TempDir::new().unwrap();
    let containers = root.path().join("overlay-containers");
    fs::create_dir(&containers).unwrap();
    let run = TempDir::new().unwrap();
    fs::create_dir(run.path().join("overlay-containers")).unwrap();
    let mut states = States::new(vec![
        Place::new(&STORAGE, root.path()),
        Place::new(&STORAGE, run.path()),
    ]);
    let list = format!(
        r#"[{{"id":"{}","names":["web"],"metadata":"{{}}"}}]"#,
        id(1)
    );
    fs::write(containers.join("containers.json"), list).unwrap();
    for place in [&containers, &run.path().join("overlay-containers")] {
        fs::create_dir_all(place.join(id(1)).join("userdata")).unwrap();
    }
    states.learn();
    assert_eq!(name(&mut states, &id(1)).as_deref(), Some("web"));
    // What Podman does there next wakes nobody.
    for place in [&containers, &run.path().join("overlay-containers")] {
        fs::write(place.join(id(1)).join("userdata/hosts"), "").unwrap();
        fs::remove_dir_all(place.join(id(1))).unwrap();
    }
    states.learn();
    assert_eq!(states.watch.changes(), []);
    assert_eq!(name(&mut states, &id(1)).as_deref(), Some("web"));
}

#[test]
fn links_lead_nowhere_and_mobys_are_dockers() {
    let root = TempDir::new().unwrap();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("config.v2.json"), config("stolen")).unwrap();
    fs::write(outside.path().join("config.json"), with_name("stolen")).unwrap();
    let linked = add(&root, 1, "").join("config.v2.json");
    fs::remove_file(&linked).unwrap();
    symlink(outside.path().join("config.v2.json"), linked).unwrap();
    symlink(outside.path(), root.path().join("containers").join(id(2))).unwrap();
    let mut states = docker(&root);
    for number in [1, 2] {
        states.refresh(None, &id(number));
        assert_eq!(states.known(&id(number)), None, "{number}");
    }

    let tasks = root.path().join("io.containerd.runtime.v2.task");
    for namespace in ["moby", "default"] {
        fs::create_dir_all(tasks.join(namespace).join(namespace)).unwrap();
        let file = tasks.join(namespace).join(namespace).join("config.json");
        fs::write(file, with_name(namespace)).unwrap();
    }
    fs::create_dir(outside.path().join("x3")).unwrap();
    fs::write(outside.path().join("x3/config.json"), with_name("stolen")).unwrap();
    symlink(outside.path(), tasks.join("elsewhere")).unwrap();
    symlink(outside.path(), tasks.join("default/x2")).unwrap();
    let mut states = containerd(&root);
    assert_eq!(name(&mut states, "default").as_deref(), Some("default"));
    for id in ["moby", "x2", "x3"] {
        assert_eq!(states.known(id), None, "{id}");
    }
}

#[test]
fn without_inotify_what_is_there_is_still_found() {
    let root = TempDir::new().unwrap();
    let mut states = docker(&root);
    states.watch.blind();
    add(&root, 1, &config("web"));
    states.look_if_blind();
    assert_eq!(name(&mut states, &id(1)).as_deref(), Some("web"));
    assert!(states.watch_fd().is_none());
    assert!(States::new(Vec::new()).watch_fd().is_none());
}

//! Docker's files as a test lays them out.

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
    assert_eq!(docker.coming.len(), 1);
    add(&root, 1, &config("job", "busybox"));
    add(&root, 2, &config("other", "busybox"));
    docker.learn();
    assert_eq!(docker.coming.len(), 0, "nothing more is awaited");
    fs::write(directory.join("hostconfig.json"), "{}").unwrap();
    docker.learn();
    fs::write(directory.join("x"), "").unwrap();
    assert_eq!(
        docker.drain().len(),
        0,
        "its directory is no longer watched"
    );
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
fn a_container_that_never_comes_is_forgotten() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("containers")).unwrap();
    let mut docker = docker(&root);
    let directory = root.path().join("containers").join(id(1));
    fs::create_dir(&directory).unwrap();
    docker.learn();
    fs::remove_dir(&directory).unwrap();
    docker.learn();
    assert_eq!(docker.coming.len(), 0);
    assert_eq!(docker.names(&id(1), true), None);
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

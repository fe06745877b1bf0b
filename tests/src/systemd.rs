//! A systemd of the test's own: the first process of its own namespaces, in cgroups of its own, gone
//! at the end.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::engine::Parent;

/// Where distributions have it.
const PROGRAMS: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

/// Enters the cgroups, leaves nothing of the host writable, and becomes systemd. `$1` is the name of
/// the cgroups, `$2` the program.
const START: &str = r#"
for hierarchy in "" /systemd /unified /memory /pids; do
    at="/sys/fs/cgroup$hierarchy"
    [ -e "$at/cgroup.procs" ] || continue
    mkdir -p "$at/$1"
    echo 0 > "$at/$1/cgroup.procs"
done
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
for place in / /sys /proc/sys; do
    mount -o remount,bind,ro "$place" || mount -o bind,ro "$place" "$place"
done
exec "$2" --system --unit=test.target --log-target=console --show-status=no
"#;

/// A running systemd; dropping it ends it and all that it has started.
#[derive(Debug)]
pub struct Systemd {
    first: Child,
    parent: Parent,
    units: TempDir,
}

impl Systemd {
    /// Starts it with these units (name and contents), the services among them at once.
    ///
    /// # Errors
    /// systemd is missing or cannot be started.
    pub fn start(units: &[(&str, &str)]) -> Result<Self> {
        let program = PROGRAMS.into_iter().find(|path| Path::new(path).is_file());
        let program = program.context("no systemd: install systemd")?;
        let parent = Parent::new("systemd");
        let directory = tempfile::Builder::new()
            .prefix("oomtrace-systemd")
            .tempdir()
            .context("cannot make a directory")?;
        let mut target = String::from("[Unit]\nDefaultDependencies=no\n");
        for (name, contents) in units {
            fs::write(directory.path().join(name), contents).context("cannot write a unit")?;
            if name.ends_with(".service") {
                target.push_str(&format!("Wants={name}\n"));
            }
        }
        fs::write(directory.path().join("test.target"), target).context("cannot write a unit")?;
        let first = Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--ipc",
                "--uts",
                "--kill-child",
            ])
            .args(["sh", "-e", "-c", START, "sh", parent.name(), program])
            .env("container", "oomtrace-test")
            .env("SYSTEMD_UNIT_PATH", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.path().join("log")).context("cannot make a log")?)
            .spawn()
            .context("cannot start unshare: install util-linux")?;
        Ok(Self {
            first,
            parent,
            units: directory,
        })
    }

    /// The cgroup of its root slice.
    #[must_use]
    pub fn cgroup(&self) -> String {
        format!("/{}", self.parent.name())
    }

    /// That it still runs.
    ///
    /// # Errors
    /// It has ended; what it said is in the message.
    pub fn check(&mut self) -> Result<()> {
        let ended = self.first.try_wait().context("cannot wait for systemd")?;
        let log = fs::read_to_string(self.units.path().join("log")).unwrap_or_default();
        ensure!(ended.is_none(), "systemd has ended: {log}");
        Ok(())
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        // Its first process goes with the one that waits for it, and everything with that one; each
        // fails only where it is gone already.
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}

//! The image under real engines: loaded by Docker it decodes a log without any privilege, and run by
//! runc with the capabilities that the documents name, and no other, it reports a kill whole.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::docker::Docker;
use oomtrace_tests::image;
use serde_json::{Value, json};

use super::compile::ARCHES;
use crate::{command, workspace};

/// What the container may do.
const CAPABILITIES: [&str; 4] = [
    "CAP_BPF",
    "CAP_PERFMON",
    "CAP_SYSLOG",
    "CAP_DAC_READ_SEARCH",
];

/// Tries the image of a release that lies in `out`.
///
/// # Errors
/// An engine is missing, or the image does not do what it is for.
pub fn attempt(out: &Path, version: &str) -> Result<()> {
    let folder = super::scratch()?;
    let archive = out.join(format!("oomtrace-{version}-oci.tar"));
    let arch = ARCHES.into_iter().find(|arch| arch.is_here());
    let name = format!(
        "oomtrace:{version}-{}",
        arch.context("no image for this machine")?.debian
    );
    docker(folder.path(), &archive, &name)?;
    runc(folder.path(), &archive, &name)?;
    println!("the image was loaded, decoded a log and reported a kill");
    Ok(())
}

fn docker(folder: &Path, archive: &Path, name: &str) -> Result<()> {
    let docker = Docker::start(&image::small(folder)?, "oomtrace-test/busybox:1")?;
    docker.docker(&["load", "--input", &archive.display().to_string()])?;
    let user = docker.docker(&[
        "inspect",
        "--format",
        "{{.Config.User}} {{.Architecture}}",
        name,
    ])?;
    ensure!(user.starts_with("65532:65532 "), "runs as {user}");
    let log = workspace::root().join("oomtrace/src/klog/report/testdata/simple.dmesg");
    let mount = format!("{}:/log:ro", log.display());
    let decoded = docker.docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--cap-drop",
        "ALL",
        "--read-only",
        "--volume",
        &mount,
        name,
        "decode",
        "/log",
    ])?;
    ensure!(decoded.contains("was killed"), "{decoded}");
    Ok(())
}

fn runc(folder: &Path, archive: &Path, name: &str) -> Result<()> {
    let bundle = folder.join("bundle");
    let root = bundle.join("rootfs");
    for place in ["proc", "sys", "dev"] {
        fs::create_dir_all(root.join(place))?;
    }
    let mut tar = Command::new("tar");
    command::run(tar.arg("-C").arg(folder).arg("-xf").arg(archive))?;
    let loads: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("manifest.json"))?)?;
    let load = loads
        .iter()
        .find(|load| load.pointer("/RepoTags/0") == Some(&json!(name)))
        .context("no such image in the archive")?;
    let layer = load.pointer("/Layers/0").and_then(Value::as_str);
    let mut tar = Command::new("tar");
    tar.args(["--xattrs", "--xattrs-include=*", "-xzpf"]);
    tar.arg(folder.join(layer.context("no layer")?));
    command::run(tar.arg("-C").arg(&root))?;
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 65532, "gid": 65532 },
            "args": ["/oomtrace", "trace", "-o", "json", "-n", "1", "--duration", "30s"],
            "cwd": "/",
            // As an engine does that drops all and adds these, for a user that is not root.
            "capabilities": { "bounding": CAPABILITIES },
        },
        "root": { "path": "rootfs", "readonly": true },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "ro"] },
            { "destination": "/dev", "type": "none", "source": "/dev", "options": ["rbind", "ro"] },
        ],
        "linux": { "namespaces": [{ "type": "mount" }, { "type": "ipc" }, { "type": "uts" }, { "type": "network" }] },
    });
    fs::write(bundle.join("config.json"), serde_json::to_vec(&config)?)?;
    let id = format!("oomtrace-try-{}", std::process::id());
    let mut traced = Command::new("runc")
        .arg("--root")
        .arg(folder.join("runc"))
        .arg("run")
        .arg("--bundle")
        .arg(&bundle)
        .arg(&id)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start runc")?;
    let killed = kill_until_ended(&mut traced, &root.join("oomtrace"));
    let ended = traced.wait_with_output()?;
    killed?;
    let line = String::from_utf8_lossy(&ended.stdout);
    let event: Value = serde_json::from_str(line.lines().next().unwrap_or_default())
        .with_context(|| format!("no event from the container ({}): {line}", ended.status))?;
    for fact in [
        "/victim/memory/rss_bytes",
        "/limit/limit_bytes",
        "/limit/usage_bytes",
        "/trigger/comm",
    ] {
        ensure!(event.pointer(fact).is_some(), "no {fact}: {line}");
    }
    Ok(())
}

/// Has small kills happen, outside of the container, until the tracer in it has seen one and ends.
fn kill_until_ended(traced: &mut Child, program: &Path) -> Result<()> {
    for _ in 0..20 {
        thread::sleep(Duration::from_secs(1));
        if traced.try_wait()?.is_some() {
            break;
        }
        command::output(Command::new(program).arg("demo"))?;
    }
    Ok(())
}

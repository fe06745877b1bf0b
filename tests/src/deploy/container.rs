//! A container of the `DaemonSet` under runc, with the rights that its manifest gives it and no others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::running::Running;
use crate::tracer;

/// Devices that every container may open, as container engines have it: null, zero, full, random, urandom.
const DEVICES: [(u64, u64); 5] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9)];

/// What the binary under test needs of this host, where it is not static.
const LIBRARIES: [&str; 3] = ["/usr", "/lib", "/lib64"];

/// A running container; dropping it ends it.
#[derive(Debug)]
pub struct Container {
    name: String,
    /// Its output.
    pub running: Running,
}

impl Container {
    /// Starts the only container of this `DaemonSet`, with `config` as its configuration. Its files are in
    /// `folder`.
    ///
    /// # Errors
    /// The manifest asks for something that is not understood here, or runc does not start it.
    pub fn start(daemon_set: &Value, config: &str, folder: &Path) -> Result<Self> {
        let rootfs = folder.join("rootfs");
        fs::create_dir_all(&rootfs).context("making a folder")?;
        fs::copy(tracer::program()?, rootfs.join("oomtrace")).context("copying oomtrace")?;
        let configs = folder.join("config");
        fs::create_dir_all(&configs).context("making a folder")?;
        fs::write(configs.join("oomtrace.toml"), config).context("writing the configuration")?;
        let spec = spec(daemon_set, folder)?;
        fs::write(folder.join("config.json"), spec.to_string()).context("writing config.json")?;
        let name = format!("oomtrace-tests-{}", std::process::id());
        let mut runc = Command::new("runc");
        runc.args(["run", "--bundle"]).arg(folder).arg(&name);
        let running = Running::start(&mut runc, &folder.join("log"))?;
        Ok(Self { name, running })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Fails only where it has ended by itself.
        let _ = Command::new("runc")
            .args(["delete", "--force", &self.name])
            .output();
    }
}

fn spec(daemon_set: &Value, folder: &Path) -> Result<Value> {
    let at = |path: &str| {
        daemon_set
            .pointer(path)
            .with_context(|| format!("no {path}"))
    };
    let pod = "/spec/template/spec";
    let container = format!("{pod}/containers/0");
    let security = at(&format!("{container}/securityContext"))?;
    let is = |name: &str| security.get(name).and_then(Value::as_bool);
    ensure!(is("privileged") == Some(false) && is("allowPrivilegeEscalation") == Some(false));
    ensure!(security.pointer("/capabilities/drop") == Some(&json!(["ALL"])));
    ensure!(at(&format!("{pod}/hostPID"))? == &json!(true));
    let capabilities: Vec<String> = texts(security.pointer("/capabilities/add"))
        .map(|name| format!("CAP_{name}"))
        .collect();
    let memory = at(&format!("{container}/resources/limits/memory"))?.as_str();
    let mib: u64 = memory
        .and_then(|text| text.strip_suffix("Mi")?.parse().ok())
        .context("memory")?;
    let mut arguments: Vec<&str> =
        texts(daemon_set.pointer(&format!("{container}/command"))).collect();
    arguments.extend(texts(daemon_set.pointer(&format!("{container}/args"))));
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}),
        json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]}),
    ];
    mounts.extend(LIBRARIES.map(|path| bind(Path::new(path), path, true)));
    let volumes = at(&format!("{pod}/volumes"))?
        .as_array()
        .context("volumes")?;
    for mount in at(&format!("{container}/volumeMounts"))?
        .as_array()
        .context("mounts")?
    {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default();
        let volume = volumes
            .iter()
            .find(|volume| volume.get("name") == mount.get("name"));
        let source = source(volume.context("no such volume")?, folder)?;
        let is_read_only = mount.get("readOnly").and_then(Value::as_bool) == Some(true);
        mounts.push(bind(&source, text("mountPath"), is_read_only));
    }
    let devices = DEVICES.map(|(major, minor)| {
        json!({"allow": true, "type": "c", "major": major, "minor": minor, "access": "rwm"})
    });
    let devices: Vec<Value> = std::iter::once(json!({"allow": false, "access": "rwm"}))
        .chain(devices)
        .collect();
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false, "cwd": "/", "args": arguments,
            "user": {"uid": is_user(security, "runAsUser")?, "gid": is_user(security, "runAsGroup")?},
            "env": ["OOMTRACE_CAPTURE_HOSTNAME=node-of-the-pod"],
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": is("readOnlyRootFilesystem") == Some(true)},
        "mounts": mounts,
        "linux": {
            // The host's process ids; its network too, so that the test reaches the metrics.
            "namespaces": [{"type": "mount"}, {"type": "ipc"}, {"type": "uts"}],
            "resources": {"devices": devices, "memory": {"limit": mib * 1024 * 1024}},
        },
    }))
}

fn is_user(security: &Value, key: &str) -> Result<u64> {
    security
        .get(key)
        .and_then(Value::as_u64)
        .with_context(|| format!("no {key}"))
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn bind(source: &Path, destination: &str, is_read_only: bool) -> Value {
    let access = if is_read_only { "ro" } else { "rw" };
    json!({"destination": destination, "type": "none", "source": source, "options": ["rbind", access]})
}

/// Where a volume is: on this host as on a node, but the configuration and the store, and what a node has and
/// this host has not.
fn source(volume: &Value, folder: &Path) -> Result<PathBuf> {
    if volume.get("configMap").is_some() {
        return Ok(folder.join("config"));
    }
    let Some(path) = volume.pointer("/hostPath/path").and_then(Value::as_str) else {
        bail!("what is {volume}?");
    };
    let name = volume
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name != "store" && Path::new(path).is_dir() {
        return Ok(path.into());
    }
    let own = folder.join(name);
    fs::create_dir_all(&own).context("making a folder")?;
    Ok(own)
}

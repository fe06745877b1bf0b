//! The objects that `deploy/kubernetes` makes, by helm and by kustomize.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::python::{CHECKOV, KUBERNETES_VALIDATE, kubernetes_tools};
use super::repository;
use crate::engine::run;

/// The chart.
pub const CHART: &str = "deploy/kubernetes/helm/oomtrace";

/// What `helm lint --strict` and `helm template` make of the chart with these settings, as YAML.
///
/// # Errors
/// helm is not to be had, or finds a mistake.
pub fn helm(settings: &[&str]) -> Result<String> {
    let (helm, _) = kubernetes_tools()?;
    let home = tempfile::tempdir().context("making a folder")?;
    let call = |verb: &[&str]| {
        let mut command = Command::new(&helm);
        command
            .env("HOME", home.path())
            .args(verb)
            .arg(repository(CHART));
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.args(["--namespace", "oomtrace"]);
        run(&mut command)
    };
    call(&["lint", "--strict"])?;
    call(&["template", "oomtrace"])
}

/// What kustomize makes of the base with these components, as YAML.
///
/// # Errors
/// kubectl is not to be had, or finds a mistake.
pub fn kustomize(components: &[&str]) -> Result<String> {
    let (_, kubectl) = kubernetes_tools()?;
    let folder = tempfile::tempdir().context("making a folder")?;
    // kustomize takes no absolute paths, and nothing outside of its root.
    let copy = folder.path().join("kustomize");
    run(Command::new("cp")
        .arg("-r")
        .arg(repository("deploy/kubernetes/kustomize"))
        .arg(&copy))?;
    let names: Vec<String> = components
        .iter()
        .map(|name| format!("../components/{name}"))
        .collect();
    let overlay = copy.join("overlay");
    fs::create_dir(&overlay).context("making a folder")?;
    fs::write(
        overlay.join("kustomization.yaml"),
        format!("resources: [../base]\ncomponents: [{}]\n", names.join(", ")),
    )?;
    run(Command::new(kubectl).arg("kustomize").arg(&overlay))
}

/// The objects of a YAML stream, by kind and name.
///
/// # Errors
/// It is no YAML.
pub fn objects(yaml: &str) -> Result<Vec<Value>> {
    const TO_JSON: &str = "import json, sys, yaml\n\
        print(json.dumps([one for one in yaml.safe_load_all(open(sys.argv[1])) if one]))";
    let folder = tempfile::tempdir().context("making a folder")?;
    let file = folder.path().join("objects.yaml");
    fs::write(&file, yaml)?;
    let out = run(KUBERNETES_VALIDATE
        .python()?
        .args(["-c", TO_JSON])
        .arg(&file))?;
    let mut objects: Vec<Value> = serde_json::from_str(&out).context("no JSON")?;
    objects.sort_by_key(kind_and_name);
    Ok(objects)
}

/// `Kind/name`.
#[must_use]
pub fn kind_and_name(object: &Value) -> String {
    let text = |path| {
        object
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    format!("{}/{}", text("/kind"), text("/metadata/name"))
}

/// Checks objects against the schemas of a version of Kubernetes, strictly. Those of the Prometheus
/// operator have none there.
///
/// # Errors
/// A field that is unknown or wrong.
pub fn validate(yaml: &str, version: &str) -> Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let known: Vec<Value> = objects(yaml)?
        .into_iter()
        .filter(|object| !object.to_string().contains("monitoring.coreos.com"))
        .collect();
    ensure!(known.len() >= 3, "too few objects in {yaml}");
    // JSON is YAML.
    let text: Vec<String> = known.iter().map(Value::to_string).collect();
    let file = folder.path().join("objects.yaml");
    fs::write(&file, text.join("\n---\n"))?;
    let mut validate = KUBERNETES_VALIDATE.python()?;
    validate.args(["-m", "kubernetes_validate", "--strict", "-k", version]);
    run(validate.arg(&file))?;
    Ok(())
}

/// Lets checkov look at objects, but for what `deploy/kubernetes/checkov.yaml` gives a reason for.
///
/// # Errors
/// It finds something else.
pub fn checkov(yaml: &str, folder: &Path) -> Result<String> {
    let file = folder.join("objects.yaml");
    fs::write(&file, yaml)?;
    let mut checkov = CHECKOV.python()?;
    // Else it asks a server for the texts of its rules.
    checkov.env("BC_SKIP_MAPPING", "TRUE").env("HOME", folder);
    checkov.args([
        "-m",
        "checkov.main",
        "--framework",
        "kubernetes",
        "--compact",
        "--quiet",
    ]);
    checkov.args(["-o", "json", "--config-file"]);
    checkov.arg(repository("deploy/kubernetes/checkov.yaml"));
    run(checkov.arg("-f").arg(&file))
}

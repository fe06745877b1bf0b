//! Syslog daemons for the tests. Only one can be installed, and it would take over the machine's
//! own log; so they are unpacked, and run from where they lie.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{apt, refresh};
use crate::command;

/// Packages, and the program of each.
const LOGGERS: [(&str, &str); 2] = [("rsyslog", "rsyslogd"), ("syslog-ng-core", "syslog-ng")];

/// Unpacks what is not there yet, with the libraries that the machine lacks.
///
/// # Errors
/// No apt, or a package that cannot be had.
pub(super) fn unpack() -> Result<()> {
    let folder = oomtrace_tests::loggers::folder()?;
    let missing: Vec<_> = LOGGERS
        .iter()
        .filter(|(_, program)| !folder.join("usr/sbin").join(program).is_file())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    refresh().with_context(|| format!("unpack rsyslog and syslog-ng into {}", folder.display()))?;
    for (package, program) in missing {
        one(package, &folder).with_context(|| format!("unpacking {package} for the tests"))?;
        anyhow::ensure!(
            folder.join("usr/sbin").join(program).is_file(),
            "unpacked {package}, and yet no {program}"
        );
    }
    Ok(())
}

fn one(package: &str, folder: &Path) -> Result<()> {
    let downloads = folder.join("packages");
    fs::create_dir_all(&downloads).with_context(|| format!("making {}", downloads.display()))?;
    // What apt would install with it here, without installing it.
    let plan = command::output(apt().args([
        "install",
        "--yes",
        "--print-uris",
        "--no-install-recommends",
        package,
    ]))?;
    let mut packages: Vec<&str> = plan.lines().filter_map(package_of).collect();
    packages.push(package);
    packages.sort_unstable();
    packages.dedup();
    println!("unpacking {} into {}", packages.join(" "), folder.display());
    command::run(
        apt()
            .current_dir(&downloads)
            .args(["download", "--quiet=2"])
            .args(&packages),
    )?;
    for file in
        fs::read_dir(&downloads).with_context(|| format!("listing {}", downloads.display()))?
    {
        let path = file?.path();
        command::run(Command::new("dpkg-deb").arg("-x").arg(&path).arg(folder))?;
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    // Where /lib is /usr/lib, packages may still have both.
    let lib = folder.join("lib");
    if lib.is_dir() {
        let from = lib.join(".");
        command::run(
            Command::new("cp")
                .arg("-a")
                .arg(from)
                .arg(folder.join("usr/lib")),
        )?;
    }
    Ok(())
}

/// The package of a line of `--print-uris`: `'http://…' rsyslog_8.2302_amd64.deb 729 SHA256:…`.
fn package_of(line: &str) -> Option<&str> {
    let (_, rest) = line.strip_prefix('\'')?.split_once("' ")?;
    rest.split_once('_').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_by_their_files() {
        let line = "'http://deb.example/pool/r/rsyslog_8.2302.0-1_amd64.deb' rsyslog_8.2302.0-1_amd64.deb 729 SHA256:00";
        assert_eq!(package_of(line), Some("rsyslog"));
        assert_eq!(package_of("Reading package lists..."), None);
    }
}

//! apt with lists, archives and a source of its own: it gets packages of any suite and architecture
//! from the machine's own mirror, into a cache, and verifies them with the keys of the Debian archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::kernels::Kernel;
use crate::command;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What is installed: nothing. What this machine has is of another suite, and is not to be preferred.
const INSTALLED: &str = "status";

/// How long package lists are good for.
const FRESH: Duration = Duration::from_secs(12 * 60 * 60);

/// What apt knows of one suite, for one architecture.
#[derive(Debug)]
pub struct Apt {
    suite: &'static str,
    /// Debian's name of the architecture.
    arch: &'static str,
    home: PathBuf,
}

impl Apt {
    /// For the suite and the architecture of a kernel, with fresh lists.
    ///
    /// # Errors
    /// No apt, no keys, no mirror, or a signature that is wrong.
    pub fn new(kernel: &Kernel) -> Result<Self> {
        Self::of(kernel.suite, kernel.arch.debian)
    }

    /// For the release that a kernel's suite belongs to: backports have the kernel and little else.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_release(kernel: &Kernel) -> Result<Self> {
        let release = kernel.suite.strip_suffix("-backports");
        Self::of(release.unwrap_or(kernel.suite), kernel.arch.debian)
    }

    fn of(suite: &'static str, arch: &'static str) -> Result<Self> {
        ensure!(
            command::find_program("apt-get").is_some(),
            "packages are fetched by apt-get, which is not here"
        );
        ensure!(
            Path::new(KEYRING).is_file(),
            "{KEYRING} is missing (package debian-archive-keyring), and nothing else can verify what is fetched"
        );
        let home = oomtrace_tests::host::cache_folder()?
            .join("kernels")
            .join(format!("{suite}-{arch}"));
        for folder in ["lists/partial", "archives/partial"] {
            let folder = home.join(folder);
            fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        }
        let sources = format!("deb [signed-by={KEYRING}] {} {suite} main\n", mirror()?);
        for (name, text) in [("sources.list", sources.as_str()), (INSTALLED, "")] {
            let file = home.join(name);
            fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        }
        let apt = Self { suite, arch, home };
        apt.update()?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let mut option = |name: &str, value: &Path| {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        };
        option("Dir::Etc::SourceList", &self.home.join("sources.list"));
        option("Dir::Etc::SourceParts", Path::new("/dev/null"));
        option("Dir::State::Lists", &self.home.join("lists"));
        option("Dir::State::Status", &self.home.join(INSTALLED));
        option("Dir::Cache", &self.home);
        option("Dir::Cache::Archives", &self.home.join("archives"));
        // Not the machine's own architecture, nor those that were added to it.
        for name in ["Architecture", "Architectures"] {
            command.args(["-o", &format!("APT::{name}={}", self.arch)]);
        }
        // The machine's own hooks are about the machine's own lists.
        command.args(["-o", "APT::Update::Post-Invoke-Success::="]);
        command.args(["-o", "Acquire::Languages=none", "-o", "Acquire::Retries=3"]);
        for target in ["DEP-11", "DEP-11-icons", "CNF", "Contents-deb"] {
            command.args([
                "-o",
                &format!("Acquire::IndexTargets::deb::{target}::DefaultEnabled=false"),
            ]);
        }
        // The cache may be where apt's own user may not go.
        command.args(["-o", "APT::Sandbox::User=root"]);
        command.env("LC_ALL", "C");
        command
    }

    /// Refreshes the lists, unless that was done not long ago.
    fn update(&self) -> Result<()> {
        let stamp = self.home.join("updated");
        let age = fs::metadata(&stamp)
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age < FRESH) {
            return Ok(());
        }
        let mut command = self.command("apt-get");
        command.args(["update", "--quiet=2", "--error-on=any"]);
        let done = command.output().context("starting apt-get")?;
        ensure!(
            done.status.success(),
            "no package lists of Debian's {}: {}",
            self.suite,
            errors(&String::from_utf8_lossy(&done.stderr))
        );
        fs::write(&stamp, "").with_context(|| format!("writing {}", stamp.display()))
    }

    /// What the package depends on itself.
    ///
    /// # Errors
    /// There is no such package.
    pub fn depends(&self, package: &str) -> Result<Vec<String>> {
        let text = command::output(self.command("apt-cache").args(["depends", package]))
            .with_context(|| format!("{package} of {}", self.suite))?;
        Ok(text
            .lines()
            .filter_map(|line| {
                line.trim_start_matches([' ', '|'])
                    .strip_prefix("Depends: ")
            })
            .map(str::to_owned)
            .collect())
    }

    /// The version of the package that the suite has.
    ///
    /// # Errors
    /// There is no such package.
    pub fn candidate(&self, package: &str) -> Result<String> {
        let text = command::output(self.command("apt-cache").args(["policy", package]))?;
        text.lines()
            .find_map(|line| line.trim().strip_prefix("Candidate: "))
            .filter(|version| *version != "(none)")
            .map(str::to_owned)
            .with_context(|| format!("{} has no {package}", self.suite))
    }

    /// Where packages lie unpacked that `fetch` puts into a folder; what was unpacked before under
    /// this name and version is not fetched again.
    ///
    /// # Errors
    /// `fetch`'s, or a package that cannot be unpacked.
    pub fn unpacked(
        &self,
        name: &str,
        version: &str,
        fetch: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let name = format!("{name}_{version}").replace(['/', ':'], "_");
        let home = self.home.join(name);
        let (root, whole) = (home.join("root"), home.join("whole"));
        if !whole.exists() {
            // What an earlier run left half done.
            let _ = fs::remove_dir_all(&home);
            fs::create_dir_all(&root).with_context(|| format!("making {}", root.display()))?;
            fetch(&home)?;
            for package in debs(&home)? {
                command::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root))?;
                fs::remove_file(&package)
                    .with_context(|| format!("removing {}", package.display()))?;
            }
            fs::write(&whole, "").with_context(|| format!("writing {}", whole.display()))?;
        }
        Ok(root)
    }

    /// Puts a package into a folder with all that it needs to run, as on a machine that has nothing.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn download_with_needs(&self, name: &str, version: &str, into: &Path) -> Result<()> {
        let partial = into.join("partial");
        fs::create_dir_all(&partial).with_context(|| format!("making {}", partial.display()))?;
        let mut command = self.command("apt-get");
        command.arg("-o");
        command.arg(format!("Dir::Cache::Archives={}", into.display()));
        command.args(["install", "--download-only", "--no-install-recommends"]);
        command.args(["--yes", "--quiet=2", &format!("{name}={version}")]);
        command::output(&mut command)
            .with_context(|| format!("fetching {name} of {} and its needs", self.suite))?;
        Ok(())
    }

    /// Puts one package into a folder.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn download(&self, name: &str, version: &str, into: &Path) -> Result<()> {
        let mut command = self.command("apt-get");
        command
            .args(["download", "--quiet=2", &format!("{name}={version}")])
            .current_dir(into);
        command::run(&mut command).with_context(|| format!("fetching {name} of {}", self.suite))
    }
}

/// What apt calls errors; all that it says where it calls nothing so.
fn errors(said: &str) -> String {
    let errors: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("E: "))
        .collect();
    if errors.is_empty() {
        said.trim().to_owned()
    } else {
        errors.join("; ")
    }
}

/// The mirror that this machine gets its own Debian from.
fn mirror() -> Result<String> {
    const FORMAT: &str = "$(ORIGIN)|$(REPO_URI)|$(COMPONENT)|$(RELEASE)";
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", FORMAT, "Created-By: Packages"]);
    mirror_of(&command::output(&mut command)?).context(
        "apt has no source of Debian's own packages, so there is no mirror to get packages from",
    )
}

/// The source that has a release itself, and not only what was added to one.
fn mirror_of(targets: &str) -> Option<String> {
    targets.lines().find_map(|line| {
        let [origin, uri, component, release] =
            <[&str; 4]>::try_from(line.split('|').collect::<Vec<_>>()).ok()?;
        let whole = !release.contains('-') && !release.contains('/');
        (origin == "Debian" && component == "main" && whole).then(|| uri.to_owned())
    })
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry
            .with_context(|| format!("listing {}", folder.display()))?
            .path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            found.push(path);
        }
    }
    ensure!(
        !found.is_empty(),
        "apt-get left no package in {}",
        folder.display()
    );
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_is_not_served_is_named() {
        let said = "W: old\nE: The repository 'http://m/debian bullseye Release' does not have a Release file.\n";
        assert_eq!(
            errors(said),
            "The repository 'http://m/debian bullseye Release' does not have a Release file."
        );
        assert_eq!(errors("no network\n"), "no network");
    }

    #[test]
    fn the_mirror_is_the_one_that_has_whole_releases() {
        let targets = "Else|http://e/x|main|stable\nDebian|http://m/security/|main|a-security\nDebian|http://m/debian/|contrib|a\nDebian|http://m/debian/|main|a\n";
        assert_eq!(mirror_of(targets).as_deref(), Some("http://m/debian/"));
        assert_eq!(mirror_of("Else|http://e/x|main|stable\n"), None);
    }
}

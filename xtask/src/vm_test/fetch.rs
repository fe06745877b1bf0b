//! Gets kernels by apt, from the machine's own mirror, into a cache by suite.
//!
//! The suites are not the machine's, so apt gets lists, archives and a source of its own; what it
//! fetches it verifies with the keys of the Debian archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::kernels::Kernel;
use crate::command;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// How long package lists are good for.
const FRESH: Duration = Duration::from_secs(12 * 60 * 60);

/// A kernel that lies here.
#[derive(Debug)]
pub struct Fetched {
    /// Version of the package.
    pub version: String,
    /// What is booted.
    pub image: PathBuf,
    /// Where its packages were unpacked.
    pub root: PathBuf,
}

/// Fetches the newest kernel of the suite, or takes the one that was fetched before.
///
/// # Errors
/// No mirror, no such package, or a signature or a sum that is wrong.
pub fn fetch(kernel: &Kernel) -> Result<Fetched> {
    let apt = Apt::new(kernel)?;
    apt.update()?;
    let packages = apt.packages(kernel)?;
    let (_, version) = packages.first().context("no packages")?;
    // Kernels of one version come in several packages.
    let name = format!("{}_{version}", kernel.package);
    let home = apt.home.join(name.replace(['/', ':'], "_"));
    let whole = home.join("whole");
    if !whole.exists() {
        // What an earlier run left half done.
        let _ = fs::remove_dir_all(&home);
        let root = home.join("root");
        fs::create_dir_all(&root).with_context(|| format!("making {}", root.display()))?;
        for (name, version) in &packages {
            apt.download(name, version, &home)?;
        }
        for package in debs(&home)? {
            command::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root))?;
            fs::remove_file(&package).with_context(|| format!("removing {}", package.display()))?;
        }
        fs::write(&whole, "").with_context(|| format!("writing {}", whole.display()))?;
    }
    let root = home.join("root");
    Ok(Fetched {
        version: version.clone(),
        image: image(&root)?,
        root,
    })
}

struct Apt {
    suite: &'static str,
    /// Debian's name of the architecture.
    arch: &'static str,
    home: PathBuf,
}

impl Apt {
    fn new(kernel: &Kernel) -> Result<Self> {
        let (suite, arch) = (kernel.suite, kernel.arch.debian);
        ensure!(
            command::find_program("apt-get").is_some(),
            "kernels are fetched by apt-get, which is not here"
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
        let file = home.join("sources.list");
        fs::write(&file, sources).with_context(|| format!("writing {}", file.display()))?;
        Ok(Self { suite, arch, home })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let mut option = |name: &str, value: &Path| {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        };
        option("Dir::Etc::SourceList", &self.home.join("sources.list"));
        option("Dir::Etc::SourceParts", Path::new("/dev/null"));
        option("Dir::State::Lists", &self.home.join("lists"));
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
        command::run(&mut command)
            .with_context(|| format!("the package lists of {}", self.suite))?;
        fs::write(&stamp, "").with_context(|| format!("writing {}", stamp.display()))
    }

    /// The kernel that the package stands for, as the packages that hold it, with their versions.
    fn packages(&self, kernel: &Kernel) -> Result<Vec<(String, String)>> {
        let meta = kernel.package;
        let image = self
            .depends(meta)?
            .into_iter()
            .find(|name| name.starts_with("linux-image-"))
            .with_context(|| format!("{meta} of {} depends on no kernel", self.suite))?;
        // Newer releases split it.
        let mut parts: Vec<String> = self.depends(&image)?;
        parts.retain(|name| {
            let is_modules = name.starts_with("linux-modules-") && !kernel.modules.is_empty();
            name.starts_with("linux-binary-") || is_modules
        });
        if parts.is_empty() {
            parts.push(image);
        }
        parts
            .into_iter()
            .map(|name| {
                let version = self.candidate(&name)?;
                Ok((name, version))
            })
            .collect()
    }

    fn depends(&self, package: &str) -> Result<Vec<String>> {
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

    fn candidate(&self, package: &str) -> Result<String> {
        let text = command::output(self.command("apt-cache").args(["policy", package]))?;
        text.lines()
            .find_map(|line| line.trim().strip_prefix("Candidate: "))
            .filter(|version| *version != "(none)")
            .map(str::to_owned)
            .with_context(|| format!("{} has no {package}", self.suite))
    }

    fn download(&self, name: &str, version: &str, into: &Path) -> Result<()> {
        let mut command = self.command("apt-get");
        command
            .args(["download", "--quiet=2", &format!("{name}={version}")])
            .current_dir(into);
        command::run(&mut command).with_context(|| format!("fetching {name} of {}", self.suite))
    }
}

/// The mirror that this machine gets its own Debian from.
fn mirror() -> Result<String> {
    const FORMAT: &str = "$(ORIGIN)|$(REPO_URI)|$(COMPONENT)|$(RELEASE)";
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", FORMAT, "Created-By: Packages"]);
    mirror_of(&command::output(&mut command)?).context(
        "apt has no source of Debian's own packages, so there is no mirror to get kernels from",
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

/// Where packages put it: `boot/vmlinuz-VERSION`, or `usr/lib/modules/VERSION/vmlinuz`.
fn image(root: &Path) -> Result<PathBuf> {
    let entries = |folder: PathBuf| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let in_boot = entries(root.join("boot")).filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz"))
    });
    let beside_modules = entries(root.join("usr/lib/modules")).map(|path| path.join("vmlinuz"));
    in_boot
        .chain(beside_modules)
        .find(|path| path.is_file())
        .with_context(|| format!("no kernel in {}", root.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_that_has_whole_releases() {
        let targets = "Else|http://e/x|main|stable\nDebian|http://m/security/|main|a-security\nDebian|http://m/debian/|contrib|a\nDebian|http://m/debian/|main|a\n";
        assert_eq!(mirror_of(targets).as_deref(), Some("http://m/debian/"));
        assert_eq!(mirror_of("Else|http://e/x|main|stable\n"), None);
    }

    #[test]
    fn kernels_are_found_where_packages_put_them() {
        let folder = tempfile::tempdir().unwrap();
        assert!(image(folder.path()).is_err());
        for place in [
            "usr/lib/modules/7.2-cloud/vmlinuz",
            "boot/vmlinuz-5.10-cloud",
        ] {
            let file = folder.path().join(place);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            assert_eq!(image(folder.path()).unwrap(), file);
        }
    }
}

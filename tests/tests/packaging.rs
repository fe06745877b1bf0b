//! What a release brings besides the program (`packaging/`): each file is read by the program that it
//! is for, and the scripts are run below a directory of their own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::{Ended, run};
use oomtrace_tests::tracer::program;
use tempfile::TempDir;

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging")
}

fn succeeds(command: &mut Command) -> Result<Ended> {
    let ended = run(command)?;
    ensure!(ended.code == 0, "{command:?}: {ended:?}");
    Ok(ended)
}

/// The crate that is published holds all that its build reads, and no tests.
#[test]
fn the_crate_is_whole() -> Result<()> {
    let mut list = Command::new(env!("CARGO"));
    list.args([
        "package",
        "--list",
        "--offline",
        "--allow-dirty",
        "--package",
        "oomtrace",
    ]);
    let ended = succeeds(list.current_dir(packaging().join("..")))?;
    let files: BTreeSet<&str> = ended.out.lines().collect();
    for file in [
        "Cargo.lock",
        "README.md",
        "bpf/oomtrace.bpf.o",
        "build.rs",
        "oomtrace.schema.json",
        "src/main.rs",
    ] {
        ensure!(files.contains(file), "no {file}: {files:?}");
    }
    ensure!(
        !files.iter().any(|file| file.starts_with("tests/")),
        "{files:?}"
    );
    Ok(())
}

/// The unit's score is at most 2.3 (of 10, which is worst).
#[test]
fn the_unit_is_hardened() -> Result<()> {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", "--threshold=23"]);
    succeeds(analyze.arg(packaging().join("systemd/oomtrace.service")))?;
    Ok(())
}

#[test]
fn systemd_understands_the_unit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let unit = fs::read_to_string(packaging().join("systemd/oomtrace.service"))?;
    // What it names must exist, and here neither manual nor program is installed.
    let unit = unit.replace("/usr/bin/oomtrace", &program()?.display().to_string());
    let unit: String = unit
        .lines()
        .filter(|line| !line.starts_with("Documentation="))
        .map(|line| format!("{line}\n"))
        .collect();
    let file = folder.path().join("oomtrace.service");
    fs::write(&file, unit)?;
    let ended = succeeds(Command::new("systemd-analyze").arg("verify").arg(&file))?;
    let ours: Vec<&str> = ended
        .complaint
        .lines()
        .filter(|line| line.contains("oomtrace.service"))
        .collect();
    ensure!(ours.is_empty(), "{ours:?}");
    Ok(())
}

/// systemd compiles the catalog, and it explains every kind of entry that is written.
#[test]
fn the_catalog_explains_every_entry() -> Result<()> {
    let source = packaging().join("../oomtrace/src/sinks/journald.rs");
    let is_id = |word: &str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let source = fs::read_to_string(source)?;
    let written: BTreeSet<&str> = source.split('"').filter(|word| is_id(word)).collect();
    let catalog = fs::read_to_string(packaging().join("systemd/oomtrace.catalog"))?;
    let explained = catalog.lines().filter_map(|line| line.strip_prefix("-- "));
    ensure!(written.len() == 5 && explained.collect::<BTreeSet<_>>() == written);
    let root = tempfile::tempdir()?;
    for folder in ["usr/lib/systemd/catalog", "var/lib/systemd/catalog"] {
        fs::create_dir_all(root.path().join(folder))?;
    }
    let place = root.path().join("usr/lib/systemd/catalog/oomtrace.catalog");
    fs::write(place, catalog)?;
    let mut update = Command::new("journalctl");
    update
        .arg("--update-catalog")
        .arg("--root")
        .arg(root.path());
    let ended = succeeds(&mut update)?;
    ensure!(ended.complaint.is_empty(), "{ended:?}");
    let database = root.path().join("var/lib/systemd/catalog/database");
    ensure!(database.metadata()?.len() > 1000);
    Ok(())
}

/// As it comes, and with every example and default that it shows switched on.
#[test]
fn the_configuration_can_be_used() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shipped = packaging().join("oomtrace.toml");
    let check = |file: &Path| -> Result<()> {
        succeeds(Command::new(program()?).args(["config", "check"]).arg(file))?;
        Ok(())
    };
    check(&shipped)?;
    let text = fs::read_to_string(&shipped)?;
    let all: String = text
        .lines()
        // "#key = value" and "#[[sink]]" are switched off, "# words" are a comment.
        .filter_map(|line| match line.strip_prefix('#') {
            Some(words) if words.starts_with(' ') => None,
            off_or_on => Some(format!("{}\n", off_or_on.unwrap_or(line))),
        })
        .collect();
    ensure!(all.matches("[[sink]]").count() == 4, "{all}");
    let file = folder.path().join("all.toml");
    fs::write(&file, all)?;
    check(&file)
}

#[test]
fn shells_find_nothing_in_the_scripts() -> Result<()> {
    let mut shellcheck = Command::new("shellcheck");
    for script in ["install.sh", "uninstall.sh"] {
        shellcheck.arg(packaging().join(script));
    }
    succeeds(&mut shellcheck)?;
    // OpenRC reads the variables that the script sets.
    let mut shellcheck = Command::new("shellcheck");
    shellcheck.args(["--shell=sh", "--exclude=SC2034"]);
    succeeds(shellcheck.arg(packaging().join("openrc/oomtrace")))?;
    Ok(())
}

/// An unpacked archive of a release.
fn unpacked() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    fs::copy(program()?, root.join("oomtrace"))?;
    for file in [
        "install.sh",
        "uninstall.sh",
        "oomtrace.toml",
        "systemd/oomtrace.service",
        "systemd/oomtrace.catalog",
        "openrc/oomtrace",
    ] {
        let target = root.join(file);
        fs::create_dir_all(target.parent().context("no folder")?)?;
        fs::copy(packaging().join(file), target)?;
    }
    succeeds(
        Command::new(program()?)
            .arg("man")
            .arg("--dir")
            .arg(root.join("man")),
    )?;
    fs::create_dir(root.join("completions"))?;
    for (shell, file) in [
        ("bash", "oomtrace.bash"),
        ("zsh", "_oomtrace"),
        ("fish", "oomtrace.fish"),
    ] {
        let script = succeeds(Command::new(program()?).args(["completions", shell]))?;
        fs::write(root.join("completions").join(file), script.out)?;
    }
    let sums = succeeds(
        Command::new("sh")
            .args(["-c", "find . -type f | xargs sha256sum"])
            .current_dir(root),
    )?;
    fs::write(root.join("SHA256SUMS"), sums.out)?;
    Ok(folder)
}

fn script(folder: &TempDir, name: &str, target: &TempDir) -> Command {
    let mut command = Command::new("sh");
    command.arg(folder.path().join(name));
    command.arg("--destdir").arg(target.path());
    command
}

/// Paths of the files below a directory, from there.
fn files(target: &TempDir) -> Result<Vec<String>> {
    let mut find = Command::new("find");
    find.args([".", "-mindepth", "1", "!", "-type", "d"]);
    let ended = succeeds(find.current_dir(target.path()))?;
    Ok(ended.out.lines().map(str::to_owned).collect())
}

#[test]
fn installed_files_go_again() -> Result<()> {
    let (archive, target) = (unpacked()?, tempfile::tempdir()?);
    let gone = target.path().join("usr/local/share/old");
    for _ in 0..2 {
        succeeds(&mut script(&archive, "install.sh", &target))?;
        // As if the first run had been of a version with one file more.
        ensure!(!gone.exists());
        let list = target.path().join("usr/local/share/oomtrace/installed");
        let more = fs::read_to_string(&list)? + "/usr/local/share/old\n";
        fs::write(&list, more)?;
        fs::write(&gone, "")?;
    }
    let binary = target.path().join("usr/local/bin/oomtrace");
    ensure!(binary.metadata()?.permissions().mode() & 0o777 == 0o755);
    succeeds(Command::new(&binary).arg("--version"))?;
    let unit = fs::read_to_string(target.path().join("etc/systemd/system/oomtrace.service"))?;
    ensure!(
        unit.contains("ExecStart=/usr/local/bin/oomtrace daemon"),
        "{unit}"
    );
    let all = files(&target)?;
    for part in [
        "man1/oomtrace-decode.1",
        "bash-completion/completions/oomtrace",
    ] {
        ensure!(
            all.iter().any(|path| path.ends_with(part)),
            "no {part}: {all:?}"
        );
    }
    succeeds(script(&archive, "uninstall.sh", &target).arg("--purge"))?;
    let left = files(&target)?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}

#[test]
fn a_changed_configuration_is_kept() -> Result<()> {
    let (archive, target) = (unpacked()?, tempfile::tempdir()?);
    let config = target.path().join("etc/oomtrace/oomtrace.toml");
    fs::create_dir_all(config.parent().context("no folder")?)?;
    fs::write(&config, "# mine\n")?;
    for _ in 0..2 {
        succeeds(&mut script(&archive, "install.sh", &target))?;
        ensure!(fs::read_to_string(&config)? == "# mine\n");
    }
    succeeds(script(&archive, "uninstall.sh", &target).arg("--purge"))?;
    ensure!(files(&target)? == ["./etc/oomtrace/oomtrace.toml"]);
    Ok(())
}

#[test]
fn a_damaged_archive_is_not_installed() -> Result<()> {
    let (archive, target) = (unpacked()?, tempfile::tempdir()?);
    fs::write(archive.path().join("oomtrace.toml"), "surprise")?;
    let ended = run(&mut script(&archive, "install.sh", &target))?;
    ensure!(
        ended.code == 1 && ended.complaint.contains("SHA256SUMS"),
        "{ended:?}"
    );
    ensure!(files(&target)?.is_empty());
    Ok(())
}

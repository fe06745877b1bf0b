//! `cargo xtask vm-test`: real kills on Debian's own kernels, in guests that QEMU runs.
//!
//! Each kernel of [`kernels`] is fetched by apt, boots into a file system of three programs (the tool,
//! the workload, and `oomtrace-guest-init`, which runs the scenes and compares each event with the
//! kernel's own report), and reports over a serial line. `oomtrace-guest-init` is the first
//! process, or a service of the systemd that is ([`systemd`]).

mod apt;
mod arch_build;
mod facts;
mod fetch;
mod frames;
mod guest;
mod initramfs;
mod kernels;
mod machine;
mod modules;
mod plan;
mod scenes;
mod store;
mod summary;
mod systemd;
mod table;
mod tally;
mod verdict;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use self::fetch::Fetched;
use self::frames::Report;
use self::guest::{Guest, Programs};
use self::kernels::{Kernel, WITHOUT_V1};
use self::machine::Ended;
use self::plan::{Cell, Extent, Setup};
use self::store::Store;
use self::verdict::{CANNOT_BE_HAD, Ran};
use crate::{command, packages, workspace};

/// What to run.
#[derive(Args)]
pub struct Arguments {
    /// Kernels (5.10, 6.1, …) and scenes (plain, global, …); all of a kind where none is named
    #[arg(value_name = "KERNEL|SCENE")]
    names: Vec<String>,
    /// Only the scenes that say most in little time
    #[arg(long, conflicts_with = "full")]
    smoke: bool,
    /// Every cell, and write docs/kernel-support.md
    #[arg(long)]
    full: bool,
    /// With --full: skip the scenes that this tool has passed before
    #[arg(long, requires = "full")]
    resume: bool,
    /// Run nothing: write docs/kernel-support.md from the scenes run by this tool so far
    #[arg(long, conflicts_with_all = ["smoke", "full"])]
    table: bool,
    /// Run no scene: write down each kernel's facts for the tests of the plan
    #[arg(long, conflicts_with_all = ["smoke", "full", "table"])]
    facts: bool,
    /// Use the processor's own virtualisation instead of emulating one
    #[arg(long)]
    kvm: bool,
}

impl Arguments {
    /// As `--smoke`.
    pub fn brief() -> Self {
        Self {
            names: Vec::new(),
            smoke: true,
            full: false,
            resume: false,
            table: false,
            facts: false,
            kvm: false,
        }
    }
}

/// Runs what was asked for, one guest at a time.
///
/// # Errors
/// Names the cells that failed, and the kernels that cannot be had.
pub fn run(arguments: &Arguments) -> Result<()> {
    let extent = if arguments.smoke {
        Extent::Smoke
    } else {
        Extent::Full
    };
    ensure!(
        !(arguments.full || arguments.table) || arguments.names.is_empty(),
        "the whole table is written, so there is nothing to name"
    );
    let cells = if arguments.facts {
        plan::bare(&arguments.names)?
    } else {
        plan::cells(&arguments.names, extent)?
    };
    let home = workspace::target().join("vm-test");
    fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
    let mut programs: Vec<Programs> = Vec::new();
    let mut all = Vec::new();
    for (kernel, cells) in &cells {
        if extent == Extent::Full && plan::is_without_v1(kernel, cells) {
            println!("{CANNOT_BE_HAD}  {} v1, hybrid: {WITHOUT_V1}", kernel.name);
        }
        let (fetched, guest) = match ready(kernel, &mut programs, &home) {
            Ok(ready) => ready,
            Err(error) => {
                for cell in cells {
                    let ran = Ran::unavailable(kernel, "", cell, format!("{error:#}"));
                    ran.print();
                    all.push(ran);
                }
                continue;
            }
        };
        for cell in cells {
            let place = home.join(format!(
                "{}-{}",
                kernel.name.replace('.', "_"),
                cell.hierarchy.name()
            ));
            let store = Store {
                folder: place.clone(),
                tool: guest.tool.clone(),
                version: fetched.version.clone(),
            };
            let judge = |cell: &Cell, ended: Ended| {
                let report = Report::parse(&ended.frames);
                Ran::new(kernel, &fetched.version, cell, ended, report)
            };
            let mut parts = Vec::new();
            let mut left = Vec::new();
            for scene in &cell.scenes {
                let one = cell.only(vec![*scene]);
                let kept = store
                    .kept(scene)
                    .filter(|_| arguments.resume || arguments.table);
                match kept.map(|ended| judge(&one, ended)).filter(Ran::is_good) {
                    Some(kept) => parts.push(kept),
                    None => left.push(*scene),
                }
            }
            let left = cell.only(left);
            if arguments.table {
                if !left.scenes.is_empty() {
                    let why = verdict::LEFT_OUT.to_owned();
                    let ended = Ended {
                        lost: Some(why),
                        ..Ended::default()
                    };
                    parts.push(judge(&left, ended));
                }
            } else if !left.scenes.is_empty() || cell.scenes.is_empty() {
                for (setup, part) in left.boots() {
                    let ended = boot(
                        (kernel, &fetched),
                        &part,
                        setup,
                        &guest,
                        &place,
                        arguments.kvm,
                    )?;
                    for scene in &part.scenes {
                        store.keep(scene, &ended)?;
                    }
                    parts.push(judge(&part, ended));
                }
            }
            let ran = Ran::joined(parts, cell).context("no boot")?;
            ran.print();
            all.push(ran);
        }
    }
    summary::print(&all);
    if arguments.full || arguments.table {
        table::write(&all)?;
    }
    if arguments.facts {
        facts::write(&all)?;
    }
    match summary::complaint(&all) {
        Some(complaint) => bail!(complaint),
        None => Ok(()),
    }
}

/// Why docs/kernel-support.md is not of this tree, if it is not.
pub fn stale_table() -> Option<String> {
    table::stale()
}

/// Everything that a guest with this kernel boots from; programs are built once an architecture.
fn ready(kernel: &Kernel, programs: &mut Vec<Programs>, home: &Path) -> Result<(Fetched, Guest)> {
    let arch = kernel.arch;
    if command::find_program(arch.qemu).is_none() {
        packages::install_now(&[arch.qemu_package], "booting guests")?;
    }
    let fetched = fetch::fetch(kernel)?;
    let modules = modules::of(&fetched.root, &kernel.modules)?;
    if !programs.iter().any(|built| built.arch == arch) {
        programs.push(Programs::build(arch)?);
    }
    let built = programs.iter().find(|built| built.arch == arch);
    let guest = Guest::new(home, built.context("no programs")?, &modules)?;
    Ok((fetched, guest))
}

fn boot(
    (kernel, fetched): (&'static Kernel, &Fetched),
    cell: &Cell,
    setup: Setup,
    guest: &Guest,
    logs: &Path,
    kvm: bool,
) -> Result<Ended> {
    println!(
        "== {} ({}), cgroup {}: {} scenes",
        kernel.name,
        fetched.version,
        cell.hierarchy.name(),
        cell.scenes.len()
    );
    let mut initramfs = guest.initramfs.clone();
    let mut logs = logs.to_owned();
    logs.as_mut_os_string().push(setup.suffix());
    if setup == Setup::Systemd {
        initramfs.set_extension("systemd.cpio");
        if let Err(error) = systemd::initramfs(kernel, &guest.initramfs, &initramfs) {
            return Ok(Ended {
                lost: Some(format!("its systemd cannot be had: {error:#}")),
                ..Ended::default()
            });
        }
    }
    machine::run(&machine::Boot {
        image: &fetched.image,
        guest,
        initramfs: &initramfs,
        setup,
        hierarchy: cell.hierarchy,
        scenes: &cell.scenes,
        seconds: plan::SCENE_SECONDS,
        kvm: kvm && kernel.arch.is_native(),
        logs,
    })
}

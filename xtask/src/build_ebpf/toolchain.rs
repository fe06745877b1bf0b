//! A compiler with the standard library's source, and the linker that fits its LLVM.
//!
//! rustup's nightly with rust-src where a developer has it; elsewhere Debian's `rustc-web`, which
//! brings both and is installed by apt. bpf-linker is built once against the compiler's LLVM and
//! kept in the user's cache.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{command, packages};

const LINKER_VERSION: &str = "0.13.0";

/// Everything that a build of the object takes.
pub struct Toolchain {
    /// The cargo to call.
    pub cargo: PathBuf,
    /// The compiler it is to use.
    pub rustc: PathBuf,
    /// Where the compiler's libraries and sources are.
    pub sysroot: PathBuf,
    /// Where dependencies' sources are.
    pub cargo_home: PathBuf,
    /// The strip of the compiler's LLVM.
    pub strip: PathBuf,
    linker_folder: PathBuf,
    version: String,
    llvm: String,
}

/// A compiler with sources, before its linker is looked for.
pub struct Compiler {
    /// The cargo to call.
    pub cargo: PathBuf,
    /// The compiler it is to use.
    pub rustc: PathBuf,
    sysroot: PathBuf,
    version: String,
    llvm: String,
}

impl Toolchain {
    /// The toolchain that `wanted` describes, if it is at hand; else the first that is; else
    /// Debian's, installed.
    ///
    /// # Errors
    /// None is there and none can be installed.
    pub fn find(wanted: Option<&str>) -> Result<Self> {
        with_linker(Compiler::find(wanted, "building the BPF object")?)
    }

    /// Compiler and linker in words, for the stamp.
    pub fn describe(&self) -> String {
        format!(
            "{}, bpf-linker {LINKER_VERSION}",
            describe(&self.version, &self.llvm)
        )
    }

    /// The search path with the linker on it.
    ///
    /// # Errors
    /// A folder's name holds a colon.
    pub fn path(&self) -> Result<OsString> {
        let old = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.linker_folder.clone()).chain(env::split_paths(&old));
        env::join_paths(folders).context("putting the linker on the search path")
    }
}

impl Compiler {
    /// The compiler that `wanted` describes, if it is at hand; else the first that is; else
    /// Debian's, installed.
    ///
    /// # Errors
    /// None is there and none can be installed.
    pub fn find(wanted: Option<&str>, purpose: &str) -> Result<Self> {
        let mut compilers: Vec<Self> = [nightly(), debian()].into_iter().flatten().collect();
        if compilers.is_empty() {
            packages::install_now(&["rustc-web", "cargo-web", "rust-web-src"], purpose)?;
            compilers.extend(debian());
        }
        let position = compilers
            .iter()
            .position(|compiler| {
                wanted.is_some_and(|text| {
                    text.starts_with(&describe(&compiler.version, &compiler.llvm))
                })
            })
            .unwrap_or(0);
        anyhow::ensure!(
            position < compilers.len(),
            "no compiler with the standard library's source: install rustup's nightly with rust-src, or rustc-web, cargo-web and rust-web-src"
        );
        Ok(compilers.swap_remove(position))
    }
}

fn describe(version: &str, llvm: &str) -> String {
    format!("{version}, LLVM {llvm}")
}

fn nightly() -> Option<Compiler> {
    let rustup = command::find_program("rustup")?;
    let which = |program: &str| -> Option<PathBuf> {
        let found = command::output(Command::new(&rustup).args([
            "which",
            "--toolchain",
            "nightly",
            program,
        ]));
        found.ok().map(|path| PathBuf::from(path.trim()))
    };
    compiler(which("cargo")?, which("rustc")?)
}

fn debian() -> Option<Compiler> {
    compiler(
        PathBuf::from("/usr/bin/cargo"),
        PathBuf::from("/usr/bin/rustc"),
    )
}

/// A compiler that can build `core` for another target.
fn compiler(cargo: PathBuf, rustc: PathBuf) -> Option<Compiler> {
    if !cargo.is_file() || !rustc.is_file() {
        return None;
    }
    let about = command::output(Command::new(&rustc).arg("-vV")).ok()?;
    let line = |key: &str| {
        about
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .map(str::to_owned)
    };
    let sysroot = command::output(Command::new(&rustc).args(["--print", "sysroot"])).ok()?;
    let sysroot = PathBuf::from(sysroot.trim());
    if !sysroot
        .join("lib/rustlib/src/rust/library/core/src/lib.rs")
        .is_file()
    {
        return None;
    }
    Some(Compiler {
        version: about.lines().next()?.to_owned(),
        llvm: line("LLVM version: ")?,
        cargo,
        rustc,
        sysroot,
    })
}

fn with_linker(compiler: Compiler) -> Result<Toolchain> {
    let major = compiler
        .llvm
        .split('.')
        .next()
        .unwrap_or_default()
        .to_owned();
    let llvm = PathBuf::from(format!("/usr/lib/llvm-{major}"));
    if !llvm.join("bin/llvm-strip").is_file() || !llvm.join("include/llvm-c/Core.h").is_file() {
        let package = format!("llvm-{major}-dev");
        packages::install_now(&[&package], "building bpf-linker")?;
    }
    let folder = cache()?.join(format!(
        "bpf-linker-{LINKER_VERSION}-llvm-{}",
        compiler.llvm
    ));
    let linker = folder.join("bin/bpf-linker");
    if !linker.is_file() {
        build_linker(&folder, &llvm, &major)?;
    }
    let about = command::output(Command::new(&linker).arg("--version"))?;
    anyhow::ensure!(
        about.contains(LINKER_VERSION),
        "{} says it is `{}`; remove {} to have {LINKER_VERSION} built",
        linker.display(),
        about.trim(),
        folder.display()
    );
    Ok(Toolchain {
        cargo: compiler.cargo,
        rustc: compiler.rustc,
        sysroot: compiler.sysroot,
        cargo_home: home("CARGO_HOME", ".cargo")?,
        strip: llvm.join("bin/llvm-strip"),
        linker_folder: folder.join("bin"),
        version: compiler.version,
        llvm: compiler.llvm,
    })
}

fn build_linker(folder: &Path, llvm: &Path, major: &str) -> Result<()> {
    println!("building bpf-linker {LINKER_VERSION} for LLVM {major} (once)");
    command::run(
        command::cargo()
            .args([
                "install",
                "bpf-linker",
                "--locked",
                "--quiet",
                "--no-default-features",
            ])
            .args(["--version", LINKER_VERSION])
            .arg("--features")
            .arg(format!("llvm-{major}"))
            .arg("--root")
            .arg(folder)
            .env("LLVM_PREFIX", llvm),
    )
}

/// Where tools that take minutes to build are kept.
fn cache() -> Result<PathBuf> {
    Ok(home("XDG_CACHE_HOME", ".cache")?.join("oomtrace"))
}

fn home(variable: &str, below_home: &str) -> Result<PathBuf> {
    if let Some(folder) = env::var_os(variable) {
        return Ok(PathBuf::from(folder));
    }
    let home = env::var_os("HOME").context("neither HOME nor the folder's own variable is set")?;
    Ok(PathBuf::from(home).join(below_home))
}

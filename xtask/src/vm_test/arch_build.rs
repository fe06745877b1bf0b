//! Builds the guests' programs, for this machine's architecture or another one.
//!
//! A toolchain that has the other architecture's standard library (`rustup target add`) builds for it
//! like for its own. Where it has not, and no more can be had than what Debian packages, the library
//! is built along with the programs, from the sources that the BPF object needs too.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::kernels::Arch;
use crate::build_ebpf::Compiler;
use crate::{command, packages, workspace};

const PROFILE: &str = "guest";

/// Builds them; the folder that they lie in.
///
/// # Errors
/// A build fails, or a tool cannot be had.
pub fn build(arch: &Arch) -> Result<PathBuf> {
    let folder = workspace::target();
    let mut cargo = if arch.is_native() || has_std(arch) {
        command::cargo()
    } else {
        with_std(arch)?
    };
    cargo.args(["build", "--locked", "--bins", "--profile", PROFILE]);
    cargo
        .args(["--target", arch.target])
        .arg("--target-dir")
        .arg(&folder);
    cargo.args(["--package", "oomtrace", "--package", "oomtrace-tests"]);
    // Inherited from a shell, another object would be tested than the one that users get.
    cargo.env_remove("OOMTRACE_BPF_OBJECT");
    // A guest has no libraries.
    let mut flags = "-C target-feature=+crt-static".to_owned();
    if !arch.is_native() {
        if command::find_program(arch.linker).is_none() {
            packages::install_now(&arch.cross_packages, "building for another architecture")?;
        }
        flags = format!("{flags} -C linker={}", arch.linker);
    }
    cargo.env("RUSTFLAGS", flags);
    command::run(&mut cargo)?;
    let built = folder.join(arch.target).join(PROFILE);
    ensure!(built.is_dir(), "{} was not built", built.display());
    if arch.is_native() {
        errors_are_printed(&built.join("oomtrace"))?;
    }
    Ok(built)
}

/// Checks that a statically linked oomtrace prints its errors where backtraces are asked for: it has
/// no tables to walk the stack by, and the attempt would abort it.
fn errors_are_printed(program: &Path) -> Result<()> {
    let mut oomtrace = Command::new(program);
    oomtrace.args(["decode", "/nonexistent"]);
    oomtrace.env("RUST_BACKTRACE", "1");
    oomtrace.env_remove("RUST_LIB_BACKTRACE");
    let output = oomtrace.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1) && said.contains("/nonexistent does not exist"),
        "with RUST_BACKTRACE=1, {} ends with {} and says {said:?}",
        program.display(),
        output.status
    );
    Ok(())
}

/// Whether the compiler that builds this workspace has the standard library for it.
fn has_std(arch: &Arch) -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", arch.target]);
    command::output(&mut rustc).is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// A cargo that builds the standard library as well.
fn with_std(arch: &Arch) -> Result<Command> {
    let purpose = format!("building for {}", arch.name);
    let compiler = Compiler::find(None, &purpose)?;
    let mut cargo = Command::new(compiler.cargo);
    cargo.current_dir(workspace::root());
    cargo.arg("-Zbuild-std=std,panic_abort");
    cargo
        .env("RUSTC", compiler.rustc)
        .env("RUSTC_BOOTSTRAP", "1");
    // This runs under another cargo, whose choices must not leak into this build.
    cargo.env_remove("RUSTUP_TOOLCHAIN");
    Ok(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm_test::kernels::ARCHES;

    #[test]
    fn this_machine_has_its_own_standard_library() {
        for arch in ARCHES.iter().filter(|arch| arch.is_native()) {
            assert!(has_std(arch));
        }
        let nowhere = Arch {
            target: "no-such-target",
            ..ARCHES[0].clone()
        };
        assert!(!has_std(&nowhere));
    }
}

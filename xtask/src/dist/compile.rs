//! The static binaries: position-independent, without a loader, at most 4 MiB.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command;

/// Largest static binary, in bytes.
pub const BINARY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A processor architecture that is released, by its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arch {
    /// Rust, the kernel and RPM.
    pub name: &'static str,
    /// Debian and container images.
    pub debian: &'static str,
    /// `e_machine` of its ELF files.
    machine: u16,
}

/// All of them.
pub const ARCHES: [Arch; 2] = [
    Arch {
        name: "x86_64",
        debian: "amd64",
        machine: 62,
    },
    Arch {
        name: "aarch64",
        debian: "arm64",
        machine: 183,
    },
];

impl Arch {
    fn target(self) -> String {
        format!("{}-unknown-linux-musl", self.name)
    }

    /// This machine runs its binaries.
    pub fn is_here(self) -> bool {
        self.name == std::env::consts::ARCH
    }
}

/// Builds the static binary of the sources in `root`, and checks it.
///
/// rust-lld links it, with the C library of the toolchain, so nothing of this machine gets in.
///
/// # Errors
/// The target is not installed, the build fails, or the binary is not what it should be.
pub fn compile(root: &Path, target_folder: &Path, arch: Arch) -> Result<Vec<u8>> {
    let target = arch.target();
    let mut cargo = command::cargo();
    cargo.current_dir(root);
    cargo.args(["build", "--locked", "--release", "--package", "oomtrace"]);
    cargo.args(["--target", &target, "--target-dir"]);
    cargo.arg(target_folder);
    let variable = target.to_uppercase().replace('-', "_");
    cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), "rust-lld");
    // Paths of this machine would be in messages of panics.
    let mut flags = vec![format!("--remap-path-prefix={}=/oomtrace", root.display())];
    if let Some(home) = cargo_home() {
        flags.push(format!("--remap-path-prefix={home}=/cargo"));
    }
    if arch.name == "aarch64" {
        flags.extend(position_independent(root, &target)?);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    cargo.env_remove("OOMTRACE_BPF_OBJECT");
    command::run(&mut cargo)
        .with_context(|| format!("needs the target: rustup target add {target}"))?;
    let file = target_folder.join(target).join("release/oomtrace");
    let binary = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    check(&binary, arch).with_context(|| file.display().to_string())?;
    Ok(binary)
}

/// Options that make rustc's binary of a target position-independent: it does so of its own accord on
/// x86-64 only, though the toolchain has what the linker needs, `rcrt1.o`, for every target with musl.
fn position_independent(root: &Path, target: &str) -> Result<Vec<String>> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "sysroot"]).current_dir(root);
    let sysroot = command::output(&mut rustc)?;
    let library = format!("{}/lib/rustlib/{target}/lib/self-contained", sysroot.trim());
    Ok([
        "-Clink-self-contained=no",
        "-Clink-arg=-pie",
        "-Clink-arg=--no-dynamic-linker",
        "-Clink-arg=-ztext",
        &format!("-Clink-arg={library}/rcrt1.o"),
        &format!("-Clink-arg=-L{library}"),
    ]
    .map(str::to_owned)
    .to_vec())
}

fn cargo_home() -> Option<String> {
    std::env::var("CARGO_HOME")
        .ok()
        .or_else(|| Some(format!("{}/.cargo", std::env::var("HOME").ok()?)))
}

/// A position-independent ELF file of the architecture that needs no loader, small enough.
fn check(binary: &[u8], arch: Arch) -> Result<()> {
    ensure!(
        binary.len() <= BINARY_BYTES_MAX,
        "{} bytes, more than {BINARY_BYTES_MAX}",
        binary.len()
    );
    let half = |at: usize| -> Option<u16> {
        Some(u16::from_le_bytes(binary.get(at..at + 2)?.try_into().ok()?))
    };
    ensure!(binary.starts_with(b"\x7fELF\x02\x01"), "no 64-bit ELF file");
    ensure!(half(16) == Some(3), "not position-independent");
    ensure!(half(18) == Some(arch.machine), "of another architecture");
    let headers = binary.get(32..40).and_then(|bytes| bytes.try_into().ok());
    let start = usize::try_from(u64::from_le_bytes(headers.context("cut")?))?;
    let (size, count) = (half(54).context("cut")?, half(56).context("cut")?);
    for header in 0..usize::from(count) {
        let kind = half(start + header * usize::from(size)).context("cut")?;
        ensure!(kind != 3, "asks for a loader: it is not static");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_refused() {
        let myself = fs::read("/proc/self/exe").unwrap();
        let here = ARCHES.into_iter().find(|arch| arch.is_here()).unwrap();
        let error = check(myself.get(..4096).unwrap(), here).unwrap_err();
        assert!(error.to_string().contains("not static"), "{error}");
    }

    #[test]
    fn a_large_binary_is_refused() {
        let error = check(&vec![0; BINARY_BYTES_MAX + 1], ARCHES[0]).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}

//! Packs what is embedded: the JSON Schema, and the BPF object (the committed one, or the one that
//! the tests of a freshly built object name in `OOMTRACE_BPF_OBJECT`).

use std::path::{Path, PathBuf};
use std::process::exit;
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    if let Err(error) = prepare() {
        exit(error.raw_os_error().unwrap_or(1));
    }
}

fn prepare() -> io::Result<()> {
    // Of this run, not of the compilation: a target directory may have been copied.
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    let committed = here.join("bpf/oomtrace.bpf.o");
    let object = env::var_os("OOMTRACE_BPF_OBJECT").map_or(committed, PathBuf::from);
    let schema = here.join("oomtrace.schema.json");
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    pack(&object, &out.join("oomtrace.bpf.o.gz"))?;
    pack(&schema, &out.join("schema.json.gz"))?;
    // `cargo:` lines on standard output are how a build script speaks.
    let mut lines = format!(
        "cargo:rerun-if-changed={0}\ncargo:rerun-if-changed={1}\ncargo:rerun-if-env-changed=OOMTRACE_BPF_OBJECT\n",
        object.display(),
        schema.display(),
    );
    // Cargo tells a build script the profile that its own is derived from, but not how that panics.
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        lines.push_str(&without_unwinding(&out)?);
    }
    io::Write::write_all(&mut io::stdout(), lines.as_bytes())
}

/// Makes the linker leave out what only unwinding needs: in a release a panic aborts.
///
/// The driver of a compiler, such as gcc, hands on what follows `-Wl,`. It is told to leave out the
/// index for unwinding at run time; `.eh_frame`, by which debuggers walk a stack, stays. Where cargo
/// was told of `rust-lld` or `ld.lld` (as for the static binaries of a release) no driver knows that
/// option, and the tables themselves go, half a MiB.
fn without_unwinding(out: &Path) -> io::Result<String> {
    let linker = env::var_os("RUSTC_LINKER").map(PathBuf::from);
    let is_lld = linker
        .as_deref()
        .and_then(Path::file_name)
        .is_some_and(|name| name.to_string_lossy().contains("lld"));
    if !is_lld {
        return Ok("cargo:rustc-link-arg-bins=-Wl,--no-eh-frame-hdr\n".to_owned());
    }
    let script = out.join("no-unwinding.ld");
    fs::write(
        &script,
        "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table*) } } INSERT AFTER .text;\n",
    )?;
    Ok(format!("cargo:rustc-link-arg-bins={}\n", script.display()))
}

fn pack(file: &Path, packed: &Path) -> io::Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    io::Write::write_all(&mut encoder, &fs::read(file)?)?;
    fs::write(packed, encoder.finish()?)
}

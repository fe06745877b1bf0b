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
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
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
    // In a release a panic aborts and names of functions are stripped, so the index for unwinding at
    // run time is 47 KB for nothing. Debuggers use `.eh_frame`, which stays. (Cargo tells a build
    // script the profile that its own is derived from, but not how that panics.)
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        let prefix = if linker_is_a_compiler() { "-Wl," } else { "" };
        lines.push_str(&format!(
            "cargo:rustc-link-arg-bins={prefix}--no-eh-frame-hdr\n"
        ));
    }
    io::Write::write_all(&mut io::stdout(), lines.as_bytes())
}

/// Whether the linker is a compiler's driver, which hands on only what follows `-Wl,`: it is unless
/// cargo was told of one that is a linker itself, such as `rust-lld` or `ld.lld`.
fn linker_is_a_compiler() -> bool {
    let Some(linker) = env::var_os("RUSTC_LINKER").map(PathBuf::from) else {
        return true;
    };
    let name = linker.file_name().unwrap_or_default().to_string_lossy();
    !(name == "ld" || name.ends_with("-ld") || name.contains("lld") || name.starts_with("ld."))
}

fn pack(file: &Path, packed: &Path) -> io::Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    io::Write::write_all(&mut encoder, &fs::read(file)?)?;
    fs::write(packed, encoder.finish()?)
}

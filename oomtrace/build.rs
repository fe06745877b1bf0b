//! Tells the compiler which BPF object to embed: the committed one, or the one that the tests of a
//! freshly built object name in `OOMTRACE_BPF_OBJECT`.

use std::{env, path::PathBuf};

fn main() {
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("bpf/oomtrace.bpf.o");
    let object = env::var_os("OOMTRACE_BPF_OBJECT").map_or(committed, PathBuf::from);
    // `cargo:` lines on standard output are how a build script speaks.
    let lines = format!(
        "cargo:rustc-env=OOMTRACE_BPF_OBJECT={0}\ncargo:rerun-if-changed={0}\ncargo:rerun-if-env-changed=OOMTRACE_BPF_OBJECT\n",
        object.display()
    );
    std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes())
        .unwrap_or_else(|error| std::process::exit(error.raw_os_error().unwrap_or(1)));
}

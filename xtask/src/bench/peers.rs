//! The programs that are measured: oomtrace, and what people use today.

use std::path::Path;

use super::tracer::Recipe;
use crate::command;

/// Runs a program with tracefs at hand. Where it is not mounted it is mounted for this program
/// alone, so that nothing is left behind. `exec` keeps the process id.
const WITH_TRACEFS: &str = r#"
for place in debug:debugfs tracing:tracefs; do
    folder=/sys/kernel/${place%%:*}
    mountpoint -q "$folder" || mount -t "${place##*:}" none "$folder"
done
exec "$@""#;

/// oomtrace itself.
pub fn oomtrace(binary: &Path) -> Recipe {
    Recipe {
        name: "oomtrace",
        command: vec![binary.display().to_string(), "trace".to_owned()],
        ready: "oomtrace: tracing",
    }
}

/// bpftrace with the shortest program that says who was marked as a victim. BEGIN runs when
/// everything is compiled and loaded.
pub fn bpftrace() -> Recipe {
    let program = "BEGIN { printf(\"ready\\n\"); } \
        tracepoint:oom:mark_victim { printf(\"%d %s\\n\", args->pid, comm); }";
    with_tracefs(
        "bpftrace one-liner",
        &["bpftrace", "-B", "none", "-e", program],
        "ready",
    )
}

/// oomkill of libbpf-tools. It writes through a block buffer unless asked not to.
pub fn oomkill() -> Recipe {
    let program = command::find_program("oomkill");
    let program = program.map_or_else(|| "oomkill".to_owned(), |path| path.display().to_string());
    with_tracefs(
        "libbpf-tools oomkill",
        &["stdbuf", "-oL", &program],
        "Tracing OOM kills",
    )
}

fn with_tracefs(name: &'static str, program: &[&str], ready: &'static str) -> Recipe {
    let wrapper = ["unshare", "--mount", "sh", "-c", WITH_TRACEFS, "sh"];
    let command = wrapper
        .iter()
        .chain(program)
        .map(|word| (*word).to_owned())
        .collect();
    Recipe {
        name,
        command,
        ready,
    }
}

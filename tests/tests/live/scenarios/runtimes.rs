//! Language runtimes, and what they were told.

use std::path::{Path, PathBuf};

use anyhow::Result;
use oomtrace_tests::compare::Rss;
use oomtrace_tests::stage::Kill;
use oomtrace_tests::{Stage, image};

use super::{Scenario, THREADED, program, python, scenario};

const NODE: &str = "/usr/bin/node";
/// Objects of the heap.
const NODE_HEAP: &str = "const k=[];for(;;)k.push(new Array(1000).fill({a:k.length}))";
/// Memory outside of it.
const NODE_BUFFERS: &str = "const k=[];for(;;)k.push(Buffer.alloc(1<<20,1))";

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario(
        "jvm heap",
        "heap_cap_above_limit",
        &["anon_filled"],
        &["-Xmx lets the heap grow to 512 MiB"],
        |stage| java(stage, 96, &["-Xmx512m", "HeapHog"], &[]),
    ),
    scenario(
        "jvm heap by variable",
        "heap_cap_above_limit",
        &["anon_filled"],
        &["512 MiB"],
        |stage| {
            java(
                stage,
                96,
                &["HeapHog"],
                &[("JAVA_TOOL_OPTIONS", "-Xmx512m")],
            )
        },
    ),
    scenario(
        "jvm heap by share",
        "heap_share_of_limit",
        &[],
        &["100 % of the memory it sees"],
        |stage| {
            java(
                stage,
                256,
                &["-XX:MaxRAMPercentage=100", "-XX:MaxRAM=256m", "DirectHog"],
                &[],
            )
        },
    ),
    scenario(
        "jvm that does not see its limit",
        "heap_cap_above_limit",
        &["anon_filled"],
        &[
            "does not know of its 96 MiB limit",
            "because -XX:-UseContainerSupport",
        ],
        |stage| java(stage, 96, &["-XX:-UseContainerSupport", "HeapHog"], &[]),
    ),
    scenario(
        "jvm metaspace",
        "heap_cap_is_not_process_cap",
        &["memory_outside_heap"],
        &["metaspace"],
        |stage| java(stage, 128, &["-Xmx32m", "MetaspaceHog"], &[]),
    )
    .without("runtime.jvm", "heap_cap_is_not_process_cap"),
    scenario(
        "jvm threads",
        "many_threads",
        &["heap_cap_is_not_process_cap"],
        &["threads, whose stacks"],
        |stage| java(stage, 128, &["-Xmx32m", "-Xss1m", "ThreadHog"], &[]),
    ),
    scenario(
        "jvm direct",
        "configured_cap_above_limit",
        &["heap_cap_is_not_process_cap"],
        &["direct buffers of 1 GiB"],
        |stage| {
            java(
                stage,
                128,
                &["-Xmx32m", "-XX:MaxDirectMemorySize=1g", "DirectHog"],
                &[],
            )
        },
    ),
    scenario(
        "jvm sum of caps",
        "configured_caps_exceed_limit",
        &["heap_cap_is_not_process_cap"],
        &["add up to 192 MiB"],
        |stage| {
            java(
                stage,
                128,
                &["-Xmx80m", "-XX:MaxDirectMemorySize=112m", "DirectHog"],
                &[],
            )
        },
    ),
    scenario(
        "jvm direct by default",
        "memory_outside_heap",
        &["heap_cap_is_not_process_cap"],
        &["were elsewhere"],
        |stage| java(stage, 72, &["-Xmx64m", "DirectHog"], &[]),
    )
    .without("runtime.jvm", "anon_filled"),
    scenario(
        "node by default",
        "node_default_heap",
        &["anon_filled"],
        &["259 MiB"],
        |stage| node(stage, 96, &["-e", NODE_HEAP], &[]),
    ),
    scenario(
        "node heap by variable",
        "heap_cap_above_limit",
        &[],
        &["512 MiB"],
        |stage| {
            node(
                stage,
                96,
                &["-e", NODE_HEAP],
                &[("NODE_OPTIONS", "--max-old-space-size=512")],
            )
        },
    ),
    scenario(
        "node buffers",
        "heap_cap_is_not_process_cap",
        &[],
        &["Buffers"],
        |stage| {
            node(
                stage,
                128,
                &["--max-old-space-size=40", "-e", NODE_BUFFERS],
                &[],
            )
        },
    ),
    scenario("python", "anon_filled", &[], &["python3"], |stage| {
        python(stage, 48, "k=[]\nwhile True: k.append(bytearray(1<<16))")
    }),
    // No compiler of Go is at hand: a program that is told as Go's are.
    scenario(
        "GOMEMLIMIT",
        "configured_cap_above_limit",
        &["anon_filled"],
        &["GOMEMLIMIT lets the program grow to 1 GiB"],
        |stage| {
            let workload = oomtrace_tests::process::program()?;
            let workload = workload.to_string_lossy();
            program(
                stage,
                32,
                &[&workload, "anon", "64"],
                &[("GOMEMLIMIT", "1GiB")],
                Rss::Exact,
            )
        },
    ),
];

fn node(stage: &Stage, mib: u64, words: &[&str], environ: &[(&str, &str)]) -> Result<Kill> {
    let mut all = vec![NODE];
    all.extend(words);
    program(stage, mib, &all, environ, THREADED)
}

/// The collector that JVMs in small containers have.
fn java(stage: &Stage, mib: u64, words: &[&str], environ: &[(&str, &str)]) -> Result<Kill> {
    let classes = classes()?;
    let classes = classes.to_string_lossy();
    let mut all = vec!["/usr/bin/java", "-XX:+UseSerialGC", "-cp", &classes];
    all.extend(words);
    program(stage, mib, &all, environ, THREADED)
}

fn classes() -> Result<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    image::classes(Path::new(env!("CARGO_TARGET_TMPDIR")), &fixtures)
}

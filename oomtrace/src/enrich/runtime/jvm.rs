//! Options of a Java virtual machine.

use super::size;
use super::start::Start;
use crate::model::{Bytes, Runtime};
use crate::redact::environ;

/// Main classes that say what runs on the JVM.
const APPLICATIONS: [(&str, &str); 6] = [
    ("org.elasticsearch.", "elasticsearch"),
    ("org.opensearch.", "opensearch"),
    ("kafka.Kafka", "kafka"),
    ("org.apache.cassandra.", "cassandra"),
    ("org.apache.zookeeper.", "zookeeper"),
    ("org.logstash.", "logstash"),
];

/// A JVM under another name (jsvc, a renamed launcher): only with options no other program has.
pub(super) fn is_one(options: &[String]) -> bool {
    let has = |wanted: fn(&str) -> bool| options.iter().any(|arg| wanted(arg));
    has(|arg| arg.starts_with("-XX:") || amount(arg, "-Xmx").is_some())
        && has(|arg| arg == "-jar" || arg == "-cp" || arg == "-classpath" || arg.starts_with("-D"))
}

/// The last of several equal options wins, as in the JVM: those of `JAVA_TOOL_OPTIONS` and
/// `JDK_JAVA_OPTIONS` come before the command line, those of `_JAVA_OPTIONS` after it.
pub(super) fn read(start: &Start<'_>, runtime: &mut Runtime) {
    let mut seen = Seen(Vec::new());
    let [tool, launcher, last] = environ::JVM;
    variable(start, tool, runtime, &mut seen);
    variable(start, launcher, runtime, &mut seen);
    command_line(start.options(), runtime, &mut seen);
    variable(start, last, runtime, &mut seen);
    runtime.basis = seen.0.into_iter().map(|(_, from)| from).collect();
}

/// The options that count, each with the name under which a later one replaces it.
struct Seen(Vec<(&'static str, String)>);

impl Seen {
    fn take(&mut self, arg: &str, variable: Option<&str>, runtime: &mut Runtime) {
        let Some(option) = option(arg, runtime) else {
            return;
        };
        self.0.retain(|(other, _)| *other != option);
        let from = match variable {
            Some(name) => [name, ": ", arg].concat(),
            None => arg.to_owned(),
        };
        self.0.push((option, from));
    }
}

fn variable(start: &Start<'_>, name: &str, runtime: &mut Runtime, seen: &mut Seen) {
    for arg in start.variable(name).unwrap_or_default().split_whitespace() {
        seen.take(arg, Some(name), runtime);
    }
}

/// What follows the main class or the archive belongs to the application.
fn command_line(args: &[String], runtime: &mut Runtime, seen: &mut Seen) {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if !arg.starts_with('-') {
            // `@file` holds further options that cannot be seen from here.
            if arg.starts_with('@') {
                continue;
            }
            runtime.application = application(arg);
            break;
        }
        match arg.as_str() {
            "-m" | "--module" => {
                runtime.application = args
                    .next()
                    .and_then(|module| application(module.rsplit('/').next().unwrap_or(module)));
                break;
            }
            "-jar" => break,
            "-cp"
            | "-classpath"
            | "--class-path"
            | "-p"
            | "--module-path"
            | "--add-modules"
            | "--add-opens"
            | "--add-exports"
            | "--add-reads"
            | "--limit-modules"
            | "--upgrade-module-path"
            | "--patch-module"
            | "--source" => {
                args.next();
            }
            arg => seen.take(arg, None, runtime),
        }
    }
}

fn application(class: &str) -> Option<String> {
    APPLICATIONS
        .iter()
        .find(|(prefix, _)| class.starts_with(prefix))
        .map(|(_, name)| (*name).to_owned())
}

/// Takes one option; the name under which later ones replace it.
fn option(arg: &str, runtime: &mut Runtime) -> Option<&'static str> {
    let sizes = [
        ("heap", "-Xmx", &mut runtime.max_heap_bytes),
        ("stack", "-Xss", &mut runtime.thread_stack_bytes),
        (
            "direct",
            "-XX:MaxDirectMemorySize=",
            &mut runtime.max_direct_bytes,
        ),
        (
            "metaspace",
            "-XX:MaxMetaspaceSize=",
            &mut runtime.max_metaspace_bytes,
        ),
    ];
    for (name, prefix, slot) in sizes {
        if let Some(bytes) = amount(arg, prefix) {
            *slot = Some(bytes);
            return Some(name);
        }
    }
    if let Some(bytes) = amount(arg, "-XX:MaxHeapSize=") {
        runtime.max_heap_bytes = Some(bytes);
        return Some("heap");
    }
    let percent: f64 = arg.strip_prefix("-XX:MaxRAMPercentage=")?.parse().ok()?;
    if !(0.0..=100.0).contains(&percent) {
        return None;
    }
    runtime.max_ram_percent = Some(percent);
    Some("percent")
}

/// `-Xmx128m`: bytes, or with k, m, g, t in either case; multiples of 1024.
fn amount(arg: &str, prefix: &str) -> Option<Bytes> {
    size::parse(arg.strip_prefix(prefix)?, 0, size::LETTERS)
}

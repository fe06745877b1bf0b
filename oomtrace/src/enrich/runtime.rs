//! What the victim's language runtime was told about memory, from its (masked) command line.
//! Pure.
//!
//! Options can also come from the environment (`_JAVA_OPTIONS`, `NODE_OPTIONS`) and from files
//! (`@file`); these are not seen here, which is why `runtime.from` names what was.

use crate::model::{Bytes, Runtime, RuntimeKind};

/// Which runtime a process is, and its own memory limits; `None` if it is none that is known.
#[must_use]
pub fn from_cmdline(comm: Option<&str>, cmdline: Option<&[String]>) -> Option<Runtime> {
    let args = cmdline.unwrap_or_default();
    let kind = kind(comm, args)?;
    let mut runtime = Runtime {
        kind,
        max_heap_bytes: None,
        max_ram_percent: None,
        max_direct_bytes: None,
        max_metaspace_bytes: None,
        thread_stack_bytes: None,
        from: Vec::new(),
    };
    let options = args.get(1..).unwrap_or_default();
    match kind {
        RuntimeKind::Jvm => jvm(options, &mut runtime),
        RuntimeKind::Node => node(options, &mut runtime),
        RuntimeKind::Go | RuntimeKind::Python | RuntimeKind::Dotnet => {}
    }
    Some(runtime)
}

fn kind(comm: Option<&str>, args: &[String]) -> Option<RuntimeKind> {
    let program = args
        .first()
        .map(|arg| arg.rsplit('/').next().unwrap_or(arg))
        .filter(|name| !name.is_empty());
    // The command line says what was started; the name of a task can be that of any thread.
    match program.or(comm)? {
        "java" | "javaw" => Some(RuntimeKind::Jvm),
        "node" | "nodejs" => Some(RuntimeKind::Node),
        "dotnet" => Some(RuntimeKind::Dotnet),
        name if is_python(name) => Some(RuntimeKind::Python),
        _ if comm == Some("java") || looks_like_jvm(args) => Some(RuntimeKind::Jvm),
        _ if comm == Some("node") => Some(RuntimeKind::Node),
        _ => None,
    }
}

/// `python`, `python3`, `python3.12`.
fn is_python(name: &str) -> bool {
    name.strip_prefix("python")
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// A JVM under another name (jsvc, a renamed launcher): only with options no other program has.
fn looks_like_jvm(args: &[String]) -> bool {
    let options = args.get(1..).unwrap_or_default();
    let has = |wanted: fn(&str) -> bool| options.iter().any(|arg| wanted(arg));
    has(|arg| arg.starts_with("-XX:") || (arg.starts_with("-Xmx") && size(arg, "-Xmx").is_some()))
        && has(|arg| arg == "-jar" || arg == "-cp" || arg == "-classpath" || arg.starts_with("-D"))
}

/// The last of several equal options wins, as in the JVM. What follows the main class or the
/// archive belongs to the application.
fn jvm(args: &[String], runtime: &mut Runtime) {
    let mut seen = Vec::new();
    let mut skip = false;
    for arg in args {
        if std::mem::take(&mut skip) {
            continue;
        }
        if !arg.starts_with('-') {
            // `@file` holds further options that cannot be seen from here.
            if arg.starts_with('@') {
                continue;
            }
            break;
        }
        match arg.as_str() {
            "-jar" | "-m" | "--module" => break,
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
            | "--source" => skip = true,
            _ => {
                if let Some(option) = jvm_option(arg, runtime) {
                    seen.retain(|(other, _)| *other != option);
                    seen.push((option, arg.clone()));
                }
            }
        }
    }
    runtime.from = seen.into_iter().map(|(_, arg)| arg).collect();
}

/// Takes one option; the name under which later ones replace it.
fn jvm_option(arg: &str, runtime: &mut Runtime) -> Option<&'static str> {
    type Slot = fn(&mut Runtime) -> &mut Option<Bytes>;
    const SIZES: [(&str, &str, Slot); 5] = [
        ("heap", "-Xmx", |runtime| &mut runtime.max_heap_bytes),
        ("heap", "-XX:MaxHeapSize=", |runtime| {
            &mut runtime.max_heap_bytes
        }),
        ("stack", "-Xss", |runtime| &mut runtime.thread_stack_bytes),
        ("direct", "-XX:MaxDirectMemorySize=", |runtime| {
            &mut runtime.max_direct_bytes
        }),
        ("metaspace", "-XX:MaxMetaspaceSize=", |runtime| {
            &mut runtime.max_metaspace_bytes
        }),
    ];
    for (name, prefix, slot) in SIZES {
        if let Some(bytes) = size(arg, prefix) {
            *slot(runtime) = Some(bytes);
            return Some(name);
        }
    }
    let percent = arg.strip_prefix("-XX:MaxRAMPercentage=")?;
    let percent: f64 = percent.parse().ok()?;
    if !(0.0..=100.0).contains(&percent) {
        return None;
    }
    runtime.max_ram_percent = Some(percent);
    Some("percent")
}

/// `-Xmx128m`: bytes, or with k, m, g, t in either case; multiples of 1024.
fn size(arg: &str, prefix: &str) -> Option<Bytes> {
    let value = arg.strip_prefix(prefix)?;
    let (digits, shift) = match value.as_bytes().last()? {
        b'k' | b'K' => (value.get(..value.len() - 1)?, 10),
        b'm' | b'M' => (value.get(..value.len() - 1)?, 20),
        b'g' | b'G' => (value.get(..value.len() - 1)?, 30),
        b't' | b'T' => (value.get(..value.len() - 1)?, 40),
        _ => (value, 0),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    number
        .checked_mul(1 << shift)
        .filter(|&bytes| bytes > 0)
        .map(Bytes)
}

/// `--max-old-space-size=N` (MiB), with dashes or underscores, the value attached or apart.
fn node(args: &[String], runtime: &mut Runtime) {
    const OPTION: &str = "--max-old-space-size";
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if !arg.starts_with('-') {
            break; // the script; the rest is its own
        }
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (arg.as_str(), None),
        };
        let name = name.replace('_', "-");
        if matches!(name.as_str(), "-r" | "--require" | "--import" | "-C") && value.is_none() {
            args.next();
            continue;
        }
        if name != OPTION {
            continue;
        }
        let (value, from) = match value {
            Some(value) => (value, vec![arg.clone()]),
            None => match args.next() {
                Some(next) => (next.as_str(), vec![arg.clone(), next.clone()]),
                None => break,
            },
        };
        let bytes = value
            .parse::<u64>()
            .ok()
            .and_then(|mib| mib.checked_mul(1 << 20))
            .filter(|&bytes| bytes > 0);
        if let Some(bytes) = bytes {
            runtime.max_heap_bytes = Some(Bytes(bytes));
            runtime.from = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(comm: &str, args: &[&str]) -> Option<Runtime> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        from_cmdline(Some(comm), (!args.is_empty()).then_some(args.as_slice()))
    }

    const MIB: u64 = 1 << 20;

    #[test]
    fn jvm_options() {
        let jvm = runtime(
            "java",
            &[
                "/usr/lib/jvm/bin/java",
                "-Xmx64m",
                "-Xss512K",
                "-XX:MaxDirectMemorySize=1g",
                "-XX:MaxMetaspaceSize=96M",
                "-XX:MaxRAMPercentage=62.5",
                "-cp",
                "a.jar",
                "-Xmx128m",
                "Main",
                "-Xmx1t",
            ],
        )
        .unwrap();
        assert_eq!(jvm.kind, RuntimeKind::Jvm);
        assert_eq!(
            jvm.max_heap_bytes,
            Some(Bytes(128 * MIB)),
            "the last before Main"
        );
        assert_eq!(jvm.thread_stack_bytes, Some(Bytes(512 * 1024)));
        assert_eq!(jvm.max_direct_bytes, Some(Bytes(1024 * MIB)));
        assert_eq!(jvm.max_metaspace_bytes, Some(Bytes(96 * MIB)));
        assert_eq!(jvm.max_ram_percent, Some(62.5));
        assert_eq!(
            jvm.from,
            [
                "-Xss512K",
                "-XX:MaxDirectMemorySize=1g",
                "-XX:MaxMetaspaceSize=96M",
                "-XX:MaxRAMPercentage=62.5",
                "-Xmx128m"
            ]
        );
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("-Xmx1", Some(1)),
            ("-Xmx268435456", Some(256 * MIB)),
            ("-Xmx2k", Some(2048)),
            ("-Xmx3G", Some(3072 * MIB)),
            ("-Xmx1T", Some(1 << 40)),
            ("-Xmx", None),
            ("-Xmxm", None),
            ("-Xmx0", None),
            ("-Xmx-1m", None),
            ("-Xmx+1m", None),
            ("-Xmx1x", None),
            ("-Xmx1é", None),
            ("-Xmx99999999999999999999", None),
            ("-Xmx99999999999999t", None),
        ] {
            assert_eq!(size(text, "-Xmx"), bytes.map(Bytes), "{text}");
        }
    }

    #[test]
    fn which_runtime() {
        for (comm, args, kind) in [
            ("java", &[][..], Some(RuntimeKind::Jvm)),
            (
                "main",
                &["/opt/jdk/bin/java", "-jar", "a"],
                Some(RuntimeKind::Jvm),
            ),
            ("java", &["./launcher", "x"], Some(RuntimeKind::Jvm)),
            (
                "jsvc",
                &["jsvc", "-Xmx1g", "-cp", "a", "M"],
                Some(RuntimeKind::Jvm),
            ),
            ("sh", &["sh", "-c", "java -Xmx1g"], None),
            ("tar", &["tar", "-Xmx1g"], None),
            ("node", &["node", "a.js"], Some(RuntimeKind::Node)),
            (
                "python3",
                &["python3.12", "a.py"],
                Some(RuntimeKind::Python),
            ),
            ("pythonista", &["pythonista"], None),
            (
                "dotnet",
                &["/usr/bin/dotnet", "a.dll"],
                Some(RuntimeKind::Dotnet),
            ),
            ("stress", &["stress"], None),
            ("", &[], None),
        ] {
            assert_eq!(runtime(comm, args).map(|r| r.kind), kind, "{comm} {args:?}");
        }
        assert_eq!(from_cmdline(None, None), None);
    }

    #[test]
    fn node_heap() {
        for (args, mib) in [
            (&["node", "--max-old-space-size=192", "a.js"][..], Some(192)),
            (&["node", "--max_old_space_size=192", "a.js"], Some(192)),
            (&["node", "--max-old-space-size", "192", "a.js"], Some(192)),
            (
                &["node", "-r", "x", "--max-old-space-size=192", "a.js"],
                Some(192),
            ),
            (&["node", "a.js", "--max-old-space-size=192"], None),
            (&["node", "--max-old-space-size=lots"], None),
            (&["node", "--max-old-space-size"], None),
        ] {
            let heap = runtime("node", args).unwrap().max_heap_bytes;
            assert_eq!(heap, mib.map(|mib: u64| Bytes(mib * MIB)), "{args:?}");
        }
    }
}

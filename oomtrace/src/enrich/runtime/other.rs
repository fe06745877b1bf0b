//! Options of the other runtimes and of data stores.

use super::size;
use super::start::Start;
use crate::model::{Bytes, Runtime, RuntimeKind};
use crate::redact::environ;

/// `--max-old-space-size=N` (MiB), with dashes or underscores, the value attached or apart; first
/// from `NODE_OPTIONS`, then from the command line, which wins.
pub(super) fn node(start: &Start<'_>, runtime: &mut Runtime) {
    if let Some(options) = start.variable(environ::NODE) {
        let words: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
        node_options(&words, runtime);
        for from in &mut runtime.basis {
            *from = [environ::NODE, ": ", from].concat();
        }
    }
    node_options(start.options(), runtime);
}

fn node_options(args: &[String], runtime: &mut Runtime) {
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
        if name != "--max-old-space-size" {
            continue;
        }
        let (value, from) = match value {
            Some(value) => (value, vec![arg.clone()]),
            None => match args.next() {
                Some(next) => (next.as_str(), vec![arg.clone(), next.clone()]),
                None => break,
            },
        };
        if let Some(bytes) = size::parse(value, 20, &[]) {
            runtime.max_heap_bytes = Some(bytes);
            runtime.basis = from;
        }
    }
}

/// Which runtime the variables were set for, where nothing else tells.
pub(super) fn by_variables(start: &Start<'_>) -> Option<RuntimeKind> {
    let has = |names: &[&str]| names.iter().any(|name| start.variable(name).is_some());
    if has(&[environ::GO_LIMIT, environ::GO_PERCENT]) {
        Some(RuntimeKind::Go)
    } else if has(&environ::DOTNET_LIMIT) || has(&environ::DOTNET_PERCENT) {
        Some(RuntimeKind::Dotnet)
    } else {
        None
    }
}

/// `GOMEMLIMIT=512MiB` and `GOGC=50`.
pub(super) fn go(start: &Start<'_>, runtime: &mut Runtime) {
    const UNITS: &[(&str, u32)] = &[("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    runtime.soft_limit_bytes = from_variable(start, environ::GO_LIMIT, runtime, |value| {
        size::parse(value, 0, UNITS)
    });
    runtime.gc_percent = from_variable(start, environ::GO_PERCENT, runtime, |value| {
        value.parse().ok()
    });
}

/// Hexadecimal, as .NET reads them.
pub(super) fn dotnet(start: &Start<'_>, runtime: &mut Runtime) {
    let hex = |value: &str| {
        let digits = value.trim_start_matches("0x");
        u64::from_str_radix(digits, 16).ok().filter(|&n| n > 0)
    };
    for name in environ::DOTNET_LIMIT.into_iter().rev() {
        let limit = from_variable(start, name, runtime, |value| hex(value).map(Bytes));
        runtime.max_heap_bytes = limit.or(runtime.max_heap_bytes);
    }
    for name in environ::DOTNET_PERCENT.into_iter().rev() {
        let percent = from_variable(start, name, runtime, |value| {
            u8::try_from(hex(value)?).ok().filter(|&n| n <= 100)
        });
        runtime.max_ram_percent = percent.map(f64::from).or(runtime.max_ram_percent);
    }
}

fn from_variable<T>(
    start: &Start<'_>,
    name: &str,
    runtime: &mut Runtime,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let text = start.variable(name)?;
    let value = parse(text)?;
    runtime.basis.push([name, "=", text].concat());
    Some(value)
}

/// `-c shared_buffers=1GB`, `--shared-buffers=1GB`, `-B 16384` (a bare number counts pages of 8 KiB);
/// `work_mem` (KiB) and `max_connections` alike.
pub(super) fn postgresql(start: &Start<'_>, runtime: &mut Runtime) {
    const PAGE: u32 = 13;
    const UNITS: &[(&str, u32)] = &[("B", 0), ("kB", 10), ("MB", 20), ("GB", 30), ("TB", 40)];
    let mut args = start.options().iter();
    while let Some(arg) = args.next() {
        let (setting, from) = match arg.as_str() {
            "-c" | "-B" => match args.next() {
                Some(next) => (next.as_str(), [arg.as_str(), next].join(" ")),
                None => return,
            },
            _ => match arg.strip_prefix("--").or_else(|| arg.strip_prefix("-c")) {
                Some(setting) => (setting, arg.clone()),
                None => continue,
            },
        };
        let (name, value) = match setting.split_once('=') {
            Some((name, value)) => (name.replace('-', "_"), value),
            None if arg == "-B" => ("shared_buffers".to_owned(), setting),
            None => continue,
        };
        let is_set = match name.as_str() {
            "shared_buffers" => set(&mut runtime.max_data_bytes, size::parse(value, PAGE, UNITS)),
            "work_mem" => set(&mut runtime.work_mem_bytes, size::parse(value, 10, UNITS)),
            "max_connections" => set(&mut runtime.max_connections, value.parse().ok()),
            _ => false,
        };
        if is_set {
            let is_same = |known: &String| known.replace('-', "_").contains(&format!("{name}="));
            runtime.basis.retain(|known| !is_same(known));
            runtime.basis.push(from);
        }
    }
}

/// Whether there is a value to put into `slot`; the last one wins.
fn set<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let is_there = value.is_some();
    *slot = value.or(slot.take());
    is_there
}

/// `--maxmemory 100mb`: `k`, `m`, `g` are multiples of 1000 there, `kb`, `mb`, `gb` of 1024.
pub(super) fn redis(start: &Start<'_>, runtime: &mut Runtime) {
    const UNITS: &[(&str, u32)] = &[("b", 0), ("kb", 10), ("mb", 20), ("gb", 30)];
    const DECIMAL: [(char, u64); 3] = [('k', 1_000), ('m', 1_000_000), ('g', 1_000_000_000)];
    for pair in start.options().windows(2) {
        let [name, value] = pair else { continue };
        if !name.eq_ignore_ascii_case("--maxmemory") {
            continue;
        }
        let value_low = value.to_ascii_lowercase();
        let decimal = DECIMAL.iter().find_map(|(unit, factor)| {
            let digits = value_low.strip_suffix(*unit)?;
            digits.parse::<u64>().ok()?.checked_mul(*factor).map(Bytes)
        });
        let bytes = decimal.or_else(|| size::parse(&value_low, 0, UNITS));
        take(bytes, [name.as_str(), value].join(" "), runtime);
    }
}

/// `--innodb-buffer-pool-size=1G`, with dashes or underscores.
pub(super) fn mysql(start: &Start<'_>, runtime: &mut Runtime) {
    for arg in start.options() {
        let Some((name, value)) = arg.split_once('=') else {
            continue;
        };
        if name.replace('_', "-") == "--innodb-buffer-pool-size" {
            take(size::parse(value, 0, size::LETTERS), arg.clone(), runtime);
        }
    }
}

/// The last one wins.
fn take(bytes: Option<Bytes>, from: String, runtime: &mut Runtime) {
    if let Some(bytes) = bytes {
        runtime.max_data_bytes = Some(bytes);
        runtime.basis = vec![from];
    }
}

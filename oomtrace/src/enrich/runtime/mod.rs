//! What the victim's runtime or data store was told about memory, from its (masked) command line
//! and the few environment variables that are kept. Pure but for [`hsperf_file`].
//!
//! Options can also come from files (`@file`, `redis.conf`); these are not seen here, which is why
//! `runtime.basis` names what was.

mod hsperf;
mod hsperf_file;
mod jvm;
mod other;
mod size;
mod start;
#[cfg(test)]
mod tests;

pub use self::hsperf::parse as jvm_counters;
pub(super) use self::hsperf_file::{below as jvm_counters_below, root_of};
pub use self::start::Start;
use crate::model::{JvmCounters, Runtime, RuntimeKind};

/// Which runtime a process is, and its own memory limits; `None` if it is none that is known.
#[must_use]
pub fn of_process(start: &Start<'_>, counters: Option<&JvmCounters>) -> Option<Runtime> {
    // Only a JVM leaves such a file.
    let kind = match counters {
        Some(_) => RuntimeKind::Jvm,
        None => kind(start)?,
    };
    let mut runtime = Runtime::of(kind);
    runtime.jvm = counters.cloned();
    match kind {
        RuntimeKind::Jvm => jvm::read(start, &mut runtime),
        RuntimeKind::Node => other::node(start, &mut runtime),
        RuntimeKind::Go => other::go(start, &mut runtime),
        RuntimeKind::Dotnet => other::dotnet(start, &mut runtime),
        RuntimeKind::Postgresql => other::postgresql(start, &mut runtime),
        RuntimeKind::Redis => other::redis(start, &mut runtime),
        RuntimeKind::Mysql => other::mysql(start, &mut runtime),
        RuntimeKind::Python => {}
    }
    Some(runtime)
}

fn kind(start: &Start<'_>) -> Option<RuntimeKind> {
    let name = |path: &'_ str| path.rsplit('/').next().unwrap_or(path).to_owned();
    // `postgres: alice shop [local] idle`, `redis-server *:6379`: some write their state there.
    let title = |arg: &'_ str| {
        let first = arg.split([':', ' ']).next().unwrap_or(arg);
        name(first)
    };
    let by_name = |name: &str| {
        Some(match name {
            "java" | "javaw" => RuntimeKind::Jvm,
            "node" | "nodejs" => RuntimeKind::Node,
            "dotnet" => RuntimeKind::Dotnet,
            "postgres" | "postmaster" => RuntimeKind::Postgresql,
            "redis-server" | "valkey-server" | "redis-sentinel" => RuntimeKind::Redis,
            "mysqld" | "mariadbd" => RuntimeKind::Mysql,
            name if is_python(name) => RuntimeKind::Python,
            _ => return None,
        })
    };
    // The command line says what was started; the name of a task can be that of any thread.
    let program = start.args.first().map(|arg| title(arg));
    let program = program.filter(|name| !name.is_empty());
    if let Some(kind) = program.as_deref().and_then(by_name) {
        return Some(kind);
    }
    if let Some(kind) = start.exe.and_then(|exe| by_name(&name(exe))) {
        return Some(kind);
    }
    let by_comm = match (start.comm?, &program) {
        // A launcher of another name; its main thread keeps the name.
        ("java", _) => Some(RuntimeKind::Jvm),
        ("node", _) => Some(RuntimeKind::Node),
        (comm, None) => by_name(comm),
        (_, Some(_)) => None,
    };
    by_comm
        .or_else(|| jvm::is_one(start.options()).then_some(RuntimeKind::Jvm))
        .or_else(|| other::by_variables(start))
}

/// `python`, `python3`, `python3.12`.
fn is_python(name: &str) -> bool {
    name.strip_prefix("python")
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

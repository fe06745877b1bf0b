//! From TOML text to [`Config`].

use toml::de::DeTable;

use super::sink;
use super::table::{ConfigError, Table};
use super::{Capture, Config, Metrics, Names, Privileges, Source, Store};

/// Smallest store: some segments of the smallest size.
const STORE_BYTES_MIN: u64 = 256 * 1024;

/// Reads a configuration.
///
/// # Errors
///
/// The first mistake: no TOML, an unknown key, a value that cannot be used.
pub fn parse(text: &str) -> Result<Config, ConfigError> {
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        ConfigError::at(text, at, error.message().to_owned())
    })?;
    let mut root = Table::document(text, &document);
    let mut config = Config::default();
    if let Some(value) = root.get("capture") {
        config.capture = capture(value.table()?)?;
    }
    if let Some(value) = root.get("store") {
        config.store = store(value.table()?)?;
    }
    if let Some(value) = root.get("metrics") {
        config.metrics = metrics(value.table()?)?;
    }
    if let Some(value) = root.get("privileges") {
        config.privileges = privileges(value.table()?)?;
    }
    if let Some(value) = root.get("sink") {
        for table in value.tables()? {
            let sink = sink::parse(table, &config.sinks)?;
            config.sinks.push(sink);
        }
    }
    root.finish()?;
    Ok(config)
}

fn capture(mut table: Table<'_>) -> Result<Capture, ConfigError> {
    let mut capture = Capture::default();
    if let Some(value) = table.get("source") {
        capture.source = match value.text()? {
            "bpf" => Source::Bpf,
            "klog" => Source::Klog,
            "auto" => Source::Auto,
            _ => return Err(value.error("must be \"bpf\", \"klog\" or \"auto\"")),
        };
    }
    if let Some(value) = table.get("backfill") {
        capture.backfill = value.boolean()?;
    }
    if let Some(value) = table.get("hostname") {
        let name = value.text()?;
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > 253 || name.contains(is_odd) {
            return Err(value.error("must have 1 to 253 bytes and no spaces"));
        }
        capture.hostname = Some(name.to_owned());
    }
    if let Some(value) = table.get("cmdline") {
        capture.cmdline = value.boolean()?;
    }
    if let Some(value) = table.get("redact") {
        capture.redact = value.texts()?;
    }
    if let Some(value) = table.get("tracepoints_only") {
        capture.tracepoints_only = value.boolean()?;
    }
    if let Some(value) = table.get("names") {
        capture.names = names(value.table()?)?;
    }
    table.finish()?;
    Ok(capture)
}

fn names(mut table: Table<'_>) -> Result<Names, ConfigError> {
    let mut names = Names::default();
    for (key, paths) in [
        ("docker_roots", &mut names.docker_roots),
        ("containerd_states", &mut names.containerd_states),
        ("storage_roots", &mut names.storage_roots),
    ] {
        if let Some(value) = table.get(key) {
            *paths = value.paths()?;
        }
    }
    if let Some(value) = table.get("docker_socket") {
        names.docker_socket = Some(value.path()?);
    }
    table.finish()?;
    Ok(names)
}

fn privileges(mut table: Table<'_>) -> Result<Privileges, ConfigError> {
    let mut privileges = Privileges::default();
    for (key, switch) in [
        ("drop_capabilities", &mut privileges.drop_capabilities),
        ("seccomp", &mut privileges.seccomp),
        ("landlock", &mut privileges.landlock),
    ] {
        if let Some(value) = table.get(key) {
            *switch = value.boolean()?;
        }
    }
    table.finish()?;
    Ok(privileges)
}

fn store(mut table: Table<'_>) -> Result<Store, ConfigError> {
    let mut store = Store::default();
    if let Some(value) = table.get("path") {
        store.path = value.path()?;
    }
    if let Some(value) = table.get("max_size") {
        store.max_bytes = value.size(STORE_BYTES_MIN)?;
    }
    if let Some(value) = table.get("max_age") {
        store.max_age = value.time()?;
    }
    if let Some(value) = table.get("sync") {
        store.sync = value.boolean()?;
    }
    table.finish()?;
    Ok(store)
}

fn metrics(mut table: Table<'_>) -> Result<Metrics, ConfigError> {
    let mut metrics = Metrics::default();
    if let Some(value) = table.get("listen") {
        let address = value.text()?.parse();
        let wrong = |_| value.error("must be an address and a port, such as \"127.0.0.1:9469\"");
        metrics.listen = Some(address.map_err(wrong)?);
    }
    if let Some(value) = table.get("textfile") {
        metrics.textfile = Some(value.path()?);
    }
    if let Some(value) = table.get("owners_max") {
        let number = value.number(0, 10_000)?;
        metrics.owners_max = usize::try_from(number).unwrap_or(usize::MAX);
    }
    table.finish()?;
    Ok(metrics)
}

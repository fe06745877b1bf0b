//! `[[sink]]`: where events are delivered, which of them, and how much of each.

use std::path::PathBuf;
use std::time::Duration;

use super::table::{ConfigError, Table, Value};

/// The kinds of events that `events` may name.
const EVENTS: [&str; 5] = [
    "oom_kill",
    "oom_outcome",
    "oom_no_victim",
    "gap",
    "userspace_oom_kill",
];

/// Smallest bound of a line: below it not even what is never trimmed of an event fits.
const LINE_BYTES_MIN: u64 = 4096;

/// A sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Its name in messages and metrics, and of its cursor.
    pub name: String,
    /// The kinds of events it gets; all if empty.
    pub events: Vec<String>,
    /// The kills it gets.
    pub filter: Where,
    /// The only fields it gets, as paths of keys with dots; all if empty.
    pub include: Vec<String>,
    /// Fields it does not get.
    pub exclude: Vec<String>,
    /// Longest line, its newline included; as long as they come if absent.
    pub max_line_bytes: Option<usize>,
    /// What it is.
    pub kind: Kind,
}

/// Conditions on a kill: patterns with `*` and `?`, as the filters of `trace`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Where {
    /// Of the cgroup, or one above it.
    pub cgroup: Vec<String>,
    /// Of the container's name or id.
    pub container: Vec<String>,
    /// Of the pod.
    pub pod: Vec<String>,
    /// Of the systemd unit.
    pub unit: Vec<String>,
    /// Of the victim's name.
    pub comm: Vec<String>,
}

/// What a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Standard output.
    Stdout,
    /// A file that grows.
    File {
        /// Where.
        path: PathBuf,
        /// It is renamed to `path.1` before it would grow beyond; never if absent.
        max_bytes: Option<u64>,
        /// The same once it is this old and something is to be added; never if absent.
        max_age: Option<Duration>,
        /// How many renamed files are kept.
        keep: u32,
    },
    /// A syslog daemon, by RFC 5424.
    Syslog {
        /// Where it listens.
        address: Address,
    },
    /// The journal, by its native protocol.
    Journald {
        /// Its socket.
        socket: PathBuf,
    },
    /// An HTTP server that takes NDJSON.
    Http {
        /// Where.
        url: Url,
        /// Compress what is sent.
        gzip: bool,
        /// Give up on a request after so long, and try again.
        timeout: Duration,
    },
    /// Kubernetes' API server, by way of a proxy that speaks TLS: an Event on the victim's pod.
    Kubernetes {
        /// Where the proxy is.
        url: Url,
        /// File with the token of a service account, where the proxy does not add one.
        token_file: Option<PathBuf>,
        /// Give up on a request after so long, and try again.
        timeout: Duration,
    },
    /// An OpenTelemetry collector: OTLP/HTTP with JSON.
    Otlp {
        /// Where.
        url: Url,
        /// Compress what is sent.
        gzip: bool,
        /// Give up on a request after so long, and try again.
        timeout: Duration,
    },
}

impl Kind {
    /// The word in `type`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File { .. } => "file",
            Self::Syslog { .. } => "syslog",
            Self::Journald { .. } => "journald",
            Self::Http { .. } => "http",
            Self::Otlp { .. } => "otlp",
            Self::Kubernetes { .. } => "kubernetes",
        }
    }
}

/// Where a syslog daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A datagram socket: `unixgram:/dev/log`.
    Unixgram(PathBuf),
    /// Host and port, octet counting: `tcp:127.0.0.1:514`.
    Tcp(String),
}

/// An `http://` URL, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Host and port, as in the `Host` header.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl Url {
    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("http://")?;
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, format!("/{path}")),
            None => (rest, "/".to_owned()),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = !authority.is_empty()
            && !authority.contains('@')
            && is_plain(authority)
            && is_plain(&path)
            && !path.contains('#');
        fits.then(|| Self {
            authority: authority.to_owned(),
            path,
        })
    }
}

/// Reads one `[[sink]]`, after those before it.
pub(super) fn parse(mut table: Table<'_>, before: &[Sink]) -> Result<Sink, ConfigError> {
    let Some(kind_value) = table.get("type") else {
        return Err(table.error(
            "a [[sink]] needs a `type`: stdout, file, syslog, journald, http, otlp or kubernetes"
                .to_owned(),
        ));
    };
    let kind = kind(&kind_value, &mut table)?;
    let name = match table.get("name") {
        Some(value) => {
            let name = value.text()?;
            let is_odd = |c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c));
            if name.is_empty() || name.len() > 32 || name.contains(is_odd) {
                return Err(value.error("must be 1 to 32 letters, digits, - or _"));
            }
            if before.iter().any(|sink| sink.name == name) {
                return Err(value.error("is the name of another sink"));
            }
            name.to_owned()
        }
        None => free_name(kind.word(), before),
    };
    let events = match table.get("events") {
        Some(value) => {
            let events = value.texts()?;
            if let Some(odd) = events
                .iter()
                .find(|event| !EVENTS.contains(&event.as_str()))
            {
                let known = EVENTS.join(", ");
                return Err(value.error(&format!("names {odd:?}; events are: {known}")));
            }
            events
        }
        None => Vec::new(),
    };
    let filter = match table.get("where") {
        Some(value) => filter(value.table()?)?,
        None => Where::default(),
    };
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    if let Some(value) = table.get("fields") {
        let mut fields = value.table()?;
        if let Some(value) = fields.get("include") {
            include = value.texts()?;
        }
        if let Some(value) = fields.get("exclude") {
            exclude = value.texts()?;
        }
        fields.finish()?;
    }
    let max_line_bytes = match table.get("max_line_bytes") {
        Some(value) => usize::try_from(value.number(LINE_BYTES_MIN, 1 << 24)?).ok(),
        None => None,
    };
    table.finish()?;
    Ok(Sink {
        name,
        events,
        filter,
        include,
        exclude,
        max_line_bytes,
        kind,
    })
}

fn kind(word: &Value<'_>, table: &mut Table<'_>) -> Result<Kind, ConfigError> {
    Ok(match word.text()? {
        "stdout" => Kind::Stdout,
        "file" => {
            let Some(path) = table.get("path") else {
                return Err(word.error("is \"file\", which needs a `path`"));
            };
            Kind::File {
                path: path.path()?,
                max_bytes: table
                    .get("max_size")
                    .map(|value| value.size(64 * 1024))
                    .transpose()?,
                max_age: table.get("max_age").map(|value| value.time()).transpose()?,
                keep: match table.get("keep") {
                    Some(value) => u32::try_from(value.number(0, 1000)?).unwrap_or(u32::MAX),
                    None => 5,
                },
            }
        }
        "syslog" => Kind::Syslog {
            address: match table.get("address") {
                Some(value) => address(&value)?,
                None => Address::Unixgram(PathBuf::from("/dev/log")),
            },
        },
        "journald" => Kind::Journald {
            socket: match table.get("socket") {
                Some(value) => value.path()?,
                None => PathBuf::from("/run/systemd/journal/socket"),
            },
        },
        "http" => {
            let (url, gzip, timeout) = server(word, table)?;
            Kind::Http { url, gzip, timeout }
        }
        "otlp" => {
            let (url, gzip, timeout) = server(word, table)?;
            Kind::Otlp { url, gzip, timeout }
        }
        "kubernetes" => Kind::Kubernetes {
            url: match table.get("url") {
                Some(value) => url(&value)?,
                // Where `kubectl proxy` listens.
                None => Url {
                    authority: "127.0.0.1:8001".to_owned(),
                    path: "/".to_owned(),
                },
            },
            token_file: table
                .get("token_file")
                .map(|value| value.path())
                .transpose()?,
            timeout: timeout(table)?,
        },
        _ => {
            return Err(word.error(
                "must be \"stdout\", \"file\", \"syslog\", \"journald\", \"http\", \"otlp\" or \
                 \"kubernetes\"",
            ));
        }
    })
}

fn server(word: &Value<'_>, table: &mut Table<'_>) -> Result<(Url, bool, Duration), ConfigError> {
    let Some(value) = table.get("url") else {
        return Err(word.error("needs a `url`"));
    };
    let url = url(&value)?;
    let gzip = match table.get("gzip") {
        Some(value) => value.boolean()?,
        None => true,
    };
    Ok((url, gzip, timeout(table)?))
}

fn url(value: &Value<'_>) -> Result<Url, ConfigError> {
    Url::parse(value.text()?).ok_or_else(|| {
        value.error(
            "must be like \"http://127.0.0.1:8080/path\"; for TLS, send to a proxy on this host",
        )
    })
}

fn timeout(table: &mut Table<'_>) -> Result<Duration, ConfigError> {
    match table.get("timeout") {
        Some(value) => value.time(),
        None => Ok(Duration::from_secs(10)),
    }
}

fn address(value: &Value<'_>) -> Result<Address, ConfigError> {
    let text = value.text()?;
    if let Some(path) = text.strip_prefix("unixgram:")
        && path.starts_with('/')
    {
        return Ok(Address::Unixgram(PathBuf::from(path)));
    }
    if let Some(host) = text.strip_prefix("tcp:")
        && let Some((name, port)) = host.rsplit_once(':')
        && !name.is_empty()
        && port.parse::<u16>().is_ok()
    {
        return Ok(Address::Tcp(host.to_owned()));
    }
    Err(value.error("must be like \"unixgram:/dev/log\" or \"tcp:127.0.0.1:514\""))
}

fn filter(mut table: Table<'_>) -> Result<Where, ConfigError> {
    let mut texts = |key| match table.get(key) {
        Some(value) => value.texts(),
        None => Ok(Vec::new()),
    };
    let filter = Where {
        cgroup: texts("cgroup")?,
        container: texts("container")?,
        pod: texts("pod")?,
        unit: texts("unit")?,
        comm: texts("comm")?,
    };
    table.finish()?;
    Ok(filter)
}

/// `file`, or `file-2` where that is taken.
fn free_name(word: &str, before: &[Sink]) -> String {
    let taken = |name: &str| before.iter().any(|sink| sink.name == name);
    let mut name = word.to_owned();
    let mut number = 1;
    while taken(&name) {
        number += 1;
        name = format!("{word}-{number}");
    }
    name
}

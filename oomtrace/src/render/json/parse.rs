//! NDJSON lines back to events, for replay.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::{Event, SCHEMA_VERSION};

const KINDS: &str = "oom_kill, oom_outcome, oom_no_victim, gap, userspace_oom_kill";

/// Why a line is not an event that this oomtrace can show.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The line is no JSON object.
    #[error("not a JSON object: {0}")]
    NotJson(#[source] serde_json::Error),
    /// There is no `event` field that names a kind.
    #[error("no `event` field: JSON, but not a line that oomtrace wrote")]
    NoKind,
    /// The kind is none of this schema.
    #[error("unknown event kind {0:?}; this oomtrace knows {KINDS}")]
    UnknownKind(String),
    /// The line was written to another version of the schema.
    #[error("schema version {0}; this oomtrace reads version {SCHEMA_VERSION}")]
    OtherVersion(u64),
    /// The kind is known, the fields are not those of it.
    #[error("not a whole {kind} event: {source}")]
    Invalid {
        /// The kind it claims to be.
        kind: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What tells how to read the rest.
#[derive(Deserialize)]
struct Peek {
    event: Option<String>,
    schema_version: Option<u64>,
}

/// Longest part of a foreign kind that is repeated in a message.
const KIND_CHARS_MAX: usize = 40;

/// Reads one line (its end may be there or not).
///
/// # Errors
///
/// [`ParseError`] if the line is no JSON object, names no kind or an unknown one, has another
/// schema version, or lacks what its kind requires. Unknown fields are ignored.
pub fn parse(line: &[u8]) -> Result<Event, ParseError> {
    let peek: Peek = serde_json::from_slice(line).map_err(ParseError::NotJson)?;
    let Some(kind) = peek.event else {
        return Err(ParseError::NoKind);
    };
    if let Some(version) = peek.schema_version
        && version != u64::from(SCHEMA_VERSION)
    {
        return Err(ParseError::OtherVersion(version));
    }
    match kind.as_str() {
        "oom_kill" => read(line, kind).map(Event::OomKill),
        "oom_outcome" => read(line, kind).map(Event::OomOutcome),
        "oom_no_victim" => read(line, kind).map(Event::OomNoVictim),
        "gap" => read(line, kind).map(Event::Gap),
        "userspace_oom_kill" => read(line, kind).map(Event::UserspaceOomKill),
        other => Err(ParseError::UnknownKind(
            other.chars().take(KIND_CHARS_MAX).collect(),
        )),
    }
}

fn read<T: DeserializeOwned>(line: &[u8], kind: String) -> Result<Box<T>, ParseError> {
    serde_json::from_slice(line)
        .map(Box::new)
        .map_err(|source| ParseError::Invalid { kind, source })
}

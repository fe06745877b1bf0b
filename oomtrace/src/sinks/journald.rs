//! The journal as a sink, by its native protocol: one small field for each fact.

use std::fs::File;
use std::io;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::Value;

use super::syslog::severity;
use super::worker::{Batch, Receiver, Refused};

/// `journalctl -o json` shows longer fields as null.
const VALUE_BYTES_MAX: usize = 4000;

/// Longest name of a field that journald takes.
const NAME_BYTES_MAX: usize = 64;

/// Elements of a list that become fields; the event in the store has all.
const LIST_MAX: usize = 16;

/// Most fields of an entry, well below journald's own bound of 1,024.
const FIELDS_MAX: usize = 512;

/// `MESSAGE_ID` of each kind of event, by which the catalog (`packaging/systemd/oomtrace.catalog`) explains it
/// in `journalctl -x`. An id is never used again.
const MESSAGE_IDS: [(&str, &str); 5] = [
    ("oom_kill", "6ef3326c16dd441ea73c58677537f7b7"),
    ("oom_no_victim", "5cfb79a4c6ab442b9b969e7e597fcf5d"),
    ("gap", "70d7feb45b3b4ac08f76bb74a44b11da"),
    ("oom_outcome", "b4d8762c085c4378b1c5feb93b247ca9"),
    ("userspace_oom_kill", "4bfdff86c0b1431ea715c735ef806a4e"),
];

const TIMEOUT: Duration = Duration::from_secs(10);

/// The journal.
#[derive(Debug)]
pub struct JournaldSink {
    socket: PathBuf,
}

impl JournaldSink {
    /// The journal behind this socket.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }
}

impl Receiver for JournaldSink {
    fn deliver(&mut self, batch: &Batch) -> Result<(), Refused> {
        send(&self.socket, batch).map_err(|error| {
            Refused::passing(format!("cannot send to {}: {error}", self.socket.display()))
        })
    }
}

fn send(path: &Path, batch: &Batch) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    for line in &batch.lines {
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        let entry = entry(&event);
        match socket.send(&entry) {
            Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
                send_sealed(&socket, &entry)?;
            }
            sent => {
                sent?;
            }
        }
    }
    Ok(())
}

/// Sends an entry that is too long for a datagram: as a file in memory that nobody can change any more.
fn send_sealed(socket: &UnixDatagram, entry: &[u8]) -> io::Result<()> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create(c"oomtrace", flags)?);
    file.write_all(entry)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals)?;
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    sendmsg(socket, &[], &mut control, SendFlags::empty())?;
    Ok(())
}

/// An entry of the native protocol.
pub(super) fn entry(event: &Value) -> Vec<u8> {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let mut fields = vec![
        (
            "MESSAGE".to_owned(),
            text("message").unwrap_or_default().to_owned(),
        ),
        ("PRIORITY".to_owned(), severity(text("level")).to_string()),
        ("SYSLOG_IDENTIFIER".to_owned(), "oomtrace".to_owned()),
    ];
    let kind = text("event");
    if let Some((_, id)) = MESSAGE_IDS.iter().find(|(of, _)| kind == Some(of)) {
        fields.push(("MESSAGE_ID".to_owned(), (*id).to_owned()));
    }
    flatten("OOMTRACE", event, &mut fields);
    let mut out = Vec::new();
    for (name, value) in fields.iter().take(FIELDS_MAX) {
        field(name, value, &mut out);
    }
    out
}

/// Each scalar below `value`, with the path of keys as its name.
fn flatten(name: &str, value: &Value, out: &mut Vec<(String, String)>) {
    let mut add = |text: String| {
        if name.len() <= NAME_BYTES_MAX {
            out.push((name.to_owned(), text));
        }
    };
    match value {
        Value::Null => {}
        Value::Bool(value) => add(value.to_string()),
        Value::Number(value) => add(value.to_string()),
        Value::String(value) => add(value.clone()),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            add(texts.join(" "));
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate().take(LIST_MAX) {
                flatten(&format!("{name}_{index}"), value, out);
            }
        }
        Value::Object(values) => {
            for (key, value) in values {
                // It is MESSAGE already.
                if name != "OOMTRACE" || key != "message" {
                    flatten(&format!("{name}_{}", upper(key)), value, out);
                }
            }
        }
    }
}

fn upper(key: &str) -> String {
    key.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

fn field(name: &str, value: &str, out: &mut Vec<u8>) {
    let end = (0..=VALUE_BYTES_MAX.min(value.len()))
        .rev()
        .find(|end| value.is_char_boundary(*end));
    let value = value.get(..end.unwrap_or(0)).unwrap_or_default();
    out.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        out.push(b'\n');
        let length = u64::try_from(value.len()).unwrap_or(0);
        out.extend_from_slice(&length.to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

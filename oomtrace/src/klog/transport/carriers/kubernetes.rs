//! Kubernetes events as `kubectl describe node` and `kubectl get events` print them.

use memchr::memmem;

use crate::klog::transport::carrier::{Carrier, Context, Stripped};

/// `Warning  OOMKilling  95s (x13 over 2m)  kernel-monitor  TEXT`: columns parted by two blanks or
/// more. The first column may be a namespace or an age.
pub(in crate::klog::transport) const EVENT: Carrier = Carrier {
    name: "kubectl events",
    example: "  Warning  OOMKilling  95s (x13 over 2m)  kernel-monitor  Out of memory: Killed \
        process 4821 (indexer) total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, \
        UID:33 pgtables:212kB oom_score_adj:0",
    strip: event,
};

/// Reasons of events that quote or name a kill: node-problem-detector's and the kubelet's.
const REASONS: &[&str] = &["OOMKilling", "SystemOOM"];

/// How the messages of these events begin.
const MESSAGES: &[&str] = &[
    "Memory cgroup out of memory",
    "Out of memory",
    "Killed process ",
    "Kill process ",
    "System OOM encountered",
];

fn event(bytes: &[u8], _: &mut Context) -> Option<Stripped> {
    /// The columns before the message.
    const BEFORE_BYTES_MAX: usize = 400;
    let window = bytes.get(..BEFORE_BYTES_MAX).unwrap_or(bytes);
    let (at, reason) = REASONS
        .iter()
        .find_map(|reason| Some((memmem::find(window, reason.as_bytes())?, *reason)))?;
    let (before, rest) = bytes.split_at_checked(at)?;
    let is_column = before.is_empty() || before.ends_with(b"  ") || before.ends_with(b"\t");
    let is_event = memmem::find(before, b"Warning").is_some();
    let rest = rest.get(reason.len()..)?;
    if !is_column || !is_event || !rest.starts_with(b" ") {
        return None;
    }
    let start = MESSAGES
        .iter()
        .filter_map(|message| memmem::find(rest, message.as_bytes()))
        .min()?;
    let (columns, text) = rest.split_at_checked(start)?;
    let mut stripped = Stripped {
        text: text.to_vec(),
        is_bare: true,
        ..Stripped::default()
    };
    let by = if reason == "SystemOOM" {
        "kubelet"
    } else {
        "kernel-monitor"
    };
    stripped.line.relayed_by = Some(by.to_owned());
    // `get events` names the object, `describe node` the source.
    stripped.line.host = memmem::find(columns, b"node/").and_then(|at| {
        let name = columns.get(at + 5..)?;
        let end = name.iter().position(u8::is_ascii_whitespace)?;
        name.get(..end).map(<[u8]>::to_vec)
    });
    Some(stripped)
}

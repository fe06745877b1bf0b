//! Lines as container runtimes and their clients show them.

use crate::klog::cursor::Cursor;
use crate::klog::transport::carrier::{Carrier, Context, Stripped};
use crate::klog::transport::stamp::Stamp;

/// The container runtime interface's log file: `TIME stdout F TEXT`; `P` is a part of a line.
pub(in crate::klog::transport) const CRI: Carrier = Carrier {
    name: "container runtime interface",
    example: "2026-05-26T06:17:40.123456789Z stdout F Out of memory: Killed process 4821 (indexer) \
        total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB \
        oom_score_adj:0",
    strip: container_runtime,
};

/// `docker compose logs`: `SERVICE-1  | TEXT`.
pub(in crate::klog::transport) const COMPOSE: Carrier = Carrier {
    name: "docker compose logs",
    example: "web-1  | Out of memory: Killed process 4821 (indexer) total-vm:91340kB, \
        anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0",
    strip: compose,
};

/// `kubectl logs --prefix`: `[pod/NAME/CONTAINER] TEXT`.
pub(in crate::klog::transport) const POD_PREFIX: Carrier = Carrier {
    name: "kubectl logs --prefix",
    example: "[pod/dmesg-x7k2p/follow] Out of memory: Killed process 4821 (indexer) \
        total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB \
        oom_score_adj:0",
    strip: pod_prefix,
};

fn container_runtime(bytes: &[u8], context: &mut Context) -> Option<Stripped> {
    let mut cursor = Cursor(bytes);
    if !cursor.peek()?.is_ascii_digit() {
        return None;
    }
    let stamp = Stamp::take(&mut cursor)?;
    if !cursor.eat(b" stdout ") && !cursor.eat(b" stderr ") {
        return None;
    }
    let tag = cursor.word().first().copied()?;
    let _ = cursor.eat(b" ");
    let mut stripped = Stripped {
        text: cursor.0.to_vec(),
        is_partial: match tag {
            b'F' => false,
            b'P' => true,
            _ => return None,
        },
        ..Stripped::default()
    };
    context.assumed.stamp(&mut stripped.line, stamp);
    Some(stripped)
}

fn compose(bytes: &[u8], _: &mut Context) -> Option<Stripped> {
    if !bytes.first()?.is_ascii_alphanumeric() {
        return None;
    }
    let mut cursor = Cursor(bytes);
    let name = cursor.until(b'|', 80)?;
    let service = name.trim_ascii_end();
    let is_service = service.len() < name.len()
        && service
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
        && service.last().is_some_and(u8::is_ascii_digit)
        && service.iter().any(|byte| matches!(byte, b'-' | b'_'));
    (is_service && cursor.eat(b" ")).then(|| Stripped {
        text: cursor.0.to_vec(),
        ..Stripped::default()
    })
}

fn pod_prefix(bytes: &[u8], _: &mut Context) -> Option<Stripped> {
    let mut cursor = Cursor(bytes);
    if !cursor.eat(b"[pod/") {
        return None;
    }
    let name = cursor.until(b']', 320)?;
    (name.contains(&b'/') && cursor.eat(b" ")).then(|| Stripped {
        text: cursor.0.to_vec(),
        ..Stripped::default()
    })
}

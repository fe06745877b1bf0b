//! `talosctl dmesg`.

use crate::klog::cursor::Cursor;
use crate::klog::transport::carrier::{Carrier, Context, Stripped};
use crate::klog::transport::kernel::{KERN, facility_of, severity_of};
use crate::klog::transport::stamp::Stamp;

/// `NODE: kern: warning: [TIME]: TEXT`, with the node or without it.
pub(in crate::klog::transport) const DMESG: Carrier = Carrier {
    name: "talosctl dmesg",
    example: "10.5.0.3: kern:     err: [2026-05-26T06:17:40.123456789Z]: Out of memory: Killed \
        process 4821 (indexer) total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, \
        UID:33 pgtables:212kB oom_score_adj:0  ",
    strip: dmesg,
};

fn dmesg(bytes: &[u8], context: &mut Context) -> Option<Stripped> {
    let mut cursor = Cursor(bytes.trim_ascii());
    let (host, facility) = match level(&mut cursor.clone(), facility_of) {
        Some(facility) => {
            level(&mut cursor, facility_of)?;
            (None, facility)
        }
        None => {
            // An address may have colons of its own.
            let node = cursor.word().strip_suffix(b":")?;
            cursor.blanks();
            (Some(node), level(&mut cursor, facility_of)?)
        }
    };
    let severity = level(&mut cursor, severity_of)?;
    if !cursor.eat(b"[") {
        return None;
    }
    let stamp = Stamp::within(cursor.until(b']', 64)?)?;
    if !cursor.eat(b":") {
        return None;
    }
    let _ = cursor.eat(b" ");
    let mut stripped = Stripped {
        text: cursor.0.to_vec(),
        is_bare: true,
        ..Stripped::default()
    };
    let line = &mut stripped.line;
    line.host = host.map(<[u8]>::to_vec);
    line.from_kernel = Some(facility == KERN);
    line.severity = Some(severity);
    context.assumed.stamp(line, stamp);
    Some(stripped)
}

/// `kern: `, `   info: `.
fn level(cursor: &mut Cursor<'_>, of: fn(&[u8]) -> Option<u8>) -> Option<u8> {
    cursor.blanks();
    let found = of(cursor.until(b':', 14)?)?;
    cursor.blanks();
    Some(found)
}

//! Android's `logcat -b kernel` (and the lines of its low-memory killer in the other buffers).

use crate::klog::cursor::Cursor;
use crate::klog::transport::carrier::{Carrier, Context, Stripped};
use crate::klog::transport::stamp::Stamp;

/// `MM-DD HH:MM:SS.mmm PID TID LEVEL TAG: TEXT`; the kernel has number 0. logd makes a tag of what
/// comes before the first colon.
pub(in crate::klog::transport) const THREADTIME: Carrier = Carrier {
    name: "logcat -v threadtime",
    example: "05-26 06:17:40.123     0     0 E Out of memory: Killed process 4821 (indexer) \
        total-vm:91340kB, anon-rss:70212kB, file-rss:1204kB, shmem-rss:0kB, UID:33 pgtables:212kB \
        oom_score_adj:0",
    strip: threadtime,
};

fn threadtime(bytes: &[u8], context: &mut Context) -> Option<Stripped> {
    if bytes.get(2) != Some(&b'-') || bytes.get(5) != Some(&b' ') {
        return None;
    }
    let mut cursor = Cursor(bytes);
    let stamp = Stamp::take_month_day(&mut cursor)?;
    cursor.blanks();
    let pid = cursor.number(10)?;
    cursor.blanks();
    cursor.number(10)?;
    cursor.blanks();
    let level = cursor.take(2)?;
    let severity = match level {
        b"V " | b"D " => 7,
        b"I " => 6,
        b"W " => 4,
        b"E " => 3,
        b"F " => 2,
        _ => return None,
    };
    let mut stripped = Stripped {
        is_bare: true,
        ..Stripped::default()
    };
    let line = &mut stripped.line;
    line.severity = Some(severity);
    line.from_kernel = Some(pid == 0);
    context.assumed.stamp(line, stamp);
    // The tag is padded to eight columns.
    let mut behind = cursor;
    let tag = behind.until(b':', 64).map(<[u8]>::trim_ascii);
    stripped.text = match tag {
        Some(b"") => behind.0.trim_ascii_start().to_vec(),
        Some(tag) if pid != 0 => {
            line.program = Some(tag.to_vec());
            behind.0.trim_ascii_start().to_vec()
        }
        Some(tag) => [tag, b":", behind.0].concat(),
        None => cursor.0.to_vec(),
    };
    Some(stripped)
}

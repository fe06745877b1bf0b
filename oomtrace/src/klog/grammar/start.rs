//! How lines of an OOM report begin and whether they are whole: the one grammar of line starts. Two joiners
//! use it: [`transport`](crate::klog::transport) joins by what the carrier shows (widths, indents, prefixes),
//! [`report`](crate::klog::report) by what a line of a known kind lacks ([`super::whole`]).

use super::{kill, memcg, table, trigger};
use crate::klog::cursor::Cursor;
use crate::klog::find::Needle;

/// Beginnings of lines of a report, and of what surrounds one.
const BEGINNINGS: &[&str] = &[
    "oom-kill:",
    "oom_kill_process",
    "oom_reaper:",
    "oom killer ",
    "OOM killer",
    "Out of memory",
    "Out of Memory",
    "Memory cgroup ",
    "Memory limit reached",
    "Killed process ",
    "Kill process ",
    "Task in ",
    "Tasks in ",
    "Tasks state",
    "CPU: ",
    "Pid: ",
    "Call Trace",
    "Call trace",
    "Hardware name",
    "Workqueue:",
    "memory: usage",
    "memory+swap: usage",
    "kmem: usage",
    "swap: usage",
    "Mem-Info",
    "Mem-info",
    "Node ",
    "DMA",
    "Normal",
    "HighMem",
    "lowmem_reserve",
    "Free swap",
    "Total swap",
    "Swap cache stats",
    "[ pid ]",
    "[  pid  ]",
    "RIP:",
    "RSP:",
    "Code:",
    "<TASK>",
    "</TASK>",
    "<IRQ>",
    "</IRQ>",
    "Kernel panic",
    "---[",
    "-----",
    "=====",
    "Modules linked in",
];

/// Beginnings that the rest of a broken line never has.
const NEVER_A_REST: &[&str] = &[
    "Out of memory",
    "Memory cgroup ",
    "oom-kill:",
    "oom_reaper:",
    "Tasks state",
    "Tasks in /",
    "Task in /",
    "Call Trace:",
    "Hardware name:",
];

/// Beginnings of lines that name a process to kill or killed.
const KILL_BEGINNINGS: &[&str] = &[
    "Out of memory: ",
    "Out of Memory: ",
    "Out of memory (",
    "Memory cgroup out of memory: ",
    "Killed process",
    "Kill process",
    "kill process",
];

fn begins_with_any(text: &[u8], beginnings: &[&str]) -> bool {
    beginnings
        .iter()
        .any(|beginning| text.starts_with(beginning.as_bytes()))
}

/// Whether a line of a report begins here, by its own first words.
pub(in crate::klog) fn begins_by_name(text: &[u8]) -> bool {
    begins_with_any(text, BEGINNINGS)
}

/// Whether a line that names a process to kill or killed begins here.
pub(super) fn begins_kill(text: &[u8]) -> bool {
    begins_with_any(text, KILL_BEGINNINGS)
}

/// Whether this is a line of its own, so that it completes no line before it.
pub(in crate::klog) fn is_never_a_rest(text: &[u8]) -> bool {
    begins_with_any(text, NEVER_A_REST)
        || trigger::invoked(text).is_some()
        || kill::fate(text).is_some()
        || table::is_row(text)
        || memcg::counter(text).is_some()
}

/// Whether a line of a report begins here.
pub(in crate::klog) fn begins(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    begins_by_name(text) || has(text, " invoked oom-killer") || is_row_start(text) || is_frame(text)
}

/// Whether a line of a report has all its parts, so that nothing may be added to it.
pub(in crate::klog) fn is_complete(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    if has(text, "oom-kill:constraint=") {
        return ends_with_number_after(text, ",uid=");
    }
    if has(text, " invoked oom-killer") {
        return ends_with_number_after(text, "oom_score_adj=");
    }
    if has(text, "Killed process ") {
        return ends_with_number_after(text, " oom_score_adj:");
    }
    has(text, "or sacrifice child")
        || is_figure(text)
        || text.ends_with(b"(memory values in pages):")
}

/// Whether a line of a report was broken off: what must follow does not.
pub(in crate::klog) fn is_incomplete(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    if text.ends_with(b" invoked")
        || text.ends_with(b"Killed")
        || text.ends_with(b"Killed process")
        || text.ends_with(b"Kill process")
    {
        return true;
    }
    if has(text, "oom-kill:constraint=") {
        return !ends_with_number_after(text, ",uid=");
    }
    if has(text, " invoked oom-killer") {
        return !has(text, "oom_score_adj=") && !has(text, "oom_adj=");
    }
    if is_kill(text) {
        return !has(text, "file-rss:") && !has(text, " score ")
            || text.ends_with(b",")
            || has(text, " score ") && !has(text, "child") && !has(text, "-rss:");
    }
    if text.starts_with(b"[ pid ]") || text.starts_with(b"[  pid  ]") {
        return !text.ends_with(b"name");
    }
    is_row_start(text) && is_all_figures(text)
}

/// Whether this is a long line of a report, the more so if a terminal had to break it.
pub(in crate::klog) fn is_long(text: &[u8]) -> bool {
    is_kill(text)
        || has(text, "oom-kill:constraint=")
        || has(text, " invoked oom-killer")
        || is_row_start(text)
}

/// Whether a line end behind this can only be part of a task's name.
pub(in crate::klog) fn may_end_in_a_name(text: &[u8]) -> bool {
    is_row_start(text)
        || (is_kill(text) || has(text, "oom-kill:")) && is_incomplete(text)
        || text.starts_with(b"CPU: ") && has(text, " Comm: ") && !has(text, "ainted")
}

/// Whether `text` can only be the first part of a name, and `next` the rest with what follows it.
pub(in crate::klog) fn is_end_of_trigger(text: &[u8], next: &[u8]) -> bool {
    text.len() < COMM_BYTES
        && Needle::new(b" invoked oom-killer: gfp_mask=")
            .find(next)
            .is_some_and(|at| at < COMM_BYTES)
}

/// Bytes that the kernel keeps of a task's name, with its end.
const COMM_BYTES: usize = 16;

/// Whether this is what a kill line goes on with.
pub(in crate::klog) fn continues_kill(text: &[u8]) -> bool {
    [
        "total-vm:",
        "anon-rss:",
        "file-rss:",
        "shmem-rss:",
        "UID:",
        "pgtables:",
        "oom_score_adj:",
    ]
    .iter()
    .any(|part| text.starts_with(part.as_bytes()))
}

/// Whether this names a process that is killed.
pub(in crate::klog) fn is_kill(text: &[u8]) -> bool {
    has(text, "Killed process ") || has(text, "Kill process ")
}

/// `anon 1234`: a line of memory.stat.
pub(in crate::klog) fn is_figure(text: &[u8]) -> bool {
    let mut cursor = Cursor(text.trim_ascii());
    let name = cursor.word();
    let named = name
        .iter()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_')
        && name.first().is_some_and(u8::is_ascii_lowercase);
    named && cursor.eat(b" ") && cursor.number(19).is_some() && cursor.0.is_empty()
}

/// Whether a record with line ends in it is one of those the kernel makes: memory.stat, and the
/// first block of Mem-Info. Any other line end is part of a name, and must not begin a line.
pub(in crate::klog) fn is_block(first: &[u8]) -> bool {
    let first = first.trim_ascii();
    is_figure(first)
        || first.starts_with(b"active_anon:")
        || first.starts_with(b"Mem-Info:")
        || first.starts_with(b"Memory cgroup stats for ") && first.ends_with(b":")
}

/// Whether a line of such a block may look like this.
pub(in crate::klog) fn is_block_line(text: &[u8]) -> bool {
    !begins(text)
        && text
            .iter()
            .all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'))
}

/// Rank of a line in the order in which a report is printed; the same for lines of one part.
pub(in crate::klog) fn rank(text: &[u8]) -> Option<u8> {
    let text = text.trim_ascii_start();
    if has(text, " invoked oom-killer") {
        return Some(0);
    }
    let by_beginning: &[(&str, u8)] = &[
        ("CPU: ", 1),
        ("Hardware name", 2),
        ("Call Trace", 3),
        ("Call trace", 3),
        ("memory: usage", 4),
        ("Mem-Info", 4),
        ("memory+swap: usage", 5),
        ("swap: usage", 5),
        ("Tasks state", 6),
        ("[ pid ]", 7),
        ("[  pid  ]", 7),
        ("oom-kill:", 8),
        ("Memory cgroup out of memory", 9),
        ("Out of memory", 9),
        ("Killed process", 10),
        ("oom_reaper: reaped", 11),
    ];
    by_beginning
        .iter()
        .find(|(beginning, _)| text.starts_with(beginning.as_bytes()))
        .map(|(_, rank)| *rank)
}

/// Whether this comes before the first line of a report and belongs to it.
pub(in crate::klog) fn is_before_first(text: &[u8]) -> bool {
    text.ends_with(b" callbacks suppressed")
}

fn has(text: &[u8], part: &str) -> bool {
    Needle::new(part.as_bytes()).is_in(text)
}

/// Whether `text` ends with `part` and a number.
fn ends_with_number_after(text: &[u8], part: &str) -> bool {
    let digits = text
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let before = text.get(..text.len() - digits).unwrap_or_default();
    let before = before.strip_suffix(b"-").unwrap_or(before);
    digits > 0 && before.ends_with(part.as_bytes())
}

/// `[ 1234]`: a row of the table.
fn is_row_start(text: &[u8]) -> bool {
    let mut cursor = Cursor(text);
    cursor.eat(b"[") && {
        cursor.blanks();
        cursor.number(10).is_some() && cursor.eat(b"]")
    }
}

fn is_all_figures(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b' ' | b'[' | b']' | b'-'))
}

/// ` dump_header+0x4c/0x22b`: a line of a call trace.
fn is_frame(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"? ").unwrap_or(text);
    let word = Cursor(text).word();
    Needle::new(b"+0x").find(word).is_some_and(|at| at > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_broken_lines() {
        for whole in [
            "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=-998",
            "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task=fio,pid=649,uid=0",
            "Out of memory: Killed process 649 (fio) total-vm:2kB, anon-rss:1kB, file-rss:0kB, UID:0 pgtables:9kB oom_score_adj:0",
            "Memory cgroup out of memory: Kill process 1 (a) score 988 or sacrifice child",
            "anon 1234",
        ] {
            assert!(is_complete(whole.as_bytes()), "{whole}");
            assert!(!is_incomplete(whole.as_bytes()), "{whole}");
        }
        for broken in [
            "java invoked",
            "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0,",
            "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/",
            "Out of memory: Killed",
            "Out of memory: Killed process 649 (fio)",
            "Killed process 7637 (syz-executor) total-vm:37044kB, ",
            "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes",
            "[   2578]    81  2578      523        0 393216        ",
        ] {
            assert!(is_incomplete(broken.as_bytes()), "{broken}");
            assert!(!is_complete(broken.as_bytes()), "{broken}");
        }
    }

    #[test]
    fn blocks_are_only_the_kernels_own() {
        assert!(is_block(b"anon 1234"));
        assert!(is_block(b"active_anon:12 inactive_anon:13"));
        assert!(!is_block(b"Killed process 1 (a"));
        assert!(is_block_line(b" active_file:1 inactive_file:2"));
        assert!(!is_block_line(b"Out of memory: Killed process 1 (init)"));
        assert!(!is_block_line(b" x invoked oom-killer: gfp_mask=0"));
    }
}

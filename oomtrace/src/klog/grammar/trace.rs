//! The trigger's call trace: names of functions.

use super::text::{contains, kernel_word, split, words};

/// More frames than a kernel stack holds.
pub(in crate::klog) const FRAMES_MAX: usize = 128;

/// Whether a call trace begins after this line.
pub(in crate::klog) fn begins(text: &[u8]) -> bool {
    [
        b"Call Trace:" as &[u8],
        b"Call trace:",
        b"Backtrace:",
        b"Backtrace: ",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::klog) enum Line {
    /// A function.
    Frame(String),
    /// Registers, code, marks: understood, not kept.
    Other,
}

/// Parses a line; `None` for one that is no part of a trace.
pub(in crate::klog) fn line(text: &[u8]) -> Option<Line> {
    let mut rest = text.trim_ascii();
    if rest.first() == Some(&b'<') && rest.last() == Some(&b'>') && rest.len() < 16 {
        return Some(Line::Other);
    }
    if is_registers(rest) {
        return Some(Line::Other);
    }
    // `[<ffffffff813eb1a3>] `, `([<00000001f848fe2a>] `, `[c0000001cb163640] [c000000001035754] `.
    loop {
        let inner = rest.strip_prefix(b"(").unwrap_or(rest);
        let Some((address, after)) = inner
            .strip_prefix(b"[")
            .and_then(|inner| split(inner, b"] "))
        else {
            break;
        };
        if !is_address(address) {
            return None;
        }
        rest = after;
    }
    let (mark, rest) = match rest.strip_prefix(b"? ") {
        Some(rest) => ("? ", rest.trim_ascii_start()),
        None => ("", rest),
    };
    let mut all = words(rest);
    let first = all.next()?;
    let second = all.next();
    // `(show_stack+0x10/0x14)` of 32-bit ARM.
    let symbol = first.strip_prefix(b"(").unwrap_or(first);
    let symbol = symbol.strip_suffix(b")").unwrap_or(symbol);
    let name = match split(symbol, b"+0x") {
        Some((name, offset)) if is_offset(offset) => name,
        None if second == Some(b"from") => symbol,
        // `dump_stack (lib/dump_stack.c:130)`
        None if second.is_some_and(|place| place.starts_with(b"(") && contains(place, b".")) => {
            symbol
        }
        _ => return None,
    };
    is_symbol(name)
        .then(|| kernel_word(name, 120))?
        .map(|name| Line::Frame(format!("{mark}{name}")))
}

fn is_address(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"<").unwrap_or(text);
    let digits = digits.strip_suffix(b">").unwrap_or(digits);
    digits.len() >= 8 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// `63/0x90`, perhaps with `)` behind it.
fn is_offset(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_hexdigit) && contains(text, b"/0x")
}

fn is_symbol(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$' | b'-'))
}

fn is_registers(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    let register = |word: &[u8]| {
        word.len() <= 9
            && word.ends_with(b":")
            && word
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b':')
    };
    register(first)
        || [
            b"Code:" as &[u8],
            b"Exception stack(",
            b"Workqueue:",
            b"Stack:",
            b"Sched_ext:",
        ]
        .iter()
        .any(|start| text.starts_with(start))
        || is_hexadecimal_dump(text)
}

/// Lines of nothing but the stack's words.
fn is_hexadecimal_dump(text: &[u8]) -> bool {
    let mut all = words(text).peekable();
    all.peek().is_some()
        && all.all(|word| {
            let digits = word.strip_suffix(b":").unwrap_or(word);
            matches!(digits.len(), 4 | 8 | 16) && digits.iter().all(u8::is_ascii_hexdigit)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_every_architecture() {
        for (text, name) in [
            ("[<ffffffff813eb1a3>] dump_stack+0x63/0x90", "dump_stack"),
            (
                " [<ffffffff811fd304>] ? mem_cgroup_iter+0x204/0x390",
                "? mem_cgroup_iter",
            ),
            ("oom_kill_process.cold+0xb/0x10", "oom_kill_process.cold"),
            (
                "? nfsd_inet6addr_event+0x110/0x110 [nfsd]",
                "? nfsd_inet6addr_event",
            ),
            (
                "[c0000001cb163640] [c000000001035754] dump_stack+0xe8/0x164 (unreliable)",
                "dump_stack",
            ),
            ("([<00000001f848fe2a>] show_stack+0x7a/0xc0)", "show_stack"),
            (
                "unwind_backtrace from show_stack+0x18/0x1c",
                "unwind_backtrace",
            ),
            ("dump_stack (lib/dump_stack.c:130)", "dump_stack"),
        ] {
            assert_eq!(
                line(text.as_bytes()),
                Some(Line::Frame(name.to_owned())),
                "{text}"
            );
        }
        for other in [
            "<TASK>",
            "RIP: 0033:0x4017f6",
            "RAX: 0000000001de1000 RBX: 00007fde526c6000",
            "Code: 00 00 e8",
            "0000000000000286 000000006ffe9d71 ffff8800bb3c7c88 ffffffff813eb1a3",
        ] {
            assert_eq!(line(other.as_bytes()), Some(Line::Other), "{other}");
        }
        for no in [
            "Mem-Info:",
            "memory: usage 40960kB, limit 40960kB, failcnt 65",
            "[ 1381]     0  1381   530382",
            "a b c",
            "",
        ] {
            assert_eq!(line(no.as_bytes()), None, "{no}");
        }
    }
}

//! What syslog daemons and journald put before a message: time, host, program.

use memchr::memmem;

use super::kernel::{self, Priority};
use super::stamp::{Assumed, Stamp};
use crate::klog::cursor::Cursor;
use crate::klog::find::Needle;
use crate::klog::grammar::start;
use crate::klog::line::Line;

/// Who wrote a message, as far as the carrier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// The kernel.
    Kernel,
    /// Another program.
    Program,
    /// It does not say.
    Unsaid,
}

/// Names that syslog daemons have for the kernel.
pub(super) const KERNEL: &[&[u8]] = &[b"kernel", b"vmunix", b"kern"];

/// Programs that write what a virtual machine's console shows: its kernel's words, and others'.
const CONSOLES: &[&str] = &["com.docker.", "hyperkit", "qemu", "firecracker"];

/// Longest name of a host that is taken for one.
const HOST_BYTES_MAX: usize = 255;

/// A date, perhaps a host, perhaps a program; takes nothing if there is no date.
pub(super) fn header(
    cursor: &mut Cursor<'_>,
    line: &mut Line,
    assumed: &mut Assumed,
    date_only: &mut bool,
) -> Option<(Writer, Option<Priority>)> {
    let mut ahead = *cursor;
    let before = ahead;
    let stamp = Stamp::take(&mut ahead)?;
    // Only `dmesg --time-format iso` writes a comma, and no host.
    let taken = before.0.get(..before.0.len() - ahead.0.len())?;
    let from_dmesg = taken.contains(&b',');
    if ahead.blanks() == 0 {
        return None;
    }
    assumed.stamp(line, stamp);
    eat_epoch(&mut ahead);
    *cursor = ahead;
    if from_dmesg || is_bracket(ahead) || start::begins_by_name(ahead.0) {
        *date_only |= !from_dmesg && !is_bracket(ahead);
        return Some((Writer::Unsaid, None));
    }
    // `kern.err kernel: `, as busybox's and OpenWrt's logread print it: no host.
    let mut behind_priority = ahead;
    if let Some(found) = facility_dot_severity(behind_priority.word()) {
        behind_priority.blanks();
        let mut behind = behind_priority;
        let writer = tag(behind.word(), line);
        if writer.is_some() {
            let _ = behind.eat(b" ");
        } else {
            behind = behind_priority;
        }
        *cursor = behind;
        return Some((writer.unwrap_or(Writer::Unsaid), Some(found)));
    }
    let first = ahead.word();
    if let Some(writer) = tag(first, line) {
        let _ = ahead.eat(b" ");
        *cursor = ahead;
        return Some((writer, None));
    }
    if first.len() > HOST_BYTES_MAX {
        return Some((Writer::Unsaid, None));
    }
    ahead.blanks();
    if is_bracket(ahead) {
        line.host = Some(first.to_vec());
        *cursor = ahead;
        return Some((Writer::Unsaid, None));
    }
    let priority = severity_before_tag(&mut ahead);
    let mut behind = ahead;
    let writer = match tag(behind.word(), line) {
        Some(writer) => {
            let _ = behind.eat(b" ");
            writer
        }
        None if ahead.0.starts_with(b"invoked oom-killer:") => {
            *date_only = true;
            return Some((Writer::Unsaid, None));
        }
        // A date alone stood before the lines so far.
        None if *date_only => return Some((Writer::Unsaid, None)),
        // A stream's name, and behind it a line with a date of its own.
        None if Stamp::take(&mut { ahead }).is_some() => {
            *cursor = ahead;
            let inner = header(cursor, line, assumed, date_only);
            return Some(inner.unwrap_or((Writer::Unsaid, None)));
        }
        // macOS has columns of its own before the console of its virtual machine.
        None if is_console(ahead.0) => return Some((Writer::Unsaid, None)),
        // A program whose name has blanks; or a daemon's own note. Not the kernel, in any case.
        None => {
            behind = ahead;
            Writer::Program
        }
    };
    line.host = Some(first.to_vec());
    *cursor = behind;
    Some((writer, priority))
}

fn is_console(text: &[u8]) -> bool {
    let window = text.get(..120).unwrap_or(text);
    CONSOLES
        .iter()
        .any(|console| memmem::find(window, console.as_bytes()).is_some())
        && memmem::find(window, b": [").is_some()
}

/// `kernel:`, `systemd[1]:`.
fn tag(word: &[u8], line: &mut Line) -> Option<Writer> {
    let tag = word.strip_suffix(b":")?;
    if KERNEL.contains(&tag) {
        return Some(Writer::Kernel);
    }
    let name = tag.split(|byte| *byte == b'[').next().unwrap_or(tag);
    if name.is_empty() {
        return None;
    }
    if CONSOLES
        .iter()
        .any(|console| name.starts_with(console.as_bytes()))
    {
        return Some(Writer::Unsaid);
    }
    line.program = Some(name.to_vec());
    Some(Writer::Program)
}

/// `[1716704260.123] `, which `logread -t` puts behind the date.
fn eat_epoch(cursor: &mut Cursor<'_>) {
    let mut ahead = *cursor;
    let is_epoch = ahead.eat(b"[")
        && ahead.digits(10).is_some_and(|digits| digits.len() == 10)
        && ahead.eat(b".")
        && ahead.digits(3).is_some()
        && ahead.eat(b"] ");
    if is_epoch {
        *cursor = ahead;
    }
}

/// `kern.warn `, `[kern.warn] `, `warning ` or `kern warning ` before `kernel: `.
fn severity_before_tag(cursor: &mut Cursor<'_>) -> Option<Priority> {
    let mut ahead = *cursor;
    let word = ahead.word();
    ahead.blanks();
    if let Some(found) = facility_dot_severity(word) {
        *cursor = ahead;
        return Some(found);
    }
    let mut name = word.to_ascii_lowercase();
    let mut facility = kernel::KERN;
    if let Some(found) = kernel::facility_of(&name) {
        facility = found;
        name = ahead.word().to_ascii_lowercase();
        ahead.blanks();
    }
    let severity = kernel::severity_of(name.strip_suffix(b":").unwrap_or(&name))?;
    if !KERNEL.iter().any(|tag| ahead.0.starts_with(tag)) {
        return None;
    }
    *cursor = ahead;
    Some(Priority { facility, severity })
}

/// Whether a word can be the name of a host: no time, no number alone, no severity.
fn is_host_name(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    word.len() <= HOST_BYTES_MAX
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte))
        && (word.iter().any(u8::is_ascii_alphabetic)
            || word.iter().filter(|byte| **byte == b'.').count() == 3)
        && facility_dot_severity(word).is_none()
        && kernel::severity_of(&lower).is_none()
        && kernel::facility_of(&lower).is_none()
        && !matches!(word, b"AM" | b"PM" | b"am" | b"pm" | b"UTC" | b"GMT")
}

/// `kern.warn`, as busybox's syslogd writes it.
fn facility_dot_severity(word: &[u8]) -> Option<Priority> {
    let word = word
        .strip_prefix(b"[")
        .and_then(|word| word.strip_suffix(b"]"))
        .unwrap_or(word);
    let at = memchr::memchr(b'.', word)?;
    let (facility, severity) = word.split_at_checked(at)?;
    Some(Priority {
        facility: kernel::facility_of(facility)?,
        severity: kernel::severity_of(severity.get(1..)?)?,
    })
}

fn is_bracket(cursor: Cursor<'_>) -> bool {
    kernel::bracket(
        &mut cursor.clone(),
        &mut Line::default(),
        &mut Assumed::default(),
    )
}

/// A prefix of an unknown form that ends with ` kernel: `; the word before it is the host.
pub(super) fn unknown_header(cursor: &mut Cursor<'_>, line: &mut Line) -> bool {
    /// Longest such prefix, and the most words it may have.
    const BYTES_MAX: usize = 120;
    const WORDS_MAX: usize = 8;
    const BEFORE_TEXT: Needle<'_> = Needle::new(b" kernel: ");
    if cursor.eat(b"kernel: ") {
        return true;
    }
    if cursor.peek() == Some(b'[') {
        return false;
    }
    let window = cursor.0.get(..BYTES_MAX).unwrap_or(cursor.0);
    let Some(at) = BEFORE_TEXT.find(window) else {
        return false;
    };
    let prefix = window.get(..at).unwrap_or_default();
    let words: Vec<_> = prefix
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .collect();
    // Where another program's name comes before it, the rest is that program's text.
    let looks_like_a_prefix = words.len() <= WORDS_MAX
        && !words.iter().any(|word| word.ends_with(b":"))
        && !prefix.iter().any(|byte| b"[]{}=\"(),;".contains(byte))
        && prefix.iter().any(u8::is_ascii_digit);
    if !looks_like_a_prefix {
        return false;
    }
    line.host = words
        .last()
        .filter(|word| words.len() > 1 && is_host_name(word))
        .map(|word| word.to_vec());
    let _ = cursor.take(at + b" kernel: ".len());
    true
}

/// `host kernel: ` behind a time since boot, as `journalctl -o short-monotonic` prints it: the host
/// and the writer, and what is left. `known` is the host in the lines so far.
pub(super) fn monotonic<'a>(
    cursor: Cursor<'a>,
    known: Option<&[u8]>,
    line: &mut Line,
) -> Option<(&'a [u8], Writer, Cursor<'a>)> {
    let mut ahead = cursor;
    let host = ahead.word();
    if host.is_empty() || host.ends_with(b":") || !ahead.eat(b" ") {
        return None;
    }
    let word = ahead.word();
    // Programs without a number are told from a kernel's words only by the host's name.
    if !word.ends_with(b"]:") && word != b"kernel:" && known != Some(host) {
        return None;
    }
    let writer = tag(word, line)?;
    let _ = ahead.eat(b" ");
    Some((host, writer, ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Writer>, Line, String) {
        let (mut cursor, mut line) = (Cursor(text.as_bytes()), Line::default());
        let writer = header(&mut cursor, &mut line, &mut Assumed::default(), &mut false);
        let rest = String::from_utf8_lossy(cursor.0).into_owned();
        (writer.map(|(writer, _)| writer), line, rest)
    }

    #[test]
    fn headers() {
        use Writer::{Kernel, Program, Unsaid};
        for (text, writer, host, rest) in [
            ("Jun 20 12:47:02 db1 kernel: x", Kernel, "db1", "x"),
            (
                "Jun 20 12:47:02 db1.example.org kernel: [  1.0] x",
                Kernel,
                "db1.example.org",
                "[  1.0] x",
            ),
            ("Jun 20 12:47:02 kernel: x", Kernel, "", "x"),
            ("jun 20 12:47:02 db1 kernel:  x", Kernel, "db1", " x"),
            ("Jun 20 12:47:02 db1 rsyslogd-2177: x", Program, "db1", "x"),
            ("Jun 20 12:47:02 db1 kernel[12]: x", Program, "db1", "x"),
            (
                "Jun 20 12:47:02 db1 my prog: x",
                Program,
                "db1",
                "my prog: x",
            ),
            (
                "Jun 20 12:47:02 db1 [    1.000000] x",
                Unsaid,
                "db1",
                "[    1.000000] x",
            ),
            (
                "Jun 20 12:47:02 db1 kern.warn kernel: x",
                Kernel,
                "db1",
                "x",
            ),
            ("2024-05-26T06:17:40+0200 db1 kernel: x", Kernel, "db1", "x"),
            (
                "Sun 2024-05-26 06:17:40 CEST db1 kernel: x",
                Kernel,
                "db1",
                "x",
            ),
            ("1716704260.123456 db1 kernel: x", Kernel, "db1", "x"),
            (
                "2024-05-26T06:17:40,287197+00:00 java invoked oom-killer: x",
                Unsaid,
                "",
                "java invoked oom-killer: x",
            ),
            (
                "Jun 20 12:47:02 java invoked oom-killer: x",
                Unsaid,
                "",
                "java invoked oom-killer: x",
            ),
        ] {
            let (found, line, left) = read(text);
            assert_eq!(found, Some(writer), "{text}");
            assert_eq!(line.host.unwrap_or_default(), host.as_bytes(), "{text}");
            assert_eq!(left, rest, "{text}");
        }
        assert_eq!(read("java invoked oom-killer: x").0, None);
    }

    #[test]
    fn programs_are_named() {
        let line = read("Jun 20 12:47:02 db1 systemd-oomd[77]: Killed /x").1;
        assert_eq!(line.program.as_deref(), Some(&b"systemd-oomd"[..]));
    }

    #[test]
    fn unknown_prefixes_end_with_the_kernels_name() {
        let read = |text: &str| {
            let (mut cursor, mut line) = (Cursor(text.as_bytes()), Line::default());
            unknown_header(&mut cursor, &mut line)
                .then(|| String::from_utf8_lossy(cursor.0).into_owned())
        };
        assert_eq!(read("kernel: x"), Some("x".to_owned()));
        assert_eq!(read("20/06/24 12:47 db1 kernel: x"), Some("x".to_owned()));
        for forged in [
            "20/06/24 12:47 db1 app[1]: hello kernel: x",
            "20/06/24 12:47 db1 app: hello kernel: x",
            "what a nice kernel: x",
        ] {
            assert_eq!(read(forged), None, "{forged}");
        }
    }
}

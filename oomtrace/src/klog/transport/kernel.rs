//! What the kernel itself and `dmesg` put before a message: level, time, caller.

use super::stamp::{Assumed, Stamp};
use crate::klog::cursor::Cursor;
use crate::klog::line::Line;

/// syslog's facility of the kernel.
pub(super) const KERN: u8 = 0;

/// Facility and severity of a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Priority {
    pub(super) facility: u8,
    pub(super) severity: u8,
}

impl Priority {
    pub(super) fn of(number: u64) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        Some(Self {
            facility: number >> 3,
            severity: number & 7,
        })
    }
}

/// `<4>`.
pub(super) fn priority(cursor: &mut Cursor<'_>) -> Option<Priority> {
    let mut ahead = *cursor;
    if !ahead.eat(b"<") {
        return None;
    }
    let priority = Priority::of(ahead.number(3)?)?;
    if !ahead.eat(b">") {
        return None;
    }
    *cursor = ahead;
    Some(priority)
}

/// Names of facilities, by number.
const FACILITIES: &[&str] = &[
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

/// Names of severities, with their numbers.
const SEVERITIES: &[(&str, u8)] = &[
    ("emerg", 0),
    ("panic", 0),
    ("alert", 1),
    ("crit", 2),
    ("err", 3),
    ("error", 3),
    ("warn", 4),
    ("warning", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
];

pub(super) fn facility_of(name: &[u8]) -> Option<u8> {
    let at = FACILITIES
        .iter()
        .position(|known| known.as_bytes() == name)?;
    u8::try_from(at).ok()
}

pub(super) fn severity_of(name: &[u8]) -> Option<u8> {
    SEVERITIES
        .iter()
        .find(|(known, _)| known.as_bytes() == name)
        .map(|(_, number)| *number)
}

/// `kern  :warn  : `, as `dmesg --decode` prints it.
pub(super) fn decoded(cursor: &mut Cursor<'_>) -> Option<Priority> {
    if !cursor.peek().is_some_and(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let mut ahead = *cursor;
    let facility = facility_of(ahead.until(b':', 14)?.trim_ascii_end())?;
    let severity = severity_of(ahead.until(b':', 10)?.trim_ascii_end())?;
    if !ahead.eat(b" ") {
        return None;
    }
    *cursor = ahead;
    Some(Priority { facility, severity })
}

/// The time in brackets that the kernel or `dmesg` prints, and the caller behind it.
pub(super) fn bracket(cursor: &mut Cursor<'_>, line: &mut Line, assumed: &mut Assumed) -> bool {
    let mut ahead = *cursor;
    if !ahead.eat(b"[") {
        return false;
    }
    if let Some(us) = since_boot(&mut ahead) {
        line.since_boot_us = Some(us);
    } else {
        let mut inside = *cursor;
        let _ = inside.eat(b"[");
        let Some(text) = inside.until(b']', 64) else {
            return false;
        };
        if let Some(stamp) = Stamp::within(text) {
            assumed.stamp(line, stamp);
        } else if !is_relative(text) {
            return false;
        }
        ahead = inside;
    }
    *cursor = ahead;
    caller(cursor, line);
    processor(cursor);
    let _ = cursor.eat(b" ");
    true
}

/// What kernels of phones put behind the time: `(2)[123:kworker/2:1]`, `[2:     kworker/2:1:  123]`.
fn processor(cursor: &mut Cursor<'_>) {
    let mut ahead = *cursor;
    ahead.blanks();
    let in_parentheses = ahead.eat(b"(");
    if in_parentheses && (ahead.digits(3).is_none() || !ahead.eat(b")")) {
        return;
    }
    if !ahead.eat(b"[") || ahead.digits(10).is_none() || !ahead.eat(b":") {
        return;
    }
    // A name has 15 bytes; those in front of it are padding.
    let Some(task) = ahead.until(b']', 48) else {
        return;
    };
    let ends_in_pid = || {
        let at = memchr::memrchr(b':', task)?;
        let pid = task.get(at + 1..)?.trim_ascii();
        (!pid.is_empty() && pid.iter().all(u8::is_ascii_digit)).then_some(())
    };
    if in_parentheses || ends_in_pid().is_some() {
        *cursor = ahead;
    }
}

/// `  4.108107]` or, with `--show-delta`, `  4.108107 <    0.000340>]`.
fn since_boot(ahead: &mut Cursor<'_>) -> Option<u64> {
    let mut cursor = *ahead;
    cursor.blanks();
    let seconds = cursor.number(10)?;
    if !cursor.eat(b".") {
        return None;
    }
    let digits = cursor
        .0
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let ns = cursor.nanoseconds().filter(|_| digits >= 3)?;
    let mut delta = cursor;
    delta.blanks();
    if delta.eat(b"<") && delta.until(b'>', 24).is_some() {
        cursor = delta;
    }
    if !cursor.eat(b"]") {
        return None;
    }
    *ahead = cursor;
    seconds.checked_mul(1_000_000)?.checked_add(ns / 1000)
}

/// What `dmesg --reltime` and `--show-delta --notime` print: `+0.000340`, `<    0.000340>`,
/// `Nov23 18:54`.
fn is_relative(text: &[u8]) -> bool {
    let mut cursor = Cursor(text);
    cursor.blanks();
    let angle = cursor.eat(b"<");
    cursor.blanks();
    if cursor.eat(b"+") || angle {
        cursor.blanks();
        return cursor.number(10).is_some()
            && cursor.eat(b".")
            && cursor.nanoseconds().is_some()
            && (cursor.eat(b">") || !angle)
            && cursor.0.is_empty();
    }
    let letters = cursor
        .0
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80)
        .count();
    letters >= 3 && cursor.take(letters).is_some() && {
        cursor.blanks();
        cursor.number(2).is_some()
            && cursor.blanks() > 0
            && cursor.number(2).is_some()
            && cursor.eat(b":")
            && cursor.number(2).is_some()
            && cursor.0.is_empty()
    }
}

/// `[ T3106]`, `[   C0]`.
fn caller(cursor: &mut Cursor<'_>, line: &mut Line) {
    let mut ahead = *cursor;
    ahead.blanks();
    if !ahead.eat(b"[") {
        return;
    }
    ahead.blanks();
    let start = ahead;
    if !(ahead.eat(b"T") || ahead.eat(b"C")) || ahead.digits(10).is_none() {
        return;
    }
    let length = start.0.len() - ahead.0.len();
    if ahead.eat(b"]") {
        line.caller = start.0.get(..length).map(lossy);
        *cursor = ahead;
    }
}

pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Line, String)> {
        let (mut cursor, mut line) = (Cursor(text.as_bytes()), Line::default());
        bracket(&mut cursor, &mut line, &mut Assumed::default())
            .then(|| (line, String::from_utf8_lossy(cursor.0).into_owned()))
    }

    #[test]
    fn brackets_of_the_kernel_and_of_dmesg() {
        for (text, us, caller) in [
            ("[    4.108107] x", Some(4_108_107), None),
            ("[15180285.537297] x", Some(15_180_285_537_297), None),
            ("[  246.610518][ T1778] x", Some(246_610_518), Some("T1778")),
            ("[  246.610518][T1778] x", Some(246_610_518), Some("T1778")),
            ("[  246.610518] [   C0] x", Some(246_610_518), Some("C0")),
            ("[    4.108107 <    0.000340>] x", Some(4_108_107), None),
            ("[  +0.000340] x", None, None),
            ("[<    0.000340>] x", None, None),
            ("[Nov23 18:54] x", None, None),
            ("[Wed Mar 13 11:16:48 2024] x", None, None),
            ("[ven. nov. 28 07:26:44 2025] x", None, None),
            ("[月 12日 24 16:02:24 2017] x", None, None),
        ] {
            let Some((line, rest)) = read(text) else {
                panic!("{text}")
            };
            assert_eq!(line.since_boot_us, us, "{text}");
            assert_eq!(line.caller.as_deref(), caller, "{text}");
            assert_eq!(rest, "x", "{text}");
        }
    }

    #[test]
    fn other_brackets_are_text() {
        for text in [
            "[ pid ]   uid  tgid total_vm",
            "[ 1234]     0  1234     1127",
            "[root@fedora ~]# dmesg",
            "[<ffffffe000043992>] walk_stackframe",
            "[child1:446] finit_module",
            "[watchdog] is alive",
            "[...]",
            "[c0000001cb163640] [c0000]",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
        let (_, rest) = read("[    4.1081] [ 1234]     0").unwrap();
        assert_eq!(rest, "[ 1234]     0");
    }

    #[test]
    fn levels() {
        assert_eq!(
            decoded(&mut Cursor(b"kern  :warn  : x")),
            Some(Priority {
                facility: 0,
                severity: 4
            })
        );
        assert_eq!(
            priority(&mut Cursor(b"<30>x")),
            Some(Priority {
                facility: 3,
                severity: 6
            })
        );
        for no in ["<TASK>", "<1234>", "<>", "<999>x", "kern : x"] {
            assert_eq!(priority(&mut Cursor(no.as_bytes())), None);
            assert_eq!(decoded(&mut Cursor(no.as_bytes())), None);
        }
    }
}

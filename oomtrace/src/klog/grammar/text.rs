//! Pieces of log text. Everything here takes any bytes and never trusts a length.

use memchr::memmem;

use crate::klog::find::Needle;

/// Parts before and after the first `needle`.
pub(in crate::klog) fn split<'a>(text: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = Needle::new(needle).find(text)?;
    Some((text.get(..at)?, text.get(at + needle.len()..)?))
}

/// Parts before and after the last `needle`.
pub(in crate::klog) fn split_last<'a>(
    text: &'a [u8],
    needle: &[u8],
) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::rfind(text, needle)?;
    Some((text.get(..at)?, text.get(at + needle.len()..)?))
}

pub(in crate::klog) fn contains(text: &[u8], needle: &[u8]) -> bool {
    Needle::new(needle).is_in(text)
}

/// Whether a line may be the first of a report.
pub(in crate::klog) fn is_first_line(text: &[u8]) -> bool {
    const INVOKED: Needle<'_> = Needle::new(b" invoked oom-killer:");
    INVOKED.is_in(text)
}

/// A whole decimal number, nothing else around it.
pub(in crate::klog) fn unsigned(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Likewise, with a sign in front or not.
pub(in crate::klog) fn signed(text: &[u8]) -> Option<i64> {
    match text.strip_prefix(b"-") {
        Some(digits) => i64::try_from(unsigned(digits)?).ok().map(|value| -value),
        None => i64::try_from(unsigned(text)?).ok(),
    }
}

/// A process or user id.
pub(in crate::klog) fn id(text: &[u8]) -> Option<u32> {
    u32::try_from(unsigned(text)?).ok()
}

/// Largest process id on Linux (`PID_MAX_LIMIT` of 64-bit kernels).
const PID_MAX: u64 = 1 << 22;

/// A process that can be a victim: neither the idle task, 0, nor above what any kernel numbers.
pub(in crate::klog) fn victim_pid(number: u64) -> Option<u32> {
    u32::try_from(number)
        .ok()
        .filter(|_| (1..=PID_MAX).contains(&number))
}

/// A decimal number at the beginning, and what follows it.
pub(in crate::klog) fn leading_unsigned(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((unsigned(number)?, rest))
}

/// A number with `kB` (`KB`, as some lines have it) behind it, as bytes.
pub(in crate::klog) fn kib(text: &[u8]) -> Option<u64> {
    let digits = text
        .strip_suffix(b"kB")
        .or_else(|| text.strip_suffix(b"KB"))?;
    unsigned(digits)?.checked_mul(1024)
}

/// Words between blanks.
pub(in crate::klog) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// Text that the kernel itself chose, so that nothing can be lost in it; `None` for what is too
/// long to be that.
pub(in crate::klog) fn kernel_word(text: &[u8], bytes_max: usize) -> Option<String> {
    let text = text.trim_ascii();
    (!text.is_empty() && text.len() <= bytes_max)
        .then(|| String::from_utf8_lossy(text).into_owned())
}

/// Longest name of a task (`TASK_COMM_LEN` without its NUL).
pub(in crate::klog) const COMM_BYTES_MAX: usize = 15;

/// A name that a task can have; its bytes may be shown as `\xHH` or `#OOO`, which makes it longer.
pub(in crate::klog) fn comm(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text;
    let mut bytes = 0;
    while let Some((first, after)) = rest.split_first() {
        let shown_as: fn(&u8) -> bool = match first {
            b'\\' if after.first() == Some(&b'x') => u8::is_ascii_hexdigit,
            b'#' => u8::is_ascii_digit,
            _ => |_| false,
        };
        let digits = after.get(..3).unwrap_or_default();
        let is_escape = match first {
            b'\\' => digits
                .get(1..)
                .is_some_and(|digits| digits.iter().all(shown_as)),
            _ => digits.len() == 3 && digits.iter().all(shown_as),
        };
        rest = if is_escape {
            after.get(3..).unwrap_or_default()
        } else {
            after
        };
        bytes += 1;
    }
    (bytes <= COMM_BYTES_MAX).then(|| text.to_vec())
}

/// A path of a cgroup that the text shows as a whole: it begins at the root and does not end in
/// the middle of things.
pub(in crate::klog) fn cgroup_path(text: &[u8]) -> Option<Vec<u8>> {
    let whole = text == b"/" || (text.starts_with(b"/") && !text.ends_with(b"/"));
    let marked_as_cut = text.ends_with(b"...") || text.ends_with(b">");
    (whole && !marked_as_cut).then(|| text.to_vec())
}

/// Whether `path` is `ancestor` or below it.
pub(in crate::klog) fn is_below(path: &[u8], ancestor: &[u8]) -> bool {
    ancestor == b"/"
        || path
            .strip_prefix(ancestor)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_or_nothing() {
        assert_eq!(unsigned(b"12"), Some(12));
        for odd in [b"" as &[u8], b"+1", b"1 ", b"0x1", b"99999999999999999999"] {
            assert_eq!(unsigned(odd), None);
        }
        assert_eq!(signed(b"-1000"), Some(-1000));
        assert_eq!(signed(b"--1"), None);
        assert_eq!(kib(b"16kB"), Some(16_384));
        assert_eq!(kib(b"16k"), None, "cut");
        assert_eq!(kib(b"18446744073709551615kB"), None);
    }

    #[test]
    fn only_real_processes_can_be_victims() {
        assert_eq!(victim_pid(4_194_304), Some(4_194_304));
        for no in [0, 4_194_305, u64::MAX] {
            assert_eq!(victim_pid(no), None, "{no}");
        }
    }

    #[test]
    fn names_are_short_though_escapes_are_long() {
        assert!(comm(b"fifteen bytes..").is_some());
        assert!(comm(b"sixteen bytes...").is_none());
        assert!(comm(b"\\xc3\\xa4\\xc3\\xb6\\xc3\\xbc12345").is_some());
        assert!(comm(b"#303#244#303#244#303#24412345").is_some());
        assert!(comm(b"\\xg3\\xa4\\xc3\\xb6\\xc3\\xbc").is_some());
        assert!(comm(b"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\").is_none());
    }

    #[test]
    fn a_cut_path_is_no_path() {
        assert_eq!(cgroup_path(b"/a b/c:d"), Some(b"/a b/c:d".to_vec()));
        for cut in [
            b"in" as &[u8],
            b"",
            b"/docker/",
            b"/docker/ab...",
            b"/docker/ab>",
        ] {
            assert_eq!(cgroup_path(cut), None);
        }
        assert!(is_below(b"/a/b", b"/a"));
        assert!(!is_below(b"/ab", b"/a"));
        assert!(is_below(b"/ab", b"/"));
    }
}

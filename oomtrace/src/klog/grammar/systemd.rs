//! What systemd writes of a kill by the kernel: `web.service: A process of this unit has been killed by
//! the OOM killer.`
//!
//! It learns of the kill from the cgroup's counters, so it names the unit and nothing else. In a log
//! of one unit (`journalctl -u`) it is all that there is.

use super::text;

const PROGRAM: &[u8] = b"systemd";
const KILLED: &[u8] = b": A process of this unit has been killed by the OOM killer.";

/// Longest name of a unit (`UNIT_NAME_MAX` of systemd).
const UNIT_BYTES_MAX: usize = 255;

/// Kinds of units that have processes.
const KINDS: [&[u8]; 5] = [b".service", b".scope", b".slice", b".mount", b".swap"];

/// The unit of which the line says that one of its processes was killed. `program` is the writer that
/// the transport names.
pub(in crate::klog) fn killed_in_unit<'a>(
    text: &'a [u8],
    program: Option<&[u8]>,
) -> Option<&'a str> {
    let unit = text.trim_ascii_end().strip_suffix(KILLED)?;
    let unit = match (program, text::split(unit, b"]: ")) {
        (Some(PROGRAM), _) | (None, None) => unit,
        (None, Some((writer, unit))) if writer.starts_with(b"systemd[") => unit,
        _ => return None,
    };
    let is_unit = unit.len() <= UNIT_BYTES_MAX
        && KINDS.iter().any(|kind| unit.ends_with(kind))
        && unit
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(byte));
    is_unit.then(|| str::from_utf8(unit).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_named() {
        let line = |front: &str| {
            format!("{front}: A process of this unit has been killed by the OOM killer.")
        };
        for (text, program, unit) in [
            (line("web.service"), Some("systemd"), Some("web.service")),
            (line("web.service"), None, Some("web.service")),
            (
                line("systemd[1]: a@b\\x2d1.scope"),
                None,
                Some("a@b\\x2d1.scope"),
            ),
            // Somebody else's words.
            (line("web.service"), Some("web"), None),
            (line("app[7]: web.service"), None, None),
            (line("no unit"), None, None),
            (line("a b.service"), Some("systemd"), None),
            (line(""), Some("systemd"), None),
            (
                "web.service: Main process exited".to_owned(),
                Some("systemd"),
                None,
            ),
        ] {
            let found = killed_in_unit(text.as_bytes(), program.map(str::as_bytes));
            assert_eq!(found, unit, "{text} {program:?}");
        }
    }
}

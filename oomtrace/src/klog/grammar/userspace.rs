//! Lines of user-space OOM killers: systemd-oomd, earlyoom, oomd.

use super::text::{cgroup_path, contains, leading_unsigned, split, split_last, words};

/// What such a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::klog) struct Kill {
    pub(in crate::klog) killer: &'static str,
    pub(in crate::klog) pid: Option<u32>,
    pub(in crate::klog) comm: Option<Vec<u8>>,
    pub(in crate::klog) cgroup: Option<Vec<u8>>,
}

/// Parses a line, with the name of its writer in front or not.
pub(in crate::klog) fn kill(text: &[u8]) -> Option<Kill> {
    // Most lines are of no killer.
    if !matches!(text.first(), Some(b's' | b'e' | b'o' | b'K')) {
        return None;
    }
    let (writer, rest) = writer(text);
    let any = writer.is_empty();
    if (any || writer == b"systemd-oomd") && rest.starts_with(b"Killed /") {
        return systemd_oomd(rest);
    }
    if (any || writer == b"earlyoom")
        && let Some(found) = earlyoom(rest)
    {
        return Some(found);
    }
    oomd(rest)
}

/// `earlyoom[812]: ` in front of the text.
fn writer(text: &[u8]) -> (&[u8], &[u8]) {
    for name in [b"systemd-oomd" as &[u8], b"earlyoom", b"oomd"] {
        let Some(rest) = text.strip_prefix(name) else {
            continue;
        };
        let rest = match rest.strip_prefix(b"[").and_then(leading_unsigned) {
            Some((_, rest)) => rest.strip_prefix(b"]"),
            None => Some(rest),
        };
        if let Some(rest) = rest.and_then(|rest| rest.strip_prefix(b": ")) {
            return (name, rest);
        }
    }
    (b"", text)
}

/// `Killed /a/b.service due to memory pressure for /a being 61% > 50% …`, `Killed /a/b due to
/// memory used (…) / total (…) …`
fn systemd_oomd(text: &[u8]) -> Option<Kill> {
    let path = text.strip_prefix(b"Killed ")?;
    let (path, _) = split(path, b" due to memory ")?;
    Some(Kill {
        killer: "systemd-oomd",
        pid: None,
        comm: None,
        cgroup: Some(cgroup_path(path)?),
    })
}

/// `sending SIGTERM to process 7 uid 0 "java": badness 900, VmRSS 1 MiB`
fn earlyoom(text: &[u8]) -> Option<Kill> {
    let rest = text
        .strip_prefix(b"sending SIGTERM to process ")
        .or_else(|| text.strip_prefix(b"sending SIGKILL to process "))?;
    let (pid, rest) = leading_unsigned(rest)?;
    let pid = u32::try_from(pid).ok()?;
    let (_, rest) = split(rest, b"\"")?;
    let (name, _) =
        split_last(rest, b"\": badness ").or_else(|| split_last(rest, b"\": oom_score "))?;
    // earlyoom shows what `/proc/PID/status` says, not longer than a name is.
    (name.len() <= 64).then(|| Kill {
        killer: "earlyoom",
        pid: Some(pid),
        comm: Some(name.to_vec()),
        cgroup: None,
    })
}

/// `oomd kill: 4.1 2.0 1.3 system.slice/a.service 1234 ruleset:[r] detectorgroup:[d] killer:k v2`
fn oomd(text: &[u8]) -> Option<Kill> {
    let rest = text.strip_prefix(b"oomd kill: ")?;
    let (front, _) = split(rest, b" ruleset:[")?;
    if !contains(rest, b"] killer:") {
        return None;
    }
    let (front, _usage) = split_last(front, b" ")?;
    let mut path = front;
    for _ in 0..3 {
        let (pressure, rest) = split(path, b" ")?;
        words(pressure)
            .next()?
            .first()?
            .is_ascii_digit()
            .then_some(())?;
        path = rest;
    }
    let path = path.strip_prefix(b"/").unwrap_or(path);
    Some(Kill {
        killer: "oomd",
        pid: None,
        comm: None,
        cgroup: cgroup_path(&[b"/", path].concat()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_killer() {
        let found = kill(b"systemd-oomd[571]: Killed /user.slice/a b.scope due to memory pressure for /user.slice being 61.20% > 50.00% for > 20s with reclaim activity").unwrap();
        assert_eq!(found.killer, "systemd-oomd");
        assert_eq!(
            found.cgroup.as_deref(),
            Some(b"/user.slice/a b.scope" as &[u8])
        );
        let found =
            kill(b"sending SIGTERM to process 7 uid 0 \"my \"app\": badness 900, VmRSS 12 MiB")
                .unwrap();
        assert_eq!((found.killer, found.pid), ("earlyoom", Some(7)));
        assert_eq!(found.comm.as_deref(), Some(b"my \"app" as &[u8]));
        let found = kill(b"oomd kill: 4.11 2.04 1.33 system.slice/a.service 1234 ruleset:[r] detectorgroup:[d] killer:kill_by_pressure v2").unwrap();
        assert_eq!(found.killer, "oomd");
        assert_eq!(
            found.cgroup.as_deref(),
            Some(b"/system.slice/a.service" as &[u8])
        );
    }

    #[test]
    fn others_killing_is_not_theirs() {
        for no in [
            b"Killed process 5 (a) total-vm:1kB" as &[u8],
            b"docker[977]: Killed",
            b"Killed /a",
            b"sending SIGTERM to process x",
            b"oomd kill: nothing",
        ] {
            assert_eq!(kill(no), None);
        }
    }
}

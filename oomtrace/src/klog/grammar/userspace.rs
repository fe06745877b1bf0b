//! Lines of user-space OOM killers, one list of them.

use super::text::{cgroup_path, contains, leading_unsigned, split, split_last, victim_pid, words};

/// What such a line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::klog) struct Kill {
    pub(in crate::klog) killer: &'static str,
    pub(in crate::klog) pid: Option<u32>,
    pub(in crate::klog) comm: Option<Vec<u8>>,
    pub(in crate::klog) cgroup: Option<Vec<u8>>,
    /// Why, in the killer's own words.
    pub(in crate::klog) reason: Option<Vec<u8>>,
}

/// A user-space killer: the programs that write its lines, and how one is read.
struct Killer {
    name: &'static str,
    /// Names under which its lines are written; the first is its own.
    programs: &'static [&'static str],
    read: fn(&[u8]) -> Option<Kill>,
    /// Its lines are so much its own that they are believed without their writer's name.
    is_certain: bool,
}

/// Longest reason that is kept.
const REASON_BYTES_MAX: usize = 512;

/// All killers whose lines are known.
const KILLERS: &[Killer] = &[
    Killer {
        name: "systemd-oomd",
        programs: &["systemd-oomd"],
        read: systemd_oomd,
        is_certain: true,
    },
    Killer {
        name: "earlyoom",
        programs: &["earlyoom"],
        read: earlyoom,
        is_certain: true,
    },
    Killer {
        name: "oomd",
        programs: &["oomd"],
        read: oomd,
        is_certain: true,
    },
    Killer {
        name: "nohang",
        programs: &["nohang", "nohang-desktop"],
        read: nohang,
        is_certain: false,
    },
    Killer {
        name: "lowmemorykiller",
        programs: &["lowmemorykiller"],
        read: lowmemorykiller,
        is_certain: true,
    },
    Killer {
        name: "lmkd",
        programs: &["lmkd", "lowmemorykiller"],
        read: lmkd,
        is_certain: true,
    },
    Killer {
        name: "talos",
        programs: &["talos", "machined"],
        read: talos,
        is_certain: true,
    },
];

/// Whether a program is one of the killers, so that its lines are read.
pub(in crate::klog) fn is_killer(program: &[u8]) -> bool {
    KILLERS
        .iter()
        .flat_map(|killer| killer.programs)
        .any(|name| name.as_bytes() == program)
}

/// Parses a line, with the name of its writer in front or not. `program` is the writer that the
/// transport names.
pub(in crate::klog) fn kill(text: &[u8], program: Option<&[u8]>) -> Option<Kill> {
    // Most lines are of no killer.
    const BEGINNINGS: &[u8] = b"sSeEoOKklLnmtTICMmr[";
    if !BEGINNINGS.contains(text.first()?) {
        return None;
    }
    let (writer, rest) = match writer(text) {
        Some((writer, rest)) => (Some(writer), rest),
        None => (program, text),
    };
    KILLERS.iter().find_map(|killer| {
        let is_writer = writer.is_some_and(|writer| {
            killer
                .programs
                .iter()
                .any(|program| program.as_bytes() == writer)
        });
        if !is_writer && (writer.is_some_and(is_killer) || !killer.is_certain) {
            return None;
        }
        let mut kill = (killer.read)(rest)?;
        kill.killer = killer.name;
        if let Some(reason) = &mut kill.reason {
            reason.truncate(REASON_BYTES_MAX);
        }
        Some(kill)
    })
}

/// `earlyoom[812]: ` in front of the text.
fn writer(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text
        .iter()
        .take(24)
        .position(|byte| matches!(byte, b'[' | b':'))?;
    let (name, rest) = text.split_at_checked(end)?;
    if !is_killer(name) {
        return None;
    }
    let rest = match rest.strip_prefix(b"[").and_then(leading_unsigned) {
        Some((_, rest)) => rest.strip_prefix(b"]")?,
        None => rest,
    };
    Some((name, rest.strip_prefix(b": ")?))
}

/// `Killed /a/b.service due to memory pressure for /a being 61% > 50% …`, `Killed /a/b due to
/// memory used (…) / total (…) …`
fn systemd_oomd(text: &[u8]) -> Option<Kill> {
    let path = text.strip_prefix(b"Killed ")?;
    let (path, reason) = split(path, b" due to memory ")?;
    Some(Kill {
        cgroup: Some(cgroup_path(path)?),
        reason: Some([b"memory ", reason].concat()),
        ..Kill::default()
    })
}

/// `sending SIGTERM to process 7 uid 0 "java": badness 900, VmRSS 1 MiB`
fn earlyoom(text: &[u8]) -> Option<Kill> {
    let rest = text
        .strip_prefix(b"sending SIGTERM to process ")
        .or_else(|| text.strip_prefix(b"sending SIGKILL to process "))?;
    let (pid, rest) = leading_unsigned(rest)?;
    let pid = victim_pid(pid)?;
    let (_, rest) = split(rest, b"\"")?;
    let (name, reason) = [b"\": badness " as &[u8], b"\": oom_score ", b"\": "]
        .iter()
        .find_map(|end| {
            let (name, _) = split_last(rest, end)?;
            Some((name, rest.get(name.len() + 3..)?))
        })?;
    // earlyoom shows what `/proc/PID/status` says, not longer than a name is.
    (name.len() <= 64).then(|| Kill {
        pid: Some(pid),
        comm: Some(name.to_vec()),
        reason: Some(reason.to_vec()),
        ..Kill::default()
    })
}

/// `oomd kill: 4.1 2.0 1.3 system.slice/a.service 1234 ruleset:[r] detectorgroup:[d] killer:k v2`
fn oomd(text: &[u8]) -> Option<Kill> {
    let rest = text.strip_prefix(b"oomd kill: ")?;
    let (front, rules) = split(rest, b" ruleset:[")?;
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
        cgroup: cgroup_path(&[b"/", path].concat()),
        reason: Some([b"ruleset:[", rules].concat()),
        ..Kill::default()
    })
}

/// `Sending SIGKILL to PID 7 (java)` of nohang.
fn nohang(text: &[u8]) -> Option<Kill> {
    let at = split(text, b"Sending SIG")?.1;
    let (_, rest) = split(at, b" to ")?;
    let rest = rest
        .strip_prefix(b"PID ")
        .or_else(|| rest.strip_prefix(b"process with PID "))
        .unwrap_or(rest);
    let (pid, rest) = leading_unsigned(rest)?;
    let comm = rest
        .strip_prefix(b" (")
        .and_then(|rest| split_last(rest, b")"))
        .map(|(name, _)| name.to_vec());
    Some(Kill {
        pid: Some(victim_pid(pid)?),
        comm,
        ..Kill::default()
    })
}

/// Android's in-kernel killer: `lowmemorykiller: Killing 'name' (123), adj 900,` and
/// `Killing 'name' (123) (tgid 120), adj 900, to free 1234kB on behalf of …`.
fn lowmemorykiller(text: &[u8]) -> Option<Kill> {
    let rest = text
        .strip_prefix(b"Killing '")
        .or_else(|| text.strip_prefix(b"lowmemorykiller: Killing '"))?;
    let (name, rest) = split_last(rest, b"' (")?;
    let (pid, rest) = leading_unsigned(rest)?;
    let rest = rest.strip_prefix(b")")?;
    if !contains(rest, b"adj") {
        return None;
    }
    let pid = split(rest, b"(tgid ")
        .and_then(|(_, rest)| leading_unsigned(rest))
        .map_or(pid, |(tgid, _)| tgid);
    let reason = split(rest, b"adj").map(|(_, rest)| [b"adj", rest].concat())?;
    (name.len() <= 64).then_some(())?;
    Some(Kill {
        pid: Some(victim_pid(pid)?),
        comm: Some(name.to_vec()),
        reason: Some(reason.trim_ascii_end().to_vec()),
        ..Kill::default()
    })
}

/// Android's daemon: `Kill 'com.app' (123), uid 10123, oom_score_adj 900 to free 1234kB rss, …;
/// reason: low watermark is breached`.
fn lmkd(text: &[u8]) -> Option<Kill> {
    let rest = text.strip_prefix(b"Kill '")?;
    let (name, rest) = split_last(rest, b"' (")?;
    let (pid, rest) = leading_unsigned(rest)?;
    let rest = rest.strip_prefix(b"), ")?;
    if !contains(rest, b"adj ") {
        return None;
    }
    let reason = split(rest, b"reason: ").map_or(rest, |(_, reason)| reason);
    (name.len() <= 255).then_some(())?;
    Some(Kill {
        pid: Some(victim_pid(pid)?),
        comm: Some(name.to_vec()),
        reason: Some(reason.to_vec()),
        ..Kill::default()
    })
}

/// Talos' controller: `[talos] OOM controller triggered … {"cgroup": "/a", …}` or
/// `Sending SIGKILL to cgroup {"component": "controller-runtime", "controller":
/// "runtime.OOMController", "cgroup": "/sys/fs/cgroup/a"}`.
fn talos(text: &[u8]) -> Option<Kill> {
    if !contains(text, b"OOMController") {
        return None;
    }
    let (front, fields) = split(text, b"{")?;
    let reason = front.strip_prefix(b"[talos] ").unwrap_or(front);
    if !contains(reason, b"SIGKILL") && !contains(reason, b"ill") {
        return None;
    }
    let path = split(fields, b"\"cgroup\": \"")
        .and_then(|(_, path)| split(path, b"\""))
        .map(|(path, _)| path.strip_prefix(b"/sys/fs/cgroup").unwrap_or(path));
    Some(Kill {
        cgroup: path.and_then(cgroup_path),
        reason: Some(reason.trim_ascii().to_vec()),
        ..Kill::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_killer() {
        let found = kill(b"systemd-oomd[571]: Killed /user.slice/a b.scope due to memory pressure for /user.slice being 61.20% > 50.00% for > 20s with reclaim activity", None).unwrap();
        assert_eq!(found.killer, "systemd-oomd");
        assert_eq!(
            found.cgroup.as_deref(),
            Some(b"/user.slice/a b.scope" as &[u8])
        );
        let found = kill(
            b"sending SIGTERM to process 7 uid 0 \"my \"app\": badness 900, VmRSS 12 MiB",
            None,
        )
        .unwrap();
        assert_eq!((found.killer, found.pid), ("earlyoom", Some(7)));
        assert_eq!(found.comm.as_deref(), Some(b"my \"app" as &[u8]));
        let found = kill(b"oomd kill: 4.11 2.04 1.33 system.slice/a.service 1234 ruleset:[r] detectorgroup:[d] killer:kill_by_pressure v2", None).unwrap();
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
            assert_eq!(kill(no, None), None);
        }
    }

    #[test]
    fn android_and_talos_killers_are_read() {
        for (text, killer, pid, comm, reason) in [
            (
                "lowmemorykiller: Killing 'd.process.acore' (2211) (tgid 2201), adj 906,",
                "lowmemorykiller",
                Some(2201),
                Some("d.process.acore"),
                "adj 906,",
            ),
            (
                "lowmemorykiller: Kill 'com.example.maps' (4711), uid 10120, oom_score_adj 945 to \
                 free 90112kB rss, 0kB swap; reason: low watermark is breached",
                "lmkd",
                Some(4711),
                Some("com.example.maps"),
                "low watermark is breached",
            ),
            (
                "[talos] Sending SIGKILL to cgroup {\"component\": \"controller-runtime\", \
                 \"controller\": \"runtime.OOMController\", \"cgroup\": \"/sys/fs/cgroup/podruntime\"}",
                "talos",
                None,
                None,
                "Sending SIGKILL to cgroup",
            ),
        ] {
            let found = kill(text.as_bytes(), None).expect(text);
            assert_eq!((found.killer, found.pid), (killer, pid), "{text}");
            assert_eq!(found.comm.as_deref(), comm.map(str::as_bytes), "{text}");
            assert_eq!(found.reason.as_deref(), Some(reason.as_bytes()), "{text}");
        }
    }
}

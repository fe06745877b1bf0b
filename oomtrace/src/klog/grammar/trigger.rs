//! The first lines of a report: who asked for memory, and on which machine.

use super::text::{self, comm, contains, id, kernel_word, signed, split, split_last, unsigned};

/// `X invoked oom-killer: gfp_mask=…`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::klog) struct Invoked {
    pub(in crate::klog) comm: Vec<u8>,
    pub(in crate::klog) gfp_mask: Option<u64>,
    pub(in crate::klog) gfp_flags: Vec<String>,
    pub(in crate::klog) order: Option<i32>,
    pub(in crate::klog) oom_score_adj: Option<i32>,
    pub(in crate::klog) nodemask: Option<String>,
}

/// More flags than any allocation has.
const FLAGS_MAX: usize = 64;

/// Parses the whole line, to its end: a piece of a path or a name that looks like it is followed
/// by something else.
pub(in crate::klog) fn invoked(text: &[u8]) -> Option<Invoked> {
    let (before, after) = split(text, b" invoked oom-killer: ")?;
    let comm = own_name(before)?;
    let rest = after.trim_ascii().strip_prefix(b"gfp_mask=")?;
    // Flags are names and bars between parentheses: no blank, no comma.
    let (mask, rest) = match split(rest, b",") {
        Some((mask, rest)) => (mask, rest),
        None => (rest, b"" as &[u8]),
    };
    let (mask, flags) = match split(mask, b"(") {
        Some((mask, flags)) => (mask, flags.strip_suffix(b")").unwrap_or(flags)),
        None => (mask, b"" as &[u8]),
    };
    let mut found = Invoked {
        comm,
        gfp_mask: hexadecimal(mask),
        gfp_flags: flags
            .split(|byte| *byte == b'|')
            .filter_map(|flag| kernel_word(flag, 64))
            .take(FLAGS_MAX)
            .collect(),
        ..Invoked::default()
    };
    found.gfp_mask?;
    for field in rest.split(|byte| *byte == b',') {
        let field = field.trim_ascii();
        if field.is_empty() {
            continue;
        }
        let Some((key, value)) = split(field, b"=") else {
            // A nodemask is a list with commas: `nodemask=0,2-3`.
            let more = str::from_utf8(field).ok()?;
            if !more
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
            {
                return None;
            }
            let nodemask = found.nodemask.as_mut()?;
            nodemask.push(',');
            nodemask.push_str(more);
            continue;
        };
        match key {
            b"order" => found.order = Some(i32::try_from(signed(value)?).ok()?),
            b"oom_score_adj" => found.oom_score_adj = Some(i32::try_from(signed(value)?).ok()?),
            b"oom_adj" | b"oomkilladj" => {
                signed(value)?;
            }
            b"nodemask" => found.nodemask = kernel_word(value, 255),
            _ => return None,
        }
    }
    Some(found)
}

/// Whether nothing of the line is missing any more.
pub(in crate::klog) fn is_whole(found: &Invoked, text: &[u8]) -> bool {
    found.order.is_some()
        && (found.oom_score_adj.is_some() || contains(text, b"oom_adj=") || contains(text, b"adj="))
}

/// The name before ` invoked`. What is longer than a name can be has something in front of it
/// that the carrier did not know; after a `[timestamp] ` the name may still be found.
fn own_name(before: &[u8]) -> Option<Vec<u8>> {
    if let Some(name) = comm(before.trim_ascii_start()) {
        return Some(name);
    }
    let (front, name) = split_last(before, b"] ")?;
    let (_, stamp) = split_last(front, b"[")?;
    let is_stamp = stamp
        .trim_ascii()
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if !is_stamp { None } else { comm(name) }
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii().strip_prefix(b"0x")?;
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// `X cpuset=/ mems_allowed=0`: name of the cpuset, memory nodes.
pub(in crate::klog) fn cpuset(text: &[u8], trigger: &[u8]) -> Option<(String, String)> {
    let rest = text.strip_prefix(trigger)?.strip_prefix(b" cpuset=")?;
    let (name, nodes) = split_last(rest, b" mems_allowed=")?;
    Some((kernel_word(name, 255)?, kernel_word(nodes, 255)?))
}

/// `CPU: 0 PID: 1 Comm: X Not tainted 4.4.0 #1`, or `Pid: 1, comm: X Not tainted 2.6.32`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::klog) struct Processor {
    pub(in crate::klog) cpu: Option<u32>,
    pub(in crate::klog) uid: Option<u32>,
    pub(in crate::klog) tid: Option<u32>,
    pub(in crate::klog) comm: Vec<u8>,
    pub(in crate::klog) tainted: Option<String>,
    pub(in crate::klog) release: Option<String>,
}

/// Parses the line that says on which processor a task did something. Other dumps have it too, so
/// the caller compares the name.
pub(in crate::klog) fn processor(text: &[u8]) -> Option<Processor> {
    let mut found = Processor::default();
    let rest = if let Some(rest) = text.strip_prefix(b"Pid: ") {
        let (pid, rest) = split(rest, b", comm: ")?;
        found.tid = Some(id(pid)?);
        rest
    } else {
        let (cpu, mut rest) = split(text.strip_prefix(b"CPU: ")?, b" ")?;
        found.cpu = Some(id(cpu)?);
        if let Some(uid) = rest.strip_prefix(b"UID: ") {
            let (uid, after) = split(uid, b" ")?;
            found.uid = Some(id(uid)?);
            rest = after;
        }
        let (pid, rest) = split(rest.strip_prefix(b"PID: ")?, b" Comm: ")?;
        found.tid = Some(id(pid)?);
        rest
    };
    let marks: [&[u8]; 3] = [b" Not tainted", b" Tainted: ", b" Kdump: "];
    let at = marks
        .iter()
        .filter_map(|mark| memchr::memmem::find(rest, mark))
        .min();
    let Some((name, state)) = at.and_then(|at| rest.split_at_checked(at)) else {
        found.comm = rest.trim_ascii().to_vec();
        return Some(found);
    };
    // `%.20s`, and old kernels pad the name.
    found.comm = name.trim_ascii().to_vec();
    let state = state.trim_ascii();
    let state = state.strip_prefix(b"Kdump: loaded ").unwrap_or(state);
    let release = text::words(state)
        .find(|word| word.first().is_some_and(u8::is_ascii_digit) && word.contains(&b'.'));
    found.release = release.and_then(|word| kernel_word(word, 64));
    let taint = match release.and_then(|word| split(state, word)) {
        Some((taint, _)) => taint,
        None => state,
    };
    found.tainted = kernel_word(taint.strip_prefix(b"Tainted: ").unwrap_or(taint), 64)
        .map(|flags| flags.split_whitespace().collect::<Vec<_>>().join(" "));
    Some(found)
}

/// What follows `Command line: ` at the beginning of a boot.
pub(in crate::klog) fn command_line(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"Command line: ")
        .or_else(|| text.strip_prefix(b"Kernel command line: "))
}

/// `Hardware name: …`
pub(in crate::klog) fn hardware(text: &[u8]) -> Option<String> {
    kernel_word(text.strip_prefix(b"Hardware name: ")?, 255)
}

/// `oom_kill_process: 16 callbacks suppressed`. Older kernels name the rate limiter instead of the
/// function, and then it may be anybody's.
pub(in crate::klog) fn suppressed(text: &[u8]) -> Option<u64> {
    let (function, count) = split(text, b": ")?;
    let count = count.trim_ascii().strip_suffix(b" callbacks suppressed")?;
    let known: [&[u8]; 4] = [
        b"oom_kill_process",
        b"out_of_memory",
        b"dump_header",
        b"mem_cgroup_out_of_memory",
    ];
    known.contains(&function).then(|| unsigned(count))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_first_line() {
        let old = invoked(
            b"my app invoked oom-killer: gfp_mask=0x280da, order=0, oom_adj=0, oom_score_adj=-17",
        )
        .unwrap();
        assert_eq!(old.comm, b"my app");
        assert_eq!(old.gfp_mask, Some(0x280da));
        assert!(old.gfp_flags.is_empty());
        assert_eq!((old.order, old.oom_score_adj), (Some(0), Some(-17)));

        let middle = invoked(b"kworker/0:1 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL|__GFP_ZERO), nodemask=0,2-3, order=-1, oom_score_adj=0").unwrap();
        assert_eq!(middle.gfp_flags, ["GFP_KERNEL", "__GFP_ZERO"]);
        assert_eq!(middle.order, Some(-1));

        let none =
            invoked(b"a invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0").unwrap();
        assert!(none.gfp_flags.is_empty());
    }

    #[test]
    fn a_piece_inside_a_path_is_not_the_first_line() {
        for forged in [
            b"Tasks in /x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0 are going to be killed due to memory.oom.group set" as &[u8],
            b"Memory cgroup stats for /x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0:",
            b"a name longer than any invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0",
            b"x invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0x",
        ] {
            assert_eq!(invoked(forged), None);
        }
    }

    #[test]
    fn what_the_carrier_left_in_front_is_dropped() {
        let found = invoked(b"console text [   31.2] mkfs.ext4 invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0").unwrap();
        assert_eq!(found.comm, b"mkfs.ext4");
    }

    #[test]
    fn processors() {
        let found = processor(b"CPU: 3 UID: 7 PID: 42 Comm: runc:[2:INIT] Kdump: loaded Tainted: G        W I E     5.8.2-0.g71b519a-default #1 openSUSE").unwrap();
        assert_eq!(found.comm, b"runc:[2:INIT]");
        assert_eq!(
            (found.cpu, found.uid, found.tid),
            (Some(3), Some(7), Some(42))
        );
        assert_eq!(found.tainted.as_deref(), Some("G W I E"));
        assert_eq!(found.release.as_deref(), Some("5.8.2-0.g71b519a-default"));
        let old =
            processor(b"Pid: 23212, comm: php-fpm Not tainted 2.6.32-642.el6.x86_64 #1").unwrap();
        assert_eq!(
            (old.tid, old.comm.as_slice()),
            (Some(23_212), b"php-fpm" as &[u8])
        );
        assert_eq!(old.tainted.as_deref(), Some("Not tainted"));
    }

    #[test]
    fn only_the_oom_killers_own_suppressions_count() {
        assert_eq!(
            suppressed(b"oom_kill_process: 16 callbacks suppressed"),
            Some(16)
        );
        assert_eq!(suppressed(b"net_ratelimit: 16 callbacks suppressed"), None);
    }
}

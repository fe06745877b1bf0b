//! Which hierarchy the memory controller is on.

use std::fs;

/// 1 or 2; absent where the controller is switched off (`cgroup_disable=memory`): no cgroup has a
/// limit of memory then, and every OOM is the node's.
pub(super) fn read() -> Option<u8> {
    // Kernels without any v1 controller may have no such file, and hide their command line from
    // nobody: what cannot be read says nothing.
    let cgroups = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let command_line = fs::read_to_string("/proc/cmdline").unwrap_or_default();
    parse(&cgroups, &command_line)
}

/// `memory` in `/proc/cgroups` on a hierarchy of its own is cgroup v1; on hierarchy 0, or not
/// listed at all (kernels without v1 support for it), it is v2. The last column is 0 where it is
/// disabled; where it is not listed, only the kernel's command line shows it.
fn parse(cgroups: &str, command_line: &str) -> Option<u8> {
    let row = cgroups.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("memory")).then(|| (words.next(), words.nth(1)))
    });
    match row {
        Some((_, Some("0"))) => None,
        Some((Some("0"), _)) => Some(2),
        Some(_) => Some(1),
        None => (!is_disabled(command_line)).then_some(2),
    }
}

fn is_disabled(command_line: &str) -> bool {
    command_line
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("cgroup_disable="))
        .any(|list| list.split(',').any(|name| name == "memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t1\t1\n";

    #[test]
    fn the_hierarchy_tells_the_version() {
        let version = |row: &str| parse(&format!("{HEAD}{row}"), "quiet");
        assert_eq!(version("memory\t4\t12\t1\n"), Some(1));
        assert_eq!(version("memory\t0\t12\t1\n"), Some(2));
        assert_eq!(version(""), Some(2));
    }

    #[test]
    fn a_disabled_controller_has_no_version() {
        let disabled = format!("{HEAD}memory\t0\t1\t0\n");
        assert_eq!(parse(&disabled, ""), None);
        for command_line in [
            "cgroup_disable=memory",
            "ro cgroup_disable=cpu,memory quiet\n",
        ] {
            assert_eq!(parse(HEAD, command_line), None, "{command_line}");
        }
        assert_eq!(parse(HEAD, "cgroup_disable=memoryx"), Some(2));
    }
}

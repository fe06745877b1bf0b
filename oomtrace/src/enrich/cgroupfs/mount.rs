//! Where the memory controller is mounted, from the text of `/proc/self/mountinfo`. Pure.

/// A mounted cgroup hierarchy that may have the memory controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// 1 or 2: the version of the hierarchy.
    pub version: u8,
    /// Where it is mounted, bytes of a path.
    pub mount_point: Vec<u8>,
    /// Which cgroup is mounted there, as a path from the root of the hierarchy *as the reader's
    /// cgroup namespace shows it*; it may begin with `/..`.
    pub root: Vec<u8>,
}

/// The mounts of `mountinfo` (proc(5)) that may have the memory controller, best first: a v1
/// hierarchy of `memory` (only one hierarchy can have the controller, and if v1 has it, v2 has
/// it not), then v2; those of the hierarchy's root before those of a part of it. Lines that
/// cannot be understood are passed over.
#[must_use]
pub fn memory_mounts(mountinfo: &[u8]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = mountinfo
        .split(|&byte| byte == b'\n')
        .filter_map(mount)
        .collect();
    mounts.sort_by_key(|mount| (mount.version, mount.root != b"/"));
    mounts
}

/// `31 23 0:28 /root /mount/point options optional… - fstype source super,options`
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let root = fields.nth(3)?;
    let mount_point = fields.next()?;
    fields.find(|field| *field == b"-")?;
    let filesystem = fields.next()?;
    let super_options = fields.nth(1)?;
    let version = match filesystem {
        b"cgroup" => super_options
            .split(|&byte| byte == b',')
            .any(|option| option == b"memory")
            .then_some(1)?,
        b"cgroup2" => 2,
        _ => return None,
    };
    Some(Mount {
        version,
        mount_point: unescape(mount_point),
        root: unescape(root),
    })
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [byte, tail @ ..] = rest {
        if let [
            b'\\',
            a @ b'0'..=b'3',
            b @ b'0'..=b'7',
            c @ b'0'..=b'7',
            tail @ ..,
        ] = rest
        {
            out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = tail;
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    out
}

/// The part of `path` (from the hierarchy's root) below a mount of `root`; `None` if it is not
/// below. Both are split at slashes, so `/a` is not above `/ab`.
#[must_use]
pub fn below<'a>(path: &'a [u8], root: &[u8]) -> Option<&'a [u8]> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let rest = path.strip_prefix(root)?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(mountinfo: &str) -> Vec<(u8, String, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        memory_mounts(mountinfo.as_bytes())
            .into_iter()
            .map(|mount| (mount.version, text(mount.mount_point), text(mount.root)))
            .collect()
    }

    fn mount(version: u8, point: &str, root: &str) -> (u8, String, String) {
        (version, point.to_owned(), root.to_owned())
    }

    #[test]
    fn hybrid_prefers_v1() {
        let text = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:12 - cgroup cgroup rw,memory
";
        assert_eq!(
            found(text),
            [
                mount(1, "/sys/fs/cgroup/memory", "/"),
                mount(2, "/sys/fs/cgroup/unified", "/")
            ]
        );
    }

    #[test]
    fn co_mounted_controllers_and_v2() {
        assert_eq!(
            found("35 31 0:32 / /cg rw - cgroup none rw,cpu,memory"),
            [mount(1, "/cg", "/")]
        );
        assert_eq!(
            found("35 31 0:32 / /sys/fs/cgroup rw shared:1 master:2 - cgroup2 c rw,nsdelegate"),
            [mount(2, "/sys/fs/cgroup", "/")]
        );
    }

    #[test]
    fn the_whole_hierarchy_before_a_part_of_it() {
        let text = "1 2 0:3 /docker/8e24 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
2 2 0:3 / /host/my\\040cgroup rw - cgroup cgroup rw,memory";
        assert_eq!(
            found(text),
            [
                mount(1, "/host/my cgroup", "/"),
                mount(1, "/sys/fs/cgroup/memory", "/docker/8e24")
            ]
        );
    }

    #[test]
    fn odd_lines_are_passed_over() {
        for text in [
            "",
            "\n\n",
            "a b c",
            "1 2 3 / /x rw - cgroup",
            "1 2 3 / /x rw cgroup2 c rw",
        ] {
            assert_eq!(found(text), [], "{text:?}");
        }
        assert_eq!(unescape(b"a\\134b\\04\\400\\"), b"a\\b\\04\\400\\");
    }

    #[test]
    fn paths_below_a_mounts_root() {
        for (path, root, rest) in [
            ("/a/b", "/", Some("/a/b")),
            ("/a/b", "/a", Some("/b")),
            ("/a/b", "/a/", Some("/b")),
            ("/a", "/a", Some("")),
            ("/ab", "/a", None),
            ("/", "/a", None),
            ("/b", "/a", None),
        ] {
            assert_eq!(
                below(path.as_bytes(), root.as_bytes()),
                rest.map(str::as_bytes),
                "{path} below {root}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            for mount in memory_mounts(&text) {
                proptest::prop_assert!(matches!(mount.version, 1 | 2));
            }
        }
    }
}

//! The memory cgroup that this process is charged to.

use std::path::Path;
use std::{fmt, fs};

/// A cgroup with a limit of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryCgroup {
    /// Its path, as this process's cgroup namespace shows it.
    pub path: String,
    /// Its limit; absent where it has none, or its files are not visible here.
    pub limit_bytes: Option<u64>,
}

impl fmt::Display for MemoryCgroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match self.limit_bytes {
            Some(limit) => write!(f, " (limit {:.1} MiB)", limit as f64 / 1_048_576.0),
            None => Ok(()),
        }
    }
}

/// The nearest cgroup with a limit above this process, or its own where none shows one; absent
/// where `/proc/self/cgroup` does not say.
pub fn memory_cgroup() -> Option<MemoryCgroup> {
    let list = fs::read_to_string("/proc/self/cgroup").ok()?;
    let (path, is_v1) = parse(&list)?;
    let (mount, file) = if is_v1 {
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        ("/sys/fs/cgroup", "memory.max")
    };
    let limited = Path::new(path).ancestors().find_map(|at| {
        let below = at.strip_prefix("/").unwrap_or(at);
        let text = fs::read_to_string(Path::new(mount).join(below).join(file)).ok()?;
        let limit = text.trim().parse().ok().filter(|limit| *limit < NO_LIMIT)?;
        Some(MemoryCgroup {
            path: at.display().to_string(),
            limit_bytes: Some(limit),
        })
    });
    limited.or_else(|| {
        Some(MemoryCgroup {
            path: path.to_owned(),
            limit_bytes: None,
        })
    })
}

/// v1 shows no limit as a number close to the largest that it can count.
const NO_LIMIT: u64 = 1 << 62;

/// The path of the memory controller's cgroup in `/proc/self/cgroup`, and whether it is on v1.
fn parse(list: &str) -> Option<(&str, bool)> {
    let find = |wanted: &dyn Fn(&str) -> bool| {
        list.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            wanted(controllers).then_some(path)
        })
    };
    let v1 = find(&|controllers| controllers.split(',').any(|name| name == "memory"));
    v1.map(|path| (path, true))
        .or_else(|| find(&|controllers| controllers.is_empty()).map(|path| (path, false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_controllers_cgroup_is_found() {
        assert_eq!(
            parse("5:cpu:/c\n4:memory:/a:b\n0::/u\n"),
            Some(("/a:b", true))
        );
        assert_eq!(parse("5:cpu:/c\n0::/u\n"), Some(("/u", false)));
        assert_eq!(parse("5:cpu:/c\n"), None);
    }
}

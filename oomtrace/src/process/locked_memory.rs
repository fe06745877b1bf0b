//! How much memory this process may lock.

use rustix::process::{Resource, getrlimit};

/// What else a refused map may need; empty where nothing bounds it.
///
/// Before Linux 5.11 BPF maps count as locked memory, which aya raises the limit of where it may.
#[must_use]
pub fn locked_memory_remedy() -> String {
    remedy(getrlimit(Resource::Memlock).current)
}

fn remedy(limit_bytes: Option<u64>) -> String {
    let Some(bytes) = limit_bytes else {
        return String::new();
    };
    format!(
        "; before Linux 5.11 also room for locked memory (RLIMIT_MEMLOCK is {} KiB): CAP_SYS_RESOURCE, \
         ulimit -l unlimited or LimitMEMLOCK=infinity",
        bytes >> 10
    )
}

#[cfg(test)]
mod tests {
    use super::remedy;

    #[test]
    fn a_bound_on_locked_memory_is_said() {
        assert_eq!(remedy(None), "");
        assert!(remedy(Some(64 << 10)).contains("RLIMIT_MEMLOCK is 64 KiB"));
    }
}

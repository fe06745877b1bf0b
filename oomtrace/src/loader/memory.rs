//! The process's own memory: give back what start-up took, keep what is needed.

/// Returns freed memory to the system. Loading makes the allocator hold some 20 MB, most of it the
/// kernel's BTF that aya parses for itself.
#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "malloc_trim has no safe wrapper")
)]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim may be called at any time and takes any pad.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Locks the process's memory and asks the OOM killer to take others first. What is refused is
/// told: tracing goes on without it.
#[must_use]
pub fn protect() -> Vec<String> {
    let mut refused = Vec::new();
    if let Err(error) = std::fs::write("/proc/self/oom_score_adj", "-1000") {
        refused.push(format!(
            "cannot set my own oom_score_adj to -1000 ({error}; needs CAP_SYS_RESOURCE): under a system-wide OOM I may be killed too"
        ));
    }
    refused
}

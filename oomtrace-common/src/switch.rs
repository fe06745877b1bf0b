//! Switches: what user space decided about this kernel, written into the object before it is
//! loaded. Each is a `.rodata` global, so the verifier prunes what is switched off.

/// How the kernel side distinguishes a kill from a mere mark.
pub mod kill_proof {
    /// A return address of `__oom_kill_process` on the kernel stack, by the symbol that the kernel
    /// itself prints for it (`bpf_snprintf` with `%pB`).
    pub const STACK_SYMBOL: u32 = 1;
    /// A return address of `__oom_kill_process` on the kernel stack, by the function's address
    /// range from `/proc/kallsyms`.
    pub const STACK_RANGE: u32 = 2;
    /// The SIGKILL that the signal hook saw just before the mark.
    pub const SIGNAL: u32 = 3;
}

/// Names of the globals, as [`aya`'s loader](https://docs.rs/aya) addresses them.
pub mod global {
    /// Array of `u32`: one offset (or size, stride, value) per [`crate::field::KernelField`].
    pub const FIELDS: &str = "FIELDS";
    /// `u32`: one of [`super::kill_proof`].
    pub const KILL_PROOF: &str = "KILL_PROOF";
    /// `u64`: first address of `__oom_kill_process`.
    pub const KILL_TEXT_START: &str = "KILL_TEXT_START";
    /// `u64`: first address past `__oom_kill_process`.
    pub const KILL_TEXT_END: &str = "KILL_TEXT_END";
    /// `u32`: 1 where `sched_process_exit` fires before `exit_mm()`, so that the exiting task's
    /// address space can be read there.
    pub const EXIT_HAS_MM: &str = "EXIT_HAS_MM";
    /// `u32`: 1 where the memory controller is on a cgroup v1 hierarchy.
    pub const CGROUP_V1: &str = "CGROUP_V1";
    /// `u32`: 1 where RSS lives in per-CPU counters (their central part is read).
    pub const RSS_PERCPU: &str = "RSS_PERCPU";
    /// `u32`: processors whose parts of a per-CPU counter are to be summed; 0 where that cannot be
    /// done.
    pub const CPUS_SUMMED: &str = "CPUS_SUMMED";
    /// `u32`: 1 where no hook shows the OOM killer's arguments, and they are looked for on the
    /// trigger's kernel stack.
    pub const STACK_SEARCHED: &str = "STACK_SEARCHED";
    /// `u64`: bytes of a page.
    pub const PAGE_SIZE: &str = "PAGE_SIZE";
    /// Array of `u32`, see [`super::tracepoint_layout`]: used where the task argument is missing.
    pub const TRACEPOINT_LAYOUT: &str = "TRACEPOINT_LAYOUT";
}

/// Offsets inside the record of `oom:mark_victim`, from the tracepoint's `format` file, in the
/// order of the array behind [`global::TRACEPOINT_LAYOUT`]; [`crate::field::ABSENT`] where the
/// kernel has no such field.
pub mod tracepoint_layout {
    /// `pid`.
    pub const PID: usize = 0;
    /// `comm` (`__data_loc`).
    pub const COMM: usize = 1;
    /// `total_vm`, kB.
    pub const TOTAL_VM: usize = 2;
    /// `anon_rss`, kB.
    pub const ANON_RSS: usize = 3;
    /// `file_rss`, kB.
    pub const FILE_RSS: usize = 4;
    /// `shmem_rss`, kB.
    pub const SHMEM_RSS: usize = 5;
    /// `uid`.
    pub const UID: usize = 6;
    /// `pgtables`, kB.
    pub const PGTABLES: usize = 7;
    /// `oom_score_adj`.
    pub const OOM_SCORE_ADJ: usize = 8;
    /// Number of fields.
    pub const COUNT: usize = 9;
}

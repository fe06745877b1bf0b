//! Every kernel field that the kernel side reads, and how the running kernel's BTF names it.
//!
//! rustc emits no CO-RE relocations, so user space looks each field up by name before it loads the
//! object and passes the result in the `FIELDS` global. A field that the kernel does not have is
//! [`ABSENT`]; the verifier then prunes the code that would read it.

/// Marks a field that the running kernel does not have (or that was refused).
pub const ABSENT: u32 = u32::MAX;

/// What a [`FieldSpec`] asks of BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The byte offset of a member. `size_bytes` is the size the member must have.
    Offset {
        /// Required size of the member itself.
        size_bytes: u32,
    },
    /// The byte offset of a member whose size does not matter (a structure or an array).
    Base,
    /// The distance in bytes between two elements of an array member.
    Stride,
    /// The number of elements of an array member.
    Length,
    /// The value of an enumerator; the paths are its names and `owner` is the enum.
    EnumValue,
}

/// One line of the table: what is asked, of which type, under which names.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// The field that is described.
    pub field: KernelField,
    /// What is asked.
    pub ask: Ask,
    /// The structure (or enum) that holds it.
    pub owner: &'static str,
    /// Member paths in order of preference; the first that exists and fits is taken. Anonymous
    /// members are looked through; `name[]` steps into an array's element.
    pub paths: &'static [&'static str],
    /// Whether oomtrace cannot work without it.
    pub required: bool,
}

macro_rules! fields {
    ($( $(#[$doc:meta])* $name:ident = $ask:expr, $owner:literal, [$($path:literal),+], $required:literal; )*) => {
        /// A kernel field, by the name that both sides use for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(usize)]
        pub enum KernelField {
            $( $(#[$doc])* $name, )*
        }

        /// How each field is found, in the order of [`KernelField`].
        pub const FIELDS: &[FieldSpec] = &[
            $( FieldSpec {
                field: KernelField::$name,
                ask: $ask,
                owner: $owner,
                paths: &[$($path),+],
                required: $required,
            }, )*
        ];

        /// Number of fields.
        pub const FIELD_COUNT: usize = FIELDS.len();
    };
}

const PTR: Ask = Ask::Offset { size_bytes: 8 };
const U64: Ask = Ask::Offset { size_bytes: 8 };
const U32: Ask = Ask::Offset { size_bytes: 4 };
const U16: Ask = Ask::Offset { size_bytes: 2 };
const U8: Ask = Ask::Offset { size_bytes: 1 };

fields! {
    /// Thread id.
    TaskPid = U32, "task_struct", ["pid"], true;
    /// Thread group id.
    TaskTgid = U32, "task_struct", ["tgid"], true;
    /// Task name.
    TaskComm = Ask::Offset { size_bytes: 16 }, "task_struct", ["comm"], true;
    /// Address space, NULL for kernel threads and after `exit_mm()`.
    TaskMm = PTR, "task_struct", ["mm"], true;
    /// What the threads of a process share.
    TaskSignal = PTR, "task_struct", ["signal"], true;
    /// Credentials that tell who the task is.
    TaskRealCred = PTR, "task_struct", ["real_cred"], false;
    /// The thread group's first thread.
    TaskGroupLeader = PTR, "task_struct", ["group_leader"], true;
    /// The parent that forked it (or the reaper it was handed to).
    TaskRealParent = PTR, "task_struct", ["real_parent"], false;
    /// Start of the thread on `CLOCK_BOOTTIME`, nanoseconds.
    TaskStartBoottime = U64, "task_struct", ["start_boottime", "real_start_time"], false;
    /// The cgroups of the task.
    TaskCgroups = PTR, "task_struct", ["cgroups"], true;
    /// Exit code of the thread, once it exits.
    TaskExitCode = U32, "task_struct", ["exit_code"], false;
    /// Real uid.
    CredUid = U32, "cred", ["uid.val"], false;
    /// Adjustment of the badness, -1000 to 1000.
    SignalOomScoreAdj = U16, "signal_struct", ["oom_score_adj"], false;
    /// Threads of the group, dead but unreaped ones included.
    SignalNrThreads = U32, "signal_struct", ["nr_threads"], false;
    /// Threads of the group that have not begun to exit.
    SignalLive = U32, "signal_struct", ["live.counter"], true;
    /// Exit code of the whole group.
    SignalGroupExitCode = U32, "signal_struct", ["group_exit_code"], false;
    /// The group's pids, by type.
    SignalPids = Ask::Base, "signal_struct", ["pids"], false;
    /// Distance between two of them.
    SignalPidsStride = Ask::Stride, "signal_struct", ["pids"], false;
    /// Which of them is the thread group's.
    PidTypeTgid = Ask::EnumValue, "pid_type", ["PIDTYPE_TGID"], false;
    /// Depth of the pid's namespace.
    PidLevel = U32, "pid", ["level"], false;
    /// The pid's number in each namespace, outermost first.
    PidNumbers = Ask::Base, "pid", ["numbers"], false;
    /// Distance between two of them.
    PidNumbersStride = Ask::Stride, "pid", ["numbers"], false;
    /// The number itself.
    UpidNr = U32, "upid", ["nr"], false;
    /// First byte of the command line.
    MmArgStart = U64, "mm_struct", ["arg_start"], false;
    /// First byte past the command line.
    MmArgEnd = U64, "mm_struct", ["arg_end"], false;
    /// First byte of the environment.
    MmEnvStart = U64, "mm_struct", ["env_start"], false;
    /// First byte past the environment.
    MmEnvEnd = U64, "mm_struct", ["env_end"], false;
    /// Bytes of page tables.
    MmPgtablesBytes = U64, "mm_struct", ["pgtables_bytes.counter"], false;
    /// Mapped pages.
    MmTotalVm = U64, "mm_struct", ["total_vm"], false;
    /// Tasks (and short-lived others) that use the address space.
    MmUsers = U32, "mm_struct", ["mm_users.counter"], false;
    /// First RSS counter: plain (to 6.1) or the central part of a per-CPU one.
    MmRssStat = Ask::Base, "mm_struct", ["rss_stat[].count", "rss_stat.count"], true;
    /// Distance between two RSS counters.
    MmRssStatStride = Ask::Stride, "mm_struct", ["rss_stat", "rss_stat.count"], true;
    /// RSS not yet added to the counters, cached per thread (to 6.1); absent where there is none.
    TaskRssStat = Ask::Base, "task_struct", ["rss_stat"], false;
    /// Index of file pages.
    RssFile = Ask::EnumValue, "", ["MM_FILEPAGES"], true;
    /// Index of anonymous pages.
    RssAnon = Ask::EnumValue, "", ["MM_ANONPAGES"], true;
    /// Index of swap entries.
    RssSwap = Ask::EnumValue, "", ["MM_SWAPENTS"], true;
    /// Index of shared-memory pages.
    RssShmem = Ask::EnumValue, "", ["MM_SHMEMPAGES"], true;
    /// The css of each controller.
    CssSetSubsys = Ask::Base, "css_set", ["subsys"], true;
    /// Index of the memory controller.
    MemoryCgrpId = Ask::EnumValue, "cgroup_subsys_id", ["memory_cgrp_id"], true;
    /// The cgroup a css belongs to.
    CssCgroup = PTR, "cgroup_subsys_state", ["cgroup"], true;
    /// The parent css.
    CssParent = PTR, "cgroup_subsys_state", ["parent"], true;
    /// The cgroup's directory.
    CgroupKn = PTR, "cgroup", ["kn"], true;
    /// The directory's id: its inode number.
    KernfsId = U64, "kernfs_node", ["id", "id.id"], true;
    /// The directory's name.
    KernfsName = PTR, "kernfs_node", ["name"], true;
    /// `css` of a memory cgroup, the way from a css to its `mem_cgroup`.
    MemcgCss = Ask::Base, "mem_cgroup", ["css"], true;
    /// Pages charged.
    MemcgUsage = U64, "mem_cgroup", ["memory.usage.counter"], true;
    /// Limit in pages.
    MemcgMax = U64, "mem_cgroup", ["memory.max"], true;
    /// Highest usage so far, pages.
    MemcgWatermark = U64, "mem_cgroup", ["memory.watermark"], false;
    /// Charges that hit the limit.
    MemcgFailcnt = U64, "mem_cgroup", ["memory.failcnt"], false;
    /// Throttling limit in pages.
    MemcgHigh = U64, "mem_cgroup", ["memory.high", "high"], false;
    /// Protection, pages.
    MemcgLow = U64, "mem_cgroup", ["memory.low"], false;
    /// Hard protection, pages.
    MemcgMin = U64, "mem_cgroup", ["memory.min"], false;
    /// Swap (v2) or memory plus swap (v1) charged, pages.
    MemcgSwapUsage = U64, "mem_cgroup", ["swap.usage.counter"], false;
    /// Limit of the same.
    MemcgSwapMax = U64, "mem_cgroup", ["swap.max"], false;
    /// Kernel memory charged, pages (v1).
    MemcgKmemUsage = U64, "mem_cgroup", ["kmem.usage.counter"], false;
    /// Whether the cgroup dies as a whole.
    MemcgOomGroup = U8, "mem_cgroup", ["oom_group"], false;
    /// Whether the cgroup is under OOM right now.
    MemcgOomLock = U8, "mem_cgroup", ["oom_lock"], false;
    /// Event counters.
    MemcgEvents = Ask::Base, "mem_cgroup", ["memory_events"], false;
    /// Distance between two of them.
    MemcgEventsStride = Ask::Stride, "mem_cgroup", ["memory_events"], false;
    /// Index of "limit hit".
    EventMax = Ask::EnumValue, "memcg_memory_event", ["MEMCG_MAX"], false;
    /// Index of "OOM".
    EventOom = Ask::EnumValue, "memcg_memory_event", ["MEMCG_OOM"], false;
    /// The memory cgroup whose limit was hit; NULL for a global OOM.
    OomMemcg = PTR, "oom_control", ["memcg"], false;
    /// Flags of the allocation.
    OomGfpMask = U32, "oom_control", ["gfp_mask"], false;
    /// Order of the allocation, -1 for sysrq-f.
    OomOrder = U32, "oom_control", ["order"], false;
    /// Limit plus usable swap, pages.
    OomTotalpages = U64, "oom_control", ["totalpages"], false;
    /// The task that was chosen; NULL if none, -1 if the scan was given up.
    OomChosen = PTR, "oom_control", ["chosen"], false;
    /// Its badness, pages.
    OomChosenPoints = U64, "oom_control", ["chosen_points"], false;
    /// What confines the allocation.
    OomConstraint = U32, "oom_control", ["constraint"], false;
    /// Number of the helper that prints a symbol; absent where the kernel has none.
    HelperSnprintf = Ask::EnumValue, "bpf_func_id", ["BPF_FUNC_snprintf"], false;
    /// Index of "killed by OOM".
    EventOomKill = Ask::EnumValue, "memcg_memory_event", ["MEMCG_OOM_KILL"], false;
    /// Where a kprobe's registers hold the function's first argument: `rdi` of x86-64, `x0` of arm64.
    RegsFirstArgument = Ask::Base, "pt_regs", ["di", "user_regs.regs"], false;
}

impl KernelField {
    /// Position in the `FIELDS` global and in [`FIELDS`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

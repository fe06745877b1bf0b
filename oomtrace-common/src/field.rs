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
    /// The task's own credentials (`task_struct.real_cred`).
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
    /// Per-CPU part of the first RSS counter; absent where the counters are plain.
    MmRssStatPercpu = PTR, "mm_struct", ["rss_stat[].counters"], false;
    /// Per-CPU addresses of the elements of a BPF map.
    BpfArrayPptrs = Ask::Base, "bpf_array", ["pptrs"], false;
    /// Number of the helper that finds another processor's element of a per-CPU map.
    HelperPercpuElem = Ask::EnumValue, "bpf_func_id", ["BPF_FUNC_map_lookup_percpu_elem"], false;
    /// The file that was executed.
    MmExeFile = PTR, "mm_struct", ["exe_file"], false;
    /// Where a file lies.
    FilePath = Ask::Base, "file", ["f_path"], false;
    /// The mount a path is in.
    PathMnt = PTR, "path", ["mnt"], false;
    /// The directory entry at its end.
    PathDentry = PTR, "path", ["dentry"], false;
    /// The directory an entry is in.
    DentryParent = PTR, "dentry", ["d_parent"], false;
    /// The entry's name.
    DentryName = PTR, "dentry", ["d_name.name"], false;
    /// NULL for an entry that was removed.
    DentryHashed = PTR, "dentry", ["d_hash.pprev"], false;
    /// Root of what is mounted.
    VfsmountRoot = PTR, "vfsmount", ["mnt_root"], false;
    /// The part of a mount that others see.
    MountMnt = Ask::Base, "mount", ["mnt"], false;
    /// The mount that a mount is on; itself at the root of a namespace.
    MountParent = PTR, "mount", ["mnt_parent"], false;
    /// Where on it.
    MountMountpoint = PTR, "mount", ["mnt_mountpoint"], false;
    /// Zones that the allocation could be met from; NULL for a memory cgroup's OOM.
    OomZonelist = PTR, "oom_control", ["zonelist"], false;
    /// The zones of a list.
    ZonelistZones = Ask::Base, "zonelist", ["_zonerefs"], false;
    /// Distance between two of them.
    ZonelistZonesStride = Ask::Stride, "zonelist", ["_zonerefs"], false;
    /// The zone itself; NULL behind the last.
    ZonerefZone = PTR, "zoneref", ["zone"], false;
    /// Name of a zone.
    ZoneName = PTR, "zone", ["name"], false;
    /// Node of a zone.
    ZonePgdat = PTR, "zone", ["zone_pgdat"], false;
    /// Pages that the page allocator manages.
    ZoneManaged = U64, "zone", ["managed_pages.counter"], false;
    /// Watermarks of a zone.
    ZoneWatermarks = Ask::Base, "zone", ["_watermark"], false;
    /// Distance between two of them.
    ZoneWatermarksStride = Ask::Stride, "zone", ["_watermark"], false;
    /// What is added to them for a while.
    ZoneBoost = U64, "zone", ["watermark_boost"], false;
    /// Index of the lowest watermark.
    WatermarkMin = Ask::EnumValue, "zone_watermarks", ["WMARK_MIN"], false;
    /// Index of the one that wakes kswapd.
    WatermarkLow = Ask::EnumValue, "zone_watermarks", ["WMARK_LOW"], false;
    /// Index of the one that lets it sleep.
    WatermarkHigh = Ask::EnumValue, "zone_watermarks", ["WMARK_HIGH"], false;
    /// Counters of a zone.
    ZoneStats = Ask::Base, "zone", ["vm_stat"], false;
    /// Distance between two of them.
    ZoneStatsStride = Ask::Stride, "zone", ["vm_stat"], false;
    /// Index of free pages.
    ZoneFree = Ask::EnumValue, "zone_stat_item", ["NR_FREE_PAGES"], false;
    /// Index of free pages that only movable allocations may have.
    ZoneFreeCma = Ask::EnumValue, "zone_stat_item", ["NR_FREE_CMA_PAGES"], false;
    /// Index of anonymous and shared memory that was not used lately.
    ZoneInactiveAnon = Ask::EnumValue, "zone_stat_item", ["NR_ZONE_INACTIVE_ANON"], false;
    /// Index of anonymous and shared memory that was.
    ZoneActiveAnon = Ask::EnumValue, "zone_stat_item", ["NR_ZONE_ACTIVE_ANON"], false;
    /// Index of page cache that was not used lately.
    ZoneInactiveFile = Ask::EnumValue, "zone_stat_item", ["NR_ZONE_INACTIVE_FILE"], false;
    /// Index of page cache that was.
    ZoneActiveFile = Ask::EnumValue, "zone_stat_item", ["NR_ZONE_ACTIVE_FILE"], false;
    /// Index of what waits to be written, or is being written.
    ZoneWritePending = Ask::EnumValue, "zone_stat_item", ["NR_ZONE_WRITE_PENDING"], false;
    /// Index of page tables, where zones count them.
    ZonePageTables = Ask::EnumValue, "zone_stat_item", ["NR_PAGETABLE"], false;
    /// Lists of free blocks, by order.
    ZoneFreeArea = Ask::Base, "zone", ["free_area"], false;
    /// Distance between two of them.
    ZoneFreeAreaStride = Ask::Stride, "zone", ["free_area"], false;
    /// How many there are.
    ZoneFreeAreaLength = Ask::Length, "zone", ["free_area"], false;
    /// Blocks on a list.
    FreeAreaCount = U64, "free_area", ["nr_free"], false;
    /// Number of a node.
    NodeId = U32, "pglist_data", ["node_id"], false;
    /// Counters of a node.
    NodeStats = Ask::Base, "pglist_data", ["vm_stat"], false;
    /// Distance between two of them.
    NodeStatsStride = Ask::Stride, "pglist_data", ["vm_stat"], false;
    /// Pages that allocations may not touch.
    NodeReserve = U64, "pglist_data", ["totalreserve_pages"], false;
    /// Index of mapped anonymous pages.
    NodeAnon = Ask::EnumValue, "node_stat_item", ["NR_ANON_MAPPED"], false;
    /// Index of the page cache.
    NodeFile = Ask::EnumValue, "node_stat_item", ["NR_FILE_PAGES"], false;
    /// Index of shared memory.
    NodeShmem = Ask::EnumValue, "node_stat_item", ["NR_SHMEM"], false;
    /// Index of the swap cache.
    NodeSwapCache = Ask::EnumValue, "node_stat_item", ["NR_SWAPCACHE"], false;
    /// Index of slab pages that can be reclaimed.
    NodeSlabReclaimable = Ask::EnumValue, "node_stat_item", ["NR_SLAB_RECLAIMABLE_B", "NR_SLAB_RECLAIMABLE"], false;
    /// Index of those that cannot.
    NodeSlabUnreclaimable = Ask::EnumValue, "node_stat_item", ["NR_SLAB_UNRECLAIMABLE_B", "NR_SLAB_UNRECLAIMABLE"], false;
    /// Index of other kernel pages that can be reclaimed.
    NodeMiscReclaimable = Ask::EnumValue, "node_stat_item", ["NR_KERNEL_MISC_RECLAIMABLE"], false;
    /// Index of file pages in use.
    NodeActiveFile = Ask::EnumValue, "node_stat_item", ["NR_ACTIVE_FILE"], false;
    /// Index of file pages not in use.
    NodeInactiveFile = Ask::EnumValue, "node_stat_item", ["NR_INACTIVE_FILE"], false;
    /// Index of page tables, where nodes count them.
    NodePageTables = Ask::EnumValue, "node_stat_item", ["NR_PAGETABLE"], false;
    /// Index of "killed by OOM".
    EventOomKill = Ask::EnumValue, "memcg_memory_event", ["MEMCG_OOM_KILL"], false;
    /// Where a kprobe's registers hold the function's first argument: `rdi` of x86-64, `x0` of arm64.
    RegsFirstArgument = Ask::Base, "pt_regs", ["di", "user_regs.regs"], false;
    /// A task's kernel stack: its lowest address.
    TaskStack = PTR, "task_struct", ["stack"], false;
}

impl KernelField {
    /// Position in the `FIELDS` global and in [`FIELDS`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

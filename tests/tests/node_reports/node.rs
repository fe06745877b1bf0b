//! Nodes that are full of something, and the kernel's report of it.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

const PAGE_KIB: u64 = 4;
/// Pages of a megabyte.
const MIB: u64 = 256;
/// Pages of the processes that are always there, beside whatever fills the node.
pub(crate) const DAEMONS: [(&str, u64); 3] = [
    ("systemd", 3 * MIB),
    ("sshd", 2 * MIB),
    ("mailer", 10 * MIB),
];

/// What fills the node, in the order in which reports take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hog {
    OneProcess,
    ManyProcesses,
    UnreclaimableSlab,
    Tmpfs,
    PageTables,
    KernelStacks,
    Hugepages,
    Unaccounted,
    Swapped,
    PageCache,
}

pub(crate) const HOGS: [Hog; 10] = [
    Hog::OneProcess,
    Hog::ManyProcesses,
    Hog::UnreclaimableSlab,
    Hog::Tmpfs,
    Hog::PageTables,
    Hog::KernelStacks,
    Hog::Hugepages,
    Hog::Unaccounted,
    Hog::Swapped,
    Hog::PageCache,
];

impl Hog {
    /// The finding that says so.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::OneProcess | Self::Swapped => "anon_filled",
            Self::ManyProcesses => "anon_filled_by_many",
            Self::UnreclaimableSlab | Self::PageTables | Self::KernelStacks => "kernel_memory",
            Self::Tmpfs => "shmem_filled",
            Self::Hugepages => "hugetlb_filled",
            Self::Unaccounted => "unaccounted_memory",
            Self::PageCache => "page_cache_filled",
        }
    }

    /// What the message calls it.
    pub(crate) fn named(self) -> &'static str {
        match self {
            Self::OneProcess => "hog's anonymous memory",
            Self::Swapped => "hog's anonymous memory, another ",
            Self::ManyProcesses => "anonymous memory, ",
            Self::UnreclaimableSlab => "kernel objects (slab)",
            Self::Tmpfs => "files on tmpfs",
            Self::PageTables => "page tables",
            Self::KernelStacks => "stacks of threads",
            Self::Hugepages => "reserved for huge pages",
            Self::Unaccounted => "in none of the kernel's counters",
            Self::PageCache => "page cache",
        }
    }

    /// Whether a process holds what is missing, so that it may be advised on.
    pub(crate) fn is_of_processes(self) -> bool {
        matches!(self, Self::OneProcess | Self::ManyProcesses | Self::Swapped)
    }
}

/// A node, in pages.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) hog: Hog,
    pub(crate) managed: u64,
    pub(crate) free: u64,
    pub(crate) anon: u64,
    pub(crate) file: u64,
    pub(crate) shmem: u64,
    pub(crate) slab_reclaimable: u64,
    pub(crate) slab_unreclaimable: u64,
    pub(crate) page_tables: u64,
    pub(crate) kernel_stack: u64,
    pub(crate) hugepages: u64,
    pub(crate) unaccounted: u64,
    pub(crate) swap: u64,
    pub(crate) tasks: Vec<(String, u64, u64)>,
}

/// The same numbers in every run: a linear congruential generator (Knuth's MMIX).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// From `min` up to below `max`.
    fn between(&mut self, min: u64, max: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        min + (self.0 >> 33) % (max - min)
    }
}

impl Node {
    pub(crate) fn new(hog: Hog, numbers: &mut Numbers) -> Self {
        let managed = numbers.between(900 * MIB, 16_000 * MIB);
        let mut node = Self {
            hog,
            managed,
            free: numbers.between(managed / 200, managed / 100),
            anon: 0,
            file: numbers.between(8, 2 * MIB),
            shmem: numbers.between(0, 2 * MIB),
            slab_reclaimable: numbers.between(4 * MIB, 8 * MIB),
            slab_unreclaimable: numbers.between(8 * MIB, 16 * MIB),
            page_tables: numbers.between(MIB, 3 * MIB),
            // A stack is of 16 KiB.
            kernel_stack: numbers.between(200, 500) * 4,
            hugepages: 0,
            unaccounted: numbers.between(MIB, 8 * MIB),
            swap: 0,
            tasks: DAEMONS
                .iter()
                .map(|&(name, pages)| (name.to_owned(), pages, 0))
                .collect(),
        };
        node.anon = DAEMONS.iter().map(|(_, pages)| pages).sum();
        let rest = managed - node.accounted() - node.unaccounted;
        match hog {
            Hog::OneProcess | Hog::Swapped => {
                node.anon += rest;
                node.swap = if hog == Hog::Swapped { rest / 2 } else { 0 };
                node.tasks.push(("hog".to_owned(), rest, node.swap));
            }
            Hog::ManyProcesses => {
                let many = numbers.between(120, 400);
                let each = rest / many;
                node.anon += each * many;
                node.free += rest - each * many;
                node.tasks
                    .extend((0..many).map(|_| ("worker".to_owned(), each, 0)));
            }
            Hog::UnreclaimableSlab => node.slab_unreclaimable += rest,
            Hog::Tmpfs => node.shmem += rest,
            Hog::PageTables => node.page_tables += rest,
            Hog::KernelStacks => {
                node.kernel_stack += rest / 4 * 4;
                node.free += rest % 4;
            }
            Hog::Hugepages => {
                node.hugepages = rest / 512 * 512;
                node.free += rest % 512;
            }
            Hog::Unaccounted => node.unaccounted += rest,
            Hog::PageCache => node.file += rest,
        }
        node
    }

    /// All but what no counter of the kernel has.
    fn accounted(&self) -> u64 {
        self.free
            + self.anon
            + self.file
            + self.shmem
            + self.slab_reclaimable
            + self.slab_unreclaimable
            + self.page_tables
            + self.kernel_stack
            + self.hugepages
    }

    /// The kernel's report of a kill, as Linux 6.1 prints it; `at` is the second since boot.
    pub(crate) fn report(&self, at: u64) -> Result<String> {
        let mut out = String::new();
        let mut line = |text: &str| writeln!(out, "[{at:>5}.000100] {text}");
        let (pid, (victim, resident, swapped)) = self
            .tasks
            .iter()
            .enumerate()
            .max_by_key(|(_, (_, resident, swapped))| resident + swapped)
            .map(|(nth, task)| (1000 + nth, task))
            .context("no tasks")?;
        line(
            "asker invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), \
             order=0, oom_score_adj=0",
        )?;
        line("CPU: 1 PID: 977 Comm: asker Not tainted 6.1.0-40-amd64 #1  Debian 6.1.153-1")?;
        line("Call Trace:")?;
        line(" <TASK>")?;
        line(" dump_header+0x4a/0x213")?;
        line(" oom_kill_process.cold+0xb/0x10")?;
        line(" out_of_memory+0xed/0x2d0")?;
        line(" </TASK>")?;
        line("Mem-Info:")?;
        // Pages of a tmpfs are on the lists of anonymous memory.
        let on_lists = self.anon + self.shmem;
        line(&format!(
            "active_anon:{} inactive_anon:{} isolated_anon:0",
            on_lists / 3,
            on_lists - on_lists / 3
        ))?;
        line(&format!(
            " active_file:{} inactive_file:{} isolated_file:0",
            self.file / 2,
            self.file - self.file / 2
        ))?;
        line(" unevictable:0 dirty:0 writeback:0")?;
        line(&format!(
            " slab_reclaimable:{} slab_unreclaimable:{}",
            self.slab_reclaimable, self.slab_unreclaimable
        ))?;
        line(&format!(
            " mapped:0 shmem:{} pagetables:{}",
            self.shmem, self.page_tables
        ))?;
        line(" sec_pagetables:0 bounce:0")?;
        line(" kernel_misc_reclaimable:0")?;
        line(&format!(" free:{} free_pcp:0 free_cma:0", self.free))?;
        line(&format!(
            "Node 0 active_anon:{}kB inactive_anon:{}kB active_file:{}kB inactive_file:{}kB \
             unevictable:0kB isolated(anon):0kB isolated(file):0kB mapped:0kB dirty:0kB \
             writeback:0kB shmem:{}kB shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB \
             writeback_tmp:0kB kernel_stack:{}kB pagetables:{}kB sec_pagetables:0kB \
             all_unreclaimable? yes",
            on_lists / 3 * PAGE_KIB,
            (on_lists - on_lists / 3) * PAGE_KIB,
            self.file / 2 * PAGE_KIB,
            (self.file - self.file / 2) * PAGE_KIB,
            self.shmem * PAGE_KIB,
            self.kernel_stack * PAGE_KIB,
            self.page_tables * PAGE_KIB
        ))?;
        line(&format!(
            "Node 0 Normal free:{}kB boost:0kB min:{}kB low:{}kB high:{}kB \
             reserved_highatomic:0KB active_anon:{}kB inactive_anon:{}kB active_file:{}kB \
             inactive_file:{}kB unevictable:0kB writepending:0kB present:{}kB managed:{}kB \
             mlocked:0kB bounce:0kB free_pcp:0kB local_pcp:0kB free_cma:0kB",
            self.free * PAGE_KIB,
            self.free * 2 * PAGE_KIB,
            self.free * 3 * PAGE_KIB,
            self.free * 4 * PAGE_KIB,
            on_lists / 3 * PAGE_KIB,
            (on_lists - on_lists / 3) * PAGE_KIB,
            self.file / 2 * PAGE_KIB,
            (self.file - self.file / 2) * PAGE_KIB,
            (self.managed + 4096) * PAGE_KIB,
            self.managed * PAGE_KIB
        ))?;
        line("lowmem_reserve[]: 0 0 0 0 0")?;
        line(&format!(
            "Node 0 Normal: {}*4kB (UM) 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB \
             0*1024kB 0*2048kB 0*4096kB = {}kB",
            self.free,
            self.free * PAGE_KIB
        ))?;
        line(&format!(
            "Node 0 hugepages_total={} hugepages_free={} hugepages_surp=0 hugepages_size=2048kB",
            self.hugepages / 512,
            self.hugepages / 512
        ))?;
        line(&format!("{} total pagecache pages", self.file + self.shmem))?;
        line("0 pages in swap cache")?;
        line("Free swap  = 0kB")?;
        line(&format!("Total swap = {}kB", self.swap * PAGE_KIB))?;
        line(&format!("{} pages RAM", self.managed + 4096))?;
        line("0 pages HighMem/MovableOnly")?;
        line("4096 pages reserved")?;
        line("0 pages hwpoisoned")?;
        line("Tasks state (memory values in pages):")?;
        line("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name")?;
        for (nth, (name, resident, swapped)) in self.tasks.iter().enumerate() {
            let pid = 1000 + nth;
            line(&format!(
                "[{pid:>7}]     0 {pid:>5} {:>8} {resident:>8} {:>8} {swapped:>8}             0 \
                 {name}",
                resident + swapped + 500,
                64 << 10
            ))?;
        }
        line(&format!(
            "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,\
             global_oom,task_memcg=/system.slice/{victim}.service,task={victim},pid={pid},uid=0"
        ))?;
        line(&format!(
            "Out of memory: Killed process {pid} ({victim}) total-vm:{}kB, anon-rss:{}kB, \
             file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:64kB oom_score_adj:0",
            (resident + swapped + 500) * PAGE_KIB,
            resident * PAGE_KIB
        ))?;
        Ok(out)
    }
}

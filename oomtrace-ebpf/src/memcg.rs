//! `struct mem_cgroup`, `struct cgroup`, `struct kernfs_node`.

use oomtrace_common::field::KernelField;
use oomtrace_common::record::{Level, level_flags, level_valid};

use crate::field::{element, member, number, pointer};
use crate::globals::CGROUP_V1;

/// A `struct mem_cgroup` of the running kernel, by its css.
#[derive(Clone, Copy, PartialEq)]
pub struct Memcg {
    css: u64,
}

impl Memcg {
    /// The memory cgroup a css belongs to.
    #[inline(always)]
    pub fn from_css(css: u64) -> Self {
        Self { css }
    }

    /// Address of the css, the memory cgroup's identity while it lives.
    #[inline(always)]
    pub fn css(self) -> u64 {
        self.css
    }

    /// `css.parent`; nothing for the root.
    #[inline(always)]
    pub fn parent(self) -> Option<Self> {
        pointer(self.css, KernelField::CssParent).map(Self::from_css)
    }

    /// The cgroup's directory.
    #[inline(always)]
    fn kernfs_node(self) -> Option<u64> {
        let cgroup = pointer(self.css, KernelField::CssCgroup)?;
        pointer(cgroup, KernelField::CgroupKn)
    }

    /// kernfs id of the cgroup's directory.
    #[inline(always)]
    pub fn id(self) -> Option<u64> {
        member(self.kernfs_node()?, KernelField::KernfsId)
    }

    /// Address of the directory's name.
    #[inline(always)]
    pub fn name(self) -> Option<u64> {
        pointer(self.kernfs_node()?, KernelField::KernfsName)
    }

    #[inline(always)]
    fn base(self) -> Option<u64> {
        Some(self.css - number(KernelField::MemcgCss)?)
    }

    #[inline(always)]
    fn event(self, which: KernelField) -> Option<u64> {
        element(
            self.base()?,
            KernelField::MemcgEvents,
            KernelField::MemcgEventsStride,
            which,
        )
    }

    /// Everything that a [`Level`] holds, the name excepted.
    #[inline(always)]
    pub fn read_level(self, level: &mut Level) {
        let Some(base) = self.base() else { return };
        let get = |field| member::<u64>(base, field);
        let flag = |field| member::<u8>(base, field);

        if let Some(id) = self.id() {
            level.cgroup_id = id;
            level.valid |= level_valid::ID;
        }
        if let (Some(usage), Some(max)) = (get(KernelField::MemcgUsage), get(KernelField::MemcgMax))
        {
            level.usage_pages = usage;
            level.max_pages = max;
            level.valid |= level_valid::USAGE;
        }
        if let Some(watermark) = get(KernelField::MemcgWatermark) {
            level.watermark_pages = watermark;
            level.valid |= level_valid::WATERMARK;
        }
        if let Some(failcnt) = get(KernelField::MemcgFailcnt) {
            level.failcnt = failcnt;
            level.valid |= level_valid::FAILCNT;
        }
        if let Some(high) = get(KernelField::MemcgHigh) {
            level.high_pages = high;
            level.valid |= level_valid::HIGH;
        }
        if let (Some(low), Some(min)) = (get(KernelField::MemcgLow), get(KernelField::MemcgMin)) {
            level.low_pages = low;
            level.min_pages = min;
            level.valid |= level_valid::PROTECTION;
        }
        if let (Some(usage), Some(max)) = (
            get(KernelField::MemcgSwapUsage),
            get(KernelField::MemcgSwapMax),
        ) {
            level.swap_usage_pages = usage;
            level.swap_max_pages = max;
            level.valid |= level_valid::SWAP;
        }
        // Some kernels keep the counter on cgroup v2 too, where nothing is charged to it.
        if CGROUP_V1.load() != 0
            && let Some(usage) = get(KernelField::MemcgKmemUsage)
        {
            level.kmem_usage_pages = usage;
            level.valid |= level_valid::KMEM;
        }
        if let (Some(max), Some(oom), Some(kill)) = (
            self.event(KernelField::EventMax),
            self.event(KernelField::EventOom),
            self.event(KernelField::EventOomKill),
        ) {
            level.events_max = max;
            level.events_oom = oom;
            level.events_oom_kill = kill;
            level.valid |= level_valid::EVENTS;
        }
        if let Some(group) = flag(KernelField::MemcgOomGroup) {
            level.valid |= level_valid::OOM_GROUP;
            if group != 0 {
                level.flags |= level_flags::OOM_GROUP;
            }
        }
        if let Some(locked) = flag(KernelField::MemcgOomLock) {
            level.valid |= level_valid::OOM_LOCK;
            if locked != 0 {
                level.flags |= level_flags::OOM_LOCK;
            }
        }
    }
}

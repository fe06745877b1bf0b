//! `struct oom_control`.

use oomtrace_common::{
    field::KernelField,
    record::{Kill, kill_valid},
};

use crate::{
    field::{member, number, pointer},
    memcg::Memcg,
};

/// A `struct oom_control` of the running kernel. It lives on the trigger's stack for as long as
/// `out_of_memory()` runs.
#[derive(Clone, Copy)]
pub struct OomControl(u64);

impl OomControl {
    /// Refuses NULL.
    #[inline(always)]
    pub fn new(address: u64) -> Option<Self> {
        if address == 0 {
            None
        } else {
            Some(Self(address))
        }
    }

    /// The memory cgroup whose limit was hit; nothing for a global OOM.
    #[inline(always)]
    pub fn memcg(self) -> Option<Memcg> {
        let memcg = pointer(self.0, KernelField::OomMemcg)?;
        Some(Memcg::from_css(memcg + number(KernelField::MemcgCss)?))
    }

    /// `oom_control.chosen`: 0 if nothing was found.
    #[inline(always)]
    pub fn chosen(self) -> Option<u64> {
        member(self.0, KernelField::OomChosen)
    }

    /// `oom_control.zonelist`; nothing where the allocation could have been met from no zone's.
    #[inline(always)]
    pub fn zonelist(self) -> Option<u64> {
        pointer(self.0, KernelField::OomZonelist)
    }

    /// `oom_control.order`.
    #[inline(always)]
    pub fn order(self) -> Option<i32> {
        member(self.0, KernelField::OomOrder)
    }

    /// `oom_control.totalpages`: 0 until the domain was looked at.
    #[inline(always)]
    pub fn totalpages(self) -> Option<u64> {
        member(self.0, KernelField::OomTotalpages)
    }

    /// Copies what a kill tells of it.
    #[inline(always)]
    pub fn fill(self, kill: &mut Kill) {
        if let (Some(gfp_mask), Some(order), Some(totalpages), Some(constraint)) = (
            member(self.0, KernelField::OomGfpMask),
            member(self.0, KernelField::OomOrder),
            self.totalpages(),
            member(self.0, KernelField::OomConstraint),
        ) {
            kill.gfp_mask = gfp_mask;
            kill.order = order;
            kill.totalpages = totalpages;
            kill.constraint = constraint;
            kill.oc_memcg_id = self.memcg().and_then(Memcg::id).unwrap_or(0);
            kill.valid |= kill_valid::OOM_CONTROL;
        }
        if let Some(points) = member(self.0, KernelField::OomChosenPoints) {
            kill.chosen_points = points;
            kill.valid |= kill_valid::POINTS;
        }
    }
}

//! `struct oom_control`.

use oomtrace_common::field::KernelField;
use oomtrace_common::record::{Kill, kill_valid};

use crate::field::{member, number, pointer};
use crate::memcg::Memcg;

/// `CONSTRAINT_MEMCG`, the last of `enum oom_constraint`.
const CONSTRAINT_MEMCG: u32 = 3;

/// No architecture has a larger `MAX_ORDER`.
const ORDER_MAX: i32 = 32;

/// `__GFP_BITS_SHIFT` is 29 at most.
const GFP_MASK_MAX: u32 = (1 << 29) - 1;

/// More pages than any machine has.
const TOTALPAGES_MAX: u64 = 1 << 44;

/// More than `struct pglist_data` has with 1024 nodes.
const NODE_BYTES_MAX: u64 = 1 << 20;

/// The node of the first zone of a list.
#[inline(always)]
fn node_of(zonelist: u64) -> Option<u64> {
    let first = zonelist + number(KernelField::ZonelistZones)?;
    let zone = pointer(first, KernelField::ZonerefZone)?;
    pointer(zone, KernelField::ZonePgdat)
}

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

    /// Whether what lies there can be the one of an invocation that has chosen a victim: each field
    /// is one that the kernel can have put there, and they do not contradict one another.
    #[inline(always)]
    pub fn is_plausible(self) -> bool {
        let (Some(order), Some(gfp_mask), Some(constraint), Some(totalpages), Some(points)) = (
            self.order(),
            member::<u32>(self.0, KernelField::OomGfpMask),
            member::<u32>(self.0, KernelField::OomConstraint),
            self.totalpages(),
            member::<i64>(self.0, KernelField::OomChosenPoints),
        ) else {
            return false;
        };
        // Badness is what the task has of totalpages, moved by at most as much.
        let bound = totalpages as i64 * 4;
        if gfp_mask > GFP_MASK_MAX
            || totalpages == 0
            || totalpages > TOTALPAGES_MAX
            || points > bound
            || points < -bound
        {
            return false;
        }
        let (Some(memcg), Some(zonelist)) = (
            member::<u64>(self.0, KernelField::OomMemcg),
            member::<u64>(self.0, KernelField::OomZonelist),
        ) else {
            return false;
        };
        if constraint == CONSTRAINT_MEMCG {
            return (0..=ORDER_MAX).contains(&order)
                && zonelist == 0
                && memcg != 0
                && self.memcg().and_then(Memcg::id).is_some();
        }
        // -1 is that of sysrq-f. A list of zones lies in the node whose zones it begins with.
        (-1..=ORDER_MAX).contains(&order)
            && constraint < CONSTRAINT_MEMCG
            && memcg == 0
            && node_of(zonelist).is_some_and(|node| {
                node != 0 && zonelist >= node && zonelist - node < NODE_BYTES_MAX
            })
    }

    /// Copies what a kill's record holds of it.
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

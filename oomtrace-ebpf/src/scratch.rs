//! Memory in which records are built that do not fit the stack.
//!
//! Each processor has its own, and a program does not migrate while it runs. That alone does not
//! keep two programs apart: from Linux 7.0 on, tracepoint programs can be preempted by others on
//! the same processor. So what only marks use relies on the kernel's `oom_lock`, under which all
//! marks run; what the exit hook uses has to be claimed.

use core::ops::{Deref, DerefMut};

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use oomtrace_common::limits::{CHAIN_BYTES_MAX, CMDLINE_MAX, ENVIRON_MAX};
use oomtrace_common::record::{Kill, VictimContext, VictimEnviron, counter};

use crate::atomic;
use crate::maps::count;

/// The kill that is being marked, or the invocation that found no victim. Under `oom_lock`.
#[map]
pub static KILL_SCRATCH: PerCpuArray<Kill> = PerCpuArray::with_max_entries(1, 0);

/// Chains, the node's memory and paths, one after the other. Under `oom_lock`.
#[map]
pub static DETAIL_SCRATCH: PerCpuArray<DetailScratch> = PerCpuArray::with_max_entries(1, 0);

/// Processes that shared a victim's address space.
#[map]
pub static SHARER_SCRATCH: PerCpuArray<Claimable<Kill>> = PerCpuArray::with_max_entries(1, 0);

/// Contexts; one element for each [`Hook`].
#[map]
pub static CONTEXT_SCRATCH: PerCpuArray<Claimable<ContextScratch>> =
    PerCpuArray::with_max_entries(HOOKS, 0);

/// Environments; one element for each [`Hook`].
#[map]
pub static ENVIRON_SCRATCH: PerCpuArray<Claimable<EnvironScratch>> =
    PerCpuArray::with_max_entries(HOOKS, 0);

/// Hooks that take a victim's context. Each has scratch of its own, so that a mark that preempts
/// an exit does not cost the exiting victim its command line.
#[derive(Clone, Copy)]
pub enum Hook {
    /// The mark, where the victim itself asked for the memory.
    Mark = 0,
    /// The exit, or the delivery of SIGKILL where the exit comes too late.
    End = 1,
}

/// Number of [`Hook`]s.
const HOOKS: u32 = 2;

/// Room for a chain, and behind it for one whole level more, so that a bound checked before a
/// level is written holds for all of it. The others are smaller.
#[repr(C, align(8))]
pub struct DetailScratch(pub [u8; CHAIN_BYTES_MAX + 1024]);

/// A context with its command line.
#[repr(C, align(8))]
pub struct ContextScratch {
    /// The fixed part.
    pub context: VictimContext,
    /// The command line.
    pub cmdline: [u8; CMDLINE_MAX],
}

/// An environment.
#[repr(C, align(8))]
pub struct EnvironScratch {
    /// The fixed part.
    pub environ: VictimEnviron,
    /// The variables.
    pub bytes: [u8; ENVIRON_MAX],
}

/// Memory that one program run at a time has to itself.
#[repr(C)]
pub struct Claimable<T> {
    claims: u64,
    value: T,
}

/// A claim, given up when it is dropped.
pub struct Claim<T: 'static>(&'static mut Claimable<T>);

/// Claims an element of this processor. If another run holds it, the record is counted as lost.
#[inline(always)]
pub fn claim<T>(map: &PerCpuArray<Claimable<T>>, index: u32) -> Option<Claim<T>> {
    let element = map.get_ptr_mut(index)?;
    // SAFETY: an element of a map; only the atomic addition changes `claims`.
    let claims = unsafe { &raw mut (*element).claims };
    // SAFETY: as above. Whoever reads 1 after its own addition is alone: one that adds later reads
    // at least 2 and gives up. Two that add before either reads both give up.
    let is_alone = unsafe {
        atomic::add(claims, 1);
        core::ptr::read_volatile(claims) == 1
    };
    if !is_alone {
        // SAFETY: as above.
        unsafe { atomic::add(claims, -1) };
        count(counter::LOST_DETAILS);
        return None;
    }
    // SAFETY: this run is the only one that has a claim.
    Some(Claim(unsafe { &mut *element }))
}

impl<T> Deref for Claim<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> DerefMut for Claim<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.value
    }
}

impl<T> Drop for Claim<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: an element of a map; only the atomic addition changes `claims`.
        unsafe { atomic::add(&raw mut self.0.claims, -1) };
    }
}

/// The record of the kill that is being marked, to be filled.
#[inline(always)]
pub fn kill() -> Option<&'static mut Kill> {
    // SAFETY: the element is this processor's own, and only marks use it, one at a time.
    KILL_SCRATCH
        .get_ptr_mut(0)
        .map(|kill| unsafe { &mut *kill })
}

//! Victims between their mark and the exit of their last thread.
//!
//! The kernel can skip the exit hook: on kernels whose tracepoint programs can be preempted, an
//! exit that preempts another one on the same processor is a recursion, and is left out. So an
//! entry may outlive its victim, and its process id may be given to another process. Two things
//! bound that: whoever finds an entry compares the start of the process, and entries are dropped
//! in the order of their marks once they are [`FOLLOWED_NS_MAX`] old.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap};
use oomtrace_common::limits::{FOLLOWED_NS_MAX, OUTSTANDING_VICTIMS_MAX};

use crate::task::Task;
use crate::{atomic, emit};

/// Victims that are followed, by tgid.
#[map]
pub static VICTIMS: HashMap<u32, Followed> = HashMap::with_max_entries(OUTSTANDING_VICTIMS_MAX, 0);

/// The last entries of [`VICTIMS`], in the order in which they were made: a ring that
/// [`Following::oldest`] and [`Following::next`] run through.
#[map]
pub static ENTRIES: Array<Entry> = Array::with_max_entries(ENTRIES_MAX, 0);

/// The one [`Following`].
#[map]
pub static FOLLOWING: Array<Following> = Array::with_max_entries(1, 0);

/// Address spaces of victims that others may share, by address. The oldest make room for new ones;
/// the address means something only for [`SHARED_MM_NS_MAX`] anyway.
#[map]
pub static SHARED_MMS: LruHashMap<u64, Followed> = LruHashMap::with_max_entries(1024, 0);

/// The mark of which a process was last reported as a sharer, by tgid: each of its threads comes
/// by.
#[map]
pub static SHARERS_REPORTED: LruHashMap<u32, u32> = LruHashMap::with_max_entries(256, 0);

/// Victims that the reaper may come for, by the thread that was marked. The oldest make room for
/// new ones.
#[map]
pub static REAPABLE: LruHashMap<u32, Reapable> =
    LruHashMap::with_max_entries(OUTSTANDING_VICTIMS_MAX, 0);

/// How long after the mark a sharer of the victim's address space is still taken for one.
pub const SHARED_MM_NS_MAX: u64 = 30_000_000_000;

/// Length of [`ENTRIES`], a power of two: so many victims of one group may be dying at once before
/// the oldest is given up.
const ENTRIES_MAX: u32 = 4 * OUTSTANDING_VICTIMS_MAX;
const _: () = assert!(ENTRIES_MAX.is_power_of_two());

/// Entries that are looked at each time. At least two, so that ageing outruns marks.
const AGED_AT_ONCE: u32 = 4;

/// A victim that is being followed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Followed {
    /// When it was marked.
    pub marked_boot_ns: u64,
    /// Start of its thread group leader, 0 if unknown.
    pub start_boot_ns: u64,
    /// Running number of the mark.
    pub sequence: u32,
    /// Thread group.
    pub tgid: u32,
    /// 1 once its context was taken (or tried and failed for good).
    pub context_taken: u32,
    /// Always zero.
    pub reserved: u32,
}

/// A victim as the reaper finds it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Reapable {
    /// Who it is.
    pub followed: Followed,
    /// Address of its `mm_struct`, which its `signal_struct` keeps until it is gone too.
    pub mm: u64,
}

/// An entry of [`VICTIMS`], to find it again when it is old.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    /// When the entry was made.
    pub made_boot_ns: u64,
    /// Its key.
    pub tgid: u32,
    /// Its running number.
    pub sequence: u32,
}

/// Whether there is anybody to follow.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Following {
    /// Entries of [`VICTIMS`]; the exit hook does nothing while it is 0. Changed atomically.
    pub outstanding: u64,
    /// When the last entry was made. Written by marks.
    pub last_boot_ns: u64,
    /// Until when processes that shared a victim's address space may still exit; 0 if there never
    /// were any. Written by marks.
    pub sharers_until_boot_ns: u64,
    /// The last value of `sharers_until_boot_ns` that is known to have passed. Written by exits,
    /// so that none of them overwrites what a mark has just written.
    pub sharers_passed_boot_ns: u64,
    /// Running number of the next element of [`ENTRIES`]. Written by marks.
    pub next: u32,
    /// Running number of the oldest element that was not aged yet. Two processors may age the same
    /// element; none is passed over.
    pub oldest: u32,
}

#[inline(always)]
fn following() -> Option<&'static mut Following> {
    // SAFETY: an element of a map; see [`Following`] for who writes what.
    FOLLOWING
        .get_ptr_mut(0)
        .map(|following| unsafe { &mut *following })
}

/// Whether an exit may be the aftermath of a kill: a victim is being followed, or a process that
/// shared a victim's address space may still be there.
#[inline(always)]
pub fn is_following() -> bool {
    let Some(following) = following() else {
        return false;
    };
    if following.outstanding != 0 {
        let now = emit::now_boot_ns();
        if now - following.last_boot_ns > FOLLOWED_NS_MAX {
            // No mark has come since to drop them.
            age_entries(now);
        }
        return true;
    }
    let until = following.sharers_until_boot_ns;
    if until == following.sharers_passed_boot_ns {
        return false;
    }
    if emit::now_boot_ns() > until {
        following.sharers_passed_boot_ns = until;
        return false;
    }
    true
}

/// The entry of the process of `task`, if that is a victim; an entry that an earlier process of the
/// same id has left is dropped.
#[inline(always)]
pub fn of(task: Task, tgid: u32) -> Option<&'static mut Followed> {
    let followed = VICTIMS.get_ptr_mut(&tgid)?;
    // SAFETY: an element of a map. Threads of one victim may change `context_taken` at the same
    // time: the worst is a second record of the same content, which the reader ignores.
    let followed = unsafe { &mut *followed };
    let start = task.leader().and_then(Task::start_boot_ns);
    if let Some(start) = start
        && followed.start_boot_ns != 0
        && followed.start_boot_ns != start
    {
        forget(tgid);
        return None;
    }
    Some(followed)
}

/// Begins to follow a victim; false if there is no room. Runs in a mark.
#[inline(always)]
pub fn follow(followed: &Followed) -> bool {
    let Some(following) = following() else {
        return false;
    };
    let now = emit::now_boot_ns();
    age_entries(now);
    if following.next - following.oldest >= ENTRIES_MAX {
        // The oldest makes room, however young it is.
        let _ = drop_entry(following.oldest);
        following.oldest += 1;
    }
    let known = VICTIMS.get_ptr(&followed.tgid).is_some();
    if VICTIMS.insert(&followed.tgid, followed, 0).is_err() {
        return false;
    }
    if !known {
        // SAFETY: an element of a map.
        unsafe { atomic::add(&raw mut following.outstanding, 1) };
    }
    if let Some(entry) = ENTRIES.get_ptr_mut(following.next % ENTRIES_MAX) {
        // SAFETY: an element of a map, which only marks write.
        unsafe {
            *entry = Entry {
                made_boot_ns: now,
                tgid: followed.tgid,
                sequence: followed.sequence,
            };
        }
    }
    following.next += 1;
    following.last_boot_ns = now;
    true
}

/// Stops following a victim; false if it was not followed.
#[inline(always)]
pub fn forget(tgid: u32) -> bool {
    let removed = VICTIMS.remove(&tgid).is_ok();
    if removed && let Some(following) = following() {
        // SAFETY: an element of a map.
        unsafe { atomic::add(&raw mut following.outstanding, -1) };
    }
    removed
}

/// Processes that share the address space of a victim may exit from now on.
#[inline(always)]
pub fn expect_sharers(mm: u64, followed: &Followed) {
    if let Some(following) = following() {
        following.sharers_until_boot_ns = followed.marked_boot_ns + SHARED_MM_NS_MAX;
    }
    // A failure loses sharers, not the kill itself; its flag says there may be some.
    let _ = SHARED_MMS.insert(&mm, followed, 0);
}

/// Drops entries whose victims' ends were missed; gives 0.
// A global function: the verifier walks it once for all hooks.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn age_entries(now: u64) -> u64 {
    let Some(following) = following() else {
        return 0;
    };
    for _ in 0..AGED_AT_ONCE {
        let oldest = following.oldest;
        if oldest == following.next {
            break;
        }
        let Some(entry) = ENTRIES.get_ptr(oldest % ENTRIES_MAX) else {
            break;
        };
        // SAFETY: an element of a map.
        if now - unsafe { (*entry).made_boot_ns } <= FOLLOWED_NS_MAX {
            break;
        }
        if !drop_entry(oldest) {
            break;
        }
        following.oldest = oldest + 1;
    }
    0
}

/// Drops an element of [`ENTRIES`] from [`VICTIMS`], if it is still there; false if the map is busy.
#[inline(always)]
fn drop_entry(index: u32) -> bool {
    let Some(entry) = ENTRIES.get_ptr(index % ENTRIES_MAX) else {
        return true;
    };
    // SAFETY: an element of a map, copied at once.
    let entry = unsafe { *entry };
    if let Some(followed) = VICTIMS.get_ptr(&entry.tgid)
        // SAFETY: an element of a map.
        && unsafe { (*followed).sequence } == entry.sequence
    {
        return forget(entry.tgid);
    }
    true
}

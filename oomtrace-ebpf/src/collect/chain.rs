//! The memory cgroups from a task's own to the root.

use oomtrace_common::{
    limits::{CGROUP_LEVELS_MAX, CGROUP_NAME_MAX, CHAIN_BYTES_MAX},
    record::{
        Chain, KIND_CHAIN, Kill, Level, chain_flags, chain_role, kill_flags, level_flags,
        level_valid,
    },
};

use crate::{emit, field, globals::CGROUP_V1, maps::CHAIN_SCRATCH, memcg::Memcg};

/// Bytes of a name with its NUL.
const NAME_BYTES: u32 = CGROUP_NAME_MAX as u32 + 1;

/// Bit of [`send`]'s answer: the chain found room in its ring.
const SENT: u64 = 1;
/// Bit of [`send`]'s answer: the other cgroup is part of the chain.
const MET: u64 = 2;

/// Sends the victim's chain, and the trigger's where it is not part of it.
#[inline(always)]
pub fn send_both(kill: &mut Kill, victim: Memcg, trigger: Option<Memcg>) {
    let done = send(kill, chain_role::VICTIM, victim.css(), trigger.map_or(0, Memcg::css));
    if done & SENT == 0 {
        kill.flags |= kill_flags::CHAIN_LOST;
    }
    if let Some(trigger) = trigger
        && done & MET == 0
    {
        send_trigger(kill, trigger);
    }
}

/// Sends the trigger's chain.
#[inline(always)]
pub fn send_trigger(kill: &mut Kill, trigger: Memcg) {
    if send(kill, chain_role::TRIGGER, trigger.css(), 0) & SENT != 0 {
        kill.flags |= kill_flags::TRIGGER_CHAIN;
    }
}

/// Sends the chain that starts at css `leaf`: [`SENT`] if it found room, [`MET`] if css `other`
/// is part of it.
// Not inlined: it would stand in the program twice. Functions of BPF programs take at most five
// scalars and give one, so cgroups travel as the addresses they are.
#[inline(never)]
fn send(kill: &Kill, role: u16, leaf: u64, other: u64) -> u64 {
    let Some(scratch) = CHAIN_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    let start: *mut u8 = scratch.cast();
    let mut at = size_of::<Chain>();
    let mut levels = 0_u16;
    let mut flags = 0;
    let mut met = 0;
    let mut next = Some(Memcg::from_css(leaf));
    if CGROUP_V1.load() != 0 {
        flags |= chain_flags::CGROUP_V1 | chain_flags::SWAP_IS_MEMSW;
    }

    for _ in 0..CGROUP_LEVELS_MAX {
        let Some(memcg) = next else { break };
        if at >= CHAIN_BYTES_MAX {
            flags |= chain_flags::BYTES_TRUNCATED;
            break;
        }
        if other == memcg.css() {
            met = MET;
        }
        next = memcg.parent();
        let mut level = Level::default();
        memcg.read_level(&mut level);
        if next.is_none() {
            level.flags |= level_flags::ROOT;
        }
        // SAFETY: `at` is below CHAIN_BYTES_MAX, and the scratch has room for a level and the
        // longest name behind that.
        let written = unsafe { put(start.add(at & (CHAIN_BYTES_MAX - 1)), &mut level, memcg) };
        at += written;
        levels += 1;
    }
    if next.is_some() && flags & chain_flags::BYTES_TRUNCATED == 0 {
        flags |= chain_flags::LEVELS_TRUNCATED;
    }

    let chain = Chain {
        header: emit::header(
            KIND_CHAIN,
            at as u32,
            kill.header.boot_ns,
            kill.header.sequence,
        ),
        role,
        levels,
        flags,
    };
    // SAFETY: the scratch is aligned for it and begins with room for it.
    unsafe { *start.cast::<Chain>() = chain };
    // SAFETY: `at` bytes were written; the bound is for the verifier, which does not follow `at`
    // through the loop.
    let sent = unsafe { emit::detail(start, at.min(CHAIN_BYTES_MAX + 512) as u64, emit::NO_WAKEUP) };
    if sent { SENT | met } else { met }
}

/// Puts a level and its name at `target`; how many bytes that took, a multiple of eight.
///
/// # Safety
///
/// `target` must be aligned to eight and have room for a [`Level`], [`NAME_BYTES`] and eight more.
#[inline(always)]
unsafe fn put(target: *mut u8, level: &mut Level, memcg: Memcg) -> usize {
    // SAFETY: inside the room that the caller vouches for.
    let name = unsafe { target.add(size_of::<Level>()) };
    let mut len = 0;
    if let Some(address) = memcg.name() {
        // SAFETY: NAME_BYTES of room, as the caller vouches.
        if let Some(copied) = unsafe { field::string::<NAME_BYTES>(name, address) } {
            // Bound for the verifier; the helper never returns more.
            len = copied.min(CGROUP_NAME_MAX as u64) as usize;
            level.valid |= level_valid::NAME;
        }
    }
    level.name_len_bytes = len as u32;
    for index in 0..8 {
        // The padding must not carry bytes of an earlier record.
        // SAFETY: at most CGROUP_NAME_MAX + 7 bytes into the room.
        unsafe { *name.add(len + index) = 0 };
    }
    // SAFETY: aligned and inside the room.
    unsafe { *target.cast::<Level>() = *level };
    size_of::<Level>() + ((len + 7) & !7)
}

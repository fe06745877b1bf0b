//! The memory cgroups from a task's own to the root.

use oomtrace_common::limits::{CGROUP_LEVELS_MAX, CGROUP_NAME_MAX, CHAIN_BYTES_MAX};
use oomtrace_common::record::{
    Chain, KIND_CHAIN, Kill, Level, chain_flags, chain_role, kill_flags, level_flags, level_valid,
};

use crate::globals::CGROUP_V1;
use crate::memcg::Memcg;
use crate::scratch::DETAIL_SCRATCH;
use crate::{emit, field};

/// Bytes of a name with its NUL.
const NAME_BYTES: u32 = CGROUP_NAME_MAX as u32 + 1;

/// Bit of [`send_chain`]'s answer: the chain found room in its ring.
const SENT: u64 = 1;
/// Bit of [`send_chain`]'s answer: the other cgroup is part of the chain.
const MET: u64 = 2;

/// Sends the victim's chain, and the trigger's where it is not part of it.
#[inline(always)]
pub fn send_both(kill: &mut Kill, victim: Memcg, trigger: Option<Memcg>) {
    let trigger_css = trigger.map_or(0, Memcg::css);
    let done = send_chain(
        kill.header.sequence.into(),
        kill.header.boot_ns,
        chain_role::VICTIM.into(),
        victim.css(),
        trigger_css,
    );
    if done & SENT == 0 {
        kill.flags |= kill_flags::CHAIN_LOST;
    }
    if trigger_css != 0 && done & MET == 0 {
        send_trigger(kill, Memcg::from_css(trigger_css));
    }
}

/// Sends the trigger's chain.
#[inline(always)]
pub fn send_trigger(kill: &mut Kill, trigger: Memcg) {
    if send_one(kill, chain_role::TRIGGER, trigger) {
        kill.flags |= kill_flags::TRIGGER_CHAIN;
    }
}

/// Sends the chain of one cgroup; whether it found room.
#[inline(always)]
pub fn send_one(kill: &Kill, role: u16, memcg: Memcg) -> bool {
    let done = send_chain(
        kill.header.sequence.into(),
        kill.header.boot_ns,
        role.into(),
        memcg.css(),
        0,
    );
    done & SENT != 0
}

/// Sends the chain that starts at css `leaf`: [`SENT`] if it found room, [`MET`] if css `other`
/// is part of it.
// A global function: the verifier walks it once for all calls. Such functions take at most five
// scalars and give one, so cgroups travel as the addresses they are.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send_chain(sequence: u64, boot_ns: u64, role: u64, leaf: u64, other: u64) -> u64 {
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    let start: *mut u8 = scratch.cast();
    let mut at = size_of::<Chain>() as u64;
    let mut levels = 0_u16;
    let mut flags = 0;
    let mut met = 0;
    let mut css = leaf;
    if CGROUP_V1.load() != 0 {
        flags |= chain_flags::CGROUP_V1 | chain_flags::SWAP_IS_MEMSW;
    }
    for _ in 0..CGROUP_LEVELS_MAX {
        if css == 0 {
            break;
        }
        if at >= CHAIN_BYTES_MAX as u64 {
            flags |= chain_flags::BYTES_TRUNCATED;
            break;
        }
        if css == other {
            met = MET;
        }
        let parent = Memcg::from_css(css).parent().map_or(0, Memcg::css);
        at += put_level(css, at, u64::from(parent == 0)) & LEVEL_BYTES_MASK;
        css = parent;
        levels += 1;
    }
    if css != 0 && flags & chain_flags::BYTES_TRUNCATED == 0 {
        flags |= chain_flags::LEVELS_TRUNCATED;
    }

    let chain = Chain {
        header: emit::header(KIND_CHAIN, at as u32, boot_ns, sequence as u32),
        role: role as u16,
        levels,
        flags,
    };
    // SAFETY: the scratch is aligned for it and begins with room for it.
    unsafe { *start.cast::<Chain>() = chain };
    // The bound is for the verifier, which does not follow `at` through the loop.
    let len = at.min((CHAIN_BYTES_MAX + 512) as u64);
    // SAFETY: `at` bytes of the scratch were written.
    let sent = unsafe { emit::detail(start, len, emit::NO_WAKEUP) };
    if sent { SENT | met } else { met }
}

/// A level with its name takes fewer bytes than this mask holds.
const LEVEL_BYTES_MASK: u64 = 0x1ff;
const _: () = assert!(size_of::<Level>() + CGROUP_NAME_MAX + 8 < LEVEL_BYTES_MASK as usize);

/// Puts the level of `css` at byte `at` of the scratch; how many bytes that took, a multiple of
/// eight.
// A global function, as above: its many reads would otherwise be walked once per level and call.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn put_level(css: u64, at: u64, is_root: u64) -> u64 {
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    if at >= CHAIN_BYTES_MAX as u64 {
        return 0;
    }
    let memcg = Memcg::from_css(css);
    // SAFETY: below CHAIN_BYTES_MAX, and the scratch has room for a level and the longest name
    // behind that. A multiple of eight, as all that was put before.
    let target = unsafe { scratch.cast::<u8>().add((at & !7) as usize) };
    // SAFETY: aligned and inside the room.
    let level = unsafe { &mut *target.cast::<Level>() };
    *level = Level::default();
    memcg.read_level(level);
    if is_root != 0 {
        level.flags |= level_flags::ROOT;
    }
    // SAFETY: inside the room.
    let name = unsafe { target.add(size_of::<Level>()) };
    let mut len = 0;
    if let Some(address) = memcg.name() {
        // SAFETY: NAME_BYTES of room behind the level.
        if let Some(copied) = unsafe { field::string::<NAME_BYTES>(name, address) } {
            // Bound for the verifier; the helper never returns more.
            len = copied.min(CGROUP_NAME_MAX as u64) as usize;
            level.valid |= level_valid::NAME;
        }
    }
    level.name_len_bytes = len as u32;
    for index in 0..8 {
        // The padding must not carry bytes of an earlier record.
        // SAFETY: at most CGROUP_NAME_MAX + 8 bytes into the room.
        unsafe { *name.add(len + index) = 0 };
    }
    (size_of::<Level>() + ((len + 7) & !7)) as u64
}

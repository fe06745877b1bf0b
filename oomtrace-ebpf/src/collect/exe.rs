//! The victim's executable, by the names on its path: `mm->exe_file` is there as long as the address
//! space is.

use oomtrace_common::field::KernelField;
use oomtrace_common::limits::{CGROUP_NAME_MAX, CHAIN_BYTES_MAX, EXE_PARTS_MAX};
use oomtrace_common::record::{Exe, KIND_EXE, Kill, exe_flags, kill_flags};

use crate::emit;
use crate::field::{member, number, pointer, string};
use crate::mm::Mm;
use crate::scratch::DETAIL_SCRATCH;

/// Bytes of a name with its NUL; `NAME_MAX` of every file system is no longer.
const NAME_BYTES: u32 = CGROUP_NAME_MAX as u32 + 1;

/// Sends the executable of a victim.
#[inline(always)]
pub fn send(kill: &mut Kill, mm: Mm) {
    if send_exe(kill.header.sequence.into(), kill.header.boot_ns, mm.0) != 0 {
        kill.flags |= kill_flags::EXE;
    }
}

/// Sends the names on the path of the executable of `mm`; whether there is one and it found room.
// A global function: see `chain::send_chain`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send_exe(sequence: u64, boot_ns: u64, mm: u64) -> u64 {
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    let (Some(file), Some(path), Some(mnt)) = (
        pointer(mm, KernelField::MmExeFile),
        number(KernelField::FilePath),
        number(KernelField::MountMnt),
    ) else {
        return 0;
    };
    let (Some(mut dentry), Some(vfsmount)) = (
        pointer(file + path, KernelField::PathDentry),
        pointer(file + path, KernelField::PathMnt),
    ) else {
        return 0;
    };
    let mut mount = vfsmount - mnt;
    let mut flags = exe_flags::TRUNCATED;
    let hashed: Option<u64> = member(dentry, KernelField::DentryHashed);
    if hashed == Some(0) {
        flags |= exe_flags::DELETED;
    }
    let mut at = size_of::<Exe>() as u64;
    for _ in 0..EXE_PARTS_MAX {
        let Some(root) = pointer(mount + mnt, KernelField::VfsmountRoot) else {
            return 0;
        };
        if dentry == root {
            let Some(parent) = pointer(mount, KernelField::MountParent) else {
                return 0;
            };
            if parent == mount {
                flags &= !exe_flags::TRUNCATED;
                break;
            }
            let Some(mountpoint) = pointer(mount, KernelField::MountMountpoint) else {
                return 0;
            };
            dentry = mountpoint;
            mount = parent;
            continue;
        }
        if at >= CHAIN_BYTES_MAX as u64 {
            break;
        }
        at += put_name(dentry, at) & NAME_BYTES_MASK;
        let Some(parent) = pointer(dentry, KernelField::DentryParent) else {
            return 0;
        };
        if parent == dentry {
            // In no directory: a memfd, or a mount that is gone.
            flags &= !exe_flags::TRUNCATED;
            break;
        }
        dentry = parent;
    }
    let names = at - size_of::<Exe>() as u64;
    let len = (at + 7) & !7;
    let exe = Exe {
        header: emit::header(KIND_EXE, len as u32, boot_ns, sequence as u32),
        flags,
        names_len_bytes: names as u32,
    };
    let start: *mut u8 = scratch.cast();
    // SAFETY: the scratch is aligned for it and begins with room for it.
    unsafe { *start.cast::<Exe>() = exe };
    // The bound is for the verifier.
    let len = len.min((CHAIN_BYTES_MAX + 512) as u64);
    // SAFETY: that many bytes of the scratch are its own.
    u64::from(unsafe { emit::detail(start, len, emit::NO_WAKEUP) })
}

/// A name with its NUL takes no more bytes than this mask holds.
const NAME_BYTES_MASK: u64 = 0x1ff;
const _: () = assert!((NAME_BYTES as u64) < NAME_BYTES_MASK);

/// Puts the name of `dentry` at byte `at` of the scratch; how many bytes that took, NUL included.
// A global function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn put_name(dentry: u64, at: u64) -> u64 {
    let Some(scratch) = DETAIL_SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    if at >= CHAIN_BYTES_MAX as u64 {
        return 0;
    }
    // SAFETY: below CHAIN_BYTES_MAX, with room for the longest name behind that.
    let target = unsafe { scratch.cast::<u8>().add(at as usize) };
    let Some(address) = pointer(dentry, KernelField::DentryName) else {
        return 0;
    };
    // SAFETY: NAME_BYTES of room, and eight more.
    match unsafe { string::<NAME_BYTES>(target, address) } {
        Some(len) => {
            let len = len.min(CGROUP_NAME_MAX as u64) as usize;
            for index in 0..8 {
                // The padding must not carry bytes of an earlier record.
                // SAFETY: at most CGROUP_NAME_MAX + 8 bytes into the room.
                unsafe { *target.add(len + index) = 0 };
            }
            len as u64 + 1
        }
        None => 0,
    }
}

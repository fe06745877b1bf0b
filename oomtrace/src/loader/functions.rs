//! Hooks on the OOM killer's own functions: kprobes, else fentry and fexit.

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use aya::{Btf, Ebpf};

use super::attach::{self, Attached};
use super::error::LoadError;
use crate::kernel::{FunctionHook, Plan};

/// The planned hook types that this kernel accepts.
pub(super) fn usable(plan: &Plan) -> Vec<FunctionHook> {
    plan.functions
        .iter()
        .copied()
        .filter(|hook| match hook {
            FunctionHook::Kprobe => true,
            FunctionHook::Fentry { probe_id } => match try_fentry(*probe_id) {
                Ok(()) => true,
                Err(error) => {
                    log::debug!("fentry is refused: {error}");
                    false
                }
            },
        })
        .collect()
}

/// Attaches with the first hook type that works; attaches nothing where none does.
pub(super) fn attach(ebpf: &mut Ebpf, plan: &Plan, usable: &[FunctionHook]) -> Vec<Attached> {
    for kind in usable {
        match all_by(ebpf, plan, *kind) {
            Ok(attached) => return attached,
            Err(error) => {
                log::info!("cannot hook the OOM killer's functions: {}", error.chain());
            }
        }
    }
    Vec::new()
}

/// All of them by one hook type, or none.
fn all_by(ebpf: &mut Ebpf, plan: &Plan, kind: FunctionHook) -> Result<Vec<Attached>, LoadError> {
    let is_kprobe = kind == FunctionHook::Kprobe;
    let btf = (!is_kprobe)
        .then(Btf::from_sys_fs)
        .transpose()
        .map_err(|error| LoadError::Object(error.into()))?;
    plan.hooks()
        .filter(|hook| hook.is_on_function() && hook.attach.is_kprobe() == is_kprobe)
        .map(|hook| attach::attach(ebpf, hook, btf.as_ref()))
        .collect()
}

/// `struct bpf_attr` of `BPF_PROG_LOAD`, as far as it is needed here
/// (`include/uapi/linux/bpf.h`).
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
    attach_prog_fd: u32,
    reserved: u32,
}

/// Whether the kernel accepts an fentry program at all, by loading one that does nothing: some
/// refuse whatever patches code, and finding out through aya takes 20 ms.
#[expect(unsafe_code, reason = "bpf(2) has no safe wrapper")]
fn try_fentry(btf_id: u32) -> io::Result<()> {
    const BPF_PROG_LOAD: libc::c_int = 5;
    const BPF_PROG_TYPE_TRACING: u32 = 26;
    const BPF_TRACE_FENTRY: u32 = 24;
    // r0 = 0; exit
    let program: [u64; 2] = [0xb7, 0x95];
    let license = c"Dual MIT/GPL";
    let load = ProgLoad {
        prog_type: BPF_PROG_TYPE_TRACING,
        insn_cnt: 2,
        insns: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        expected_attach_type: BPF_TRACE_FENTRY,
        attach_btf_id: btf_id,
        ..ProgLoad::default()
    };
    // SAFETY: the structure is as long as is said and points to a program and a license that live
    // until the call returns.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_LOAD,
            &raw const load,
            size_of::<ProgLoad>(),
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given this descriptor to us alone.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

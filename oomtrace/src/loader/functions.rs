//! Hooks on the OOM killer's own functions: kprobes, else fentry and fexit.

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use aya::programs::fentry::FEntryLink;
use aya::programs::fexit::FExitLink;
use aya::programs::kprobe::KProbeLink;
use aya::programs::{FEntry, FExit, KProbe, ProgramFd};
use aya::{Btf, Ebpf};

use super::error::LoadError;
use super::probe::{clone_fd, program};
use crate::kernel::{Applied, FunctionHook, MarkHook, Plan};

/// What keeps a function hook attached.
pub(super) enum Link {
    Kprobe { _link: KProbeLink },
    Fentry { _link: FEntryLink },
    Fexit { _link: FExitLink },
}

/// Attached function hooks.
#[derive(Default)]
pub(super) struct Attached {
    pub(super) links: Vec<Link>,
    pub(super) programs: Vec<ProgramFd>,
    pub(super) applied: Applied,
}

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
pub(super) fn attach(ebpf: &mut Ebpf, plan: &Plan, usable: &[FunctionHook]) -> Attached {
    for hook in usable {
        let result = match hook {
            FunctionHook::Kprobe => by_kprobe(ebpf, plan),
            FunctionHook::Fentry { .. } => by_fentry(ebpf, plan),
        };
        match result {
            Ok(attached) => return attached,
            Err(error) => {
                log::info!("cannot hook the OOM killer's functions: {}", error.chain());
            }
        }
    }
    Attached::default()
}

fn by_kprobe(ebpf: &mut Ebpf, plan: &Plan) -> Result<Attached, LoadError> {
    let mut attached = Attached::default();
    let mut hooks = vec![
        ("left_kretprobe", "out_of_memory"),
        ("evaluated_kprobe", "oom_evaluate_task"),
        ("arming_kprobe", "__oom_kill_process"),
        ("invoked_kprobe", "out_of_memory"),
    ];
    let by_function = plan.mark != MarkHook::Task;
    if by_function {
        hooks.push(("marking_kprobe", "mark_oom_victim"));
    }
    for (name, function) in hooks {
        let failed = |error| LoadError::attach(name, error);
        let program: &mut KProbe = program(ebpf, name)?;
        program
            .load()
            .map_err(|error| LoadError::program(name, error))?;
        let id = program.attach(function, 0).map_err(failed)?;
        let link = program.take_link(id).map_err(failed)?;
        attached.links.push(Link::Kprobe { _link: link });
        attached.programs.push(clone_fd(name, program.fd())?);
    }
    attached.applied = Applied {
        invocations: true,
        marks_by_function: by_function,
    };
    Ok(attached)
}

fn by_fentry(ebpf: &mut Ebpf, plan: &Plan) -> Result<Attached, LoadError> {
    let mut attached = Attached::default();
    let btf = Btf::from_sys_fs().map_err(|error| LoadError::Object(error.into()))?;
    let by_function = plan.mark != MarkHook::Task;
    {
        let name = "left_fexit";
        let failed = |error| LoadError::attach(name, error);
        let program: &mut FExit = program(ebpf, name)?;
        program
            .load("out_of_memory", &btf)
            .map_err(|error| LoadError::program(name, error))?;
        let id = program.attach().map_err(failed)?;
        let link = program.take_link(id).map_err(failed)?;
        attached.links.push(Link::Fexit { _link: link });
        attached.programs.push(clone_fd(name, program.fd())?);
    }
    let mut hooks = vec![
        ("evaluated_fentry", "oom_evaluate_task"),
        ("arming_fentry", "__oom_kill_process"),
        ("invoked_fentry", "out_of_memory"),
    ];
    if by_function {
        hooks.push(("marking_fentry", "mark_oom_victim"));
    }
    for (name, function) in hooks {
        let failed = |error| LoadError::attach(name, error);
        let program: &mut FEntry = program(ebpf, name)?;
        program
            .load(function, &btf)
            .map_err(|error| LoadError::program(name, error))?;
        let id = program.attach().map_err(failed)?;
        let link = program.take_link(id).map_err(failed)?;
        attached.links.push(Link::Fentry { _link: link });
        attached.programs.push(clone_fd(name, program.fd())?);
    }
    attached.applied = Applied {
        invocations: true,
        marks_by_function: by_function,
    };
    Ok(attached)
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

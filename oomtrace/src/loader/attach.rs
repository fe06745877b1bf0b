//! Attaches one program where the table of hooks says.

use std::any::Any;

use aya::programs::{
    FEntry, FExit, KProbe, Program, ProgramError, ProgramFd, RawTracePoint, TracePoint,
};
use aya::{Btf, Ebpf};

use super::error::{LoadError, NOT_THERE};
use crate::kernel::{Attach, Hook};

/// Keeps a program attached until it is dropped.
pub(super) type Link = Box<dyn Any + Send>;

/// An attached hook.
pub(super) struct Attached {
    pub(super) hook: &'static Hook,
    pub(super) link: Link,
    pub(super) program: ProgramFd,
}

/// Loads the program of a hook and attaches it. `btf` is the kernel's, which fentry and fexit need.
///
/// # Errors
///
/// The kernel refused the program or its attachment.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    hook: &'static Hook,
    btf: Option<&Btf>,
) -> Result<Attached, LoadError> {
    let btf = || btf.ok_or_else(|| LoadError::attach(hook.program, "BTF was not read"));
    match hook.attach {
        Attach::RawTracepoint(name) => on(ebpf, hook, RawTracePoint::load, |program| {
            let id = program.attach(name)?;
            Ok((Box::new(program.take_link(id)?), program.fd()?.try_clone()?))
        }),
        Attach::Tracepoint(category, name) => on(ebpf, hook, TracePoint::load, |program| {
            let id = program.attach(category, name)?;
            Ok((Box::new(program.take_link(id)?), program.fd()?.try_clone()?))
        }),
        // The program itself says whether it is for the beginning or for the end.
        Attach::Kprobe(function) | Attach::Kretprobe(function) => {
            on(ebpf, hook, KProbe::load, |program| {
                let id = program.attach(function, 0)?;
                Ok((Box::new(program.take_link(id)?), program.fd()?.try_clone()?))
            })
        }
        Attach::Fentry(function) => {
            let btf = btf()?;
            let load = |program: &mut FEntry| program.load(function, btf);
            on(ebpf, hook, load, |program| {
                let id = program.attach()?;
                Ok((Box::new(program.take_link(id)?), program.fd()?.try_clone()?))
            })
        }
        Attach::Fexit(function) => {
            let btf = btf()?;
            let load = |program: &mut FExit| program.load(function, btf);
            on(ebpf, hook, load, |program| {
                let id = program.attach()?;
                Ok((Box::new(program.take_link(id)?), program.fd()?.try_clone()?))
            })
        }
    }
}

fn on<P>(
    ebpf: &mut Ebpf,
    hook: &'static Hook,
    load: impl FnOnce(&mut P) -> Result<(), ProgramError>,
    attach: impl FnOnce(&mut P) -> Result<(Link, ProgramFd), ProgramError>,
) -> Result<Attached, LoadError>
where
    for<'a> &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    let name = hook.program;
    let failed = |error| LoadError::attach(name, error);
    let program: &mut P = ebpf
        .program_mut(name)
        .ok_or_else(|| LoadError::attach(name, NOT_THERE))?
        .try_into()
        .map_err(failed)?;
    load(program).map_err(|error| LoadError::program(name, error))?;
    let (link, program) = attach(program).map_err(failed)?;
    Ok(Attached {
        hook,
        link,
        program,
    })
}

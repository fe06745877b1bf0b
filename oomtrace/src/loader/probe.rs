//! The attached probe: rings, counters, and what it costs.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use aya::Ebpf;
use aya::maps::{Array, MapData, PerCpuArray, RingBuf};
use aya::programs::raw_trace_point::RawTracePointLink;
use aya::programs::trace_point::TracePointLink;
use aya::programs::{ProgramFd, RawTracePoint, TracePoint};
use oomtrace_common::limits::LOST_KILLS_KEPT;
use oomtrace_common::record::{LostKill, counter};

use super::error::LoadError;
use super::functions::{self, Attached};
use super::object;
use crate::kernel::{Applied, ExitHook, KillProof, MarkHook, Plan};

/// Bytes of one element of the array of lost kills.
pub const LOST_KILL_BYTES: usize = size_of::<LostKill>();

/// Programs and tracepoints of the kernel's reaper. They fire only for a victim that does not exit
/// by itself.
const REAPER: [(&str, &str); 3] = [
    ("reaping_started", "start_task_reaping"),
    ("reaping_finished", "finish_task_reaping"),
    ("reaping_skipped", "skip_task_reaping"),
];
/// Kills that are read before the candidates are: more would wait for theirs than need be.
const KILLS_AT_ONCE: u32 = 32;

/// What the kernel side has counted since it was attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeCounters {
    /// Kills seen, whether or not their record found room.
    pub kills: u64,
    /// Kills whose record found no room.
    pub lost_kills: u64,
    /// Chains, contexts, outcomes that found no room.
    pub lost_details: u64,
    /// Candidates that found no room.
    pub lost_candidates: u64,
    /// Marks that were no kill.
    pub mere_marks: u64,
    /// Kills that could not be followed.
    pub not_followed: u64,
    /// Runs of a program that the kernel left out because it was running already.
    pub recursion_misses: u64,
}

/// Memory that the kernel holds for the probe's maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapMemory {
    /// The map.
    pub name: String,
    /// `memlock` of the map's fdinfo.
    pub bytes: u64,
}

/// The object lacks what this loader was built for.
const NOT_THERE: &str = "not in the object";

enum Link {
    Raw { _link: RawTracePointLink },
    Record { _link: TracePointLink },
}

/// The probe, attached until it is dropped.
pub struct Probe {
    essential: RingBuf<MapData>,
    detail: RingBuf<MapData>,
    candidates: RingBuf<MapData>,
    counters: PerCpuArray<MapData, u64>,
    lost_kills: Array<MapData, [u8; LOST_KILL_BYTES]>,
    logger: Option<aya_log::EbpfLogger<&'static dyn log::Log>>,
    programs: Vec<ProgramFd>,
    maps: Vec<MapMemory>,
    // Last, so that detaching comes after everything that reads.
    functions: Attached,
    links: Vec<Link>,
}

impl Probe {
    /// Loads and attaches what the plan says. `log_level` 0 keeps the probe's own diagnostics out
    /// of the object.
    ///
    /// # Errors
    ///
    /// The kernel refused a map, a program or an attachment; the error names it.
    pub fn start(plan: &Plan, log_level: u8) -> Result<Self, LoadError> {
        let usable = functions::usable(plan);
        let mut ebpf = object::load(plan, log_level, !usable.is_empty())?;
        let maps = map_memory(&ebpf);
        let logger = (log_level > 0)
            .then(|| aya_log::EbpfLogger::init(&mut ebpf))
            .transpose()
            .map_err(|error| LoadError::map("AYA_LOGS", error))?;
        let mut probe = Self {
            essential: take(&mut ebpf, "ESSENTIAL", RingBuf::try_from)?,
            detail: take(&mut ebpf, "DETAIL", RingBuf::try_from)?,
            candidates: take(&mut ebpf, "CANDIDATES", RingBuf::try_from)?,
            counters: take(&mut ebpf, "COUNTERS", PerCpuArray::try_from)?,
            lost_kills: take(&mut ebpf, "LOST_KILLS", Array::try_from)?,
            logger,
            programs: Vec::new(),
            maps,
            functions: Attached::default(),
            links: Vec::new(),
        };
        // What follows a victim is attached first: a kill that is seen is then followed.
        probe.attach_raw(&mut ebpf, "process_exit", "sched_process_exit")?;
        if plan.exit == ExitHook::SignalDeliver {
            probe.attach_raw(&mut ebpf, "signal_deliver", "signal_deliver")?;
        }
        if plan.proof == KillProof::Signal {
            probe.attach_raw(&mut ebpf, "signal_generate", "signal_generate")?;
        }
        for (name, tracepoint) in REAPER {
            // Every kill is told without them.
            if let Err(error) = probe.attach_raw(&mut ebpf, name, tracepoint) {
                log::info!("cannot trace the OOM reaper: {}", error.chain());
            }
        }
        probe.functions = functions::attach(&mut ebpf, plan, &usable);
        match plan.mark {
            MarkHook::Record(_) | MarkHook::Function
                if probe.functions.applied.marks_by_function => {}
            MarkHook::Task => probe.attach_raw(&mut ebpf, "mark_victim", "mark_victim")?,
            MarkHook::Record(_) => probe.attach_record(&mut ebpf)?,
            MarkHook::Function => {
                return Err(LoadError::attach(
                    "marking_kprobe",
                    "this kernel lets neither kprobes nor fentry onto mark_oom_victim, and the \
                     tracepoint's record cannot be read; make tracefs readable (`oomtrace check` \
                     says how)",
                ));
            }
        }
        Ok(probe)
    }

    fn attach_raw(
        &mut self,
        ebpf: &mut Ebpf,
        name: &'static str,
        tracepoint: &str,
    ) -> Result<(), LoadError> {
        let attach = |error| LoadError::attach(name, error);
        let program: &mut RawTracePoint = program(ebpf, name)?;
        program
            .load()
            .map_err(|error| LoadError::program(name, error))?;
        let id = program.attach(tracepoint).map_err(attach)?;
        let link = program.take_link(id).map_err(attach)?;
        self.links.push(Link::Raw { _link: link });
        self.programs.push(clone_fd(name, program.fd())?);
        Ok(())
    }

    fn attach_record(&mut self, ebpf: &mut Ebpf) -> Result<(), LoadError> {
        let name = "mark_victim_record";
        let attach = |error| LoadError::attach(name, error);
        let program: &mut TracePoint = program(ebpf, name)?;
        program
            .load()
            .map_err(|error| LoadError::program(name, error))?;
        let id = program.attach("oom", "mark_victim").map_err(attach)?;
        let link = program.take_link(id).map_err(attach)?;
        self.links.push(Link::Record { _link: link });
        self.programs.push(clone_fd(name, program.fd())?);
        Ok(())
    }

    /// Hands every record that is there to `each`: details before the kills they belong to, and
    /// kills before their candidates, of which a loop of invocations may leave thousands that
    /// nobody waits for. Takes so many kills at most; returns whether there may be more, which
    /// are to be asked for: a chain was sent before its kill, perhaps after its ring had been
    /// emptied, and neither chains nor candidates wake anybody.
    #[must_use]
    pub fn drain(&mut self, mut each: impl FnMut(&[u8])) -> bool {
        while let Some(record) = self.detail.next() {
            each(&record);
        }
        let mut kills = 0;
        while kills < KILLS_AT_ONCE
            && let Some(kill) = self.essential.next()
        {
            each(&kill);
            kills += 1;
        }
        while let Some(record) = self.candidates.next() {
            each(&record);
        }
        kills > 0
    }

    /// Passes the probe's own diagnostics to the log.
    pub fn flush_log(&mut self) {
        if let Some(logger) = &mut self.logger {
            logger.flush();
        }
    }

    /// Descriptors that become readable when there is something to drain.
    #[must_use]
    pub fn wake_fds(&self) -> Vec<BorrowedFd<'_>> {
        let mut fds = vec![self.essential.as_fd(), self.detail.as_fd()];
        if let Some(logger) = &self.logger {
            fds.push(logger.as_fd());
        }
        fds
    }

    /// What the kernel side has counted.
    ///
    /// # Errors
    ///
    /// A map could not be read.
    pub fn counters(&self) -> Result<ProbeCounters, LoadError> {
        Ok(ProbeCounters {
            kills: self.count(counter::KILLS)?,
            lost_kills: self.count(counter::LOST_KILLS)?,
            lost_details: self.count(counter::LOST_DETAILS)?,
            lost_candidates: self.count(counter::LOST_CANDIDATES)?,
            mere_marks: self.count(counter::MERE_MARKS)?,
            not_followed: self.count(counter::NOT_FOLLOWED)?,
            recursion_misses: self.recursion_misses(),
        })
    }

    /// Kills, details and candidates whose record found no room: cheap enough for every drain.
    ///
    /// # Errors
    ///
    /// A map could not be read.
    pub fn lost_records(&self) -> Result<[u64; 3], LoadError> {
        Ok([
            self.count(counter::LOST_KILLS)?,
            self.count(counter::LOST_DETAILS)?,
            self.count(counter::LOST_CANDIDATES)?,
        ])
    }

    fn count(&self, which: u32) -> Result<u64, LoadError> {
        let values = self
            .counters
            .get(&which, 0)
            .map_err(|error| LoadError::map("COUNTERS", error))?;
        Ok(values.iter().sum())
    }

    /// `recursion_misses` of the programs' fdinfo; kernels that do not tell have none to tell.
    fn recursion_misses(&self) -> u64 {
        self.programs
            .iter()
            .chain(&self.functions.programs)
            .filter_map(|program| fdinfo_number(program.as_fd().as_raw_fd(), "recursion_misses:"))
            .sum()
    }

    /// The minimal traces of kills that found no room, as raw elements.
    ///
    /// # Errors
    ///
    /// The map could not be read.
    pub fn lost_kills(&self) -> Result<Vec<[u8; LOST_KILL_BYTES]>, LoadError> {
        (0..LOST_KILLS_KEPT)
            .map(|index| {
                self.lost_kills
                    .get(&u32::try_from(index).unwrap_or(u32::MAX), 0)
                    .map_err(|error| LoadError::map("LOST_KILLS", error))
            })
            .collect()
    }

    /// Memory that the kernel holds for the maps.
    #[must_use]
    pub fn map_memory(&self) -> &[MapMemory] {
        &self.maps
    }

    /// What could be attached of what the plan only hoped for.
    #[must_use]
    pub fn applied(&self) -> Applied {
        self.functions.applied
    }

    /// How many hooks are attached.
    #[must_use]
    pub fn hooks(&self) -> usize {
        self.links.len() + self.functions.links.len()
    }
}

fn take<M>(
    ebpf: &mut Ebpf,
    name: &'static str,
    make: impl FnOnce(aya::maps::Map) -> Result<M, aya::maps::MapError>,
) -> Result<M, LoadError> {
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| LoadError::map(name, NOT_THERE))?;
    make(map).map_err(|error| LoadError::map(name, error))
}

pub(super) fn program<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, LoadError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    ebpf.program_mut(name)
        .ok_or_else(|| LoadError::attach(name, NOT_THERE))?
        .try_into()
        .map_err(|error| LoadError::attach(name, error))
}

pub(super) fn clone_fd(
    name: &'static str,
    fd: Result<&ProgramFd, aya::programs::ProgramError>,
) -> Result<ProgramFd, LoadError> {
    fd.map_err(|error| LoadError::attach(name, error))?
        .try_clone()
        .map_err(|error| LoadError::attach(name, error))
}

fn map_memory(ebpf: &Ebpf) -> Vec<MapMemory> {
    ebpf.maps()
        .filter_map(|(name, map)| {
            let data: &MapData = match map {
                aya::maps::Map::RingBuf(data)
                | aya::maps::Map::Array(data)
                | aya::maps::Map::PerCpuArray(data)
                | aya::maps::Map::HashMap(data) => data,
                _ => return None,
            };
            let bytes = fdinfo_number(data.fd().as_fd().as_raw_fd(), "memlock:")?;
            Some(MapMemory {
                name: name.to_owned(),
                bytes,
            })
        })
        .collect()
}

fn fdinfo_number(fd: i32, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix(key))?
        .trim()
        .parse()
        .ok()
}

//! The attached probe: rings, counters, and what it costs.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use aya::Ebpf;
use aya::maps::{Array, Map, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::ProgramFd;
use oomtrace_common::limits::LOST_KILLS_KEPT;
use oomtrace_common::record::{LostKill, counter};

use super::attach::{Attached, Link, attach};
use super::error::{LoadError, NOT_THERE};
use super::{functions, object};
use crate::kernel::{Applied, FunctionHook, MarkHook, Plan, When};

/// Bytes of one element of the array of lost kills.
pub const LOST_KILL_BYTES: usize = size_of::<LostKill>();

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
    applied: Applied,
    links: Vec<Link>,
}

impl Probe {
    /// Loads and attaches what the plan says. `log_level` 0 keeps the probe's own diagnostics out
    /// of the object. `between` runs when all is attached and before the rings are mapped, whose
    /// every page counts as resident: it gives back what loading took.
    ///
    /// # Errors
    ///
    /// The kernel refused a map, a program or an attachment; the error names it.
    pub fn start(plan: &Plan, log_level: u8, between: impl FnOnce()) -> Result<Self, LoadError> {
        let usable = functions::usable(plan);
        let mut ebpf = object::load(plan, log_level, !usable.is_empty())?;
        let (attached, applied) = attach_all(&mut ebpf, plan, &usable)?;
        let maps = map_memory(&ebpf);
        let logger = (log_level > 0)
            .then(|| aya_log::EbpfLogger::init(&mut ebpf))
            .transpose()
            .map_err(|error| LoadError::map("AYA_LOGS", error))?;
        let [essential, detail, candidates] =
            ["ESSENTIAL", "DETAIL", "CANDIDATES"].map(|name| (name, ebpf.take_map(name)));
        let counters = take(ebpf.take_map("COUNTERS"), "COUNTERS", PerCpuArray::try_from)?;
        let lost_kills = take(ebpf.take_map("LOST_KILLS"), "LOST_KILLS", Array::try_from)?;
        // The programs are the kernel's by now.
        drop(ebpf);
        between();
        let ring = |(name, map)| take(map, name, RingBuf::try_from);
        let (links, programs) = attached
            .into_iter()
            .map(|attached| (attached.link, attached.program))
            .unzip();
        Ok(Self {
            essential: ring(essential)?,
            detail: ring(detail)?,
            candidates: ring(candidates)?,
            counters,
            lost_kills,
            logger,
            programs,
            maps,
            applied,
            links,
        })
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

    /// `recursion_misses` of the programs' fdinfo; absent where the kernel does not count them.
    fn recursion_misses(&self) -> u64 {
        self.programs
            .iter()
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

    /// Which of the plan's optional hooks were attached.
    #[must_use]
    pub fn applied(&self) -> Applied {
        self.applied
    }

    /// How many hooks are attached.
    #[must_use]
    pub fn hooks(&self) -> usize {
        self.links.len()
    }
}

/// Attaches what the plan says, and whatever else this kernel offers.
fn attach_all(
    ebpf: &mut Ebpf,
    plan: &Plan,
    usable: &[FunctionHook],
) -> Result<(Vec<Attached>, Applied), LoadError> {
    let mut all = Vec::new();
    let mut applied = Applied::default();
    for hook in plan
        .hooks()
        .filter(|hook| !hook.is_on_function() && !hook.reports_marks())
    {
        match attach(ebpf, hook, None) {
            Ok(attached) => all.push(attached),
            Err(error) if hook.when == When::Offered => {
                log::info!("cannot see {}: {}", hook.gives, error.chain());
            }
            Err(error) => return Err(error),
        }
    }
    for attached in functions::attach(ebpf, plan, usable) {
        applied.invocations = true;
        applied.marks_by_function |= attached.hook.when == When::MarkFunction;
        all.push(attached);
    }
    if applied.marks_by_function {
        return Ok((all, applied));
    }
    if plan.mark == MarkHook::Function {
        return Err(LoadError::attach(
            "marking_kprobe",
            "this kernel lets neither kprobes nor fentry onto mark_oom_victim, and the \
             tracepoint's record cannot be read; make tracefs readable (`oomtrace check` \
             says how)",
        ));
    }
    for hook in plan
        .hooks()
        .filter(|hook| !hook.is_on_function() && hook.reports_marks())
    {
        all.push(attach(ebpf, hook, None)?);
    }
    Ok((all, applied))
}

fn take<M>(
    map: Option<Map>,
    name: &'static str,
    make: impl FnOnce(Map) -> Result<M, MapError>,
) -> Result<M, LoadError> {
    let map = map.ok_or_else(|| LoadError::map(name, NOT_THERE))?;
    make(map).map_err(|error| LoadError::map(name, error))
}

fn map_memory(ebpf: &Ebpf) -> Vec<MapMemory> {
    ebpf.maps()
        .filter_map(|(name, map)| {
            let data: &MapData = match map {
                Map::RingBuf(data)
                | Map::Array(data)
                | Map::PerCpuArray(data)
                | Map::HashMap(data) => data,
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

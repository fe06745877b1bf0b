//! Victims whose exit the probe never saw: the kernel skips a run of a program on a CPU where the same
//! program is running, which it allows where tracepoints can be preempted.

use std::thread;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, HashMap, Map, MapData, loaded_maps};
use oomtrace_tests::Stage;
use oomtrace_tests::process::Workload;

/// `VICTIMS`: `marked_boot_ns`, `start_boot_ns`, `sequence`, `tgid`, `context_taken`, reserved.
type Followed = [u8; 32];
/// `ENTRIES`: `made_boot_ns`, `tgid`, `sequence`.
type Entry = [u8; 16];
/// `FOLLOWING`: `outstanding`, `last_boot_ns`, `sharers_until_boot_ns`, `sharers_passed_boot_ns`,
/// `next`, `oldest`.
type Following = [u8; 40];

/// Most victims that are followed at a time.
const VICTIMS_MAX: u32 = 1024;

/// More exits than it takes to drop what is old; each drops four.
const EXITS: u32 = 200;

/// Ten minutes, longer than anybody is followed.
const LONG_NS: u64 = 600_000_000_000;

/// A map of the newest probe.
fn map(name: &str) -> Result<MapData> {
    let mut newest = None;
    for info in loaded_maps() {
        let info = info.context("listing BPF maps")?;
        if info.name_as_str() == Some(name) {
            newest = newest.max(Some(info.id()));
        }
    }
    let id = newest.with_context(|| format!("no BPF map {name}"))?;
    MapData::from_id(id).with_context(|| format!("opening the BPF map {name}"))
}

/// The maps of the probe that a test changes.
struct Maps {
    victims: HashMap<MapData, u32, Followed>,
    entries: Array<MapData, Entry>,
    following: Array<MapData, Following>,
}

impl Maps {
    fn open() -> Result<Self> {
        Ok(Self {
            victims: HashMap::try_from(Map::HashMap(map("VICTIMS")?))?,
            entries: Array::try_from(Map::Array(map("ENTRIES")?))?,
            following: Array::try_from(Map::Array(map("FOLLOWING")?))?,
        })
    }

    fn outstanding(&self) -> Result<u64> {
        let following = self.following.get(&0, 0).context("reading FOLLOWING")?;
        let (outstanding, _) = following.split_first_chunk().context("no outstanding")?;
        Ok(u64::from_ne_bytes(*outstanding))
    }

    /// Leaves behind what a victim does whose exit was skipped, as the next entry.
    fn miss_exit(&mut self, number: u32, tgid: u32, marked_boot_ns: u64) -> Result<()> {
        let sequence = 1_000_000 + number;
        let mut followed = Followed::default();
        put(&mut followed, 0, marked_boot_ns)?;
        put(&mut followed, 16, pair(sequence, tgid))?;
        let mut entry = Entry::default();
        put(&mut entry, 0, marked_boot_ns)?;
        put(&mut entry, 8, pair(tgid, sequence))?;
        let mut following = [0; 40];
        put(&mut following, 0, self.outstanding()? + 1)?;
        put(&mut following, 8, marked_boot_ns)?;
        put(&mut following, 32, pair(number + 1, 0))?;
        self.victims.insert(tgid, followed, 0)?;
        self.entries.set(number, entry, 0)?;
        self.following.set(0, following, 0)?;
        Ok(())
    }
}

fn put(record: &mut [u8], at: usize, value: u64) -> Result<()> {
    let field = record.get_mut(at..at + 8).context("no such field")?;
    field.copy_from_slice(&value.to_ne_bytes());
    Ok(())
}

/// Two neighbouring 32-bit fields.
fn pair(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

fn exits() -> Result<()> {
    for _ in 0..EXITS {
        let ended = thread::spawn(|| ()).join();
        ensure!(ended.is_ok(), "a thread panicked");
    }
    Ok(())
}

/// Every exit on the node pays while a victim is followed, so one that was missed must not stay.
#[test]
fn a_missed_exit_is_forgotten() -> Result<()> {
    let stage = Stage::with_tracer(&[])?;
    let mut maps = Maps::open()?;
    ensure!(maps.outstanding()? == 0, "somebody is followed already");
    // Above the largest possible process id.
    let (old, young) = (0x7fff_0001, 0x7fff_0002);
    let now = boot_ns();
    let long_ago = now
        .checked_sub(LONG_NS)
        .context("the host has just booted")?;
    maps.miss_exit(0, old, long_ago)?;
    exits()?;
    ensure!(maps.victims.get(&old, 0).is_err(), "the old entry is there");
    ensure!(maps.outstanding()? == 0, "{} followed", maps.outstanding()?);
    maps.miss_exit(1, young, now)?;
    exits()?;
    ensure!(maps.victims.get(&young, 0).is_ok(), "the new one is gone");
    stage.finish()?;
    Ok(())
}

/// A full table of missed exits does not keep the next victim from being followed.
#[test]
fn missed_exits_make_room_for_new_victims() -> Result<()> {
    let stage = Stage::with_tracer(&[])?;
    let mut maps = Maps::open()?;
    let now = boot_ns();
    let long_ago = now
        .checked_sub(LONG_NS)
        .context("the host has just booted")?;
    for number in 0..VICTIMS_MAX {
        // The last entry is young, so that no exit drops the old ones: the mark has to.
        let marked = if number + 1 == VICTIMS_MAX {
            now
        } else {
            long_ago
        };
        maps.miss_exit(number, 0x7fff_0000 + number, marked)?;
    }
    let cgroup = stage.cgroup(8)?;
    let mut victim = Workload::within(&cgroup)?.start(&["anon", "32"])?;
    victim.end_killed()?;
    let event = stage.event(victim.pid())?.context("no event")?;
    ensure!(
        event.at("victim.cmdline").is_some(),
        "no command line: {event:?}"
    );
    ensure!(
        maps.outstanding()? < u64::from(VICTIMS_MAX),
        "its end was not seen"
    );
    stage.finish_with(cgroup.path(), &[victim.pid()])?;
    Ok(())
}

fn boot_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

//! What the kernel says of a running process: memory, wake-ups, BPF maps and programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The kernel's `BPF_MAP_TYPE_RINGBUF`.
const MAP_TYPE_RINGBUF: u64 = 27;

/// Memory of a process, in bytes, from `/proc/PID/status`.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// `RssAnon`: memory of its own.
    pub rss_anon_bytes: u64,
    /// `VmRSS`: all resident pages, mapped files and rings included.
    pub rss_bytes: u64,
    /// `VmHWM`: the most `VmRSS` has been.
    pub peak_rss_bytes: u64,
}

/// What BPF objects a process holds open.
#[derive(Debug, Default)]
pub struct BpfObjects {
    /// Sum of the sizes of its ring buffers.
    pub ring_bytes: u64,
    /// Kernel memory of its maps (`memlock` of their fdinfo), rings included.
    pub map_bytes: u64,
    /// Its programs by id.
    pub programs: BTreeMap<u64, Program>,
}

/// One BPF program. The kernel counts only while `kernel.bpf_stats_enabled` is set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Program {
    /// `prog_type`, the kernel's number.
    pub kind: u64,
    /// Nanoseconds spent in it.
    pub run_time_ns: u64,
    /// Times it ran.
    pub run_count: u64,
}

/// How often the threads of a process have been switched, and how long they have run.
#[derive(Clone, Copy, Debug)]
pub struct Activity {
    /// Voluntary and involuntary context switches of all threads. A thread that sleeps all the time
    /// has none; every wake-up ends in one.
    pub switches: u64,
    /// Time on a processor, in nanoseconds (first field of `schedstat`).
    pub on_cpu_ns: u64,
    /// Threads.
    pub threads: usize,
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The number behind `Name:` in a file of such lines, without its unit.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
}

fn kib_field(text: &str, name: &str) -> Result<u64> {
    field(text, name)
        .map(|kib| kib * 1024)
        .with_context(|| format!("no {name} in status"))
}

/// Memory of a process.
///
/// # Errors
/// The process is gone, or its status lacks a field.
pub fn memory(pid: u32) -> Result<Memory> {
    let status = read(Path::new(&format!("/proc/{pid}/status")))?;
    Ok(Memory {
        rss_anon_bytes: kib_field(&status, "RssAnon")?,
        rss_bytes: kib_field(&status, "VmRSS")?,
        peak_rss_bytes: kib_field(&status, "VmHWM")?,
    })
}

/// Activity of all threads of a process since it began.
///
/// # Errors
/// The process is gone, or the kernel keeps no such counts.
pub fn activity(pid: u32) -> Result<Activity> {
    let mut all = Activity {
        switches: 0,
        on_cpu_ns: 0,
        threads: 0,
    };
    for task in entries(&PathBuf::from(format!("/proc/{pid}/task")))? {
        let status = read(&task.join("status"))?;
        for name in ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"] {
            all.switches += field(&status, name).with_context(|| format!("no {name} in status"))?;
        }
        let schedstat = read(&task.join("schedstat"))?;
        let on_cpu = schedstat
            .split_whitespace()
            .next()
            .and_then(|number| number.parse().ok());
        all.on_cpu_ns += on_cpu.unwrap_or(0_u64);
        all.threads += 1;
    }
    anyhow::ensure!(all.threads > 0, "process {pid} has no threads");
    Ok(all)
}

/// The BPF maps and programs that a process holds open.
///
/// # Errors
/// The process is gone, or its file descriptors may not be read.
pub fn bpf_objects(pid: u32) -> Result<BpfObjects> {
    let mut found = BpfObjects::default();
    let mut maps = BTreeMap::new();
    for info in entries(&PathBuf::from(format!("/proc/{pid}/fdinfo")))? {
        let Ok(text) = read(&info) else { continue }; // closed meanwhile
        if let (Some(id), Some(kind)) = (field(&text, "map_id"), field(&text, "map_type")) {
            let entries = field(&text, "max_entries").unwrap_or(0);
            let ring = if kind == MAP_TYPE_RINGBUF { entries } else { 0 };
            maps.insert(id, (ring, field(&text, "memlock").unwrap_or(0)));
        } else if let (Some(id), Some(kind)) = (field(&text, "prog_id"), field(&text, "prog_type"))
        {
            let program = Program {
                kind,
                run_time_ns: field(&text, "run_time_ns").unwrap_or(0),
                run_count: field(&text, "run_cnt").unwrap_or(0),
            };
            // A link's fdinfo names its program too, but has no counts.
            let known = found.programs.entry(id).or_insert(program);
            if program.run_count > known.run_count {
                *known = program;
            }
        }
    }
    found.ring_bytes = maps.values().map(|(ring, _)| ring).sum();
    found.map_bytes = maps.values().map(|(_, memlock)| memlock).sum();
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    Ok(listing
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::tracer::Tracer;
    use super::super::tracer::tests::script;
    use super::*;

    #[test]
    fn our_own_figures_can_be_read() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.rss_anon_bytes > 0 && memory.rss_bytes >= memory.rss_anon_bytes);
        assert!(memory.peak_rss_bytes >= memory.rss_bytes);
        assert!(activity(std::process::id()).unwrap().on_cpu_ns > 0);
        assert_eq!(bpf_objects(std::process::id()).unwrap().map_bytes, 0);
    }

    #[test]
    fn a_sleeper_is_not_switched_and_a_poller_is() {
        let switched_by = |body| {
            let tracer = Tracer::start(&script(body)).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
            let before = activity(tracer.pid()).unwrap().switches;
            std::thread::sleep(std::time::Duration::from_millis(500));
            activity(tracer.pid()).unwrap().switches - before
        };
        assert_eq!(switched_by("echo 'oomtrace: tracing'; exec sleep 60"), 0);
        assert!(switched_by("echo 'oomtrace: tracing'; while :; do sleep 0.02; done") > 2);
    }

    #[test]
    fn a_field_is_matched_as_a_whole() {
        let text = "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t3\nmap_id:\t9\n";
        assert_eq!(field(text, "voluntary_ctxt_switches"), Some(3));
        assert_eq!(field(text, "map_id"), Some(9));
        assert_eq!(field(text, "map"), None);
    }
}

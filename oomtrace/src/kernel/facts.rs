//! What this host offers. Facts only; `plan` decides.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use oomtrace_common::field::KernelField;
use oomtrace_common::switch::tracepoint_layout;

use super::hooks;
use super::{Capabilities, Lockdown, Namespaces, cgroup_version, format, gfp, kallsyms, tracefs};
use crate::btf::{self, Param, Resolved};
use crate::model::{GfpFlag, PageSize};

/// Where the running kernel's BTF is.
const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// `SYSFS_MAGIC`, `include/uapi/linux/magic.h`.
const SYSFS_MAGIC: i64 = 0x6265_6572;

/// The capabilities of this process cannot be read, without which nothing can be decided.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the capabilities of this process")]
pub struct FactsError(#[from] io::Error);

/// Why something cannot be had from this host, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// Why, in words.
    pub why: String,
    /// What helps, where that is known.
    pub remedy: Option<String>,
}

impl From<tracefs::TracefsError> for Unavailable {
    fn from(error: tracefs::TracefsError) -> Self {
        Self {
            why: error.to_string(),
            remedy: error.remedy().map(str::to_owned),
        }
    }
}

/// Processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpus {
    /// How many the kernel may ever bring up.
    pub possible: u32,
    /// One more than the highest number of one; equal to `possible` where they are numbered
    /// without holes.
    pub numbers: u32,
}

/// Plain data about the host. A `Result` keeps why something is not known.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `uname -r`; for messages, never for decisions.
    pub release: String,
    /// Bytes of a page.
    pub page_size: PageSize,
    /// Processors; absent where sysfs is not visible.
    pub cpus: Option<Cpus>,
    /// Effective capabilities of this process.
    pub capabilities: Capabilities,
    /// Answers from the kernel's BTF, or why there are none.
    pub btf: Result<Resolved, String>,
    /// Layout of the record of `oom:mark_victim`, or why it is not known. Only looked for where
    /// the tracepoint has no task argument.
    pub mark_victim_record: Option<Result<[u32; tracepoint_layout::COUNT], Unavailable>>,
    /// The kernel's names of allocation flags, or why they cannot be read.
    pub gfp_flags: Result<Vec<GfpFlag>, Unavailable>,
    /// Address range of `__oom_kill_process`. Only looked for where the kernel cannot print the
    /// symbol itself.
    pub kill_text: Option<(u64, u64)>,
    /// Whether the kernel has kprobes, where sysfs can be asked.
    pub kprobes: Option<bool>,
    /// How far the kernel is locked down; absent where it does not say.
    pub lockdown: Option<Lockdown>,
    /// 1 or 2: the version of the hierarchy that the memory controller is on; absent where the
    /// controller is switched off.
    pub cgroup_version: Option<u8>,
    /// Which namespaces this process is in.
    pub namespaces: Namespaces,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// `capget(2)` failed. Whatever else cannot be read is a fact.
    pub fn read() -> Result<Self, FactsError> {
        let capabilities = Capabilities::read()?;
        let btf = read_btf(Path::new(BTF_PATH));
        let has_task = btf.as_ref().is_ok_and(mark_has_task);
        let prints_symbols = btf
            .as_ref()
            .is_ok_and(|btf| btf.number(KernelField::HelperSnprintf).is_some());
        Ok(Self {
            release: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            page_size: PageSize(rustix::param::page_size() as u64),
            cpus: cpus(Path::new("/sys/devices/system/cpu/possible")),
            capabilities,
            mark_victim_record: (!has_task).then(read_format),
            gfp_flags: read_gfp_flags(),
            kill_text: if prints_symbols {
                None
            } else {
                read_kill_text()
            },
            btf,
            kprobes: has_kprobes(Path::new("/sys/bus/event_source/devices")),
            lockdown: Lockdown::read(),
            cgroup_version: cgroup_version::read(),
            namespaces: Namespaces::read(),
        })
    }
}

/// The kernel's BTF, read where it is asked for.
struct BtfFile(File);

impl btf::Source for BtfFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read_at(into, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

fn read_btf(path: &Path) -> Result<Resolved, String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if is_hidden(path) => format!(
            "{}: not visible here; mount sysfs (mount -t sysfs sysfs /sys), or give the container \
             the host's (--volume /sys:/sys:ro)",
            path.display()
        ),
        io::ErrorKind::NotFound => format!(
            "{}: not built into this kernel; oomtrace needs one with CONFIG_DEBUG_INFO_BTF=y",
            path.display()
        ),
        _ => format!("{}: {error}", path.display()),
    })?;
    btf::resolve(&BtfFile(file), &hooks::functions(|_| true))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether a file that is not found in sysfs may be there all the same: sysfs is not mounted, or
/// something else covers it. Decided by the nearest existing directory above the file.
fn is_hidden(path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .find_map(|directory| rustix::fs::statfs(directory).ok())
        .is_none_or(|statfs| statfs.f_type != SYSFS_MAGIC)
}

fn read_format() -> Result<[u32; tracepoint_layout::COUNT], Unavailable> {
    let name = "events/oom/mark_victim/format";
    let text = tracefs::read(name)?;
    format::mark_victim_layout(&text).map_err(|error| Unavailable {
        why: format!("{name}: {error}"),
        remedy: None,
    })
}

/// Names of allocation flags, from the kernel's description of one of its tracepoints.
fn read_gfp_flags() -> Result<Vec<GfpFlag>, Unavailable> {
    Ok(gfp::table(&tracefs::read("events/kmem/kmalloc/format")?))
}

fn read_kill_text() -> Option<(u64, u64)> {
    let file = File::open("/proc/kallsyms").ok()?;
    kallsyms::range(BufReader::with_capacity(64 * 1024, file), kallsyms::KILLER).ok()?
}

/// Whether there is a source of such events; nothing where the folder of all sources is not there.
fn has_kprobes(sources: &Path) -> Option<bool> {
    match sources.join("kprobe/type").try_exists() {
        Ok(false) if !sources.is_dir() => None,
        found => found.ok(),
    }
}

fn cpus(path: &Path) -> Option<Cpus> {
    let (possible, numbers) = parse_cpu_list(&fs::read_to_string(path).ok()?)?;
    Some(Cpus { possible, numbers })
}

/// Number of processors in a list like `0-3,8`, and one more than the highest.
fn parse_cpu_list(text: &str) -> Option<(u32, u32)> {
    text.trim().split(',').try_fold((0, 0), |(sum, end), part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        let next = last.checked_add(1)?;
        let many = last.checked_sub(first)?.checked_add(1)?;
        Some((u32::checked_add(sum, many)?, next.max(end)))
    })
}

/// Whether the tracepoint hands over the task.
pub(super) fn mark_has_task(btf: &Resolved) -> bool {
    btf.prototype("btf_trace_mark_victim")
        .and_then(<[Param]>::first)
        == Some(&Param::StructPointer("task_struct".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted() {
        assert_eq!(parse_cpu_list("0-1\n"), Some((2, 2)));
        assert_eq!(parse_cpu_list("0"), Some((1, 1)));
        assert_eq!(parse_cpu_list("0-3,8,10-11"), Some((7, 12)));
        assert_eq!(parse_cpu_list("3-1"), None);
        assert_eq!(parse_cpu_list(""), None);
    }

    #[test]
    fn no_sysfs_says_nothing_of_kprobes() {
        let sources = tempfile::tempdir().unwrap();
        assert_eq!(has_kprobes(&sources.path().join("none")), None);
        assert_eq!(has_kprobes(sources.path()), Some(false));
        fs::create_dir(sources.path().join("kprobe")).unwrap();
        fs::write(sources.path().join("kprobe/type"), "8").unwrap();
        assert_eq!(has_kprobes(sources.path()), Some(true));
    }

    #[test]
    fn absent_btf_is_hidden_or_not_built() {
        let error = read_btf(Path::new("/nonexistent/vmlinux")).unwrap_err();
        assert!(
            error.contains("/nonexistent/vmlinux: not visible here"),
            "{error}"
        );
        let error = read_btf(Path::new("/sys/kernel/btf/nonexistent")).unwrap_err();
        assert!(error.contains("not built into this kernel"), "{error}");
        assert!(error.contains("CONFIG_DEBUG_INFO_BTF=y"), "{error}");
    }

    #[test]
    fn this_machine_has_facts() {
        let facts = Facts::read().unwrap();
        assert!(facts.cpus.is_some_and(|cpus| cpus.possible >= 1));
        assert!(facts.page_size.0.is_power_of_two());
        assert!(matches!(facts.cgroup_version, Some(1 | 2)));
    }
}

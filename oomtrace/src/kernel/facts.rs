//! What this host offers. Facts only; `plan` decides.

use std::{
    fs,
    io::{self, BufReader},
    path::Path,
};

use oomtrace_common::{field::KernelField, switch::tracepoint_layout};

use super::{Capabilities, format, kallsyms, lockdown::Lockdown, tracefs};
use crate::{
    btf::{self, Resolved},
    model::{GfpFlag, PageSize},
};

/// Where the running kernel's BTF is.
const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// Something without which nothing can be said of the host.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A file or call that every Linux system has.
    #[error("cannot read {what}: {source}")]
    Read {
        /// The file or call.
        what: String,
        /// Why.
        source: io::Error,
    },
}

/// Plain data about the host. A `Result` keeps why something is not known.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `uname -r`; for messages, never for decisions.
    pub release: String,
    /// Bytes of a page.
    pub page_size: PageSize,
    /// Processors the kernel may ever bring up.
    pub possible_cpus: u32,
    /// One more than the highest number of one; the same where they are numbered without holes.
    pub cpu_numbers: u32,
    /// Effective capabilities of this process.
    pub capabilities: Capabilities,
    /// Answers from the kernel's BTF, or why there are none.
    pub btf: Result<Resolved, String>,
    /// Layout of the record of `oom:mark_victim`, or why it is not known. Only looked for where
    /// the tracepoint has no task argument.
    pub mark_victim_record: Option<Result<[u32; tracepoint_layout::COUNT], String>>,
    /// Address range of `__oom_kill_process`. Only looked for where the kernel cannot print the
    /// symbol itself.
    pub kill_text: Option<(u64, u64)>,
    /// Whether the kernel has kprobes, where sysfs can be asked.
    pub kprobes: Option<bool>,
    /// How far the kernel is locked down, where it tells.
    pub lockdown: Option<Lockdown>,
    /// 1 or 2: the version of the hierarchy that the memory controller is on.
    pub cgroup_version: u8,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// A file or call that every Linux system has failed. What may be missing is a fact.
    pub fn read() -> Result<Self, FactsError> {
        let capabilities = Capabilities::read().map_err(|source| FactsError::Read {
            what: "the capabilities of this process".into(),
            source,
        })?;
        let btf = read_btf(Path::new(BTF_PATH));
        let (possible_cpus, cpu_numbers) =
            possible_cpus(Path::new("/sys/devices/system/cpu/possible"))?;
        let has_task = btf.as_ref().is_ok_and(super::plan::mark_has_task);
        let prints_symbols = btf
            .as_ref()
            .is_ok_and(|btf| btf.number(KernelField::HelperSnprintf).is_some());
        Ok(Self {
            release: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            page_size: PageSize(rustix::param::page_size() as u64),
            possible_cpus,
            cpu_numbers,
            capabilities,
            mark_victim_record: (!has_task).then(read_format),
            kill_text: if prints_symbols {
                None
            } else {
                read_kill_text()
            },
            btf,
            kprobes: has_kprobes(Path::new("/sys/bus/event_source/devices")),
            lockdown: Lockdown::read(),
            cgroup_version: cgroup_version(Path::new("/proc/cgroups"))?,
        })
    }
}

fn read_btf(path: &Path) -> Result<Resolved, String> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!(
            "{}: not found; oomtrace needs a kernel built with CONFIG_DEBUG_INFO_BTF=y",
            path.display()
        ),
        _ => format!("{}: {error}", path.display()),
    })?;
    btf::resolve(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn read_format() -> Result<[u32; tracepoint_layout::COUNT], String> {
    let name = "events/oom/mark_victim/format";
    format::mark_victim_layout(&tracefs::read(name)?).map_err(|error| format!("{name}: {error}"))
}

/// Names of allocation flags, from the kernel's description of one of its tracepoints; empty where
/// that cannot be read.
#[must_use]
pub fn read_gfp_flags() -> Vec<GfpFlag> {
    tracefs::read("events/kmem/kmalloc/format")
        .map(|text| super::gfp_table(&text))
        .unwrap_or_default()
}

fn read_kill_text() -> Option<(u64, u64)> {
    let file = fs::File::open("/proc/kallsyms").ok()?;
    kallsyms::range(BufReader::with_capacity(64 * 1024, file), kallsyms::KILLER).ok()?
}

/// Whether there is a source of such events; nothing where the folder of all sources is not there.
fn has_kprobes(sources: &Path) -> Option<bool> {
    match sources.join("kprobe/type").try_exists() {
        Ok(false) if !sources.is_dir() => None,
        found => found.ok(),
    }
}

/// Number of processors in a list like `0-3,8`, and one more than the highest.
fn possible_cpus(path: &Path) -> Result<(u32, u32), FactsError> {
    let read = |error| FactsError::Read {
        what: path.display().to_string(),
        source: error,
    };
    let text = fs::read_to_string(path).map_err(read)?;
    parse_cpu_list(&text).ok_or_else(|| {
        read(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{}` is no list of processors", text.trim()),
        ))
    })
}

fn parse_cpu_list(text: &str) -> Option<(u32, u32)> {
    text.trim().split(',').try_fold((0, 0), |(sum, end), part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        let next = last.checked_add(1)?;
        let many = last.checked_sub(first)?.checked_add(1)?;
        Some((u32::checked_add(sum, many)?, next.max(end)))
    })
}

/// `memory` in `/proc/cgroups` with a hierarchy of its own is cgroup v1; on hierarchy 0, or not
/// listed at all (kernels without v1 support for it), it is v2.
fn cgroup_version(path: &Path) -> Result<u8, FactsError> {
    let text = fs::read_to_string(path).map_err(|source| FactsError::Read {
        what: path.display().to_string(),
        source,
    })?;
    Ok(parse_cgroup_version(&text))
}

fn parse_cgroup_version(text: &str) -> u8 {
    let hierarchy = text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("memory")).then(|| words.next())?
    });
    match hierarchy {
        Some("0") | None => 2,
        Some(_) => 1,
    }
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
    fn the_memory_controllers_hierarchy_tells_the_version() {
        let head = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t1\t1\n";
        assert_eq!(
            parse_cgroup_version(&format!("{head}memory\t4\t12\t1\n")),
            1
        );
        assert_eq!(
            parse_cgroup_version(&format!("{head}memory\t0\t12\t1\n")),
            2
        );
        assert_eq!(parse_cgroup_version(head), 2);
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
    fn a_kernel_without_btf_is_told_what_to_do() {
        let error = read_btf(Path::new("/nonexistent/vmlinux")).unwrap_err();
        assert!(error.contains("/nonexistent/vmlinux: not found"), "{error}");
        assert!(error.contains("CONFIG_DEBUG_INFO_BTF=y"), "{error}");
    }

    #[test]
    fn this_machine_has_facts() {
        let facts = Facts::read().unwrap();
        assert!(facts.possible_cpus >= 1);
        assert!(facts.page_size.0.is_power_of_two());
        assert!(matches!(facts.cgroup_version, 1 | 2));
    }
}

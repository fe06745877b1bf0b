//! The embedded object, loaded as the plan says.

use std::io::{self, Read as _};

use aya::{Ebpf, EbpfLoader};
use flate2::read::GzDecoder;
use oomtrace_common::field::ABSENT;
use oomtrace_common::limits::CANDIDATE_RING_BYTES;
use oomtrace_common::switch::{global, kill_proof, tracepoint_layout};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zerocopy::IntoBytes as _;

use super::error::LoadError;
use crate::kernel::{ExitHook, KillProof, MarkHook, Plan};

/// The kernel side, built by `cargo xtask build-ebpf` and committed, so that a build needs no
/// BPF toolchain; packed by build.rs to a sixth, since it is needed once, at the start.
static OBJECT_PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/oomtrace.bpf.o.gz"));

/// A ring that nobody writes: the smallest that the kernel accepts.
const RING_BYTES_UNUSED: u32 = 4096;
const LOG_RING_BYTES: u32 = 128 * 1024;

/// Loads the object's maps with the plan's decisions in `.rodata`.
pub(super) fn load(plan: &Plan, log_level: u8, has_candidates: bool) -> Result<Ebpf, LoadError> {
    let layout = match plan.mark {
        MarkHook::Record(layout) => layout,
        MarkHook::Task | MarkHook::Function => [ABSENT; tracepoint_layout::COUNT],
    };
    let (proof, text_start, text_end) = match plan.proof {
        KillProof::StackSymbol => (kill_proof::STACK_SYMBOL, 0, 0),
        KillProof::StackRange { start, end } => (kill_proof::STACK_RANGE, start, end),
        KillProof::Signal => (kill_proof::SIGNAL, 0, 0),
    };
    let exit_has_mm = u32::from(plan.exit == ExitHook::WithMm);
    let cgroup_v1 = u32::from(plan.cgroup_v1);
    let rss_percpu = u32::from(plan.rss_percpu);
    let cpus_summed = plan.cpus_summed;
    let stack_searched = u32::from(plan.stack_searched && !has_candidates);
    let page_size = plan.page_size.0;
    // A ring is a multiple of the page size, whatever that is here.
    let unused = RING_BYTES_UNUSED.max(u32::try_from(page_size).unwrap_or(RING_BYTES_UNUSED));
    let log_ring = if log_level == 0 {
        unused
    } else {
        LOG_RING_BYTES
    };
    let candidates = if has_candidates {
        CANDIDATE_RING_BYTES
    } else {
        unused
    };

    let object = unpack().map_err(|error| LoadError::Object(error.into()))?;
    loader()
        .map_err(|error| LoadError::Object(error.into()))?
        .override_global(global::FIELDS, plan.fields.as_slice(), true)
        .override_global(global::TRACEPOINT_LAYOUT, layout.as_slice(), true)
        .override_global(global::KILL_PROOF, &proof, true)
        .override_global(global::KILL_TEXT_START, &text_start, true)
        .override_global(global::KILL_TEXT_END, &text_end, true)
        .override_global(global::EXIT_HAS_MM, &exit_has_mm, true)
        .override_global(global::CGROUP_V1, &cgroup_v1, true)
        .override_global(global::RSS_PERCPU, &rss_percpu, true)
        .override_global(global::CPUS_SUMMED, &cpus_summed, true)
        .override_global(global::STACK_SEARCHED, &stack_searched, true)
        .override_global(global::PAGE_SIZE, &page_size, true)
        .override_global(aya_log::LEVEL, &log_level, true)
        .map_max_entries("AYA_LOGS", log_ring)
        .map_max_entries("ESSENTIAL", plan.essential_ring_bytes)
        .map_max_entries("CANDIDATES", candidates)
        .load(object.as_bytes())
        .map_err(|error| LoadError::Object(error.into()))
}

/// A loader that knows nothing of the kernel's BTF, which the object does not need: its offsets come
/// from the plan.
///
/// `EbpfLoader::new` parses all of it, even where `.btf(None)` follows: 15 MB for a moment, for which
/// a tracer in a small cgroup is killed before it traces. It goes without where it cannot open the
/// file, so no file can be opened while it looks, for microseconds. A sink of the daemon that wants
/// one just then gets `EMFILE`, and tries again as after any other error.
fn loader() -> io::Result<EbpfLoader<'static>> {
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(0),
        ..limit
    };
    setrlimit(Resource::Nofile, none)?;
    let loader = EbpfLoader::new();
    setrlimit(Resource::Nofile, limit)?;
    Ok(loader)
}

/// The object, aligned as its ELF structures must be. Given back after the load.
fn unpack() -> io::Result<Vec<u64>> {
    // The last four bytes of a gzip file are the length of what it holds.
    let length = OBJECT_PACKED
        .last_chunk()
        .map_or(0, |length| u32::from_le_bytes(*length));
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut object = vec![0_u64; length.div_ceil(size_of::<u64>())];
    let (bytes, _) = object
        .as_mut_bytes()
        .split_at_mut_checked(length)
        .ok_or(io::ErrorKind::InvalidData)?;
    GzDecoder::new(OBJECT_PACKED).read_exact(bytes)?;
    Ok(object)
}

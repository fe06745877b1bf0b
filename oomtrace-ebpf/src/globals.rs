//! What user space decided before the object was loaded. `.rodata`, frozen: the verifier takes the
//! values as constants and prunes what they switch off.

use aya_ebpf::Global;
use oomtrace_common::field::{ABSENT, FIELD_COUNT};
use oomtrace_common::switch::tracepoint_layout;

/// See [`oomtrace_common::switch::global::FIELDS`]. Not a `Global`: loading one would copy the
/// whole table to the stack.
#[unsafe(no_mangle)]
pub static FIELDS: [u32; FIELD_COUNT] = [ABSENT; FIELD_COUNT];

/// See [`oomtrace_common::switch::global::TRACEPOINT_LAYOUT`].
#[unsafe(no_mangle)]
pub static TRACEPOINT_LAYOUT: [u32; tracepoint_layout::COUNT] = [ABSENT; tracepoint_layout::COUNT];

/// See [`oomtrace_common::switch::global::KILL_PROOF`].
#[unsafe(no_mangle)]
pub static KILL_PROOF: Global<u32> = Global::new(0);

/// See [`oomtrace_common::switch::global::KILL_TEXT_START`].
#[unsafe(no_mangle)]
pub static KILL_TEXT_START: Global<u64> = Global::new(0);

/// See [`oomtrace_common::switch::global::KILL_TEXT_END`].
#[unsafe(no_mangle)]
pub static KILL_TEXT_END: Global<u64> = Global::new(0);

/// See [`oomtrace_common::switch::global::EXIT_HAS_MM`].
#[unsafe(no_mangle)]
pub static EXIT_HAS_MM: Global<u32> = Global::new(0);

/// See [`oomtrace_common::switch::global::CGROUP_V1`].
#[unsafe(no_mangle)]
pub static CGROUP_V1: Global<u32> = Global::new(0);

/// See [`oomtrace_common::switch::global::RSS_PERCPU`].
#[unsafe(no_mangle)]
pub static RSS_PERCPU: Global<u32> = Global::new(0);

/// See [`oomtrace_common::switch::global::CPUS_SUMMED`].
#[unsafe(no_mangle)]
pub static CPUS_SUMMED: Global<u32> = Global::new(0);

/// See [`oomtrace_common::switch::global::STACK_SEARCHED`].
#[unsafe(no_mangle)]
pub static STACK_SEARCHED: Global<u32> = Global::new(0);

/// See [`oomtrace_common::switch::global::PAGE_SIZE`].
#[unsafe(no_mangle)]
pub static PAGE_SIZE: Global<u64> = Global::new(0);

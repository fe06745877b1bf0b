//! A victim's command line and environment, read in its own context.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::RecordHeader;

/// Bits of [`VictimContext::valid`].
pub mod context_valid {
    /// The command line was read (as far as `cmdline_len_bytes` says).
    pub const CMDLINE: u32 = 1 << 0;
    /// Reading the command line failed: its pages were not in memory.
    pub const CMDLINE_FAULT: u32 = 1 << 1;
}

/// What only the victim itself could show: its command line, read in its own context while its
/// address space was alive. `cmdline_len_bytes` bytes follow, arguments separated by NUL.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct VictimContext {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// Thread group of the victim.
    pub tgid: u32,
    /// See [`context_valid`].
    pub valid: u32,
    /// Bytes of command line that follow.
    pub cmdline_len_bytes: u32,
    /// Length of the whole command line, `mm->arg_end - mm->arg_start`, bytes.
    pub cmdline_total_bytes: u32,
}

const _: () = assert!(size_of::<VictimContext>().is_multiple_of(8));

/// The beginning of a victim's environment, `NAME=value` separated by NUL, in `len_bytes` bytes that
/// follow; read in the victim's own context. Nothing is sent where it could not be read.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct VictimEnviron {
    /// The record header; `sequence` is that of the kill.
    pub header: RecordHeader,
    /// Thread group of the victim.
    pub tgid: u32,
    /// Bytes of environment that follow.
    pub len_bytes: u32,
    /// Length of the whole environment, `mm->env_end - mm->env_start`, bytes.
    pub total_bytes: u32,
    /// Always zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<VictimEnviron>().is_multiple_of(8));

//! What can be wrong with BTF bytes.

/// The bytes are not BTF that can be walked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BtfError {
    /// The magic number is not there.
    #[error(
        "not BTF: it starts with {found:#06x}, not 0xeb9f (big-endian kernels are not supported)"
    )]
    Magic {
        /// The first two bytes as a little-endian number.
        found: u16,
    },
    /// The bytes cannot be read.
    #[error("cannot read BTF at byte {at}: {why}")]
    Read {
        /// Where.
        at: u64,
        /// What the system says.
        why: String,
    },
    /// The bytes end too early.
    #[error("BTF is cut: {what} at byte {at} is not there")]
    Truncated {
        /// What was to be read.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// A type of an unknown kind, behind which nothing can be found.
    #[error("BTF type {id} has kind {kind}, which this oomtrace does not know")]
    Kind {
        /// The type's number.
        id: u32,
        /// Its kind.
        kind: u32,
    },
}

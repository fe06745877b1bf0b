//! Memory of one node only.
#![expect(
    unsafe_code,
    reason = "no safe function sets the memory policy of a process"
)]

use std::io;

use anyhow::{Context as _, Result, ensure};

use crate::fill;

/// `MPOL_BIND`: from these nodes or not at all.
const BIND: libc::c_long = 2;

/// Fills anonymous memory that must be of one node.
pub(crate) fn on_node(node: usize, mib: usize) -> Result<()> {
    ensure!(node < 63, "node {node} is not in the mask");
    let mask: libc::c_ulong = 1 << node;
    // SAFETY: the kernel reads one word from the pointer, which lives across the call.
    let status = unsafe {
        libc::syscall(
            libc::SYS_set_mempolicy,
            BIND,
            &raw const mask,
            libc::c_ulong::from(libc::c_ulong::BITS),
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error()).context("cannot set the memory policy");
    }
    fill::anonymous(mib)
}

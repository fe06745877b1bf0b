//! A file to swap to.
#![expect(unsafe_code, reason = "no safe function turns swap on or off")]

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result};

use crate::say;

const MIB: usize = 1 << 20;
/// Where the header is, and where it says what it is (`union swap_header`); the page is 4 KiB or
/// more, and the mark stands at its end.
const HEADER: usize = 1024;
const MARK: &[u8; 10] = b"SWAPSPACE2";

/// Makes a file of `mib` MiB and swaps to it.
pub(crate) fn on(path: &str, mib: usize) -> Result<()> {
    let page = rustix::param::page_size();
    let mut first = vec![0; page];
    let version = 1u32.to_ne_bytes();
    let last_page = u32::try_from(mib * MIB / page - 1)
        .context("too large")?
        .to_ne_bytes();
    put(&mut first, HEADER, &version)?;
    put(&mut first, HEADER + version.len(), &last_page)?;
    put(&mut first, page - MARK.len(), MARK)?;
    let mut file = File::create(path).with_context(|| format!("cannot create {path}"))?;
    file.write_all(&first).context("cannot write")?;
    // Without holes, which the kernel refuses.
    let block = vec![0; MIB];
    for _ in 0..mib {
        file.write_all(&block).context("cannot write")?;
    }
    file.set_len(u64::try_from(mib * MIB)?)
        .context("cannot cut")?;
    file.sync_all().context("cannot write back")?;
    drop(file);
    let name = CString::new(path).context("a path has no NUL")?;
    // SAFETY: the path is a string with its end mark, and lives across the call.
    let status = unsafe { libc::swapon(name.as_ptr(), 0) };
    done(status, "swap on")
}

/// Swaps to it no more.
pub(crate) fn off(path: &str) -> Result<()> {
    let name = CString::new(path).context("a path has no NUL")?;
    // SAFETY: as above.
    let status = unsafe { libc::swapoff(name.as_ptr()) };
    done(status, "swap off")
}

fn put(page: &mut [u8], at: usize, bytes: &[u8]) -> Result<()> {
    page.get_mut(at..at + bytes.len())
        .context("a page is too small")?
        .copy_from_slice(bytes);
    Ok(())
}

fn done(status: libc::c_int, what: &str) -> Result<()> {
    if status != 0 {
        return Err(io::Error::last_os_error()).with_context(|| format!("cannot turn {what}"));
    }
    say("done", what)
}

//! The capabilities of this process.

use rustix::thread::{capabilities, set_capabilities};

/// Makes every permitted capability an effective one.
///
/// A file can carry capabilities as permitted only (`setcap cap_bpf,cap_perfmon=p`), so that it runs
/// where none of them is granted, and asks for them where they are: as the binary in a container's
/// image does, whose user is not root. The calling thread and those that it starts have them then.
pub fn use_permitted_capabilities() {
    let result = capabilities(None).and_then(|mut sets| {
        if sets.effective == sets.permitted {
            return Ok(());
        }
        sets.effective = sets.permitted;
        set_capabilities(None, sets)
    });
    if let Err(error) = result {
        log::debug!("cannot make permitted capabilities effective: {error}");
    }
}

//! This process's priority to the OOM killer.

use std::{fs, io};

/// Exempts this process from being chosen by the OOM killer (`oom_score_adj` -1000), so that it
/// survives what it reports.
///
/// # Errors
///
/// The kernel refused: lowering the value needs `CAP_SYS_RESOURCE`.
pub fn exempt_from_oom_killer() -> io::Result<()> {
    fs::write("/proc/self/oom_score_adj", "-1000")
}

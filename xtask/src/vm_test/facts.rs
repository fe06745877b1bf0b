//! Facts of real kernels for the tests of the plan, as `oomtrace check --facts` prints them in a guest.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::verdict::Ran;
use crate::workspace;

/// Where the tests of the plan read them.
const FOLDER: &str = "oomtrace/src/kernel/plan/hosts";

/// Writes those of each kernel that was booted.
///
/// # Errors
/// A guest reported none, or a file cannot be written.
pub fn write(all: &[Ran]) -> Result<()> {
    let folder = workspace::root().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for ran in all {
        let name = ran.kernel.name;
        ensure!(
            !ran.facts.is_empty(),
            "the guest of {name} reported no facts"
        );
        let path = folder.join(format!("{}.txt", name.replace('.', "_")));
        fs::write(&path, &ran.facts).with_context(|| format!("writing {}", path.display()))?;
        println!("{} is written", path.display());
    }
    Ok(())
}

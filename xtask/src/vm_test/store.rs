//! What a boot leaves behind, so that a run that was cut off can be taken up again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::machine::Ended;
use super::plan::Cell;

/// What must be the same for a boot to stand for another one.
#[derive(Debug)]
pub struct Stamp<'a> {
    /// The commit, if there is nothing on top of it.
    pub commit: Option<&'a str>,
    /// Version of the kernel's package.
    pub version: &'a str,
    /// What is played.
    pub cell: &'a Cell,
}

impl Stamp<'_> {
    fn json(&self) -> Value {
        json!({
            "commit": self.commit,
            "version": self.version,
            "hierarchy": self.cell.hierarchy.name(),
            "scenes": self.cell.scenes,
        })
    }

    /// Writes down how a boot ended, beside its logs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, logs: &Path, ended: &Ended) -> Result<()> {
        let path = file(logs);
        let text = json!({
            "stamp": self.json(),
            "lost": ended.lost,
            "milliseconds": u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
        });
        fs::write(&path, text.to_string()).with_context(|| format!("writing {}", path.display()))
    }

    /// How the last boot with these logs ended, if it had this stamp.
    pub fn kept(&self, logs: &Path) -> Option<Ended> {
        self.commit?;
        let text = fs::read_to_string(file(logs)).ok()?;
        let kept: Value = serde_json::from_str(&text).ok()?;
        (kept.get("stamp") == Some(&self.json())).then_some(())?;
        Some(Ended {
            frames: fs::read(logs.with_extension("frames")).ok()?,
            lost: kept.get("lost").and_then(Value::as_str).map(str::to_owned),
            took: Duration::from_millis(kept.get("milliseconds")?.as_u64()?),
        })
    }
}

fn file(logs: &Path) -> PathBuf {
    logs.with_extension("ended")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm_test::plan::Hierarchy;

    #[test]
    fn only_the_same_boot_of_the_same_commit_stands_for_another() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("k-v2");
        fs::write(logs.with_extension("frames"), "{}\n").unwrap();
        let cell = Cell {
            hierarchy: Hierarchy::V2,
            scenes: vec!["plain"],
        };
        let stamp = |commit| Stamp {
            commit,
            version: "1",
            cell: &cell,
        };
        let ended = Ended {
            lost: Some("panic".to_owned()),
            took: Duration::from_secs(3),
            ..Ended::default()
        };
        stamp(Some("a")).keep(&logs, &ended).unwrap();
        let kept = stamp(Some("a")).kept(&logs).unwrap();
        assert_eq!(kept.frames, b"{}\n");
        assert_eq!((kept.lost, kept.took), (ended.lost, ended.took));
        assert!(stamp(Some("b")).kept(&logs).is_none());
        // Changes that are in no commit may be others by now.
        stamp(None).keep(&logs, &Ended::default()).unwrap();
        assert!(stamp(None).kept(&logs).is_none());
    }
}

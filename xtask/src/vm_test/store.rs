//! What scenes leave behind, so that a run that was cut off can be taken up again, and so that a run of
//! a few scenes counts for the table.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::machine::Ended;

/// What must match for an earlier run of a scene to count for this one.
#[derive(Debug)]
pub struct Store {
    /// Where the scenes of this boot are kept.
    pub folder: PathBuf,
    /// Digest of the tool that was tested. The scenes and what they compare may have changed since: who
    /// makes them stricter begins anew.
    pub tool: String,
    /// Version of the kernel's package.
    pub version: String,
}

impl Store {
    /// Writes down how one scene of a boot went.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, scene: &str, ended: &Ended) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("making {}", self.folder.display()))?;
        let path = self.file(scene);
        let text = json!({
            "tool": self.tool,
            "version": self.version,
            "lost": ended.lost,
            "frames": frames_of(scene, &ended.frames),
        });
        fs::write(&path, text.to_string()).with_context(|| format!("writing {}", path.display()))
    }

    /// How the scene went when it was last kept, with this tool and this kernel.
    pub fn kept(&self, scene: &str) -> Option<Ended> {
        let text = fs::read_to_string(self.file(scene)).ok()?;
        let kept: Value = serde_json::from_str(&text).ok()?;
        let text = |key: &str| kept.get(key).and_then(Value::as_str);
        let is_same = text("tool") == Some(self.tool.as_str())
            && text("version") == Some(self.version.as_str());
        is_same.then_some(())?;
        Some(Ended {
            frames: text("frames")?.as_bytes().to_vec(),
            lost: text("lost").map(str::to_owned),
            took: Duration::ZERO,
        })
    }

    fn file(&self, scene: &str) -> PathBuf {
        self.folder.join(format!("{scene}.json"))
    }
}

/// What a guest reported of itself and of this scene.
fn frames_of(scene: &str, frames: &[u8]) -> String {
    let text = String::from_utf8_lossy(frames);
    let mut out = String::new();
    let mut within = false;
    for line in text.lines() {
        let Ok(frame) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let text = |key: &str| frame.get(key).and_then(Value::as_str);
        let kind = text("frame");
        if kind == Some("begin") {
            within = text("scene") == Some(scene);
        }
        if within || matches!(kind, Some("boot" | "check" | "facts" | "done")) {
            out.push_str(line);
            out.push('\n');
        }
        within &= kind != Some("end");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: &str = r#"{"frame":"boot","release":"7"}
{"frame":"begin","scene":"plain"}
{"frame":"kill","scene":"plain"}
{"frame":"end","scene":"plain"}
{"frame":"begin","scene":"global"}
{"frame":"share","what":"x"}
"#;

    fn ended() -> Ended {
        Ended {
            frames: FRAMES.as_bytes().to_vec(),
            lost: Some("panic".to_owned()),
            took: Duration::from_secs(3),
        }
    }

    #[test]
    fn only_the_same_tool_and_kernel_count() {
        let folder = tempfile::tempdir().unwrap();
        let store = |tool: &str, version: &str| Store {
            folder: folder.path().join("k-v2"),
            tool: tool.to_owned(),
            version: version.to_owned(),
        };
        store("a", "1").keep("plain", &ended()).unwrap();
        let kept = store("a", "1").kept("plain").unwrap();
        assert_eq!(kept.lost.as_deref(), Some("panic"));
        assert!(store("b", "1").kept("plain").is_none());
        assert!(store("a", "2").kept("plain").is_none());
        assert!(store("a", "1").kept("global").is_none());
    }

    #[test]
    fn a_scene_takes_its_own_frames_and_the_guests() {
        let lines = |scene: &str| frames_of(scene, FRAMES.as_bytes()).lines().count();
        assert_eq!((lines("plain"), lines("global"), lines("none")), (4, 3, 1));
        assert!(!frames_of("global", FRAMES.as_bytes()).contains("plain"));
    }
}

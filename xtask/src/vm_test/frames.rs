//! What one guest reported: its frames, put together by scene.

use anyhow::{Context as _, Result, bail};
use oomtrace_tests::frames::{Frame, Kill, Said, Share};
use serde_json::Value;

/// All that one guest has reported.
#[derive(Debug, Default)]
pub struct Report {
    /// `uname -r`.
    pub release: String,
    /// What `oomtrace check` printed, and its exit code.
    pub check: Option<Said>,
    /// What `oomtrace check --facts` printed.
    pub facts: String,
    /// Scenes, in the order in which they were run.
    pub scenes: Vec<Scene>,
    /// It has reported all that it had to.
    pub done: bool,
    /// Why it could not.
    pub failure: Option<String>,
    /// What its kernel lacks, where it was not built with what was to be booted.
    pub unavailable: Option<String>,
}

/// A scene that was run.
#[derive(Debug, Default)]
pub struct Scene {
    /// Its name.
    pub name: String,
    /// It has ended, in time or not.
    pub ended: bool,
    /// Why it failed.
    pub failure: Option<String>,
    /// What it printed.
    pub said: String,
    /// How long it took.
    pub milliseconds: u64,
    /// The events that were compared with the kernel's report: kills, but for a few.
    pub kills: Vec<Kill>,
    /// Of how many kills something could be had.
    pub shares: Vec<Share>,
}

impl Scene {
    /// Its shares in words, for example "command lines: 998 of 1000"; empty where it has none.
    pub fn shares(&self) -> String {
        let shares = self.shares.iter();
        let words = shares.map(|share| format!("{}: {} of {}", share.what, share.with, share.of));
        words.collect::<Vec<_>>().join("; ")
    }
}

impl Report {
    /// Reads what has come so far; a last line without its end is not read. What is no frame ends
    /// it, as a failure of the guest.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut report = Self::default();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let lines = bytes
            .get(..end)
            .unwrap_or_default()
            .split(|byte| *byte == b'\n');
        for line in lines
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
        {
            if let Err(error) = report.add(line) {
                report.failure = Some(format!("{error:#}"));
                break;
            }
        }
        report
    }

    fn add(&mut self, line: &[u8]) -> Result<()> {
        let frame = serde_json::from_slice(line)
            .with_context(|| format!("no frame: {}", line.escape_ascii()))?;
        match (frame, self.scenes.last_mut()) {
            (Frame::Boot { release }, _) => self.release = release,
            (Frame::Check(said), _) => self.check = Some(said),
            (Frame::Facts(said), _) => self.facts = said.out,
            (Frame::Begin { scene: name }, _) => self.scenes.push(Scene {
                name,
                ..Scene::default()
            }),
            (Frame::Failure { why }, _) => self.failure = Some(why),
            (Frame::Unavailable { why }, _) => self.unavailable = Some(why),
            (Frame::Done, _) => self.done = true,
            (Frame::Kill(kill), Some(scene)) => scene.kills.push(kill),
            (Frame::Share(share), Some(scene)) => scene.shares.push(share),
            (
                Frame::End {
                    milliseconds,
                    said,
                    failure,
                },
                Some(scene),
            ) => {
                scene.ended = true;
                (scene.milliseconds, scene.said, scene.failure) = (milliseconds, said, failure);
            }
            (_, None) => bail!("a frame of no scene: {}", line.escape_ascii()),
        }
        Ok(())
    }
}

/// The name of a field that was compared, numbers of lists left out.
pub fn field_name(path: &str) -> String {
    let names = path.split('.').filter(|part| part.parse::<u32>().is_err());
    names.collect::<Vec<_>>().join(".")
}

/// What an event says is missing: field, reason, and the reason in words.
pub fn missing(kill: &Kill) -> impl Iterator<Item = [String; 3]> {
    let entries = kill.event.get("missing").and_then(Value::as_array);
    let kind = kill.event.get("event").and_then(Value::as_str);
    entries.into_iter().flatten().map(move |entry| {
        let mut entry = ["field", "reason", "why"].map(|key| {
            let text = entry.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        });
        // As among those that were compared.
        if let (Some(kind), [field, ..]) = (kind.filter(|kind| *kind != "oom_kill"), &mut entry) {
            *field = format!("{kind}.{field}");
        }
        entry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        "{\"frame\":\"boot\",\"release\":\"6.1.0\"}\r\n",
        "{\"frame\":\"check\",\"code\":0,\"out\":\"ok\",\"complaints\":\"\"}\n",
        "{\"frame\":\"begin\",\"scene\":\"plain\"}\n",
        "{\"frame\":\"share\",\"what\":\"lines\",\"with\":2,\"of\":3}\n",
        "{\"frame\":\"kill\",\"differences\":[],\"report\":[],\"event\":{\"event\":\"oom_outcome\",\"missing\":[",
        "{\"field\":\"b\",\"reason\":\"no_hook\",\"why\":\"words\"}]},\"compared\":[",
        "{\"field\":\"hierarchy.0.limit_bytes\",\"outcome\":{\"agrees\":{\"bound\":0}}}]}\n",
        "{\"frame\":\"end\",\"milliseconds\":7,\"said\":\"\",\"failure\":null}\n",
        "{\"frame\":\"begin\",\"scene\":\"global\"}\n",
        "{\"frame\":\"en",
    );

    #[test]
    fn frames_become_scenes() {
        let report = Report::parse(LINES.as_bytes());
        assert_eq!((report.release.as_str(), report.done), ("6.1.0", false));
        let [plain, global] = report.scenes.as_slice() else {
            panic!("{report:?}");
        };
        assert!(plain.ended && plain.failure.is_none() && plain.milliseconds == 7);
        assert!(!global.ended);
        assert_eq!(plain.shares(), "lines: 2 of 3");
        let missing: Vec<_> = missing(&plain.kills[0]).collect();
        assert_eq!(missing, [["oom_outcome.b", "no_hook", "words"]]);
        let name = &plain.kills[0].compared[0].field;
        assert_eq!(field_name(name), "hierarchy.limit_bytes");
    }

    #[test]
    fn what_is_no_frame_is_a_failure_of_the_guest() {
        for line in [
            "nonsense\n",
            "{\"frame\":\"new\"}\n",
            "{\"frame\":\"kill\"}\n",
        ] {
            let (whole, _) = LINES.rsplit_once('\n').unwrap();
            assert!(
                Report::parse(format!("{whole}\n").as_bytes())
                    .failure
                    .is_none()
            );
            let report = Report::parse(format!("{whole}\n{line}").as_bytes());
            assert!(report.failure.is_some(), "{line}");
            assert_eq!(report.scenes.len(), 2, "{line}");
        }
    }
}

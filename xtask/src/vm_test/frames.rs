//! What a guest tells, one JSON object a line.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// All that one guest has told.
#[derive(Debug, Default)]
pub struct Told {
    /// `uname -r`.
    pub release: String,
    /// What `oomtrace check` printed, and its exit code.
    pub check: Option<Check>,
    /// What `oomtrace check --facts` printed.
    pub facts: String,
    /// Scenes, in the order in which they were played.
    pub scenes: Vec<Scene>,
    /// It has told all that it had to.
    pub done: bool,
    /// Why it could not.
    pub failure: Option<String>,
    /// What its kernel lacks, where it was not built with what was to be booted.
    pub unavailable: Option<String>,
}

/// What `oomtrace check` says of the guest's kernel.
#[derive(Debug)]
pub struct Check {
    /// Exit code; none where a signal ended it.
    pub code: Option<i64>,
    /// Its standard output.
    pub out: String,
}

/// A scene that was played.
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
    /// The events that were held against the kernel's report: kills, but for a few.
    pub kills: Vec<Kill>,
    /// Of how many kills something could be had.
    pub shares: Vec<Share>,
}

/// Of how many kills something could be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// What, of which kills.
    pub what: String,
    /// Kills that had it.
    pub with: u64,
    /// Kills.
    pub of: u64,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {}", self.what, self.with, self.of)
    }
}

/// How one event compared with the kernel's report.
#[derive(Debug)]
pub struct Kill {
    /// Every field that was looked at.
    pub fields: Vec<Field>,
    /// What the event says is missing: field, reason, and the reason in words.
    pub missing: Vec<[String; 3]>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its path, numbers of lists left out.
    pub name: String,
    /// How it compared.
    pub outcome: Outcome,
}

/// How a field compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Equal.
    Exact,
    /// No further off than so much, in its unit.
    Within(u64),
    /// Not less, or not more, than the kernel's figure of an earlier or later moment.
    Monotone,
    /// Absent, for this reason.
    Missing(String),
    /// Nothing of the kernel's tells it.
    Untold,
    /// Not what the kernel reports.
    Differs,
}

impl Told {
    /// Reads what has come so far; a last line without its end is not read. What is no frame ends
    /// it, as a failure of the guest.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut told = Self::default();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let lines = bytes.get(..end).unwrap_or_default();
        for line in lines.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            if let Err(error) = told.line(line) {
                told.failure = Some(format!("{error:#}"));
                break;
            }
        }
        told
    }

    fn line(&mut self, line: &[u8]) -> Result<()> {
        let frame: Value = serde_json::from_slice(line)
            .with_context(|| format!("no frame: {}", line.escape_ascii()))?;
        self.take(&frame)
    }

    fn take(&mut self, frame: &Value) -> Result<()> {
        let text = |key: &str| frame.get(key).and_then(Value::as_str).map(str::to_owned);
        match text("frame").as_deref() {
            Some("boot") => self.release = text("release").unwrap_or_default(),
            Some("check") => {
                self.check = Some(Check {
                    code: frame.get("code").and_then(Value::as_i64),
                    out: text("out").unwrap_or_default() + &text("complaints").unwrap_or_default(),
                });
            }
            Some("facts") => self.facts = text("out").unwrap_or_default(),
            Some("share") => {
                let number = |key: &str| frame.get(key).and_then(Value::as_u64);
                let share = Share {
                    what: text("what").context("a share of nothing")?,
                    with: number("with").context("a share without its number")?,
                    of: number("of").context("a share without its whole")?,
                };
                self.scene()?.shares.push(share);
            }
            Some("begin") => self.scenes.push(Scene {
                name: text("scene").context("a scene without its name")?,
                ..Scene::default()
            }),
            Some("kill") => {
                let kill = kill(frame.get("kill").context("a kill without its body")?)?;
                self.scene()?.kills.push(kill);
            }
            Some("end") => {
                let scene = self.scene()?;
                scene.ended = true;
                scene.failure = text("failure");
                scene.said = text("said").unwrap_or_default();
                scene.milliseconds = frame
                    .get("milliseconds")
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
            }
            Some("failure") => self.failure = text("why"),
            Some("unavailable") => self.unavailable = text("why"),
            Some("done") => self.done = true,
            _ => bail!("an unknown frame: {frame}"),
        }
        Ok(())
    }

    fn scene(&mut self) -> Result<&mut Scene> {
        self.scenes.last_mut().context("a frame of no scene")
    }
}

fn kill(body: &Value) -> Result<Kill> {
    let compared = body.get("compared").and_then(Value::as_array);
    let compared = compared.context("a kill that was compared with nothing")?;
    let missing = body.pointer("/event/missing").and_then(Value::as_array);
    let kind = body.pointer("/event/event").and_then(Value::as_str);
    let entry = |value: &Value| {
        let mut entry = ["field", "reason", "why"].map(|key| {
            let text = value.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        });
        // As among those that were compared.
        if let (Some(kind), [field, ..]) = (kind.filter(|kind| *kind != "oom_kill"), &mut entry) {
            *field = format!("{kind}.{field}");
        }
        entry
    };
    Ok(Kill {
        fields: compared.iter().map(field).collect::<Result<_>>()?,
        missing: missing.into_iter().flatten().map(entry).collect(),
    })
}

fn field(value: &Value) -> Result<Field> {
    let name = value.get("field").and_then(Value::as_str);
    let name: Vec<&str> = name
        .context("a field without its name")?
        .split('.')
        .filter(|part| part.parse::<u32>().is_err())
        .collect();
    let outcome = if value.get("differs").is_some() {
        Outcome::Differs
    } else if value.get("monotone").is_some() {
        Outcome::Monotone
    } else if value.get("untold").is_some() {
        Outcome::Untold
    } else if let Some(reason) = value.get("missing").and_then(Value::as_str) {
        Outcome::Missing(reason.to_owned())
    } else {
        match value.get("bound").and_then(Value::as_u64) {
            Some(0) => Outcome::Exact,
            Some(bound) => Outcome::Within(bound),
            None => bail!("a field without its outcome: {value}"),
        }
    };
    Ok(Field {
        name: name.join("."),
        outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        "{\"frame\":\"boot\",\"release\":\"6.1.0\"}\r\n",
        "{\"frame\":\"check\",\"code\":0,\"out\":\"ok\"}\n",
        "{\"frame\":\"facts\",\"out\":\"release 6.1.0\"}\n",
        "{\"frame\":\"begin\",\"scene\":\"plain\"}\n",
        "{\"frame\":\"share\",\"what\":\"lines\",\"with\":2,\"of\":3}\n",
        "{\"frame\":\"kill\",\"scene\":\"plain\",\"kill\":{\"differences\":[],\"event\":{\"missing\":[",
        "{\"field\":\"b\",\"reason\":\"no_hook\",\"why\":\"words\"}]},\"compared\":[",
        "{\"field\":\"hierarchy.0.limit_bytes\",\"bound\":0},{\"field\":\"a\",\"bound\":4096},",
        "{\"field\":\"b\",\"missing\":\"no_hook\"},{\"field\":\"c\",\"differs\":true}]}}\n",
        "{\"frame\":\"end\",\"scene\":\"plain\",\"milliseconds\":7,\"said\":\"\"}\n",
        "{\"frame\":\"begin\",\"scene\":\"global\"}\n",
        "{\"frame\":\"en",
    );

    #[test]
    fn frames_become_scenes() {
        let told = Told::parse(LINES.as_bytes());
        assert_eq!((told.release.as_str(), told.done), ("6.1.0", false));
        let [plain, global] = told.scenes.as_slice() else {
            panic!("{told:?}");
        };
        assert!(plain.ended && plain.failure.is_none() && plain.milliseconds == 7);
        assert!(!global.ended);
        assert_eq!(told.facts, "release 6.1.0");
        assert_eq!((plain.shares[0].with, plain.shares[0].of), (2, 3));
        assert_eq!(plain.kills[0].missing, [["b", "no_hook", "words"]]);
        let fields = &plain.kills[0].fields;
        assert_eq!(fields[0].name, "hierarchy.limit_bytes");
        let outcomes: Vec<_> = fields.iter().map(|field| field.outcome.clone()).collect();
        assert_eq!(
            outcomes,
            [
                Outcome::Exact,
                Outcome::Within(4096),
                Outcome::Missing("no_hook".to_owned()),
                Outcome::Differs
            ]
        );
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
                Told::parse(format!("{whole}\n").as_bytes())
                    .failure
                    .is_none()
            );
            let told = Told::parse(format!("{whole}\n{line}").as_bytes());
            assert!(told.failure.is_some(), "{line}");
            assert_eq!(told.scenes.len(), 2, "{line}");
        }
    }
}

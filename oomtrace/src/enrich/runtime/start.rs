//! What is known of a process's start.

use crate::model::Victim;

/// What is known of a process's start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start<'a> {
    /// Name of the task.
    pub comm: Option<&'a str>,
    /// Path of the executable.
    pub exe: Option<&'a str>,
    /// The command line.
    pub args: &'a [String],
    /// Variables of the environment, as `NAME=value`.
    pub environ: &'a [String],
}

impl<'a> Start<'a> {
    /// What an event knows of its victim's start.
    #[must_use]
    pub fn of(victim: &'a Victim) -> Self {
        let args = victim.cmdline.as_deref().unwrap_or_default();
        Self {
            comm: victim.comm.as_deref(),
            exe: victim.exe.as_deref(),
            // The last argument of a cut command line may be cut too: `-Xmx12` of `-Xmx128m`.
            args: match (victim.cmdline_total_bytes, args.split_last()) {
                (Some(_), Some((_, whole))) => whole,
                _ => args,
            },
            environ: victim.environ.as_deref().unwrap_or_default(),
        }
    }

    pub(super) fn options(&self) -> &'a [String] {
        self.args.get(1..).unwrap_or_default()
    }

    /// The value of a variable; the last one where it is set twice.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        let value = |text: &'a String| text.strip_prefix(name)?.strip_prefix('=');
        self.environ.iter().rev().find_map(value)
    }
}

//! From arguments, environment and terminal to what a renderer needs. The decisions are pure;
//! [`Surroundings::of_stdout`] reads.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use jiff::tz::TimeZone;

use super::options::{ColorChoice, CommonArgs, OutputArgs, OutputFormat};
use crate::render::Render;
use crate::render::json::Json;
use crate::render::text::{Folding, Text, TextSettings, View};

/// Columns where their number is unknown.
const COLUMNS_DEFAULT: usize = 80;

/// For tests of what happens when the ring of kill records is full: its size in bytes.
const ESSENTIAL_RING_BYTES: &str = "OOMTRACE_ESSENTIAL_RING_BYTES";

/// The size of the ring of kill records where the environment sets it.
///
/// # Errors
///
/// The variable is no number.
pub fn essential_ring_bytes() -> anyhow::Result<Option<u32>> {
    let parse = |text: std::ffi::OsString| {
        let number = text.to_str().and_then(|text| text.parse().ok());
        number.with_context(|| {
            format!(
                "{ESSENTIAL_RING_BYTES}={} is no number of bytes",
                text.display()
            )
        })
    };
    std::env::var_os(ESSENTIAL_RING_BYTES)
        .map(parse)
        .transpose()
}

/// What the process finds around itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether standard output is a terminal.
    pub terminal: bool,
    /// Columns of that terminal.
    pub columns: Option<usize>,
    /// `COLUMNS`.
    pub env_columns: Option<String>,
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `CLICOLOR`.
    pub clicolor: Option<String>,
    /// `CLICOLOR_FORCE`.
    pub clicolor_force: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
    /// The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is not empty.
    pub locale: Option<String>,
}

impl Surroundings {
    /// What is around this process, as far as its standard output goes.
    #[must_use]
    pub fn of_stdout() -> Self {
        let variable = |name: &str| std::env::var_os(name).map(|value| lossy(&value));
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let columns = rustix::termios::tcgetwinsize(&stdout)
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|columns| terminal && *columns > 0);
        Self {
            terminal,
            columns,
            env_columns: variable("COLUMNS"),
            no_color: variable("NO_COLOR"),
            clicolor: variable("CLICOLOR"),
            clicolor_force: variable("CLICOLOR_FORCE"),
            term: variable("TERM"),
            locale: ["LC_ALL", "LC_CTYPE", "LANG"]
                .into_iter()
                .filter_map(variable)
                .find(|value| !value.is_empty()),
        }
    }

    /// Whether to colour. An explicit choice wins; then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`
    /// (see no-color.org and bixense.com/clicolors); then whether a terminal is there to show it.
    #[must_use]
    pub fn color(&self, choice: ColorChoice) -> bool {
        let set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
        let zero = |value: &Option<String>| value.as_deref() == Some("0");
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set(&self.no_color) => false,
            ColorChoice::Auto if set(&self.clicolor_force) && !zero(&self.clicolor_force) => true,
            ColorChoice::Auto if zero(&self.clicolor) => false,
            ColorChoice::Auto => self.terminal && self.term.as_deref() != Some("dumb"),
        }
    }

    /// Columns to lay the text out for.
    #[must_use]
    pub fn width(&self) -> usize {
        let from_env = self
            .env_columns
            .as_deref()
            .and_then(|columns| columns.parse().ok())
            .filter(|columns| (20..=1000).contains(columns));
        self.columns.or(from_env).unwrap_or(COLUMNS_DEFAULT)
    }

    /// Whether to keep to ASCII: a terminal whose locale is known not to be UTF-8.
    #[must_use]
    pub fn ascii(&self) -> bool {
        let utf8 = self.locale.as_deref().is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        self.terminal && self.locale.is_some() && !utf8
    }
}

/// How text is to look.
#[must_use]
pub fn text(
    surroundings: &Surroundings,
    common: &CommonArgs,
    output: &OutputArgs,
    time_zone: TimeZone,
) -> TextSettings {
    let view = match output.format() {
        OutputFormat::Oneline => View::Oneline,
        _ if output.long || common.verbose > 0 => View::Long,
        _ => View::Compact,
    };
    TextSettings {
        view,
        width: surroundings.width(),
        color: surroundings.color(common.color),
        ascii: surroundings.ascii(),
        exact_bytes: output.bytes,
        verbose: common.verbose > 0,
        time_zone,
    }
}

/// The renderer that was asked for, for standard output as it is now.
#[must_use]
pub fn renderer(common: &CommonArgs, output: &OutputArgs) -> Box<dyn Render> {
    renderer_in(common, output, TimeZone::system())
}

/// The same, with times in this zone.
#[must_use]
pub fn renderer_in(
    common: &CommonArgs,
    output: &OutputArgs,
    time_zone: TimeZone,
) -> Box<dyn Render> {
    match output.format() {
        OutputFormat::Json if output.full => Box::new(Json::full()),
        OutputFormat::Json => Box::new(Json::bounded()),
        OutputFormat::Text | OutputFormat::Oneline => Box::new(Text::new(text(
            &Surroundings::of_stdout(),
            common,
            output,
            time_zone,
        ))),
    }
}

/// The same for a capture: on a terminal it folds storms.
#[must_use]
pub fn live_renderer(common: &CommonArgs, output: &OutputArgs) -> Box<dyn Render> {
    let surroundings = Surroundings::of_stdout();
    let settings = text(&surroundings, common, output, TimeZone::system());
    let is_dumb = surroundings.term.as_deref() == Some("dumb");
    let is_text = output.format() == OutputFormat::Text && settings.view == View::Compact;
    if surroundings.terminal && !is_dumb && is_text {
        return Box::new(Folding::new(settings));
    }
    renderer(common, output)
}

fn lossy(value: &std::ffi::OsStr) -> String {
    value.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn on_terminal() -> Surroundings {
        Surroundings {
            terminal: true,
            columns: Some(132),
            term: some("xterm"),
            ..Surroundings::default()
        }
    }

    #[test]
    fn colour_only_where_it_can_be_seen_and_is_wanted() {
        let auto = |change: fn(&mut Surroundings)| {
            let mut surroundings = on_terminal();
            change(&mut surroundings);
            surroundings.color(ColorChoice::Auto)
        };
        assert!(auto(|_| ()));
        assert!(!auto(|s| s.terminal = false));
        assert!(!auto(|s| s.term = some("dumb")));
        assert!(!auto(|s| s.no_color = some("1")));
        assert!(auto(|s| s.no_color = some("")));
        assert!(!auto(|s| s.clicolor = some("0")));
        assert!(auto(|s| {
            s.terminal = false;
            s.clicolor_force = some("1");
        }));
        assert!(!auto(|s| {
            s.terminal = false;
            s.clicolor_force = some("0");
        }));
        assert!(!auto(|s| {
            s.clicolor_force = some("1");
            s.no_color = some("1");
        }));
        let mut unwilling = on_terminal();
        unwilling.no_color = some("1");
        assert!(unwilling.color(ColorChoice::Always));
        assert!(!on_terminal().color(ColorChoice::Never));
    }

    #[test]
    fn the_terminal_knows_its_width_best() {
        assert_eq!(on_terminal().width(), 132);
        let mut piped = Surroundings::default();
        assert_eq!(piped.width(), 80);
        piped.env_columns = some("100");
        assert_eq!(piped.width(), 100);
        for odd in ["0", "-3", "ten", "99999999999999999999"] {
            piped.env_columns = some(odd);
            assert_eq!(piped.width(), 80, "{odd}");
        }
    }

    #[test]
    fn ascii_where_the_terminal_says_so() {
        let mut surroundings = on_terminal();
        assert!(!surroundings.ascii(), "nothing known");
        surroundings.locale = some("C");
        assert!(surroundings.ascii());
        surroundings.locale = some("de_DE.UTF-8");
        assert!(!surroundings.ascii());
        surroundings.locale = some("C");
        surroundings.terminal = false;
        assert!(!surroundings.ascii(), "a file is not limited by our locale");
    }

    #[test]
    fn arguments_reach_the_renderer() {
        let common = CommonArgs {
            verbose: 1,
            color: ColorChoice::Always,
            ..CommonArgs::default()
        };
        let output = OutputArgs {
            bytes: true,
            ..OutputArgs::default()
        };
        let settings = text(&on_terminal(), &common, &output, TimeZone::UTC);
        assert!(settings.verbose && settings.color && settings.exact_bytes);
        assert_eq!(settings.width, 132);
    }
}

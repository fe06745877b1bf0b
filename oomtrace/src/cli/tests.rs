//! The command line as a whole: what is taken, what is refused, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use super::options::{ColorChoice, OutputFormat};
use super::*;

fn invocation(line: &str) -> Invocation {
    match parse(line.split_whitespace()) {
        Ok(invocation) => invocation,
        Err(stop) => panic!("{line}: {}", stop.text),
    }
}

fn stop(line: &str) -> Stop {
    match parse(line.split_whitespace()) {
        Ok(invocation) => panic!("{line} was taken: {invocation:?}"),
        Err(stop) => stop,
    }
}

#[test]
fn clap_finds_no_fault() {
    command().debug_assert();
}

/// The command and its subcommands, with their global arguments filled in.
fn commands() -> Vec<clap::Command> {
    let mut root = command();
    root.build();
    let subcommands: Vec<_> = root.get_subcommands().cloned().collect();
    [root].into_iter().chain(subcommands).collect()
}

#[test]
fn every_argument_has_help_and_its_own_letter() {
    let commands = commands();
    assert_eq!(commands.len(), 15);
    for command in commands {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        let mut letters = BTreeMap::new();
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string);
            assert!(
                help.as_ref().is_some_and(|help| help.len() > 10),
                "{} {}: {help:?}",
                command.get_name(),
                argument.get_id()
            );
            if let Some(letter) = argument.get_short() {
                let other = letters.insert(letter, argument.get_id().clone());
                assert_eq!(other, None, "-{letter} of {}", command.get_name());
            }
        }
    }
}

#[test]
fn no_command_means_trace() {
    let bare = invocation("oomtrace -n 3 --duration 5m -o json --full --comm java --comm node");
    let Action::Trace(bare) = bare.action else {
        panic!("not trace")
    };
    let named =
        invocation("oomtrace trace -n 3 --duration 5m -o json --full --comm java --comm node");
    let Action::Trace(named) = named.action else {
        panic!("not trace")
    };
    assert_eq!(bare, named);
    assert_eq!(bare.count.map(std::num::NonZeroU64::get), Some(3));
    assert_eq!(bare.duration, Some(Duration::from_secs(300)));
    assert_eq!(bare.output.output, OutputFormat::Json);
    assert!(bare.output.full);
    assert_eq!(bare.filter.comm.len(), 2);
}

#[test]
fn general_options_go_before_and_behind_the_command() {
    for line in [
        "oomtrace -vv --color always check --strict",
        "oomtrace check --strict -vv --color=always",
    ] {
        let invocation = invocation(line);
        assert_eq!(invocation.common.verbose, 2, "{line}");
        assert_eq!(invocation.common.color, ColorChoice::Always, "{line}");
        assert!(matches!(invocation.action, Action::Check(check) if check.strict));
    }
}

#[test]
fn the_other_commands() {
    let Action::Replay(replay) = invocation("oomtrace replay a.rec --bytes --pod prod/*").action
    else {
        panic!("not replay")
    };
    assert_eq!(replay.file, std::path::Path::new("a.rec"));
    assert!(replay.output.bytes);
    assert!(!filter::Filter::from(replay.filter).is_empty());
    let Action::Decode(decode) = invocation(
        "oomtrace decode a.log - --year 2024 --time-zone UTC --hostname db1 -n 2 --comm java -o json",
    )
    .action
    else {
        panic!("not decode")
    };
    assert_eq!(decode.files.len(), 2);
    assert_eq!(decode.year, Some(2024));
    assert_eq!(decode.time_zone, Some(jiff::tz::TimeZone::UTC));
    assert!(!decode.follow && !decode.trust_user_lines);
    assert!(matches!(
        invocation("oomtrace demo -o json").action,
        Action::Demo(_)
    ));
    assert!(matches!(
        invocation("oomtrace schema").action,
        Action::Schema
    ));
}

#[test]
fn mistakes_end_with_2_and_say_what_would_be_right() {
    for (line, part) in [
        ("oomtrace -n 0", "--count"),
        ("oomtrace -n x", "--count"),
        ("oomtrace --duration 30", "unit is missing"),
        ("oomtrace --duration 5y", "like 30s"),
        ("oomtrace -o yaml", "json"),
        ("oomtrace --color sometimes", "never"),
        ("oomtrace --cgroup=", "leave it out"),
        ("oomtrace --hostname=a\u{1b}b", "control characters"),
        ("oomtrace --no-such-flag", "--no-such-flag"),
        ("oomtrace --contaner web", "--container"),
        ("oomtrace chek", "check"),
        ("oomtrace replay", "<FILE>"),
        ("oomtrace decode --year 24", "1970"),
        ("oomtrace decode --time-zone Mars/Phobos", "Europe/Berlin"),
        ("oomtrace -v -q", "cannot be used with"),
        ("oomtrace -n 1 check", "cannot be used with"),
    ] {
        let stop = stop(line);
        assert_eq!(stop.exit, Exit::Usage, "{line}");
        assert_eq!(stop.exit.code(), 2);
        assert!(!stop.to_stdout, "{line}");
        assert!(stop.text.starts_with("oomtrace: "), "{}", stop.text);
        assert!(stop.text.contains(part), "{line}: {}", stop.text);
        assert!(stop.text.ends_with('\n'));
    }
}

#[test]
fn help_and_version_are_answers_not_errors() {
    for line in [
        "oomtrace --help",
        "oomtrace -h",
        "oomtrace --version",
        "oomtrace replay --help",
    ] {
        let stop = stop(line);
        assert!(stop.to_stdout, "{line}");
        assert_eq!(stop.exit.code(), 0);
    }
    let help = stop("oomtrace --help").text;
    for part in [
        "Examples:",
        "Exit codes:",
        "130",
        "--container",
        "demo",
        "decode",
    ] {
        assert!(help.contains(part), "{part}");
    }
}

#[test]
fn the_schema_is_json_and_speaks_of_these_events() {
    let schema: serde_json::Value = serde_json::from_str(&super::schema().unwrap()).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), 5);
}

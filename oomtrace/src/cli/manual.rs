//! Manual pages and shell completions, made from the command line itself, so that a binary carries
//! those of its own version.

use std::io;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Command, ValueEnum};
use clap_complete::shells::{Bash, Fish, Zsh};

use super::help::{DECODE_EXAMPLES, EXAMPLES, EXIT_CODES};

/// Arguments of `completions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell to complete the command line in
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// A shell that completions can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash, with its package bash-completion.
    Bash,
    /// fish.
    Fish,
    /// The Z shell.
    Zsh,
}

/// Arguments of `man`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct ManArgs {
    /// The command whose page is printed [default: the page of oomtrace itself]
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub command: Option<String>,
    /// Write every page to DIR, as oomtrace.1, oomtrace-trace.1 and so on
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// A page of the manual, section 1.
#[derive(Debug)]
pub struct ManPage {
    /// Its name: `oomtrace`, or `oomtrace-` and a command.
    pub name: String,
    /// The page, in roff.
    pub roff: Vec<u8>,
}

/// The script that completes the command line `command` in a shell.
#[must_use]
pub fn completions(mut command: Command, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let (command, name) = (&mut command, "oomtrace");
    match shell {
        Shell::Bash => clap_complete::generate(Bash, command, name, &mut script),
        Shell::Fish => clap_complete::generate(Fish, command, name, &mut script),
        Shell::Zsh => clap_complete::generate(Zsh, command, name, &mut script),
    }
    script
}

/// The page of the whole command line `root`, then one for each command.
///
/// # Errors
///
/// The generator fails, which writing to memory rules out.
pub fn man_pages(mut root: Command) -> io::Result<Vec<ManPage>> {
    // Gives each command its full name and the general options.
    root.build();
    let commands = root
        .get_subcommands()
        .map(|command| (format!("oomtrace-{}", command.get_name()), command));
    std::iter::once(("oomtrace".to_owned(), &root))
        .chain(commands)
        .map(|(name, command)| page(name, command.clone()))
        .collect()
}

fn page(name: String, command: Command) -> io::Result<ManPage> {
    let mut roff = Vec::new();
    // The generator would run the lines of the examples together.
    clap_mangen::Man::new(command.after_help(None::<&str>)).render(&mut roff)?;
    match name.as_str() {
        "oomtrace" => {
            roff.extend(verbatim("EXAMPLES", EXAMPLES));
            roff.extend(verbatim("EXIT STATUS", EXIT_CODES));
        }
        "oomtrace-decode" => roff.extend(verbatim("EXAMPLES", DECODE_EXAMPLES)),
        _ => {}
    }
    Ok(ManPage { name, roff })
}

/// A section whose lines stay as they are.
fn verbatim(title: &str, text: &str) -> Vec<u8> {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    format!(".SH \"{title}\"\n.nf\n{text}\n.fi\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command;

    #[test]
    fn there_is_a_page_for_each_command() {
        let pages = man_pages(command()).unwrap();
        assert_eq!(pages.len(), command().get_subcommands().count() + 1);
        for ManPage { name, roff } in pages {
            let page = String::from_utf8(roff).unwrap();
            assert!(page.contains(".SH NAME"), "{name}");
            assert!(page.contains(".SH OPTIONS"), "{name}");
            let examples = page.contains("\n  oomtrace replay oom.rec ");
            assert_eq!(examples, name == "oomtrace", "{name}");
        }
    }

    #[test]
    fn completions_name_every_command() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(completions(command(), *shell)).unwrap();
            for command in command().get_subcommands() {
                assert!(
                    script.contains(command.get_name()),
                    "{shell:?} {}",
                    command.get_name()
                );
            }
        }
    }
}

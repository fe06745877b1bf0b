//! The arguments of `oomtrace daemon` and `oomtrace config`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// Where the configuration is unless something else is said.
pub const CONFIG_DEFAULT: &str = "/etc/oomtrace/oomtrace.toml";

/// Arguments of `daemon`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ClapArgs)]
pub struct DaemonArgs {
    /// The configuration [default: /etc/oomtrace/oomtrace.toml; without one, events are only stored]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the store, in place of the one that the configuration names
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Print the configuration with all its defaults and overrides, and end
    #[arg(long)]
    pub print_config: bool,
}

/// Arguments of `config`.
#[derive(Clone, Debug, PartialEq, Eq, ClapArgs)]
pub struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigAction {
    /// Say whether it can be used; ends with 2 and names line and key if not
    Check {
        /// The configuration
        #[arg(value_name = "FILE", default_value = CONFIG_DEFAULT)]
        file: PathBuf,
    },
}

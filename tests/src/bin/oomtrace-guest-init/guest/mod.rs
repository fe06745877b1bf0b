//! Scenes that would endanger a host: they take all of a machine's memory or change how it kills.

pub(crate) mod cmdline;
pub(crate) mod contents;
pub(crate) mod filled;
pub(crate) mod global;
pub(crate) mod group;
pub(crate) mod many;
pub(crate) mod nodes;
pub(crate) mod privileges;
pub(crate) mod settings;
pub(crate) mod systemd;

//! Statistics of a cgroup from its files.
//!
//! The kernel says which cgroup; its path is followed from the held directory of the mount, one
//! component at a time and never through a link or out of the mount.

mod children;
mod mount;
mod processes;
mod stat;
mod tree;

#[cfg(test)]
mod tests;

pub use self::tree::{CgroupFs, MountError, Places};

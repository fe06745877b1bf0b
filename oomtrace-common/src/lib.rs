//! The contract between oomtrace's kernel side and its user side.
//!
//! `oomtrace-ebpf` fills the structures of [`record`] and nothing else reaches user space from the
//! kernel; `oomtrace` decodes them. The layouts are made of fixed-width integers and byte arrays
//! only, and `zerocopy`'s derives refuse padding at compile time, so neither side can disagree
//! about a byte. [`field`] names every kernel field that the kernel side reads, together with the
//! way to find it in the running kernel's BTF; no offset is ever written down in the source.
//!
//! This crate has no behaviour beyond constants and table look-ups.

#![no_std]
#![forbid(unsafe_code)]

pub mod field;
pub mod limits;
pub mod record;
pub mod switch;

//! The file format of raw captures.

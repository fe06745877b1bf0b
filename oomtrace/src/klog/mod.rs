//! Kernel-log text to events: `carrier` frees lines of what carried them, `report` reads the lines.

pub mod carrier;
pub mod line;
pub mod report;

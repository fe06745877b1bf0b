//! Kernel-log text to events: `carrier` frees lines of what carried them, `report` reads the lines.

pub mod carrier;
mod find;
pub mod line;
pub mod report;

#[cfg(test)]
mod tests;

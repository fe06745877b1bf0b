//! The kernel's OOM reports, line by line, to events.

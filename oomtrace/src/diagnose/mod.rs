//! Findings and the one-sentence message from an event. Pure.

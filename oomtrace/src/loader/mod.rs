//! The only user of aya: load, attach, rings, loss counters.

//! What this host offers (facts) and what to do with it (plan).

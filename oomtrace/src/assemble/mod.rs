//! Which records make one event: the only place that pairs them. Pure.

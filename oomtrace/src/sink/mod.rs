//! Delivery: buffering, back-pressure, closed pipes.

//! Wiring: from rings or a recording to a sink.

//! Bytes of one record to a typed record. Pure; never panics.

//! Events to bytes: text for people, NDJSON for machines.

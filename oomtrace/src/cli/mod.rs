//! Arguments, settings and exit codes.

//! Live tests of oomtrace: real kills, with the kernel as the oracle.

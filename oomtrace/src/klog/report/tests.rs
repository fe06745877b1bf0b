//! Whole reports, line by line.

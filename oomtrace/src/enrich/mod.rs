//! What only user space knows: statistics, owner, runtime, masked secrets.

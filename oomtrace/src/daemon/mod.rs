//! Between capture and store: bounded memory that capture fills without waiting, and the thread that
//! empties it into the store.

mod keeper;
mod spool;

#[cfg(test)]
mod tests;

pub use keeper::{Keeper, Kept};
pub use spool::Spool;

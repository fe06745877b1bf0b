//! Masks secrets in command lines, before anything else sees them.
//!
//! What is masked, and what is not, is data: [`words`] lists the names of secrets, [`table`] the
//! options of common programs, [`shape`] the beginnings of keys, [`url`] what is secret in URLs.
//! `docs/secrets.md` shows these tables with the lines that the tests run.
//!
//! The number of arguments never changes, masking twice is the same as masking once, and the work
//! grows with the length of the line alone.

mod client;
pub mod environ;
mod event;
mod finds;
mod line;
mod name;
#[cfg(any(test, feature = "schema"))]
pub mod page;
mod pattern;
mod record;
mod redactor;
mod scan;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod url;
mod value;
mod words;
mod work;

pub use self::pattern::Pattern;
pub use self::record::redact_context_record;
pub use self::redactor::Redactor;

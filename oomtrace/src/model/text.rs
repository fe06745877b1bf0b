//! Bytes that somebody else chose, as text.

use std::fmt::Write as _;

/// Bytes from the kernel or a process, split into what JSON can say: UTF-8 with U+FFFD for what is
/// not, and, only if that lost something, the original bytes in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The text, with U+FFFD where bytes were no UTF-8.
    pub lossy: String,
    /// The original bytes in lower-case hexadecimal, where `lossy` is not the whole truth.
    pub hex: Option<String>,
}

impl Text {
    /// Splits `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self {
                lossy: text.to_owned(),
                hex: None,
            },
            Err(_) => Self {
                lossy: String::from_utf8_lossy(bytes).into_owned(),
                hex: Some(hex(bytes)),
            },
        }
    }
}

/// `bytes` in lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

//! Names that processes give themselves.

use crate::model::Text;

/// Bytes as the schema shows them: text, and the original bytes where that lost something.
pub(super) fn text(bytes: Option<&[u8]>) -> (Option<String>, Option<String>) {
    match bytes.map(Text::from_bytes) {
        Some(text) => (Some(text.lossy), text.hex),
        None => (None, None),
    }
}

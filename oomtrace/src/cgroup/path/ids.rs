//! The shapes of ids and names.

/// 64 hexadecimal digits in small letters.
#[must_use]
pub fn is_container_id(text: &str) -> bool {
    is_small_hex(text, 64)
}

pub(super) fn is_small_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn has_groups(text: &str, lengths: &[usize]) -> bool {
    let mut groups = text.split('-');
    lengths.iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| is_small_hex(group, *length))
    }) && groups.next().is_none()
}

pub(super) fn is_uuid(text: &str) -> bool {
    has_groups(text, &[8, 4, 4, 4, 12])
}

/// What engines let a container be called.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    text.len() <= 255
        && text.bytes().all(allowed)
        && text
            .as_bytes()
            .first()
            .is_some_and(u8::is_ascii_alphanumeric)
}

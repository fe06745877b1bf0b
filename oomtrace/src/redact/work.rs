//! Searching in bytes, with a count of the bytes looked at: a test holds it against the length of
//! the command line, so that no hostile one is slow.

#[cfg(test)]
thread_local! {
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts bytes that were looked at.
pub(super) fn looked_at(bytes: usize) {
    #[cfg(test)]
    LOOKED_AT.with(|count| count.set(count.get() + bytes));
    #[cfg(not(test))]
    let _ = bytes;
}

/// The bytes looked at since the last call.
#[cfg(test)]
pub(super) fn take() -> usize {
    LOOKED_AT.with(std::cell::Cell::take)
}

/// How many bytes come before the first at which `stop` holds; all, if none.
pub(super) fn until(value: &[u8], stop: impl Fn(u8) -> bool) -> usize {
    let len = value
        .iter()
        .position(|&byte| stop(byte))
        .unwrap_or(value.len());
    looked_at(len);
    len
}

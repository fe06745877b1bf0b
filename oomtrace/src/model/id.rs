//! Identities of events and incidents, the same whoever reports them.
//!
//! * A victim is killed once, so boot, start time and thread name its kill. All three are the
//!   kernel's own, so two tracers of one kill agree, whenever each of them saw the mark.
//! * What has no victim, or one of unknown start, has the time at which the source saw it.
//! * A log that does not name its boot is taken at its word: the same text gives the same id.
//!
//! An incident has the id of its first kill.

use super::OutcomeState;

/// The kill of the thread `tid`, which was started at `start_boot_ns` of `CLOCK_BOOTTIME`.
#[must_use]
pub fn of_victim(boot_id: &str, start_boot_ns: u64, tid: u32) -> String {
    of_moment(boot_id, start_boot_ns / 1_000, Some(tid))
}

/// What happened `since_boot_us` after boot by the source's clock, to the thread `tid` if to any.
#[must_use]
pub fn of_moment(boot_id: &str, since_boot_us: u64, tid: Option<u32>) -> String {
    match tid {
        Some(tid) => format!("{boot_id}:{since_boot_us}:{tid}"),
        None => format!("{boot_id}:{since_boot_us}"),
    }
}

/// What became of the victim whose kill has the id `kill`.
#[must_use]
pub fn of_outcome(kill: &str, state: OutcomeState) -> String {
    let word = match state {
        OutcomeState::Exited => "exited",
        OutcomeState::StillAlive => "still_alive",
    };
    format!("{kill}:{word}")
}

/// An event of a log without a boot id: from the host's name and the text of the report, in parts
/// whose bounds count too.
#[must_use]
pub fn of_report<'a>(host: &'a [u8], text: impl IntoIterator<Item = &'a [u8]>) -> String {
    // FNV-1a of 128 bits: stable, and wide enough that two reports do not meet by chance.
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = BASIS;
    let mut take = |byte: u8| hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    for part in std::iter::once(host).chain(text) {
        part.iter().copied().for_each(&mut take);
        // No byte of UTF-8, so none of a well-formed text.
        take(0xff);
    }
    format!("log:{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_what_the_kernel_says() {
        assert_eq!(of_victim("b", 12_345_678, 7), "b:12345:7");
        assert_eq!(of_moment("b", 5, Some(7)), "b:5:7");
        assert_eq!(of_moment("b", 5, None), "b:5");
        assert_eq!(of_outcome("b:5:7", OutcomeState::Exited), "b:5:7:exited");
        assert_eq!(
            of_outcome("b:5:7", OutcomeState::StillAlive),
            "b:5:7:still_alive"
        );
    }

    #[test]
    fn the_same_report_has_the_same_id() {
        let id = of_report(b"n1", [&b"Killed process 7 (a)"[..], b"x"]);
        assert_eq!(id, of_report(b"n1", [&b"Killed process 7 (a)"[..], b"x"]));
        assert_eq!(id.len(), "log:".len() + 32);
        for other in [
            of_report(b"n2", [&b"Killed process 7 (a)"[..], b"x"]),
            of_report(b"n1", [&b"Killed process 8 (a)"[..], b"x"]),
            of_report(b"n1", [&b"Killed process 7 (a)x"[..]]),
            of_report(b"n1", [&b"Killed process 7 (a)x"[..], b""]),
        ] {
            assert_ne!(id, other);
        }
    }

    /// The published value of FNV-1a for the empty text, one step on.
    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(
            of_report(b"a", []),
            format!("log:{:032x}", {
                let a = 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964_u128;
                (a ^ 0xff).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
            })
        );
    }
}

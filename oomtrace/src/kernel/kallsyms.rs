//! The address range of a kernel function, from `/proc/kallsyms`.

use std::io::BufRead;

/// The function that kills; a return address inside it proves a kill, as opposed to a mere mark.
pub(super) const KILLER: &str = "__oom_kill_process";

/// First address of `symbol` and first address of whatever follows it. Nothing if the symbol is
/// not listed, or listed as 0 (`kernel.kptr_restrict`).
pub(super) fn range(lines: impl BufRead, symbol: &str) -> std::io::Result<Option<(u64, u64)>> {
    let mut start = None;
    for line in lines.split(b'\n') {
        let line = line?;
        let text = String::from_utf8_lossy(&line);
        let mut words = text.split_ascii_whitespace();
        let (Some(address), Some(_kind), Some(name)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(address) = u64::from_str_radix(address, 16) else {
            continue;
        };
        match start {
            // Aliases share an address; the range ends at the next one that differs.
            Some(first) if address > first => return Ok(Some((first, address))),
            Some(_) => {}
            None if name == symbol => {
                if address == 0 {
                    return Ok(None);
                }
                start = Some(address);
            }
            None => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_ends_at_the_next_address() {
        let list = "ffffffff81000000 T _text\nffffffff81598eb0 t __oom_kill_process\n\
                    ffffffff81598eb0 t alias\nffffffff81599300 t next\n";
        assert_eq!(
            range(list.as_bytes(), KILLER).unwrap(),
            Some((0xffff_ffff_8159_8eb0, 0xffff_ffff_8159_9300))
        );
    }

    #[test]
    fn hidden_addresses_and_absent_symbols_give_nothing() {
        let hidden = "0000000000000000 t __oom_kill_process\n0000000000000000 t next\n";
        assert_eq!(range(hidden.as_bytes(), KILLER).unwrap(), None);
        assert_eq!(
            range(&b"ffffffff81000000 T _text\n"[..], KILLER).unwrap(),
            None
        );
    }
}

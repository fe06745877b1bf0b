//! The list of carriers of single lines. A new one is a file here and an entry in the list.

mod container;
mod csv;
mod kubernetes;
mod labelled;
mod logcat;
mod quoted;
mod talos;

use super::carrier::Carrier;

/// Every carrier, the more certain ones first.
pub(super) const CARRIERS: &[&Carrier] = &[
    &container::CRI,
    &container::COMPOSE,
    &container::POD_PREFIX,
    &talos::DMESG,
    &labelled::LOGCLI,
    &labelled::AWS_TEXT,
    &labelled::JOURNAL_FIELD,
    &logcat::THREADTIME,
    &kubernetes::EVENT,
    &quoted::LIST_ITEM,
    &csv::ROW,
];

#[cfg(test)]
mod tests {
    use super::super::carrier::EXAMPLE;
    use super::super::tests::{read, texts};
    use super::CARRIERS;

    #[test]
    fn every_carrier_carries_its_example() {
        for carrier in CARRIERS {
            let lines = read(carrier.example.as_bytes());
            assert_eq!(texts(&lines), [EXAMPLE], "{}", carrier.name);
            assert_ne!(lines[0].from_kernel, Some(false), "{}", carrier.name);
        }
    }
}

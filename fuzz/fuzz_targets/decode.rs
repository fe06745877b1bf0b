//! Any bytes for a record: they end in a record or an error, and in no more memory than they are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oomtrace::fuzz::{PageSize, Record, decode};

fuzz_target!(|bytes: &[u8]| {
    let record = decode(bytes, PageSize(4096));
    if let Ok(Record::Chain(chain)) = &record {
        assert!(chain.levels.len() * size_of::<oomtrace_common::record::Level>() <= bytes.len());
    }
    // What follows a record in its ring is none of its business.
    let longer = [bytes, &[0xa5; 32]].concat();
    if record.is_ok() {
        assert_eq!(decode(&longer, PageSize(4096)), record);
    }
    let _ = decode(bytes, PageSize(0));
});

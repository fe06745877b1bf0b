//! Any bytes for a kernel's BTF.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oomtrace_common::field::{ABSENT, FIELDS};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(resolved) = oomtrace::fuzz::resolve(bytes, &["out_of_memory"]) {
        // A field is there, or it is said what is wrong with it.
        for spec in FIELDS {
            let is_problem = resolved
                .problems()
                .iter()
                .any(|(field, _)| *field == spec.field);
            assert_eq!(resolved.number(spec.field).is_none(), is_problem);
        }
        let absent = resolved
            .numbers()
            .iter()
            .filter(|number| **number == ABSENT);
        assert!(absent.count() <= resolved.problems().len());
    }
});

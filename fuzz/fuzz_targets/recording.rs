//! Any bytes for a recording, taken through decoding and assembling to JSON as a replay does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oomtrace::fuzz::{Assembler, Event, Frame, Output, Reader, Reconciler, decode};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::new(bytes) else {
        return;
    };
    let host = reader.host().clone();
    let page_size = host.page_size_bytes;
    let mut reconciler = Reconciler::new(host.cgroup_version);
    let mut assembler = Assembler::new(host);
    let mut out = Vec::new();
    let mut kill_records = 0_usize;
    while let Ok(Some(frame)) = reader.next_frame() {
        match frame {
            Frame::Clock {
                boot_ns,
                realtime_ns,
            } => assembler.clock(boot_ns, realtime_ns),
            Frame::Record(record) => {
                if let Ok(record) = decode(&record, page_size) {
                    kill_records += 1;
                    assembler.record(record, &mut out);
                }
            }
            Frame::Snapshot(_) => {}
            Frame::Liveness(liveness) => assembler.liveness(&liveness, &mut out),
            Frame::Tick { boot_ns } => assembler.tick(boot_ns, &mut out),
            Frame::Counters(counters) => {
                assembler.counters(&counters);
                if let Some(missed) = reconciler.reading(&counters, assembler.observed()) {
                    assert!(missed.min <= missed.max && missed.max > 0);
                    out.push(Output::Event(Event::Gap(Box::new(assembler.gap(missed)))));
                }
            }
        }
    }
    assembler.flush(&mut out);
    assert_eq!(
        assembler.next_deadline(),
        None,
        "nothing waits after the end"
    );
    let kills = out
        .iter()
        .filter(|output| matches!(output, Output::Kill { .. }))
        .count();
    assert!(kills <= kill_records && kill_records <= bytes.len());
    for output in &out {
        let json = match output {
            Output::Kill { event, .. } => serde_json::to_value(event),
            Output::Event(event) => serde_json::to_value(event),
            Output::Opened(_) | Output::Overdue(_) => continue,
        };
        let json = json.expect("every event is JSON");
        assert!(json.get("event").is_some());
    }
});

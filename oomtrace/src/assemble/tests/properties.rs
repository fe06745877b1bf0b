//! The order in which records come does not matter, and what is kept is bounded.

use oomtrace_common::record::{Kill, Level, level_flags};
use proptest::prelude::*;

use super::*;

/// One kill of a storm: how it looks to the kernel side.
#[derive(Clone, Debug)]
struct Shape {
    /// Whether its cgroup dies as a whole; the same for a whole storm of one cgroup.
    grouped: bool,
    /// Which of few threads triggered it.
    trigger: u32,
    has_sharer: bool,
    has_outcome: bool,
    at_limit: bool,
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let shape = (
        any::<bool>(),
        500..503_u32,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(grouped, trigger, has_sharer, has_outcome, at_limit)| Shape {
                grouped,
                trigger,
                has_sharer,
                has_outcome,
                at_limit,
            },
        );
    prop::collection::vec(shape, 1..12)
}

fn records(shapes: &[Shape]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        let sequence = u32::try_from(index).expect("few") + 1;
        let (tgid, boot_ns) = (1_000 + sequence, MARK + u64::from(sequence) * 1_000);
        let kill = Kill {
            trigger_tgid: shape.trigger,
            trigger_tid: shape.trigger,
            ..build::kill(sequence, boot_ns, tgid)
        };
        records.push(build::bytes(&kill));
        let mut own = if shape.at_limit {
            build::level(100)
        } else {
            build::free_level(100)
        };
        if shape.grouped {
            own.flags |= level_flags::OOM_GROUP;
        }
        let levels: [(Level, &[u8]); 2] = [(own, b"a"), (build::root(), b"")];
        records.push(build::chain(sequence, boot_ns, 0, 0, &levels));
        records.push(build::context(sequence, boot_ns + 500, tgid, b"a\0b\0", 4));
        if shape.has_sharer && !shape.grouped {
            records.push(build::bytes(&build::shared_kill(
                sequence,
                boot_ns,
                tgid + 5_000,
            )));
        }
        if shape.has_outcome {
            records.push(build::bytes(&build::outcome(
                sequence,
                boot_ns + 900,
                tgid,
                boot_ns,
            )));
        }
    }
    records
}

/// Everything that comes out, in an order that does not depend on when.
fn events<'a>(records: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<String> {
    let mut bench = Bench::new(host());
    for record in records {
        bench.bytes(record);
    }
    bench.tick(MARK + 1_000_000_000);
    assert_eq!(bench.assembler.next_deadline(), None, "everything is out");
    assert_eq!(bench.assembler.waiting_bytes, 0);
    let mut events: Vec<String> = bench
        .out
        .iter()
        .map(|output| format!("{output:?}"))
        .collect();
    events.sort();
    events
}

proptest! {
    #[test]
    fn any_order_gives_the_same_events(
        (shapes, order) in shapes().prop_flat_map(|shapes| {
            let indices: Vec<usize> = (0..records(&shapes).len()).collect();
            (Just(shapes), Just(indices).prop_shuffle())
        }),
    ) {
        let records = records(&shapes);
        let in_order = events(&records);
        let kills = in_order.iter().filter(|event| event.starts_with("Kill")).count();
        let sharers = shapes.iter().filter(|shape| shape.has_sharer && !shape.grouped).count();
        prop_assert_eq!(kills, shapes.len() + sharers);
        let shuffled = events(order.iter().map(|index| &records[*index]));
        prop_assert_eq!(shuffled, in_order);
    }

    #[test]
    fn records_that_come_twice_change_nothing(
        shapes in shapes(),
        twice in any::<prop::sample::Index>(),
    ) {
        let records = records(&shapes);
        let again = &records[twice.index(records.len())];
        prop_assert_eq!(events(records.iter().chain([again])), events(&records));
    }

    #[test]
    fn a_kill_is_told_of_however_many_of_its_details_are_lost(
        shapes in shapes(),
        kept in prop::collection::vec(any::<bool>(), 64),
    ) {
        let mut bench = Bench::new(host());
        for (record, kept) in records(&shapes).iter().zip(kept.iter().cycle()) {
            let is_kill = matches!(decode(record, PAGE), Ok(Record::Kill(_)));
            if is_kill || *kept {
                bench.bytes(record);
            }
        }
        bench.tick(MARK + 1_000_000_000);
        for shape in 1..=shapes.len() {
            let pid = 1_000 + u32::try_from(shape).expect("few");
            let told = bench.kills().iter().filter(|kill| kill.victim.pid == Some(pid)).count();
            prop_assert_eq!(told, 1);
        }
        for kill in bench.kills() {
            let absent = kill.limit.is_none();
            prop_assert_eq!(absent, reason(kill, "limit").is_some());
            let absent = kill.victim.cgroup_path.is_none();
            prop_assert_eq!(absent, reason(kill, "victim.cgroup_path").is_some());
        }
    }

    #[test]
    fn what_waits_is_bounded_and_numbers_fit_json(
        seeds in prop::collection::vec((any::<u32>(), any::<u64>(), any::<u32>(), 0..5_u8), 0..300),
    ) {
        let mut bench = Bench::new(host());
        for (sequence, boot_ns, tgid, kind) in seeds {
            let mut kill = build::kill(sequence, boot_ns, tgid);
            kill.valid = u32::MAX;
            kill.victim_memcg_id = boot_ns;
            kill.oc_memcg_id = boot_ns;
            kill.chosen_points = boot_ns.cast_signed();
            kill.totalpages = boot_ns;
            kill.victim_start_boot_ns = boot_ns;
            let level = Level { failcnt: boot_ns, events_max: boot_ns, usage_pages: boot_ns, ..build::level(boot_ns) };
            match kind {
                0 => bench.kill(&kill),
                1 => bench.bytes(&build::chain(sequence, boot_ns, 0, tgid, &[(level, b"x"), (build::root(), b"")])),
                2 => bench.bytes(&build::context(sequence, boot_ns, tgid, b"x", tgid)),
                3 => bench.outcome(&build::outcome(sequence, boot_ns, tgid, boot_ns / 2)),
                _ => bench.kill(&build::shared_kill(sequence, boot_ns, tgid)),
            };
            prop_assert!(bench.assembler.slots.len() <= WAITING_MAX);
            prop_assert!(bench.assembler.waiting_bytes <= WAITING_BYTES_MAX);
        }
        bench.assembler.flush(&mut bench.out);
        for output in &bench.out {
            let event = match output {
                Output::Kill { event, .. } => serde_json::to_value(event),
                Output::Event(event) => serde_json::to_value(event),
                Output::Opened(_) => continue,
            };
            let event = event.expect("serializable");
            prop_assert!(integers_fit(&event), "{event}");
        }
    }
}

fn integers_fit(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => number
            .as_i64()
            .is_some_and(|number| number.unsigned_abs() < 1 << 53),
        serde_json::Value::Array(items) => items.iter().all(integers_fit),
        serde_json::Value::Object(members) => members.values().all(integers_fit),
        _ => true,
    }
}

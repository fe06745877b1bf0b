//! The order in which records come does not matter, and what is kept is bounded.

use oomtrace_common::record::{Kill, Level, level_flags};
use proptest::prelude::*;

use super::*;
use crate::assemble::candidates::INVOCATIONS_MAX;

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
    /// Whether a hook counts the invocation: nothing, or whether it is that of the kill before it
    /// (if that can be), how many tasks it looked at, and whether one of those is lost.
    counted: Option<(bool, u32, bool)>,
    /// Whether nothing was killed; only where invocations are counted.
    no_victim: bool,
}

impl Shape {
    fn is_kill(&self) -> bool {
        !(self.no_victim && self.counted.is_some())
    }

    fn joins(&self, before: Option<&Self>) -> bool {
        let joins = self.counted.is_some_and(|(joins, ..)| joins);
        let may = |before: &Self| {
            before.counted.is_some() && before.is_kill() && before.grouped && self.grouped
        };
        joins && self.is_kill() && before.is_some_and(may)
    }
}

fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let shape = (
        any::<bool>(),
        500..503_u32,
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        prop::option::of((any::<bool>(), 0..4_u32, any::<bool>())),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(grouped, trigger, has_sharer, has_outcome, at_limit, counted, no_victim)| Shape {
                grouped,
                trigger,
                has_sharer,
                has_outcome,
                at_limit,
                counted,
                no_victim,
            },
        );
    prop::collection::vec(shape, 1..12)
}

fn records(shapes: &[Shape]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let (mut oom_sequence, mut scored) = (0, 0);
    for (index, shape) in shapes.iter().enumerate() {
        let sequence = u32::try_from(index).expect("few") + 1;
        let (tgid, boot_ns) = (1_000 + sequence, MARK + u64::from(sequence) * 1_000);
        let mut kill = Kill {
            trigger_tgid: shape.trigger,
            trigger_tid: shape.trigger,
            ..build::kill(sequence, boot_ns, tgid)
        };
        if let Some((_, tasks, lost)) = shape.counted {
            let before = index.checked_sub(1).map(|before| &shapes[before]);
            if !shape.joins(before) {
                oom_sequence += 1;
                scored = tasks + u32::from(lost);
                records.extend((0..tasks).map(|task| {
                    let adj = if task == 0 { 0 } else { -1_000 };
                    let pages = u64::from(task) * 100;
                    build::bytes(&build::candidate(oom_sequence, tgid + task, adj, pages))
                }));
            }
            kill = build::seen_kill(kill, oom_sequence, scored);
        }
        if !shape.is_kill() {
            let none = Kill {
                trigger_tid: shape.trigger,
                ..build::no_victim(sequence, boot_ns, oom_sequence, scored)
            };
            records.push(build::bytes(&none));
            let levels: [(Level, &[u8]); 2] = [(build::level(100), b"a"), (build::root(), b"")];
            records.push(build::chain(sequence, boot_ns, 2, 0, &levels));
            continue;
        }
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
    let mut bench = Fixture::new(host());
    for record in records {
        bench.bytes(record);
    }
    bench.tick(MARK + 1_000_000_000);
    assert!(bench.assembler.waiting.len() == 0, "everything is out");
    assert_eq!(bench.assembler.waiting.bytes(), 0);
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
        let count = |what: &str| in_order.iter().filter(|event| event.starts_with(what)).count();
        let (kills, others): (Vec<_>, Vec<_>) = shapes.iter().partition(|shape| shape.is_kill());
        let sharers = kills.iter().filter(|shape| shape.has_sharer && !shape.grouped).count();
        prop_assert_eq!(count("Kill"), kills.len() + sharers);
        prop_assert_eq!(count("Event(OomNoVictim"), others.len());
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
    fn a_kill_is_emitted_whatever_details_are_lost(
        shapes in shapes(),
        kept in prop::collection::vec(any::<bool>(), 64),
    ) {
        let mut bench = Fixture::new(host());
        for (record, kept) in records(&shapes).iter().zip(kept.iter().cycle()) {
            let is_essential =
                matches!(decode(record, PAGE), Ok(Record::Kill(_) | Record::NoVictim(_)));
            if is_essential || *kept {
                bench.bytes(record);
            }
        }
        bench.tick(MARK + 1_000_000_000);
        let others = shapes.iter().filter(|shape| !shape.is_kill()).count();
        prop_assert_eq!(bench.no_victims().len(), others);
        prop_assert_eq!(bench.assembler.observed().kills, (shapes.len() - others) as u64);
        for (sequence, _) in (1..).zip(&shapes).filter(|(_, shape)| shape.is_kill()) {
            let pid = 1_000 + sequence;
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
        seeds in prop::collection::vec((any::<u32>(), any::<u64>(), any::<u32>(), 0..7_u8), 0..300),
    ) {
        let mut bench = Fixture::new(host());
        for (sequence, boot_ns, tgid, kind) in seeds {
            let mut kill = build::kill(sequence, boot_ns, tgid);
            kill.valid = u32::MAX;
            kill.victim_memcg_id = boot_ns;
            kill.oc_memcg_id = boot_ns;
            kill.chosen_points = boot_ns.cast_signed();
            kill.totalpages = boot_ns;
            kill.oom_sequence = tgid;
            kill.scored = sequence;
            kill.victim_start_boot_ns = boot_ns;
            let level = Level { failcnt: boot_ns, events_max: boot_ns, usage_pages: boot_ns, ..build::level(boot_ns) };
            match kind {
                0 => bench.kill(&kill),
                1 => bench.bytes(&build::chain(sequence, boot_ns, 0, tgid, &[(level, b"x"), (build::root(), b"")])),
                2 => bench.bytes(&build::context(sequence, boot_ns, tgid, b"x", tgid)),
                3 => bench.outcome(&build::outcome(sequence, boot_ns, tgid, boot_ns / 2)),
                4 => bench.kill(&build::shared_kill(sequence, boot_ns, tgid)),
                5 => bench.kill(&Kill {
                    totalpages: boot_ns,
                    oc_memcg_id: boot_ns,
                    ..build::no_victim(sequence, boot_ns, tgid, tgid)
                }),
                _ => bench.candidate(&record::Candidate {
                    swap_entries_pages: boot_ns,
                    pgtables_bytes: boot_ns,
                    ..build::candidate(sequence, tgid, boot_ns as i16, boot_ns)
                }),
            };
            prop_assert!(bench.assembler.candidates.invocations() <= INVOCATIONS_MAX);
            prop_assert!(bench.assembler.waiting.len() <= WAITING_MAX);
            prop_assert!(bench.assembler.waiting.bytes() <= WAITING_BYTES_MAX);
        }
        bench.assembler.flush(&mut bench.out);
        for output in &bench.out {
            let event = match output {
                Output::Kill { event, .. } => serde_json::to_value(event),
                Output::Event(event) => serde_json::to_value(event),
                Output::Opened(_) | Output::Overdue(_) => continue,
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

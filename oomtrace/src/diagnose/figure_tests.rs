//! No figure in a sentence is invented: each is one of the event's own or is computed again here.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::test_events::{ID, founding_case};
use super::*;
use crate::model::*;

/// Every number in `value`, however deep.
fn numbers(value: &serde_json::Value, out: &mut BTreeSet<i64>) {
    match value {
        serde_json::Value::Number(number) => out.extend(number.as_i64()),
        serde_json::Value::Array(values) => values.iter().for_each(|v| numbers(v, out)),
        serde_json::Value::Object(map) => map.values().for_each(|v| numbers(v, out)),
        _ => {}
    }
}

/// The amounts with a unit, and the plain numbers, in a sentence of which names are known.
fn figures(text: &str, names: &[&str]) -> Vec<String> {
    let mut text = text.to_owned();
    for name in names {
        text = text.replace(name, "NAME");
    }
    // The signal's name and the sizes of words are no figures.
    let text = text.replace("sysrq-f", "");
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| "();:,.".contains(c)))
        .collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && word.chars().any(|c| c.is_ascii_digit());
        if is_number {
            let unit = words.get(at + 1).copied().unwrap_or_default();
            found.push(match unit {
                "B" | "KiB" | "MiB" | "GiB" | "TiB" => format!("{word} {unit}"),
                _ => (*word).to_owned(),
            });
        }
    }
    found
}

/// Fails if a sentence has a figure that is neither in `known` nor an amount of one that is.
fn check_figures(text: &str, known: &BTreeSet<i64>) -> Result<(), TestCaseError> {
    for figure in figures(text, &["NAME"]) {
        let is_known = known.iter().any(|&value| {
            value.to_string() == figure
                || u64::try_from(value).is_ok_and(|value| human(Bytes(value)) == figure)
        });
        // "1 level above it" is a count that the evidence has.
        prop_assert!(is_known, "{figure} in {text:?}");
    }
    Ok(())
}

fn amount() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::weighted(0.8, (0..1u64 << 34).prop_map(Bytes))
}

fn any_of<T: Clone + std::fmt::Debug + 'static>(
    values: &[T],
) -> impl Strategy<Value = Option<T>> + use<T> {
    prop::option::weighted(0.8, prop::sample::select(values.to_vec()))
}

prop_compose! {
    fn any_usage()(amounts in prop::collection::vec(amount(), 9)) -> Usage {
        Usage {
            anon_bytes: amounts[0],
            page_cache_bytes: amounts[1],
            shmem_bytes: amounts[2],
            slab_bytes: amounts[3],
            page_tables_bytes: amounts[4],
            kernel_stack_bytes: amounts[5],
            sock_bytes: amounts[6],
            percpu_bytes: amounts[7],
            other_kernel_bytes: amounts[8],
            ..Usage::default()
        }
    }
}

prop_compose! {
    fn any_limit()(
        amounts in prop::collection::vec(amount(), 7),
        path in any_of(&[format!("/docker/{ID}"), "/docker".to_owned(), "/NAME".to_owned()]),
        counter in any_of(&[LimitedCounter::Memory, LimitedCounter::Memsw, LimitedCounter::Kmem]),
        basis in any_of(&[Basis::Kernel, Basis::OomLock, Basis::Counters]),
        usage in prop::option::of(any_usage()),
        delay in prop::option::of(0u64..5000),
    ) -> LimitHit {
        LimitHit {
            basis,
            cgroup_path: path,
            counter,
            limit_bytes: amounts[0],
            usage_bytes: amounts[1],
            memsw_limit_bytes: amounts[2],
            memsw_usage_bytes: amounts[3],
            swap_limit_bytes: amounts[4],
            swap_usage_bytes: amounts[5],
            kmem_usage_bytes: amounts[6],
            stat_basis: delay.map(|_| StatBasis::MemoryStat),
            stat_delay_us: delay,
            usage,
            ..LimitHit::default()
        }
    }
}

prop_compose! {
    fn any_kill()(
        limit in prop::option::weighted(0.8, any_limit()),
        memory in prop::collection::vec(amount(), 3),
        heap in amount(),
        trigger in prop::option::of(1u32..50),
        shares in prop::option::of(1u32..50),
        adj in prop::option::of(-1000i32..=1000),
        scope in any_of(&[Scope::Memcg, Scope::Global]),
        constraint in any_of(&[Constraint::None, Constraint::Cpuset, Constraint::Mempolicy]),
        cause in any_of(&[
            Cause::Allocation, Cause::Sysrq, Cause::LimitWrite, Cause::PageFault, Cause::Thrashing,
        ]),
        kind in any_of(&[KillKind::Chosen, KillKind::Group, KillKind::SharedMm]),
        owned in any::<bool>(),
        node in prop::option::of((amount(), amount())),
    ) -> OomKill {
        let mut event = founding_case();
        event.limit = limit;
        event.victim.cgroup_id = None;
        event.victim.memory = Some(VictimMemory {
            rss_bytes: memory[0],
            anon_bytes: memory[1],
            file_bytes: memory[2],
            rss_pages: memory[0].map(|bytes| Pages(bytes.0 / 4096)),
            ..VictimMemory::default()
        });
        event.victim.comm = Some("NAME".to_owned());
        event.victim.oom_score_adj = adj;
        event.victim.shares_memory_with_pid = shares;
        event.runtime.as_mut().unwrap().max_heap_bytes = heap;
        let asked = event.trigger.as_mut().unwrap();
        asked.pid = trigger;
        asked.comm = Some("NAME".to_owned());
        event.incident.scope = scope;
        event.incident.constraint = constraint;
        event.incident.cause = cause;
        event.incident.kill_kind = kind;
        if owned {
            event.owner.as_mut().unwrap().container_name = Some("NAME".to_owned());
        } else {
            event.owner = None;
        }
        event.node_memory = node.map(|(total_bytes, free_bytes)| NodeMemory {
            total_bytes,
            free_bytes,
            ..NodeMemory::default()
        });
        event
    }
}

proptest! {
    #[test]
    fn no_figure_is_invented(event in any_kill()) {
        let mut known = BTreeSet::new();
        numbers(&serde_json::to_value(&event).unwrap(), &mut known);
        let mut event = event;
        diagnose(&mut event);

        let usage = event.limit.as_ref().and_then(|limit| limit.usage.as_ref());
        let kernel: Option<u64> = usage.map(|usage| {
            [
                usage.slab_bytes,
                usage.page_tables_bytes,
                usage.kernel_stack_bytes,
                usage.sock_bytes,
                usage.percpu_bytes,
                usage.other_kernel_bytes,
            ]
            .into_iter()
            .flatten()
            .map(|bytes| bytes.0)
            .sum()
        });

        // Container ids begin with a digit; they are names.
        let without_id = |text: &str| text.replace(ID, "NAME").replace(&ID[..12], "NAME");
        let with_sum = known.iter().copied().chain(kernel.map(|sum| sum as i64)).collect();
        check_figures(&without_id(&event.header.message), &with_sum)?;

        let anon = event.victim.memory.as_ref().and_then(|memory| memory.anon_bytes);
        let heap = event.runtime.as_ref().and_then(|runtime| runtime.max_heap_bytes);
        for finding in &event.findings {
            let mut evidence = BTreeSet::new();
            for item in &finding.evidence {
                evidence.insert(item.value);
                // What is computed is computed again; all else is the event's own.
                let recomputed = match item.name.as_str() {
                    "outside_heap_min" => anon.zip(heap).map(|(a, h)| a.0 - h.0),
                    "kernel_total" => kernel,
                    "levels_above_victim" => event
                        .hierarchy
                        .iter()
                        .position(|level| {
                            level.cgroup_path == event.limit.as_ref().unwrap().cgroup_path
                        })
                        .map(|at| at as u64),
                    _ => known.get(&item.value).map(|&value| value as u64),
                };
                prop_assert_eq!(
                    recomputed.map(|value| value as i64), Some(item.value), "{:?}", item
                );
            }
            // "1 level above it" is said without the evidence's own digits.
            let text = without_id(&finding.text);
            check_figures(&text, &evidence)?;
        }
    }

    #[test]
    fn diagnosing_twice_changes_nothing(event in any_kill()) {
        let mut once = event;
        diagnose(&mut once);
        let mut twice = once.clone();
        diagnose(&mut twice);
        prop_assert_eq!(once, twice);
    }
}

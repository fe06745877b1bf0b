//! Figures of findings that compare the victim with the other candidates.

use std::collections::BTreeMap;

use serde_json::Value;

use super::derive::Facts;

/// Whether the finding rests on the list of candidates.
pub(super) fn is_about_others(code: &str) -> bool {
    matches!(
        code,
        "larger_process_survived"
            | "many_processes"
            | "top_consumers"
            | "victim_chosen"
            | "larger_process_protected"
    )
}

struct Process<'a> {
    pid: i64,
    comm: &'a str,
    rss: i64,
    adj: Option<i64>,
    badness: Option<i64>,
}

/// The values that a figure may have.
pub(super) fn derive(code: &str, name: &str, facts: &Facts<'_>) -> Vec<i64> {
    let all = processes(facts);
    let victim = facts.number("victim.pid");
    let of_victim = || all.iter().find(|process| Some(process.pid) == victim);
    let others: Vec<&Process<'_>> = all.iter().filter(|p| Some(p.pid) != victim).collect();
    let most = |list: &[&Process<'_>]| list.iter().map(|process| process.rss).max();
    // Of several that are equal any may be named.
    let largest: Vec<&Process<'_>> = others
        .iter()
        .copied()
        .filter(|process| Some(process.rss) == most(&others))
        .collect();
    let killable: Vec<&Process<'_>> = others
        .iter()
        .copied()
        .filter(|process| process.adj != Some(-1000))
        .collect();
    let protected: Vec<&Process<'_>> = others
        .iter()
        .copied()
        .filter(|process| process.adj == Some(-1000))
        .collect();
    let pids = |list: &[&Process<'_>]| list.iter().map(|process| process.pid).collect();
    match (code, name) {
        ("larger_process_survived", "largest_pid") => pids(&largest),
        ("larger_process_survived", "largest_rss") => most(&others).into_iter().collect(),
        ("larger_process_survived", "largest_oom_score_adj") => {
            largest.iter().filter_map(|process| process.adj).collect()
        }
        ("larger_process_survived", "oom_score_adj") => {
            facts.number("victim.oom_score_adj").into_iter().collect()
        }
        (_, "victim_rss") => of_victim().map(|process| process.rss).into_iter().collect(),
        ("many_processes", _) => same_name(&all, name),
        ("top_consumers", name) if ranked(name).is_some() => {
            let of = |(rank, what): (usize, &str)| {
                let process = *top(&all).get(rank)?;
                Some(if what == "pid" {
                    process.pid
                } else {
                    process.rss
                })
            };
            ranked(name).and_then(of).into_iter().collect()
        }
        ("top_consumers", "other_processes") => vec![all.len() as i64 - 3],
        ("top_consumers", "other_processes_rss") => {
            let sum = |list: &[&Process<'_>]| list.iter().map(|process| process.rss).sum::<i64>();
            vec![sum(&all.iter().collect::<Vec<_>>()) - sum(&top(&all))]
        }
        ("victim_chosen", "victim_badness") => of_victim()
            .and_then(|process| process.badness)
            .into_iter()
            .collect(),
        ("victim_chosen", "next_badness") => others
            .iter()
            .filter_map(|process| process.badness)
            .max()
            .into_iter()
            .collect(),
        ("victim_chosen", "next_rss") => most(&killable).into_iter().collect(),
        ("victim_chosen", "next_pid") => {
            let ours = of_victim().and_then(|process| process.badness);
            let best = others.iter().filter_map(|process| process.badness).max();
            let best = best.filter(|_| ours.is_some());
            let by_badness = others
                .iter()
                .filter(|process| best.is_some() && process.badness == best)
                .map(|process| process.pid);
            let by_rss = killable
                .iter()
                .filter(|process| best.is_none() && Some(process.rss) == most(&killable))
                .map(|process| process.pid);
            by_badness.chain(by_rss).collect()
        }
        ("larger_process_protected", "protected_pid") => pids(&protected),
        ("larger_process_protected", "protected_rss") => most(&protected).into_iter().collect(),
        ("larger_process_protected", "protected_oom_score_adj") => vec![-1000],
        _ => Vec::new(),
    }
}

fn processes<'a>(facts: &Facts<'a>) -> Vec<Process<'a>> {
    let process = |value: &'a Value| {
        let number = |key: &str| value.get(key).and_then(Value::as_i64);
        Some(Process {
            pid: number("pid")?,
            comm: value
                .get("comm")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            rss: number("rss_bytes")?,
            adj: number("oom_score_adj"),
            badness: number("badness_pages"),
        })
    };
    let listed = facts.list("candidates");
    let mut all: Vec<_> = listed.iter().filter_map(process).collect();
    let pid = facts.number("victim.pid");
    if !listed.is_empty() && !all.iter().any(|process| Some(process.pid) == pid) {
        let comm = facts.value("victim.comm").and_then(Value::as_str);
        let own = pid.zip(facts.number("victim.memory.rss_bytes"));
        all.extend(own.map(|(pid, rss)| Process {
            pid,
            comm: comm.unwrap_or_default(),
            rss,
            adj: facts.number("victim.oom_score_adj"),
            badness: facts.number("victim.badness_pages"),
        }));
    }
    all
}

/// `second_pid`: which of the largest, and what of it.
fn ranked(name: &str) -> Option<(usize, &str)> {
    let (rank, what) = name.split_once('_')?;
    let rank = ["first", "second", "third"]
        .iter()
        .position(|known| *known == rank)?;
    Some((rank, what))
}

/// The three largest.
fn top<'a, 'b>(all: &'b [Process<'a>]) -> Vec<&'b Process<'a>> {
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_by_key(|process| (std::cmp::Reverse(process.rss), process.pid));
    sorted.truncate(3);
    sorted
}

fn same_name(all: &[Process<'_>], name: &str) -> Vec<i64> {
    let mut groups: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    // What has no name is called nothing together.
    for process in all.iter().filter(|process| !process.comm.is_empty()) {
        groups.entry(process.comm).or_default().push(process.rss);
    }
    let sum = |group: &Vec<i64>| group.iter().sum::<i64>();
    let most = groups.values().map(sum).max();
    groups
        .values()
        .filter(|group| Some(sum(group)) == most)
        .filter_map(|group| match name {
            "processes" => i64::try_from(group.len()).ok(),
            "processes_rss" => Some(sum(group)),
            "largest_rss" => group.iter().copied().max(),
            _ => None,
        })
        .collect()
}

//! Plans for real kernels, from the facts recorded in guests (`cargo xtask vm-test --facts`),
//! and for the same kernels under other circumstances.

use super::*;
use crate::kernel::listing::read;

/// What a kernel is to be traced by.
struct Host {
    facts: &'static str,
    mark_has_task: bool,
    stack_symbol: bool,
    exit: ExitHook,
    rss_percpu: bool,
    /// What is lost when everything is attached that can be.
    lost: &'static [&'static str],
}

/// Oldest first.
const HOSTS: &[Host] = &[
    Host {
        facts: include_str!("hosts/5_10.txt"),
        mark_has_task: false,
        stack_symbol: false,
        exit: ExitHook::SignalDeliver,
        rss_percpu: false,
        lost: &[],
    },
    Host {
        facts: include_str!("hosts/6_1.txt"),
        mark_has_task: true,
        stack_symbol: true,
        exit: ExitHook::SignalDeliver,
        rss_percpu: false,
        lost: &[],
    },
    Host {
        facts: include_str!("hosts/6_12.txt"),
        mark_has_task: true,
        stack_symbol: true,
        exit: ExitHook::SignalDeliver,
        rss_percpu: true,
        lost: &[],
    },
    Host {
        facts: include_str!("hosts/7_2.txt"),
        mark_has_task: true,
        stack_symbol: true,
        exit: ExitHook::WithMm,
        rss_percpu: true,
        lost: &[],
    },
];

const ALL: Applied = Applied {
    invocations: true,
    marks_by_function: true,
};

fn lost(plan: &Plan, applied: Applied) -> Vec<String> {
    let missing = plan.losses(applied).unavailable().into_iter();
    missing.map(|missing| missing.field).collect()
}

/// The listing with another value, or without the line, of a key. It must have had one.
fn with(facts: &str, key: &str, value: Option<&str>) -> String {
    let is_it = |line: &&str| line.split(' ').next() == Some(key);
    assert!(facts.lines().any(|line| is_it(&line)), "no {key}");
    let mut text: String = facts
        .lines()
        .filter(|line| !is_it(line))
        .map(|line| format!("{line}\n"))
        .collect();
    if let Some(value) = value {
        text.push_str(&format!("{key} {value}\n"));
    }
    text
}

fn planned(facts: &str) -> Result<Plan, Refusal> {
    plan(&read::facts(facts))
}

#[test]
fn every_kernel_has_its_plan() {
    for host in HOSTS {
        let facts = read::facts(host.facts);
        let plan = plan(&facts).unwrap();
        let on = &facts.release;
        assert_eq!(
            matches!(plan.mark, MarkHook::Task),
            host.mark_has_task,
            "{on}"
        );
        assert_eq!(
            matches!(plan.proof, KillProof::StackSymbol),
            host.stack_symbol,
            "{on}"
        );
        assert_ne!(plan.proof, KillProof::Signal, "{on}");
        assert_eq!(plan.exit, host.exit, "{on}");
        assert_eq!(plan.rss_percpu, host.rss_percpu, "{on}");
        assert_eq!(plan.rss_error_max != Bytes(0), host.rss_percpu, "{on}");
        assert_eq!(plan.page_size, PageSize(4096), "{on}");
        assert!(
            matches!(
                plan.functions.as_slice(),
                [FunctionHook::Kprobe, FunctionHook::Fentry { .. }]
            ),
            "{on}: {:?}",
            plan.functions
        );
        assert_eq!(lost(&plan, ALL), host.lost, "{on}");
        // Attaching is not a matter of the plan: what is lost without it is reported all the same.
        let bare = lost(&plan, Applied::default());
        let loses = |field: &str| bare.iter().any(|lost| lost == field);
        assert!(loses("candidates"), "{on}: {bare:?}");
        // Where the tracepoint hands over the task, the stack is looked through for who chose it.
        assert_eq!(plan.stack_searched, host.mark_has_task, "{on}");
        for field in ["trigger.gfp_mask", "incident.constraint"] {
            assert_eq!(loses(field), !host.mark_has_task, "{on}: {bare:?}");
        }
        let has_no_task = bare.iter().any(|lost| lost == "victim.cgroup_path");
        assert_eq!(has_no_task, !host.mark_has_task, "{on}: {bare:?}");
        assert!(
            plan.fields.iter().any(|number| *number != ABSENT),
            "{on} has no fields"
        );
    }
}

#[test]
fn unknown_is_not_no() {
    for host in HOSTS {
        let as_told = planned(host.facts).unwrap();
        for (key, value) in [("kprobes", "unknown"), ("lockdown", "unknown")] {
            let unknown = planned(&with(host.facts, key, Some(value))).unwrap();
            assert_eq!(unknown, as_told, "{key}");
        }
        let none = planned(&with(host.facts, "kprobes", Some("no"))).unwrap();
        assert!(
            matches!(none.functions.as_slice(), [FunctionHook::Fentry { .. }]),
            "{:?}",
            none.functions
        );
    }
}

#[test]
fn functions_that_btf_does_not_have_are_not_hooked() {
    for host in HOSTS {
        let inlined = host
            .facts
            .replace("function oom_evaluate_task ", "function mark_oom_victim ");
        assert_eq!(planned(&inlined).unwrap().functions, []);
        let without = with(host.facts, "function", None);
        assert_eq!(planned(&without).unwrap().functions, []);
    }
}

#[test]
fn only_lockdown_of_confidentiality_refuses() {
    for host in HOSTS {
        let as_told = planned(host.facts).unwrap();
        let integrity = with(host.facts, "lockdown", Some("integrity"));
        assert_eq!(planned(&integrity).unwrap(), as_told);
        let confidentiality = with(host.facts, "lockdown", Some("confidentiality"));
        let refusal = planned(&confidentiality).unwrap_err();
        assert_eq!(refusal, Refusal::Lockdown);
        assert!(refusal.to_string().contains("lockdown=integrity"));
    }
}

#[test]
fn capabilities_are_asked_for_by_name() {
    for host in HOSTS {
        for (held, missing) in [
            ("bpf", &["CAP_PERFMON"][..]),
            ("perfmon", &["CAP_BPF"]),
            ("", &["CAP_BPF", "CAP_PERFMON"]),
        ] {
            let facts = with(host.facts, "capabilities", Some(held));
            assert_eq!(
                planned(&facts).unwrap_err(),
                Refusal::Capabilities(missing.to_vec())
            );
        }
        for held in ["bpf perfmon", "sys_admin"] {
            assert!(planned(&with(host.facts, "capabilities", Some(held))).is_ok());
        }
    }
}

#[test]
fn the_hierarchy_decides_what_is_counted_as_lost() {
    for host in HOSTS {
        let v2 = planned(&with(host.facts, "cgroup_version", Some("2"))).unwrap();
        // A hybrid host is one of version 1: that is where its memory controller is.
        let v1 = planned(&with(host.facts, "cgroup_version", Some("1"))).unwrap();
        assert!(!v2.cgroup_v1 && v1.cgroup_v1);
        let kmem = "limit.kmem_usage_bytes".to_owned();
        let has_kmem = read::facts(host.facts)
            .btf
            .unwrap()
            .number(KernelField::MemcgKmemUsage)
            .is_some();
        assert!(!lost(&v2, ALL).contains(&kmem));
        assert_eq!(lost(&v1, ALL).contains(&kmem), !has_kmem);
    }
}

#[test]
fn a_pid_only_tracepoint_needs_record_or_function() {
    let prototype = "prototype btf_trace_mark_victim ";
    for host in HOSTS {
        let mut pid_only = String::new();
        for line in host.facts.lines() {
            if line.starts_with(prototype) {
                pid_only.push_str(&format!("{prototype}integer:4\n"));
            } else if !line.starts_with("mark_victim_record") {
                pid_only.push_str(&format!("{line}\n"));
            }
        }
        let unread = format!("{pid_only}mark_victim_record_unknown tracefs is not mounted\n");
        assert_eq!(planned(&unread).unwrap().mark, MarkHook::Function);
        let refusal = planned(&with(&unread, "function", None)).unwrap_err();
        assert!(
            matches!(&refusal, Refusal::NoTracepoint(why) if why.why == "tracefs is not mounted"),
            "{refusal}"
        );
        let plan = planned(&format!("{pid_only}mark_victim_record 8 - - - - - - - -\n")).unwrap();
        let MarkHook::Record(layout) = plan.mark else {
            panic!("{:?}", plan.mark);
        };
        assert_eq!((layout[0], layout[1]), (8, ABSENT));
        let memory = "victim.memory".to_owned();
        assert!(lost(&plan, Applied::default()).contains(&memory));
        assert!(!lost(&plan, ALL).contains(&memory));
    }
}

#[test]
fn a_disabled_controller_is_neither_v1_nor_v2() {
    for host in HOSTS {
        let plan = planned(&with(host.facts, "cgroup_version", Some("disabled"))).unwrap();
        assert!(!plan.cgroup_v1);
        assert!(lost(&plan, ALL).contains(&"victim.cgroup_path".to_owned()));
    }
}

#[test]
fn a_hidden_killer_is_told_by_its_signal() {
    let oldest = HOSTS[0].facts;
    let plan = planned(&with(oldest, "kill_text_bytes", None)).unwrap();
    assert_eq!(plan.proof, KillProof::Signal);
    assert!(plan.losses(ALL).iter().any(|loss| {
        loss.remedy
            .as_ref()
            .is_some_and(|remedy| remedy.contains("kptr_restrict"))
    }));
}

#[test]
fn only_needed_fields_are_a_reason_to_refuse() {
    for host in HOSTS {
        let gone = |field: &str| {
            let mut text = String::new();
            for line in host.facts.lines() {
                let mut words = line.split(' ');
                if words.next() == Some("field") && words.next() == Some(field) {
                    text.push_str(&format!("absent {field} gone\n"));
                } else {
                    text.push_str(&format!("{line}\n"));
                }
            }
            planned(&text)
        };
        assert_eq!(
            gone("TaskTgid").unwrap_err(),
            Refusal::Fields(vec!["gone".to_owned()])
        );
        let plan = gone("MmArgStart").unwrap();
        assert!(lost(&plan, ALL).contains(&"victim.cmdline".to_owned()));
        let without_btf = with(&with(host.facts, "field", None), "prototype", None);
        let refusal = planned(&format!("{without_btf}btf_unknown no such file\n")).unwrap_err();
        assert_eq!(refusal, Refusal::NoBtf("no such file".to_owned()));
    }
}

//! Plans for made-up hosts.

use super::*;
use crate::kernel::{Capabilities, Namespaces};
use crate::model::Reason;

/// The answers of a kernel that has every field and these prototypes.
fn btf(mark: Vec<Param>, exit: Vec<Param>) -> Resolved {
    Resolved::for_tests(
        |_| Some(8),
        vec![
            ("btf_trace_mark_victim", mark),
            ("btf_trace_sched_process_exit", exit),
        ],
    )
}

fn denied() -> Unavailable {
    Unavailable {
        why: "/sys/kernel/tracing/… may not be read".into(),
        remedy: Some("grant CAP_DAC_READ_SEARCH".into()),
    }
}

fn task() -> Param {
    Param::StructPointer("task_struct".into())
}

fn facts(btf: Resolved) -> Facts {
    Facts {
        release: "test".into(),
        page_size: PageSize(4096),
        cpus: Some(Cpus {
            possible: 2,
            numbers: 2,
        }),
        gfp_flags: Ok(Vec::new()),
        namespaces: Namespaces::default(),
        capabilities: Capabilities {
            bpf: true,
            perfmon: true,
            sys_admin: false,
        },
        btf: Ok(btf),
        mark_victim_record: None,
        kill_text: None,
        kprobes: Some(false),
        lockdown: None,
        cgroup_version: Some(1),
    }
}

#[test]
fn a_recent_kernel_needs_no_hook_on_signals() {
    let plan = plan(&facts(btf(
        vec![task(), Param::Integer(4)],
        vec![task(), Param::Integer(1)],
    )))
    .unwrap();
    assert_eq!(plan.mark, MarkHook::Task);
    assert_eq!(plan.proof, KillProof::StackSymbol);
    assert_eq!(plan.exit, ExitHook::WithMm);
    assert!(plan.rss_percpu);
    // 31 pages on each of two CPUs.
    assert_eq!(plan.rss_error_max, Bytes(31 * 2 * 4096));
}

#[test]
fn an_exit_hook_that_comes_too_late_is_replaced() {
    let plan = plan(&facts(btf(vec![task(), Param::Integer(4)], vec![task()]))).unwrap();
    assert_eq!(plan.exit, ExitHook::SignalDeliver);
}

#[test]
fn without_a_task_the_record_or_tracefs_is_needed() {
    let mut host = facts(btf(vec![Param::Integer(4)], vec![task()]));
    host.mark_victim_record = Some(Err(denied()));
    let refusal = plan(&host).unwrap_err().to_string();
    assert!(
        refusal.contains("may not be read; grant CAP_DAC_READ_SEARCH"),
        "{refusal}"
    );
    let layout = [
        8, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT,
    ];
    host.mark_victim_record = Some(Ok(layout));
    let plan = plan(&host).unwrap();
    assert_eq!(plan.mark, MarkHook::Record(layout));
    assert!(
        plan.losses(Applied::default())
            .unavailable()
            .iter()
            .any(|missing| missing.field == "victim.memory")
    );
}

#[test]
fn proof_falls_back_to_the_range_then_the_signal() {
    let without = Resolved::for_tests(
        |field| (field != KernelField::HelperSnprintf).then_some(8),
        vec![("btf_trace_mark_victim", vec![task()])],
    );
    let mut host = facts(without);
    assert_eq!(plan(&host).unwrap().proof, KillProof::Signal);
    host.kill_text = Some((16, 32));
    assert_eq!(
        plan(&host).unwrap().proof,
        KillProof::StackRange { start: 16, end: 32 }
    );
}

#[test]
fn missing_privileges_fields_and_btf_are_named() {
    let mut host = facts(btf(vec![task()], vec![task()]));
    host.capabilities = Capabilities {
        bpf: false,
        perfmon: true,
        sys_admin: false,
    };
    assert_eq!(
        plan(&host).unwrap_err(),
        Refusal::Capabilities(vec!["CAP_BPF"])
    );
    host.capabilities = Capabilities {
        bpf: false,
        perfmon: false,
        sys_admin: true,
    };
    assert!(plan(&host).is_ok());
    host.btf = Ok(Resolved::for_tests(
        |field| (field != KernelField::TaskMm).then_some(8),
        vec![],
    ));
    assert!(matches!(plan(&host), Err(Refusal::Fields(fields)) if fields.len() == 1));
    host.btf = Err("no BTF here".into());
    assert_eq!(plan(&host).unwrap_err().to_string(), "no BTF here");
}

#[test]
fn what_a_kernel_lacks_is_named_once() {
    let lacking = Resolved::for_tests(
        |field| (!matches!(field, KernelField::MmArgStart | KernelField::MmArgEnd)).then_some(8),
        vec![("btf_trace_mark_victim", vec![task()])],
    );
    let plan = plan(&facts(lacking)).unwrap();
    let losses = plan.losses(Applied::default());
    let unavailable = losses.unavailable();
    let named = unavailable
        .iter()
        .filter(|missing| missing.field == "victim.cmdline");
    assert_eq!(named.count(), 1);
}

#[test]
fn what_is_lost_depends_on_what_could_be_attached() {
    let mut host = facts(btf(vec![Param::Integer(4)], vec![task()]));
    let layout = [
        8, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT,
    ];
    host.mark_victim_record = Some(Ok(layout));
    let plan = plan(&host).unwrap();
    let lost = |applied| {
        plan.losses(applied)
            .unavailable()
            .into_iter()
            .map(|missing| missing.field)
            .collect::<Vec<_>>()
    };
    let nothing = lost(Applied::default());
    assert!(nothing.contains(&"victim.memory".to_owned()));
    assert!(nothing.contains(&"candidates".to_owned()));
    let all = Applied {
        invocations: true,
        marks_by_function: true,
    };
    assert_eq!(lost(all), Vec::<String>::new());
}

#[test]
fn kprobes_come_before_fentry() {
    let mut resolved = btf(vec![task(), Param::Integer(4)], vec![task()]);
    assert_eq!(plan(&facts(resolved.clone())).unwrap().functions, []);
    resolved.add_functions(&[
        ("out_of_memory", 7),
        ("oom_evaluate_task", 8),
        ("__oom_kill_process", 9),
    ]);
    let mut host = facts(resolved);
    let fentry = FunctionHook::Fentry { probe_id: 7 };
    assert_eq!(plan(&host).unwrap().functions, [fentry]);
    host.kprobes = Some(true);
    assert_eq!(
        plan(&host).unwrap().functions,
        [FunctionHook::Kprobe, fentry]
    );
    // An architecture whose registers are not known.
    let mut other = Resolved::for_tests(
        |field| (field != KernelField::RegsFirstArgument).then_some(8),
        vec![("btf_trace_mark_victim", vec![task()])],
    );
    other.add_functions(&[
        ("out_of_memory", 7),
        ("oom_evaluate_task", 8),
        ("__oom_kill_process", 9),
    ]);
    host.btf = Ok(other);
    assert_eq!(plan(&host).unwrap().functions, [fentry]);
}

#[test]
fn processors_are_added_up_where_all_of_them_can_be() {
    let host = || {
        facts(btf(
            vec![task(), Param::Integer(4)],
            vec![task(), Param::Integer(1)],
        ))
    };
    assert_eq!(plan(&host()).unwrap().cpus_summed, 2);
    let mut holes = host();
    holes.cpus = Some(Cpus {
        possible: 2,
        numbers: 3,
    });
    assert_eq!(plan(&holes).unwrap().cpus_summed, 0, "numbers with a hole");
    let mut large = host();
    large.cpus = Some(Cpus {
        possible: CPUS_SUMMED_MAX + 1,
        numbers: CPUS_SUMMED_MAX + 1,
    });
    assert_eq!(plan(&large).unwrap().cpus_summed, 0, "too many to add up");
    let mut old = host();
    old.btf = Ok(Resolved::for_tests(
        |field| (field != KernelField::HelperPercpuElem).then_some(8),
        vec![("btf_trace_mark_victim", vec![task(), Param::Integer(4)])],
    ));
    assert_eq!(plan(&old).unwrap().cpus_summed, 0, "no helper");
}

#[test]
fn an_unreadable_record_leaves_the_function_hook() {
    let mut resolved = btf(vec![Param::Integer(4)], vec![task()]);
    resolved.add_functions(&[
        ("out_of_memory", 7),
        ("oom_evaluate_task", 8),
        ("__oom_kill_process", 9),
        ("mark_oom_victim", 10),
    ]);
    let mut host = facts(resolved);
    host.mark_victim_record = Some(Err(denied()));
    let plan = plan(&host).unwrap();
    assert_eq!(plan.mark, MarkHook::Function);
    let all = Applied {
        invocations: true,
        marks_by_function: true,
    };
    assert!(plan.losses(all).is_empty());
}

#[test]
fn unreadable_flag_names_are_lost_with_their_mask() {
    let mut host = facts(btf(vec![task(), Param::Integer(4)], vec![task()]));
    host.gfp_flags = Err(denied());
    let plan = plan(&host).unwrap();
    assert!(plan.stack_searched);
    let missing = plan.losses(Applied::default()).unavailable();
    let names = missing
        .iter()
        .find(|missing| missing.field == "trigger.gfp_flags")
        .unwrap();
    assert_eq!(names.reason, Reason::NoGfpTable);
    assert!(names.why.as_ref().unwrap().contains("CAP_DAC_READ_SEARCH"));
}

#[test]
fn without_a_memory_controller_no_cgroup_is_claimed() {
    let mut host = facts(btf(vec![task(), Param::Integer(4)], vec![task()]));
    host.cgroup_version = None;
    let plan = plan(&host).unwrap();
    assert!(!plan.cgroup_v1);
    assert_eq!(plan.fields[KernelField::TaskCgroups as usize], ABSENT);
    let missing = plan.losses(Applied::default()).unavailable();
    let cgroup = missing
        .iter()
        .find(|missing| missing.field == "victim.cgroup_path")
        .unwrap();
    assert_eq!(cgroup.reason, Reason::NoMemoryController);
    assert!(
        cgroup
            .why
            .as_ref()
            .unwrap()
            .contains("cgroup_disable=memory")
    );
}

#[test]
fn without_sysfs_the_refusal_says_so() {
    let mut host = facts(btf(vec![task(), Param::Integer(4)], vec![task()]));
    host.cpus = None;
    assert_eq!(plan(&host).unwrap_err(), Refusal::NoCpus);
}

//! Reports of kernels and vendors, each with the facts that its text shows, read by hand.

use serde_json::{Value, json};

use super::*;
use crate::klog::transport::{Transport, TransportSettings};

/// The events of a whole log, through its carrier, as JSON.
fn decoded(log: &str) -> Vec<Value> {
    let mut carrier = Transport::new(TransportSettings::default());
    let mut reports = Reports::new(KlogHost::default());
    let mut out = Vec::new();
    carrier.push(log.as_bytes(), |line| reports.line(&line, &mut out));
    carrier.finish(|line| reports.line(&line, &mut out));
    reports.finish(&mut out);
    out.iter()
        .map(|event| serde_json::to_value(event).unwrap())
        .collect()
}

/// Compares what is at each of the places; `null` is what the text does not show.
fn shows(log: &str, events: &[Value]) {
    let found = decoded(log);
    assert_eq!(found.len(), events.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(events) {
        for (path, value) in expected.as_object().unwrap() {
            let shown = found.pointer(path).unwrap_or(&Value::Null);
            assert_eq!(shown, value, "{path} of {found:#}");
        }
        let unparsed = found.pointer("/report/unparsed");
        assert!(unparsed.is_none(), "{unparsed:#?}");
    }
}

macro_rules! form {
    ($name:literal) => {
        include_str!(concat!("../testdata/forms/", $name, ".log"))
    };
}

const KB: u64 = 1024;

#[test]
fn rhel_6() {
    shows(
        form!("rhel6"),
        &[json!({
            "/event": "oom_kill", "/hostname": "web3",
            "/kernel/release": "2.6.32-754.35.1.el6.x86_64", "/kernel/page_size_bytes": 4096,
            "/trigger/comm": "httpd", "/trigger/tid": 23212, "/trigger/gfp_mask": 0xd0,
            "/trigger/gfp_flags": null, "/trigger/order": 0, "/trigger/oom_score_adj": 0,
            "/incident/scope": "memcg", "/limit/cgroup_path": "/web", "/limit/cgroup_version": 1,
            "/limit/limit_bytes": 65536 * KB, "/limit/usage_bytes": 65536 * KB,
            "/limit/max_events_total": 412, "/limit/memsw_limit_bytes": null,
            "/limit/kmem_usage_bytes": null, "/limit/usage": null,
            "/victim/pid": 23212, "/victim/comm": "httpd", "/victim/uid": 48,
            "/victim/cgroup_path": "/web", "/victim/memory/rss_pages": 14950,
            "/victim/memory/anon_bytes": 58612 * KB, "/victim/memory/file_bytes": 1188 * KB,
            "/victim/memory/shmem_bytes": null, "/victim/memory/virtual_bytes": 235_508 * KB,
            "/report/score": 915, "/candidates_total": 2,
        })],
    );
}

#[test]
fn rhel_7() {
    let pod = "/kubepods/burstable/pod0a1b2c3d-0001-0002-0003-000000000001";
    shows(
        form!("rhel7"),
        &[json!({
            "/kernel/release": "3.10.0-1160.118.1.el7.x86_64", "/trigger/tid": 12044,
            "/trigger/gfp_mask": 0x50, "/trigger/oom_score_adj": 300,
            "/incident/cause": "page_fault", "/limit/cgroup_path": pod,
            "/limit/kmem_usage_bytes": 2044 * KB, "/limit/max_events_total": 9910,
            "/limit/usage/anon_bytes": 129_016 * KB,
            "/limit/usage/page_cache_and_shmem_bytes": 12 * KB,
            "/limit/usage/thp_bytes": 4096 * KB,
            // Chosen was a thread; the process that died is its leader.
            "/victim/pid": 12040, "/report/chosen/pid": 12044, "/victim/uid": 1000,
            "/victim/cgroup_path": format!("{pod}/3f1a"), "/victim/oom_score_adj": 300,
            "/victim/memory/rss_pages": 33012, "/victim/memory/pgtables_bytes": null,
            "/report/score": 1283, "/report/cpuset": "3f1a", "/report/mems_allowed": "0-1",
        })],
    );
}

#[test]
fn debian_10_has_the_old_decision_and_the_new_table() {
    shows(
        form!("debian10"),
        &[json!({
            "/kernel/release": "4.19.0-27-amd64", "/incident/scope": "global",
            "/incident/constraint": null, "/incident/cause": "allocation",
            "/trigger/gfp_flags": ["GFP_HIGHUSER_MOVABLE", "__GFP_ZERO"], "/limit": null,
            "/victim/pid": 612, "/victim/uid": 110, "/victim/cgroup_path": null,
            "/victim/memory/rss_pages": 198_004, "/victim/memory/anon_bytes": 792_016 * KB,
            "/victim/memory/pgtables_bytes": 2_097_152, "/report/score": 781,
            "/report/reaped/0/pid": 612, "/report/mem_info/zones/0/all_unreclaimable": true,
            "/report/mem_info/swap_total_bytes": 0, "/candidates_total": 2,
        })],
    );
}

#[test]
fn rhel_9_with_version_2() {
    let slice = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f_1.slice";
    shows(
        form!("rhel9"),
        &[json!({
            "/hostname": "node9", "/kernel/release": "5.14.0-427.13.1.el9_4.x86_64",
            "/trigger/comm": "worker-3", "/trigger/tid": 40117, "/limit/cgroup_path": slice,
            "/limit/cgroup_version": 2, "/limit/limit_bytes": 524_288 * KB,
            // Swap that is forbidden is a limit of nothing, not none.
            "/limit/swap_limit_bytes": 0, "/limit/swap_usage_bytes": 0,
            "/limit/usage/anon_bytes": 528_457_728, "/limit/usage/page_cache_bytes": 40960,
            "/limit/usage/slab_bytes": 1_900_000, "/limit/usage/page_tables_bytes": 1_622_016,
            "/limit/usage/kernel_stack_bytes": 196_608, "/limit/usage/percpu_bytes": 3072,
            "/victim/pid": 40101, "/victim/comm": "app: main", "/victim/uid": 1_001_240_000,
            "/victim/cgroup_path": format!("{slice}/cri-containerd-77.scope"),
            "/victim/memory/anon_bytes": 515_988 * KB, "/victim/memory/pgtables_bytes": 1_503_232,
            "/victim/oom_score_adj": 936,
        })],
    );
}

#[test]
fn pages_of_16_kib() {
    shows(
        form!("pages16k"),
        &[json!({
            "/kernel/release": "6.6.51+rpt-rpi-2712", "/kernel/page_size_bytes": 16384,
            "/incident/scope": "global", "/incident/constraint": "none",
            "/victim/pid": 1702, "/victim/memory/rss_pages": 40011,
            "/victim/memory/rss_bytes": 40011 * 16 * KB,
            "/victim/memory/swap_bytes": 1000 * 16 * KB,
            "/victim/memory/shmem_bytes": 16 * KB, "/victim/memory/pgtables_bytes": 832 * KB,
            "/candidates/1/rss_bytes": 6000 * 16 * KB, "/report/mem_info/swap_total_bytes": 204_784 * KB,
        })],
    );
}

#[test]
fn a_cpuset_and_a_memory_policy() {
    let facts = |constraint: &str, nodemask: &str, cpuset: &str, nodes: &str| {
        json!({
            "/kernel/release": "5.15.0-105-generic", "/incident/scope": "global",
            "/incident/constraint": constraint, "/limit": null, "/report/nodemask": nodemask,
            "/report/cpuset": cpuset, "/report/mems_allowed": nodes, "/victim/pid": 9001,
            "/victim/memory/anon_bytes": 1_919_996 * KB,
        })
    };
    shows(form!("cpuset"), &[facts("cpuset", "(null)", "batch", "1")]);
    shows(form!("mempolicy"), &[facts("mempolicy", "1", "/", "0-1")]);
}

#[test]
fn a_group_whose_first_victim_is_printed_twice() {
    let common = |pid: u32, index: u32, kind: &str| {
        json!({
            "/victim/pid": pid, "/incident/kill_index": index, "/incident/kill_kind": kind,
            "/incident/group_cgroup_path": "/job.slice", "/limit/cgroup_path": "/job.slice",
            "/limit/swap_limit_bytes": null, "/trigger/uid": 0,
        })
    };
    shows(
        form!("group"),
        &[common(2207, 0, "chosen"), common(2201, 1, "group")],
    );
}

#[test]
fn a_panic_has_no_victim() {
    shows(
        form!("panic"),
        &[json!({
            "/event": "oom_no_victim", "/reason": "panic", "/victim": null,
            "/report/panic": "Out of memory: compulsory panic_on_oom is enabled",
            "/trigger/tid": 1, "/incident/scope": "global",
        })],
    );
}

#[test]
fn a_kill_that_somebody_asked_for() {
    shows(
        form!("sysrq"),
        &[json!({
            "/incident/cause": "sysrq", "/trigger/order": -1, "/trigger/comm": "kworker/1:2",
            "/trigger/tid": 88, "/victim/pid": 500, "/victim/memory/rss_bytes": 20000 * KB,
        })],
    );
}

#[test]
fn kernels_from_7_on() {
    shows(
        form!("v7"),
        &[json!({
            "/kernel/release": "7.2.3", "/trigger/uid": 1000, "/limit/cgroup_version": 2,
            "/limit/swap_limit_bytes": 1024 * KB, "/limit/max_events_total": 31,
            "/limit/usage/anon_bytes": 51_380_224, "/victim/memory/swap_bytes": 256 * 4 * KB,
            "/victim/memory/rss_bytes": 50400 * KB, "/victim/oom_score_adj": 0,
        })],
    );
}

#[test]
fn killers_of_user_space() {
    let app = "/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox.scope";
    shows(
        form!("killers"),
        &[
            json!({"/event": "userspace_oom_kill", "/killer": "systemd-oomd", "/cgroup_path": app,
                "/pid": null}),
            json!({"/killer": "systemd-oomd", "/cgroup_path": "/system.slice/build.service"}),
            json!({"/killer": "earlyoom", "/pid": 4321, "/comm": "Web Content"}),
            json!({"/killer": "oomd", "/cgroup_path": "/workload.slice/job-7.service"}),
        ],
    );
}

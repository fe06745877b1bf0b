//! Events for tests.

use crate::model::*;

pub(crate) const ID: &str = "8e24aabbccddeeff00112233445566778899aabbccddeeff0011223344556677";

pub(crate) fn header(event: EventKind) -> Header {
    Header {
        timestamp: None,
        timestamp_basis: None,
        log_time: None,
        observed_timestamp: None,
        level: Level::Error,
        event,
        schema_version: SCHEMA_VERSION,
        message: String::new(),
        hostname: None,
        event_id: None,
        source: Source::Bpf,
        since_boot_us: None,
        kernel: KernelInfo::default(),
        tracer: TracerInfo::default(),
    }
}

/// A kill of which nothing is known.
pub(crate) fn kill() -> OomKill {
    OomKill {
        header: header(EventKind::OomKill),
        incident: Incident {
            id: String::new(),
            scope: None,
            scope_basis: None,
            constraint: None,
            cause: None,
            kill_kind: None,
            kill_index: 0,
            group_cgroup_path: None,
            chosen: None,
            total_pages: None,
        },
        trigger: None,
        victim: Victim::default(),
        owner: None,
        runtime: None,
        limit: None,
        node_memory: None,
        hierarchy: Vec::new(),
        hierarchy_total: None,
        candidates: Vec::new(),
        candidates_total: None,
        candidates_basis: None,
        candidates_delay_us: None,
        candidates_rss_error_max_bytes: None,
        report: None,
        recurrence: None,
        findings: Vec::new(),
        missing: Vec::new(),
        truncated: Vec::new(),
        lost_records: 0,
    }
}

/// The founding case, with the figures of the design's example.
pub(crate) fn founding_case() -> OomKill {
    let path = format!("/docker/{ID}");
    let bytes = |bytes: u64| Some(Bytes(bytes));
    let mut event = kill();
    event.header.kernel.page_size_bytes = Some(PageSize(4096));
    event.incident.scope = Some(Scope::Memcg);
    event.incident.cause = Some(Cause::Allocation);
    event.incident.kill_kind = Some(KillKind::Chosen);
    event.trigger = Some(Trigger {
        pid: Some(10831),
        tid: Some(10850),
        comm: Some("java".to_owned()),
        ..Trigger::default()
    });
    event.victim = Victim {
        pid: Some(10831),
        tid: Some(10831),
        comm: Some("java".to_owned()),
        cmdline: Some(["java", "-Xmx128m", "Fill"].map(str::to_owned).to_vec()),
        cgroup_path: Some(path.clone()),
        cgroup_id: Some(4711),
        oom_score_adj: Some(0),
        memory: Some(VictimMemory {
            rss_pages: Some(Pages(70106)),
            rss_bytes: bytes(287_154_176),
            anon_bytes: bytes(266_862_592),
            file_bytes: bytes(20_291_584),
            shmem_bytes: bytes(0),
            swap_bytes: bytes(0),
            pgtables_bytes: bytes(749_568),
            virtual_bytes: bytes(2_841_165_824),
            rss_error_max_bytes: bytes(0),
        }),
        ..Victim::default()
    };
    event.owner = Some(Owner {
        kind: OwnerKind::Container,
        engine: Some("docker".to_owned()),
        container_id: Some(ID.to_owned()),
        container_name: Some("web".to_owned()),
        image: Some("app:1".to_owned()),
        namespace: None,
        pod_name: None,
        pod_uid: None,
        pod_qos_class: None,
        unit: None,
        names_basis: None,
    });
    event.runtime = Some(Runtime {
        max_heap_bytes: bytes(134_217_728),
        basis: vec!["-Xmx128m".to_owned()],
        ..Runtime::of(RuntimeKind::Jvm)
    });
    event.limit = Some(LimitHit {
        basis: Some(Basis::Kernel),
        cgroup_path: Some(path.clone()),
        cgroup_id: Some(4711),
        cgroup_version: Some(1),
        counter: Some(LimitedCounter::Memory),
        limit_bytes: bytes(268_435_456),
        usage_bytes: bytes(268_435_456),
        peak_bytes: bytes(268_435_456),
        memsw_limit_bytes: bytes(268_435_456),
        memsw_usage_bytes: bytes(268_435_456),
        kmem_usage_bytes: bytes(1_359_872),
        stat_basis: Some(StatBasis::MemoryStat),
        stat_delay_us: Some(310),
        usage: Some(Usage {
            anon_bytes: bytes(267_063_296),
            page_cache_bytes: bytes(12_288),
            shmem_bytes: bytes(0),
            other_kernel_bytes: bytes(1_359_872),
            unattributed_bytes: bytes(0),
            ..Usage::default()
        }),
        ..LimitHit::default()
    });
    event.hierarchy = [path.as_str(), "/docker", "/"]
        .map(|path| CgroupLevel {
            cgroup_path: Some(path.to_owned()),
            ..CgroupLevel::default()
        })
        .to_vec();
    event
}

//! Sample events: the founding case, and what a hostile or huge host would send.

use crate::model::{
    Basis, Bytes, Candidate, Cause, CgroupLevel, Constraint, Event, EventKind, Evidence, Finding,
    Gap, Header, Incident, KernelInfo, KillKind, Level, LimitHit, LimitedCounter, Missing, OomKill,
    OomNoVictim, OomOutcome, Owner, OwnerKind, PageSize, Pages, Runtime, RuntimeKind,
    SCHEMA_VERSION, Scope, Source, StatBasis, TracerInfo, Trigger, Unit, Usage, UserspaceOomKill,
    Victim, VictimMemory,
};

const BOOT_ID: &str = "5f1c9a2e-7b1d-4c55-9a53-0c8a4d1be2f7";
const CONTAINER: &str = "8e24c1f2a3b4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e";

pub(crate) fn header(event: EventKind, level: Level, message: &str) -> Header {
    Header {
        timestamp: Some("2026-11-23T15:25:59.551893123Z".to_owned()),
        timestamp_basis: Some("kernel_clock".to_owned()),
        observed_timestamp: Some("2026-11-23T15:25:59.552104Z".to_owned()),
        level,
        event,
        schema_version: SCHEMA_VERSION,
        message: message.to_owned(),
        hostname: Some("n1".to_owned()),
        event_id: Some(format!("{BOOT_ID}:1241551893:10831")),
        source: Source::Bpf,
        since_boot_us: Some(1_241_551_893),
        kernel: KernelInfo {
            release: Some("6.18.44".to_owned()),
            boot_id: Some(BOOT_ID.to_owned()),
            page_size_bytes: Some(PageSize(4096)),
        },
        tracer: TracerInfo {
            version: "0.1.0".to_owned(),
        },
    }
}

fn path() -> String {
    format!("/docker/{CONTAINER}")
}

fn bytes(value: u64) -> Option<Bytes> {
    Some(Bytes(value))
}

pub(crate) fn victim() -> Victim {
    Victim {
        pid: Some(10831),
        tid: Some(10831),
        ns_pid: Some(1),
        comm: Some("java".to_owned()),
        cmdline: Some(
            [
                "java",
                "-Xmx128m",
                "-XX:MaxDirectMemorySize=512m",
                "-cp",
                "/app/lib/fill.jar:/app/lib/netty-all-4.1.112.Final.jar:/app/conf",
                "com.example.Fill",
                "--direct",
                "300m",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        uid: Some(0),
        parent_pid: Some(10810),
        parent_comm: Some("containerd-shim".to_owned()),
        start_timestamp: Some("2026-11-23T15:25:18.211893123Z".to_owned()),
        start_since_boot_us: Some(1_200_211_893),
        threads: Some(23),
        cgroup_path: Some(path()),
        cgroup_id: Some(4711),
        oom_score_adj: Some(0),
        badness_pages: Some(70_289),
        memory: Some(VictimMemory {
            rss_pages: Some(Pages(70_106)),
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
    }
}

pub(crate) fn limit() -> LimitHit {
    LimitHit {
        basis: Some(Basis::OomLock),
        cgroup_path: Some(path()),
        cgroup_id: Some(4711),
        cgroup_version: Some(1),
        counter: Some(LimitedCounter::Memory),
        limit_bytes: bytes(268_435_456),
        usage_bytes: bytes(268_435_456),
        peak_bytes: bytes(268_435_456),
        memsw_limit_bytes: bytes(268_435_456),
        memsw_usage_bytes: bytes(268_435_456),
        oom_group: Some(false),
        max_events_total: Some(1203),
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
    }
}

/// A JVM with a heap cap of 128 MiB in a container with a limit of 256 MiB.
pub(crate) fn founding() -> OomKill {
    OomKill {
        header: header(
            EventKind::OomKill,
            Level::Error,
            "java (pid 10831) was killed: container web reached its 256 MiB limit; 255 MiB of it \
             was java's anonymous memory, its heap is capped at 128 MiB",
        ),
        incident: Incident {
            id: format!("{BOOT_ID}:1241551893"),
            scope: Some(Scope::Memcg),
            scope_basis: Some(Basis::OomLock),
            constraint: Some(Constraint::Memcg),
            cause: Some(Cause::Allocation),
            kill_kind: Some(KillKind::Chosen),
            kill_index: 0,
            group_cgroup_path: None,
            totalpages_pages: Some(Pages(65_536)),
        },
        trigger: Some(Trigger {
            pid: Some(10831),
            tid: Some(10850),
            comm: Some("java".to_owned()),
            uid: Some(0),
            cgroup_path: Some(path()),
            cgroup_id: Some(4711),
            gfp_mask: Some(3264),
            gfp_flags: vec!["GFP_KERNEL".to_owned()],
            order: Some(0),
            ..Trigger::default()
        }),
        victim: victim(),
        owner: Some(Owner {
            kind: OwnerKind::Container,
            runtime: Some("docker".to_owned()),
            container_id: Some(CONTAINER.to_owned()),
            container_name: Some("web".to_owned()),
            image: Some("eclipse-temurin:17-jre".to_owned()),
            namespace: None,
            pod_name: None,
            pod_uid: None,
            unit: None,
            names_from: Some("/var/lib/docker/containers".to_owned()),
        }),
        runtime: Some(Runtime {
            kind: RuntimeKind::Jvm,
            max_heap_bytes: bytes(134_217_728),
            max_ram_percent: None,
            max_direct_bytes: bytes(536_870_912),
            max_metaspace_bytes: None,
            thread_stack_bytes: None,
            from: vec![
                "-Xmx128m".to_owned(),
                "-XX:MaxDirectMemorySize=512m".to_owned(),
            ],
        }),
        limit: Some(limit()),
        node_memory: None,
        hierarchy: vec![
            CgroupLevel {
                cgroup_path: Some(path()),
                cgroup_id: Some(4711),
                limit_bytes: bytes(268_435_456),
                usage_bytes: bytes(268_435_456),
                oom_lock: Some(true),
                ..CgroupLevel::default()
            },
            CgroupLevel {
                cgroup_path: Some("/docker".to_owned()),
                cgroup_id: Some(35),
                usage_bytes: bytes(270_966_784),
                ..CgroupLevel::default()
            },
            CgroupLevel {
                cgroup_path: Some("/".to_owned()),
                cgroup_id: Some(1),
                ..CgroupLevel::default()
            },
        ],
        hierarchy_total: Some(3),
        candidates: vec![Candidate {
            pid: 10831,
            comm: Some("java".to_owned()),
            rss_bytes: bytes(287_154_176),
            rss_pages: Some(Pages(70_106)),
            badness_pages: Some(70_289),
            oom_score_adj: Some(0),
            ..Candidate::default()
        }],
        candidates_total: Some(1),
        findings: findings(),
        missing: vec![Missing {
            field: "victim.exe".to_owned(),
            reason: "mm_gone".to_owned(),
            why: Some("the victim's memory was gone when it was looked for".to_owned()),
        }],
        truncated: Vec::new(),
        lost_records: 0,
    }
}

fn findings() -> Vec<Finding> {
    vec![
        Finding {
            code: "heap_cap_is_not_process_cap".to_owned(),
            text: "-Xmx128m caps the Java heap only. Direct buffers, metaspace, thread stacks and \
                   the JVM itself come on top: leave room for them in the container's limit, or \
                   cap them (-XX:MaxDirectMemorySize is 512 MiB here, twice the limit)."
                .to_owned(),
            evidence: vec![Evidence {
                name: "max_heap".to_owned(),
                value: 134_217_728,
                unit: Unit::Bytes,
            }],
        },
        Finding {
            code: "nothing_to_reclaim".to_owned(),
            text: "Only 12 KiB of page cache were left to drop and swap was not allowed, so the \
                   kernel had nothing to give but a process."
                .to_owned(),
            evidence: Vec::new(),
        },
    ]
}

/// A kill with everything a process may choose chosen badly.
pub(crate) fn hostile() -> OomKill {
    let evil = "a\n15:26:01 b\x1b[2J\u{202e}\u{2028}\u{9b}1m";
    let mut event = founding();
    event.header.message = format!("{evil} (pid 1) was killed");
    event.victim.comm = Some(evil.to_owned());
    event.victim.parent_comm = Some(evil.to_owned());
    event.victim.cmdline = Some(vec![evil.to_owned(), String::new(), "a b'c".to_owned()]);
    event.victim.cgroup_path = Some(format!("/{evil}"));
    if let Some(trigger) = &mut event.trigger {
        trigger.pid = Some(7);
        trigger.comm = Some(evil.to_owned());
        trigger.cgroup_path = Some(format!("/{evil}"));
        trigger.gfp_flags = vec![evil.to_owned()];
    }
    if let Some(limit) = &mut event.limit {
        limit.cgroup_path = Some(format!("/{evil}"));
    }
    for level in &mut event.hierarchy {
        level.cgroup_path = Some(format!("/{evil}"));
    }
    event.owner = Some(Owner {
        container_name: Some(evil.to_owned()),
        image: Some(evil.to_owned()),
        runtime: Some(evil.to_owned()),
        container_id: Some(evil.to_owned()),
        namespace: Some(evil.to_owned()),
        pod_name: Some(evil.to_owned()),
        pod_uid: Some(evil.to_owned()),
        unit: Some(evil.to_owned()),
        names_from: Some(evil.to_owned()),
        kind: OwnerKind::Pod,
    });
    for finding in &mut event.findings {
        finding.text = evil.to_owned();
        finding.code = evil.to_owned();
    }
    for missing in &mut event.missing {
        missing.field = evil.to_owned();
        missing.why = Some(evil.to_owned());
        missing.reason = evil.to_owned();
    }
    event.incident.id = evil.to_owned();
    event.incident.group_cgroup_path = Some(evil.to_owned());
    event.header.event_id = Some(evil.to_owned());
    event.truncated = vec![evil.to_owned()];
    event.candidates.push(Candidate {
        pid: 3,
        comm: Some(evil.to_owned()),
        ..Candidate::default()
    });
    event
}

/// A kill far too long for one line: deep names, many candidates, a long command line.
pub(crate) fn huge(component_bytes: usize, depth: usize, candidates: u32) -> OomKill {
    let mut event = founding();
    let component = format!("/{}", "n".repeat(component_bytes));
    event.hierarchy = (0..=depth)
        .rev()
        .map(|level| CgroupLevel {
            cgroup_path: Some(match level {
                0 => "/".to_owned(),
                level => component.repeat(level),
            }),
            cgroup_id: Some(level as u64),
            usage_bytes: bytes(1 << 30),
            ..CgroupLevel::default()
        })
        .collect();
    event.hierarchy_total = None;
    event.victim.cgroup_path = Some(component.repeat(depth));
    if let Some(limit) = &mut event.limit {
        limit.cgroup_path = Some(component.repeat(depth / 2));
    }
    if let Some(trigger) = &mut event.trigger {
        trigger.cgroup_path = Some(component.repeat(depth));
    }
    event.candidates = (0..candidates)
        .map(|pid| Candidate {
            pid,
            comm: Some("worker".to_owned()),
            badness_pages: Some(i64::from(candidates - pid)),
            ..Candidate::default()
        })
        .collect();
    event.candidates_total = None;
    event.victim.cmdline = Some(vec!["--an-argument=of-some-length".to_owned(); 100]);
    event
}

pub(crate) fn outcome() -> OomOutcome {
    OomOutcome {
        header: header(EventKind::OomOutcome, Level::Info, ""),
        incident_id: format!("{BOOT_ID}:1241551893"),
        kill_event_id: Some(format!("{BOOT_ID}:1241551893:10831")),
        pid: 10831,
        comm: Some("java".to_owned()),
        comm_hex: None,
        exit_latency_us: Some(38_417),
        exit_signal: Some(9),
        cmdline: None,
    }
}

/// One event of each kind.
pub(crate) fn all() -> Vec<Event> {
    vec![
        Event::OomKill(Box::new(founding())),
        Event::OomOutcome(Box::new(outcome())),
        Event::OomNoVictim(Box::new(OomNoVictim {
            header: header(EventKind::OomNoVictim, Level::Warn, ""),
            trigger: founding().trigger,
            limit: Some(limit()),
        })),
        Event::Gap(Box::new(Gap {
            header: header(EventKind::Gap, Level::Warn, ""),
            kills_missed_min: 1,
            kills_missed_max: 3,
            reason: "ring_full".to_owned(),
            victims: vec![victim()],
        })),
        Event::UserspaceOomKill(Box::new(UserspaceOomKill {
            header: header(EventKind::UserspaceOomKill, Level::Error, ""),
            killer: "systemd-oomd".to_owned(),
            pid: None,
            comm: None,
            cgroup_path: Some("/user.slice/app.scope".to_owned()),
        })),
    ]
}

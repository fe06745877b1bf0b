//! `oomtrace check`: what this host offers, what would be used, and what events would lack.

use std::fmt::Display;

use serde::Serialize;
use serde_with_macros::skip_serializing_none;

use super::kmsg;
use super::log_error::KMSG;
use crate::enrich::{EngineState, Enricher};
use crate::kernel::{Facts, Hook, KillProof, Loss, Namespaces, Plan, Refusal, When};
use crate::loader::{LoadError, Probe};
use crate::model::Reason;
use crate::process;

/// Whether this host can be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It can, and nothing is missing.
    CanTrace,
    /// It can, but events would lack something.
    CanTracePartly,
    /// It cannot.
    CannotTrace,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    value: String,
}

/// Fields that events would lack here.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
struct MissingFields {
    fields: Vec<&'static str>,
    what: &'static str,
    reason: Option<Reason>,
    why: String,
    remedy: Option<String>,
    /// Victims that this is true of; absent for all.
    only: Option<&'static str>,
}

/// All that the check found.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub(super) struct Report {
    verdict: Verdict,
    /// Why it cannot trace, and what would help.
    refusal: Option<String>,
    host: Vec<Row>,
    missing: Vec<MissingFields>,
}

impl Report {
    /// Whether this host can be traced.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &dyn Display| {
            text.push_str(&format!("{name:LABEL_WIDTH$}  {value}\n"));
        };
        for Row { name, value } in &self.host {
            line(name, value);
        }
        for missing in &self.missing {
            line("missing", &missing.text());
        }
        let verdict = match (&self.refusal, self.verdict) {
            (Some(refusal), _) => format!("cannot trace: {refusal}"),
            (None, Verdict::CanTrace) => "can trace".to_owned(),
            (None, _) => "can trace, without what is missing above".to_owned(),
        };
        line("verdict", &verdict);
        text
    }

    fn row(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        self.host.push(Row { name, value });
    }

    fn lost(&mut self, loss: &Loss, only: Option<&'static str>) {
        self.missing.push(MissingFields {
            fields: loss.fields.to_vec(),
            what: loss.what,
            reason: loss.reason,
            why: loss.why.clone(),
            remedy: loss.remedy.clone(),
            only,
        });
    }

    fn refused(mut self, refusal: String) -> Self {
        self.verdict = Verdict::CannotTrace;
        self.refusal = Some(refusal);
        self
    }
}

impl MissingFields {
    fn text(&self) -> String {
        let mut text = self.what.to_owned();
        if let Some(only) = self.only.filter(|only| !text.ends_with(only)) {
            text.push_str(&format!(", of {only}"));
        }
        if !self.fields.is_empty() {
            text.push_str(&format!(" ({})", self.fields.join(", ")));
        }
        text.push_str(&format!(": {}", self.why));
        if let Some(remedy) = &self.remedy {
            text.push_str(&format!("; {remedy}"));
        }
        text
    }
}

/// Looks at this host, and attaches the probe for a moment.
pub(super) fn check(
    facts: &Facts,
    plan: &Result<Plan, Refusal>,
    enricher: &Enricher,
    engines: &[EngineState],
) -> Report {
    let mut report = Report {
        verdict: Verdict::CanTrace,
        refusal: None,
        host: Vec::new(),
        missing: Vec::new(),
    };
    report.row("kernel", &facts.release);
    report.row("page size", format!("{} bytes", facts.page_size.0));
    let btf = facts.btf.as_ref();
    report.row(
        "BTF",
        btf.map_or_else(Clone::clone, |_| "/sys/kernel/btf/vmlinux".to_owned()),
    );
    report.row(
        "memory cgroup",
        match facts.cgroup_version {
            Some(version) => format!("v{version}"),
            None => "disabled (cgroup_disable=memory)".to_owned(),
        },
    );
    report.row("cgroup files", cgroup_files(enricher));
    report.row(
        "tracefs",
        facts.gfp_flags.as_ref().map_or_else(
            |no| format!("not readable: {}", no.why),
            |_| "readable".to_owned(),
        ),
    );
    report.row(
        "container state",
        container_state(engines, &facts.namespaces),
    );
    report.row("pid namespace", pid_namespace(&facts.namespaces));
    report.row(
        "cgroup namespace",
        namespace(facts.namespaces.cgroup_is_initial),
    );
    report.row(
        "lockdown",
        facts.lockdown.map_or_else(
            || "unknown: this kernel has none, or securityfs is not mounted".to_owned(),
            |level| level.to_string(),
        ),
    );
    report.row(
        "kernel log",
        match kmsg::file() {
            Ok(_) => format!("{KMSG}, for --backfill and --source klog"),
            Err(why) => format!("not for --backfill and --source klog: {why}"),
        },
    );
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => return report.refused(refusal.to_string()),
    };
    hooks(&mut report, plan);
    let applied = match Probe::start(plan, 0, || {}) {
        Ok(probe) => {
            let bytes: u64 = probe.map_memory().iter().map(|map| map.bytes).sum();
            let hooks = probe.hooks();
            report.row(
                "attached",
                format!("{hooks} hooks, {bytes} bytes of BPF maps; detached again"),
            );
            probe.applied()
        }
        Err(error) => return report.refused(explained(&error)),
    };
    report.row(
        "invocations",
        if applied.invocations {
            let mut functions: Vec<&str> = plan
                .hooks()
                .filter(|hook| hook.when == When::Functions && hook.lack.is_some())
                .filter_map(|hook| hook.attach.function())
                .collect();
            functions.dedup();
            format!("hooks on {}", functions.join(" and "))
        } else if plan.stack_searched {
            "neither kprobes nor fentry on this kernel: oom_control from the trigger's kernel stack"
                .to_owned()
        } else {
            "not seen: this kernel lets neither kprobes nor fentry onto its functions".to_owned()
        },
    );
    for loss in plan.losses(applied).iter() {
        report.lost(loss, None);
    }
    lost_files(&mut report, facts, enricher, engines);
    if !report.missing.is_empty() {
        report.verdict = Verdict::CanTracePartly;
    }
    report
}

/// How kills would be seen.
fn hooks(report: &mut Report, plan: &Plan) {
    let row = |is_wanted: fn(&Hook) -> bool| {
        let wanted = plan.hooks().filter(|hook| is_wanted(hook));
        let mut hooks: Vec<String> = wanted.map(Hook::to_string).collect();
        hooks.dedup();
        hooks.join("; ")
    };
    report.row("marks", row(Hook::reports_marks));
    report.row(
        "proof of a kill",
        match plan.proof {
            KillProof::StackSymbol => "__oom_kill_process on the kernel stack, by symbol",
            KillProof::StackRange { .. } => "__oom_kill_process on the kernel stack, by address",
            KillProof::Signal => "its SIGKILL, by raw tracepoint signal_generate",
        },
    );
    report.row(
        "victims",
        row(|hook| matches!(hook.when, When::Always | When::LateExit)),
    );
    report.row(
        "RSS figures",
        if plan.cpus_summed != 0 {
            "per-CPU counters, added up over all processors".to_owned()
        } else if plan.rss_percpu {
            let bytes = plan.rss_error_max.0;
            format!("per-CPU counters, each off by at most {bytes} bytes")
        } else {
            "plain counters".to_owned()
        },
    );
}

/// What is lost because user space cannot read files.
fn lost_files(report: &mut Report, facts: &Facts, enricher: &Enricher, engines: &[EngineState]) {
    if let (Some(problem), Some(_)) = (enricher.problem(), facts.cgroup_version) {
        report.lost(
            &Loss {
                what: "what filled the cgroup",
                fields: &["limit.usage"],
                reason: Some(Reason::NoCgroupfs),
                why: problem.to_string(),
                remedy: None,
            },
            None,
        );
    }
    if let Some(part) = enricher.cgroups_below() {
        report.lost(
            &Loss {
                what: "what filled the cgroup",
                fields: &["limit.usage"],
                reason: Some(Reason::CgroupOutsideMount),
                why: format!("only the part of the cgroup hierarchy below {part} is mounted"),
                remedy: Some(
                    "in a container, give it the host's \
                     (--volume /sys/fs/cgroup:/sys/fs/cgroup:ro)"
                        .to_owned(),
                ),
            },
            Some("cgroups outside of the mounted part"),
        );
    }
    if engines.is_empty() && facts.namespaces.pid_is_initial == Some(false) {
        report.lost(
            &Loss {
                what: "names of containers",
                fields: CONTAINER_NAMES,
                reason: Some(Reason::NotFound),
                why: "no container engine's state is visible here".to_owned(),
                remedy: Some(
                    "in a container, give it the engine's \
                     (--volume /var/lib/docker:/var/lib/docker:ro)"
                        .to_owned(),
                ),
            },
            Some("containers"),
        );
    }
    for engine in engines.iter().filter(|engine| !engine.is_readable) {
        report.lost(
            &Loss {
                what: "names of containers",
                fields: CONTAINER_NAMES,
                reason: Some(Reason::Unreadable),
                why: format!(
                    "{}, the state of {}, may not be read",
                    engine.root.display(),
                    engine.name
                ),
                remedy: Some("grant CAP_DAC_READ_SEARCH".to_owned()),
            },
            Some("containers"),
        );
    }
}

fn cgroup_files(enricher: &Enricher) -> String {
    match (enricher.cgroup_root(), enricher.problem()) {
        (Some(root), _) => root.display().to_string(),
        (None, Some(problem)) => format!("not visible: {problem}"),
        (None, None) => "not visible".to_owned(),
    }
}

fn container_state(engines: &[EngineState], namespaces: &Namespaces) -> String {
    let all: Vec<String> = engines
        .iter()
        .map(|engine| {
            let not = if engine.is_readable { "" } else { "not " };
            format!("{} {not}readable", engine.root.display())
        })
        .collect();
    match (all.is_empty(), namespaces.pid_is_initial) {
        (false, _) => all.join(", "),
        (true, Some(false)) => "none visible".to_owned(),
        (true, _) => "none: no container engine is known here".to_owned(),
    }
}

fn pid_namespace(namespaces: &Namespaces) -> String {
    match namespaces.pid_is_initial {
        Some(false) => "not the host's: events hold the host's pids; surviving processes and a \
             JVM's counters are not read (docker run --pid host)"
            .to_owned(),
        is_initial => namespace(is_initial),
    }
}

fn namespace(is_initial: Option<bool>) -> String {
    match is_initial {
        Some(true) => "the host's",
        Some(false) => "not the host's",
        None => "unknown: /proc/self/ns is not readable",
    }
    .to_owned()
}

/// The error with its causes, and what helps against it where that is known.
pub(super) fn explained(error: &LoadError) -> String {
    let remedy = match error.errno() {
        Some(libc::EPERM | libc::EACCES) => format!(
            "this needs CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), in the initial \
             user namespace{}",
            process::locked_memory_remedy()
        ),
        Some(libc::ENOMEM) => {
            let cgroup = process::memory_cgroup();
            let of = cgroup.map_or_else(String::new, |cgroup| format!(" {cgroup}"));
            format!(
                "the memory cgroup of oomtrace{of} has no room for it; raise its limit to 16 MiB \
                 or more (docker run --memory, MemoryMax=)"
            )
        }
        _ => return error.chain(),
    };
    format!("{}; {remedy}", error.chain())
}

/// What only an engine says of its containers.
const CONTAINER_NAMES: &[&str] = &[
    "owner.container_name",
    "owner.image",
    "owner.pod_name",
    "owner.namespace",
];

/// Columns of the labels.
const LABEL_WIDTH: usize = 16;

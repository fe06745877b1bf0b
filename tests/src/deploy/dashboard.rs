//! The Grafana dashboard: one table of panels, from which `cargo xtask codegen` writes
//! `deploy/observability/grafana-dashboard.json` and whose every expression a test executes.

use serde_json::{Value, json};

/// How a panel shows its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One large number for each series.
    Stat,
    /// Lines over time.
    Graph,
    /// The newest value of each series, in rows.
    Table,
}

/// A panel.
struct Panel {
    title: &'static str,
    /// Shown where the pointer rests on the title.
    about: &'static str,
    kind: Kind,
    /// Grafana's name of the unit.
    unit: &'static str,
    /// Columns of Grafana's 24.
    width: u64,
    /// Expressions, each with the text of its legend.
    queries: &'static [(&'static str, &'static str)],
}

/// A row of panels under a title.
struct Row {
    title: &'static str,
    height: u64,
    panels: &'static [Panel],
}

const ROWS: &[Row] = &[
    Row {
        title: "Kills",
        height: 5,
        panels: &[
            Panel {
                title: "OOM kills",
                about: "Kills in the time shown that were captured.",
                kind: Kind::Stat,
                unit: "none",
                width: 5,
                queries: &[(
                    r#"round(sum(increase(oomtrace_oom_kills_total{instance=~"$instance"}[$__range])))"#,
                    "kills",
                )],
            },
            Panel {
                title: "of the node itself",
                about: "Kills in the time shown that no cgroup's limit caused: the node ran out of memory.",
                kind: Kind::Stat,
                unit: "none",
                width: 5,
                queries: &[(
                    r#"round(sum(increase(oomtrace_oom_kills_total{instance=~"$instance",scope="global"}[$__range])))"#,
                    "kills",
                )],
            },
            Panel {
                title: "Missed, at most",
                about: "Kills in the time shown that the kernel may have counted and oomtrace has no event of.",
                kind: Kind::Stat,
                unit: "none",
                width: 5,
                queries: &[(
                    r#"round(sum(increase(oomtrace_missed_kills_total{instance=~"$instance",bound="upper"}[$__range])))"#,
                    "kills",
                )],
            },
            Panel {
                title: "Hosts",
                about: "Daemons that see every kill, and daemons that answer.",
                kind: Kind::Stat,
                unit: "none",
                width: 5,
                queries: &[
                    (
                        r#"sum(oomtrace_capturing{instance=~"$instance"})"#,
                        "capturing",
                    ),
                    (
                        r#"count(oomtrace_build_info{instance=~"$instance"})"#,
                        "answering",
                    ),
                ],
            },
            Panel {
                title: "Alerts",
                about: "Alerts of the rules beside this dashboard that fire now.",
                kind: Kind::Stat,
                unit: "none",
                width: 4,
                queries: &[(
                    r#"count by (alertname) (ALERTS{alertname=~"OomKill.*|Oomtrace.*",alertstate="firing"})"#,
                    "{{alertname}}",
                )],
            },
        ],
    },
    Row {
        title: "Who dies",
        height: 9,
        panels: &[
            Panel {
                title: "Kills by scope",
                about: "Kills as they come: by a cgroup's limit (memcg), or of the node (global).",
                kind: Kind::Graph,
                unit: "none",
                width: 12,
                queries: &[(
                    r#"sum by (scope) (increase(oomtrace_oom_kills_total{instance=~"$instance"}[$__rate_interval]))"#,
                    "{{scope}}",
                )],
            },
            Panel {
                title: "Owners that die most",
                about: "Kills by owner since each daemon was started; the owner is the container, pod, unit or user of the victim.",
                kind: Kind::Table,
                unit: "none",
                width: 12,
                queries: &[(
                    r#"topk(20, sum by (kind, owner) (oomtrace_owner_oom_kills_total{instance=~"$instance"}))"#,
                    "{{kind}} {{owner}}",
                )],
            },
            Panel {
                title: "Hosts with most kills",
                about: "Kills in the last 24 hours, by host.",
                kind: Kind::Table,
                unit: "none",
                width: 12,
                queries: &[(
                    r#"topk(20, round(sum by (instance) (increase(oomtrace_oom_kills_total{instance=~"$instance"}[1d]))))"#,
                    "{{instance}}",
                )],
            },
            Panel {
                title: "Repeated kills, 10 minutes",
                about: "Owners killed within the last ten minutes, the first kill included (recording rule).",
                kind: Kind::Graph,
                unit: "none",
                width: 12,
                queries: &[(
                    r#"instance_owner:oomtrace_oom_kills:increase10m{instance=~"$instance"} > 0"#,
                    "{{owner}} on {{instance}}",
                )],
            },
        ],
    },
    Row {
        title: "Whether every kill is seen",
        height: 7,
        panels: &[
            Panel {
                title: "The kernel's own count",
                about: "Kills since boot, by the kernel. It grows in step with the events, or oomtrace reports a gap.",
                kind: Kind::Graph,
                unit: "none",
                width: 12,
                queries: &[(
                    r#"oomtrace_kernel_oom_kills{instance=~"$instance"}"#,
                    "{{instance}}",
                )],
            },
            Panel {
                title: "Missed kills",
                about: "Since the start of each daemon: at least (lower) and at most (upper).",
                kind: Kind::Graph,
                unit: "none",
                width: 6,
                queries: &[(
                    r#"sum by (bound) (oomtrace_missed_kills_total{instance=~"$instance"})"#,
                    "{{bound}}",
                )],
            },
            Panel {
                title: "Versions",
                about: "Daemons by version.",
                kind: Kind::Table,
                unit: "none",
                width: 6,
                queries: &[(
                    r#"count by (version) (oomtrace_build_info{instance=~"$instance"})"#,
                    "{{version}}",
                )],
            },
        ],
    },
    Row {
        title: "Delivery",
        height: 7,
        panels: &[
            Panel {
                title: "Waiting",
                about: "Stored events that wait for each sink.",
                kind: Kind::Graph,
                unit: "none",
                width: 8,
                queries: &[(
                    r#"sum by (sink) (oomtrace_sink_queue_events{instance=~"$instance"})"#,
                    "{{sink}}",
                )],
            },
            Panel {
                title: "Delivered, failed, lost",
                about: "Events delivered, attempts that failed, events that a sink will never get.",
                kind: Kind::Graph,
                unit: "none",
                width: 8,
                queries: &[
                    (
                        r#"sum by (sink) (increase(oomtrace_sink_delivered_events_total{instance=~"$instance"}[$__rate_interval]))"#,
                        "{{sink}} delivered",
                    ),
                    (
                        r#"sum by (sink) (increase(oomtrace_sink_errors_total{instance=~"$instance"}[$__rate_interval]))"#,
                        "{{sink}} failed",
                    ),
                    (
                        r#"sum by (sink) (increase(oomtrace_sink_dropped_events_total{instance=~"$instance"}[$__rate_interval]))"#,
                        "{{sink}} lost",
                    ),
                ],
            },
            Panel {
                title: "Since the last success",
                about: "How long ago a receiver last took something. Without kills this grows, and nothing is wrong.",
                kind: Kind::Graph,
                unit: "s",
                width: 8,
                queries: &[(
                    r#"max by (sink) (time() - oomtrace_sink_last_success_timestamp_seconds{instance=~"$instance"})"#,
                    "{{sink}}",
                )],
            },
            Panel {
                title: "Store",
                about: "Events stored, removed by age or for newer ones, and failures to store.",
                kind: Kind::Graph,
                unit: "none",
                width: 24,
                queries: &[
                    (
                        r#"sum(increase(oomtrace_store_events_total{instance=~"$instance"}[$__rate_interval]))"#,
                        "stored",
                    ),
                    (
                        r#"sum(increase(oomtrace_store_removed_events_total{instance=~"$instance"}[$__rate_interval]))"#,
                        "removed",
                    ),
                    (
                        r#"sum(increase(oomtrace_store_errors_total{instance=~"$instance"}[$__rate_interval]))"#,
                        "failed",
                    ),
                ],
            },
        ],
    },
];

/// Every expression of the dashboard, as Prometheus takes it: Grafana's variables replaced by what
/// they could be.
#[must_use]
pub fn expressions() -> Vec<String> {
    let panels = ROWS.iter().flat_map(|row| row.panels);
    panels
        .flat_map(|panel| panel.queries)
        .map(|(expression, _)| {
            expression
                .replace("$instance", ".*")
                .replace("$__range", "1h")
                .replace("$__rate_interval", "1m")
        })
        .collect()
}

/// The dashboard as Grafana imports it.
#[must_use]
pub fn dashboard() -> Value {
    let mut panels = Vec::new();
    let mut top = 0;
    for row in ROWS {
        panels.push(json!({
            "id": panels.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
        }));
        top += 1;
        let mut left = 0;
        for panel in row.panels {
            if left + panel.width > 24 {
                left = 0;
                top += row.height;
            }
            let place = json!({"x": left, "y": top, "w": panel.width, "h": row.height});
            panels.push(shown(panel, panels.len() + 1, &place));
            left += panel.width;
        }
        top += row.height;
    }
    json!({
        "uid": "oomtrace",
        "title": "oomtrace: OOM kills",
        "description": "Generated by `cargo xtask codegen` from tests/src/deploy/dashboard.rs.",
        "tags": ["oomtrace", "memory"],
        "schemaVersion": 39,
        "editable": true,
        "timezone": "browser",
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [
            {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
            {
                "name": "instance", "label": "Host", "type": "query",
                "datasource": datasource(),
                "query": {"query": "label_values(oomtrace_build_info, instance)", "refId": "instance"},
                "refresh": 2, "sort": 1, "multi": true, "includeAll": true, "allValue": ".*",
                "current": {"text": "All", "value": "$__all"},
            },
        ]},
        "annotations": {"list": []},
        "panels": panels,
    })
}

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn shown(panel: &Panel, id: usize, place: &Value) -> Value {
    let is_table = panel.kind == Kind::Table;
    let targets: Vec<Value> = panel
        .queries
        .iter()
        .zip('A'..)
        .map(|((expression, legend), letter)| {
            json!({
                "refId": letter.to_string(), "datasource": datasource(),
                "expr": expression, "legendFormat": legend,
                "instant": is_table, "range": !is_table, "format": if is_table { "table" } else { "time_series" },
            })
        })
        .collect();
    let (kind, options) = match panel.kind {
        Kind::Stat => (
            "stat",
            json!({
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
                "textMode": "auto", "colorMode": "value", "graphMode": "none",
            }),
        ),
        Kind::Graph => (
            "timeseries",
            json!({
                "legend": {"displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
        ),
        Kind::Table => ("table", json!({"showHeader": true})),
    };
    let mut value = json!({
        "id": id, "type": kind, "title": panel.title, "description": panel.about,
        "datasource": datasource(), "gridPos": place, "targets": targets, "options": options,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
    });
    if is_table && let Some(map) = value.as_object_mut() {
        map.insert(
            "transformations".to_owned(),
            json!([{"id": "organize", "options": {"excludeByName": {"Time": true}}}]),
        );
    }
    value
}

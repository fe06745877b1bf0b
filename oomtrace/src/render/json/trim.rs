//! Lines held at a length, least important first: lists of the kernel's own report, candidates, the middle of the hierarchy, the
//! tail of the command line, the findings' text; never victim, limit or incident. `truncated` names
//! what was trimmed.

use super::format::encoded_len;
use super::squeeze;
use crate::model::{Event, KernelReport, OomKill};

/// Shortens `event` so that at least `excess` bytes go, if it can; says what it touched.
type Stage = fn(event: &mut OomKill, excess: usize) -> bool;

const STAGES: [(&str, Stage); 13] = [
    ("report.mem_info", report_mem_info),
    ("report", report_lists),
    ("candidates", candidates),
    ("report", report_all),
    ("node_memory.zones", node_zones),
    ("hierarchy", hierarchy_middle),
    ("victim.cmdline_hex", cmdline_hex),
    ("victim.cmdline", cmdline_tail),
    ("findings.text", findings_text),
    // Beyond this point only paths of several kilobytes lead.
    ("findings.evidence", findings_evidence),
    ("missing.why", missing_why),
    ("runtime.basis", runtime_from),
    ("hierarchy", hierarchy_all),
];

/// Room for a name in `truncated` and a `_total` field.
const NOTE_BYTES: usize = 64;

/// Bytes of a finding's text that stay.
const FINDING_TEXT_BYTES: usize = 80;

/// `event` in at most `limit` bytes.
pub(super) fn to_fit(event: Event, limit: usize) -> Result<Event, serde_json::Error> {
    let mut event = event;
    if let Event::OomKill(kill) = &mut event {
        for (name, stage) in STAGES {
            let length = encoded_len(kill.as_ref());
            if length <= limit {
                break;
            }
            if stage(kill, length - limit + NOTE_BYTES) && !kill.truncated.iter().any(|n| n == name)
            {
                kill.truncated.push(name.to_owned());
            }
        }
    }
    squeeze::to_fit(event, limit)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The node's figures zone by zone; swap stays.
fn report_mem_info(event: &mut OomKill, _excess: usize) -> bool {
    let Some(info) = event.report.as_mut().and_then(|it| it.mem_info.as_mut()) else {
        return false;
    };
    let full = !(info.zones.is_empty() && info.totals.is_empty() && info.slabs.is_empty());
    info.zones.clear();
    info.totals.clear();
    info.slabs.clear();
    full
}

/// Lists of a report, longest first, until enough has gone.
fn report_lists(event: &mut OomKill, excess: usize) -> bool {
    let Some(report) = event.report.as_mut() else {
        return false;
    };
    let before = encoded_len(report);
    let steps: [fn(&mut KernelReport); 4] = [
        |report| report.unparsed.clear(),
        |report| report.cgroup_stats.clear(),
        |report| report.reaped.clear(),
        |report| report.call_trace.clear(),
    ];
    for step in steps {
        if before - encoded_len(report) >= excess {
            break;
        }
        step(report);
    }
    encoded_len(report) < before
}

fn report_all(event: &mut OomKill, _excess: usize) -> bool {
    event.report.take().is_some()
}

fn candidates(event: &mut OomKill, excess: usize) -> bool {
    let total = event.candidates.len();
    let mut saved = 0;
    while saved < excess
        && let Some(last) = event.candidates.pop()
    {
        saved += encoded_len(&last) + 1;
    }
    if saved > 0 {
        event.candidates_total.get_or_insert(count(total));
    }
    saved > 0
}

/// Zones that were not short, from the end.
fn node_zones(event: &mut OomKill, excess: usize) -> bool {
    let Some(node) = event.node_memory.as_mut() else {
        return false;
    };
    let total = node.zones.len();
    let mut saved = 0;
    while saved < excess
        && let Some(last) = node
            .zones
            .iter()
            .rposition(|zone| zone.below_min != Some(true))
    {
        saved += encoded_len(&node.zones.remove(last)) + 1;
    }
    while saved < excess
        && let Some(last) = node.zones.pop()
    {
        saved += encoded_len(&last) + 1;
    }
    if saved > 0 {
        node.zones_total.get_or_insert(count(total));
    }
    saved > 0
}

/// The victim's own cgroup, the one whose limit was hit and the root stay.
fn hierarchy_middle(event: &mut OomKill, excess: usize) -> bool {
    let total = event.hierarchy.len();
    let limit_path = event
        .limit
        .as_ref()
        .and_then(|limit| limit.cgroup_path.clone());
    let mut saved = 0;
    while saved < excess {
        let length = event.hierarchy.len();
        let middle = length / 2;
        // The removable level nearest to the middle.
        let Some(at) = (1..length.saturating_sub(1))
            .filter(|at| {
                let path = event.hierarchy.get(*at).map(|level| &level.cgroup_path);
                limit_path.is_none() || path != Some(&limit_path)
            })
            .min_by_key(|at| at.abs_diff(middle))
        else {
            break;
        };
        saved += encoded_len(&event.hierarchy.remove(at)) + 1;
    }
    if saved > 0 {
        event.hierarchy_total.get_or_insert(count(total));
    }
    saved > 0
}

fn cmdline_hex(event: &mut OomKill, _excess: usize) -> bool {
    event.victim.cmdline_hex.take().is_some()
}

fn cmdline_tail(event: &mut OomKill, excess: usize) -> bool {
    let Some(cmdline) = event.victim.cmdline.as_mut() else {
        return false;
    };
    let mut saved = 0;
    while saved < excess && cmdline.len() > 1 {
        saved += cmdline.pop().map_or(0, |last| encoded_len(&last) + 1);
    }
    if saved < excess
        && let Some(first) = cmdline.first_mut()
    {
        let length = encoded_len(first);
        let kept = length.saturating_sub(excess - saved).max(256);
        if length > kept {
            *first = squeeze::middle_cut(first, kept.saturating_sub(2));
            saved += length.saturating_sub(encoded_len(first));
        }
    }
    saved > 0
}

fn findings_text(event: &mut OomKill, excess: usize) -> bool {
    let mut saved = 0;
    // The first finding is the most telling one.
    for finding in event.findings.iter_mut().rev() {
        if saved >= excess {
            break;
        }
        let length = encoded_len(&finding.text);
        if length > FINDING_TEXT_BYTES + 2 {
            finding.text = squeeze::middle_cut(&finding.text, FINDING_TEXT_BYTES);
            saved += length.saturating_sub(encoded_len(&finding.text));
        }
        let change = finding.change.as_mut();
        if let Some(change) = change.filter(|text| encoded_len(text) > FINDING_TEXT_BYTES + 2) {
            let length = encoded_len(change);
            *change = squeeze::middle_cut(change, FINDING_TEXT_BYTES);
            saved += length.saturating_sub(encoded_len(change));
        }
    }
    saved > 0
}

fn findings_evidence(event: &mut OomKill, excess: usize) -> bool {
    let mut saved = 0;
    for finding in event.findings.iter_mut().rev() {
        if saved >= excess {
            break;
        }
        if !finding.evidence.is_empty() {
            saved += encoded_len(&finding.evidence);
            finding.evidence.clear();
        }
    }
    saved > 0
}

fn missing_why(event: &mut OomKill, excess: usize) -> bool {
    let mut saved = 0;
    for missing in event.missing.iter_mut().rev() {
        if saved >= excess {
            break;
        }
        saved += missing.why.take().map_or(0, |why| encoded_len(&why));
    }
    saved > 0
}

fn runtime_from(event: &mut OomKill, _excess: usize) -> bool {
    event
        .runtime
        .as_mut()
        .map(|runtime| std::mem::take(&mut runtime.basis))
        .is_some_and(|from| !from.is_empty())
}

fn hierarchy_all(event: &mut OomKill, _excess: usize) -> bool {
    let total = event.hierarchy.len();
    event.hierarchy.clear();
    if total > 0 {
        event.hierarchy_total.get_or_insert(count(total));
    }
    total > 0
}

//! Lines held at a length, least important first: lists of the kernel's own report, candidates, the
//! middle of the hierarchy, the tail of the command line, the findings' text; never victim, limit or
//! incident. `truncated` names what was trimmed.

use super::node::Node;
use super::squeeze::{self, middle_cut};

/// Shortens a kill so that at least `excess` bytes go, if it can; says whether it changed anything.
type Stage = fn(kill: &mut Node<'_>, excess: usize) -> bool;

const STAGES: [(&str, Stage); 13] = [
    ("report.mem_info", report_mem_info),
    ("report", report_lists),
    ("candidates", candidates),
    ("report", |kill, _| kill.remove("report").is_some()),
    ("node_memory.zones", node_zones),
    ("hierarchy", hierarchy_middle),
    ("victim.cmdline_hex", cmdline_hex),
    ("victim.cmdline", cmdline_tail),
    ("findings.text", findings_text),
    // Beyond this point only paths of several kilobytes lead.
    ("findings.evidence", findings_evidence),
    ("missing.why", missing_why),
    ("runtime.basis", runtime_basis),
    ("hierarchy", hierarchy_all),
];

/// Room for a name in `truncated` and a `_total` field.
const NOTE_BYTES: usize = 64;

/// Bytes of a finding's text that stay.
const FINDING_TEXT_BYTES: usize = 80;

/// Trims `event` to at most `limit` bytes, or as near to it as the smallest caps on texts bring it.
pub(super) fn to_fit(event: &mut Node<'_>, is_kill: bool, limit: usize) {
    for (name, stage) in STAGES {
        if !is_kill || event.bytes() <= limit {
            break;
        }
        if stage(event, event.bytes() - limit + NOTE_BYTES) {
            squeeze::note(event, name);
        }
    }
    squeeze::to_fit(event, is_kill, limit);
}

/// Shortens the list `key` by `cut`, which returns the bytes that it saved. How many items there were
/// goes into `total`, unless that is known already.
fn shorten(
    object: &mut Node<'_>,
    key: &str,
    total: &'static str,
    cut: impl FnOnce(&mut Vec<Node<'_>>) -> usize,
) -> bool {
    let count = object.get(key).map_or(0, |list| list.items().len());
    let saved = object.edit(&[key], |list| list.edit_items(cut));
    if saved.flatten().unwrap_or(0) == 0 {
        return false;
    }
    if object.get(total).is_none() {
        object.insert_after(key, total, Node::number(count as u64));
    }
    if object.get(key).is_some_and(|list| list.items().is_empty()) {
        object.remove(key);
    }
    true
}

/// Removes items from the end until `excess` bytes are saved.
fn pop(items: &mut Vec<Node<'_>>, kept: usize, excess: usize) -> usize {
    let mut saved = 0;
    while saved < excess && items.len() > kept {
        saved += items.pop().map_or(0, |item| item.bytes() + 1);
    }
    saved
}

/// The node's figures zone by zone; swap stays.
fn report_mem_info(kill: &mut Node<'_>, _excess: usize) -> bool {
    let removed = kill.edit(&["report", "mem_info"], |info| {
        ["zones", "totals", "slabs"]
            .map(|key| info.remove(key).is_some())
            .contains(&true)
    });
    removed == Some(true)
}

/// Lists of a report, longest first, until enough has gone.
fn report_lists(kill: &mut Node<'_>, excess: usize) -> bool {
    let saved = kill.edit(&["report"], |report| {
        let before = report.bytes();
        for list in ["unparsed", "cgroup_stats", "reaped", "call_trace"] {
            if before - report.bytes() >= excess {
                break;
            }
            report.remove(list);
        }
        before - report.bytes()
    });
    saved.is_some_and(|saved| saved > 0)
}

fn candidates(kill: &mut Node<'_>, excess: usize) -> bool {
    shorten(kill, "candidates", "candidates_total", |list| {
        pop(list, 0, excess)
    })
}

/// Zones that were not short, from the end; then the others.
fn node_zones(kill: &mut Node<'_>, excess: usize) -> bool {
    let is_short = |zone: &Node<'_>| zone.get("below_min").and_then(Node::written) == Some("true");
    let shortened = kill.edit(&["node_memory"], |node| {
        shorten(node, "zones", "zones_total", |zones| {
            let mut saved = 0;
            while saved < excess
                && let Some(last) = zones.iter().rposition(|zone| !is_short(zone))
            {
                saved += zones.remove(last).bytes() + 1;
            }
            saved + pop(zones, 0, excess.saturating_sub(saved))
        })
    });
    shortened == Some(true)
}

/// The victim's own cgroup, the one whose limit was hit and the root stay.
fn hierarchy_middle(kill: &mut Node<'_>, excess: usize) -> bool {
    let path_of = |node: &Node<'_>| Some(node.get("cgroup_path")?.written()?.to_owned());
    let limit_path = kill.get("limit").and_then(path_of);
    shorten(kill, "hierarchy", "hierarchy_total", |levels| {
        let mut saved = 0;
        while saved < excess {
            let middle = levels.len() / 2;
            // The removable level nearest to the middle.
            let Some(at) = (1..levels.len().saturating_sub(1))
                .filter(|at| {
                    limit_path.is_none() || levels.get(*at).and_then(path_of) != limit_path
                })
                .min_by_key(|at| at.abs_diff(middle))
            else {
                break;
            };
            saved += levels.remove(at).bytes() + 1;
        }
        saved
    })
}

fn hierarchy_all(kill: &mut Node<'_>, _excess: usize) -> bool {
    shorten(kill, "hierarchy", "hierarchy_total", |levels| {
        levels.drain(..).map(|level| level.bytes()).sum()
    })
}

fn cmdline_hex(kill: &mut Node<'_>, _excess: usize) -> bool {
    let removed = kill.edit(&["victim"], |victim| victim.remove("cmdline_hex"));
    removed.flatten().is_some()
}

fn cmdline_tail(kill: &mut Node<'_>, excess: usize) -> bool {
    let saved = kill.edit(&["victim", "cmdline"], |cmdline| {
        cmdline.edit_items(|arguments| {
            let mut saved = pop(arguments, 1, excess);
            if saved < excess
                && let Some(first) = arguments.first_mut()
            {
                let kept = first.bytes().saturating_sub(excess - saved).max(256);
                if first.bytes() > kept {
                    saved += cut_text(first, kept.saturating_sub(2));
                }
            }
            saved
        })
    });
    saved.flatten().is_some_and(|saved| saved > 0)
}

/// Cuts the string `text` to `bytes` without its quotes; returns the bytes that it saved.
fn cut_text(text: &mut Node<'_>, bytes: usize) -> usize {
    let before = text.bytes();
    if let Some(whole) = text.text() {
        *text = Node::string(&middle_cut(&whole, bytes));
    }
    before.saturating_sub(text.bytes())
}

/// Applies `cut` to the items of the list `key` from the last one on, until it has saved `excess` bytes.
fn from_the_end(
    kill: &mut Node<'_>,
    key: &str,
    excess: usize,
    cut: impl Fn(&mut Node<'_>) -> usize,
) -> bool {
    let saved = kill.edit(&[key], |list| {
        list.edit_items(|items| {
            let mut saved = 0;
            for item in items.iter_mut().rev() {
                if saved >= excess {
                    break;
                }
                saved += cut(item);
            }
            saved
        })
    });
    saved.flatten().is_some_and(|saved| saved > 0)
}

/// The first finding is the most telling one, so its text is cut last.
fn findings_text(kill: &mut Node<'_>, excess: usize) -> bool {
    from_the_end(kill, "findings", excess, |finding| {
        let cut = |text: &mut Node<'_>| {
            let is_long = text.bytes() > FINDING_TEXT_BYTES + 2;
            if is_long {
                cut_text(text, FINDING_TEXT_BYTES)
            } else {
                0
            }
        };
        ["text", "change"]
            .map(|key| finding.edit(&[key], cut).unwrap_or(0))
            .iter()
            .sum()
    })
}

fn findings_evidence(kill: &mut Node<'_>, excess: usize) -> bool {
    from_the_end(kill, "findings", excess, |finding| {
        finding.remove("evidence").map_or(0, |it| it.bytes())
    })
}

fn missing_why(kill: &mut Node<'_>, excess: usize) -> bool {
    from_the_end(kill, "missing", excess, |missing| {
        missing.remove("why").map_or(0, |it| it.bytes())
    })
}

fn runtime_basis(kill: &mut Node<'_>, _excess: usize) -> bool {
    let removed = kill.edit(&["runtime"], |runtime| runtime.remove("basis"));
    removed.flatten().is_some()
}

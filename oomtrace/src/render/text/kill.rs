//! One kill.

use super::look::{Look, Shown};
use super::{chain, head, limit, memory, notes, who};
use crate::model::{KillKind, OomKill};
use crate::render::layout::Page;

/// All blocks of a kill; those that the incident's first kill has already shown are left out.
pub(super) fn render(page: &mut Page, look: &Look, shown: &mut Shown, kill: &OomKill) {
    let follows =
        kill.incident.kill_index > 0 && shown.incident.as_ref() == Some(&kill.incident.id);
    head::verdict(page, look, &kill.header, &message(kill));
    if !follows {
        notes::changes(page, look, kill);
    }
    who::victim(page, look, kill);
    who::owner(page, look, kill);
    notes::incident(page, kill);
    if !follows {
        who::trigger(page, look, kill);
    }
    memory::render(page, look, kill);
    if !follows {
        limit::render(page, look, kill);
        chain::render(page, look, kill);
        notes::others(page, look, kill);
    }
    notes::findings(page, look, kill);
    notes::missing(page, look, shown, kill);
    notes::unparsed(page, look, kill.report.as_deref());
    notes::losses(page, kill);
    if look.verbose {
        notes::ids(page, kill);
    }
}

/// The verdict.
pub(super) fn message(kill: &OomKill) -> String {
    if kill.header.message.is_empty() {
        plain_verdict(kill)
    } else {
        kill.header.message.clone()
    }
}

/// What can be said without a diagnosis.
fn plain_verdict(kill: &OomKill) -> String {
    let comm = kill.victim.comm.as_deref().unwrap_or("a process");
    let pid = match kill.victim.pid {
        Some(pid) => format!(" (pid {pid})"),
        None => String::new(),
    };
    let how = match kill.incident.kill_kind {
        Some(KillKind::Group) => " with the rest of its cgroup",
        Some(KillKind::SharedMm) => " because it shared a victim's memory",
        _ => "",
    };
    format!("{comm}{pid} was killed by the OOM killer{how}")
}

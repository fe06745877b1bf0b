//! A kill in one line of columns that fit 80: time, victim, whose limit, limit, what filled it, `!`
//! if there is advice, and which time it is.

use super::look::Look;
use super::{head, others};
use crate::model::{Bytes, Event, LimitedCounter, OomKill, OutcomeState, Scope};
use crate::render::escape::escape;
use crate::render::layout::{Page, columns_of, shorten};
use crate::words;
use crate::words::parts;

/// Columns of the time: `11-28 15:25:59`.
const TIME: usize = 14;
/// Columns of the limit: `1023.9 MiB`.
const LIMIT: usize = 10;
/// Columns of what filled it: `pgtables 99 %`.
const FILLED: usize = 12;
/// Columns of the mark and the number: `! 100th`, with the blanks between all columns.
const REST: usize = 7 + 5;

pub(super) fn render(page: &mut Page, look: &Look, event: &Event) {
    let line = match event {
        Event::OomKill(kill) => kill_line(page, look, kill),
        // Part of a kill that has its line.
        Event::OomOutcome(outcome) if outcome.state == OutcomeState::Exited => return,
        other => {
            let message = others::message(look, other);
            format!("{} {}", time(look, other), escape(&message))
        }
    };
    page.cut(&line, look.dots());
}

fn time(look: &Look, event: &Event) -> String {
    padded(&head::short_time(look, event.header()), TIME, look)
}

/// `text` in exactly `columns` columns.
fn padded(text: &str, columns: usize, look: &Look) -> String {
    let text = shorten(text, columns, look.dots());
    let blanks = columns.saturating_sub(columns_of(&text));
    format!("{text}{:blanks$}", "")
}

fn kill_line(page: &Page, look: &Look, kill: &OomKill) -> String {
    let time = padded(&head::short_time(look, &kill.header), TIME, look);
    let room = page.width().saturating_sub(TIME + LIMIT + FILLED + REST);
    let owner_columns = room.div_ceil(2);
    let who = format!(
        "{}[{}]",
        escape(words::victim_again(&kill.victim)),
        kill.victim
            .pid
            .map_or("?".to_owned(), |pid| pid.to_string())
    );
    let (owner, limit) = whose(look, kill);
    let filled = parts::filled_by(kill);
    let advice = kill.findings.iter().any(|finding| finding.change.is_some());
    let number = kill.recurrence.filter(|again| again.number > 1);
    format!(
        "{time} {} {} {limit:>LIMIT$} {} {} {}",
        padded(&who, room - owner_columns, look),
        padded(&escape(&owner), owner_columns, look),
        padded(&filled.unwrap_or(look.none().to_owned()), FILLED, look),
        if advice { "!" } else { " " },
        number.map_or(String::new(), |again| words::ordinal(again.number)),
    )
}

/// Whose limit it was, and the limit.
fn whose(look: &Look, kill: &OomKill) -> (String, String) {
    let size = |bytes: Option<Bytes>| bytes.map_or(look.none().to_owned(), words::size);
    if let Some(limit) = &kill.limit {
        let amount = match limit.counter {
            Some(LimitedCounter::Memsw) => limit.memsw_limit_bytes,
            Some(LimitedCounter::Kmem) => None,
            _ => limit.limit_bytes,
        };
        return (words::limit_owner(kill, limit), size(amount));
    }
    let total = kill.node_memory.as_ref().and_then(|node| node.total_bytes);
    if kill.incident.scope == Some(Scope::Global) {
        return ("the node".to_owned(), size(total));
    }
    let home = words::home(kill).unwrap_or(look.none().to_owned());
    (home, look.none().to_owned())
}

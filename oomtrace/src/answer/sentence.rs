//! Sentences about a group of kills, the same in text and on a page.

use crate::history::{Group, Kill, Loop, Part};
use crate::words::{duration, percent, size};

/// `anonymous 99.5 %`: what filled the limit most.
pub(super) fn filled(kill: &Kill) -> Option<String> {
    let part = kill.largest_part()?;
    let share = share(kill, part)?;
    Some(format!("{} {share}", part.kind.name()))
}

/// The share of a part in what was in use.
pub(super) fn share(kill: &Kill, part: Part) -> Option<String> {
    percent(part.bytes.0, kill.whole_bytes().0)
}

/// `restart loop: 7 kills in 3 min 12 s, one every 32 s, each victim ran 30 s on average`.
pub(super) fn restart_loop(found: Loop) -> String {
    format!(
        "restart loop: {} kills in {}, one every {}; a victim ran {} on average",
        found.kills,
        duration(found.lasted_us),
        duration(found.interval_us()),
        duration(found.ran_mean_us()),
    )
}

/// What the limit would have had to be, and how that is known. `None` where no figure says.
pub(super) fn needed(group: &Group) -> Option<String> {
    let needed = group.needed();
    let kills = match group.needed_by() {
        0 => return None,
        1 => "the last kill".to_owned(),
        many => format!("each of the last {many} kills"),
    };
    let limit = group.latest().and_then(|kill| kill.limit_bytes);
    let in_use = needed.in_use_bytes.map(|bytes| match limit {
        // Beyond rounding no more than the limit itself.
        Some(limit) if bytes.0 <= limit.0.saturating_add(limit.0 / 100) => {
            format!("more than {}, which was used up at {kills}", size(limit))
        }
        _ => {
            let kills = kills.trim_start_matches("each of ");
            format!(
                "more than {}, the most that was charged and asked for at {kills}",
                size(bytes)
            )
        }
    });
    let Some(configured) = needed.configured_bytes else {
        return in_use.map(|in_use| format!("limit needed: {in_use}"));
    };
    let comm = group.latest().and_then(|kill| kill.comm.as_deref());
    let of = comm.map_or_else(String::new, |comm| format!(" for {comm}"));
    let beside = in_use.map_or_else(String::new, |in_use| {
        format!("; if these caps are lowered, {in_use}")
    });
    Some(format!(
        "limit needed: above {}, the sum of the caps configured{of}{beside}",
        size(configured)
    ))
}

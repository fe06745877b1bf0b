//! `oomtrace top`.

use super::select::{Selection, print, times};
use crate::answer;
use crate::cli::Exit;
use crate::cli::args::{CheckFormat, TopArgs, TopBy};
use crate::cli::settings::Surroundings;
use crate::history::{By, Kill, Top};
use crate::model::Event;

/// # Errors
///
/// Events cannot be read, or standard output not be written to.
pub(in super::super) fn top(args: TopArgs) -> anyhow::Result<Exit> {
    let by = match args.by {
        TopBy::Owner => By::Owner,
        TopBy::Image => By::Image,
        TopBy::Unit => By::Unit,
        TopBy::Limit => By::Limit,
    };
    let mut selection = Selection::new(args.places, args.select);
    let mut top = Top::new(by);
    while let Some(event) = selection.next_event()? {
        if let Event::OomKill(kill) = event {
            top.add(&Kill::of(&kill));
        }
    }
    let found = top.all().kills > 0;
    if found {
        let count = args.count.get();
        let text = match args.output {
            CheckFormat::Json => answer::top::json(&top, count),
            CheckFormat::Text => {
                let width = Surroundings::of_stdout().width();
                answer::top::text(&top, by, count, times(args.utc), width)
            }
        };
        print(text.as_bytes())?;
    }
    Ok(selection.finish(found))
}

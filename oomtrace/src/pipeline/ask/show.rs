//! `oomtrace show`.

use jiff::tz::TimeZone;

use super::select::{Selection, print};
use crate::cli::args::ShowArgs;
use crate::cli::{CommonArgs, Exit, settings};
use crate::history::{PickError, Picked};

/// # Errors
///
/// Events cannot be read, or standard output not be written to.
pub(in super::super) fn show(common: &CommonArgs, mut args: ShowArgs) -> anyhow::Result<Exit> {
    // Who asks for one event wants all of it.
    args.output.full = true;
    args.output.long = true;
    let zone = if args.utc {
        TimeZone::UTC
    } else {
        TimeZone::system()
    };
    let mut renderer = settings::renderer_in(common, &args.output, zone);
    let mut selection = Selection::new(args.places, args.select);
    let mut picked = Picked::new(args.id);
    while let Some(event) = selection.next_event()? {
        picked.add(event);
    }
    let earlier = picked.earlier_of_pid();
    let events = match picked.finish() {
        Ok(events) => events,
        Err(error) => {
            selection.finish(true);
            log::error!("{error}");
            return Ok(match error {
                PickError::Ambiguous { .. } => Exit::Usage,
                PickError::TooFew(_) | PickError::NoKills | PickError::NotFound(_) => Exit::Empty,
            });
        }
    };
    if earlier > 0 {
        log::warn!(
            "{earlier} earlier kills had this process id; this is the last (`oomtrace list` shows all)"
        );
    }
    let mut out = Vec::new();
    for event in &events {
        renderer.render(event, &mut out);
    }
    print(&out)?;
    Ok(selection.finish(true))
}

//! `oomtrace report`.

use std::fs;

use anyhow::Context as _;

use super::select::{Selection, print};
use crate::answer::html::{self, Report};
use crate::cli::Exit;
use crate::cli::args::ReportArgs;

/// # Errors
///
/// Events cannot be read, or the page not be written.
pub(in super::super) fn report(args: ReportArgs) -> anyhow::Result<Exit> {
    let mut selection = Selection::new(args.places, args.select);
    let mut report = Report::default();
    while let Some(event) = selection.next_event()? {
        report.add(&event);
    }
    let found = !report.is_empty();
    if found {
        let page = html::page(&report, selection.flaws());
        match &args.output {
            Some(path) if path.as_os_str() != "-" => {
                fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?
            }
            _ => {
                print(page.as_bytes())?;
            }
        }
    }
    Ok(selection.finish(found))
}

//! `list`, `show`, `top` and `report`: questions about events that were kept.

mod list;
mod report;
mod select;
mod show;
mod top;

pub(super) use list::list;
pub(super) use report::report;
pub(super) use show::show;
pub(super) use top::top;

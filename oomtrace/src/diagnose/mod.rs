//! Findings and the one-sentence message from an event. Pure.
//!
//! Every figure in a sentence is one of the event's own, or computed from them as the evidence
//! says. Nothing is said of what is not known.

mod candidates;
mod circumstances;
mod code;
mod configured;
mod data_store;
mod draft;
#[cfg(test)]
mod figure_tests;
mod filled;
#[cfg(test)]
mod filled_tests;
mod jvm;
mod kernel_memory;
mod kubernetes;
#[cfg(test)]
mod kubernetes_tests;
mod limit;
mod measure;
mod message;
#[cfg(test)]
mod message_tests;
mod no_victim;
#[cfg(test)]
mod no_victim_tests;
mod node;
mod node_filled;
#[cfg(test)]
mod node_tests;
mod other;
mod report;
mod runtime;
#[cfg(test)]
mod runtime_tests;
mod share;
mod status;
#[cfg(test)]
mod tests;
mod zones;
#[cfg(test)]
mod zones_tests;

pub use self::code::CODES;
pub use self::other::message;
use crate::model::{Event, KillKind, OomKill};

/// Fills `findings`, those that explain most first, and `header.message`.
pub fn diagnose(event: &mut OomKill) {
    let mut findings = Vec::new();
    circumstances::kind(event, &mut findings);
    limit::findings(event, &mut findings);
    node::findings(event, &mut findings);
    if event.incident.kill_kind != Some(KillKind::SharedMm) {
        filled::findings(event, &mut findings);
        runtime::findings(event, &mut findings);
        candidates::findings(event, &mut findings);
        circumstances::findings(event, &mut findings);
        report::findings(event, &mut findings);
    }
    event.findings = draft::in_order(findings);
    event.header.message = message::message(event);
}

/// Fills `header.message` of any event, and the findings of a kill.
pub fn explain(event: &mut Event) {
    let text = message(event);
    match event {
        Event::OomKill(event) => diagnose(event),
        Event::OomOutcome(event) => event.header.message = text,
        Event::OomNoVictim(event) => no_victim::diagnose(event),
        Event::Gap(event) => event.header.message = text,
        Event::UserspaceOomKill(event) => event.header.message = text,
    }
}

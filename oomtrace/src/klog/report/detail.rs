//! Lines that only mean something inside a report.

use super::draft::{Draft, Part};
use crate::klog::grammar::text::comm;
use crate::klog::grammar::{allocations, mem_info, memcg, trace, trigger};

/// Takes a line of the open report; says whether it was one.
pub(super) fn detail(text: &[u8], draft: &mut Draft) -> bool {
    // What follows the end (a page allocation failure, a panic's trace) is not the report's.
    if draft.is_concluded() {
        return false;
    }
    if let Some(processor) = trigger::processor(text) {
        // The first line shows the end of a name with a newline in it, this one all of it.
        if let Some(trigger) = &mut draft.trigger
            && processor
                .comm
                .ends_with(&[b"\n", trigger.comm.as_slice()].concat())
            && let Some(name) = comm(&processor.comm)
        {
            trigger.comm = name;
        }
        let own = draft
            .trigger
            .as_ref()
            // What the name ends with may be blanks.
            .is_some_and(|trigger| trigger.comm.trim_ascii() == processor.comm);
        let own = own && draft.processor.is_none() && draft.part == Part::Other && !draft.foreign;
        if own {
            draft.processor = Some(processor);
        } else {
            draft.foreign = true;
        }
        return own;
    }
    if let Some(trigger) = &draft.trigger
        && draft.cpuset.is_none()
        && let Some(found) = trigger::cpuset(text, &trigger.comm)
    {
        draft.cpuset = Some(found);
        return true;
    }
    if let Some(protection) = memcg::protection(text) {
        draft.protection = Some(protection);
        draft.part = Part::Other;
        return true;
    }
    if text == b"Mem-Info:" {
        draft.part = Part::MemInfo;
        draft.foreign = false;
        draft.mem_info.get_or_insert_default();
        return true;
    }
    if text == b"Unreclaimable slab info:" {
        draft.part = Part::Slabs;
        draft.mem_info.get_or_insert_default();
        return true;
    }
    if allocations::begins(text) {
        draft.part = Part::Allocations;
        draft.mem_info.get_or_insert_default();
        return true;
    }
    if draft.processor.is_some() && !draft.foreign {
        if draft.hardware.is_none()
            && let Some(hardware) = trigger::hardware(text)
        {
            draft.hardware = Some(hardware);
            return true;
        }
        if trace::begins(text) {
            draft.part = Part::Trace;
            return true;
        }
    }
    in_part(text, draft)
}

fn in_part(text: &[u8], draft: &mut Draft) -> bool {
    match draft.part {
        Part::Trace | Part::Other if draft.processor.is_some() && !draft.foreign => {
            match trace::line(text) {
                Some(trace::Line::Frame(name)) => {
                    if draft.trace.len() < trace::FRAMES_MAX {
                        draft.trace.push(name);
                    }
                    true
                }
                Some(trace::Line::Other) => true,
                None => false,
            }
        }
        Part::Stats => match memcg::value(text) {
            Some(value) => {
                draft.push_value(value);
                true
            }
            None => false,
        },
        Part::MemInfo => {
            let info = draft.mem_info.get_or_insert_default();
            mem_info::take(text, info)
        }
        Part::Slabs => {
            let info = draft.mem_info.get_or_insert_default();
            mem_info::slab(text, info) || mem_info::take(text, info)
        }
        Part::Allocations => {
            let info = draft.mem_info.get_or_insert_default();
            allocations::allocation(text, info) || mem_info::take(text, info)
        }
        Part::Trace | Part::Other => false,
    }
}

//! Every hook: its program, where that is attached, what it gives, and what is missing without it.
//!
//! `kernel::plan` chooses from this table, `loader` attaches what was chosen in the table's order,
//! and `oomtrace check` shows it.

use std::fmt;

/// What a program is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    /// The arguments of a tracepoint.
    RawTracepoint(&'static str),
    /// The record of a tracepoint: its category and its name.
    Tracepoint(&'static str, &'static str),
    /// The beginning of a function, by a breakpoint.
    Kprobe(&'static str),
    /// The end of a function, in the same way.
    Kretprobe(&'static str),
    /// The beginning of a function, by its BTF.
    Fentry(&'static str),
    /// The end of a function, in the same way.
    Fexit(&'static str),
}

impl Attach {
    /// The function it hooks; none for a tracepoint.
    #[must_use]
    pub const fn function(self) -> Option<&'static str> {
        match self {
            Self::RawTracepoint(_) | Self::Tracepoint(..) => None,
            Self::Kprobe(function)
            | Self::Kretprobe(function)
            | Self::Fentry(function)
            | Self::Fexit(function) => Some(function),
        }
    }

    /// Whether it is a kprobe or a kretprobe.
    #[must_use]
    pub const fn is_kprobe(self) -> bool {
        matches!(self, Self::Kprobe(_) | Self::Kretprobe(_))
    }
}

impl fmt::Display for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RawTracepoint(name) => write!(f, "raw tracepoint {name}"),
            Self::Tracepoint(category, name) => write!(f, "tracepoint {category}:{name}"),
            Self::Kprobe(name) | Self::Kretprobe(name) | Self::Fentry(name) | Self::Fexit(name) => {
                write!(f, "a hook on {name}")
            }
        }
    }
}

/// When a hook is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Where the exit tracepoint comes too late for the victim's address space.
    LateExit,
    /// Where only its signal proves a kill.
    SignalProof,
    /// Optional: used where the kernel has it; no kill is missed without it.
    Offered,
    /// Where the kernel lets programs onto its functions.
    Functions,
    /// The same, where the tracepoint hands over no task.
    MarkFunction,
    /// Where the tracepoint hands over the task.
    MarkTask,
    /// Where it does not, and its record can be read.
    MarkRecord,
}

/// Fields of an event that nothing else gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// In words.
    pub what: &'static str,
    /// Their names.
    pub fields: &'static [&'static str],
}

/// One program of the BPF object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Its name in the object.
    pub program: &'static str,
    /// Where it is attached.
    pub attach: Attach,
    /// When it is wanted.
    pub when: When,
    /// What it gives, in words.
    pub gives: &'static str,
    /// What events lack without it.
    pub lack: Option<Lack>,
}

impl Hook {
    const fn new(program: &'static str, attach: Attach, when: When, gives: &'static str) -> Self {
        Self {
            program,
            attach,
            when,
            gives,
            lack: None,
        }
    }

    const fn without(mut self, lack: Lack) -> Self {
        self.lack = Some(lack);
        self
    }

    /// Whether it is attached to a function of the kernel.
    #[must_use]
    pub fn is_on_function(&self) -> bool {
        self.attach.function().is_some()
    }

    /// Whether it reports marks.
    #[must_use]
    pub const fn reports_marks(&self) -> bool {
        matches!(
            self.when,
            When::MarkFunction | When::MarkTask | When::MarkRecord
        )
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attach, self.gives)
    }
}

/// Without a hook on `oom_evaluate_task()`.
pub(super) const CANDIDATES: Lack = Lack {
    what: "which tasks the OOM killer looked at, and whether it found none to kill",
    fields: &["candidates"],
};

/// Without a hook on `out_of_memory()`, unless its argument is found on the trigger's stack.
pub(super) const OOM_CONTROL: Lack = Lack {
    what: "the allocation's flags and order, the kernel's own constraint",
    fields: &[
        "trigger.gfp_mask",
        "trigger.order",
        "incident.constraint",
        "incident.cause",
        "incident.total_pages",
    ],
};

/// Without the task of a mark.
pub(super) const MARKED_TASK: Lack = Lack {
    what: "the victim's cgroup, parent, age, threads, command line",
    fields: &["victim.cgroup_path"],
};

/// Every hook, in the order in which they are attached: what follows a victim comes first, so that a
/// kill that is seen is followed; what reports kills comes last.
pub const HOOKS: &[Hook] = {
    use Attach::{Fentry, Fexit, Kprobe, Kretprobe, RawTracepoint, Tracepoint};
    const EXIT: &str = "ends of victims, and their command lines";
    const CONTEXT: &str = "command lines of victims";
    const SIGNAL: &str = "the SIGKILL that proves a kill";
    const REAPER: &str = "the work of the OOM reaper";
    const LEFT: &str = "the end of an invocation of the OOM killer";
    const SCORED: &str = "the candidates";
    const ARMED: &str = "a victim before its SIGKILL";
    const INVOKED: &str = "an invocation of the OOM killer and its arguments";
    const TASK: &str = "the marked task";
    const PID: &str = "the marked task's id and memory";
    &[
        Hook::new(
            "process_exit",
            RawTracepoint("sched_process_exit"),
            When::Always,
            EXIT,
        ),
        Hook::new(
            "signal_deliver",
            RawTracepoint("signal_deliver"),
            When::LateExit,
            CONTEXT,
        ),
        Hook::new(
            "signal_generate",
            RawTracepoint("signal_generate"),
            When::SignalProof,
            SIGNAL,
        ),
        Hook::new(
            "reaping_started",
            RawTracepoint("start_task_reaping"),
            When::Offered,
            REAPER,
        ),
        Hook::new(
            "reaping_finished",
            RawTracepoint("finish_task_reaping"),
            When::Offered,
            REAPER,
        ),
        Hook::new(
            "reaping_skipped",
            RawTracepoint("skip_task_reaping"),
            When::Offered,
            REAPER,
        ),
        Hook::new(
            "left_kretprobe",
            Kretprobe("out_of_memory"),
            When::Functions,
            LEFT,
        ),
        Hook::new("left_fexit", Fexit("out_of_memory"), When::Functions, LEFT),
        Hook::new(
            "evaluated_kprobe",
            Kprobe("oom_evaluate_task"),
            When::Functions,
            SCORED,
        )
        .without(CANDIDATES),
        Hook::new(
            "evaluated_fentry",
            Fentry("oom_evaluate_task"),
            When::Functions,
            SCORED,
        )
        .without(CANDIDATES),
        Hook::new(
            "arming_kprobe",
            Kprobe("__oom_kill_process"),
            When::Functions,
            ARMED,
        ),
        Hook::new(
            "arming_fentry",
            Fentry("__oom_kill_process"),
            When::Functions,
            ARMED,
        ),
        Hook::new(
            "invoked_kprobe",
            Kprobe("out_of_memory"),
            When::Functions,
            INVOKED,
        )
        .without(OOM_CONTROL),
        Hook::new(
            "invoked_fentry",
            Fentry("out_of_memory"),
            When::Functions,
            INVOKED,
        )
        .without(OOM_CONTROL),
        Hook::new(
            "marking_kprobe",
            Kprobe("mark_oom_victim"),
            When::MarkFunction,
            TASK,
        )
        .without(MARKED_TASK),
        Hook::new(
            "marking_fentry",
            Fentry("mark_oom_victim"),
            When::MarkFunction,
            TASK,
        )
        .without(MARKED_TASK),
        Hook::new(
            "mark_victim",
            RawTracepoint("mark_victim"),
            When::MarkTask,
            TASK,
        )
        .without(MARKED_TASK),
        Hook::new(
            "mark_victim_record",
            Tracepoint("oom", "mark_victim"),
            When::MarkRecord,
            PID,
        ),
    ]
};

/// The functions that the wanted hooks are on, each once, in the order of the table.
#[must_use]
pub fn functions(is_wanted: impl Fn(&Hook) -> bool) -> Vec<&'static str> {
    let mut functions = Vec::new();
    for hook in HOOKS.iter().filter(|hook| is_wanted(hook)) {
        if let Some(function) = hook.attach.function()
            && !functions.contains(&function)
        {
            functions.push(function);
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_is_hooked_in_both_ways() {
        let on = |is_kprobe: bool| -> BTreeSet<_> {
            HOOKS
                .iter()
                .filter(|hook| hook.is_on_function() && hook.attach.is_kprobe() == is_kprobe)
                .map(|hook| (hook.attach.function(), hook.when as u8, hook.gives))
                .collect()
        };
        assert_eq!(on(true), on(false));
        assert_eq!(functions(|_| true).len(), 4);
    }

    #[test]
    fn programs_are_named_once() {
        let names: BTreeSet<_> = HOOKS.iter().map(|hook| hook.program).collect();
        assert_eq!(names.len(), HOOKS.len());
    }

    #[test]
    fn kills_are_reported_last() {
        let first = HOOKS.iter().position(Hook::reports_marks).unwrap();
        assert!(HOOKS[first..].iter().all(Hook::reports_marks));
    }
}

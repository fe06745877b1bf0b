//! The victim, whom it belonged to, and who asked for the memory.

use super::look::Look;
use super::path;
use crate::model::{Cause, OomKill, Owner, OwnerKind, QosClass, Victim};
use crate::render::escape::escape;
use crate::render::layout::{Page, columns_of, shorten};
use crate::render::style::Role;
use crate::words::{self, grouped};

/// Lines of command line that are shown without `-v`.
const CMDLINE_LINES: usize = 3;
/// Longest single argument that is shown whole without `-v`.
const ARGUMENT_COLUMNS: usize = 60;

pub(super) fn victim(page: &mut Page, look: &Look, kill: &OomKill) {
    let victim = &kill.victim;
    page.label("victim");
    let mut parts = vec![name(victim.comm.as_deref())];
    if let Some(pid) = victim.pid {
        let inside = match victim.ns_pid {
            Some(inside) if inside != pid => format!(" ({inside} {})", inside_what(kill)),
            _ => String::new(),
        };
        parts.push(format!("pid {pid}{inside}"));
    }
    if let (Some(tid), true) = (victim.tid, victim.tid != victim.pid) {
        parts.push(format!("marked in thread {tid}"));
    }
    if let Some(uid) = victim.uid {
        parts.push(format!("uid {uid}"));
    }
    if let Some(threads) = victim.threads {
        parts.push(match threads {
            1 => "1 thread".to_owned(),
            many => format!("{} threads", grouped(many.into())),
        });
    }
    if let Some(age) = age(kill) {
        parts.push(format!("ran {}", look.figures.duration(age)));
    }
    if let Some(adj) = victim.oom_score_adj {
        parts.push(format!("oom_score_adj {adj}"));
    }
    if victim.parent_comm.is_some() || victim.parent_pid.is_some() {
        let mut parent = format!("child of {}", name(victim.parent_comm.as_deref()));
        if let Some(pid) = victim.parent_pid {
            parent.push_str(&format!(" (pid {pid})"));
        }
        parts.push(parent);
    }
    page.prose(Role::Plain, &parts.join(", "), 0);
    command_line(page, look, victim);
}

/// The victim with its command line in at most `lines` lines; without its name if it `is_named`.
pub(super) fn victim_short(
    page: &mut Page,
    look: &Look,
    kill: &OomKill,
    is_named: bool,
    lines: usize,
) {
    let victim = &kill.victim;
    let mut parts = Vec::new();
    if !is_named {
        parts.push(name(victim.comm.as_deref()));
        if let Some(pid) = victim.pid {
            parts.push(format!("pid {pid}"));
        }
    }
    if let Some(uid) = victim.uid {
        parts.push(format!("uid {uid}"));
    }
    if let Some(age) = age(kill) {
        parts.push(format!("ran {}", look.figures.duration(age)));
    }
    let cmdline = victim.cmdline.as_ref().filter(|args| !args.is_empty());
    let program = match (cmdline, &victim.exe) {
        (Some(cmdline), _) => {
            let arguments: Vec<String> = cmdline.iter().map(|arg| quoted(arg)).collect();
            Some(arguments.join(" "))
        }
        (None, exe) => exe.as_deref().map(|exe| escape(exe).into_owned()),
    };
    let facts = parts.join(", ");
    let text = match program {
        Some(program) if facts.is_empty() => program,
        Some(program) => format!("{facts}: {program}"),
        None if facts.is_empty() => return,
        None => facts,
    };
    page.label("victim");
    page.clipped(Role::Plain, &text, lines, look.dots());
}

/// How long it had run, in microseconds.
fn age(kill: &OomKill) -> Option<u64> {
    let start = kill.victim.start_since_boot_us?;
    kill.header.since_boot_us?.checked_sub(start)
}

fn inside_what(kill: &OomKill) -> &'static str {
    match &kill.owner {
        Some(owner) if matches!(owner.kind, OwnerKind::Container | OwnerKind::Pod) => {
            "in the container"
        }
        _ => "in its pid namespace",
    }
}

fn name(comm: Option<&str>) -> String {
    match comm {
        Some("") => "(empty name)".to_owned(),
        Some(comm) => escape(comm).into_owned(),
        None => "(name not known)".to_owned(),
    }
}

fn command_line(page: &mut Page, look: &Look, victim: &Victim) {
    let Some(cmdline) = victim.cmdline.as_ref().filter(|args| !args.is_empty()) else {
        if let Some(exe) = &victim.exe {
            page.prose(Role::Plain, &escape(exe), 2);
        }
        return;
    };
    let mut arguments: Vec<String> = cmdline.iter().map(|arg| quoted(arg)).collect();
    if !look.verbose {
        for argument in &mut arguments {
            *argument = shorten(argument, ARGUMENT_COLUMNS, look.dots());
        }
        elide(&mut arguments, page.columns() * CMDLINE_LINES - 40, look);
    }
    if let Some(total) = victim.cmdline_total_bytes {
        arguments.push(format!(
            "{} (cut; {} bytes in all)",
            look.dots(),
            grouped(total)
        ));
    }
    page.prose(Role::Plain, &arguments.join(" "), 2);
    if look.verbose
        && let Some(rules) = &victim.cmdline_masked_by
    {
        let names: Vec<&str> = rules.iter().map(|rule| rule.explained().0).collect();
        page.prose(Role::Plain, &format!("masked by {}", names.join(", ")), 2);
    }
    if look.verbose
        && let Some(exe) = &victim.exe
    {
        page.prose(Role::Plain, &format!("executable {}", escape(exe)), 2);
    }
}

/// An argument as a shell would take it, near enough to read.
fn quoted(argument: &str) -> String {
    let escaped = escape(argument);
    let plain = |c: char| c.is_alphanumeric() || "-_=+:,./@%^\\[]{}*?~#!&|;<>()$\"".contains(c);
    if !escaped.is_empty() && escaped.chars().all(plain) {
        return escaped.into_owned();
    }
    format!("'{}'", escaped.replace('\'', "'\\''"))
}

/// Takes arguments out of the middle (nearer the end) until about `columns` are left.
fn elide(arguments: &mut Vec<String>, columns: usize, look: &Look) {
    let width =
        |arguments: &[String]| -> usize { arguments.iter().map(|arg| columns_of(arg) + 1).sum() };
    let mut left_out = 0_u64;
    let mut at = arguments.len();
    while width(arguments) > columns && arguments.len() > 2 {
        // Two thirds of what is kept come before the gap: options that matter tend to come first.
        at = (arguments.len() * 2 / 3).clamp(1, arguments.len() - 2);
        arguments.remove(at);
        left_out += 1;
    }
    if left_out > 0 {
        let noun = if left_out == 1 {
            "argument"
        } else {
            "arguments"
        };
        let gap = format!("[{} {} {noun}]", look.dots(), grouped(left_out));
        arguments.insert(at.min(arguments.len()), gap);
    }
}

pub(super) fn owner(page: &mut Page, look: &Look, kill: &OomKill) {
    if let Some(owner) = &kill.owner {
        page.label("owner");
        page.prose(Role::Plain, &sentence(owner, look.verbose), 0);
    }
}

/// `container web (docker 8e24c1f2a3b4, image eclipse-temurin:17)`.
fn sentence(owner: &Owner, verbose: bool) -> String {
    let text = |field: &Option<String>| field.as_deref().map(|text| escape(text).into_owned());
    let mut first = called(owner);
    let id = owner.container_id.as_deref().map(|id| {
        let id = if verbose { id } else { path::short_id(id) };
        escape(id).into_owned()
    });
    let mut details = Vec::new();
    match (text(&owner.engine), id) {
        (Some(runtime), Some(id)) => details.push(format!("{runtime} {id}")),
        (Some(one), None) | (None, Some(one)) => details.push(one),
        (None, None) => {}
    }
    if let Some(image) = text(&owner.image) {
        details.push(format!("image {image}"));
    }
    match owner.pod_qos_class {
        Some(QosClass::Guaranteed) => details.push("guaranteed".to_owned()),
        Some(QosClass::Burstable) => details.push("burstable".to_owned()),
        Some(QosClass::BestEffort) => details.push("best effort".to_owned()),
        None => {}
    }
    if verbose {
        if let Some(uid) = text(&owner.pod_uid) {
            details.push(format!("pod uid {uid}"));
        }
        if let Some(from) = text(&owner.names_basis) {
            details.push(format!("names from {from}"));
        }
    }
    if !details.is_empty() {
        first.push_str(&format!(" ({})", details.join(", ")));
    }
    first
}

/// The owner's name, or what kind of owner it is.
pub(super) fn called(owner: &Owner) -> String {
    match (words::owner(owner), owner.kind) {
        (Some(name), _) => escape(&name).into_owned(),
        (None, OwnerKind::Container) => "a container".to_owned(),
        (None, OwnerKind::Pod) => "a container of a pod".to_owned(),
        (None, OwnerKind::Unit) => "a systemd unit".to_owned(),
        (None, OwnerKind::User) => "a user's own processes".to_owned(),
    }
}

pub(super) fn trigger(page: &mut Page, look: &Look, kill: &OomKill) {
    let Some(trigger) = &kill.trigger else {
        return;
    };
    page.label("trigger");
    let what = request(look, kill);
    if trigger.pid.is_some() && trigger.pid == kill.victim.pid {
        let thread = match trigger.tid {
            Some(tid) if trigger.tid != trigger.pid => {
                let name = match &trigger.comm {
                    Some(comm) if trigger.comm != kill.victim.comm => format!(" {}", escape(comm)),
                    _ => String::new(),
                };
                format!(" (thread {tid}{name})")
            }
            _ => String::new(),
        };
        page.prose(Role::Plain, &format!("the victim itself{thread} {what}"), 0);
        return;
    }
    let mut ids = Vec::new();
    if let Some(pid) = trigger.pid {
        ids.push(format!("pid {pid}"));
    }
    if let (Some(tid), true) = (trigger.tid, trigger.tid != trigger.pid) {
        ids.push(format!("thread {tid}"));
    }
    if let Some(uid) = trigger.uid {
        ids.push(format!("uid {uid}"));
    }
    let ids = if ids.is_empty() {
        String::new()
    } else {
        format!(" ({})", ids.join(", "))
    };
    let name = name(trigger.comm.as_deref());
    page.prose(Role::Plain, &format!("{name}{ids} {what}"), 0);
    if let Some(cgroup) = &trigger.cgroup_path {
        let same = kill.victim.cgroup_path.as_ref() == Some(cgroup);
        let text = if same {
            "in the victim's own cgroup".to_owned()
        } else {
            format!("in {}", path::fitted(look, cgroup, page.columns()))
        };
        page.prose(Role::Plain, &text, 2);
    }
}

/// `asked for the memory: one page, GFP_KERNEL`.
fn request(look: &Look, kill: &OomKill) -> String {
    let Some(trigger) = &kill.trigger else {
        return String::new();
    };
    let verb = match kill.incident.cause {
        Some(Cause::Sysrq) => return "asked for a kill (sysrq-f)".to_owned(),
        Some(Cause::LimitWrite) => return "wrote the limit".to_owned(),
        Some(Cause::Thrashing) => return "found the node thrashing".to_owned(),
        Some(Cause::Allocation | Cause::PageFault) => "asked for the memory",
        None => "invoked the OOM killer",
    };
    let page_size = kill.header.kernel.page_size_bytes.map(|size| size.0);
    let mut parts = Vec::new();
    match (trigger.order, page_size) {
        (Some(-1), _) => return "asked for a kill (sysrq-f)".to_owned(),
        (Some(0), _) => parts.push("one page".to_owned()),
        (Some(order @ 1..=30), Some(size)) => {
            let bytes = size.saturating_mul(1 << order);
            parts.push(format!(
                "{} in one piece (order {order})",
                look.figures.size(bytes)
            ));
        }
        (Some(order), _) => parts.push(format!("order {order}")),
        (None, _) => {}
    }
    if let Some(flags) = trigger.gfp_flags.as_ref().filter(|flags| !flags.is_empty()) {
        parts.push(escape(&flags.join("|")).into_owned());
    } else if let Some(mask) = trigger.gfp_mask {
        parts.push(format!("gfp_mask {mask:#x}"));
    }
    if parts.is_empty() {
        verb.to_owned()
    } else {
        format!("{verb}: {}", parts.join(", "))
    }
}

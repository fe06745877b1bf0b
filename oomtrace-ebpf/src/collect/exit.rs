//! The end of a victim: its context while it can still be read, and its outcome.

use oomtrace_common::record::{KIND_OUTCOME, Outcome};

use crate::collect::{sharer, victim_context};
use crate::emit;
use crate::globals::EXIT_HAS_MM;
use crate::scratch::Hook;
use crate::task::Task;
use crate::victims::{self, Followed};

/// Handles the exit of `task`, which is current, while any victim is being followed.
#[inline(always)]
pub fn exiting(task: Task) {
    let Some(tgid) = task.tgid() else { return };
    let Some(followed) = victims::of(task, tgid) else {
        if EXIT_HAS_MM.load() != 0 {
            sharer::exiting(task, tgid);
        }
        return;
    };
    if EXIT_HAS_MM.load() != 0 {
        victim_context::send(task, followed, Hook::End);
    }
    if task.live_threads() == Some(0) {
        gone(task, tgid, followed);
    }
}

/// Handles a SIGKILL that `task`, which is current, is about to act on, on kernels whose exit hook
/// comes too late for the address space.
#[inline(always)]
pub fn killed(task: Task) {
    let Some(tgid) = task.tgid() else { return };
    match victims::of(task, tgid) {
        Some(followed) => victim_context::send(task, followed, Hook::End),
        None => sharer::exiting(task, tgid),
    }
}

/// The last thread of a victim exits.
#[inline(always)]
fn gone(task: Task, tgid: u32, followed: &Followed) {
    let code = match task.group_exit_code() {
        Some(0) | None => task.exit_code(),
        code => code,
    };
    emit::outcome(&Outcome {
        header: emit::header(
            KIND_OUTCOME,
            size_of::<Outcome>() as u32,
            emit::now_boot_ns(),
            followed.sequence,
        ),
        marked_boot_ns: followed.marked_boot_ns,
        start_boot_ns: followed.start_boot_ns,
        tgid,
        exit_code: code.unwrap_or(0),
    });
    victims::forget(tgid);
}

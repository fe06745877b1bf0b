//! What the kernel's reaper does with a victim that does not exit.

use oomtrace_common::field::KernelField;
use oomtrace_common::record::{KIND_REAPING, Reaping, reaping_step, reaping_valid};

use crate::emit;
use crate::mm::Mm;
use crate::victims::REAPABLE;

/// Handles a tracepoint of the reaper, which names the thread that was marked. Runs in the reaper.
#[inline(always)]
pub fn step(tid: u32, step: u32) {
    let Some(reapable) = REAPABLE.get_ptr(&tid) else {
        return;
    };
    // SAFETY: an element of a map, copied at once.
    let reapable = unsafe { *reapable };
    let mut record = Reaping {
        header: emit::header(
            KIND_REAPING,
            size_of::<Reaping>() as u32,
            emit::now_boot_ns(),
            reapable.followed.sequence,
        ),
        marked_boot_ns: reapable.followed.marked_boot_ns,
        start_boot_ns: reapable.followed.start_boot_ns,
        tgid: reapable.followed.tgid,
        step,
        ..Reaping::default()
    };
    // The reaper holds the structure, if not what it describes. The last part of an exit may free
    // it while the reaper passes the victim over.
    let mm = Mm(reapable.mm);
    if step != reaping_step::SKIPPED
        && let (Some(anon), Some(file), Some(shmem)) = (
            mm.rss_pages(KernelField::RssAnon),
            mm.rss_pages(KernelField::RssFile),
            mm.rss_pages(KernelField::RssShmem),
        )
    {
        record.anon_pages = anon;
        record.file_pages = file;
        record.shmem_pages = shmem;
        record.valid |= reaping_valid::RSS;
    }
    emit::reaping(&record);
}

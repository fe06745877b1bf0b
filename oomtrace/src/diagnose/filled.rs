//! Findings on what filled the cgroup.

use super::code;
use super::draft::{Draft, Findings};
use super::measure::{delayed, share_of_limit};
use super::share::{has_filled, is_half};
use crate::model::{Bytes, LimitHit, OomKill, StatBasis, Usage, VictimMemory};
use crate::words;

/// Page cache of less than one part in so many is next to nothing.
const NOTHING_PARTS: u64 = 64;

pub(super) fn findings(event: &OomKill, out: &mut Findings) {
    of_limit(event, out);
    if !out.iter().any(|draft| draft.is(code::SHMEM_FILLED)) {
        out.extend(victim_shmem(event));
    }
}

fn of_limit(event: &OomKill, out: &mut Findings) {
    let Some(limit) = &event.limit else {
        return;
    };
    let Some(total) = limit.usage_bytes.or(limit.limit_bytes) else {
        return;
    };
    out.extend(anon(event, limit, total));
    if let Some(usage) = &limit.usage {
        out.extend(shmem(event, limit, usage, total));
        out.extend(hugetlb(event, limit, usage, total));
        out.extend(super::kernel_memory::finding(event, limit, usage, total));
        out.extend(page_cache_filled(event, limit, usage, total));
        out.extend(page_cache_left(limit, usage, total));
        out.extend(kill_frees_little(event, usage, total));
    }
}

/// What the victim had swapped out, where that weighs against what it had resident.
pub(super) fn swapped(event: &OomKill) -> Option<Bytes> {
    let memory = event.victim.memory.as_ref()?;
    let (swap, anon) = memory.swap_bytes.zip(memory.anon_bytes)?;
    (swap.0 > 0 && swap.0 >= anon.0 / NOTHING_PARTS).then_some(swap)
}

fn anon(event: &OomKill, limit: &LimitHit, total: Bytes) -> Option<Draft> {
    let name = words::victim_again(&event.victim);
    let memory = event.victim.memory.as_ref();
    let of_victim = memory.and_then(|memory| memory.anon_bytes);
    // What a process has mapped may be charged elsewhere; more than all of it certainly is.
    if let Some((memory, bytes)) = memory.zip(of_victim)
        && bytes <= total
        && (is_half(bytes, total) || has_filled(bytes, total) && held_most(bytes, limit))
    {
        let draft = share_of_limit(Draft::new(code::ANON_FILLED), "victim_anon", bytes, event).say(
            &format!(" was anonymous memory of {name}, the process of this kill."),
        );
        let draft = with_error(draft, memory).weighing(bytes);
        let swap = swapped(event);
        // The message says as much.
        let draft = draft.detail_if(is_half(bytes, total) && swap.is_none());
        if let Some(swap) = swap {
            let needs = bytes.saturating_add(swap);
            return Some(
                draft
                    .say(" Another ")
                    .bytes("victim_swap", swap)
                    .say(" were swapped out: it needs ")
                    .bytes("victim_needs", needs)
                    .say(".")
                    .change_at_last(&format!(
                        "Find out what {name} keeps, or give it room for the "
                    ))
                    .bytes("victim_needs", needs)
                    .say(" that it had resident and swapped out."),
            );
        }
        // What else there was to give.
        return Some(
            draft
                .change_at_last(&format!(
                    "Find out what {name} keeps, or raise the limit: all else that was charged is "
                ))
                .bytes("all_else", total.saturating_sub(bytes))
                .say("."),
        );
    }
    let of_cgroup = charged_anon(limit.usage.as_ref()?, memory)?;
    if !has_filled(of_cgroup, total) {
        return None;
    }
    let mut draft = share_of_limit(
        Draft::new(code::ANON_FILLED_BY_MANY),
        "anon",
        of_cgroup,
        event,
    )
    .say(" was anonymous memory");
    draft = match memory.zip(of_victim) {
        Some((memory, bytes)) if bytes <= of_cgroup => {
            let draft = draft
                .say(&format!("; {name} held "))
                .bytes("victim_anon", bytes);
            with_error(draft, memory)
                .say(" of it, other processes the rest.")
                .change_at_last("Raise the limit, or let less run in it: what ")
                .say(&format!("{name} held is only "))
                .bytes("victim_anon", bytes)
                .say(".")
        }
        // Not all that it held can have been charged here, so how much was is not known.
        Some((memory, bytes)) => {
            let draft = draft
                .say(&format!("; {name} held "))
                .bytes("victim_anon", bytes);
            with_error(draft, memory)
                .say(", here and elsewhere.")
                .change_at_last(&format!("Find out what {name} keeps, or raise the limit."))
        }
        None => draft.say("."),
    };
    Some(delayed(draft, limit).weighing(of_cgroup))
}

/// Anonymous memory that was charged at the kill: what the statistics show, and what of the victim's had
/// left them but not the counter. Of that its page tables are no part, and its shared memory cannot be
/// distinguished.
pub(super) fn charged_anon(usage: &Usage, victim: Option<&VictimMemory>) -> Option<Bytes> {
    let listed = usage.anon_bytes?;
    let freed = usage
        .being_freed_bytes
        .zip(victim)
        .and_then(|(bytes, victim)| {
            let tables = victim.pgtables_bytes?;
            (victim.shmem_bytes == Some(Bytes(0))).then(|| bytes.saturating_sub(tables))
        });
    Some(listed.saturating_add(freed.unwrap_or_default()))
}

/// Whether so much anonymous memory of the victim is at least three times what all the others can
/// have had.
fn held_most(of_victim: Bytes, limit: &LimitHit) -> bool {
    let Some((usage, of_cgroup)) = limit
        .usage
        .as_ref()
        .and_then(|usage| Some((usage, usage.anon_bytes?)))
    else {
        return false;
    };
    let unknown = match limit.stat_basis {
        // All of the victim's may have been given back before it was read.
        Some(StatBasis::MemoryStat) => of_victim,
        _ => Bytes(0),
    };
    let freed = usage.freed_before_read_bytes.unwrap_or(unknown);
    let others = of_cgroup.saturating_sub(of_victim.saturating_sub(freed));
    others.0 <= of_victim.0 / 3
}

fn with_error(draft: Draft, memory: &VictimMemory) -> Draft {
    match memory.rss_error_max_bytes {
        Some(error) if error.0 > 0 => draft.with_bytes("rss_error_max", error),
        _ => draft,
    }
}

/// Of the victim's own shared memory the statistics may show nothing any more: what nobody else has
/// open went with it.
fn shmem(event: &OomKill, limit: &LimitHit, usage: &Usage, total: Bytes) -> Option<Draft> {
    let of_victim = event.victim.memory.as_ref().and_then(|m| m.shmem_bytes);
    let charged = usage.shmem_bytes.unwrap_or_default();
    let name = words::victim_again(&event.victim);
    let draft = Draft::new(code::SHMEM_FILLED);
    let own = of_victim.filter(|&own| {
        own <= total && has_filled(own, total) && (is_half(own, charged) || own >= charged)
    });
    if let Some(own) = own {
        let draft = share_of_limit(draft, "victim_shmem", own, event)
            .say(&format!(" was shared memory that {name} had mapped."))
            .with_optional("shmem", usage.shmem_bytes)
            .change(&format!("Let {name} use less shared memory than the "))
            .bytes("victim_shmem", own)
            .say(" that it had mapped, or raise the limit.");
        return Some(delayed(draft, limit).weighing(own));
    }
    let bytes = usage
        .shmem_bytes
        .filter(|&bytes| has_filled(bytes, total))?;
    let draft = share_of_limit(draft, "shmem", bytes, event).say(
        " was shared memory or files on tmpfs, which killing a process frees only if nothing else \
         holds it.",
    );
    let draft = match (of_victim, super::limit::bound(limit)) {
        (Some(mapped), Some(bound)) => draft
            .change("Bound the tmpfs (mount option size=) below the limit of ")
            .bytes("limit", bound)
            .say(", or find what holds the rest (df -t tmpfs, ipcs -m): ")
            .say(&match mapped {
                Bytes(0) => format!("{name} had none of it mapped."),
                mapped => format!("{name} had mapped only {}.", words::size(mapped)),
            })
            .with_bytes("victim_shmem", mapped),
        _ => draft,
    };
    Some(delayed(draft, limit).weighing(bytes))
}

/// What the victim had mapped of shared memory, where that was more than its own: the limit's counters
/// need not be known for it.
fn victim_shmem(event: &OomKill) -> Option<Draft> {
    let memory = event.victim.memory.as_ref()?;
    let (shmem, rss) = (shmem_above(memory)?, memory.rss_bytes?);
    let name = words::victim_again(&event.victim);
    (shmem <= rss && has_filled(shmem, rss)).then(|| {
        Draft::new(code::VICTIM_SHMEM)
            .bytes("victim_shmem", shmem)
            .say(" of the ")
            .bytes("victim_rss", rss)
            .say(&format!(
                " that {name} had resident was shared memory or files on tmpfs, which the kill \
                 frees only if nothing else holds it."
            ))
            .weighing(shmem)
            .change(
                "Find what holds it: files on tmpfs (df -t tmpfs), System V segments (ipcs -m), \
                 or memfds (/proc/PID/fd).",
            )
    })
}

/// Shared memory that the victim had mapped, where that is more than its anonymous memory.
pub(super) fn shmem_above(memory: &VictimMemory) -> Option<Bytes> {
    let shmem = memory.shmem_bytes?;
    (shmem > memory.anon_bytes?).then_some(shmem)
}

/// Huge pages are charged only where the mount option `memory_hugetlb_accounting` says so.
fn hugetlb(event: &OomKill, limit: &LimitHit, usage: &Usage, total: Bytes) -> Option<Draft> {
    let bytes = usage
        .hugetlb_bytes
        .filter(|&bytes| has_filled(bytes, total))?;
    let draft = share_of_limit(Draft::new(code::HUGETLB_FILLED), "hugetlb", bytes, event)
        .say(" was huge pages (hugetlb), which cannot be reclaimed.")
        .change("Use fewer huge pages than ")
        .bytes("hugetlb", bytes)
        .say(", or raise the limit.");
    Some(delayed(draft, limit).weighing(bytes))
}

/// What of the charged memory a kill takes away for certain is the victim's anonymous memory; the
/// rest of its resident memory may be shared or stay in a file.
fn kill_frees_little(event: &OomKill, usage: &Usage, total: Bytes) -> Option<Draft> {
    let memory = event.victim.memory.as_ref()?;
    let own = memory.shmem_bytes.unwrap_or_default();
    let shmem = usage.shmem_bytes.unwrap_or_default();
    // Of its own shared memory nobody knows who else holds it.
    let stays = shmem
        .saturating_sub(own)
        .saturating_add(usage.slab_bytes.unwrap_or_default());
    let frees = memory.anon_bytes?;
    if !is_half(stays, total) || has_filled(frees, total) {
        return None;
    }
    let name = words::victim_again(&event.victim);
    Some(
        Draft::new(code::KILL_FREES_LITTLE)
            .say(&format!("Killing {name} gives back its "))
            .bytes("victim_anon", frees)
            .say(" of anonymous memory for certain; ")
            .bytes("not_freed", stays)
            .say(
                " of shared memory and kernel objects stay as long as files or other processes \
                 hold them, so the next kill may follow.",
            )
            .with_optional("shmem", usage.shmem_bytes)
            .with_optional("victim_shmem", memory.shmem_bytes)
            .with_optional("slab", usage.slab_bytes),
    )
}

fn page_cache_filled(
    event: &OomKill,
    limit: &LimitHit,
    usage: &Usage,
    total: Bytes,
) -> Option<Draft> {
    let bytes = usage
        .page_cache_bytes
        .filter(|&bytes| has_filled(bytes, total))?;
    let draft = share_of_limit(
        Draft::new(code::PAGE_CACHE_FILLED),
        "page_cache",
        bytes,
        event,
    )
    .say(" was page cache that reclaim had not freed");
    let part = |part: Option<Bytes>| part.filter(|&part| is_half(part, bytes) && part <= bytes);
    let draft = match (part(usage.unevictable_bytes), part(usage.dirty_bytes)) {
        (Some(locked), _) => draft
            .say("; ")
            .bytes("unevictable", locked)
            .say(" of the cgroup's memory was locked (mlock) and must stay.")
            .change("Lock less than ")
            .bytes("unevictable", locked)
            .say(", or raise the limit: what is locked is no cache to the kernel."),
        (None, Some(dirty)) => draft
            .say("; ")
            .bytes("dirty", dirty)
            .say(" of it had to be written first.")
            .change("Write less at once (or sync in between): storage did not keep up with ")
            .bytes("dirty", dirty)
            .say(" to be written."),
        (None, None) => {
            draft.say(": locked, dirty, being written, or in use again as soon as it is dropped.")
        }
    };
    Some(delayed(draft, limit).weighing(bytes))
}

fn page_cache_left(limit: &LimitHit, usage: &Usage, total: Bytes) -> Option<Draft> {
    // Where shared memory is in the figure, there was even less to drop.
    let bytes = usage
        .page_cache_bytes
        .or(usage.page_cache_and_shmem_bytes)
        .filter(|&bytes| !has_filled(bytes, total))?;
    let draft = Draft::new(code::PAGE_CACHE_LEFT);
    let draft = if bytes.0 == 0 {
        draft
            .say("No page cache was left to drop.")
            .with_bytes("page_cache", bytes)
    } else if bytes.0 < total.0 / NOTHING_PARTS {
        draft
            .say("Only ")
            .bytes("page_cache", bytes)
            .say(" of page cache was left to drop.")
    } else {
        draft
            .bytes("page_cache", bytes)
            .say(" of page cache was left; reclaim had not freed it.")
    };
    Some(delayed(draft, limit))
}

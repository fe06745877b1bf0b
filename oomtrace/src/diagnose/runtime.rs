//! Findings on the caps that the victim's own runtime was configured with.

use super::code;
use super::draft::{Draft, Findings};
use super::share::is_half;
use crate::model::{Bytes, OomKill, Runtime, RuntimeKind, Unit};
use crate::words;

/// What Node 20 takes as its heap's cap in a cgroup of at most 512 MiB (measured).
const NODE_DEFAULT_HEAP: Bytes = Bytes(259 << 20);

/// Stack of a JVM's thread where `-Xss` does not say (64-bit Linux).
const JVM_THREAD_STACK: Bytes = Bytes(1 << 20);

/// In less memory than this a JVM goes by `MinRAMPercentage` and not by `MaxRAMPercentage`: where
/// half of the memory is less than its smallest usual heap, 96 MiB times 1.3 on 64-bit machines.
const JVM_SHARE_FROM: Bytes = Bytes(250 << 20);

/// What is less than one part in so many of the limit explains nothing.
const WEIGHTY_PARTS: u64 = 4;

pub(super) fn findings(event: &OomKill, out: &mut Findings) {
    let Some(runtime) = &event.runtime else {
        return;
    };
    let about = About {
        event,
        runtime,
        limit: event.limit.as_ref().and_then(|limit| limit.limit_bytes),
        anon: event
            .victim
            .memory
            .as_ref()
            .and_then(|memory| memory.anon_bytes),
    };
    let mut out_of_runtime = Vec::new();
    let found = &mut out_of_runtime;
    match (runtime.max_heap_bytes, about.limit) {
        (Some(cap), Some(limit)) if cap >= limit => found.push(about.cap_above_limit(cap, limit)),
        (Some(cap), _) => found.push(about.cap_is_not_process_cap(cap)),
        (None, Some(limit)) => {
            let unaware = super::jvm::unaware_of_limit(event, runtime, limit);
            if unaware.is_none() {
                found.extend(about.heap_share(limit));
            }
            found.extend(unaware);
            found.extend(about.node_default_heap(limit));
        }
        (None, None) => {}
    }
    if let Some(limit) = about.limit {
        super::configured::findings(runtime, limit, found);
        found.extend(super::data_store::connections_above_limit(runtime, limit));
        found.extend(super::data_store::copy_on_write(event, runtime, limit));
        found.extend(about.soft_limit_missing(limit));
        found.extend(about.memory_outside_heap(limit));
        found.extend(about.many_threads(limit));
    }
    found.extend(about.soft_limit());
    // A runtime's settings explain a kill only if the memory was the runtime's.
    let is_its_own = about.is_its_own();
    let keep = |draft: Draft| if is_its_own { draft } else { draft.aside() };
    out.extend(out_of_runtime.into_iter().map(keep));
}

/// How the cap was set, and what it does not bound.
fn names(kind: RuntimeKind) -> (&'static str, &'static str) {
    match kind {
        RuntimeKind::Jvm => (
            "-Xmx",
            "direct buffers, metaspace, thread stacks, the code cache and the collector's own \
             memory",
        ),
        RuntimeKind::Node => (
            "--max-old-space-size",
            "Buffers, young objects, compiled code, worker threads and native modules",
        ),
        RuntimeKind::Dotnet => ("GCHeapHardLimit", "thread stacks, code and native memory"),
        _ => ("the heap's cap", "memory outside of the heap"),
    }
}

struct About<'a> {
    event: &'a OomKill,
    runtime: &'a Runtime,
    limit: Option<Bytes>,
    anon: Option<Bytes>,
}

impl About<'_> {
    /// Whether at least half of the limit was the process's own memory, files aside.
    fn is_its_own(&self) -> bool {
        let Some((limit, memory)) = self.limit.zip(self.event.victim.memory.as_ref()) else {
            return true;
        };
        let own = memory
            .anon_bytes
            .map(|anon| anon.saturating_add(memory.shmem_bytes.unwrap_or_default()));
        own.is_none_or(|own| is_half(own, limit))
    }

    fn name(&self) -> &str {
        words::victim_again(&self.event.victim)
    }

    fn cap_is_not_process_cap(&self, cap: Bytes) -> Draft {
        let (option, outside) = names(self.runtime.kind);
        let mut draft = Draft::new(code::HEAP_CAP_IS_NOT_PROCESS_CAP)
            .say(&format!("{option} bounds only the heap, at "))
            .bytes("max_heap", cap)
            .say(&format!("; {outside} are outside of it."));
        let outside_min = self.anon.unwrap_or_default().saturating_sub(cap);
        let limit = self.limit.unwrap_or_default();
        if outside_min.0 < limit.0 / WEIGHTY_PARTS {
            draft = draft.aside();
        }
        if let Some(anon) = self.anon.filter(|&anon| anon > cap) {
            // Whatever the heap was, it was not more than its cap.
            draft = draft
                .say(" Of the ")
                .bytes("victim_anon", anon)
                .say(&format!(
                    " of anonymous memory of {} at least ",
                    self.name()
                ))
                .bytes("outside_heap_min", outside_min)
                .say(" were not heap.");
        }
        draft = draft
            .with_optional("limit", self.limit)
            .with_optional("max_direct", self.runtime.max_direct_bytes)
            .with_optional("max_metaspace", self.runtime.max_metaspace_bytes)
            .with_optional("thread_stack", self.runtime.thread_stack_bytes);
        if outside_min == Bytes(0) {
            return draft;
        }
        match (self.runtime.kind, self.limit) {
            (RuntimeKind::Jvm, Some(_)) if self.runtime.max_direct_bytes.is_none() => draft
                .change("Leave room for what is not heap, or cap it: while ")
                .say("-XX:MaxDirectMemorySize is not set, direct buffers may take another ")
                .bytes("max_heap", cap)
                .say(if self.runtime.max_metaspace_bytes.is_none() {
                    ", and without -XX:MaxMetaspaceSize class metadata has no cap."
                } else {
                    "."
                }),
            (_, Some(limit)) => draft
                .change_at_last("Leave room for what is not heap in the limit of ")
                .bytes("limit", limit)
                .say(&format!(": lower {option}, or raise the limit.")),
            (_, None) => draft,
        }
    }

    fn cap_above_limit(&self, cap: Bytes, limit: Bytes) -> Draft {
        let (option, _) = names(self.runtime.kind);
        Draft::new(code::HEAP_CAP_ABOVE_LIMIT)
            .say(&format!("{option} lets the heap grow to "))
            .bytes("max_heap", cap)
            .say(", but the limit is ")
            .bytes("limit", limit)
            .say(": the kernel kills before the runtime can report that it is out of memory.")
            .change(&format!("Set {option} below "))
            .bytes("limit", limit)
            .say(", or raise the limit above ")
            .bytes("max_heap", cap)
            .say(": either with room for what is not heap.")
    }

    fn heap_share(&self, limit: Bytes) -> Option<Draft> {
        let percent = self.runtime.max_ram_percent?;
        if self.runtime.kind == RuntimeKind::Jvm && limit < JVM_SHARE_FROM {
            return None;
        }
        let hundredths = hundredths(percent)?;
        let heap =
            Bytes(u64::try_from(u128::from(limit.0) * u128::from(hundredths) / 10_000).ok()?);
        let option = match self.runtime.kind {
            RuntimeKind::Dotnet => "GCHeapHardLimitPercent",
            _ => "MaxRAMPercentage",
        };
        let (_, outside) = names(self.runtime.kind);
        // Evidence is whole per cents.
        let share = (hundredths + 50) / 100;
        let about = if share * 100 == hundredths {
            ""
        } else {
            "about "
        };
        Some(
            Draft::new(code::HEAP_SHARE_OF_LIMIT)
                .say(&format!(
                    "{option} gives the heap {about}{share} % of the memory it sees: of the "
                ))
                .with("heap_share", share, Unit::Percent)
                .bytes("limit", limit)
                .say(" that is ")
                .bytes("heap_of_limit", heap)
                .say(", which leaves ")
                .bytes("left_of_limit", limit.saturating_sub(heap))
                .say(&format!(" for {outside}."))
                .change(&format!("Lower {option}, or raise the limit: more than "))
                .bytes("left_of_limit", limit.saturating_sub(heap))
                .say(" is needed beside the heap."),
        )
    }

    /// The figure is that of Node 20; other versions choose alike.
    fn node_default_heap(&self, limit: Bytes) -> Option<Draft> {
        if self.runtime.kind != RuntimeKind::Node || limit > NODE_DEFAULT_HEAP {
            return None;
        }
        let victim = &self.event.victim;
        let configured = match (&victim.cmdline, &victim.environ) {
            (Some(_), Some(_)) => "No --max-old-space-size was given",
            (Some(_), None) => "No --max-old-space-size was given on the command line",
            (None, _) => return None,
        };
        Some(
            Draft::new(code::NODE_DEFAULT_HEAP)
                .say(&format!(
                    "{configured}, and Node's own default in a small container is about "
                ))
                .bytes("node_default_heap", NODE_DEFAULT_HEAP)
                .say(" (measured with Node 20), not below the limit of ")
                .bytes("limit", limit)
                .say(": the kernel kills before Node can report that it is out of memory.")
                .change("Start Node with --max-old-space-size below ")
                .bytes("limit", limit)
                .say(", or raise the limit above ")
                .bytes("node_default_heap", NODE_DEFAULT_HEAP)
                .say(": either with room for what is not heap."),
        )
    }

    /// The JVM's own counters; the heap may have grown since, but only until the next collection.
    fn memory_outside_heap(&self, limit: Bytes) -> Option<Draft> {
        let jvm = self.runtime.jvm.as_ref()?;
        let (heap, anon) = jvm.heap_capacity_bytes.zip(self.anon)?;
        let outside = anon.saturating_sub(heap);
        if outside.0 < limit.0 / WEIGHTY_PARTS {
            return None;
        }
        let when = match jvm.collections_total {
            Some(0) => "Before any garbage collection",
            _ => "At its last garbage collection",
        };
        let mut draft = Draft::new(code::MEMORY_OUTSIDE_HEAP)
            .say(&format!("{when} the JVM's heap took at most "))
            .bytes("heap_capacity", heap)
            .say("; of the ")
            .bytes("victim_anon", anon)
            .say(&format!(" of anonymous memory of {} ", self.name()))
            .bytes("outside_heap", outside)
            .say(" were elsewhere");
        let metaspace = jvm.metaspace_capacity_bytes;
        let is_metaspace =
            metaspace.is_some_and(|bytes| bytes <= outside && bytes.0 >= outside.0 / WEIGHTY_PARTS);
        draft = match metaspace {
            Some(metaspace) if is_metaspace => draft
                .say(", ")
                .bytes("metaspace_capacity", metaspace)
                .say(" of it metaspace (metadata of classes)"),
            Some(metaspace) => draft.with_bytes("metaspace_capacity", metaspace),
            None => draft,
        };
        draft = draft.say(".").weighing(outside);
        let is_capped = self.runtime.max_metaspace_bytes.is_some();
        Some(match metaspace.filter(|_| is_metaspace && !is_capped) {
            Some(metaspace) => draft
                .change("Look for class loaders that are kept: with ")
                .bytes("metaspace_capacity", metaspace)
                .say(" of class metadata and no -XX:MaxMetaspaceSize nothing else bounds it."),
            None => draft,
        })
    }

    /// Stacks are only reserved, so this says what they may take.
    fn many_threads(&self, limit: Bytes) -> Option<Draft> {
        if self.runtime.kind != RuntimeKind::Jvm {
            return None;
        }
        let threads = u64::from(self.event.victim.threads?);
        let configured = self.runtime.thread_stack_bytes;
        let stack = configured.unwrap_or(JVM_THREAD_STACK);
        let all = Bytes(threads.saturating_mul(stack.0));
        if !is_half(all, limit) {
            return None;
        }
        let how = if configured.is_some() {
            "-Xss"
        } else {
            "the default of -Xss"
        };
        Some(
            Draft::new(code::MANY_THREADS)
                .say("It had ")
                .count("threads", threads)
                .say(" threads, whose stacks may take ")
                .bytes("thread_stack", stack)
                .say(&format!(" each ({how}), "))
                .bytes("thread_stacks", all)
                .say(" together, outside of the heap.")
                .change("Start fewer threads than ")
                .count("threads", threads)
                .say(", give them less than ")
                .bytes("thread_stack", stack)
                .say(" each by -Xss, or raise the limit."),
        )
    }

    /// Without a goal the collector goes by the growth of the heap alone.
    fn soft_limit_missing(&self, limit: Bytes) -> Option<Draft> {
        let percent = self.runtime.gc_percent?;
        let is_known = self.event.victim.environ.is_some();
        let is_absent = self.runtime.soft_limit_bytes.is_none() && is_known;
        if self.runtime.kind != RuntimeKind::Go || !is_absent {
            return None;
        }
        Some(
            Draft::new(code::SOFT_LIMIT_MISSING)
                .say(&format!(
                    "With GOGC={percent} and no GOMEMLIMIT the collector goes by the growth of the \
                     heap alone, and does not know of the limit of "
                ))
                .with("gc_percent", percent.into(), Unit::Percent)
                .bytes("limit", limit)
                .say(".")
                .change("Set GOMEMLIMIT below ")
                .bytes("limit", limit)
                .say(", with room for what is not Go's own memory."),
        )
    }

    fn soft_limit(&self) -> Option<Draft> {
        let (goal, anon) = self.runtime.soft_limit_bytes.zip(self.anon)?;
        if anon <= goal || self.limit.is_some_and(|limit| goal >= limit) {
            return None;
        }
        Some(
            Draft::new(code::SOFT_LIMIT_EXCEEDED)
                .say("GOMEMLIMIT, ")
                .bytes("soft_limit", goal)
                .say(", is a goal of the collector and no cap: the process had ")
                .bytes("victim_anon", anon)
                .say(" of anonymous memory.")
                .change("What the program keeps is above its goal of ")
                .bytes("soft_limit", goal)
                .say(": only keeping less, or a higher limit, helps."),
        )
    }
}

/// Hundredths of a percentage; `None` for what is none.
fn hundredths(percent: f64) -> Option<u64> {
    (0.0..=100.0)
        .contains(&percent)
        .then(|| (percent * 100.0).round() as u64)
}

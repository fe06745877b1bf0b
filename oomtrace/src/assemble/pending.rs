//! The records of one kill while they come in.

use oomtrace_common::record::kill_flags;

use super::missing::Reason;
use super::parts::Parts;
use super::request;
use crate::decode::{
    Chain, Exe, Kill, Level, NodeMemory, Outcome, Reaping, Record, Role, SummedRss, VictimContext,
    VictimEnviron, Zone,
};
use crate::model::{PageSize, SnapshotRequest};

/// How long the kill's chain is waited for before user space is asked to look.
pub(super) const OPEN_WAIT_NS: u64 = 5_000_000;

/// How long after the mark the event is emitted, whatever has arrived by then.
pub(super) const EMIT_WAIT_NS: u64 = 50_000_000;

/// Processes that are kept beside a kill (sharers, contexts, outcomes, of each so many). More of
/// them share one address space only in a damaged recording.
const PROCESSES_MAX: usize = 1024;

/// The records of one kill.
#[derive(Debug, Default)]
pub(super) struct PendingKill {
    pub(super) kill: Option<Kill>,
    /// `kill` is an invocation without a victim.
    pub(super) no_victim: bool,
    pub(super) sharers: Vec<Kill>,
    pub(super) chain: Option<Chain>,
    pub(super) trigger_chain: Option<Chain>,
    pub(super) limit_chain: Option<Chain>,
    pub(super) contexts: Vec<VictimContext>,
    pub(super) environs: Vec<VictimEnviron>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) node_memory: Option<NodeMemory>,
    pub(super) exe: Option<Exe>,
    pub(super) summed_rss: Option<SummedRss>,
    pub(super) reapings: Vec<Reaping>,
    /// Whether user space was asked to look.
    pub(super) opened: bool,
    /// The mark; until the kill is here, the earliest moment that a record names.
    since_boot_ns: Option<u64>,
    /// Bytes that everything but the kill itself takes.
    pub(super) bytes: usize,
}

/// The records of other processes, and of what came later.
pub(super) struct Rest {
    pub(super) sharers: Vec<Kill>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) reapings: Vec<Reaping>,
}

impl PendingKill {
    /// Takes a record in; false if there is one of the same already.
    pub(super) fn take(&mut self, record: Record) -> bool {
        let boot_ns = match &record {
            Record::Outcome(outcome) => outcome.marked_boot_ns,
            Record::Reaping(reaping) => reaping.marked_boot_ns,
            other => other.meta().boot_ns,
        };
        if self.kill.is_none() {
            self.since_boot_ns = Some(
                self.since_boot_ns
                    .map_or(boot_ns, |since| since.min(boot_ns)),
            );
        }
        match record {
            Record::Kill(kill) => self.essential(kill),
            Record::NoVictim(kill) => {
                let new = self.essential(kill);
                self.no_victim |= new;
                new
            }
            // They are kept by invocation, not by kill.
            Record::Candidate(_) => false,
            Record::SharedKill(kill) => {
                let new = push(&mut self.sharers, kill, |kill| kill.victim.tgid);
                self.bytes += if new { size_of::<Kill>() } else { 0 };
                new
            }
            Record::Chain(chain) => {
                let bytes = chain_bytes(&chain);
                let new = match chain.role {
                    Role::Victim => put(&mut self.chain, chain),
                    Role::Trigger => put(&mut self.trigger_chain, chain),
                    Role::Limit => put(&mut self.limit_chain, chain),
                };
                self.bytes += if new { bytes } else { 0 };
                new
            }
            Record::VictimContext(context) => {
                let bytes = context_bytes(&context);
                let new = push(&mut self.contexts, context, |context| context.tgid);
                self.bytes += if new { bytes } else { 0 };
                new
            }
            Record::VictimEnviron(environ) => {
                let bytes = size_of::<VictimEnviron>() + environ.variables.len();
                let new = push(&mut self.environs, environ, |environ| environ.tgid);
                self.bytes += if new { bytes } else { 0 };
                new
            }
            Record::Outcome(outcome) => {
                let new = push(&mut self.outcomes, outcome, |outcome| outcome.tgid);
                self.bytes += if new { size_of::<Outcome>() } else { 0 };
                new
            }
            Record::NodeMemory(node) => {
                let bytes = size_of::<NodeMemory>() + node.zones.len() * size_of::<Zone>();
                let new = put(&mut self.node_memory, node);
                self.bytes += if new { bytes } else { 0 };
                new
            }
            Record::Exe(exe) => {
                let bytes = size_of::<Exe>() + exe.path.as_ref().map_or(0, Vec::len);
                let new = put(&mut self.exe, exe);
                self.bytes += if new { bytes } else { 0 };
                new
            }
            Record::SummedRss(rss) => put(&mut self.summed_rss, rss),
            Record::Reaping(reaping) => {
                let new = push(&mut self.reapings, reaping, |one| {
                    (one.meta.boot_ns, one.step)
                });
                self.bytes += if new { size_of::<Reaping>() } else { 0 };
                new
            }
        }
    }

    /// What user space is to look at; once, and not where nobody dies.
    pub(super) fn request(&mut self, page_size: PageSize) -> Option<SnapshotRequest> {
        let is_due = !self.opened && !self.no_victim;
        let kill = self.kill.as_ref().filter(|_| is_due)?;
        self.opened = true;
        let (chain, trigger) = (self.chain.as_ref(), self.trigger_chain.as_ref());
        Some(request::of(kill, chain, trigger, page_size))
    }

    /// How many records there are beside the kill itself and its sharers.
    pub(super) fn details(&self) -> usize {
        self.chain.iter().count()
            + self.limit_chain.iter().count()
            + self.trigger_chain.iter().count()
            + self.contexts.len()
            + self.environs.len()
            + self.outcomes.len()
            + self.reapings.len()
            + usize::from(self.node_memory.is_some())
            + usize::from(self.exe.is_some())
            + usize::from(self.summed_rss.is_some())
    }

    /// What the event is made of, and what is left of the rest; nothing without the kill itself.
    /// `late` says why what is not here is not.
    pub(super) fn into_parts(self, late: Reason) -> (Option<Parts>, Rest) {
        let rest = Rest {
            sharers: self.sharers,
            outcomes: self.outcomes,
            reapings: self.reapings,
        };
        let no_victim = self.no_victim;
        let parts = self.kill.map(|kill| Parts {
            kill,
            no_victim,
            chain: if no_victim {
                self.limit_chain
            } else {
                self.chain
            },
            trigger_chain: self.trigger_chain,
            contexts: self.contexts,
            environs: self.environs,
            node_memory: self.node_memory,
            exe: self.exe,
            summed_rss: self.summed_rss,
            late,
        });
        (parts, rest)
    }

    fn essential(&mut self, kill: Kill) -> bool {
        let new = self.kill.is_none();
        if new {
            self.since_boot_ns = Some(kill.meta.boot_ns);
            self.kill = Some(kill);
        }
        new
    }

    fn since(&self) -> u64 {
        self.since_boot_ns.unwrap_or(0)
    }

    /// When user space is to look, at the latest.
    pub(super) fn open_deadline(&self) -> u64 {
        self.since().saturating_add(OPEN_WAIT_NS)
    }

    /// Deadline for emitting the event.
    pub(super) fn emit_deadline(&self) -> u64 {
        self.since().saturating_add(EMIT_WAIT_NS)
    }

    /// The next moment at which something happens by itself.
    pub(super) fn deadline(&self) -> u64 {
        if self.kill.is_some() && !self.opened && !self.no_victim {
            self.open_deadline()
        } else {
            self.emit_deadline()
        }
    }

    /// Whether the chains that the kill promises are here.
    pub(super) fn chains_complete(&self) -> bool {
        let Some(kill) = &self.kill else { return false };
        if self.no_victim {
            // The kernel side sends one unless the OOM was global, or it could not tell.
            let global = kill
                .oom_control
                .is_some_and(|control| control.memcg_id.is_none());
            return self.limit_chain.is_some() || global;
        }
        let none_comes = kill.has(kill_flags::CHAIN_LOST) || kill.has(kill_flags::TRACEPOINT_ONLY);
        (self.chain.is_some() || none_comes)
            && (self.trigger_chain.is_some() || !kill.has(kill_flags::TRIGGER_CHAIN))
    }

    /// Whether what else the kill promises is here.
    pub(super) fn details_complete(&self) -> bool {
        let Some(kill) = &self.kill else { return false };
        (self.node_memory.is_some() || !kill.has(kill_flags::NODE_MEMORY))
            && (self.exe.is_some() || !kill.has(kill_flags::EXE))
            && (self.summed_rss.is_some() || !kill.has(kill_flags::SUMMED_RSS))
    }

    /// Whether the victim's context is here, or will not come.
    pub(super) fn context_complete(&self, expected: bool) -> bool {
        let Some(kill) = &self.kill else { return false };
        let comes = expected
            && !self.no_victim
            && !kill.has(kill_flags::NOT_FOLLOWED | kill_flags::PAST_EXIT)
            && !kill.has(kill_flags::TRACEPOINT_ONLY);
        !comes
            || self
                .contexts
                .iter()
                .any(|context| Some(context.tgid) == kill.victim.tgid)
    }
}

fn put<T>(place: &mut Option<T>, value: T) -> bool {
    let empty = place.is_none();
    if empty {
        *place = Some(value);
    }
    empty
}

fn push<T, K: PartialEq>(list: &mut Vec<T>, value: T, key: impl Fn(&T) -> K) -> bool {
    let is_new = list.len() < PROCESSES_MAX && list.iter().all(|known| key(known) != key(&value));
    if is_new {
        list.push(value);
    }
    is_new
}

fn chain_bytes(chain: &Chain) -> usize {
    let names = chain
        .levels
        .iter()
        .map(|level| level.name.as_ref().map_or(0, Vec::len));
    chain.levels.len() * size_of::<Level>() + names.sum::<usize>()
}

fn context_bytes(context: &VictimContext) -> usize {
    size_of::<VictimContext>() + context.cmdline.as_ref().map_or(0, Vec::len)
}

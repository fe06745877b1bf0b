//! The records of one kill, as an event is made of them.

use oomtrace_common::record::kill_flags;

use super::context::CaptureContext;
use super::limit::{self, Hit, Verdict};
use super::missing::Reason;
use crate::decode::{Chain, Exe, Kill, NodeMemory, SummedRss, VictimContext, VictimEnviron};
use crate::model::Basis;

/// The records of one kill.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) kill: Kill,
    /// `kill` is an invocation without a victim.
    pub(super) no_victim: bool,
    /// The victim's; of an invocation without one, that of the cgroup whose limit was hit.
    pub(super) chain: Option<Chain>,
    pub(super) trigger_chain: Option<Chain>,
    pub(super) contexts: Vec<VictimContext>,
    pub(super) environs: Vec<VictimEnviron>,
    pub(super) node_memory: Option<NodeMemory>,
    pub(super) exe: Option<Exe>,
    pub(super) summed_rss: Option<SummedRss>,
    /// Why what is not here is not here, unless the kill's own flags say.
    pub(super) late: Reason,
}

impl Parts {
    /// Why there is no chain.
    pub(super) fn no_chain(&self) -> Reason {
        if self.kill.has(kill_flags::CHAIN_LOST) {
            Reason::RecordLost
        } else if self.kill.has(kill_flags::TRACEPOINT_ONLY) {
            Reason::TracepointOnly
        } else {
            self.late
        }
    }

    fn no_context(&self) -> Reason {
        if self.kill.has(kill_flags::NOT_FOLLOWED) {
            Reason::NotFollowed
        } else if self.kill.has(kill_flags::PAST_EXIT) {
            Reason::PastExit
        } else if self.kill.has(kill_flags::TRACEPOINT_ONLY) {
            Reason::TracepointOnly
        } else {
            self.late
        }
    }

    /// Whose limit it was.
    pub(super) fn verdict(&self, ctx: &CaptureContext<'_>) -> Verdict<'_> {
        limit::decide(
            &self.kill,
            self.chain.as_ref(),
            self.trigger_chain.as_ref(),
            self.no_chain(),
            ctx.host.page_size_bytes,
        )
    }

    /// Whose limit it was, where the incident's is known: by the time of a later kill the cgroup may
    /// be below it again. The figures are those of this kill.
    pub(super) fn verdict_within(
        &self,
        incident_limit: Option<(u64, Basis)>,
        ctx: &CaptureContext<'_>,
    ) -> Verdict<'_> {
        match incident_limit {
            Some((id, basis)) => Verdict::Hit(self.known_limit(id, basis, ctx)),
            None => self.verdict(ctx),
        }
    }

    /// The cgroup that is known to be the one, in these chains.
    fn known_limit(&self, id: u64, basis: Basis, ctx: &CaptureContext<'_>) -> Hit<'_> {
        let page_size = ctx.host.page_size_bytes;
        limit::by_id(
            id,
            basis,
            self.chain.as_ref(),
            self.trigger_chain.as_ref(),
            self.no_chain(),
            page_size,
        )
    }

    /// The command line of process `tgid`; that of any other user of the same address space is
    /// the same.
    pub(super) fn context(&self, tgid: Option<u32>) -> Result<&VictimContext, Reason> {
        self.contexts
            .iter()
            .find(|context| Some(context.tgid) == tgid)
            .or(self.contexts.first())
            .ok_or(self.no_context())
    }
}

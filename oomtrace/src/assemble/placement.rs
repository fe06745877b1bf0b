//! Decides whether a kill starts an incident or joins one.

use super::candidates::{Candidates, Listed, SHOWN_MAX};
use super::context::CaptureContext;
use super::event::Placement;
use super::incident::{self, Incident, Place};
use super::limit::{Hit, Verdict};
use super::missing::Reason;
use super::parts::Parts;
use super::paths;
use super::recent::RecentKills;
use super::reconcile::Observed;
use super::text::text;
use crate::model::{Basis, ChosenProcess, KillKind, Text};

/// Where a kill was placed, and what it takes over from the incident.
pub(super) struct Placed {
    /// Running number of the first kill of the incident.
    pub(super) first: u32,
    pub(super) placement: Placement,
    /// The limit of the incident, for siblings: by the time of their own mark the cgroup may be
    /// below it again.
    pub(super) limit: Option<(u64, Basis)>,
}

/// Places kills: what is known of recent ones, which it keeps up to date.
pub(super) struct Incidents<'a> {
    pub(super) ctx: CaptureContext<'a>,
    pub(super) recent: &'a mut RecentKills,
    pub(super) candidates: &'a mut Candidates,
    pub(super) observed: &'a mut Observed,
}

impl Incidents<'_> {
    /// Finds the incident of a kill, or begins one.
    pub(super) fn place(&mut self, sequence: u32, parts: &Parts) -> Placed {
        if let Some(standing) = self.counted_sibling(parts) {
            return standing;
        }
        let before = sequence
            .checked_sub(1)
            .and_then(|before| self.recent.kill(before));
        let place = incident::place(
            &parts.kill,
            parts.chain.as_ref(),
            parts.no_chain(),
            before.map(|kill| &kill.mark),
            self.ctx.host.cgroup_version == 1,
        );
        let incident = before.and_then(|kill| {
            let known = self.recent.incident(kill.incident)?;
            Some((kill.incident, known.clone()))
        });
        if let (Place::Sibling { certain }, Some((first, known))) = (place, incident)
            && let Some(group_path) = known.group_path(parts.chain.as_ref(), certain)
        {
            return self.sibling(first, known, Ok(KillKind::Group), group_path);
        }
        let kind = match place {
            Place::Unclear(reason) => Err(reason),
            Place::Chosen | Place::Sibling { .. } => Ok(KillKind::Chosen),
        };
        self.begin(sequence, parts, kind)
    }

    /// A kill of a counted invocation of which another kill was emitted already.
    fn counted_sibling(&mut self, parts: &Parts) -> Option<Placed> {
        let first = self.recent.invocation(parts.kill.oom_sequence?)?;
        let known = self.recent.incident(first)?.clone();
        // Nothing but a group makes the kernel kill on, so the chain is not needed; where it is
        // here and shows none, something is wrong with either.
        let in_group = self.ctx.host.cgroup_version != 1
            && parts.chain.as_ref().is_none_or(incident::has_groups);
        let kind = if in_group {
            Ok(KillKind::Group)
        } else {
            Err(Reason::NotDetermined)
        };
        let group_path = match &known.group {
            Some((_, path)) => Ok(path.clone()),
            None => Err(Reason::NotDetermined),
        };
        Some(self.sibling(first, known, kind, group_path))
    }

    fn sibling(
        &mut self,
        first: u32,
        known: Incident,
        kind: Result<KillKind, Reason>,
        group_path: Result<Option<String>, Reason>,
    ) -> Placed {
        if self.ctx.host.cgroup_version != 1 {
            self.observed.maybe_twice = self.observed.maybe_twice.saturating_sub(1);
        }
        Placed {
            first,
            placement: Placement {
                incident_id: known.id,
                kill_index: self.recent.next_index(first),
                chosen: known.chosen.filter(|_| kind == Ok(KillKind::Group)),
                kind,
                group_path,
                candidates: Listed::Elsewhere,
            },
            limit: known.limit,
        }
    }

    fn begin(&mut self, sequence: u32, parts: &Parts, kind: Result<KillKind, Reason>) -> Placed {
        let ctx = self.ctx;
        let verdict = parts.verdict(&ctx);
        let groups = parts.chain.as_ref().is_none_or(incident::has_groups);
        let within = match (&verdict, &parts.chain) {
            (Verdict::Global, Some(chain)) => Some(chain.levels.len()),
            (Verdict::Hit(hit), Some(chain)) => hit.cgroup_id.and_then(|id| chain.position(id)),
            _ => None,
        };
        let group = within.zip(parts.chain.as_ref()).and_then(|(index, chain)| {
            let at = incident::group_of_chosen(chain, index)?;
            let path = paths::paths(chain).into_iter().nth(at)?.ok();
            let path = path.map(|path| Text::from_bytes(&path).lossy);
            Some((chain.levels.get(at)?.cgroup_id?, path))
        });
        // With a limit that is known, so is whether a group died with the chosen victim.
        let may_count_twice = match within {
            Some(_) => group.is_some(),
            None => groups && self.ctx.host.cgroup_version != 1,
        };
        let known = Incident {
            id: ctx.kill_id(&parts.kill),
            kills: 0,
            limit: match verdict {
                Verdict::Hit(Hit {
                    cgroup_id: Some(id),
                    basis,
                    ..
                }) => Some((id, basis)),
                _ => None,
            },
            group,
            chosen: parts
                .kill
                .victim
                .tgid
                .filter(|_| kind == Ok(KillKind::Chosen))
                .map(|pid| {
                    let (comm, comm_hex) = text(parts.kill.victim.comm.as_deref());
                    ChosenProcess {
                        pid,
                        comm,
                        comm_hex,
                    }
                }),
        };
        let group_path = match &known.group {
            Some((_, path)) => Ok(path.clone()),
            None if within.is_none() && groups && parts.chain.is_some() => {
                Err(Reason::NotDetermined)
            }
            None => Ok(None),
        };
        if !may_count_twice && self.ctx.host.cgroup_version != 1 {
            self.observed.maybe_twice = self.observed.maybe_twice.saturating_sub(1);
        }
        let incident_id = known.id.clone();
        self.recent.begin_incident(sequence, known);
        if let Some(oom_sequence) = parts.kill.oom_sequence {
            self.recent.remember_invocation(oom_sequence, sequence);
        }
        let page_size = self.ctx.host.page_size_bytes;
        let candidates = self.candidates.listed(&parts.kill, page_size, SHOWN_MAX);
        Placed {
            first: sequence,
            placement: Placement {
                incident_id,
                kill_index: self.recent.next_index(sequence),
                kind,
                group_path,
                chosen: None,
                candidates,
            },
            limit: None,
        }
    }
}

//! Pairs what user space read for a kill with the events of that kill.

use std::collections::BTreeMap;

use crate::model::{KillKind, OomKill, Snapshot};

/// Snapshots kept for processes that shared a victim's memory and die later.
const SNAPSHOTS_MAX: usize = 256;

/// The latest snapshots, by the sequence number of the kill they were taken for.
#[derive(Debug, Default)]
pub struct Snapshots {
    kept: BTreeMap<u32, Kept>,
}

#[derive(Debug)]
struct Kept {
    snapshot: Snapshot,
    /// The cgroup of the victim it was taken for, once that is known.
    victim_cgroup_id: Option<u64>,
}

impl Snapshots {
    /// Keeps a snapshot; the oldest one goes where there are too many.
    pub fn keep(&mut self, snapshot: Snapshot) {
        let sequence = snapshot.sequence;
        let kept = Kept {
            snapshot,
            victim_cgroup_id: None,
        };
        self.kept.insert(sequence, kept);
        while self.kept.len() > SNAPSHOTS_MAX {
            self.kept.pop_first();
        }
    }

    /// Whether there is a snapshot for the kill of this sequence number.
    pub fn holds(&self, sequence: u32) -> bool {
        self.kept.contains_key(&sequence)
    }

    /// The snapshot that holds for `kill`.
    ///
    /// A process that shared the victim's memory may live in another cgroup: only in the same one
    /// it has the same owner, and the snapshot holds for it too.
    pub fn of(&mut self, sequence: u32, kill: &OomKill) -> Option<&Snapshot> {
        let kept = self.kept.get_mut(&sequence)?;
        let cgroup_id = kill.victim.cgroup_id;
        if kill.incident.kill_kind != Some(KillKind::SharedMm) {
            kept.victim_cgroup_id = cgroup_id;
            return Some(&kept.snapshot);
        }
        (cgroup_id.is_some() && cgroup_id == kept.victim_cgroup_id).then_some(&kept.snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::bare;

    fn kill(cgroup_id: Option<u64>, kind: Option<KillKind>) -> OomKill {
        let mut kill = bare();
        kill.victim.cgroup_id = cgroup_id;
        kill.incident.kill_kind = kind;
        kill
    }

    fn snapshot(sequence: u32) -> Snapshot {
        Snapshot {
            sequence,
            ..Snapshot::default()
        }
    }

    #[test]
    fn a_sharer_elsewhere_has_no_snapshot() {
        let mut snapshots = Snapshots::default();
        snapshots.keep(snapshot(1));
        let shared = Some(KillKind::SharedMm);
        assert!(snapshots.of(1, &kill(Some(7), shared)).is_none());
        assert!(snapshots.of(1, &kill(Some(7), None)).is_some());
        assert!(snapshots.of(1, &kill(Some(7), shared)).is_some());
        assert!(snapshots.of(1, &kill(Some(8), shared)).is_none());
        assert!(snapshots.of(1, &kill(None, shared)).is_none());
        assert!(snapshots.of(2, &kill(Some(7), None)).is_none());
    }

    #[test]
    fn the_oldest_snapshot_goes_first() {
        let mut snapshots = Snapshots::default();
        for sequence in 0..300 {
            snapshots.keep(snapshot(sequence));
        }
        assert!(!snapshots.holds(43));
        assert!(snapshots.holds(44) && snapshots.holds(299));
    }
}

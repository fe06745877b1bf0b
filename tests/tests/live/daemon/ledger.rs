//! What a receiver of the daemon has got.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::schema::Schema;
use oomtrace_tests::tracer;
use serde_json::Value;

/// What lines of NDJSON say, of kills in one cgroup and of losses.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// How often each kill's id occurs, by victim.
    pub(super) kills: BTreeMap<u64, BTreeMap<String, usize>>,
    /// The same of kills whose cgroup is not known: the kernel log of a storm holds no more of them.
    nowhere: BTreeMap<u64, BTreeMap<String, usize>>,
    /// Kills of gaps, at most, by their reasons.
    pub(super) gaps: BTreeMap<String, u64>,
}

impl Ledger {
    /// Reads lines; each must be whole and as the schema says.
    pub(super) fn read(text: &str, path: &[u8]) -> Result<Self> {
        let schema = Schema::of(&tracer::program()?)?;
        let mut ledger = Self::default();
        for line in text.lines() {
            ledger.add(&schema.check(line)?, path)?;
        }
        Ok(ledger)
    }

    fn add(&mut self, event: &Value, path: &[u8]) -> Result<()> {
        let text = |at| event.pointer(at).and_then(Value::as_str);
        let number = |at| event.pointer(at).and_then(Value::as_u64);
        match text("/event") {
            Some("gap") => {
                let reason = text("/reason").context("no reason")?.to_owned();
                let kills = number("/kills_missed_max").context("no count")?;
                *self.gaps.entry(reason).or_default() += kills;
            }
            Some("oom_kill") => {
                let place = match text("/victim/cgroup_path") {
                    Some(found) if found.as_bytes().starts_with(path) => &mut self.kills,
                    Some(_) => return Ok(()),
                    None => &mut self.nowhere,
                };
                let tid = number("/victim/tid").context("no tid")?;
                let id = text("/event_id").context("no id")?.to_owned();
                *place.entry(tid).or_default().entry(id).or_default() += 1;
            }
            _ => {}
        }
        Ok(())
    }

    /// Every one of these is there, under one id.
    pub(super) fn holds(&self, tids: &[u32]) -> Result<()> {
        let mut inside = 0;
        for tid in tids {
            let tid = u64::from(*tid);
            inside += usize::from(self.kills.contains_key(&tid));
            let ids = self.kills.get(&tid).or_else(|| self.nowhere.get(&tid));
            let ids = ids.with_context(|| format!("no event of {tid}; gaps: {:?}", self.gaps))?;
            ensure!(ids.len() == 1, "{tid} has several events: {ids:?}");
        }
        ensure!(self.kills.len() == inside, "events of others: {self:?}");
        Ok(())
    }
}

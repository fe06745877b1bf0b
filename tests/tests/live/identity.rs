//! Two tracers of the same kills.

use std::time::Duration;

use anyhow::{Result, ensure};
use oomtrace_tests::Stage;
use oomtrace_tests::process::Workload;
use oomtrace_tests::tracer::Tracer;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn two_tracers_give_one_kill_the_same_ids() -> Result<()> {
    let stage = Stage::without_tracer()?;
    let one = Tracer::start(&[])?;
    let cgroup = stage.cgroup(8)?;
    let mut victims = Vec::new();
    for kill in 0..3 {
        // The other has not seen as many as the one.
        let other = if kill > 0 {
            Some(Tracer::start(&[])?)
        } else {
            None
        };
        let mut victim = Workload::within(&cgroup)?.start(&["anon", "16"])?;
        victim.end_killed()?;
        victims.push(victim.pid());
        let event = one.kill_of(victim.pid(), PATIENCE)?;
        let Some(other) = other else { continue };
        let again = other.kill_of(victim.pid(), PATIENCE)?;
        for field in ["event_id", "incident.id"] {
            ensure!(
                event.text(field).is_some() && event.text(field) == again.text(field),
                "{field}: {:?} and {:?}",
                event.text(field),
                again.text(field)
            );
        }
        other.stop()?;
    }
    let said = one.stop()?;
    ensure!(said.killed_in(cgroup.path()).len() == victims.len());
    Ok(())
}

//! What the hooks would cost that were not chosen: the probe, loaded in this process with other
//! plans than the one that the host gets.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use oomtrace::xtask::{ExitHook, Facts, KillProof, Plan, Probe, plan};
use oomtrace_tests::cgroup::Cgroup;

use super::cost::spread;
use super::hooks::{self, ROUNDS};

/// The plans that are compared, each with what it adds to nothing at all.
fn choices(plan: &Plan) -> Vec<(&'static str, Plan)> {
    let mut signal = plan.clone();
    signal.proof = KillProof::Signal;
    let mut deliver = plan.clone();
    deliver.exit = ExitHook::SignalDeliver;
    vec![
        ("as planned for this host", plan.clone()),
        ("with `signal_generate` to prove a kill", signal),
        ("with `signal_deliver` for the command line", deliver),
    ]
}

/// A table of workloads that signals and exits pay for, by plan.
///
/// # Errors
/// This host cannot trace, or a workload cannot run.
pub fn measure(cgroup: &Cgroup) -> Result<String> {
    let facts = Facts::read().context("looking at this host")?;
    let plan = plan(&facts).context("planning")?;
    let choices = choices(&plan);
    let mut text = String::from("| | no hooks |");
    for (name, _) in &choices {
        let _ = write!(text, " {name} |");
    }
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(choices.len()));
    for workload in hooks::WORKLOADS.iter().filter(|workload| workload.is_idle) {
        println!("-- {} under {} plans", workload.name, choices.len());
        let mut columns = vec![Vec::new(); choices.len() + 1];
        // In turns, so that a change of the machine's mood meets all.
        for _ in 0..ROUNDS {
            for (index, column) in columns.iter_mut().enumerate() {
                let plan = index.checked_sub(1).and_then(|index| choices.get(index));
                let probe = plan
                    .map(|(name, plan)| {
                        Probe::start(plan, 0, || {}).with_context(|| (*name).to_owned())
                    })
                    .transpose()?;
                column.push(hooks::round(workload, cgroup)?);
                drop(probe);
            }
        }
        let _ = write!(text, "| {} |", workload.name);
        for column in columns {
            let spread = spread(column).context("no rounds")?;
            let _ = write!(text, " {} |", hooks::range(spread));
        }
        text.push('\n');
    }
    Ok(text)
}

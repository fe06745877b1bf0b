//! Reports of a node that ran out of memory, sixty of them, made from figures that are known: what
//! `oomtrace decode` says of each must be those figures, and they must add up.

mod node;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::command::Tool;
use oomtrace_tests::event::Event;
use oomtrace_tests::figures;
use serde_json::Value;

use self::node::{DAEMONS, HOGS, Node, Numbers};

const PAGE_BYTES: u64 = 4096;

/// Compares an event with the node that its report was made from.
fn held_against(event: &Event, node: &Node) -> Result<()> {
    let figure = |name: &str| event.u64(&format!("node_memory.{name}_bytes"));
    let parts = [
        ("free", node.free),
        ("anon", node.anon),
        ("file", node.file),
        ("shmem", node.shmem),
        ("slab", node.slab_reclaimable + node.slab_unreclaimable),
        ("page_tables", node.page_tables),
        ("kernel_stack", node.kernel_stack),
        ("hugepages", node.hugepages),
        ("unaccounted", node.unaccounted),
    ];
    for (name, pages) in parts {
        ensure!(
            figure(name) == Some(pages * PAGE_BYTES),
            "{name}: {:?}, not {}",
            figure(name),
            pages * PAGE_BYTES
        );
    }
    let sum: u64 = parts.iter().filter_map(|(name, _)| figure(name)).sum();
    ensure!(
        figure("total") == Some(sum) && sum == node.managed * PAGE_BYTES,
        "parts of {sum} bytes in a total of {:?}",
        figure("total")
    );
    let findings = event.list("findings");
    let codes: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding.get("code")?.as_str())
        .collect();
    ensure!(
        codes.starts_with(&["node_exhausted", node.hog.code()]),
        "{codes:?}, not {}",
        node.hog.code()
    );
    let message = event.text("message").unwrap_or_default();
    ensure!(message.contains(node.hog.named()), "{:?}", node.hog);
    ensure!(
        !(message.contains("hog's") && message.contains("hog held")),
        "one fact twice"
    );
    if !node.hog.is_of_processes() {
        for finding in findings {
            let change = finding.get("change").and_then(Value::as_str);
            for (name, _) in DAEMONS {
                ensure!(
                    !change.is_some_and(|change| change.contains(name)),
                    "advice on a process that fills nothing: {change:?}"
                );
            }
        }
    }
    let checked = figures::check(&event.value);
    ensure!(
        checked.problems.is_empty() && checked.figures > 0,
        "{:#?}",
        checked.problems
    );
    Ok(())
}

#[test]
fn sixty_nodes_are_explained_by_their_figures() -> Result<()> {
    let mut numbers = Numbers(0x6f6f_6d74_7261_6365);
    let nodes: Vec<Node> = (0..6)
        .flat_map(|_| HOGS)
        .map(|hog| Node::new(hog, &mut numbers))
        .collect();
    let mut log = String::new();
    for (nth, node) in nodes.iter().enumerate() {
        let nth = u64::try_from(nth).context("a position")?;
        // Far enough apart that none is a recurrence of the one before.
        log.push_str(&node.report(1000 + nth * 1000)?);
    }
    let tool = Tool::copy()?;
    let path = tool.directory().join("nodes.log");
    fs::write(&path, log)?;
    let path = path.to_str().context("a path that is no text")?;
    let decoded = tool.run(&["decode", "-o", "json", "--full", path])?;
    decoded.well()?;
    let events = decoded
        .out
        .lines()
        .map(|line| {
            Ok(Event {
                value: serde_json::from_str(line)?,
                length: line.len(),
            })
        })
        .collect::<Result<Vec<Event>>>()?;
    ensure!(
        events.len() == nodes.len(),
        "{} events of {} reports",
        events.len(),
        nodes.len()
    );
    let mut wrong = String::new();
    for (nth, (event, node)) in events.iter().zip(&nodes).enumerate() {
        if let Err(error) = held_against(event, node) {
            let message = event.text("message").unwrap_or_default();
            writeln!(
                wrong,
                "report {nth} ({:?}): {error:#}\n  {message}",
                node.hog
            )?;
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}

//! The runbooks say something, and what links to them finds them. That each finding and each alert has its
//! page, and every page belongs to one of them, is what `cargo xtask codegen --check` compares.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_tests::deploy::repository;

const SECTIONS: [&str; 3] = ["## What it means", "## How to verify", "## What to change"];

/// Shortest section that can be of use, in characters.
const SECTION_CHARS_MIN: usize = 40;

fn pages(folder: &str) -> Result<Vec<(String, String)>> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(repository(folder)).context("listing runbooks")? {
        let path = entry?.path();
        let name = path.file_stem().context("no name")?.to_string_lossy();
        pages.push((name.into_owned(), fs::read_to_string(&path)?));
    }
    Ok(pages)
}

#[test]
fn no_section_of_a_runbook_is_empty() -> Result<()> {
    for folder in ["docs/runbooks/findings", "docs/runbooks/alerts"] {
        let pages = pages(folder)?;
        ensure!(pages.len() > 5, "{folder}: only {} pages", pages.len());
        for (name, text) in pages {
            for section in SECTIONS {
                let (_, rest) = text
                    .split_once(&format!("\n{section}\n"))
                    .with_context(|| format!("{name} has no section {section}"))?;
                let body = rest.split("\n## ").next().unwrap_or_default();
                let body = body.split("\nSee also ").next().unwrap_or_default().trim();
                ensure!(
                    body.chars().count() >= SECTION_CHARS_MIN,
                    "{name}: {section} says too little"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn alerts_link_to_their_runbooks() -> Result<()> {
    let rules = fs::read_to_string(repository("deploy/observability/alert-rules.yml"))?;
    for text in rules.split("- alert: ").skip(1) {
        let name = text.lines().next().unwrap_or_default();
        let link = format!("runbook: docs/runbooks/alerts/{name}.md\n");
        ensure!(text.contains(&link), "{name} does not link to its runbook");
    }
    Ok(())
}

/// Links between the pages, and from them to the rest of the repository.
#[test]
fn links_of_runbooks_lead_somewhere() -> Result<()> {
    let mut links = 0;
    for folder in [
        "docs/runbooks",
        "docs/runbooks/findings",
        "docs/runbooks/alerts",
        "deploy",
    ] {
        let folder = repository(folder);
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension() == Some("md".as_ref()) {
                links += follow(&folder, &path)?;
            }
        }
    }
    ensure!(links > 50, "only {links} links");
    Ok(())
}

fn follow(folder: &Path, page: &Path) -> Result<usize> {
    let text = fs::read_to_string(page)?;
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let mut count = 0;
    for target in targets.filter(|target| !target.starts_with("http") && !target.starts_with('#')) {
        let file = target.split('#').next().unwrap_or_default();
        ensure!(
            folder.join(file).exists(),
            "{}: no {target}",
            page.display()
        );
        count += 1;
    }
    Ok(count)
}

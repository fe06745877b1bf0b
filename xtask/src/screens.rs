//! `cargo xtask screens`: what a person sees, of real kills, as `docs/screens`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::{command, packages, test, workspace};

/// Kills that are made for the pictures.
const KILLS: usize = 4;

/// A log that a kernel wrote, beside them.
const LOG: &str = "oomtrace/src/klog/report/testdata/simple.dmesg";

/// What is shown of the events in `$1`, or of the last of them, at some widths.
const SCREENS: [(&str, &[&str]); 5] = [
    ("oomtrace list", &["list"]),
    ("oomtrace top", &["top"]),
    ("oomtrace show last", &["show", "last"]),
    ("oomtrace decode", &["decode"]),
    ("oomtrace decode -o oneline", &["decode", "-o", "oneline"]),
];

/// Chromium's name for what a page prefers.
const SCHEMES: [(&str, u8); 2] = [("dark", 0), ("light", 1)];

/// Makes the kills and writes the pages. As root.
///
/// # Errors
/// A kill, a page or a picture cannot be made.
pub fn run() -> Result<()> {
    if command::find_program("chromium").is_none() {
        packages::install_now(&["chromium"], "pictures")?;
    }
    test::release()?;
    let binary = workspace::release_binary();
    let folder = workspace::root().join("docs/screens");
    fs::create_dir_all(&folder).context("making docs/screens")?;
    let scratch = workspace::target().join("screens");
    fs::create_dir_all(&scratch).context("making a scratch folder")?;
    let events = scratch.join("events.ndjson");
    let log = workspace::root().join(LOG);
    let mut lines = Vec::new();
    for _ in 0..KILLS {
        let arguments = ["demo", "-o", "json", "--full"];
        lines.extend(output(Command::new(&binary).args(arguments))?);
    }
    fs::write(&events, lines).context("writing the events")?;
    let mut page = String::from(
        "# What a person sees\n\n\
         Written by `cargo xtask screens`: real kills, made for it, and a log that a kernel wrote.\n",
    );
    for columns in ["80", "120"] {
        for (title, arguments) in SCREENS {
            let input = if arguments.first() == Some(&"decode") {
                &log
            } else {
                &events
            };
            let mut screen = Command::new(&binary);
            screen.args(arguments).arg(input).env("COLUMNS", columns);
            let text =
                String::from_utf8(output(&mut screen)?).context("a screen that is no text")?;
            page.push_str(&format!(
                "\n## `{title}`, {columns} columns\n\n```text\n{}\n```\n",
                text.trim_end()
            ));
        }
    }
    page.push_str("\n## `oomtrace report`\n");
    let report = scratch.join("report.html");
    let mut made = Command::new(&binary);
    made.arg("report").arg("-o").arg(&report).arg(&events);
    command::run(&mut made)?;
    for (scheme, number) in SCHEMES {
        let name = format!("report-{scheme}.png");
        picture(&report, number, &folder.join(&name))?;
        page.push_str(&format!("\n![The report, {scheme}]({name})\n"));
    }
    fs::write(folder.join("README.md"), page).context("writing docs/screens/README.md")
}

/// The page as a browser shows it.
fn picture(page: &Path, scheme: u8, to: &Path) -> Result<()> {
    let mut chromium = Command::new("chromium");
    chromium
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args([
            "--disable-background-networking",
            "--disable-sync",
            "--window-size=1100,1400",
        ])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--screenshot={}", to.display()))
        .arg(format!("file://{}", page.display()))
        .stderr(Stdio::null());
    command::run(&mut chromium)?;
    ensure!(to.is_file(), "chromium wrote no {}", to.display());
    Ok(())
}

fn output(command: &mut Command) -> Result<Vec<u8>> {
    let made = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    ensure!(made.status.success(), "{command:?}: {}", made.status);
    Ok(made.stdout)
}

//! Runs one guest under QEMU, and notices when it hangs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::guest::Guest;
use super::plan::{Hierarchy, Setup};
use super::systemd;
use crate::command;

/// Neither line has said anything for so long: longer than a scene may take.
const SILENCE: Duration = Duration::from_secs(210);
/// What a kernel prints when it is lost, and what that is.
const LOST: &[(&str, &str)] = &[
    ("softlockup: ", "a processor of the guest does not schedule"),
    ("Kernel panic", "the guest's kernel panicked"),
    ("detected stalls on CPUs", "the guest's RCU is stalled"),
    ("self-detected stall on CPU", "the guest's RCU is stalled"),
    ("BUG: unable to handle", "the guest's kernel has a fault"),
    ("Unable to handle kernel", "the guest's kernel has a fault"),
];

/// What a kernel says when it runs a breakpoint that nobody has set. It sets them itself for a moment
/// while it patches its own code, and where each emulated processor is a thread of its own, one may run
/// what the other has already taken away: the emulator's fault, which no real processor has.
const LATE_BREAKPOINT: &str = "Oops: int3";
/// Each emulated processor on a thread of its own, with 64 MiB for translated code. With the default
/// of 1 GiB, guests that start hundreds of processes spend nearly all their time, after the first few
/// hundred, where QEMU looks through the translations of a page (`page_collection_lock`).
const EMULATOR: &str = "tcg,thread=multi,tb-size=64";
/// So often is a guest booted that the emulator loses in this way.
const BOOTS_MAX: u32 = 3;

/// What to boot.
#[derive(Debug)]
pub struct Boot<'a> {
    /// The kernel.
    pub image: &'a Path,
    /// What it boots into.
    pub guest: &'a Guest,
    /// The initial file system.
    pub initramfs: &'a Path,
    /// What it has.
    pub setup: Setup,
    /// What the memory controller is on.
    pub hierarchy: Hierarchy,
    /// What to run.
    pub scenes: &'a [&'static str],
    /// Seconds that one scene may take.
    pub seconds: u64,
    /// Use the processor's own virtualisation.
    pub kvm: bool,
    /// Where the logs go; their names end in `.console` and `.frames`.
    pub logs: PathBuf,
}

/// How it ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// What the guest reported.
    pub frames: Vec<u8>,
    /// Why it did not end by itself, or not well.
    pub lost: Option<String>,
    /// From start to end.
    pub took: Duration,
}

/// Runs it to its end; anew where the emulator lost it.
///
/// # Errors
/// QEMU cannot be run or its logs cannot be read.
pub fn run(boot: &Boot<'_>) -> Result<Ended> {
    let console = boot.logs.with_extension("console");
    for _ in 1..BOOTS_MAX {
        let ended = once(boot, &console)?;
        if boot.kvm || ended.lost.is_none() || !has_late_breakpoint(&fs::read(&console)?) {
            return Ok(ended);
        }
        println!("        lost by the emulator ({LATE_BREAKPOINT}); booted again");
    }
    once(boot, &console)
}

fn has_late_breakpoint(console: &[u8]) -> bool {
    String::from_utf8_lossy(console).contains(LATE_BREAKPOINT)
}

fn once(boot: &Boot<'_>, console: &Path) -> Result<Ended> {
    boot.guest.fresh_disk()?;
    let frames = boot.logs.with_extension("frames");
    for log in [console, &frames] {
        fs::write(log, "").with_context(|| format!("writing {}", log.display()))?;
    }
    let begun = Instant::now();
    let name = boot.guest.arch.qemu;
    let qemu = command::find_program(name).with_context(|| format!("no {name}"))?;
    let mut running = Running(
        command_line(Command::new(qemu), boot, console, &frames)
            .spawn()
            .with_context(|| format!("starting {name}"))?,
    );
    let lost = watch(&mut running.0, console, &frames)?;
    drop(running);
    let text = |log: &Path| fs::read(log).with_context(|| format!("reading {}", log.display()));
    Ok(Ended {
        lost: lost.or_else(|| sign_of_loss(&text(console).unwrap_or_default())),
        frames: text(&frames)?,
        took: begun.elapsed(),
    })
}

fn command_line(mut qemu: Command, boot: &Boot<'_>, console: &Path, frames: &Path) -> Command {
    let arch = boot.guest.arch;
    let (accelerator, processor) = if boot.kvm {
        ("kvm", "max")
    } else {
        (EMULATOR, arch.processor)
    };
    qemu.args(&arch.machine);
    qemu.args(["-accel", accelerator, "-cpu", processor]);
    qemu.args(["-smp", "2", "-m", "512"]);
    // Two nodes, so that one of them can run out.
    for node in ["0", "1"] {
        let memory = format!("memory-backend-ram,id=node{node},size=256M");
        qemu.args(["-object", &memory]);
        let place = format!("node,nodeid={node},cpus={node},memdev=node{node}");
        qemu.args(["-numa", &place]);
    }
    qemu.args(["-nodefaults", "-display", "none", "-no-reboot"]);
    qemu.arg("-kernel").arg(boot.image);
    qemu.arg("-initrd").arg(boot.initramfs);
    qemu.args(["-serial", &format!("file:{}", console.display())]);
    let frames = format!("file,id=frames,path={}", frames.display());
    qemu.args(["-chardev", &frames]);
    qemu.args(&arch.frames);
    let disk = boot.guest.disk.display();
    qemu.args([
        "-drive",
        &format!("id=disk,if=none,format=raw,cache=unsafe,file={disk}"),
    ]);
    // The one disk whose driver is in every kernel, so that no module is needed.
    qemu.args(["-device", "nvme,drive=disk,serial=oomtrace"]);
    qemu.args(["-append", &kernel_line(boot)]);
    qemu.stdin(Stdio::null());
    qemu
}

fn kernel_line(boot: &Boot<'_>) -> String {
    let mut words = vec![
        // Only what is lost or broken goes to the console; the log itself is read in the guest.
        format!(
            "console={} loglevel=4 panic=-1 log_buf_len=4M",
            boot.guest.arch.console
        ),
        "mitigations=off no_timer_check random.trust_cpu=on".to_owned(),
        // An emulated processor may be busy for long, and its host too. Where one hangs, only a panic
        // prints the stack that it hangs in on a console as terse as this one.
        "watchdog_thresh=30 softlockup_panic=1 rcupdate.rcu_cpu_stall_timeout=120".to_owned(),
        format!("oomtrace.cgroup={}", boot.hierarchy.name()),
        format!("oomtrace.seconds={}", boot.seconds),
        format!("oomtrace.scenes={}", boot.scenes.join(",")),
    ];
    if boot.hierarchy != Hierarchy::V2 {
        // Else older kernels do not count memory with swap.
        words.push("swapaccount=1".to_owned());
    }
    match boot.setup {
        Setup::Plain => {}
        Setup::MovableZone => words.push("movablecore=256M".to_owned()),
        Setup::Cma => words.push("cma=128M".to_owned()),
        Setup::Systemd => words.push(systemd::kernel_words(boot.hierarchy)),
    }
    words.join(" ")
}

fn watch(child: &mut Child, console: &Path, frames: &Path) -> Result<Option<String>> {
    let size = |log: &Path| fs::metadata(log).map_or(0, |metadata| metadata.len());
    let mut seen = (0, 0);
    let mut heard = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("waiting for QEMU")? {
            return Ok((!status.success()).then(|| format!("QEMU ended with {status}")));
        }
        let now = (size(console), size(frames));
        if now != seen {
            if now.0 != seen.0 {
                let text = fs::read(console).unwrap_or_default();
                // A panic ends it by itself; the others go on for ever.
                let panics = |sign: &String| sign.contains("Kernel panic");
                if let Some(sign) = sign_of_loss(&text).filter(|sign| !panics(sign)) {
                    return Ok(Some(sign));
                }
            }
            seen = now;
            heard = Instant::now();
        }
        if heard.elapsed() > SILENCE {
            return Ok(Some(format!("silent for {} s", SILENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the console says of a lost kernel, with the line that says it.
fn sign_of_loss(console: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(console);
    text.lines().find_map(|line| {
        let (_, what) = LOST.iter().find(|(sign, _)| line.contains(sign))?;
        Some(format!("{what}: {}", line.trim()))
    })
}

/// Ends QEMU where this program does not get to its end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_breakpoint_is_no_other_fault() {
        let late = b"[ 3.4] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI\r\n";
        assert!(has_late_breakpoint(late));
        let other = b"[ 3.4] Oops: general protection fault: 0000 [#1] PREEMPT SMP NOPTI\r\n";
        assert!(!has_late_breakpoint(other));
    }

    #[test]
    fn a_lost_kernel_is_recognised() {
        let panic = b"[ 1.0] fine\r\n[    7.1] Kernel panic - not syncing: System is deadlocked on memory\r\n";
        let sign = sign_of_loss(panic).unwrap();
        assert!(
            sign.contains("panicked") && sign.contains("deadlocked"),
            "{sign}"
        );
        let fault = b"[ 9.0] Unable to handle kernel paging request at virtual address 0\n";
        assert!(sign_of_loss(fault).unwrap().contains("fault"));
        assert_eq!(sign_of_loss(b"[ 1.0] Killed process 5 (panic)\n"), None);
    }
}

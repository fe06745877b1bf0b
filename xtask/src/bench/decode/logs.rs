//! Kernel logs of any size, the same in every run: lines of a busy node, and the reports that the
//! parser's tests have.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// A report that a kernel wrote, without levels and times of its own.
const REPORT: &str = include_str!("../../../../oomtrace/src/klog/report/testdata/simple.dmesg");

/// What is generated; a longer log repeats it.
const BLOCK_BYTES: usize = 32 << 20;

/// What other subsystems say. `#` is replaced by a number.
const LINES: &[&str] = &[
    "audit: type=1400 audit(1716704260.#:77): apparmor=\"ALLOWED\" operation=\"open\" profile=\"/usr/sbin/sssd\" name=\"/proc/#/cmdline\" pid=# comm=\"sssd_nss\" requested_mask=\"r\" denied_mask=\"r\" fsuid=0 ouid=0",
    "[UFW BLOCK] IN=eth0 OUT= MAC=02:42:ac:11:00:02:02:42:5c:5e:8a:01:08:00 SRC=10.0.3.7 DST=10.0.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=240 ID=# PROTO=TCP SPT=# DPT=443 WINDOW=1024 RES=0x00 SYN URGP=0",
    "docker0: port 7(veth#) entered blocking state",
    "docker0: port 7(veth#) entered disabled state",
    "device veth# entered promiscuous mode",
    "eth0: renamed from veth#",
    "IPv6: ADDRCONF(NETDEV_CHANGE): veth#: link becomes ready",
    "EXT4-fs (dm-#): mounted filesystem with ordered data mode. Quota mode: none.",
    "nvme nvme0: I/O # QID 7 timeout, aborting",
    "TCP: request_sock_TCP: Possible SYN flooding on port #. Sending cookies.  Check SNMP counters.",
    "usb 1-1.2: new high-speed USB device number # using xhci_hcd",
    "perf: interrupt took too long (# > 2500), lowering kernel.perf_event_max_sample_rate to 50000",
    "python3[#]: segfault at 8 ip 00007f3d5c0a1f48 sp 00007ffd2a1c30 error 4 in libc.so.6[7f3d5c028000+195000] likely on CPU 3 (core 3, socket 0)",
];

/// All of them.
pub const ALL: [Log; 3] = [Log::Quiet, Log::Sparse, Log::Dense];

/// A log, by how many reports it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// None.
    Quiet,
    /// One in each MiB.
    Sparse,
    /// Nothing else.
    Dense,
}

impl Log {
    /// In the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quiet => "no OOM report",
            Self::Sparse => "one report in each MiB",
            Self::Dense => "nothing but reports",
        }
    }

    /// Blocks that make a log of which reading takes long enough to be measured.
    fn blocks(self) -> u64 {
        match self {
            Self::Quiet => 32,
            Self::Sparse => 16,
            Self::Dense => 4,
        }
    }

    /// Bytes of other lines before each report.
    fn between(self) -> usize {
        match self {
            Self::Quiet => usize::MAX,
            Self::Sparse => 1 << 20,
            Self::Dense => 0,
        }
    }

    /// Writes it; its size and its kills.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(self, path: &Path) -> Result<(u64, u64)> {
        let failed = || format!("writing {}", path.display());
        let (block, kills) = self.block();
        let mut file = File::create(path).with_context(failed)?;
        for _ in 0..self.blocks() {
            file.write_all(block.as_bytes()).with_context(failed)?;
        }
        let bytes = u64::try_from(block.len()).context("a block too large")?;
        Ok((bytes * self.blocks(), kills * self.blocks()))
    }

    /// A part of it, and the kills therein.
    pub fn block(self) -> (String, u64) {
        let report = bare(REPORT);
        let mut random = Random(1);
        let mut text = String::with_capacity(BLOCK_BYTES + (1 << 20));
        let (mut us, mut kills, mut since) = (100_000_000_u64, 0, 0);
        while text.len() < BLOCK_BYTES {
            let before = text.len();
            if since >= self.between() {
                us += 1_000_000;
                for line in &report {
                    us += 5;
                    stamp(&mut text, us);
                    text.push_str(line);
                    text.push('\n');
                }
                kills += 1;
                since = 0;
                continue;
            }
            us += random.below(10_000);
            stamp(&mut text, us);
            random.line(&mut text);
            since += text.len() - before;
        }
        (text, kills)
    }
}

fn stamp(text: &mut String, us: u64) {
    let _ = write!(text, "[{:5}.{:06}] ", us / 1_000_000, us % 1_000_000);
}

/// The report's lines behind `<4>[ 7106.876622] `.
fn bare(report: &str) -> Vec<&str> {
    report
        .lines()
        .filter_map(|line| line.split_once("] ").map(|(_, rest)| rest))
        .collect()
}

/// Numbers without a pattern, the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn line(&mut self, text: &mut String) {
        let count = u64::try_from(LINES.len()).unwrap_or(1);
        let index = usize::try_from(self.below(count)).unwrap_or(0);
        for part in LINES.get(index).unwrap_or(&"").split_inclusive('#') {
            match part.strip_suffix('#') {
                Some(words) => {
                    text.push_str(words);
                    let _ = write!(text, "{}", self.below(100_000));
                }
                None => text.push_str(part),
            }
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_holds_as_many_kills_as_it_says() {
        for (log, least) in [(Log::Quiet, 0), (Log::Sparse, 30), (Log::Dense, 5000)] {
            let (block, kills) = log.block();
            assert!(kills >= least, "{log:?}: {kills}");
            let found = block.matches("Killed process").count();
            assert_eq!(u64::try_from(found).unwrap(), kills, "{log:?}");
            assert!(block.len() >= BLOCK_BYTES && block.ends_with('\n'));
        }
    }

    #[test]
    fn other_lines_are_no_report_and_reports_are_whole() {
        assert!(!Log::Quiet.block().0.contains("oom"));
        let (block, kills) = Log::Dense.block();
        for part in ["invoked oom-killer", "Tasks state", "oom-kill:constraint="] {
            let found = block.matches(part).count();
            assert_eq!(u64::try_from(found).unwrap(), kills, "{part}");
        }
    }
}

//! One report in every carrier gives the same lines.

mod broken;
mod hostile;
mod structured;

use std::fmt::Write as _;

use super::*;

/// Lines of a report as the kernel wrote them; the third record has three lines.
const REPORT: [&str; 8] = [
    "my hog) invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=100",
    "CPU: 0 PID: 102 Comm: my hog) Not tainted 6.1.0-56-cloud-amd64 #1",
    "memory: usage 51200kB, limit 51200kB, failcnt 25",
    "anon 20971520\nfile 12288\nkernel 1359872",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "[    102]  1000   102    18187     7816   102400        0           100 my hog)",
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a\\x2db,task_memcg=/a\\x2db,task=my hog),pid=102,uid=1000",
    "Memory cgroup out of memory: Killed process 102 (my hog)) total-vm:72748kB, anon-rss:20324kB, file-rss:4kB, shmem-rss:10936kB, UID:1000 pgtables:100kB oom_score_adj:100",
];

/// The lines that must come out.
fn expected() -> Vec<String> {
    REPORT
        .iter()
        .flat_map(|record| record.split('\n'))
        .map(str::to_owned)
        .collect()
}

fn read_with(settings: TransportSettings, input: &[u8], step: usize) -> Vec<Line> {
    let mut carrier = Transport::new(settings);
    let mut lines = Vec::new();
    for piece in input.chunks(step) {
        carrier.push(piece, |line| lines.push(line));
    }
    carrier.finish(|line| lines.push(line));
    lines
}

pub(super) fn read(input: &[u8]) -> Vec<Line> {
    let settings = TransportSettings {
        time_zone: Some(TimeZone::UTC),
        year: Some(2024),
        ..TransportSettings::default()
    };
    let lines = read_with(settings.clone(), input, input.len().max(1));
    for step in [1, 7, 100] {
        assert_eq!(
            read_with(settings.clone(), input, step),
            lines,
            "pieces of {step}"
        );
    }
    lines
}

pub(super) fn texts(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(&line.text).into_owned())
        .collect()
}

/// Reads each physical line of the report, as `wrap` gives it, embedded line ends included.
fn carried(wrap: impl Fn(usize, &str) -> String) -> Vec<Line> {
    let mut input = String::new();
    for (number, record) in REPORT.iter().enumerate() {
        let _ = writeln!(input, "{}", wrap(number, record));
    }
    read(input.as_bytes())
}

/// As programs do that show a record's further lines below the first one's text.
fn indented(prefix: &str, record: &str) -> String {
    let below = format!("\n{}", " ".repeat(prefix.len()));
    format!("{prefix}{}", record.replace('\n', &below))
}

/// What the lines of `carried` have in common with one that was expected.
fn check(name: &str, lines: &[Line], wanted: &Line) {
    assert_eq!(texts(lines), expected(), "{name}");
    for line in lines {
        let mut seen = line.clone();
        seen.text.clear();
        seen.number = 0;
        assert_eq!(
            &seen,
            wanted,
            "{name}: {}",
            String::from_utf8_lossy(&line.text)
        );
    }
}

const SINCE_BOOT_US: u64 = 4_108_107;
const REALTIME_NS: i64 = 1_716_704_260_000_000_000;

fn kernel_said() -> Line {
    Line {
        from_kernel: Some(true),
        ..Line::default()
    }
}

fn on_host() -> Line {
    Line {
        host: Some(b"db1".to_vec()),
        realtime_ns: Some(REALTIME_NS),
        ..kernel_said()
    }
}

fn stamped(line: Line) -> Line {
    Line {
        since_boot_us: Some(SINCE_BOOT_US),
        ..line
    }
}

#[test]
fn prefixes_of_lines() {
    let nobody = Line::default;
    let timed = || Line {
        realtime_ns: Some(REALTIME_NS),
        ..Line::default()
    };
    let warned = |line: Line| Line {
        severity: Some(4),
        ..line
    };
    let called = |line: Line| Line {
        caller: Some("T102".to_owned()),
        ..line
    };
    for (prefix, wanted) in [
        ("", nobody()),
        ("  ", nobody()),
        ("[    4.108107] ", stamped(nobody())),
        ("\t[    4.108107] ", stamped(nobody())),
        ("[    4.108107][  T102] ", called(stamped(nobody()))),
        ("[    4.108107] [T102] ", called(stamped(nobody()))),
        ("[    4.108107 <    0.000001>] ", stamped(nobody())),
        ("[  +0.000001] ", nobody()),
        ("[May26 06:17] ", nobody()),
        ("[Sun May 26 06:17:40 2024] ", timed()),
        ("[dim. mai 26 06:17:40 2024] ", timed()),
        ("[So Mai 26 06:17:40 2024] ", timed()),
        ("2024-05-26T06:17:40,000000+00:00 ", timed()),
        ("<4>[    4.108107] ", warned(stamped(kernel_said()))),
        ("<4>", warned(kernel_said())),
        (
            "kern  :warn  : [    4.108107] ",
            warned(stamped(kernel_said())),
        ),
        (
            "kern  :warn  : 2024-05-26T08:17:40,000000+02:00 ",
            warned(Line {
                realtime_ns: Some(REALTIME_NS),
                ..kernel_said()
            }),
        ),
        (
            "kern  :warn  : [Sun May 26 06:17:40 2024] ",
            warned(Line {
                realtime_ns: Some(REALTIME_NS),
                ..kernel_said()
            }),
        ),
        ("kernel: ", kernel_said()),
        ("kernel: [    4.108107] ", stamped(kernel_said())),
        ("May 26 06:17:40 db1 kernel: ", on_host()),
        (
            "May 26 06:17:40 db1 kernel: [    4.108107] ",
            stamped(on_host()),
        ),
        ("May 26 06:17:40.000000 db1 kernel: ", on_host()),
        (
            "May 26 06:17:40 db1 [    4.108107] ",
            Line {
                from_kernel: None,
                ..stamped(on_host())
            },
        ),
        ("may 26 06:17:40 db1 kernel: ", on_host()),
        (
            "May 26 06:17:40 kernel: ",
            Line {
                host: None,
                ..on_host()
            },
        ),
        (
            "May 26 06:17:40 db1 kern.warn kernel: [    4.108107] ",
            warned(stamped(on_host())),
        ),
        ("2024-05-26T08:17:40+0200 db1 kernel: ", on_host()),
        (
            "2024-05-26T08:17:40.000000+02:00 db1 kernel: [    4.108107] ",
            stamped(on_host()),
        ),
        ("Sun 2024-05-26 06:17:40 UTC db1 kernel: ", on_host()),
        ("1716704260.000000 db1 kernel: ", on_host()),
        (
            "[    4.108107] db1 kernel: ",
            Line {
                realtime_ns: None,
                ..stamped(on_host())
            },
        ),
        (
            "[    4.108107 <    0.000001 >] db1 kernel: ",
            Line {
                realtime_ns: None,
                ..stamped(on_host())
            },
        ),
        (
            "<4>May 26 06:17:40 db1 kernel: [    4.108107] ",
            warned(stamped(on_host())),
        ),
        (
            "<4>1 2024-05-26T06:17:40.000000Z db1 kernel - - - [    4.108107] ",
            warned(stamped(on_host())),
        ),
        (
            "<4>1 2024-05-26T06:17:40Z db1 kernel - - [a@1 b=\"c]\"] \u{feff}",
            warned(on_host()),
        ),
        ("1 2024-05-26T06:17:40Z db1 kernel - - - ", on_host()),
        (
            "26/05/24 06:17 db1 kernel: ",
            Line {
                realtime_ns: None,
                ..on_host()
            },
        ),
        ("> > [    4.108107] ", stamped(nobody())),
        ("> ", nobody()),
        ("messages-20240526:May 26 06:17:40 db1 kernel: ", on_host()),
        (
            "2024-05-26T06:17:40.000000000Z stdout F [    4.108107] ",
            stamped(timed()),
        ),
        ("\x1b[32m[    4.108107] \x1b[0m", stamped(nobody())),
    ] {
        // Each line of the record has the prefix, as with programs that log lines.
        let each = carried(|_, record| {
            record
                .split('\n')
                .map(|line| format!("{prefix}{line}"))
                .collect::<Vec<_>>()
                .join("\n")
        });
        check(prefix, &each, &wanted);
        let windows = carried(|_, record| {
            format!(
                "{prefix}{}\r",
                record.replace('\n', &format!("\r\n{prefix}"))
            )
        });
        check(prefix, &windows, &wanted);
        if !prefix.trim().is_empty() && !prefix.contains(['>', '\x1b', 'Z']) {
            let below = carried(|_, record| indented(prefix, record));
            check(prefix, &below, &wanted);
        }
    }
}

#[test]
fn numbered_lines() {
    for separator in [":", "-", ":\t", " "] {
        let lines = carried(|number, record| {
            record
                .split('\n')
                .map(|line| format!("{}{separator}[    4.108107] {line}", number + 17))
                .collect::<Vec<_>>()
                .join("\n")
        });
        check(separator, &lines, &stamped(Line::default()));
    }
}

#[test]
fn records_of_dev_kmsg() {
    let lines = carried(|number, record| {
        let escaped = record.replace('\\', "\\x5c").replace('\n', "\\x0a");
        format!("4,{number},4108107,-,caller=T102;{escaped}\n SUBSYSTEM=none\n DEVICE=+none")
    });
    let wanted = Line {
        severity: Some(4),
        caller: Some("T102".to_owned()),
        ..stamped(kernel_said())
    };
    check("kmsg", &lines, &wanted);
    let pieces = read(b"6,1,5,c;Out of memory: Kill\n6,2,6,+;ed process 7 (a)\n6,3,7,-;oom\n");
    assert_eq!(
        texts(&pieces),
        ["Out of memory: Killed process 7 (a)", "oom"]
    );
}

#[test]
fn syslog_escapes_open_only_the_kernels_blocks() {
    for escape in ["#012", "\\x0a"] {
        let lines = carried(|_, record| {
            format!(
                "May 26 06:17:40 db1 kernel: {}",
                record.replace('\n', escape)
            )
        });
        check(escape, &lines, &on_host());
        let forged = format!(
            "May 26 06:17:40 db1 kernel: Task in /x{escape}Out of memory: Killed process 1 (init) killed as a result of limit of /x\n"
        );
        assert_eq!(read(forged.as_bytes()).len(), 1, "{escape}");
    }
    let name =
        "4,1,2,-;Memory cgroup out of memory: Killed process 102 (a\\x0aoom-kill:b) total-vm:1kB\n";
    assert_eq!(
        texts(&read(name.as_bytes())),
        ["Memory cgroup out of memory: Killed process 102 (a\noom-kill:b) total-vm:1kB"]
    );
}

#[test]
fn interleaved_hosts_keep_their_names() {
    let mut input = String::new();
    for line in expected() {
        let _ = writeln!(input, "May 26 06:17:40 db1 kernel: {line}");
        let _ = writeln!(input, "May 26 06:17:40 db2 kernel: {line}");
    }
    let lines = read(input.as_bytes());
    for host in [&b"db1"[..], b"db2"] {
        let of_host: Vec<Line> = lines
            .iter()
            .filter(|line| line.host.as_deref() == Some(host))
            .cloned()
            .collect();
        assert_eq!(texts(&of_host), expected());
    }
}

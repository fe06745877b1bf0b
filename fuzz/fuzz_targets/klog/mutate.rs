//! The fuzzer's bytes as instructions for making a log out of the project's own reports.

/// Reports that the kernel wrote, as the parser's tests have them.
const REPORTS: &[&str] = &[
    include_str!("../../../oomtrace/src/klog/report/testdata/simple.dmesg"),
    include_str!("../../../oomtrace/src/klog/report/testdata/nested.dmesg"),
    include_str!("../../../oomtrace/src/klog/report/testdata/newline.dmesg"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forged.dmesg"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forms/rhel6.log"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forms/rhel7.log"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forms/group.log"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forms/debian10.log"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forms/rhel9.log"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forms/pages16k.log"),
    include_str!("../../../oomtrace/src/klog/report/testdata/forms/v7.log"),
];

/// Longest log that is made.
const BYTES_MAX: usize = 96 * 1024;
/// Most instructions.
const STEPS_MAX: usize = 64;

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        let number = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
        number % end.max(1)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let count = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken.to_vec()
    }
}

/// The log that `bytes` ask for.
pub fn log(bytes: &[u8]) -> Vec<u8> {
    let mut script = Script(bytes);
    let count = 1 + usize::from(script.byte() % 3);
    let mut reports: Vec<Vec<Vec<u8>>> =
        (0..count).map(|index| report(index, &mut script)).collect();
    for _ in 0..STEPS_MAX {
        if script.0.is_empty() {
            break;
        }
        let which = script.below(count);
        let other = script.below(count);
        step(&mut reports, which, other, &mut script);
        if reports.iter().flatten().map(Vec::len).sum::<usize>() > BYTES_MAX {
            break;
        }
    }
    let mixes = script.byte() % 2 == 0;
    let mut log = Vec::new();
    let mut rest: Vec<_> = reports.into_iter().map(Vec::into_iter).collect();
    let mut current = 0;
    loop {
        if mixes && script.byte() % 2 == 1 {
            current = (current + 1) % count;
        }
        let line = rest[current].next().or_else(|| {
            current = (0..count).find(|index| rest[*index].len() > 0)?;
            rest[current].next()
        });
        let Some(line) = line else {
            return log;
        };
        log.extend(line);
        log.push(b'\n');
    }
}

/// A report's lines in a carrier.
fn report(index: usize, script: &mut Script<'_>) -> Vec<Vec<u8>> {
    let text = REPORTS[usize::from(script.byte()) % REPORTS.len()];
    let form = script.byte() % 8;
    let mut us = 0_u64;
    text.lines()
        .map(|line| {
            let bare = bare(line);
            us += 7;
            let line = match form {
                0 => line.to_owned(),
                1 => bare.to_owned(),
                2 => format!("May 26 06:17:40 host{index} kernel: {bare}"),
                3 => format!("May 26 06:17:40 host{index} kernel: [  100.{us:06}] {bare}"),
                4 => format!("6,{us},{us},-;{}", bare.replace('\\', "\\x5c")),
                5 => format!("<4>1 2024-05-26T06:17:40.{us:06}Z host{index} kernel - - - {bare}"),
                6 => serde_json::json!({"MESSAGE": bare, "_TRANSPORT": "kernel",
                    "_HOSTNAME": format!("host{index}"), "__MONOTONIC_TIMESTAMP": us.to_string()})
                .to_string(),
                _ => serde_json::json!({"log": format!("{line}\n"), "stream": "stdout",
                    "time": "2024-05-26T06:17:40.5Z"})
                .to_string(),
            };
            line.into_bytes()
        })
        .collect()
}

/// A line without its level and time.
fn bare(line: &str) -> &str {
    let line = line
        .strip_prefix('<')
        .and_then(|line| line.split_once('>'))
        .map_or(line, |(_, line)| line);
    match line
        .strip_prefix('[')
        .and_then(|line| line.split_once("] "))
    {
        Some((stamp, rest)) if stamp.contains('.') => rest,
        _ => line,
    }
}

/// One change.
fn step(reports: &mut [Vec<Vec<u8>>], which: usize, other: usize, script: &mut Script<'_>) {
    let verb = script.byte() % 12;
    let far = script.below(reports[other].len());
    let foreign = reports[other].get(far).cloned().unwrap_or_default();
    let lines = &mut reports[which];
    if lines.is_empty() {
        return;
    }
    let at = script.below(lines.len());
    match verb {
        0 => drop(lines.remove(at)),
        1 => {
            let to = (at + 1 + script.below(20)).min(lines.len());
            lines.drain(at..to);
        }
        2 => lines.insert(at, lines[at].clone()),
        3 => lines.insert(at, foreign),
        4 => lines.truncate(at),
        5 => drop(lines.drain(..at)),
        6 => {
            // Another number in the place of one.
            let line = &mut lines[at];
            let nth = script.below(12);
            let starts: Vec<usize> = (0..line.len())
                .filter(|at| {
                    line[*at].is_ascii_digit() && (*at == 0 || !line[*at - 1].is_ascii_digit())
                })
                .collect();
            if let Some(start) = starts.get(nth) {
                let length = line[*start..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_digit())
                    .count();
                let number = match script.byte() % 4 {
                    0 => "0".to_owned(),
                    1 => u64::MAX.to_string(),
                    2 => i64::MIN.to_string(),
                    _ => script.below(usize::MAX).to_string(),
                };
                line.splice(*start..*start + length, number.into_bytes());
            }
        }
        7 => {
            let line = &mut lines[at];
            let cut = script.below(line.len() + 1);
            line.truncate(cut);
        }
        8 => {
            // Broken in two, as by a terminal.
            let cut = script.below(lines[at].len() + 1);
            let rest = lines[at].split_off(cut);
            lines.insert(at + 1, rest);
        }
        9 => {
            let place = script.below(lines[at].len() + 1);
            let bytes = script.bytes();
            lines[at].splice(place..place, bytes);
        }
        10 => {
            let bytes = script.bytes();
            lines.insert(at, bytes);
        }
        _ => {
            // A piece of another line, in the middle of this one.
            let from = script.below(foreign.len() + 1);
            let piece = foreign[from..].to_vec();
            let place = script.below(lines[at].len() + 1);
            lines[at].splice(place..place, piece);
        }
    }
}

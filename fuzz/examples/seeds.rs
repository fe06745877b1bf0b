//! Writes `fuzz/seeds`: small valid inputs of every kind, from which the fuzz targets start.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds`

use std::path::Path;
use std::{fs, io};

use oomtrace::fuzz::{
    Bytes, Frame, Host, KernelCounters, PageSize, ReadingMoment, Snapshot, Writer,
};
use oomtrace_common::record::{chain_flags, chain_role, kill_flags, level_flags};

#[path = "seeds/btf.rs"]
mod btf;
#[path = "../../oomtrace/src/decode/testing.rs"]
mod testing;

use testing as build;

fn main() -> io::Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    put(&seeds.join("decode"), &records())?;
    put(&seeds.join("recording"), &recordings()?)?;
    put(&seeds.join("btf"), &btf::seeds())?;
    put(&seeds.join("klog_raw"), &logs()?)?;
    put(&seeds.join("klog_report"), &scripts())
}

/// The logs of the parser's own tests, each behind a byte of settings.
fn logs() -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oomtrace/src/klog/report/testdata");
    [
        ("simple", "simple.dmesg"),
        ("newline", "newline.dmesg"),
        ("rhel6", "forms/rhel6.log"),
        ("rhel9", "forms/rhel9.log"),
        ("debian10", "forms/debian10.log"),
        ("killers", "forms/killers.log"),
    ]
    .into_iter()
    .map(|(name, file)| {
        let mut seed = vec![0];
        seed.extend(fs::read(folder.join(file))?);
        Ok((name, seed))
    })
    .collect()
}

/// Instructions that take each report as it is, each in another carrier.
fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    const NAMES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
    (0_u8..)
        .zip(NAMES)
        .map(|(form, name)| (name, vec![1, form, form, form + 4, form, 0, 0, 0, 0]))
        .collect()
}

fn put(folder: &Path, files: &[(&str, Vec<u8>)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes)?;
    }
    println!("{}: {} files", folder.display(), files.len());
    Ok(())
}

fn records() -> Vec<(&'static str, Vec<u8>)> {
    let mut control = build::seen_kill(build::kill(2, 2_000, 42), 1, 2);
    control.oc_memcg_id = 50;
    control.flags = kill_flags::BY_STACK | kill_flags::TRIGGER_CHAIN;
    let mut grouped = build::level(100);
    grouped.flags = level_flags::OOM_GROUP | level_flags::OOM_LOCK;
    let levels = [
        (grouped, &b"8e24"[..]),
        (build::free_level(50), b"docker"),
        (build::root(), b""),
    ];
    let v1 = chain_flags::CGROUP_V1 | chain_flags::SWAP_IS_MEMSW;
    vec![
        ("kill", build::bytes(&build::kill(1, 1_000, 42))),
        ("kill_with_oom_control", build::bytes(&control)),
        (
            "shared_kill",
            build::bytes(&build::shared_kill(1, 1_000, 43)),
        ),
        (
            "chain_v1",
            build::chain(1, 1_000, chain_role::VICTIM, v1, &levels),
        ),
        (
            "chain_v2",
            build::chain(2, 2_000, chain_role::VICTIM, 0, &levels),
        ),
        (
            "chain_of_trigger",
            build::chain(2, 2_000, chain_role::TRIGGER, 0, &levels[1..]),
        ),
        (
            "context",
            build::context(1, 1_500, 42, b"java\0-Xmx128m\0", 14),
        ),
        (
            "outcome",
            build::bytes(&build::outcome(1, 9_000, 42, 1_000)),
        ),
        (
            "candidate",
            build::bytes(&build::candidate(1, 42, 0, 65_152)),
        ),
        (
            "candidate_protected",
            build::bytes(&build::candidate(1, 43, -1_000, 70_000)),
        ),
        ("no_victim", build::bytes(&build::no_victim(3, 3_000, 2, 1))),
        (
            "candidate_of_no_victim",
            build::bytes(&build::candidate(2, 44, -1_000, 70_000)),
        ),
        (
            "chain_of_limit",
            build::chain(3, 3_000, chain_role::LIMIT, 0, &levels),
        ),
    ]
}

fn recordings() -> io::Result<Vec<(&'static str, Vec<u8>)>> {
    let records: Vec<Frame> = records()
        .into_iter()
        .map(|(_, bytes)| Frame::Record(bytes))
        .collect();
    let counters = |moment, vmstat| {
        Frame::Counters(KernelCounters {
            moment,
            boot_ns: vmstat * 1_000_000_000,
            vmstat_oom_kill: Some(vmstat),
            ..KernelCounters::default()
        })
    };
    let mut whole = vec![
        Frame::Clock {
            boot_ns: 1_000,
            realtime_ns: 1_795_447_559_551_893_123,
        },
        counters(ReadingMoment::Attach, 1),
    ];
    whole.extend(records);
    whole.push(Frame::Snapshot(Snapshot {
        sequence: 1,
        ..Snapshot::default()
    }));
    whole.push(Frame::Tick {
        boot_ns: 60_000_000,
    });
    for vmstat in [4, 5, 5, 5] {
        whole.push(counters(ReadingMoment::BeforeDrain, vmstat));
        whole.push(counters(ReadingMoment::AfterDrain, vmstat));
    }
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 3].to_vec();
    Ok(vec![
        ("empty", recording(&[])?),
        ("whole", recording(&whole)?),
        ("cut", cut(recording(&whole)?)),
    ])
}

fn recording(frames: &[Frame]) -> io::Result<Vec<u8>> {
    let host = Host {
        hostname: "n1".into(),
        release: "6.18.44".into(),
        boot_id: "5f1c9a2e".into(),
        page_size_bytes: PageSize(4096),
        cgroup_version: 2,
        rss_error_max_bytes: Bytes(0),
        rss_error_per_thread_bytes: Bytes(0),
        tracer_version: "0.1.0".into(),
        unavailable: Vec::new(),
        gfp_flags: Vec::new(),
    };
    let mut writer = Writer::new(Vec::new(), &host).map_err(io::Error::other)?;
    for frame in frames {
        writer.write(frame).map_err(io::Error::other)?;
    }
    writer.finish().map_err(io::Error::other)
}

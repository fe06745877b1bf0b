//! What is written is read again; what is damaged is said to be.

use std::io::{self, Write};

use proptest::prelude::*;

use super::*;
use crate::model::{
    Bytes, Host, KernelCounters, LostVictim, Missing, PageSize, ReadingMoment, Snapshot,
    StatReading,
};

fn host() -> Host {
    Host {
        hostname: "n1".into(),
        release: "6.18.44".into(),
        boot_id: "5f1c9a2e".into(),
        page_size_bytes: PageSize(4096),
        cgroup_version: 1,
        rss_error_max_bytes: Bytes(253_952),
        rss_error_per_thread_bytes: Bytes(0),
        gfp_flags: Vec::new(),
        tracer_version: "0.1.0".into(),
        unavailable: vec![Missing {
            field: "victim.cmdline".into(),
            reason: crate::model::Reason::NoHook,
            why: None,
        }],
    }
}

fn frames() -> Vec<Frame> {
    vec![
        Frame::Clock {
            boot_ns: 1,
            realtime_ns: u64::MAX,
        },
        Frame::Record(vec![0, 255, 10, 13]),
        Frame::Record(Vec::new()),
        Frame::Snapshot(Snapshot {
            sequence: 7,
            stat: Some(StatReading {
                delay_us: 310,
                ..StatReading::default()
            }),
            ..Snapshot::default()
        }),
        Frame::Tick { boot_ns: 5 },
        Frame::Counters(KernelCounters {
            moment: ReadingMoment::BeforeDrain,
            vmstat_oom_kill: Some(3),
            lost_victims: vec![LostVictim {
                comm: vec![0xff],
                ..LostVictim::default()
            }],
            ..KernelCounters::default()
        }),
    ]
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &host()).expect("writing to memory");
    for frame in frames {
        writer.write(frame).expect("writing to memory");
    }
    writer.finish().expect("writing to memory")
}

/// All frames up to the end or the first error, and how it ended.
fn read(bytes: &[u8]) -> Result<(Vec<Frame>, Option<RecordingError>), RecordingError> {
    let mut reader = Reader::new(bytes)?;
    let mut frames = Vec::new();
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return Ok((frames, None)),
            Err(error) => {
                assert!(
                    matches!(reader.next_frame(), Ok(None)),
                    "nothing after an error"
                );
                return Ok((frames, Some(error)));
            }
        }
    }
}

fn refused(bytes: &[u8]) -> RecordingError {
    match Reader::new(bytes) {
        Ok(_) => panic!("must be refused"),
        Err(error) => error,
    }
}

#[test]
fn what_was_written_is_read() {
    let bytes = written(&frames());
    assert!(is_recording(&bytes));
    assert_eq!(Reader::new(&*bytes).expect("a recording").host(), &host());
    let (read, error) = read(&bytes).expect("a recording");
    assert_eq!(read, frames());
    assert!(error.is_none());
}

#[test]
fn the_format_does_not_change_unnoticed() {
    let bytes = written(&[
        Frame::Tick { boot_ns: 0x0102 },
        Frame::Record(vec![7, 8, 9]),
    ]);
    assert!(bytes.starts_with(b"\x89OOMREC\n\x01\x00"));
    let tail = [
        4, 0, 0, 0, 8, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, // the tick
        2, 0, 0, 0, 3, 0, 0, 0, 7, 8, 9, // the record
    ];
    assert!(bytes.ends_with(&tail));
}

#[test]
fn another_file_is_refused_with_its_first_bytes() {
    for (bytes, shown) in [
        (&b"{\"event\":\"oom_kill\"}"[..], "{\\\"event\\\":\\\""),
        (b"\x7fELF\x02\x01\x01\x00", "\\x7fELF\\x02\\x01\\x01\\x00"),
        (b"\x89OOMREC\r\n\x01\x00\x01", "\\x89OOMREC\\r\\n"),
        (b"x", "\"x\""),
        (b"", "nothing"),
    ] {
        let error = refused(bytes);
        assert!(matches!(error, RecordingError::NotARecording { .. }));
        assert!(error.to_string().contains(shown), "{error}");
        assert!(!is_recording(bytes));
    }
}

#[test]
fn other_versions_and_byte_orders_are_refused() {
    let mut bytes = written(&[]);
    bytes[8] = 2;
    let error = refused(&bytes);
    assert!(matches!(
        error,
        RecordingError::TooNew { found: 2, known: 1 }
    ));
    assert!(is_recording(&bytes), "a recording all the same");
    bytes[8] = 0;
    assert!(matches!(refused(&bytes), RecordingError::Damaged { .. }));
    bytes[8] = 1;
    bytes[10] ^= 3;
    assert!(matches!(refused(&bytes), RecordingError::ByteOrder { .. }));
}

#[test]
fn frames_of_later_kinds_are_skipped() {
    let mut bytes = written(&frames()[..1]);
    bytes.extend_from_slice(&[200, 0, 0, 0, 2, 0, 0, 0, 1, 2]);
    bytes.extend_from_slice(&[4, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    let mut reader = Reader::new(&*bytes).expect("a recording");
    assert_eq!(
        reader.next_frame().ok().flatten(),
        Some(frames()[0].clone())
    );
    assert_eq!(
        reader.next_frame().ok().flatten(),
        Some(Frame::Tick { boot_ns: 1 })
    );
    assert_eq!(reader.next_frame().ok(), Some(None));
    assert_eq!(reader.skipped(), 1);
}

#[test]
fn a_damaged_frame_says_where_and_what() {
    let whole = written(&frames()[..1]);
    let damages: [(&[u8], &str); 6] = [
        (
            &[2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            "claims 4294967295 bytes",
        ),
        (&[2, 1, 0, 0, 0, 0, 0, 0], "kind 2 claims 0 bytes"),
        (&[4, 0, 0, 0, 1, 0, 0, 0, 0], "1 bytes instead of 8"),
        (&[1, 0, 0, 0, 1, 0, 0, 0, 0], "too short"),
        (
            &[3, 0, 0, 0, 1, 0, 0, 0, b'{'],
            "the snapshot cannot be read",
        ),
        (&[0, 0, 0, 0, 0, 0, 0, 0], "a second header"),
    ];
    for (damage, expected) in damages {
        let mut bytes = whole.clone();
        bytes.extend_from_slice(damage);
        let (frames, error) = read(&bytes).expect("the start is whole");
        assert_eq!(frames.len(), 1);
        match error.expect("it is damaged") {
            RecordingError::Damaged {
                offset,
                frames: 1,
                what,
            } => {
                assert_eq!(offset, whole.len() as u64);
                assert!(what.contains(expected), "{what}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_host_must_come_first() {
    let mut bytes = written(&[])[..START_BYTES].to_vec();
    assert!(matches!(
        refused(&bytes),
        RecordingError::Truncated { frames: 0, .. }
    ));
    bytes.extend_from_slice(&[4, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert!(refused(&bytes).to_string().contains("not the host"));
}

#[test]
fn a_frame_that_is_too_long_is_not_written() {
    let mut writer = Writer::new(Vec::new(), &host()).expect("writing to memory");
    let too_long = Frame::Record(vec![0; FRAME_BYTES_MAX + 1]);
    assert!(matches!(
        writer.write(&too_long),
        Err(RecordingError::TooLong { .. })
    ));
    writer
        .write(&Frame::Tick { boot_ns: 1 })
        .expect("the next one is");
    let bytes = writer.finish().expect("writing to memory");
    assert_eq!(
        read(&bytes).expect("a recording").0,
        [Frame::Tick { boot_ns: 1 }]
    );
    let longest = [Frame::Record(vec![0; FRAME_BYTES_MAX])];
    assert_eq!(read(&written(&longest)).expect("a recording").0, longest);
}

/// A disk with so much room.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = bytes.len().min(self.0);
        self.0 -= room;
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error() {
    assert!(matches!(
        Writer::new(Disk(5), &host()),
        Err(RecordingError::Write(_))
    ));
    let mut writer = Writer::new(Disk(2_000), &host()).expect("there is room");
    let frame = Frame::Record(vec![0; 1_500]);
    let error = writer
        .write(&frame)
        .and_then(|()| writer.write(&frame))
        .expect_err("there is no more room");
    assert!(matches!(error, RecordingError::Write(_)));
}

fn any_frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (any::<u64>(), any::<u64>()).prop_map(|(boot_ns, realtime_ns)| Frame::Clock {
            boot_ns,
            realtime_ns
        }),
        prop::collection::vec(any::<u8>(), 0..600).prop_map(Frame::Record),
        any::<u64>().prop_map(|boot_ns| Frame::Tick { boot_ns }),
        (any::<u32>(), any::<String>(), any::<u64>()).prop_map(|(sequence, path, bytes)| {
            Frame::Snapshot(Snapshot {
                sequence,
                stat: Some(StatReading {
                    cgroup_path: path,
                    anon_bytes: Some(Bytes(bytes)),
                    ..StatReading::default()
                }),
                ..Snapshot::default()
            })
        }),
        (
            any::<u64>(),
            prop::option::of(any::<u64>()),
            prop::collection::vec(any::<u8>(), 0..16)
        )
            .prop_map(|(boot_ns, vmstat_oom_kill, comm)| {
                Frame::Counters(KernelCounters {
                    boot_ns,
                    vmstat_oom_kill,
                    lost_victims: vec![LostVictim {
                        comm,
                        ..LostVictim::default()
                    }],
                    ..KernelCounters::default()
                })
            }),
    ]
}

proptest! {
    #[test]
    fn any_frames_survive(frames in prop::collection::vec(any_frame(), 0..20)) {
        let (read, error) = read(&written(&frames)).expect("a recording");
        prop_assert_eq!(read, frames);
        prop_assert!(error.is_none());
    }

    #[test]
    fn a_recording_that_was_cut_gives_its_whole_frames(
        frames in prop::collection::vec(any_frame(), 0..10),
        at in any::<prop::sample::Index>(),
    ) {
        let bytes = written(&frames);
        let start = written(&[]).len();
        let cut = &bytes[..at.index(bytes.len())];
        // Where frames end, a cut cannot be seen.
        let ends: Vec<usize> = (0..=frames.len()).map(|count| written(&frames[..count]).len()).collect();
        if cut.len() < start {
            let is_cut = match refused(cut) {
                RecordingError::Truncated { offset, frames } => (offset, frames) == (cut.len() as u64, 0),
                RecordingError::NotARecording { .. } => cut.is_empty(),
                _ => false,
            };
            prop_assert!(is_cut);
        } else {
            let whole = ends.iter().filter(|end| **end <= cut.len()).count() - 1;
            let (read, error) = read(cut).expect("the start is whole");
            prop_assert_eq!(&read[..], &frames[..whole]);
            match error {
                None => prop_assert!(ends.contains(&cut.len())),
                Some(RecordingError::Truncated { offset, frames }) => {
                    prop_assert_eq!((offset, frames), (cut.len() as u64, whole as u64));
                    prop_assert!(!ends.contains(&cut.len()));
                }
                Some(other) => prop_assert!(false, "{}", other),
            }
        }
    }

    #[test]
    fn any_bytes_end_in_frames_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        at in any::<prop::sample::Index>(),
    ) {
        let _ = read(&bytes).map(|(frames, _)| frames.len());
        let mut damaged = written(&frames());
        let at = at.index(damaged.len());
        for (place, byte) in damaged.iter_mut().skip(at).zip(bytes) {
            *place = byte;
        }
        if let Ok((frames, _)) = read(&damaged) {
            prop_assert!(frames.len() <= damaged.len() / FRAME_HEADER_BYTES);
        }
    }
}

//! What the store holds of this boot, when a capture begins: the kernel log's history adds what is not
//! there, and repeats nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::assemble::Observed;
use crate::assemble::dedup::without_live;
use crate::model::{Event, GapReason, OomKill, Source};
use crate::process::clock;
use crate::render::json::parse;
use crate::store;
use crate::store::StoreError;

/// Most events that are compared; the log itself holds fewer.
const EVENTS_MAX: usize = 16_384;

/// The file that says since when kills of this boot are captured.
const BOOT: &str = "boot";

/// Where the counting of a boot's kills began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Base {
    /// The kernel's count of kills then.
    counted: u64,
    /// When that was, microseconds of `CLOCK_BOOTTIME`.
    boot_us: u64,
}

/// The stored events of this boot, as far as they tell one kill from another.
#[derive(Debug)]
pub(super) struct Stored {
    file: PathBuf,
    boot_id: String,
    now_us: u64,
    base: Option<Base>,
    /// Seen by the probe; their times are of `CLOCK_BOOTTIME`.
    live: Vec<Event>,
    /// Seen in the kernel log; their times are of its clock.
    logged: Vec<Event>,
    /// Kills of gaps since the base, at least and at most.
    gaps: (u64, u64),
}

/// What the log adds to the store.
#[derive(Debug)]
pub(super) struct Added {
    /// Events that the store does not hold.
    pub(super) events: Vec<Event>,
    /// Kills that neither holds, at least and at most, and the reason; not for a first start.
    pub(super) missed: Option<(u64, u64, GapReason)>,
    /// Kills of this boot have not been captured before.
    pub(super) is_first_start: bool,
}

impl Stored {
    /// Reads what the store in `directory` holds of the boot `boot_id`.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub(super) fn read(directory: &Path, boot_id: String) -> Result<Self, StoreError> {
        let file = directory.join(BOOT);
        let mut stored = Self {
            base: fs::read_to_string(&file)
                .ok()
                .and_then(|text| base(&text, &boot_id)),
            file,
            boot_id,
            now_us: clock::boot_ns() / 1_000,
            live: Vec::new(),
            logged: Vec::new(),
            gaps: (0, 0),
        };
        let damaged = store::newest_first(directory, |line| {
            match parse(line) {
                Ok(event) => stored.add(event),
                // Of another version: it cannot be compared.
                Err(_) => true,
            }
        })?;
        for error in damaged {
            log::warn!("{error}; the kernel log may repeat its kills");
        }
        Ok(stored)
    }

    /// Adds an event; false once older ones are of no use.
    fn add(&mut self, event: Event) -> bool {
        let header = event.header();
        if header
            .kernel
            .boot_id
            .as_ref()
            .is_some_and(|id| *id != self.boot_id)
        {
            return false;
        }
        let source = header.source;
        match event {
            Event::OomKill(kill) => {
                let slim = Event::OomKill(Box::new(slim(*kill)));
                match source {
                    Source::Bpf => self.live.push(slim),
                    Source::Klog => self.logged.push(slim),
                }
            }
            Event::OomNoVictim(_) => match source {
                Source::Bpf => self.live.push(event),
                Source::Klog => self.logged.push(event),
            },
            Event::Gap(gap) if gap.reason != GapReason::BeforeStart => {
                self.gaps.0 = self.gaps.0.saturating_add(gap.kills_missed_min);
                self.gaps.1 = self.gaps.1.saturating_add(gap.kills_missed_max);
            }
            Event::Gap(_) | Event::OomOutcome(_) | Event::UserspaceOomKill(_) => {}
        }
        self.live.len() + self.logged.len() < EVENTS_MAX
    }

    /// Takes the log's history: what it adds, and what both lack of the `counted` kills (at least and at
    /// most). `ahead_ns` is `CLOCK_BOOTTIME` minus the log's clock.
    pub(super) fn add_history(
        self,
        history: Vec<Event>,
        counted: Option<(u64, u64)>,
        ahead_ns: Option<i64>,
    ) -> Added {
        let events = without_live(history, &self.live, 0, ahead_ns);
        let events = without_live(events, &self.logged, 0, Some(0));
        let Some(base) = self.base else {
            self.save(counted);
            return Added {
                events,
                missed: None,
                is_first_start: true,
            };
        };
        let ahead_us = ahead_ns.unwrap_or(0) / 1_000;
        let is_since = |event: &&Event, ahead_us: i64| {
            let at_us = event.header().since_boot_us;
            at_us.is_some_and(|us| us.saturating_add_signed(ahead_us) >= base.boot_us)
        };
        let mut observed = Observed::default();
        let live = self.live.iter().filter(|event| is_since(event, 0));
        let logged = self.logged.iter().chain(&events);
        let logged = logged.filter(|event| is_since(event, ahead_us));
        for event in live.chain(logged) {
            observed.add_events(std::slice::from_ref(event));
        }
        let missed = counted.and_then(|(least, most)| {
            let least = observed.missed_of(least.saturating_sub(base.counted)).0;
            let most = observed.missed_of(most.saturating_sub(base.counted)).1;
            let min = least.saturating_sub(self.gaps.1);
            let max = most.saturating_sub(self.gaps.0);
            (min > 0).then_some((min, max, GapReason::NotRunning))
        });
        Added {
            events,
            missed,
            is_first_start: false,
        }
    }

    /// Notes where counting begins.
    fn save(&self, counted: Option<(u64, u64)>) {
        let Some((counted, _)) = counted else {
            return;
        };
        let text = format!("{} {counted} {}\n", self.boot_id, self.now_us);
        let written: io::Result<()> = fs::write(&self.file, text);
        if let Err(error) = written {
            log::warn!(
                "cannot write {}: {error}; after a restart it is not known which kills were missed",
                self.file.display()
            );
        }
    }
}

fn base(text: &str, boot_id: &str) -> Option<Base> {
    let mut words = text.split_ascii_whitespace();
    if words.next()? != boot_id {
        return None;
    }
    Some(Base {
        counted: words.next()?.parse().ok()?,
        boot_us: words.next()?.parse().ok()?,
    })
}

/// A kill without what takes room and does not tell it from another.
fn slim(kill: OomKill) -> OomKill {
    let mut slim = OomKill {
        report: None,
        hierarchy: Vec::new(),
        candidates: Vec::new(),
        findings: Vec::new(),
        missing: Vec::new(),
        owner: None,
        runtime: None,
        limit: None,
        node_memory: None,
        ..kill
    };
    slim.victim.cmdline = None;
    slim
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Gap;
    use crate::model::fixture;
    use crate::render::Render as _;
    use crate::render::json::Json;

    fn kill(source: Source, tid: u32, at_us: u64) -> Event {
        let mut kill = fixture::founding();
        kill.header.kernel.boot_id = Some("b".to_owned());
        kill.header.source = source;
        kill.header.since_boot_us = Some(at_us);
        kill.victim.tid = Some(tid);
        Event::OomKill(Box::new(kill))
    }

    fn gap(kills: u64) -> Event {
        let Event::OomKill(kill) = kill(Source::Bpf, 1, 1) else {
            panic!();
        };
        let mut header = kill.header;
        header.event = crate::model::EventKind::Gap;
        let gap = Gap::of(header, GapReason::RingFull, (kills, kills));
        Event::Gap(Box::new(gap))
    }

    /// A store with these events, begun at 1 s with the kernel's count at 10.
    fn stored(events: &[Event], is_begun: bool) -> Stored {
        let folder = tempfile::tempdir().unwrap();
        let settings = store::Settings::default();
        let mut writer = store::Writer::open(folder.path(), settings).unwrap().writer;
        for event in events {
            let mut line = Vec::new();
            Json::full().render(event, &mut line);
            writer.append(&line, std::time::SystemTime::now()).unwrap();
        }
        if is_begun {
            fs::write(folder.path().join(BOOT), "b 10 1000000\n").unwrap();
        }
        Stored::read(folder.path(), "b".to_owned()).unwrap()
    }

    #[test]
    fn the_log_adds_what_is_not_stored() {
        let second = 1_000_000;
        let stored = stored(
            &[
                kill(Source::Bpf, 7, 20 * second),
                kill(Source::Klog, 8, 5 * second),
            ],
            true,
        );
        // The log's clock is 10 s behind.
        let history = vec![
            kill(Source::Klog, 7, 10 * second + 1),
            kill(Source::Klog, 8, 5 * second),
            kill(Source::Klog, 9, 12 * second),
        ];
        let added = stored.add_history(history, Some((13, 13)), Some(10_000_000_000));
        let tids: Vec<_> = added.events.iter().map(tid).collect();
        assert_eq!(tids, [Some(9)]);
        assert_eq!((added.missed, added.is_first_start), (None, false));
    }

    fn tid(event: &Event) -> Option<u32> {
        match event {
            Event::OomKill(kill) => kill.victim.tid,
            _ => None,
        }
    }

    #[test]
    fn what_neither_holds_is_missed() {
        let second = 1_000_000;
        let events = [
            kill(Source::Bpf, 7, 20 * second),
            gap(2),
            // Before counting began.
            kill(Source::Klog, 3, second / 2),
        ];
        let history = vec![kill(Source::Klog, 9, 30 * second)];
        let added = stored(&events, true).add_history(history, Some((19, 20)), Some(0));
        assert_eq!(added.missed, Some((5, 6, GapReason::NotRunning)));
    }

    #[test]
    fn a_first_start_misses_nothing() {
        let history = vec![kill(Source::Klog, 9, 30)];
        let added = stored(&[], false).add_history(history, Some((929, 929)), Some(0));
        assert!(added.is_first_start);
        assert_eq!((added.missed, added.events.len()), (None, 1));
    }

    #[test]
    fn counting_begins_once_in_a_boot() {
        assert_eq!(base("b 10 7\n", "c"), None);
        for garbage in ["", "b", "b x 7", "b 10"] {
            assert_eq!(base(garbage, "b"), None, "{garbage}");
        }
        let folder = tempfile::tempdir().unwrap();
        let first = Stored::read(folder.path(), "b".to_owned()).unwrap();
        first.add_history(Vec::new(), Some((10, 11)), None);
        let second = Stored::read(folder.path(), "b".to_owned()).unwrap();
        assert_eq!(second.base.map(|base| base.counted), Some(10));
        let other = Stored::read(folder.path(), "c".to_owned()).unwrap();
        assert_eq!(other.base, None);
    }
}

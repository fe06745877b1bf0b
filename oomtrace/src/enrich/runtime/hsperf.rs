//! The counters that a JVM keeps in a file of its own (`hsperfdata`): what they mean. Pure; the
//! file is the victim's, so nothing in it is trusted.
//!
//! A header, then entries: lengths, a name, a value. `HotSpot` writes figures of the heap when it
//! collects, the number of threads at once.

use crate::model::{Bytes, JvmCounters};

const MAGIC: [u8; 4] = [0xca, 0xfe, 0xc0, 0xc0];
/// Entries that are read; a JVM has some 250.
const ENTRIES_MAX: u32 = 2048;
/// Length of an entry's own header.
const ENTRY: usize = 20;

/// The counters in the bytes of such a file; `None` if it is none, or has not one of them.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<JvmCounters> {
    let file = File::of(bytes)?;
    let mut sums = Sums::default();
    let mut at = usize::try_from(file.word(24)?).ok()?;
    let count = file.word(28)?.min(ENTRIES_MAX);
    for _ in 0..count {
        let length = usize::try_from(file.word(at)?).ok()?;
        let entry = bytes.get(at..at.checked_add(length)?)?;
        if let Some((name, value)) = file.entry(entry) {
            sums.add(name, value);
        }
        // Each is at least its header long, so this comes to an end.
        at = at.checked_add(length.max(ENTRY))?;
    }
    sums.counters()
}

struct File<'a> {
    bytes: &'a [u8],
    little: bool,
}

/// What an entry holds.
enum Value<'a> {
    Number(i64),
    Text(&'a [u8]),
}

impl<'a> File<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        if bytes.get(..4)? != MAGIC {
            return None;
        }
        let little = *bytes.get(4)? == 1;
        Some(Self { bytes, little })
    }

    fn word(&self, at: usize) -> Option<u32> {
        self.word_of(self.bytes, at)
    }

    fn word_of(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let word: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little {
            u32::from_le_bytes(word)
        } else {
            u32::from_be_bytes(word)
        })
    }

    fn entry<'b>(&self, entry: &'b [u8]) -> Option<(&'b [u8], Value<'b>)> {
        let offset = |at| usize::try_from(self.word_of(entry, at)?).ok();
        let name = until_nul(entry.get(offset(4)?..)?);
        let length = offset(8)?;
        let kind = *entry.get(12)?;
        let data = entry.get(offset(16)?..)?;
        let value = match (length, kind) {
            (0, b'J') => {
                let long: [u8; 8] = data.get(..8)?.try_into().ok()?;
                Value::Number(if self.little {
                    i64::from_le_bytes(long)
                } else {
                    i64::from_be_bytes(long)
                })
            }
            (1.., b'B') => Value::Text(until_nul(data.get(..length).unwrap_or(data))),
            _ => return None,
        };
        Some((name, value))
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or(bytes)
}

#[derive(Default)]
struct Sums {
    /// By generation: 0 young, 1 old.
    max: [Option<u64>; 2],
    capacity: Option<u64>,
    used: Option<u64>,
    collections: Option<u64>,
    /// Each generation may have the whole heap.
    shared: bool,
    rest: JvmCounters,
}

impl Sums {
    fn add(&mut self, name: &[u8], value: Value<'_>) {
        let number = match value {
            Value::Text(text) => {
                if name == b"sun.gc.policy.name" {
                    self.shared = text == b"GarbageFirst";
                }
                return;
            }
            // Nothing that is counted has more: two of them fit into a sum that JSON can say.
            Value::Number(number) => match u64::try_from(number) {
                Ok(number) if number >= 1 << 50 => return,
                Ok(number) => number,
                Err(_) => return,
            },
        };
        let Ok(name) = str::from_utf8(name) else {
            return;
        };
        let plus = |sum: &mut Option<u64>| {
            *sum = Some(sum.unwrap_or_default().saturating_add(number));
        };
        match name {
            "sun.gc.metaspace.capacity" => self.rest.metaspace_capacity_bytes = Some(Bytes(number)),
            "sun.gc.metaspace.used" => self.rest.metaspace_used_bytes = Some(Bytes(number)),
            "java.threads.live" => self.rest.threads = Some(number),
            "sun.gc.generation.0.maxCapacity" => self.max = [Some(number), self.max[1]],
            "sun.gc.generation.1.maxCapacity" => self.max = [self.max[0], Some(number)],
            "sun.gc.generation.0.capacity" | "sun.gc.generation.1.capacity" => {
                plus(&mut self.capacity);
            }
            name if name.starts_with("sun.gc.generation.")
                && name.contains(".space.")
                && name.ends_with(".used") =>
            {
                plus(&mut self.used);
            }
            name if name.starts_with("sun.gc.collector.") && name.ends_with(".invocations") => {
                plus(&mut self.collections);
            }
            _ => {}
        }
    }

    fn counters(self) -> Option<JvmCounters> {
        // G1 adds some bytes to each; a heap is made of whole pages.
        let whole = |bytes: u64| Bytes(bytes & !0xfff);
        let max = match self.max {
            [_, Some(old)] if self.shared => Some(old),
            [young, old] => Some(young.unwrap_or_default().saturating_add(old?)),
        };
        let counters = JvmCounters {
            heap_max_bytes: max.map(whole),
            heap_capacity_bytes: self.capacity.map(whole),
            heap_used_bytes: self.used.map(Bytes),
            collections_total: self.collections,
            ..self.rest
        };
        (counters != JvmCounters::default()).then_some(counters)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A file with these counters.
    pub(crate) fn file(little: bool, numbers: &[(&str, i64)], policy: &str) -> Vec<u8> {
        let word = |n: usize| {
            let n = n as u32;
            if little {
                n.to_le_bytes()
            } else {
                n.to_be_bytes()
            }
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend([u8::from(little), 2, 0, 1]);
        bytes.extend([0; 16]);
        bytes.extend(word(32));
        bytes.extend(word(numbers.len() + 1));
        let mut entry = |name: &str, length: usize, kind: u8, value: &[u8]| {
            let start = (ENTRY + name.len() + 1).next_multiple_of(8);
            let mut entry = word(start + value.len().next_multiple_of(8)).to_vec();
            entry.extend(word(ENTRY));
            entry.extend(word(length));
            entry.extend([kind, 1, 1, 1]);
            entry.extend(word(start));
            entry.extend(name.as_bytes());
            entry.resize(start, 0);
            entry.extend(value);
            entry.resize(start + value.len().next_multiple_of(8), 0);
            bytes.extend(entry);
        };
        entry(
            "sun.gc.policy.name",
            16,
            b'B',
            &[policy.as_bytes(), &[0; 4]].concat(),
        );
        for (name, value) in numbers {
            let value = if little {
                value.to_le_bytes()
            } else {
                value.to_be_bytes()
            };
            entry(name, 0, b'J', &value);
        }
        bytes
    }

    pub(crate) const SERIAL: [(&str, i64); 10] = [
        ("sun.gc.generation.0.maxCapacity", 44_695_552),
        ("sun.gc.generation.1.maxCapacity", 89_522_176),
        ("sun.gc.generation.0.capacity", 10_485_760),
        ("sun.gc.generation.1.capacity", 20_971_520),
        ("sun.gc.generation.0.space.0.used", 1000),
        ("sun.gc.generation.1.space.0.used", 234),
        ("sun.gc.metaspace.capacity", 327_680),
        ("java.threads.live", 6),
        ("sun.gc.collector.0.invocations", 3),
        ("sun.gc.collector.1.invocations", 1),
    ];

    #[test]
    fn generations_are_summed() {
        for little in [true, false] {
            let counters = parse(&file(little, &SERIAL, "Copy:MSC")).unwrap();
            assert_eq!(
                counters,
                JvmCounters {
                    heap_max_bytes: Some(Bytes(128 << 20)),
                    heap_capacity_bytes: Some(Bytes(30 << 20)),
                    heap_used_bytes: Some(Bytes(1234)),
                    metaspace_capacity_bytes: Some(Bytes(327_680)),
                    metaspace_used_bytes: None,
                    threads: Some(6),
                    collections_total: Some(4),
                }
            );
        }
    }

    #[test]
    fn generations_of_g1_share_the_heap() {
        let numbers = [
            ("sun.gc.generation.0.maxCapacity", 134_217_752),
            ("sun.gc.generation.1.maxCapacity", 134_217_736),
        ];
        let counters = parse(&file(true, &numbers, "GarbageFirst")).unwrap();
        assert_eq!(counters.heap_max_bytes, Some(Bytes(128 << 20)));
    }

    #[test]
    fn nothing_in_the_file_is_trusted() {
        let whole = file(true, &SERIAL, "Copy:MSC");
        for end in 0..whole.len() {
            let _ = parse(&whole[..end]);
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[at] = byte;
                let _ = parse(&broken);
            }
        }
        let negative = file(true, &[("java.threads.live", -1)], "x");
        assert_eq!(parse(&negative), None);
        let huge = file(
            true,
            &[("sun.gc.generation.0.space.0.used", i64::MAX); 3],
            "x",
        );
        assert_eq!(parse(&huge), None);
        assert_eq!(parse(b""), None);
        assert_eq!(parse(&[0; 64]), None);
    }
}

//! `/proc/slabinfo` from a descriptor that was opened, and a buffer that was made, before anything ran
//! out: reading it again allocates nothing, in this process or in the kernel.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::model::{Bytes, SlabInfo};

/// How many caches are kept.
const CACHES: usize = 5;
/// What is read at once: several lines.
const BUFFER_BYTES: usize = 4096;
/// More than the file is long: a bound for a file that grows while it is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The open file.
#[derive(Debug)]
pub(super) struct SlabCaches {
    file: File,
    buffer: Box<[u8]>,
    page_bytes: u64,
}

impl SlabCaches {
    /// Opens the file and reads it once, so that the kernel has its own buffer for it.
    ///
    /// # Errors
    /// There is none (`CONFIG_SLUB_DEBUG`), or this process may not read it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut caches = Self {
            file: File::open(path)?,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            page_bytes: rustix::param::page_size() as u64,
        };
        caches.largest()?;
        Ok(caches)
    }

    /// The largest caches now, largest first.
    pub(super) fn largest(&mut self) -> io::Result<Vec<SlabInfo>> {
        let mut largest = Vec::with_capacity(CACHES + 1);
        // Read on from where the last part ended: anywhere else the kernel would begin anew.
        let (mut at, mut kept) = (0, 0);
        while at < FILE_BYTES_MAX {
            let room = self.buffer.get_mut(kept..).unwrap_or_default();
            let len = self.file.read_at(room, at)?;
            at += len as u64;
            let filled = self.buffer.get(..kept + len).unwrap_or_default();
            let Some(end) = filled.iter().rposition(|byte| *byte == b'\n') else {
                break;
            };
            for line in filled
                .get(..end)
                .unwrap_or_default()
                .split(|byte| *byte == b'\n')
            {
                if let Some((name, used_bytes, total_bytes)) = parse(line, self.page_bytes) {
                    keep(&mut largest, name, used_bytes, total_bytes);
                }
            }
            self.buffer.copy_within(end + 1..kept + len, 0);
            kept = kept + len - (end + 1);
        }
        Ok(largest)
    }
}

/// Only a cache that is among the largest gets a name of its own.
fn keep(largest: &mut Vec<SlabInfo>, name: &[u8], used_bytes: Bytes, total_bytes: Bytes) {
    let place = largest.partition_point(|kept| kept.total_bytes >= total_bytes);
    if place < CACHES && total_bytes > Bytes(0) {
        largest.insert(
            place,
            SlabInfo {
                name: String::from_utf8_lossy(name).into_owned(),
                used_bytes,
                total_bytes,
            },
        );
        largest.truncate(CACHES);
    }
}

/// Name, bytes in use and bytes taken, from `name active_objs num_objs objsize objperslab
/// pagesperslab : tunables … : slabdata active_slabs num_slabs sharedavail`.
fn parse(line: &[u8], page_bytes: u64) -> Option<(&[u8], Bytes, Bytes)> {
    let number = |word: &[u8]| -> Option<u64> { str::from_utf8(word).ok()?.parse().ok() };
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let name = words.next()?;
    let active = number(words.next()?)?;
    let object_bytes = number(words.nth(1)?)?;
    let pages_per_slab = number(words.nth(1)?)?;
    let mut data = words.skip_while(|word| *word != b"slabdata").skip(2);
    let slabs = number(data.next()?)?;
    // A line that was cut has fewer words.
    data.next()?;
    let used = active.checked_mul(object_bytes)?;
    let total = slabs.checked_mul(pages_per_slab)?.checked_mul(page_bytes)?;
    Some((name, Bytes(used), Bytes(total)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn caches(text: &str) -> (tempfile::NamedTempFile, SlabCaches) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let mut caches = SlabCaches::open(file.path()).unwrap();
        caches.page_bytes = 4096;
        (file, caches)
    }

    #[test]
    fn the_largest_caches_come_first() {
        let mut text = "slabinfo - version: 2.1\n# name <active_objs> <num_objs> …\n".to_owned();
        for number in 0..200_u64 {
            text += &format!(
                "cache-{number} 10 20 1000 32 8 : tunables 0 0 0 : slabdata {} {} 0\n",
                number % 7,
                (number * 37) % 199 + 1,
            );
        }
        let (_file, mut caches) = caches(&text);
        let found = caches.largest().unwrap();
        let sizes: Vec<u64> = found
            .iter()
            .map(|slab| slab.total_bytes.0 / 32768)
            .collect();
        assert_eq!(sizes, [199, 198, 197, 196, 195]);
        assert_eq!(found[0].used_bytes, Bytes(10_000));
        assert!(found[0].name.starts_with("cache-"), "{found:?}");
        assert_eq!(caches.largest().unwrap(), found);
    }

    #[test]
    fn lines_of_another_form_are_passed_over() {
        let (_file, mut caches) = caches("dentry 1 2\nfilp 1 2 256 16 1 : slabdata\nx y z\n");
        assert_eq!(caches.largest().unwrap(), []);
    }

    #[test]
    fn figures_that_cannot_be_are_passed_over() {
        let line = format!("filp {0} 2 {0} 16 {0} : slabdata {0} {0} 0\n", u64::MAX);
        let (_file, mut caches) = caches(&line);
        assert_eq!(caches.largest().unwrap(), []);
    }
}

//! `/proc/meminfo` from a descriptor that was opened, and a buffer that was made, before anything ran
//! out: reading it again allocates nothing, in this process or in the kernel.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::model::{Bytes, NodeBasis, NodeMemory};

/// More than the file is long.
const BUFFER_BYTES: usize = 4096;

/// The open file.
#[derive(Debug)]
pub(super) struct MemInfo {
    file: File,
    buffer: Box<[u8]>,
}

impl MemInfo {
    /// Opens the file and reads it once, so that the kernel has its own buffer for it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut meminfo = Self {
            file: File::open(path)?,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
        };
        meminfo.text()?;
        Ok(meminfo)
    }

    /// The node's memory now.
    pub(super) fn read(&mut self, delay_us: impl Fn() -> u64) -> io::Result<NodeMemory> {
        let text = self.text()?;
        Ok(NodeMemory {
            meminfo_delay_us: Some(delay_us()),
            ..parse(text)
        })
    }

    fn text(&mut self) -> io::Result<&[u8]> {
        let len = self.file.read_at(&mut self.buffer, 0)?;
        Ok(self.buffer.get(..len).unwrap_or_default())
    }
}

/// What follows the name and the colon.
fn value<'a>(text: &'a [u8], name: &str) -> Option<&'a str> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let rest = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        str::from_utf8(rest).ok()
    })
}

fn count(text: &[u8], name: &str) -> Option<u64> {
    value(text, name)?.trim().parse().ok()
}

fn parse(text: &[u8]) -> NodeMemory {
    let figure = |name: &str| {
        let kib = value(text, name)?.strip_suffix(" kB")?;
        let kib: u64 = kib.trim().parse().ok()?;
        Some(Bytes(kib.checked_mul(1024)?))
    };
    let shmem = figure("Shmem");
    // `Cached` has shared memory in it, but neither the swap cache nor block devices' buffers.
    let file = figure("Cached")
        .zip(figure("Buffers"))
        .zip(shmem)
        .map(|((cached, buffers), shmem)| cached.saturating_add(buffers).saturating_sub(shmem));
    let hugepages = figure("Hugetlb");
    let default_size = figure("Hugepagesize");
    let of_default = |name: &str| {
        let pages = count(text, name)?;
        Some(Bytes(pages.checked_mul(default_size?.0)?))
    };
    // Where there are pages of other sizes too, what is free of those is not in this file.
    let all_default = hugepages.is_some() && of_default("HugePages_Total") == hugepages;
    NodeMemory {
        basis: Some(NodeBasis::Meminfo),
        total_bytes: figure("MemTotal"),
        free_bytes: figure("MemFree"),
        available_bytes: figure("MemAvailable"),
        anon_bytes: figure("AnonPages"),
        file_bytes: file,
        shmem_bytes: shmem,
        slab_bytes: figure("Slab"),
        slab_unreclaimable_bytes: figure("SUnreclaim"),
        page_tables_bytes: figure("PageTables"),
        kernel_stack_bytes: figure("KernelStack"),
        per_cpu_bytes: figure("Percpu"),
        zswap_bytes: figure("Zswap"),
        hugepages_free_bytes: of_default("HugePages_Free").filter(|_| all_default),
        hugepages_bytes: hugepages,
        cma_bytes: figure("CmaTotal"),
        swap_total_bytes: figure("SwapTotal"),
        swap_free_bytes: figure("SwapFree"),
        ..NodeMemory::default()
    }
    .accounted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_by_their_names() {
        let node = parse(
            b"MemTotal:         483208 kB\nMemFree:           11236 kB\nMemAvailable:       1024 kB\n\
              Buffers:              12 kB\nCached:             5000 kB\nSwapCached:            7 kB\n\
              AnonPages:        400000 kB\nShmem:              1000 kB\nSlab:              20000 kB\n\
              SReclaimable:       5000 kB\nSUnreclaim:        15000 kB\nPageTables:         2000 kB\n\
              KernelStack:         900 kB\nPercpu:             800 kB\nZswap:              70 kB\n\
              CmaTotal:           6000 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n\
              HugePages_Total:      10\nHugePages_Free:        4\nHugepagesize:       2048 kB\n\
              Hugetlb:           20480 kB\n",
        );
        let kib = |kib: u64| Some(Bytes(kib << 10));
        assert_eq!(
            node,
            NodeMemory {
                basis: Some(NodeBasis::Meminfo),
                total_bytes: kib(483_208),
                free_bytes: kib(11_236),
                available_bytes: kib(1_024),
                anon_bytes: kib(400_000),
                file_bytes: kib(4_012),
                shmem_bytes: kib(1_000),
                slab_bytes: kib(20_000),
                slab_unreclaimable_bytes: kib(15_000),
                page_tables_bytes: kib(2_000),
                kernel_stack_bytes: kib(900),
                per_cpu_bytes: kib(800),
                zswap_bytes: kib(70),
                hugepages_bytes: kib(20_480),
                hugepages_free_bytes: kib(8_192),
                unaccounted_bytes: kib(22_710),
                cma_bytes: kib(6_000),
                swap_total_bytes: kib(0),
                swap_free_bytes: kib(0),
                ..NodeMemory::default()
            }
        );
    }

    #[test]
    fn free_huge_pages_of_several_sizes_are_unknown() {
        let node = parse(
            b"HugePages_Total:      10\nHugePages_Free:        4\nHugepagesize:       2048 kB\n\
              Hugetlb:         1069056 kB\n",
        );
        assert_eq!(node.hugepages_bytes, Some(Bytes(1_069_056 << 10)));
        assert_eq!(node.hugepages_free_bytes, None);
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let node = parse(b"MemTotal: many kB\nMemFree 7 kB\nShmem:\n");
        assert_eq!(
            node,
            NodeMemory {
                basis: Some(NodeBasis::Meminfo),
                ..NodeMemory::default()
            }
        );
    }

    #[test]
    fn this_machines_file_is_read_again_and_again() {
        let mut meminfo = MemInfo::open(Path::new("/proc/meminfo")).unwrap();
        for _ in 0..2 {
            let node = meminfo.read(|| 7).unwrap();
            assert!(node.total_bytes > node.free_bytes, "{node:?}");
            assert!(node.swap_total_bytes.is_some(), "{node:?}");
            assert_eq!(node.meminfo_delay_us, Some(7));
        }
    }
}

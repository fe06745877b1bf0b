//! `struct mm_struct`.

use oomtrace_common::field::KernelField;

use crate::field::{element, member};

/// A `struct mm_struct` of the running kernel.
#[derive(Clone, Copy, PartialEq)]
pub struct Mm(pub u64);

impl Mm {
    /// `mm->rss_stat[which]` in pages; the central part where the counter is per-CPU.
    #[inline(always)]
    pub fn rss_pages(self, which: KernelField) -> Option<u64> {
        element(
            self.0,
            KernelField::MmRssStat,
            KernelField::MmRssStatStride,
            which,
        )
    }

    /// `mm_struct.pgtables_bytes`.
    #[inline(always)]
    pub fn pgtables_bytes(self) -> Option<u64> {
        member(self.0, KernelField::MmPgtablesBytes)
    }

    /// `mm_struct.total_vm`, pages.
    #[inline(always)]
    pub fn total_vm_pages(self) -> Option<u64> {
        member(self.0, KernelField::MmTotalVm)
    }

    /// `mm_struct.mm_users`.
    #[inline(always)]
    pub fn users(self) -> Option<u32> {
        member(self.0, KernelField::MmUsers)
    }

    /// `mm_struct.arg_start`.
    #[inline(always)]
    pub fn arg_start(self) -> Option<u64> {
        member(self.0, KernelField::MmArgStart)
    }

    /// `mm_struct.env_start`.
    #[inline(always)]
    pub fn env_start(self) -> Option<u64> {
        member(self.0, KernelField::MmEnvStart)
    }

    /// `mm_struct.env_end`.
    #[inline(always)]
    pub fn env_end(self) -> Option<u64> {
        member(self.0, KernelField::MmEnvEnd)
    }

    /// `mm_struct.arg_end`.
    #[inline(always)]
    pub fn arg_end(self) -> Option<u64> {
        member(self.0, KernelField::MmArgEnd)
    }
}

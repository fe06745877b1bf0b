//! A tiny BTF writer, and the questions put to what it writes.

use super::*;

fn resolve(bytes: &[u8]) -> Result<Resolved, BtfError> {
    super::resolve(bytes, &["out_of_memory"])
}

/// Writes BTF type by type.
#[derive(Default)]
struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Writer {
    fn new() -> Self {
        Self {
            types: Vec::new(),
            strings: vec![0],
            count: 0,
        }
    }

    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let offset = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        offset
    }

    fn add(
        &mut self,
        name: &str,
        kind: u32,
        flag: bool,
        vlen: u32,
        size: u32,
        data: &[u32],
    ) -> u32 {
        let name = self.string(name);
        let info = (u32::from(flag) << 31) | (kind << 24) | vlen;
        for number in [name, info, size].iter().chain(data) {
            self.types.extend_from_slice(&number.to_le_bytes());
        }
        self.count += 1;
        self.count
    }

    fn int(&mut self, bytes: u32) -> u32 {
        self.add("int", scan::kind::INT, false, 0, bytes, &[0])
    }

    fn structure(&mut self, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let data: Vec<u32> = members
            .iter()
            .flat_map(|(name, type_id, offset)| [self.string(name), *type_id, offset * 8])
            .collect();
        self.add(
            name,
            scan::kind::STRUCT,
            false,
            members.len() as u32,
            size,
            &data,
        )
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&0xeb9f_u16.to_le_bytes());
        out.extend_from_slice(&[1, 0]);
        let types = self.types.len() as u32;
        for number in [24, 0, types, types, self.strings.len() as u32] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.types);
        out.extend_from_slice(&self.strings);
        out
    }
}

fn problem(resolved: &Resolved, field: KernelField) -> &str {
    resolved
        .problems()
        .iter()
        .find(|(candidate, _)| *candidate == field)
        .map_or("", |(_, why)| why.as_str())
}

#[test]
fn anonymous_structures_and_typedefs_are_searched() {
    let mut btf = Writer::new();
    let u64_type = btf.int(8);
    let typedef = btf.add("u64", scan::kind::TYPEDEF, false, 0, u64_type, &[]);
    let inner = btf.structure(
        "",
        16,
        &[("arg_start", typedef, 0), ("arg_end", typedef, 8)],
    );
    btf.structure("mm_struct", 64, &[("pad", u64_type, 0), ("", inner, 40)]);
    let resolved = resolve(&btf.bytes()).unwrap();
    assert_eq!(resolved.number(KernelField::MmArgStart), Some(40));
    assert_eq!(resolved.number(KernelField::MmArgEnd), Some(48));
    assert_eq!(resolved.number(KernelField::MmTotalVm), None);
    assert_eq!(
        problem(&resolved, KernelField::MmTotalVm),
        "mm_struct has no member total_vm"
    );
    assert_eq!(
        problem(&resolved, KernelField::TaskPid),
        "there is no structure task_struct"
    );
}

#[test]
fn both_forms_of_the_rss_counters_are_understood() {
    // To 6.1: struct mm_rss_stat { atomic_long_t count[4]; }
    let mut btf = Writer::new();
    let s64 = btf.int(8);
    let atomic = btf.structure("", 8, &[("counter", s64, 0)]);
    let array = btf.add("", scan::kind::ARRAY, false, 0, 0, &[atomic, s64, 4]);
    let stat = btf.structure("mm_rss_stat", 32, &[("count", array, 0)]);
    btf.structure("mm_struct", 64, &[("rss_stat", stat, 16)]);
    let plain = resolve(&btf.bytes()).unwrap();
    assert_eq!(plain.number(KernelField::MmRssStat), Some(16));
    assert_eq!(plain.number(KernelField::MmRssStatStride), Some(8));
    assert_eq!(plain.path_index(KernelField::MmRssStat), Some(1));

    // Since 6.2: struct percpu_counter rss_stat[4]
    let mut btf = Writer::new();
    let s64 = btf.int(8);
    let counter = btf.structure("percpu_counter", 40, &[("lock", s64, 0), ("count", s64, 8)]);
    let array = btf.add("", scan::kind::ARRAY, false, 0, 0, &[counter, s64, 4]);
    btf.structure("mm_struct", 256, &[("rss_stat", array, 16)]);
    let percpu = resolve(&btf.bytes()).unwrap();
    assert_eq!(percpu.number(KernelField::MmRssStat), Some(24));
    assert_eq!(percpu.number(KernelField::MmRssStatStride), Some(40));
    assert_eq!(percpu.path_index(KernelField::MmRssStat), Some(0));
}

#[test]
fn the_first_argument_follows_the_architecture() {
    let field = KernelField::RegsFirstArgument;
    // x86-64.
    let mut btf = Writer::new();
    let u64_type = btf.int(8);
    btf.structure(
        "pt_regs",
        168,
        &[("bx", u64_type, 40), ("di", u64_type, 112)],
    );
    assert_eq!(resolve(&btf.bytes()).unwrap().number(field), Some(112));
    // arm64: union { struct user_pt_regs user_regs; struct { u64 regs[31]; … }; }
    let mut btf = Writer::new();
    let u64_type = btf.int(8);
    let array = btf.add(
        "",
        scan::kind::ARRAY,
        false,
        0,
        0,
        &[u64_type, u64_type, 31],
    );
    let user = btf.structure("user_pt_regs", 272, &[("regs", array, 0)]);
    let bare = btf.structure("", 272, &[("regs", array, 0)]);
    let union = btf.structure("", 272, &[("user_regs", user, 0), ("", bare, 0)]);
    btf.structure("pt_regs", 336, &[("", union, 0)]);
    assert_eq!(resolve(&btf.bytes()).unwrap().number(field), Some(0));
    // Another one has registers of that name, in another order.
    let mut btf = Writer::new();
    let u64_type = btf.int(8);
    let array = btf.add(
        "",
        scan::kind::ARRAY,
        false,
        0,
        0,
        &[u64_type, u64_type, 32],
    );
    btf.structure("pt_regs", 256, &[("regs", array, 0)]);
    assert_eq!(resolve(&btf.bytes()).unwrap().number(field), None);
}

#[test]
fn a_member_of_the_wrong_size_is_refused() {
    let mut btf = Writer::new();
    let u64_type = btf.int(8);
    btf.structure("task_struct", 64, &[("pid", u64_type, 8)]);
    let resolved = resolve(&btf.bytes()).unwrap();
    assert_eq!(resolved.number(KernelField::TaskPid), None);
    assert_eq!(
        problem(&resolved, KernelField::TaskPid),
        "task_struct.pid has 8 bytes, 4 were expected"
    );
}

#[test]
fn a_bit_field_is_refused() {
    let mut btf = Writer::new();
    let u32_type = btf.int(4);
    let name = btf.string("pid");
    // kind_flag set: the upper eight bits are the bit-field's size.
    btf.add(
        "task_struct",
        scan::kind::STRUCT,
        true,
        1,
        8,
        &[name, u32_type, (3 << 24) | 8],
    );
    let resolved = resolve(&btf.bytes()).unwrap();
    assert_eq!(
        problem(&resolved, KernelField::TaskPid),
        "pid is a bit-field"
    );
}

#[test]
fn only_structures_that_disagree_are_refused() {
    let mut btf = Writer::new();
    let u32_type = btf.int(4);
    btf.structure(
        "task_struct",
        64,
        &[("pid", u32_type, 8), ("tgid", u32_type, 12)],
    );
    btf.structure(
        "task_struct",
        64,
        &[("pid", u32_type, 16), ("tgid", u32_type, 12)],
    );
    let resolved = resolve(&btf.bytes()).unwrap();
    assert!(problem(&resolved, KernelField::TaskPid).contains("ambiguous"));
    assert_eq!(resolved.number(KernelField::TaskTgid), Some(12));
}

#[test]
fn enum_values_come_by_name_and_prototypes_by_typedef() {
    let mut btf = Writer::new();
    let names: Vec<u32> = ["MM_FILEPAGES", "MM_ANONPAGES"]
        .map(|name| btf.string(name))
        .to_vec();
    btf.add(
        "",
        scan::kind::ENUM,
        false,
        2,
        4,
        &[names[0], 0, names[1], 1],
    );
    let int = btf.int(4);
    let task = btf.structure("task_struct", 64, &[]);
    let pointer = btf.add("", scan::kind::PTR, false, 0, task, &[]);
    let void = btf.add("", scan::kind::PTR, false, 0, 0, &[]);
    let proto = btf.add(
        "",
        scan::kind::FUNC_PROTO,
        false,
        3,
        0,
        &[0, void, 0, pointer, 0, int],
    );
    let function = btf.add("", scan::kind::PTR, false, 0, proto, &[]);
    btf.add(
        "btf_trace_mark_victim",
        scan::kind::TYPEDEF,
        false,
        0,
        function,
        &[],
    );
    let resolved = resolve(&btf.bytes()).unwrap();
    assert_eq!(resolved.number(KernelField::RssAnon), Some(1));
    assert_eq!(
        resolved.prototype("btf_trace_mark_victim"),
        Some(
            &[
                Param::StructPointer("task_struct".into()),
                Param::Integer(4)
            ][..]
        )
    );
    assert_eq!(resolved.prototype("btf_trace_signal_generate"), None);
}

#[test]
fn a_ring_of_types_ends() {
    let mut btf = Writer::new();
    // Type 1 is a typedef of itself; type 2 a structure whose anonymous member is itself.
    btf.add("t", scan::kind::TYPEDEF, false, 0, 1, &[]);
    btf.structure("task_struct", 8, &[("", 2, 0), ("comm", 1, 0)]);
    let resolved = resolve(&btf.bytes()).unwrap();
    assert!(problem(&resolved, KernelField::TaskPid).contains("too deep"));
}

#[test]
fn bytes_that_are_no_btf_are_refused_by_name() {
    assert_eq!(
        resolve(b"\x7fELF").unwrap_err(),
        BtfError::Magic { found: 0x457f }
    );
    assert!(matches!(
        resolve(b"").unwrap_err(),
        BtfError::Truncated { .. }
    ));
    let mut btf = Writer::new();
    btf.add("future", 31, false, 0, 0, &[]);
    assert_eq!(
        resolve(&btf.bytes()).unwrap_err(),
        BtfError::Kind { id: 1, kind: 31 }
    );
    let mut btf = Writer::new();
    btf.structure("task_struct", 8, &[("pid", 1, 0)]);
    let whole = btf.bytes();
    for len in 0..whole.len() {
        assert!(resolve(&whole[..len]).is_err(), "cut to {len} bytes");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut bytes: Vec<u8>, valid_start: bool) {
        if valid_start && bytes.len() > 24 {
            bytes[..2].copy_from_slice(&0xeb9f_u16.to_le_bytes());
            bytes[4..8].copy_from_slice(&24_u32.to_le_bytes());
        }
        let _ = resolve(&bytes);
    }
}

//! Small BTF blobs with what oomtrace asks for: structures with nested and anonymous members,
//! arrays, enums, and a tracepoint's prototype.

/// `BTF_KIND_` constants of `include/uapi/linux/btf.h`.
mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const CONST: u32 = 10;
    pub const FUNC_PROTO: u32 = 13;
    pub const ENUM64: u32 = 19;
}

#[derive(Default)]
struct Blob {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Blob {
    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        // Offset 0 is the empty string.
        let offset = self.strings.len() as u32 + 1;
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        offset
    }

    fn add(&mut self, name: &str, info: (u32, u32), size: u32, data: &[u32]) -> u32 {
        let name = self.string(name);
        let (kind, vlen) = info;
        for number in [name, (kind << 24) | vlen, size].iter().chain(data) {
            self.types.extend_from_slice(&number.to_ne_bytes());
        }
        self.count += 1;
        self.count
    }

    fn members(&mut self, kind: u32, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let data: Vec<u32> = members
            .iter()
            .flat_map(|(name, id, offset)| [self.string(name), *id, offset * 8])
            .collect();
        self.add(name, (kind, members.len() as u32), size, &data)
    }

    fn enumeration(&mut self, name: &str, values: &[(&str, u32)]) -> u32 {
        let data: Vec<u32> = values
            .iter()
            .flat_map(|(name, value)| [self.string(name), *value])
            .collect();
        self.add(name, (kind::ENUM, values.len() as u32), 4, &data)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = 0xeb9f_u16.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&[1, 0]);
        let types = self.types.len() as u32;
        for number in [24, 0, types, types, self.strings.len() as u32 + 1] {
            bytes.extend_from_slice(&number.to_ne_bytes());
        }
        bytes.extend_from_slice(&self.types);
        bytes.push(0);
        bytes.extend_from_slice(&self.strings);
        bytes
    }
}

pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    vec![("empty", Blob::default().bytes()), ("kernel", kernel())]
}

/// A kernel in little.
fn kernel() -> Vec<u8> {
    let mut btf = Blob::default();
    let u32_type = btf.add("unsigned int", (kind::INT, 0), 4, &[32]);
    let u64_type = btf.add("u64", (kind::INT, 0), 8, &[64]);
    let pid_t = btf.add("pid_t", (kind::TYPEDEF, 0), u32_type, &[]);
    let constant = btf.add("", (kind::CONST, 0), u64_type, &[]);
    let pointer = btf.add("", (kind::PTR, 0), constant, &[]);
    let comm = btf.add("", (kind::ARRAY, 0), 0, &[u32_type, u32_type, 4]);
    let counter = btf.members(
        kind::STRUCT,
        "percpu_counter",
        40,
        &[("lock", u64_type, 0), ("count", u64_type, 8)],
    );
    let rss = btf.add("", (kind::ARRAY, 0), 0, &[counter, u32_type, 4]);
    let arguments = btf.members(
        kind::STRUCT,
        "",
        16,
        &[("arg_start", u64_type, 0), ("arg_end", u64_type, 8)],
    );
    btf.members(
        kind::STRUCT,
        "mm_struct",
        256,
        &[
            ("", arguments, 16),
            ("rss_stat", rss, 64),
            ("total_vm", u64_type, 32),
        ],
    );
    let task = btf.members(
        kind::STRUCT,
        "task_struct",
        128,
        &[
            ("pid", pid_t, 8),
            ("tgid", pid_t, 12),
            ("comm", comm, 16),
            ("mm", pointer, 32),
        ],
    );
    let page_counter = btf.members(
        kind::STRUCT,
        "page_counter",
        64,
        &[("max", u64_type, 0), ("watermark", u64_type, 8)],
    );
    let swap = btf.members(
        kind::UNION,
        "",
        64,
        &[("swap", page_counter, 0), ("memsw", page_counter, 0)],
    );
    btf.members(
        kind::STRUCT,
        "mem_cgroup",
        512,
        &[("memory", page_counter, 64), ("", swap, 128)],
    );
    btf.enumeration("", &[("MM_FILEPAGES", 0), ("MM_ANONPAGES", 1)]);
    btf.enumeration("pid_type", &[("PIDTYPE_PID", 0), ("PIDTYPE_TGID", 1)]);
    let name = btf.string("memory_cgrp_id");
    btf.add("cgroup_subsys_id", (kind::ENUM64, 1), 8, &[name, 4, 0]);
    let task_pointer = btf.add("", (kind::PTR, 0), task, &[]);
    let proto = btf.add(
        "",
        (kind::FUNC_PROTO, 3),
        0,
        &[0, pointer, 0, task_pointer, 0, pid_t],
    );
    let proto = btf.add("", (kind::PTR, 0), proto, &[]);
    btf.add("btf_trace_mark_victim", (kind::TYPEDEF, 0), proto, &[]);
    btf.bytes()
}

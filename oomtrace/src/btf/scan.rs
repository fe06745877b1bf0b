//! One pass over the types: where each lies, and where those of interest are.

use super::BtfError;
use super::source::{Section, Source};

/// `BTF_KIND_` constants of `include/uapi/linux/btf.h`.
pub(super) mod kind {
    pub(in crate::btf) const INT: u32 = 1;
    pub(in crate::btf) const PTR: u32 = 2;
    pub(in crate::btf) const ARRAY: u32 = 3;
    pub(in crate::btf) const STRUCT: u32 = 4;
    pub(in crate::btf) const UNION: u32 = 5;
    pub(in crate::btf) const ENUM: u32 = 6;
    pub(in crate::btf) const FWD: u32 = 7;
    pub(in crate::btf) const TYPEDEF: u32 = 8;
    pub(in crate::btf) const VOLATILE: u32 = 9;
    pub(in crate::btf) const CONST: u32 = 10;
    pub(in crate::btf) const RESTRICT: u32 = 11;
    pub(in crate::btf) const FUNC: u32 = 12;
    pub(in crate::btf) const FUNC_PROTO: u32 = 13;
    pub(in crate::btf) const VAR: u32 = 14;
    pub(in crate::btf) const DATASEC: u32 = 15;
    pub(in crate::btf) const FLOAT: u32 = 16;
    pub(in crate::btf) const DECL_TAG: u32 = 17;
    pub(in crate::btf) const TYPE_TAG: u32 = 18;
    pub(in crate::btf) const ENUM64: u32 = 19;
}

const MAGIC: u16 = 0xeb9f;
/// `struct btf_header`, as far as it is needed.
const HEADER_BYTES: usize = 24;
const TYPE_HEADER_BYTES: usize = 12;

/// A type's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeHeader {
    pub(super) name_offset: u32,
    pub(super) kind: u32,
    pub(super) vlen: u32,
    pub(super) kind_flag: bool,
    /// Size in bytes, or the number of another type, as the kind has it.
    pub(super) size_or_type: u32,
    /// Where the kind's own data begin, in the type section.
    pub(super) data: usize,
}

/// The types with an index over them, and all names.
pub(super) struct Scan<'a, S: ?Sized> {
    types: Section<'a, S>,
    strings: Vec<u8>,
    /// Offset of each type in the type section; type numbers start at 1.
    offsets: Vec<u32>,
    /// Structures, unions and enums of the wanted names.
    pub(super) named: Vec<(&'static str, u32)>,
    /// Enums without a name.
    pub(super) anonymous_enums: Vec<u32>,
    /// Wanted typedefs.
    pub(super) typedefs: Vec<(&'static str, u32)>,
    /// Wanted functions.
    pub(super) functions: Vec<(&'static str, u32)>,
}

impl<'a, S: Source + ?Sized> Scan<'a, S> {
    pub(super) fn new(
        source: &'a S,
        owners: impl Iterator<Item = &'static str>,
        typedefs: &[&'static str],
        functions: &[&'static str],
    ) -> Result<Self, BtfError> {
        let header = Section::new(source, 0, HEADER_BYTES);
        let magic = u16::from_le_bytes(header.bytes(0, "the magic number")?);
        if magic != MAGIC {
            return Err(BtfError::Magic { found: magic });
        }
        let header_bytes = u32_at(&header, 4, "the header's length")?;
        let section = |offset_at, what| -> Result<Section<'a, S>, BtfError> {
            let start = u64::from(u32_at(&header, offset_at, what)?) + u64::from(header_bytes);
            let length = u32_at(&header, offset_at + 4, what)? as usize;
            Ok(Section::new(source, start, length))
        };
        let types = section(8, "the type section")?;
        let strings = section(16, "the string section")?.whole("the string section")?;
        let mut scan = Self {
            types,
            strings,
            offsets: Vec::new(),
            named: Vec::new(),
            anonymous_enums: Vec::new(),
            typedefs: Vec::new(),
            functions: Vec::new(),
        };
        let mut wanted: Vec<&'static str> = owners.filter(|owner| !owner.is_empty()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        scan.walk(&wanted, typedefs, functions)?;
        Ok(scan)
    }

    fn walk(
        &mut self,
        wanted: &[&'static str],
        typedefs: &[&'static str],
        functions: &[&'static str],
    ) -> Result<(), BtfError> {
        let mut at = 0_usize;
        let mut id = 0_u32;
        while at < self.types.len() {
            id += 1;
            let header = header_at(&self.types, at)?;
            self.offsets.push(u32::try_from(at).unwrap_or(u32::MAX));
            match header.kind {
                kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 => {
                    if header.name_offset == 0 {
                        if header.kind == kind::ENUM {
                            self.anonymous_enums.push(id);
                        }
                    } else if let Some(name) = self.name_among(header.name_offset, wanted) {
                        self.named.push((name, id));
                    }
                }
                kind::FUNC => {
                    if let Some(name) = self.name_among(header.name_offset, functions) {
                        self.functions.push((name, id));
                    }
                }
                kind::TYPEDEF => {
                    if let Some(name) = self.name_among(header.name_offset, typedefs) {
                        self.typedefs.push((name, id));
                    }
                }
                _ => {}
            }
            at = header
                .data
                .checked_add(data_len(&header, id)?)
                .ok_or(BtfError::Truncated { what: "a type", at })?;
        }
        Ok(())
    }

    /// The header of type `id`.
    pub(super) fn header(&self, id: u32) -> Option<TypeHeader> {
        let offset = *self
            .offsets
            .get(usize::try_from(id).ok()?.checked_sub(1)?)?;
        header_at(&self.types, offset as usize).ok()
    }

    /// A number in the type section.
    pub(super) fn number(&self, at: usize) -> Option<u32> {
        u32_at(&self.types, at, "a number").ok()
    }

    /// Whether the string at `offset` is `name`.
    pub(super) fn is_named(&self, offset: u32, name: &str) -> bool {
        self.strings
            .get(offset as usize..)
            .and_then(|rest| rest.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    /// The string at `offset`.
    pub(super) fn name(&self, offset: u32) -> Option<String> {
        let rest = self.strings.get(offset as usize..)?;
        let len = memchr::memchr(0, rest)?;
        rest.get(..len)
            .map(|name| String::from_utf8_lossy(name).into_owned())
    }

    fn name_among(&self, offset: u32, wanted: &[&'static str]) -> Option<&'static str> {
        wanted
            .iter()
            .copied()
            .find(|name| self.is_named(offset, name))
    }
}

fn header_at<S: Source + ?Sized>(
    types: &Section<'_, S>,
    at: usize,
) -> Result<TypeHeader, BtfError> {
    let [name_offset, info, size_or_type] = {
        let bytes: [u8; TYPE_HEADER_BYTES] = types.bytes(at, "a type")?;
        let (words, _) = bytes.as_chunks::<4>();
        let word = |index: usize| words.get(index).copied().map_or(0, u32::from_le_bytes);
        [word(0), word(1), word(2)]
    };
    Ok(TypeHeader {
        name_offset,
        kind: (info >> 24) & 0x1f,
        vlen: info & 0xffff,
        kind_flag: info >> 31 != 0,
        size_or_type,
        data: at.saturating_add(TYPE_HEADER_BYTES),
    })
}

/// Bytes of the data behind a type's header.
fn data_len(header: &TypeHeader, id: u32) -> Result<usize, BtfError> {
    let vlen = header.vlen as usize;
    Ok(match header.kind {
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::PTR
        | kind::FWD
        | kind::TYPEDEF
        | kind::VOLATILE
        | kind::CONST
        | kind::RESTRICT
        | kind::FUNC
        | kind::FLOAT
        | kind::TYPE_TAG => 0,
        kind::ARRAY => 12,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => vlen * 12,
        kind::ENUM | kind::FUNC_PROTO => vlen * 8,
        kind => return Err(BtfError::Kind { id, kind }),
    })
}

fn u32_at<S: Source + ?Sized>(
    section: &Section<'_, S>,
    at: usize,
    what: &'static str,
) -> Result<u32, BtfError> {
    section.bytes(at, what).map(u32::from_le_bytes)
}

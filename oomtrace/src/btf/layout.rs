//! Answers about structures, enums and prototypes from a [`Scan`].

use super::scan::{Scan, TypeHeader, kind};
use super::source::Source;

/// A parameter of a tracepoint's prototype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// A pointer to the named structure.
    StructPointer(String),
    /// Any other pointer.
    Pointer,
    /// An integer, a boolean or an enum of so many bytes.
    Integer(u32),
    /// Anything else.
    Other,
}

/// Types nest and refer to each other; hostile bytes could make a ring of them.
const DEPTH_MAX: u32 = 8;

/// Where a member lies and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) offset_bytes: u32,
    /// Size of the member; absent where its type has none.
    pub(super) size_bytes: Option<u32>,
    /// For an array: size of an element.
    pub(super) element_bytes: Option<u32>,
    /// For an array: number of elements.
    pub(super) elements: Option<u32>,
}

/// The questions.
pub(super) struct Layout<'a, S: ?Sized> {
    scan: &'a Scan<'a, S>,
}

impl<'a, S: Source + ?Sized> Layout<'a, S> {
    pub(super) fn new(scan: &'a Scan<'a, S>) -> Self {
        Self { scan }
    }

    /// The member at `path` of structure `owner`.
    pub(super) fn member(&self, owner: &str, path: &str) -> Result<Member, String> {
        let mut found: Option<Member> = None;
        let mut known = false;
        for (_, id) in self.scan.named.iter().filter(|(name, _)| *name == owner) {
            known = true;
            let Some(member) = self.walk_path(*id, path)? else {
                continue;
            };
            match found {
                Some(other) if other != member => {
                    return Err(format!(
                        "{owner}.{path} is ambiguous: structures of that name disagree"
                    ));
                }
                _ => found = Some(member),
            }
        }
        match (found, known) {
            (Some(member), _) => Ok(member),
            (None, true) => Err(format!("{owner} has no member {path}")),
            (None, false) => Err(format!("there is no structure {owner}")),
        }
    }

    fn walk_path(&self, owner: u32, path: &str) -> Result<Option<Member>, String> {
        let mut type_id = owner;
        let mut offset_bytes = 0_u32;
        for part in path.split('.') {
            let (name, step_in) = match part.strip_suffix("[]") {
                Some(name) => (name, true),
                None => (part, false),
            };
            let Some((offset, member_type)) = self.find(type_id, name, 0)? else {
                return Ok(None);
            };
            offset_bytes = offset_bytes.saturating_add(offset);
            type_id = member_type;
            if step_in {
                let Some((element, _)) = self.array(type_id) else {
                    return Ok(None);
                };
                type_id = element;
            }
        }
        let array = self.array(type_id);
        Ok(Some(Member {
            offset_bytes,
            size_bytes: self.size(type_id, 0),
            element_bytes: array.and_then(|(element, _)| self.size(element, 0)),
            elements: array.map(|(_, elements)| elements),
        }))
    }

    /// Offset and type of the member `name`, looked for through anonymous members too.
    fn find(&self, type_id: u32, name: &str, depth: u32) -> Result<Option<(u32, u32)>, String> {
        if depth > DEPTH_MAX {
            return Err(format!("types nest too deep on the way to {name}"));
        }
        let Some((_, header)) = self.strip(type_id) else {
            return Ok(None);
        };
        if header.kind != kind::STRUCT && header.kind != kind::UNION {
            return Ok(None);
        }
        for index in 0..header.vlen as usize {
            let at = header.data + index * 12;
            let (Some(name_offset), Some(member_type), Some(raw)) = (
                self.scan.number(at),
                self.scan.number(at + 4),
                self.scan.number(at + 8),
            ) else {
                return Ok(None);
            };
            let (bits, bitfield_bits) = if header.kind_flag {
                (raw & 0xff_ffff, raw >> 24)
            } else {
                (raw, 0)
            };
            if name_offset == 0 {
                if let Some((inner, inner_type)) = self.find(member_type, name, depth + 1)? {
                    return Ok(Some(((bits / 8).saturating_add(inner), inner_type)));
                }
            } else if self.scan.is_named(name_offset, name) {
                if bitfield_bits != 0 || bits % 8 != 0 {
                    return Err(format!("{name} is a bit-field"));
                }
                return Ok(Some((bits / 8, member_type)));
            }
        }
        Ok(None)
    }

    /// The value of enumerator `name` of enum `owner`, of any enum without a name if that is
    /// empty.
    pub(super) fn enum_value(&self, owner: &str, name: &str) -> Result<u32, String> {
        let mut found: Option<u32> = None;
        let named = self
            .scan
            .named
            .iter()
            .filter(|(candidate, _)| *candidate == owner)
            .map(|(_, id)| *id);
        let anonymous: &[u32] = if owner.is_empty() {
            &self.scan.anonymous_enums
        } else {
            &[]
        };
        for id in named.chain(anonymous.iter().copied()) {
            let Some(value) = self.enumerator(id, name) else {
                continue;
            };
            match found {
                Some(other) if other != value => {
                    return Err(format!("{name} is ambiguous: {other} and {value}"));
                }
                _ => found = Some(value),
            }
        }
        found.ok_or_else(|| format!("there is no enumerator {name}"))
    }

    fn enumerator(&self, id: u32, name: &str) -> Option<u32> {
        let header = self.scan.header(id)?;
        if header.kind != kind::ENUM {
            return None;
        }
        (0..header.vlen as usize).find_map(|index| {
            let at = header.data + index * 8;
            self.scan
                .is_named(self.scan.number(at)?, name)
                .then(|| self.scan.number(at + 4))?
        })
    }

    /// The parameters of the function that typedef `name` points to, without the first.
    pub(super) fn prototype(&self, name: &str) -> Option<Vec<Param>> {
        let (_, id) = self
            .scan
            .typedefs
            .iter()
            .find(|(typedef, _)| *typedef == name)?;
        let (_, pointer) = self.strip(*id)?;
        let (_, proto) = self.strip(pointer.size_or_type)?;
        if pointer.kind != kind::PTR || proto.kind != kind::FUNC_PROTO {
            return None;
        }
        (1..proto.vlen as usize)
            .map(|index| {
                self.scan
                    .number(proto.data + index * 8 + 4)
                    .map(|type_id| self.param(type_id))
            })
            .collect()
    }

    fn param(&self, type_id: u32) -> Param {
        let Some((_, header)) = self.strip(type_id) else {
            return Param::Other;
        };
        match header.kind {
            kind::PTR => match self.strip(header.size_or_type) {
                Some((_, target)) if target.kind == kind::STRUCT || target.kind == kind::FWD => {
                    self.scan
                        .name(target.name_offset)
                        .map_or(Param::Pointer, Param::StructPointer)
                }
                _ => Param::Pointer,
            },
            kind::INT | kind::ENUM | kind::ENUM64 => Param::Integer(header.size_or_type),
            _ => Param::Other,
        }
    }

    /// Element type and number of elements of an array type.
    fn array(&self, type_id: u32) -> Option<(u32, u32)> {
        let (_, header) = self.strip(type_id)?;
        if header.kind != kind::ARRAY {
            return None;
        }
        Some((
            self.scan.number(header.data)?,
            self.scan.number(header.data + 8)?,
        ))
    }

    fn size(&self, type_id: u32, depth: u32) -> Option<u32> {
        if depth > DEPTH_MAX {
            return None;
        }
        let (_, header) = self.strip(type_id)?;
        match header.kind {
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 | kind::FLOAT => {
                Some(header.size_or_type)
            }
            // BTF does not say; every kernel this runs on has 64-bit pointers.
            kind::PTR => Some(8),
            kind::ARRAY => {
                let (element, elements) = self.array(type_id)?;
                self.size(element, depth + 1)?.checked_mul(elements)
            }
            _ => None,
        }
    }

    /// Looks through typedefs, qualifiers and tags.
    fn strip(&self, type_id: u32) -> Option<(u32, TypeHeader)> {
        let mut id = type_id;
        for _ in 0..DEPTH_MAX {
            let header = self.scan.header(id)?;
            match header.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = header.size_or_type
                }
                _ => return Some((id, header)),
            }
        }
        None
    }
}

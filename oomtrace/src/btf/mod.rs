//! BTF to offsets, enum values and prototypes. Refuses what it does not understand.
//!
//! A kernel's BTF is 5 MB and more, and oomtrace asks about sixty things. So it is never in memory as
//! a whole: the types are walked once through a small window to note where those of interest lie,
//! each question is answered from there, and only the names are held meanwhile. Names decide, never positions or versions: an offset of
//! the right name but the wrong size, a bit-field, or two structures of one name that disagree are
//! refused rather than guessed.

mod error;
mod layout;
mod scan;
mod source;

pub use error::BtfError;
use layout::Layout;
pub use layout::Param;
use oomtrace_common::field::{ABSENT, Ask, FIELD_COUNT, FIELDS, FieldSpec, KernelField};
use scan::Scan;
pub use source::Source;

/// The answers to everything that oomtrace asks of a kernel's BTF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    numbers: Vec<u32>,
    /// Which of a field's paths was taken.
    paths: Vec<usize>,
    /// Why a field is [`ABSENT`]: the last of its paths' problems.
    problems: Vec<(KernelField, String)>,
    prototypes: Vec<(&'static str, Vec<Param>)>,
    functions: Vec<(&'static str, u32)>,
}

/// Tracepoints whose prototypes decide what a hook gets, by the name of their BTF typedef.
pub const PROTOTYPES: &[&str] = &[
    "btf_trace_mark_victim",
    "btf_trace_sched_process_exit",
    "btf_trace_signal_generate",
    "btf_trace_signal_deliver",
];

impl Resolved {
    /// The number of a field: offset, stride, length or value.
    #[must_use]
    pub fn number(&self, field: KernelField) -> Option<u32> {
        self.numbers
            .get(field.index())
            .copied()
            .filter(|number| *number != ABSENT)
    }

    /// All numbers in the order of [`FIELDS`], [`ABSENT`] where there is none.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Position of the path by which a field was found in its list of paths.
    #[must_use]
    pub fn path_index(&self, field: KernelField) -> Option<usize> {
        self.number(field)?;
        self.paths.get(field.index()).copied()
    }

    /// Fields that were not found, with the reason.
    #[must_use]
    pub fn problems(&self) -> &[(KernelField, String)] {
        &self.problems
    }

    /// Number of a function's type, which attaching to it by BTF takes; nothing if the kernel has no
    /// such function (or has inlined it), or several of that name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u32> {
        let mut found = self
            .functions
            .iter()
            .filter(|(function, _)| *function == name);
        let (_, id) = found.next()?;
        found.next().is_none().then_some(*id)
    }

    /// Made-up functions, for tests of what is decided from them.
    #[cfg(test)]
    pub(crate) fn add_functions(&mut self, functions: &[(&'static str, u32)]) {
        self.functions.extend_from_slice(functions);
    }

    /// Answers that were given before: number and path of each field in the order of [`FIELDS`].
    #[cfg(test)]
    pub(crate) fn recorded(
        fields: Vec<(u32, usize)>,
        problems: Vec<(KernelField, String)>,
        prototypes: Vec<(&'static str, Vec<Param>)>,
        functions: Vec<(&'static str, u32)>,
    ) -> Self {
        let (numbers, paths) = fields.into_iter().unzip();
        Self {
            numbers,
            paths,
            problems,
            prototypes,
            functions,
        }
    }

    /// Made-up answers, for tests of what is decided from them.
    #[cfg(test)]
    pub(crate) fn for_tests(
        number: impl Fn(KernelField) -> Option<u32>,
        prototypes: Vec<(&'static str, Vec<Param>)>,
    ) -> Self {
        Self {
            numbers: FIELDS
                .iter()
                .map(|spec| number(spec.field).unwrap_or(ABSENT))
                .collect(),
            paths: vec![0; FIELD_COUNT],
            problems: Vec::new(),
            prototypes,
            functions: Vec::new(),
        }
    }

    /// The parameters of a tracepoint, without the leading `void *`; nothing if the kernel has no
    /// such tracepoint.
    #[must_use]
    pub fn prototype(&self, typedef: &str) -> Option<&[Param]> {
        self.prototypes
            .iter()
            .find(|(name, _)| *name == typedef)
            .map(|(_, params)| params.as_slice())
    }
}

/// Answers every question of [`FIELDS`] and [`PROTOTYPES`] from `/sys/kernel/btf/vmlinux`, and looks
/// for the `functions` that hooks may be put on.
///
/// # Errors
///
/// The bytes cannot be read, are no BTF, are cut, or hold a kind of type that is not known. A field that is not
/// there is no error: see [`Resolved::problems`].
pub fn resolve<S: Source + ?Sized>(
    source: &S,
    functions: &[&'static str],
) -> Result<Resolved, BtfError> {
    let scan = Scan::new(
        source,
        FIELDS.iter().map(|spec| spec.owner),
        PROTOTYPES,
        functions,
    )?;
    let layout = Layout::new(&scan);
    let mut resolved = Resolved {
        numbers: vec![ABSENT; FIELD_COUNT],
        paths: vec![0; FIELD_COUNT],
        problems: Vec::new(),
        prototypes: Vec::new(),
        functions: scan.functions.clone(),
    };
    for (index, spec) in FIELDS.iter().enumerate() {
        match answer(&layout, spec) {
            Ok((number, path)) => {
                if let Some(slot) = resolved.numbers.get_mut(index) {
                    *slot = number;
                }
                if let Some(slot) = resolved.paths.get_mut(index) {
                    *slot = path;
                }
            }
            Err(problem) => resolved.problems.push((spec.field, problem)),
        }
    }
    for name in PROTOTYPES {
        if let Some(params) = layout.prototype(name) {
            resolved.prototypes.push((name, params));
        }
    }
    Ok(resolved)
}

/// The number for one question and the path that gave it.
fn answer<S: Source + ?Sized>(
    layout: &Layout<'_, S>,
    spec: &FieldSpec,
) -> Result<(u32, usize), String> {
    let mut problem = String::from("no path given");
    for (index, path) in spec.paths.iter().enumerate() {
        let found = match spec.ask {
            Ask::EnumValue => layout.enum_value(spec.owner, path),
            Ask::Offset { size_bytes } => layout.member(spec.owner, path).and_then(|member| {
                if member.size_bytes == Some(size_bytes) {
                    Ok(member.offset_bytes)
                } else {
                    Err(format!(
                        "{}.{path} has {} bytes, {size_bytes} were expected",
                        spec.owner,
                        member
                            .size_bytes
                            .map_or_else(|| "unknown".to_owned(), |size| size.to_string()),
                    ))
                }
            }),
            Ask::Base => layout
                .member(spec.owner, path)
                .map(|member| member.offset_bytes),
            Ask::Stride => layout.member(spec.owner, path).and_then(|member| {
                member
                    .element_bytes
                    .ok_or_else(|| format!("{}.{path} is no array", spec.owner))
            }),
            Ask::Length => layout.member(spec.owner, path).and_then(|member| {
                member
                    .elements
                    .ok_or_else(|| format!("{}.{path} is no array", spec.owner))
            }),
        };
        match found {
            Ok(number) if number != ABSENT => return Ok((number, index)),
            Ok(_) => problem = format!("{}.{path} is out of range", spec.owner),
            Err(why) => problem = why,
        }
    }
    Err(problem)
}

#[cfg(test)]
mod tests;

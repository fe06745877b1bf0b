//! The layout of a tracepoint's record, from its `format` file.

use oomtrace_common::field::ABSENT;
use oomtrace_common::switch::tracepoint_layout as layout;

/// The `format` file does not say what is needed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FormatError {
    /// The one field that every form of the tracepoint has.
    #[error("the format file of oom:mark_victim names no field `pid`")]
    NoPid,
    /// A field of a size that is not expected.
    #[error(
        "the format file of oom:mark_victim gives `{field}` {found} bytes, {expected} were expected"
    )]
    Size {
        /// The field's name.
        field: &'static str,
        /// As the file has it.
        found: u32,
        /// As every known kernel has it.
        expected: u32,
    },
}

const FIELDS: [(&str, usize, u32); layout::COUNT] = [
    ("pid", layout::PID, 4),
    ("comm", layout::COMM, 4),
    ("total_vm", layout::TOTAL_VM, 8),
    ("anon_rss", layout::ANON_RSS, 8),
    ("file_rss", layout::FILE_RSS, 8),
    ("shmem_rss", layout::SHMEM_RSS, 8),
    ("uid", layout::UID, 4),
    ("pgtables", layout::PGTABLES, 8),
    ("oom_score_adj", layout::OOM_SCORE_ADJ, 2),
];

/// Offsets of the fields of `oom:mark_victim`, in the order of [`layout`]; [`ABSENT`] where this
/// kernel's record has no such field. Some vendors' kernels have four more bytes of common fields.
///
/// # Errors
///
/// `pid` is not there, or a field has an unexpected size.
pub fn mark_victim_layout(text: &str) -> Result<[u32; layout::COUNT], FormatError> {
    let mut offsets = [ABSENT; layout::COUNT];
    for line in text.lines() {
        let Some((declaration, rest)) = line
            .trim()
            .strip_prefix("field:")
            .and_then(|line| line.split_once(';'))
        else {
            continue;
        };
        let name = declaration.rsplit([' ', '*']).next().unwrap_or_default();
        let name = name.split('[').next().unwrap_or_default();
        let Some((field, index, expected)) =
            FIELDS.iter().copied().find(|(field, ..)| *field == name)
        else {
            continue;
        };
        let number = |key: &str| {
            rest.split(';')
                .find_map(|part| part.trim().strip_prefix(key))
                .and_then(|text| text.parse::<u32>().ok())
        };
        let (Some(offset), Some(size)) = (number("offset:"), number("size:")) else {
            continue;
        };
        if size != expected {
            return Err(FormatError::Size {
                field,
                found: size,
                expected,
            });
        }
        if let Some(slot) = offsets.get_mut(index) {
            *slot = offset;
        }
    }
    if offsets.get(layout::PID) == Some(&ABSENT) {
        return Err(FormatError::NoPid);
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "name: mark_victim\nID: 573\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\
        \tfield:int pid;\toffset:8;\tsize:4;\tsigned:1;\n\
        \tfield:__data_loc char[] comm;\toffset:12;\tsize:4;\tsigned:0;\n\
        \tfield:unsigned long total_vm;\toffset:16;\tsize:8;\tsigned:0;\n\
        \tfield:unsigned long anon_rss;\toffset:24;\tsize:8;\tsigned:0;\n\
        \tfield:unsigned long file_rss;\toffset:32;\tsize:8;\tsigned:0;\n\
        \tfield:unsigned long shmem_rss;\toffset:40;\tsize:8;\tsigned:0;\n\
        \tfield:uid_t uid;\toffset:48;\tsize:4;\tsigned:0;\n\
        \tfield:unsigned long pgtables;\toffset:56;\tsize:8;\tsigned:0;\n\
        \tfield:short oom_score_adj;\toffset:64;\tsize:2;\tsigned:1;\n";

    #[test]
    fn the_new_form_has_all_fields() {
        assert_eq!(
            mark_victim_layout(NEW).unwrap(),
            [8, 12, 16, 24, 32, 40, 48, 56, 64]
        );
    }

    #[test]
    fn the_old_form_has_a_pid_which_vendors_may_shift() {
        let old = "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\
                   \tfield:unsigned char common_preempt_lazy_count;\toffset:8;\tsize:1;\tsigned:0;\n\
                   \tfield:int pid;\toffset:12;\tsize:4;\tsigned:1;\n";
        let mut expected = [ABSENT; layout::COUNT];
        expected[layout::PID] = 12;
        assert_eq!(mark_victim_layout(old).unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(
            mark_victim_layout("garbage").unwrap_err(),
            FormatError::NoPid
        );
        let wide = NEW.replace(
            "field:int pid;\toffset:8;\tsize:4",
            "field:long pid;\toffset:8;\tsize:8",
        );
        assert_eq!(
            mark_victim_layout(&wide).unwrap_err(),
            FormatError::Size {
                field: "pid",
                found: 8,
                expected: 4
            }
        );
    }
}

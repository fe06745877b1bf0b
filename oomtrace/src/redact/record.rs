//! The raw record of a victim's own context, with its command line masked: what recordings keep
//! must hold no secrets either. Of its environment only a few known variables are left.

use oomtrace_common::record::{
    KIND_VICTIM_CONTEXT, KIND_VICTIM_ENVIRON, RecordHeader, VictimContext, VictimEnviron,
};
use zerocopy::{FromBytes, IntoBytes};

use super::environ::known_variables;
use super::redactor::{Masked, Redactor};
use crate::model::{MASK_RULES_SHIFT, MaskRule};

/// Masks the command line in a raw [`KIND_VICTIM_CONTEXT`] record and corrects its lengths; of a
/// [`KIND_VICTIM_ENVIRON`] record keeps the known variables alone, masked.
///
/// `None`: the record is of another kind (or too short to have one) and holds no command line.
/// A context record that ends before its own fixed part comes back as its header alone, so that
/// nothing unmasked passes.
#[must_use]
pub fn redact_context_record(record: &[u8], redactor: &Redactor) -> Option<Vec<u8>> {
    let (header, _) = RecordHeader::read_from_prefix(record).ok()?;
    match header.kind {
        KIND_VICTIM_CONTEXT => {}
        KIND_VICTIM_ENVIRON => return Some(environ(record, header, redactor)),
        _ => return None,
    }
    let Ok((mut context, rest)) = VictimContext::read_from_prefix(record) else {
        let mut header = header;
        header.len_bytes = u32::try_from(size_of::<RecordHeader>()).ok()?;
        return Some(header.as_bytes().to_vec());
    };
    let claimed = usize::try_from(context.cmdline_len_bytes).unwrap_or(usize::MAX);
    let cmdline = rest.get(..claimed).unwrap_or(rest);
    let had = u32::try_from(cmdline.len()).unwrap_or(u32::MAX);
    let cut_off = context.cmdline_total_bytes.saturating_sub(had);
    let Masked {
        argv: masked,
        rules,
    } = redactor.mask(cmdline, cut_off > 0);
    context.valid |= MaskRule::to_bits(&rules) << MASK_RULES_SHIFT;
    let masked_len = u32::try_from(masked.len()).unwrap_or(u32::MAX);
    context.cmdline_len_bytes = masked_len;
    // The total says whether something was cut off, which masking must not change.
    context.cmdline_total_bytes = match cut_off {
        0 => masked_len,
        _ => context
            .cmdline_total_bytes
            .max(masked_len.saturating_add(1)),
    };
    let fixed = u32::try_from(size_of::<VictimContext>()).unwrap_or(u32::MAX);
    context.header.len_bytes = fixed.saturating_add(masked_len);
    let mut out = context.as_bytes().to_vec();
    out.extend_from_slice(&masked);
    Some(out)
}

/// The known variables of an environment, their values masked word by word: an option may hold a
/// password. What cannot be read is left out as a whole.
fn environ(record: &[u8], mut header: RecordHeader, redactor: &Redactor) -> Vec<u8> {
    let Ok((mut environ, rest)) = VictimEnviron::read_from_prefix(record) else {
        header.len_bytes = u32::try_from(size_of::<RecordHeader>()).unwrap_or_default();
        return header.as_bytes().to_vec();
    };
    let claimed = usize::try_from(environ.len_bytes).unwrap_or(usize::MAX);
    let bytes = rest.get(..claimed).unwrap_or(rest);
    let had = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let cut_off = environ.total_bytes.saturating_sub(had);
    let mut kept = Vec::new();
    for variable in known_variables(bytes, cut_off > 0) {
        let words: Vec<u8> = variable
            .iter()
            .map(|byte| if byte.is_ascii_whitespace() { 0 } else { *byte })
            .collect();
        let masked = redactor.mask_variable(&words);
        kept.extend(
            masked
                .iter()
                .map(|byte| if *byte == 0 { b' ' } else { *byte }),
        );
        kept.push(0);
    }
    environ.len_bytes = u32::try_from(kept.len()).unwrap_or_default();
    environ.total_bytes = environ.len_bytes.saturating_add(cut_off.min(1));
    let fixed = u32::try_from(size_of::<VictimEnviron>()).unwrap_or(u32::MAX);
    environ.header.len_bytes = fixed.saturating_add(environ.len_bytes);
    let mut out = environ.as_bytes().to_vec();
    out.extend_from_slice(&kept);
    out
}

#[cfg(test)]
mod tests {
    use oomtrace_common::record::KIND_KILL;

    use super::*;

    fn record(cmdline: &[u8], total: u32) -> Vec<u8> {
        let fixed = size_of::<VictimContext>();
        let context = VictimContext {
            header: RecordHeader {
                kind: KIND_VICTIM_CONTEXT,
                version: 1,
                len_bytes: (fixed + cmdline.len()) as u32,
                boot_ns: 7,
                cpu: 1,
                sequence: 3,
            },
            tgid: 42,
            valid: 1,
            cmdline_len_bytes: cmdline.len() as u32,
            cmdline_total_bytes: total,
        };
        let mut bytes = context.as_bytes().to_vec();
        bytes.extend_from_slice(cmdline);
        bytes
    }

    fn parts(record: &[u8]) -> (VictimContext, Vec<u8>) {
        let (context, rest) = VictimContext::read_from_prefix(record).unwrap();
        assert_eq!(context.header.len_bytes as usize, record.len());
        assert_eq!(context.cmdline_len_bytes as usize, rest.len());
        (context, rest.to_vec())
    }

    #[test]
    fn masks_and_corrects_the_lengths() {
        let cmdline = b"db\0--password=hunter2hunter2\0-v\0";
        let out =
            redact_context_record(&record(cmdline, cmdline.len() as u32), &Redactor::default())
                .unwrap();
        let (context, rest) = parts(&out);
        assert_eq!(rest, b"db\0--password=***\0-v\0");
        assert_eq!(context.cmdline_total_bytes as usize, rest.len());
        assert_eq!((context.tgid, context.header.sequence), (42, 3));
    }

    #[test]
    fn a_cut_last_argument_is_masked_and_stays_cut() {
        for cmdline in [
            &b"db\0--password=hunt"[..],
            b"db\0--password\0hunt",
            b"db\0mysql://root:hunt",
            b"db\0ghp_hunt",
            b"db\0Bearer hunt",
        ] {
            let out = redact_context_record(&record(cmdline, 9000), &Redactor::default()).unwrap();
            let (context, rest) = parts(&out);
            assert!(
                memchr::memmem::find(&rest, b"hunt").is_none(),
                "{}",
                String::from_utf8_lossy(&rest)
            );
            assert_eq!(context.cmdline_total_bytes, 9000);
        }
        // Not cut: a host with a port that is no number is left alone.
        let whole = b"db\0mysql://root:hunt";
        let out = redact_context_record(&record(whole, whole.len() as u32), &Redactor::default());
        assert_eq!(parts(&out.unwrap()).1, whole);
    }

    #[test]
    fn lengths_are_not_trusted() {
        let mut lying = record(b"db\0--token=abc", 0);
        let (mut context, _) = VictimContext::read_from_prefix(&lying).unwrap();
        context.cmdline_len_bytes = u32::MAX;
        lying[..size_of::<VictimContext>()].copy_from_slice(context.as_bytes());
        let out = redact_context_record(&lying, &Redactor::default()).unwrap();
        assert_eq!(parts(&out).1, b"db\0--token=***");

        for len in 0..lying.len() {
            match redact_context_record(&lying[..len], &Redactor::default()) {
                None => assert!(len < size_of::<RecordHeader>()),
                Some(out) => assert!(memchr::memmem::find(&out, b"abc").is_none()),
            }
        }
    }

    #[test]
    fn what_lies_behind_the_command_line_does_not_pass() {
        let mut padded = record(b"db\0", 3);
        padded.extend_from_slice(b"--password=hunter2");
        let out = redact_context_record(&padded, &Redactor::default()).unwrap();
        assert_eq!(parts(&out).1, b"db\0");
    }

    fn environ_record(environ: &[u8], len: u32, total: u32) -> Vec<u8> {
        let record = VictimEnviron {
            header: RecordHeader {
                kind: KIND_VICTIM_ENVIRON,
                version: 1,
                len_bytes: (size_of::<VictimEnviron>() + environ.len()) as u32,
                sequence: 3,
                ..RecordHeader::default()
            },
            tgid: 42,
            len_bytes: len,
            total_bytes: total,
            reserved: 0,
        };
        let mut bytes = record.as_bytes().to_vec();
        bytes.extend_from_slice(environ);
        bytes
    }

    fn kept(record: &[u8]) -> (Vec<u8>, bool) {
        let out = redact_context_record(record, &Redactor::default()).unwrap();
        let (environ, rest) = VictimEnviron::read_from_prefix(&out).unwrap();
        assert_eq!(environ.header.len_bytes as usize, out.len());
        assert_eq!(environ.len_bytes as usize, rest.len());
        (rest.to_vec(), environ.total_bytes > environ.len_bytes)
    }

    #[test]
    fn only_known_variables_pass_and_are_masked() {
        let environ = b"HOME=/root\0AWS_SECRET_ACCESS_KEY=abc\0\
            JAVA_TOOL_OPTIONS=-Xmx1g -Ddb.password=hunter2\0GOGC=50\0";
        let len = environ.len() as u32;
        assert_eq!(
            kept(&environ_record(environ, len, len)),
            (
                b"JAVA_TOOL_OPTIONS=-Xmx1g -Ddb.password=***\0GOGC=50\0".to_vec(),
                false
            )
        );
        // Cut, and lengths that lie.
        assert_eq!(
            kept(&environ_record(b"A=1\0GOGC=5", 10, 9000)),
            (Vec::new(), true)
        );
        assert_eq!(
            kept(&environ_record(b"GOGC=5\0", u32::MAX, 0)),
            (b"GOGC=5\0".to_vec(), false)
        );
        for len in size_of::<RecordHeader>()..size_of::<VictimEnviron>() {
            let whole = environ_record(b"A=hunter2\0", 10, 10);
            let out = redact_context_record(&whole[..len], &Redactor::default()).unwrap();
            assert_eq!(out.len(), size_of::<RecordHeader>());
        }
    }

    #[test]
    fn other_kinds_are_left_alone() {
        let mut other = record(b"x", 1);
        other[..2].copy_from_slice(&KIND_KILL.to_ne_bytes());
        assert_eq!(redact_context_record(&other, &Redactor::default()), None);
        assert_eq!(redact_context_record(b"", &Redactor::default()), None);
    }
}

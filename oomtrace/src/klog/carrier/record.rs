//! Records to lines.

use memchr::memmem;

use super::{
    forms,
    peel::{Frame, Piece},
};
use crate::klog::line::Line;

/// Puts a record out, as the lines that the kernel made of it. A line end that is part of a name
/// begins no line.
pub(super) fn put_record(
    line: &Line,
    text: &[u8],
    end: &[u8],
    frame: Frame,
    width: usize,
    indent: usize,
    out: &mut Vec<Piece>,
) {
    let text = text.strip_suffix(end).unwrap_or(text);
    let mut put = |text: &[u8], frame| {
        let mut line = line.clone();
        line.text = text.trim_ascii_end().to_vec();
        out.push(Piece {
            line,
            frame,
            width,
            indent,
            padded: text.ends_with(b" "),
        });
    };
    let Some(at) = memmem::find(text, end) else {
        put(text, frame);
        return;
    };
    let pieces = || {
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest?;
            let (piece, behind) = match memmem::find(text, end) {
                Some(at) => (text.get(..at)?, text.get(at + end.len()..)),
                None => (text, None),
            };
            rest = behind;
            Some(piece)
        })
    };
    if forms::is_block(text.get(..at).unwrap_or_default())
        && pieces().skip(1).all(forms::is_block_line)
    {
        let mut frame = frame;
        for piece in pieces().filter(|piece| !piece.is_empty()) {
            put(piece, frame);
            frame = Frame::Record;
        }
    } else {
        put(text, frame);
    }
}

//! Records to lines.

use super::piece::{Frame, Piece};
use crate::klog::find::Needle;
use crate::klog::grammar::start;
use crate::klog::line::Line;

/// Puts a record out, as the lines that the kernel made of it. A line end that is part of a name
/// begins no line.
pub(super) fn put_record(
    line: Line,
    text: &[u8],
    end: &[u8],
    frame: Frame,
    width: usize,
    indent: usize,
    out: &mut Vec<Piece>,
) {
    let text = text.strip_suffix(end).unwrap_or(text);
    let mut put = |mut line: Line, text: &[u8], frame| {
        line.text = text.trim_ascii_end().to_vec();
        out.push(Piece {
            line,
            frame,
            width,
            indent,
            padded: text.ends_with(b" "),
        });
    };
    let end_of_line = Needle::new(end);
    let Some(at) = end_of_line.find(text) else {
        put(line, text, frame);
        return;
    };
    let pieces = || {
        let mut rest = Some(text);
        std::iter::from_fn(move || {
            let text = rest?;
            let (piece, behind) = match end_of_line.find(text) {
                Some(at) => (text.get(..at)?, text.get(at + end.len()..)),
                None => (text, None),
            };
            rest = behind;
            Some(piece)
        })
    };
    if start::is_block(text.get(..at).unwrap_or_default())
        && pieces().skip(1).all(start::is_block_line)
    {
        let mut frame = frame;
        for piece in pieces().filter(|piece| !piece.is_empty()) {
            put(line.clone(), piece, frame);
            frame = Frame::Record;
        }
    } else {
        put(line, text, frame);
    }
}

//! Syslog's structured form.

use super::stamp::{Assumed, Stamp};
use super::syslog::{KERNEL, Writer};
use crate::klog::cursor::Cursor;
use crate::klog::line::Line;

/// RFC 5424, behind its priority: `1 TIME HOST APP PROC ID DATA TEXT`.
pub(super) fn header(
    cursor: &mut Cursor<'_>,
    line: &mut Line,
    assumed: &mut Assumed,
) -> Option<Writer> {
    let mut ahead = *cursor;
    if !ahead.eat(b"1 ") {
        return None;
    }
    if !ahead.eat(b"-") {
        let stamp = Stamp::take(&mut ahead)?;
        assumed.stamp(line, stamp);
    }
    let mut field = || {
        (ahead.blanks() > 0)
            .then(|| ahead.word())
            .filter(|word| !word.is_empty())
    };
    let (host, program) = (field()?, field()?);
    let (_process, _id) = (field()?, field()?);
    ahead.blanks();
    structured_data(&mut ahead)?;
    let _ = ahead.eat(b" ");
    let _ = ahead.eat(b"\xef\xbb\xbf");
    if host != b"-" {
        line.host = Some(host.to_vec());
    }
    *cursor = ahead;
    Some(match program {
        b"-" => Writer::Unsaid,
        name if KERNEL.contains(&name) => Writer::Kernel,
        name => {
            line.program = Some(name.to_vec());
            Writer::Program
        }
    })
}

/// `-`, or `[id name="value"]` once or more.
fn structured_data(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.eat(b"-") {
        return Some(());
    }
    let mut any = false;
    while cursor.eat(b"[") {
        any = true;
        let (mut quoted, mut escaped) = (false, false);
        let end = cursor.0.iter().position(|byte| {
            let ends = !quoted && *byte == b']';
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            ends
        })?;
        cursor.take(end)?;
        let _ = cursor.eat(b"]");
    }
    any.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_5424() {
        for (text, writer) in [
            ("1 2024-05-26T06:17:40Z db1 kernel - - - x", Writer::Kernel),
            (
                "1 2024-05-26T06:17:40Z db1 app 12 ID [a b=\"]\\\"\"][c] x",
                Writer::Program,
            ),
            ("1 - db1 - - - - \u{feff}x", Writer::Unsaid),
        ] {
            let (mut cursor, mut line) = (Cursor(text.as_bytes()), Line::default());
            let found = header(&mut cursor, &mut line, &mut Assumed::default());
            assert_eq!(found, Some(writer), "{text}");
            assert_eq!(line.host.as_deref(), Some(&b"db1"[..]));
            assert_eq!(cursor.0, b"x", "{text}");
        }
    }
}

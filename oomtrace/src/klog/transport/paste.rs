//! What a log goes through on its way into a mail, a web page or an editor: colours, mark-up,
//! quotation marks, line numbers. Each is undone only where the text shows that it was done, so that
//! a name that looks like it stays whole.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use crate::klog::cursor::Cursor;

/// What was found around the lines so far.
#[derive(Debug, Default)]
pub(super) struct Paste {
    html: bool,
    quoted: u32,
    numbered: Option<u64>,
    /// Lines in a row whose numbers go up by one.
    numbered_run: u32,
    lines: u64,
}

impl Paste {
    /// `line` without what was put around it.
    pub(super) fn clean<'a>(
        &mut self,
        line: &'a [u8],
        is_prefixed: impl Fn(&[u8]) -> bool,
    ) -> Cow<'a, [u8]> {
        let mut line = Cow::Borrowed(line.strip_suffix(b"\r").unwrap_or(line));
        if memchr(0x1b, &line).is_some() {
            line = Cow::Owned(without_colours(&line));
        }
        if memchr2(b'<', b'&', &line).is_some() {
            let marked_up = is_marked_up(&line);
            self.html |= marked_up;
            if self.html {
                line = Cow::Owned(without_mark_up(&line));
            }
        }
        // Mails and web pages keep runs of blanks by making every other one unbreakable.
        if memchr(0xc2, &line).is_some()
            && (memmem::find(&line, b" \xc2\xa0").is_some()
                || memmem::find(&line, b"\xc2\xa0 ").is_some())
        {
            line = Cow::Owned(with_plain_blanks(&line));
        }
        let quoted = self.unquoted(&line, &is_prefixed);
        if quoted > 0 {
            line = without_start(line, quoted);
        }
        let numbered = self.unnumbered(&line, &is_prefixed);
        if numbered > 0 {
            line = without_start(line, numbered);
        }
        self.lines = self.lines.saturating_add(1);
        let end = line.len() - pager_mark(&line);
        match line {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..end).unwrap_or(bytes)),
            Cow::Owned(mut bytes) => {
                bytes.truncate(end);
                Cow::Owned(bytes)
            }
        }
    }

    /// Length of the `> ` before the line; only where the line before had it too, or what follows
    /// is certain.
    fn unquoted(&mut self, line: &[u8], is_prefixed: &impl Fn(&[u8]) -> bool) -> usize {
        let mut cursor = Cursor(line);
        let mut marks = 0;
        loop {
            let mut ahead = cursor;
            ahead.blanks();
            if !ahead.eat(b">") {
                break;
            }
            marks += 1;
            cursor = ahead;
        }
        if marks == 0 {
            self.quoted = 0;
            return 0;
        }
        let _ = cursor.eat(b" ");
        let sure = self.quoted > 0 || self.lines == 0 || is_prefixed(cursor.0);
        self.quoted = marks;
        if sure { line.len() - cursor.0.len() } else { 0 }
    }

    /// Length of the number (or file name and number) that an editor or grep has put before the
    /// line.
    fn unnumbered(&mut self, line: &[u8], is_prefixed: &impl Fn(&[u8]) -> bool) -> usize {
        let mut cursor = Cursor(line);
        cursor.blanks();
        let mut named = cursor;
        if cursor.peek().is_some_and(|byte| !byte.is_ascii_digit()) {
            return file_name(&mut named, is_prefixed).map_or(0, |rest| line.len() - rest);
        }
        if is_prefixed(cursor.0) {
            self.numbered = None;
            return 0;
        }
        let number = cursor.number(9);
        let separated = match cursor.peek() {
            Some(b':' | b'-' | b'\t' | b'|') => true,
            Some(b' ') => false,
            _ => {
                self.numbered = None;
                return 0;
            }
        };
        let _ = cursor.take(1);
        let follows =
            number.is_some() && number == self.numbered.and_then(|before| before.checked_add(1));
        self.numbered_run = if follows { self.numbered_run + 1 } else { 0 };
        self.numbered = number;
        let mut after = cursor;
        after.blanks();
        if number.is_some() && is_prefixed(after.0) {
            self.numbered_run = self.numbered_run.max(2);
            return line.len() - after.0.len();
        }
        // Kernel lines begin with a number, too (`795 pages RAM`): one after the other is no sign.
        let enough = if separated { 1 } else { 2 };
        if follows && self.numbered_run >= enough {
            line.len() - cursor.0.len()
        } else {
            0
        }
    }
}

/// `messages-20240526:`, `dmesg.log:12:` before a line that is certain; length of what is left.
fn file_name(cursor: &mut Cursor<'_>, is_prefixed: &impl Fn(&[u8]) -> bool) -> Option<usize> {
    let name = cursor.until(b':', 200)?;
    let is_name = !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-/+@".contains(byte))
        && name.iter().any(|byte| b"._-/".contains(byte));
    if !is_name {
        return None;
    }
    let mut ahead = *cursor;
    if ahead.number(9).is_some() && ahead.eat(b":") {
        *cursor = ahead;
    }
    is_prefixed(cursor.0).then_some(cursor.0.len())
}

fn without_start(line: Cow<'_, [u8]>, count: usize) -> Cow<'_, [u8]> {
    match line {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(count..).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.drain(..count.min(bytes.len()));
            Cow::Owned(bytes)
        }
    }
}

/// Length of what tmux shows over the end of a line in copy mode: `[7/972]`.
fn pager_mark(line: &[u8]) -> usize {
    let trimmed = line.trim_ascii_end();
    let Some(inside) = trimmed.strip_suffix(b"]") else {
        return 0;
    };
    let Some(open) = inside.iter().rposition(|byte| *byte == b'[') else {
        return 0;
    };
    let mut cursor = Cursor(inside.get(open + 1..).unwrap_or_default());
    let fits = cursor.number(7).is_some()
        && cursor.eat(b"/")
        && cursor.number(7).is_some()
        && cursor.0.is_empty();
    // `[kworker/0:1]` and the like have letters; a name may end like this, but not behind a blank.
    let alone = inside
        .get(..open)
        .is_some_and(|before| before.is_empty() || before.ends_with(b" "));
    if fits && alone { line.len() - open } else { 0 }
}

/// Removes colours, if this is a coloured line: one that begins with them or ends with their end.
fn without_colours(line: &[u8]) -> Vec<u8> {
    const RESETS: [&[u8]; 3] = [b"\x1b[0m", b"\x1b[m", b"\x1b[K"];
    let trimmed = line.trim_ascii_end();
    let coloured =
        line.starts_with(b"\x1b[") || RESETS.iter().any(|reset| trimmed.ends_with(reset));
    if !coloured {
        return line.to_vec();
    }
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr(0x1b, rest) {
        let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let mut cursor = Cursor(escape);
        let _ = cursor.take(1);
        if cursor.eat(b"[") {
            let parameters = cursor
                .0
                .iter()
                .take_while(|byte| (0x20..0x40).contains(*byte))
                .count();
            let _ = cursor.take(parameters);
            if cursor.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
                let _ = cursor.take(1);
            }
        }
        rest = cursor.0;
    }
    out.extend_from_slice(rest);
    out
}

/// Turns no-break spaces into blanks.
fn with_plain_blanks(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memmem::find(rest, b"\xc2\xa0") {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.push(b' ');
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// Tags that web pages and mails put around text.
const TAGS: &[&str] = &[
    "div",
    "p",
    "br",
    "span",
    "pre",
    "code",
    "td",
    "tr",
    "li",
    "font",
    "b",
    "i",
    "a",
    "tt",
    "html",
    "body",
    "table",
    "blockquote",
];

/// Whether the whole line is within tags, or begins with what only mark-up has.
fn is_marked_up(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let begins = tag_length(line).is_some();
    let ends = line.ends_with(b">");
    begins && (ends || memmem::find(line, b"&nbsp;").is_some())
        || line.starts_with(b"&nbsp;")
        || line.starts_with(b"&lt;") && memmem::find(line, b"&gt;[").is_some()
        || line == b"&lt;TASK&gt;"
        || line.ends_with(b" &lt;TASK&gt;")
        || line.ends_with(b" &lt;/TASK&gt;")
        || line.ends_with(b"<br>")
        || line.ends_with(b"<br/>")
        || line.ends_with(b"<br />")
}

/// Length of the tag that `text` begins with.
fn tag_length(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"<")?;
    let name = inside.strip_prefix(b"/").unwrap_or(inside);
    let length = name
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let name = name.get(..length)?;
    TAGS.iter()
        .any(|tag| tag.as_bytes().eq_ignore_ascii_case(name))
        .then(|| memchr(b'>', text))?
        .map(|at| at + 1)
}

/// Characters that mark-up writes by name.
const ENTITIES: &[(&str, &str)] = &[
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&amp;", "&"),
    ("&quot;", "\""),
    ("&apos;", "'"),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&#34;", "\""),
    ("&#160;", " "),
    ("&#43;", "+"),
    ("&#61;", "="),
];

fn without_mark_up(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'<'
            && let Some(length) = tag_length(rest)
        {
            rest = rest.get(length..).unwrap_or_default();
        } else if *first == b'&'
            && let Some((name, meaning)) = ENTITIES
                .iter()
                .find(|(name, _)| rest.starts_with(name.as_bytes()))
        {
            out.extend_from_slice(meaning.as_bytes());
            rest = rest.get(name.len()..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

#[cfg(test)]
mod tests;

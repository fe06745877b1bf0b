//! Lines of a given width: wrapping, and blocks with a label on the left.

use unicode_width::UnicodeWidthChar as _;

use super::style::{Role, Style};

/// Columns before the text of a block.
pub(super) const LABEL_COLUMNS: usize = 11;

/// Prose wider than this is hard to read, however wide the terminal.
const PROSE_COLUMNS_MAX: usize = 110;

/// Narrower than this is laid out as if it were this wide.
pub(super) const WIDTH_MIN: usize = 60;

/// Columns of a terminal that `text` takes: two for a wide character, none for a combining one.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The longest start of `text` in at most `columns` columns, and the rest. A character that combines
/// stays with the one before it.
fn split_at_columns(text: &str, columns: usize) -> (&str, &str) {
    let mut used = 0;
    let end = text.char_indices().find_map(|(at, c)| {
        used += c.width().unwrap_or(0);
        (used > columns).then_some(at)
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// The longest end of `text` in at most `columns` columns.
pub(super) fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().find_map(|(at, c)| {
        used += c.width().unwrap_or(0);
        (used > columns).then_some(at + c.len_utf8())
    });
    text.split_at(start.unwrap_or(0)).1
}

/// A growing page of labelled blocks.
#[derive(Debug)]
pub(super) struct Page {
    out: String,
    label: &'static str,
    width: usize,
    style: Style,
}

impl Page {
    /// An empty page `width` columns wide.
    pub(super) fn new(width: usize, style: Style) -> Self {
        Self {
            out: String::new(),
            label: "",
            width: width.max(WIDTH_MIN),
            style,
        }
    }

    /// Columns that a line of a block may take.
    pub(super) fn columns(&self) -> usize {
        self.width - LABEL_COLUMNS
    }

    /// Names the block whose first line comes next.
    pub(super) fn label(&mut self, label: &'static str) {
        self.label = label;
    }

    /// One line as it is; `text` may hold escape sequences and must fit.
    pub(super) fn line(&mut self, text: &str) {
        let label = std::mem::take(&mut self.label);
        self.out.push_str("  ");
        self.out.push_str(&self.style.paint(Role::Label, label));
        for _ in label.len() + 2..LABEL_COLUMNS {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// A paragraph, wrapped; lines after the first are indented by `hang`.
    pub(super) fn prose(&mut self, role: Role, text: &str, hang: usize) {
        let columns = self.columns().min(PROSE_COLUMNS_MAX);
        for (index, line) in wrap(text, columns, hang).into_iter().enumerate() {
            let indent = if index == 0 { 0 } else { hang };
            let painted = self.style.paint(role, &line);
            self.line(&format!("{:indent$}{painted}", ""));
        }
    }

    /// A paragraph in at most `lines` lines, what is beyond them replaced by `dots`.
    pub(super) fn clipped(&mut self, role: Role, text: &str, lines: usize, dots: &str) {
        let columns = self.columns().min(PROSE_COLUMNS_MAX);
        let mut wrapped = wrap(text, columns, 0);
        if wrapped.len() > lines {
            wrapped.truncate(lines);
            if let Some(last) = wrapped.last_mut() {
                let room = columns.saturating_sub(columns_of(dots) + 1);
                let kept = split_at_columns(last, room).0.trim_end().to_owned();
                *last = format!("{kept} {dots}");
            }
        }
        for line in wrapped {
            let painted = self.style.paint(role, &line);
            self.line(&painted);
        }
    }

    /// One line outside of any block, cut to the width.
    pub(super) fn cut(&mut self, text: &str, dots: &str) {
        let line = if columns_of(text) > self.width {
            let kept = split_at_columns(text, self.width - columns_of(dots)).0;
            format!("{}{dots}", kept.trim_end())
        } else {
            text.trim_end().to_owned()
        };
        self.out.push_str(&line);
        self.out.push('\n');
    }

    /// Columns of the whole page.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Lines that were written.
    pub(super) fn lines(&self) -> usize {
        self.out.lines().count()
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A paragraph outside of any block.
    pub(super) fn bare(&mut self, role: Role, text: &str) {
        for line in wrap(text, self.width, 0) {
            self.out.push_str(&self.style.paint(role, &line));
            self.out.push('\n');
        }
    }

    /// A paragraph of the full width behind `first` (which is `indent` columns wide).
    pub(super) fn headline(&mut self, first: &str, indent: usize, text: &str) {
        let columns = self.width.min(PROSE_COLUMNS_MAX + indent);
        for (index, line) in wrap(text, columns - indent, 0).into_iter().enumerate() {
            if index == 0 {
                self.out.push_str(first);
            } else {
                self.out.push_str(&" ".repeat(indent));
            }
            self.out.push_str(&self.style.paint(Role::Verdict, &line));
            self.out.push('\n');
        }
    }

    /// The style in use.
    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// `text` in lines of at most `columns` characters, those after the first `hang` shorter. Breaks at
/// spaces; a longer word is broken behind a slash or comma, or anywhere.
pub(super) fn wrap(text: &str, columns: usize, hang: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    let room = |lines: &Vec<String>| {
        let hang = if lines.is_empty() { 0 } else { hang };
        columns.saturating_sub(hang).max(1)
    };
    for word in words(text) {
        let mut word = word;
        let mut length = columns_of(word);
        if used > 0 && used + 1 + length <= room(&lines) {
            line.push(' ');
            line.push_str(word);
            used += 1 + length;
            continue;
        }
        if used > 0 {
            lines.push(std::mem::take(&mut line));
        }
        while length > room(&lines) {
            let (head, tail) = break_word(word, room(&lines));
            lines.push(head.to_owned());
            word = tail;
            length = columns_of(word);
        }
        line.push_str(word);
        used = length;
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The words of `text`; a figure and its unit are one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    const UNITS: [&str; 9] = ["B", "KiB", "MiB", "GiB", "TiB", "bytes", "pages", "%", "ms"];
    let mut rest = text.trim_matches(' ');
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = rest.find(' ').unwrap_or(rest.len());
        if rest.starts_with(|c: char| c.is_ascii_digit())
            && let Some(after) = rest.get(end + 1..)
        {
            let unit_end = after.find(' ').unwrap_or(after.len());
            let unit = after.get(..unit_end).unwrap_or_default();
            if UNITS.contains(&unit.trim_end_matches([',', ';', '.', ':', ')'])) {
                end += 1 + unit_end;
            }
        }
        let (word, tail) = rest.split_at(end);
        rest = tail.trim_start_matches(' ');
        Some(word)
    })
}

/// Splits off at most `columns` characters, behind a slash or comma of the second half if any.
fn break_word(word: &str, columns: usize) -> (&str, &str) {
    // A wide character in a single column: better too wide than nothing at all.
    let first = word.chars().next().map_or(0, char::len_utf8);
    let (head, _) = split_at_columns(word, columns);
    let end = head.len().max(first);
    let at = head
        .rfind(['/', ',', ':'])
        .map(|at| at + 1)
        .filter(|at| head.get(..*at).map_or(0, columns_of) > columns / 2)
        .unwrap_or(end);
    word.split_at(at)
}

/// `text` in at most `columns` characters, its middle replaced by `dots`.
pub(super) fn shorten(text: &str, columns: usize, dots: &str) -> String {
    if columns_of(text) <= columns {
        return text.to_owned();
    }
    let kept = columns.saturating_sub(columns_of(dots));
    let head = split_at_columns(text, kept.div_ceil(2)).0;
    format!("{head}{dots}{}", tail(text, kept - columns_of(head)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn breaks_at_spaces_then_slashes() {
        assert_eq!(wrap("aa bb cc", 5, 0), ["aa bb", "cc"]);
        assert_eq!(wrap("aa bb cc dd", 5, 3), ["aa bb", "cc", "dd"]);
        assert_eq!(wrap("/docker/abcdef/x", 10, 0), ["/docker/", "abcdef/x"]);
        assert_eq!(wrap("", 10, 0), [""]);
    }

    #[test]
    fn a_figure_stays_with_its_unit() {
        assert_eq!(wrap("capped at 128 MiB", 13, 0), ["capped at", "128 MiB"]);
        assert_eq!(wrap("all 1 MiB; x", 7, 0), ["all", "1 MiB;", "x"]);
        assert_eq!(wrap("at 128 monkeys", 8, 0), ["at 128", "monkeys"]);
    }

    #[test]
    fn the_middle_goes() {
        assert_eq!(shorten("abcdefghij", 10, "…"), "abcdefghij");
        assert_eq!(shorten("abcdefghijk", 5, "…"), "ab…jk");
        assert_eq!(shorten("abcdefghijk", 0, "…"), "…");
    }

    proptest! {
        #[test]
        fn lines_fit_and_nothing_is_lost(text in "[a-z/ é]{0,200}", columns in 1_usize..60, hang in 0_usize..70) {
            let lines = wrap(&text, columns, hang);
            for line in &lines {
                prop_assert!(columns_of(line) <= columns);
            }
            let squeeze = |text: &str| text.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
        }
    }
}

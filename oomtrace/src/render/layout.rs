//! Lines of a given width: wrapping, and blocks with a label on the left.

use super::style::{Role, Style};

/// Columns before the text of a block.
pub(super) const LABEL_COLUMNS: usize = 11;

/// Prose wider than this is hard to read, however wide the terminal.
const PROSE_COLUMNS_MAX: usize = 110;

/// Narrower than this is laid out as if it were this wide.
pub(super) const WIDTH_MIN: usize = 60;

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
        let mut length = word.chars().count();
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
            length = word.chars().count();
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
    let end = word
        .char_indices()
        .nth(columns)
        .map_or(word.len(), |(at, _)| at);
    let (head, _) = word.split_at(end);
    let at = head
        .rfind(['/', ',', ':'])
        .map(|at| at + 1)
        .filter(|at| head.get(..*at).map_or(0, |kept| kept.chars().count()) > columns / 2)
        .unwrap_or(end);
    word.split_at(at)
}

/// `text` in at most `columns` characters, its middle replaced by `dots`.
pub(super) fn shorten(text: &str, columns: usize, dots: &str) -> String {
    let length = text.chars().count();
    if length <= columns {
        return text.to_owned();
    }
    let kept = columns.saturating_sub(dots.chars().count());
    let head = kept.div_ceil(2);
    let mut out: String = text.chars().take(head).collect();
    out.push_str(dots);
    out.extend(text.chars().skip(length - (kept - head)));
    out
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
                prop_assert!(line.chars().count() <= columns);
            }
            let squeeze = |text: &str| text.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
        }
    }
}

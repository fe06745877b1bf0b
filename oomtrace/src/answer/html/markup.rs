//! Markup that is well-formed by construction: elements are closed in their order, and every text and
//! attribute is escaped. The result is read alike as HTML and as XML.

use crate::render::escape;

/// A growing document.
#[derive(Debug, Default)]
pub(super) struct Markup {
    out: String,
    open: Vec<&'static str>,
}

/// Attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Markup {
    /// A document that begins with this line.
    pub(super) fn begin(first: &str) -> Self {
        Self {
            out: format!("{first}\n"),
            open: Vec::new(),
        }
    }

    /// Opens an element.
    pub(super) fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
        self.out.push('>');
        self.open.push(tag);
    }

    /// Closes the element that was opened last.
    pub(super) fn close(&mut self) {
        if let Some(tag) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(tag);
            self.out.push('>');
            if !matches!(tag, "span" | "b" | "td" | "th" | "text" | "title" | "code") {
                self.out.push('\n');
            }
        }
    }

    /// An element without content.
    pub(super) fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
        self.out.push_str("/>");
    }

    /// An element that holds text alone.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close();
    }

    /// Text that may have come from anywhere.
    pub(super) fn text(&mut self, text: &str) {
        push_escaped(&mut self.out, text);
    }

    /// The style sheet, which is our own.
    pub(super) fn style(&mut self, sheet: &'static str) {
        self.open("style", &[]);
        self.out.push_str(sheet);
        self.close();
    }

    /// The document, all of its elements closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn start(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.out.push('<');
        self.out.push_str(tag);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            push_escaped(&mut self.out, value);
            self.out.push('"');
        }
    }
}

fn push_escaped(out: &mut String, text: &str) {
    for c in escape::escape(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No characters to XML, however they are written.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_cannot_leave_its_element() {
        let mut markup = Markup::begin("<!DOCTYPE html>");
        markup.open("p", &[("title", "\"><script>alert(1)</script>")]);
        markup.text("</p><script>&\u{1b}[2J\u{202e}");
        assert_eq!(
            markup.finish(),
            "<!DOCTYPE html>\n<p title=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\">\
             &lt;/p&gt;&lt;script&gt;&amp;\\x1b[2J\\u{202e}</p>\n"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_markup(text in any::<String>()) {
            let mut out = String::new();
            push_escaped(&mut out, &text);
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
            prop_assert!(!out.contains(escape::is_unsafe));
            let is_no_xml = out.contains(['\u{fffe}', '\u{ffff}']);
            prop_assert!(!is_no_xml);
        }
    }
}

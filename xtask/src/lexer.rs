//! Just enough of Rust's lexical grammar to look at sources without mistaking a comment or a
//! string for code.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or keyword.
    Word,
    /// `::` or one character of punctuation.
    Punctuation,
    /// A string, byte string, character or number.
    Literal,
    /// A comment, doc comments included.
    Comment,
    /// A lifetime.
    Lifetime,
}

/// One token and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text as written.
    pub text: &'a str,
    /// Line of its first character, from 1.
    pub line: usize,
    /// It belongs to an item under `#[cfg(test)]` or `#[test]`.
    pub in_test: bool,
}

impl Token<'_> {
    /// It is this word or punctuation.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Punctuation) && self.text == text
    }
}

/// Splits a source into tokens. Never fails: what is not understood becomes punctuation.
pub fn lex(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (kind, len) = next(rest, first);
        let (text, tail) = rest.split_at(len);
        if let Some(kind) = kind {
            tokens.push(Token {
                kind,
                text,
                line,
                in_test: false,
            });
        }
        line += text.matches('\n').count();
        rest = tail;
    }
    mark_tests(&mut tokens);
    tokens
}

/// The tokens that are code: no comments.
pub fn code<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    tokens
        .iter()
        .filter(|token| token.kind != Kind::Comment)
        .copied()
        .collect()
}

fn next(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Some(Kind::Comment), block_comment(rest));
    }
    if let Some(len) = raw_string(rest)
        .or_else(|| string(rest))
        .or_else(|| character(rest))
    {
        return (Some(Kind::Literal), len);
    }
    if first == '\'' {
        let name = rest
            .chars()
            .skip(1)
            .take_while(|c| is_word(*c))
            .map(char::len_utf8);
        return (Some(Kind::Lifetime), 1 + name.sum::<usize>());
    }
    if is_word(first) {
        let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let kind = if first.is_ascii_digit() {
            Kind::Literal
        } else {
            Kind::Word
        };
        return (Some(kind), len);
    }
    if rest.starts_with("::") {
        return (Some(Kind::Punctuation), 2);
    }
    (Some(Kind::Punctuation), first.len_utf8())
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Length of a raw string (`r"…"`, `br#"…"#`), if one starts here.
fn raw_string(rest: &str) -> Option<usize> {
    let after_prefix = rest
        .strip_prefix(['b', 'c'])
        .unwrap_or(rest)
        .strip_prefix('r')?;
    let body = after_prefix.trim_start_matches('#');
    let hashes = after_prefix.len() - body.len();
    let body = body.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let opened = rest.len() - body.len();
    Some(
        body.find(&close)
            .map_or(rest.len(), |at| opened + at + close.len()),
    )
}

/// Length of a string with escapes (`"…"`, `b"…"`, `c"…"`), if one starts here.
fn string(rest: &str) -> Option<usize> {
    let body = rest
        .strip_prefix(['b', 'c'])
        .unwrap_or(rest)
        .strip_prefix('"')?;
    let opened = rest.len() - body.len();
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(opened + at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// Length of a character or byte literal, if one starts here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('\'')?;
    let opened = rest.len() - body.len();
    let mut characters = body.char_indices();
    let (_, first) = characters.next()?;
    if first == '\\' {
        let (_, _) = characters.next()?;
        return characters
            .find(|(_, c)| *c == '\'')
            .map(|(at, _)| opened + at + 1);
    }
    characters
        .next()
        .filter(|(_, c)| *c == '\'')
        .map(|(at, _)| opened + at + 1)
}

/// Marks every item that stands under `#[cfg(test)]` or `#[test]`.
fn mark_tests(tokens: &mut [Token<'_>]) {
    let mut at = 0;
    while at < tokens.len() {
        let Some(tail) = tokens.get_mut(at..) else {
            return;
        };
        if starts_with(tail, &["#", "[", "cfg", "(", "test", ")", "]"])
            || starts_with(tail, &["#", "[", "test", "]"])
        {
            let len = item(tail);
            for token in tail.iter_mut().take(len) {
                token.in_test = true;
            }
            at += len;
        } else {
            at += 1;
        }
    }
}

fn starts_with(tokens: &[Token<'_>], words: &[&str]) -> bool {
    let code = tokens.iter().filter(|token| token.kind != Kind::Comment);
    code.zip(words)
        .filter(|(token, word)| token.is(word))
        .count()
        == words.len()
}

/// Tokens of the item that starts here, its attributes included: up to the brace that closes it,
/// or to the first `;` outside of any bracket.
fn item(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Punctuation {
            continue;
        }
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<&str> {
        lex(source)
            .iter()
            .filter(|t| t.kind == Kind::Word)
            .map(|t| t.text)
            .collect()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        let source = r####"
            a /* b /* c */ d */ // e
            "f \" g" r#"h " i"# b'j' 'k' '\'' '\u{1f600}' br"l" c"m" n'o'
            fn p<'q>(r: &'q str) {}
        "####;
        assert_eq!(words(source), ["a", "n", "fn", "p", "r", "str"]);
    }

    #[test]
    fn raw_identifiers_and_unfinished_literals_do_not_derail() {
        assert_eq!(words("r#type x"), ["r", "type", "x"]);
        assert_eq!(words("x \"never closed"), ["x"]);
        assert_eq!(words("x /* never closed"), ["x"]);
        assert_eq!(words("'"), Vec::<&str>::new());
    }

    #[test]
    fn lines_are_counted_through_strings() {
        let tokens = lex("a \"\n\n\" b");
        let last = tokens.last().unwrap();
        assert_eq!((last.text, last.line), ("b", 3));
    }

    #[test]
    fn items_under_cfg_test_are_marked_and_nothing_else() {
        let source = "
            fn before() { [1; 2] }
            #[cfg(test)] mod tests { fn inside() { let x = [0; 4]; } }
            #[cfg(test)] #[path = \"x\"] mod file;
            #[cfg(not(test))] fn after() {}
            #[cfg(test)] use a::{b, inside};
            #[test] fn inside() {}
            fn last() {}
        ";
        for token in lex(source) {
            match token.text {
                "inside" | "file" => assert!(token.in_test, "{token:?}"),
                "before" | "after" | "last" => assert!(!token.in_test, "{token:?}"),
                _ => {}
            }
        }
    }
}

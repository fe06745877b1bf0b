//! A written line as a tree of its values, each with the bytes that it takes, so that parts can be taken
//! out or replaced without writing the line again.

use std::borrow::Cow;

use super::format;

/// One value of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node<'t> {
    shape: Shape<'t>,
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape<'t> {
    /// A string, number or word, as it is written.
    Leaf(Cow<'t, str>),
    List(Vec<Node<'t>>),
    /// Keys without their quotes; in our schema none needs an escape.
    Object(Vec<(&'t str, Node<'t>)>),
}

impl<'t> Node<'t> {
    /// The tree of `line`, which is compact JSON as `serde_json` writes it. `None` if it is not.
    pub(super) fn parse(line: &'t str) -> Option<Self> {
        let mut rest = line;
        let node = value(&mut rest)?;
        rest.is_empty().then_some(node)
    }

    /// The string `text`.
    pub(super) fn string(text: &str) -> Self {
        Self::leaf(format::encoded(text).into())
    }

    /// The number `value`.
    pub(super) fn number(value: u64) -> Self {
        Self::leaf(value.to_string().into())
    }

    /// A list of `items`.
    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::measured(Shape::List(items))
    }

    /// An object of `fields`.
    pub(super) fn object(fields: Vec<(&'t str, Self)>) -> Self {
        Self::measured(Shape::Object(fields))
    }

    fn leaf(written: Cow<'t, str>) -> Self {
        Self::measured(Shape::Leaf(written))
    }

    fn measured(shape: Shape<'t>) -> Self {
        let mut node = Self { shape, bytes: 0 };
        node.measure();
        node
    }

    /// Adds up the bytes of the value from those of its parts.
    fn measure(&mut self) {
        // A comma between any two, and the brackets.
        let around = |parts: usize| parts.saturating_sub(1) + 2;
        self.bytes = match &self.shape {
            Shape::Leaf(written) => written.len(),
            Shape::List(items) => {
                around(items.len()) + items.iter().map(Self::bytes).sum::<usize>()
            }
            Shape::Object(fields) => {
                let field = |(key, value): &(&str, Self)| key.len() + "\"\":".len() + value.bytes;
                around(fields.len()) + fields.iter().map(field).sum::<usize>()
            }
        };
    }

    /// Bytes that the value takes in the line.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value as it is written, if it is a string, number or word.
    pub(super) fn written(&self) -> Option<&str> {
        match &self.shape {
            Shape::Leaf(written) => Some(written),
            _ => None,
        }
    }

    /// The value, if it is a string.
    pub(super) fn text(&self) -> Option<String> {
        let written = self.written().filter(|it| it.starts_with('"'))?;
        serde_json::from_str(written).ok()
    }

    /// The items, if it is a list; else none.
    pub(super) fn items(&self) -> &[Self] {
        match &self.shape {
            Shape::List(items) => items,
            _ => &[],
        }
    }

    /// The keys in the order of the alphabet, if it is an object; else none.
    pub(super) fn sorted_keys(&self) -> Vec<&'t str> {
        let Shape::Object(fields) = &self.shape else {
            return Vec::new();
        };
        let mut keys: Vec<_> = fields.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys
    }

    /// The value of the field `key`.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Shape::Object(fields) = &self.shape else {
            return None;
        };
        let (_, value) = fields.get(self.position(key)?)?;
        Some(value)
    }

    /// Changes the value at the end of `path`, a way of keys; `None` where there is none.
    pub(super) fn edit<R>(
        &mut self,
        path: &[&str],
        change: impl FnOnce(&mut Self) -> R,
    ) -> Option<R> {
        let Some((key, below)) = path.split_first() else {
            return Some(change(self));
        };
        let at = self.position(key)?;
        let Shape::Object(fields) = &mut self.shape else {
            return None;
        };
        let (_, value) = fields.get_mut(at)?;
        let result = value.edit(below, change);
        self.measure();
        result
    }

    /// Changes the items of a list; nothing where it is none.
    pub(super) fn edit_items<R>(&mut self, change: impl FnOnce(&mut Vec<Self>) -> R) -> Option<R> {
        let Shape::List(items) = &mut self.shape else {
            return None;
        };
        let result = change(items);
        self.measure();
        Some(result)
    }

    /// Takes the field `key` out.
    pub(super) fn remove(&mut self, key: &str) -> Option<Self> {
        let at = self.position(key)?;
        let Shape::Object(fields) = &mut self.shape else {
            return None;
        };
        let (_, value) = fields.remove(at);
        self.measure();
        Some(value)
    }

    /// Puts a field into an object, before the field `next` if that is there, else at the end.
    pub(super) fn insert_before(&mut self, next: &str, key: &'t str, value: Self) {
        self.insert(self.position(next), key, value);
    }

    /// The same, behind the field `previous`.
    pub(super) fn insert_after(&mut self, previous: &str, key: &'t str, value: Self) {
        self.insert(self.position(previous).map(|at| at + 1), key, value);
    }

    fn insert(&mut self, at: Option<usize>, key: &'t str, value: Self) {
        if let Shape::Object(fields) = &mut self.shape {
            fields.insert(at.unwrap_or(fields.len()), (key, value));
            self.measure();
        }
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.shape {
            Shape::Object(fields) => fields.iter().position(|(at, _)| *at == key),
            _ => None,
        }
    }

    /// Appends the value to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match &self.shape {
            Shape::Leaf(written) => out.extend_from_slice(written.as_bytes()),
            Shape::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Shape::Object(fields) => {
                out.push(b'{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.push(b'"');
                    out.extend_from_slice(key.as_bytes());
                    out.extend_from_slice(b"\":");
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

/// Consumes one value.
fn value<'t>(rest: &mut &'t str) -> Option<Node<'t>> {
    match rest.as_bytes().first()? {
        b'{' => {
            let mut fields = Vec::new();
            while has_part(rest, fields.is_empty(), ['{', '}'])? {
                let key = string(rest)?.strip_prefix('"')?.strip_suffix('"')?;
                *rest = rest.strip_prefix(':')?;
                fields.push((key, value(rest)?));
            }
            Some(Node::object(fields))
        }
        b'[' => {
            let mut items = Vec::new();
            while has_part(rest, items.is_empty(), ['[', ']'])? {
                items.push(value(rest)?);
            }
            Some(Node::list(items))
        }
        b'"' => Some(Node::leaf(string(rest)?.into())),
        _ => {
            let end = rest.find([',', ']', '}']).unwrap_or(rest.len());
            let (written, tail) = rest.split_at_checked(end)?;
            *rest = tail;
            (!written.is_empty()).then(|| Node::leaf(written.into()))
        }
    }
}

/// Consumes what comes before a part: the opening bracket or a comma. `Some(false)` at the closing bracket,
/// which it consumes too.
fn has_part(rest: &mut &str, is_first: bool, [open, close]: [char; 2]) -> Option<bool> {
    if is_first {
        *rest = rest.strip_prefix(open)?;
    }
    if let Some(tail) = rest.strip_prefix(close) {
        *rest = tail;
        return Some(false);
    }
    if !is_first {
        *rest = rest.strip_prefix(',')?;
    }
    Some(true)
}

/// Consumes a string, with its quotes.
fn string<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            break;
        }
        at += 2;
    }
    let (written, tail) = rest.split_at_checked(at + 1)?;
    *rest = tail;
    Some(written)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map("[a-z_]{1,9}", inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn written(node: &Node<'_>) -> String {
        let mut out = Vec::new();
        node.write(&mut out);
        assert_eq!(out.len(), node.bytes());
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn a_tree_is_written_as_it_was_read(value in any_value()) {
            let line = format::encoded(&value);
            prop_assert_eq!(written(&Node::parse(&line).unwrap()), line);
        }

        #[test]
        fn no_text_makes_it_panic(line in "[\\[\\]{}\",:\\\\a1é]{0,20}") {
            let _ = Node::parse(&line);
        }
    }

    #[test]
    fn sizes_follow_changes_below() {
        let mut node = Node::parse(r#"{"a":{"b":[1,22]},"c":"x"}"#).unwrap();
        let popped = node.edit(&["a", "b"], |list| list.edit_items(Vec::pop));
        assert_eq!(popped, Some(Some(Some(Node::number(22)))));
        assert_eq!(written(&node), r#"{"a":{"b":[1]},"c":"x"}"#);
        node.edit(&["a"], |a| {
            a.insert_after("b", "d", Node::string("é\u{7f}"))
        });
        node.insert_before("c", "n", Node::list(vec![]));
        assert_eq!(
            written(&node),
            r#"{"a":{"b":[1],"d":"é\u007f"},"n":[],"c":"x"}"#
        );
        assert_eq!(
            node.remove("a").unwrap().bytes(),
            r#"{"b":[1],"d":"é\u007f"}"#.len()
        );
        assert_eq!(node.edit(&["a"], |_| ()), None);
        assert_eq!(written(&node), r#"{"n":[],"c":"x"}"#);
        assert_eq!(node.get("c").and_then(Node::text).as_deref(), Some("x"));
    }
}

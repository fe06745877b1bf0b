//! Names of allocation flags on the running kernel, from a tracepoint's `format` file.
//!
//! Their bits are renumbered between kernels; the format of `kmem:kmalloc` holds the kernel's own
//! table: `{(unsigned long)(<expression>), "GFP_KERNEL"}, …`, the composite names first.

use crate::model::GfpFlag;

/// Flags of the table; nested expressions deeper than this are refused.
const DEPTH_MAX: u32 = 64;

/// The table behind `REC->gfp_flags`, in the kernel's order; empty if the text has none.
#[must_use]
pub fn table(format: &str) -> Vec<GfpFlag> {
    let Some((_, rest)) = format.split_once("__print_flags(REC->gfp_flags, \"|\",") else {
        return Vec::new();
    };
    let mut flags = Vec::new();
    let mut rest = rest.trim_start();
    while let Some(body) = rest.strip_prefix('{') {
        let Some((entry, after)) = body.split_once('}') else {
            break;
        };
        let Some((expression, name)) = entry.rsplit_once(',') else {
            break;
        };
        let name = name.trim().trim_matches('"');
        if let Some(mask) = evaluate(expression)
            && mask != 0
            && !name.is_empty()
        {
            flags.push(GfpFlag {
                mask,
                name: name.to_owned(),
            });
        }
        rest = after.trim_start_matches([',', ' ']);
    }
    flags
}

/// The value of a constant C expression of numbers, casts, `|`, `&`, `<<`, `~` and parentheses.
fn evaluate(text: &str) -> Option<u64> {
    let mut parser = Parser { rest: text.trim() };
    let value = parser.or(0)?;
    parser.rest.is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn or(&mut self, depth: u32) -> Option<u64> {
        let mut value = self.and(depth)?;
        while self.take("|") {
            value |= self.and(depth)?;
        }
        Some(value)
    }

    fn and(&mut self, depth: u32) -> Option<u64> {
        let mut value = self.shift(depth)?;
        while self.take("&") {
            value &= self.shift(depth)?;
        }
        Some(value)
    }

    fn shift(&mut self, depth: u32) -> Option<u64> {
        let mut value = self.unary(depth)?;
        while self.take("<<") {
            let by = u32::try_from(self.unary(depth)?).ok()?;
            value = value.checked_shl(by)?;
        }
        Some(value)
    }

    fn unary(&mut self, depth: u32) -> Option<u64> {
        if depth > DEPTH_MAX {
            return None;
        }
        if self.take("~") {
            return Some(!self.unary(depth + 1)?);
        }
        if self.take("(") {
            if self.cast() {
                return self.unary(depth + 1);
            }
            let value = self.or(depth + 1)?;
            return self.take(")").then_some(value);
        }
        self.number()
    }

    /// A type's name and the closing parenthesis, behind the opening one.
    fn cast(&mut self) -> bool {
        let is_name = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ' ';
        if !self.rest.starts_with(is_name) {
            return false;
        }
        match self.rest.trim_start_matches(is_name).strip_prefix(')') {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn number(&mut self) -> Option<u64> {
        let (digits, radix) = match self.rest.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (self.rest, 10),
        };
        let end = digits
            .find(|c: char| !c.is_digit(radix))
            .unwrap_or(digits.len());
        let value = u64::from_str_radix(digits.get(..end)?, radix).ok()?;
        let suffix = |c| matches!(c, 'u' | 'U' | 'l' | 'L');
        self.rest = digits.get(end..)?.trim_start_matches(suffix).trim_start();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(format: &str) -> Vec<(u64, String)> {
        table(format)
            .into_iter()
            .map(|flag| (flag.mask, flag.name))
            .collect()
    }

    #[test]
    fn both_forms_of_the_table_are_read() {
        let shifts = "print fmt: \"call_site=%pS gfp_flags=%s\", (void *)REC->call_site, \
            __print_flags(REC->gfp_flags, \"|\", {( unsigned long)((( gfp_t)(((((1UL))) << (10))|\
            ((((1UL))) << (11)))) | (( gfp_t)((((1UL))) << (6))) | (( gfp_t)((((1UL))) << (7)))), \
            \"GFP_KERNEL\"}, {( unsigned long)(( gfp_t)((((1UL))) << (5))), \"__GFP_HIGH\"}, \
            {( unsigned long)(( gfp_t)0), \"nothing\"}) : \"none\", 1";
        assert_eq!(
            masks(shifts),
            [
                (0xcc0, "GFP_KERNEL".to_owned()),
                (0x20, "__GFP_HIGH".to_owned())
            ]
        );
        let numbers = "__print_flags(REC->gfp_flags, \"|\", {(unsigned long)(((( gfp_t)(0x400u|0x800u)) | \
            (( gfp_t)0x40u) | (( gfp_t)0x80u)) & ~(( gfp_t)0x80u)), \"GFP_NOFS\"}) : \"none\"";
        assert_eq!(masks(numbers), [(0xc40, "GFP_NOFS".to_owned())]);
    }

    #[test]
    fn what_is_no_table_gives_nothing_and_never_panics() {
        for text in [
            "",
            "__print_flags(REC->gfp_flags, \"|\",",
            "__print_flags(REC->gfp_flags, \"|\", {(1 << 99), \"X\"}",
            "__print_flags(REC->gfp_flags, \"|\", {((((, \"X\"}",
            "__print_flags(REC->gfp_flags, \"|\", {~, \"X\"}, {1 +, \"Y\"}",
        ] {
            assert_eq!(masks(text), [], "{text}");
        }
        let deep = format!(
            "__print_flags(REC->gfp_flags, \"|\", {{{}1, \"X\"}}",
            "(".repeat(100_000)
        );
        assert_eq!(masks(&deep), []);
    }
}

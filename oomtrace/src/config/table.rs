//! Walking a TOML document, with the line of everything that is wrong.

use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::amount;

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ConfigError {
    /// Where, from 1.
    pub line: usize,
    /// The key, what is wrong with it, and what would be right.
    pub what: String,
}

impl ConfigError {
    /// A mistake at the byte `at` of `text`.
    pub(super) fn at(text: &str, at: usize, what: String) -> Self {
        let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
        Self {
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            what,
        }
    }
}

/// A table whose keys are taken one after the other; what is left is refused.
pub(super) struct Table<'a> {
    text: &'a str,
    /// Its name with a dot, empty for the document.
    path: String,
    /// Where it begins in the text.
    start: usize,
    entries: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The document.
    pub(super) fn document(text: &'a str, entries: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            text,
            path: String::new(),
            start: entries.span().start,
            entries: entries.get_ref(),
            known: Vec::new(),
        }
    }

    /// The value of this key, if it is there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let value = self.entries.get(key)?;
        Some(Value {
            text: self.text,
            path: format!("{}{key}", self.path),
            value,
        })
    }

    /// A mistake in the table as a whole.
    pub(super) fn error(&self, what: String) -> ConfigError {
        ConfigError::at(self.text, self.start, what)
    }

    /// Refuses keys that nobody has asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let nearest = self
                .known
                .iter()
                .map(|known| (distance(name, known), *known))
                .min()
                .filter(|(distance, known)| *distance <= known.len().max(name.len()) / 3);
            let hint = match nearest {
                Some((_, known)) => format!("did you mean `{known}`?"),
                None => format!("known are: {}", self.known.join(", ")),
            };
            return Err(ConfigError::at(
                self.text,
                key.span().start,
                format!("unknown key `{}{name}`; {hint}", self.path),
            ));
        }
        Ok(())
    }
}

/// The value of a key.
pub(super) struct Value<'a> {
    text: &'a str,
    path: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    /// A mistake in this value.
    pub(super) fn error(&self, what: &str) -> ConfigError {
        let what = format!("`{}` {what}", self.path);
        ConfigError::at(self.text, self.value.span().start, what)
    }

    pub(super) fn text(&self) -> Result<&'a str, ConfigError> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text.as_ref()),
            _ => Err(self.error("must be text in quotes")),
        }
    }

    pub(super) fn path(&self) -> Result<PathBuf, ConfigError> {
        let path = PathBuf::from(self.text()?);
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(self.error("must be an absolute path"))
        }
    }

    /// A list of absolute paths.
    pub(super) fn paths(&self) -> Result<Vec<PathBuf>, ConfigError> {
        let paths: Vec<PathBuf> = self.texts()?.into_iter().map(PathBuf::from).collect();
        if paths.iter().all(|path| path.is_absolute()) {
            Ok(paths)
        } else {
            Err(self.error("must be a list of absolute paths"))
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.error("must be true or false")),
        }
    }

    pub(super) fn number(&self, min: u64, max: u64) -> Result<u64, ConfigError> {
        let number = match self.value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| self.error(&format!("must be a number from {min} to {max}")))
    }

    pub(super) fn size(&self, min: u64) -> Result<u64, ConfigError> {
        let size = amount::size(self.text()?).ok_or_else(|| {
            self.error("must be a size such as \"64KiB\", \"256MiB\" or \"1GiB\"")
        })?;
        if size < min {
            let least = amount::show_size(min);
            return Err(self.error(&format!("must be at least {least}")));
        }
        Ok(size)
    }

    pub(super) fn time(&self) -> Result<Duration, ConfigError> {
        amount::time(self.text()?)
            .ok_or_else(|| self.error("must be a time such as \"30s\", \"12h\" or \"30d\""))
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, ConfigError> {
        let wrong = || self.error("must be a list of texts, such as [\"a\", \"b\"]");
        let DeValue::Array(values) = self.value.get_ref() else {
            return Err(wrong());
        };
        values
            .iter()
            .map(|value| match value.get_ref() {
                DeValue::String(text) if !text.is_empty() => Ok(text.as_ref().to_owned()),
                _ => Err(wrong()),
            })
            .collect()
    }

    pub(super) fn table(&self) -> Result<Table<'a>, ConfigError> {
        match self.value.get_ref() {
            DeValue::Table(_) => self.as_table(self.value),
            _ => Err(self.error("must be a table")),
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self) -> Result<Vec<Table<'a>>, ConfigError> {
        match self.value.get_ref() {
            DeValue::Array(values) => values.iter().map(|value| self.as_table(value)).collect(),
            _ => Err(self.error(&format!("must be written as [[{}]]", self.path))),
        }
    }

    fn as_table(&self, value: &'a Spanned<DeValue<'a>>) -> Result<Table<'a>, ConfigError> {
        match value.get_ref() {
            DeValue::Table(entries) => Ok(Table {
                text: self.text,
                path: format!("{}.", self.path),
                start: value.span().start,
                entries,
                known: Vec::new(),
            }),
            _ => Err(self.error("must hold tables")),
        }
    }
}

/// How many letters differ (Levenshtein).
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (b, above) in two.iter().zip(row.iter_mut().skip(1)) {
            let cost = (diagonal + usize::from(a != *b))
                .min(left + 1)
                .min(*above + 1);
            diagonal = std::mem::replace(above, cost);
            left = cost;
        }
    }
    row.last().copied().unwrap_or_default()
}

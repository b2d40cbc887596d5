//! TOML with places: reads fields by name and keeps every mistake.
//!
//! Invariants: a mistake tells file and line, what is there and what is
//! allowed; reading goes on after a mistake, so that all come at once; a key
//! that nobody asked for is a mistake.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake in a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub what: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A text with the line on which it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Placed {
    pub text: String,
    pub line: usize,
}

/// A file that is read, and what was wrong in it.
pub(super) struct Reader<'a> {
    pub file: &'a str,
    text: &'a str,
    pub mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            mistakes: Vec::new(),
        }
    }

    /// The file as a table; syntax errors are kept as mistakes.
    pub(super) fn document(&mut self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.mistake(
                self.line(at),
                &format!("not TOML: {}", error.message().trim()),
            );
        }
        table
    }

    /// The line of an offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        let head = self.text.as_bytes().iter().take(offset);
        1 + head.filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn mistake(&mut self, line: usize, what: &str) {
        self.mistakes.push(Mistake {
            file: self.file.to_owned(),
            line,
            what: what.to_owned(),
        });
    }

    fn wrong(&mut self, span: Range<usize>, what: &str) {
        let line = self.line(span.start);
        self.mistake(line, what);
    }

    /// Keys of `table` beyond `allowed` are mistakes.
    pub(super) fn keys(&mut self, what: &str, table: &DeTable<'_>, allowed: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref();
            if !allowed.contains(&name.as_ref()) {
                let told = format!(
                    "`{name}` is no key of {what}; allowed: {}",
                    allowed.join(", ")
                );
                self.wrong(key.span(), &told);
            }
        }
    }

    fn value<'t>(table: &'t DeTable<'a>, key: &str) -> Option<&'t Spanned<DeValue<'a>>> {
        table.get(key)
    }

    /// A text; a mistake when it is something else or empty.
    pub(super) fn text(&mut self, table: &DeTable<'a>, key: &str) -> Option<Placed> {
        let value = Self::value(table, key)?;
        match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(Placed {
                text: text.as_ref().to_owned(),
                line: self.line(value.span().start),
            }),
            _ => {
                self.wrong(
                    value.span(),
                    &format!("`{key}` is a text in quotes, not empty"),
                );
                None
            }
        }
    }

    /// A text that must be there; `line` is told when it is not.
    pub(super) fn needed(&mut self, table: &DeTable<'a>, key: &str, line: usize) -> Placed {
        let there = table.contains_key(key);
        let text = self.text(table, key);
        if !there {
            self.mistake(line, &format!("`{key}` is missing (a text in quotes)"));
        }
        text.unwrap_or_default()
    }

    /// A number in `range`, or `default` without the key.
    pub(super) fn number(
        &mut self,
        table: &DeTable<'a>,
        key: &str,
        range: (f64, f64),
        default: f64,
    ) -> f64 {
        let Some(value) = Self::value(table, key) else {
            return default;
        };
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            _ => None,
        };
        match number.filter(|number| (range.0..=range.1).contains(number)) {
            Some(number) => number,
            None => {
                let told = format!("`{key}` is a number from {} to {}", range.0, range.1);
                self.wrong(value.span(), &told);
                default
            }
        }
    }

    /// `true` or `false`, or `default` without the key.
    pub(super) fn flag(&mut self, table: &DeTable<'a>, key: &str, default: bool) -> bool {
        match Self::value(table, key) {
            None => default,
            Some(value) => match value.get_ref() {
                DeValue::Boolean(flag) => *flag,
                _ => {
                    self.wrong(value.span(), &format!("`{key}` is true or false"));
                    default
                }
            },
        }
    }

    /// One of `words`, or the first of them without the key.
    pub(super) fn word(&mut self, table: &DeTable<'a>, key: &str, words: &[&str]) -> usize {
        let Some(value) = Self::value(table, key) else {
            return 0;
        };
        let found = match value.get_ref() {
            DeValue::String(text) => words.iter().position(|word| *word == text.as_ref()),
            _ => None,
        };
        found.unwrap_or_else(|| {
            self.wrong(
                value.span(),
                &format!("`{key}` is one of {}", words.join(", ")),
            );
            0
        })
    }

    /// A list of texts; empty without the key.
    pub(super) fn texts(&mut self, table: &DeTable<'a>, key: &str) -> Vec<Placed> {
        let Some(value) = Self::value(table, key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(value.span(), &format!("`{key}` is a list of texts"));
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push(Placed {
                    text: text.as_ref().to_owned(),
                    line: self.line(item.span().start),
                }),
                _ => self.wrong(item.span(), &format!("`{key}` holds texts in quotes only")),
            }
        }
        texts
    }

    /// The tables of `[[key]]`, with their lines.
    pub(super) fn tables<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        key: &str,
    ) -> Vec<(usize, &'t DeTable<'a>)> {
        let Some(value) = Self::value(table, key) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        match value.get_ref() {
            DeValue::Array(items) => {
                for item in items.iter() {
                    match item.get_ref() {
                        DeValue::Table(inner) => found.push((self.line(item.span().start), inner)),
                        _ => self.wrong(item.span(), &format!("`{key}` holds tables: [[{key}]]")),
                    }
                }
            }
            _ => self.wrong(
                value.span(),
                &format!("`{key}` is a list of tables: [[{key}]]"),
            ),
        }
        found
    }

    /// The table `[key]`, if it is there.
    pub(super) fn table<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        key: &str,
    ) -> Option<&'t DeTable<'a>> {
        let value = Self::value(table, key)?;
        match value.get_ref() {
            DeValue::Table(inner) => Some(inner),
            _ => {
                self.wrong(value.span(), &format!("`{key}` is a table: [{key}]"));
                None
            }
        }
    }
}

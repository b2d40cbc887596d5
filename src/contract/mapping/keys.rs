//! Reading of a mapping's TOML tables so that every mistake is reported, each
//! with its key path, instead of only the first.
//!
//! Invariant: a key that nobody asked for is a mistake. It does not know what
//! the keys mean.

use std::cell::RefCell;

use toml::{Table, Value};

use super::error::Mistake;

/// Collects mistakes while the parts of a mapping are parsed.
#[derive(Default)]
pub(super) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    pub fn add(&self, path: impl Into<String>, message: impl Into<String>) {
        self.0.borrow_mut().push(Mistake {
            path: path.into(),
            message: message.into(),
        });
    }

    pub fn into_vec(self) -> Vec<Mistake> {
        self.0.into_inner()
    }

    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// One TOML table with its path.
#[derive(Clone)]
pub(super) struct Keys<'a> {
    table: &'a Table,
    path: String,
    pub mistakes: &'a Mistakes,
}

impl<'a> Keys<'a> {
    /// Reports every key of `table` that is not in `allowed`.
    pub fn new(
        table: &'a Table,
        path: impl Into<String>,
        mistakes: &'a Mistakes,
        allowed: &[&str],
    ) -> Self {
        let keys = Keys {
            table,
            path: path.into(),
            mistakes,
        };
        for key in table.keys().filter(|key| !allowed.contains(&key.as_str())) {
            keys.mistake(
                key,
                format!("unknown key; known here: {}", allowed.join(", ")),
            );
        }
        keys
    }

    pub fn at(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub fn mistake(&self, key: &str, message: impl Into<String>) {
        self.mistakes.add(self.at(key), message);
    }

    /// A mistake of the table as a whole.
    pub fn own_mistake(&self, message: impl Into<String>) {
        self.mistakes.add(self.path.clone(), message);
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub fn raw(&self, key: &str) -> Option<&'a Value> {
        self.table.get(key)
    }

    /// Those of `keys` that are present.
    pub fn present<'k>(&self, keys: &[&'k str]) -> Vec<&'k str> {
        keys.iter().copied().filter(|key| self.has(key)).collect()
    }

    fn typed<T>(&self, key: &str, what: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.table.get(key)?;
        let read = read(value);
        if read.is_none() {
            self.mistake(
                key,
                format!("must be {what}, but is of type {}", value.type_str()),
            );
        }
        read
    }

    pub fn string(&self, key: &str) -> Option<String> {
        self.typed(key, "a string in quotes", |value| {
            value.as_str().map(str::to_owned)
        })
    }

    /// A string that must not be empty.
    pub fn word(&self, key: &str) -> Option<String> {
        let word = self.string(key)?;
        if word.trim().is_empty() {
            self.mistake(key, "must not be empty");
            return None;
        }
        Some(word)
    }

    pub fn bool(&self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub fn count(&self, key: &str) -> Option<u64> {
        self.typed(key, "a whole number from 0 on", |value| {
            value
                .as_integer()
                .and_then(|number| u64::try_from(number).ok())
        })
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.typed(key, "a number", as_number)
    }

    /// A name, or a column's 0-based index as an integer.
    pub fn name(&self, key: &str) -> Option<String> {
        self.typed(key, "a name in quotes or a 0-based column index", as_name)
            .filter(|name| !name.is_empty())
    }

    /// One name or a list of names; empty when absent.
    pub fn names(&self, key: &str) -> Vec<String> {
        self.list_or_one(key, "a name or a list of names", as_name)
    }

    /// One string or a list of strings; numbers and booleans are taken as
    /// written. Empty when absent.
    pub fn texts(&self, key: &str) -> Vec<String> {
        self.list_or_one(key, "a string or a list of strings", as_text)
    }

    fn list_or_one(
        &self,
        key: &str,
        what: &str,
        read: impl Fn(&Value) -> Option<String>,
    ) -> Vec<String> {
        let list = self.typed(key, what, |value| match value.as_array() {
            Some(items) => items.iter().map(&read).collect::<Option<Vec<_>>>(),
            None => read(value).map(|one| vec![one]),
        });
        list.unwrap_or_default()
    }

    pub fn table(&self, key: &str) -> Option<&'a Table> {
        self.typed(key, "a table", Value::as_table)
    }

    /// The tables of an array, each with its path.
    pub fn tables(&self, key: &str) -> Vec<(String, &'a Table)> {
        let Some(items) = self.typed(key, "a list of tables", Value::as_array) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.at(key));
            match item.as_table() {
                Some(table) => tables.push((path, table)),
                None => self.mistakes.add(path, "must be a table"),
            }
        }
        tables
    }

    /// One of a closed list of words.
    pub fn one_of(&self, key: &str, words: &[&str]) -> Option<String> {
        let word = self.string(key)?;
        if words.contains(&word.as_str()) {
            return Some(word);
        }
        self.mistake(key, format!("must be one of {}", words.join(", ")));
        None
    }
}

/// `a` and `b` as `a.b`; a key with unusual characters is put in quotes.
pub(super) fn join(path: &str, key: &str) -> String {
    let plain = key
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-');
    let key = if plain {
        key.to_owned()
    } else {
        format!("\"{key}\"")
    };
    if path.is_empty() {
        return key;
    }
    format!("{path}.{key}")
}

/// Integers and floats as one kind of number.
#[allow(
    clippy::cast_precision_loss,
    reason = "settings of a mapping are small"
)]
pub(super) fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn as_name(value: &Value) -> Option<String> {
    match value {
        Value::String(name) => Some(name.clone()),
        Value::Integer(index) if *index >= 0 => Some(index.to_string()),
        _ => None,
    }
}

/// The text of a plain value, as a cell of the file would show it.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

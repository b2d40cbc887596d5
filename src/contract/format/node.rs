//! A foreign document, read field by field, with a memory of what was read.
//!
//! Invariants: every refusal names the RFC 6901 pointer in the vendor's own
//! document and never repeats a value; what no one asked for is known at the
//! end by name. Fields of the wrong JSON type are refused, except that a number
//! is taken where an id is expected and digits in quotes where a number is
//! (vendors do both). `null`, an absent field and an empty string are the same.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::clock;
use crate::contract::{RejectCode, Rejection};
use crate::domain::Micros;

const MAX_NAMES: usize = 200;

/// Addresses of the values that were read, within one document.
#[derive(Default)]
pub(super) struct Seen(RefCell<HashSet<usize>>);

impl Seen {
    fn mark(&self, value: &Value) {
        self.0.borrow_mut().insert(std::ptr::from_ref(value).addr());
    }

    fn has(&self, value: &Value) -> bool {
        self.0.borrow().contains(&std::ptr::from_ref(value).addr())
    }

    fn has_within(&self, value: &Value) -> bool {
        self.has(value)
            || match value {
                Value::Array(items) => items.iter().any(|item| self.has_within(item)),
                Value::Object(fields) => fields.values().any(|item| self.has_within(item)),
                _ => false,
            }
    }

    /// Adds the names of what was not read: the shallowest field of which
    /// nothing was.
    pub(super) fn dropped(&self, root: &Value, names: &mut BTreeMap<String, u64>) {
        self.walk(root, "", names);
    }

    fn walk(&self, value: &Value, path: &str, names: &mut BTreeMap<String, u64>) {
        if self.has(value) || is_empty(value) {
            return;
        }
        if !path.is_empty() && !self.has_within(value) {
            if names.len() < MAX_NAMES || names.contains_key(path) {
                *names.entry(path.to_owned()).or_default() += 1;
            }
            return;
        }
        match value {
            Value::Array(items) => {
                let path = format!("{path}[]");
                for item in items {
                    self.walk(item, &path, names);
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    let key = field_name(key);
                    let path = if path.is_empty() {
                        key.to_owned()
                    } else {
                        format!("{path}.{key}")
                    };
                    self.walk(field, &path, names);
                }
            }
            _ => {}
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// A key that could be somebody's own words is not shown.
fn field_name(key: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-@".contains(c);
    let digits = key.chars().filter(char::is_ascii_digit).count();
    if key.len() <= 48 && digits < 6 && key.chars().all(plain) {
        key
    } else {
        "*"
    }
}

/// One place of the document; it may hold nothing.
#[derive(Clone)]
pub(super) struct Node<'a> {
    value: Option<&'a Value>,
    pointer: String,
    seen: &'a Seen,
}

impl<'a> Node<'a> {
    /// The whole document; `pointer` is where it stands in what was received.
    pub(super) fn new(value: &'a Value, pointer: &str, seen: &'a Seen) -> Self {
        Self {
            value: Some(value),
            pointer: pointer.to_owned(),
            seen,
        }
    }

    /// The field `key`.
    pub(super) fn get(&self, key: &str) -> Self {
        let value = self.value.and_then(|value| value.get(key));
        let step = key.replace('~', "~0").replace('/', "~1");
        Self {
            value: value.filter(|value| !is_empty(value)),
            pointer: format!("{}/{step}", self.pointer),
            seen: self.seen,
        }
    }

    /// The field at the end of `keys`.
    pub(super) fn at(&self, keys: &[&str]) -> Self {
        keys.iter().fold(self.clone(), |node, key| node.get(key))
    }

    /// The first of `keys` that is there, else the first.
    pub(super) fn any(&self, keys: &[&str]) -> Self {
        let there = keys.iter().find(|key| self.get(key).is_there());
        self.get(there.or(keys.first()).copied().unwrap_or_default())
    }

    /// Whether it holds anything.
    pub(super) fn is_there(&self) -> bool {
        self.value.is_some()
    }

    /// The value itself, read whole.
    pub(super) fn whole(&self) -> Option<&'a Value> {
        if let Some(value) = self.value {
            self.seen.mark(value);
        }
        self.value
    }

    /// The value as it stands there, without counting as read.
    pub(super) fn value(&self) -> &'a Value {
        self.value.unwrap_or(&Value::Null)
    }

    /// Counts as read without being carried over: it says nothing that the
    /// events don't say.
    pub(super) fn implied(&self) {
        self.whole();
    }

    /// A refusal of this place.
    pub(super) fn refuse(&self, code: RejectCode, reason: impl Into<String>) -> Rejection {
        Rejection::new(code, self.pointer.clone(), reason)
    }

    fn missing(&self) -> Rejection {
        let field = self.pointer.rsplit('/').next().unwrap_or_default();
        self.refuse(
            RejectCode::MissingField,
            format!("field `{field}` is missing"),
        )
    }

    /// A string as it is.
    pub(super) fn text(&self) -> Result<Option<&'a str>, Rejection> {
        match self.whole() {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.refuse(RejectCode::InvalidType, "expected a string")),
        }
    }

    /// An id or a word: a string without outer spaces, or a number.
    pub(super) fn word(&self) -> Result<Option<String>, Rejection> {
        match self.whole() {
            None => Ok(None),
            Some(Value::String(text)) => {
                let text = text.trim();
                Ok((!text.is_empty()).then(|| text.to_owned()))
            }
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(self.refuse(RejectCode::InvalidType, "expected a string")),
        }
    }

    /// A word that must be there.
    pub(super) fn need_word(&self) -> Result<String, Rejection> {
        self.word()?.ok_or_else(|| self.missing())
    }

    /// A number.
    pub(super) fn number(&self) -> Result<Option<f64>, Rejection> {
        let wrong = || self.refuse(RejectCode::InvalidType, "expected a number");
        match self.whole() {
            None => Ok(None),
            Some(Value::Number(number)) => number.as_f64().map(Some).ok_or_else(wrong),
            Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }

    /// A number, if it is one.
    pub(super) fn maybe_number(&self) -> Option<f64> {
        self.whole().and_then(Value::as_f64)
    }

    /// A whole number.
    pub(super) fn integer(&self) -> Result<Option<i64>, Rejection> {
        let wrong = || self.refuse(RejectCode::InvalidType, "expected a whole number");
        match self.whole() {
            None => Ok(None),
            Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Ok(Some(number)),
                (None, Some(number)) if number.fract() == 0.0 => Ok(Some(number as i64)),
                _ => Err(wrong()),
            },
            Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }

    /// A duration of so many `unit_ms`, in milliseconds.
    pub(super) fn duration_ms(&self, unit_ms: f64) -> Result<Option<u32>, Rejection> {
        let Some(number) = self.number()? else {
            return Ok(None);
        };
        let ms = (number * unit_ms).round();
        if (0.0..=f64::from(u32::MAX)).contains(&ms) {
            return Ok(Some(ms as u32));
        }
        Err(self.refuse(
            RejectCode::InvalidValue,
            "expected a duration from 0 to 49 days",
        ))
    }

    /// True or false.
    pub(super) fn flag(&self) -> Result<Option<bool>, Rejection> {
        match self.whole() {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.refuse(RejectCode::InvalidType, "expected true or false")),
        }
    }

    /// A time: RFC 3339, with or without its zone (then UTC), or a count of
    /// seconds, milliseconds or microseconds since 1970, told apart by size.
    /// Zero is no time.
    pub(super) fn time(&self) -> Result<Option<Micros>, Rejection> {
        let found = match self.whole() {
            None => return Ok(None),
            Some(Value::String(text)) if clock::is_zero(text) => return Ok(None),
            Some(Value::Number(number)) if number.as_f64() == Some(0.0) => return Ok(None),
            Some(Value::String(text)) => clock::parse(text),
            Some(Value::Number(number)) => clock::from_number(number),
            Some(_) => None,
        };
        let expected = "expected a time: RFC 3339 or a count since 1970";
        found
            .map(Some)
            .ok_or_else(|| self.refuse(RejectCode::InvalidTime, expected))
    }

    /// A time that must be there.
    pub(super) fn need_time(&self) -> Result<Micros, Rejection> {
        self.time()?.ok_or_else(|| self.missing())
    }

    /// The items of a list; none when it is not there.
    pub(super) fn items(&self) -> Result<Vec<Self>, Rejection> {
        match self.value {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, item)| Self {
                    value: Some(item),
                    pointer: format!("{}/{index}", self.pointer),
                    seen: self.seen,
                })
                .collect()),
            Some(_) => Err(self.refuse(RejectCode::InvalidType, "expected a list")),
        }
    }

    /// Refuses anything but an object.
    pub(super) fn need_object(&self) -> Result<(), Rejection> {
        match self.value {
            Some(Value::Object(_)) => Ok(()),
            None => Err(self.missing()),
            Some(_) => Err(self.refuse(RejectCode::InvalidType, "expected an object")),
        }
    }

    /// The names and values of an object that is carried over whole; none when
    /// it is not there.
    pub(super) fn map(&self) -> Result<Option<Value>, Rejection> {
        match self.whole() {
            None => Ok(None),
            Some(map @ Value::Object(_)) => Ok(Some(map.clone())),
            Some(_) => Err(self.refuse(RejectCode::InvalidType, "expected an object")),
        }
    }
}

//! Conditions: `{ column = "outcome", is = "AGENT" }`, joined by `all`, `any`
//! and `not`.
//!
//! Invariant: a comparison with something unknown is false, except `empty =
//! true`, `is_not` and `not_in`, which are then true.

use regex::Regex;
use toml::Table;

use super::error::Refusal;
use super::keys::Keys;
use super::record::Name;
use super::scope::Scope;
use super::value::Val;

/// One comparison with a column.
#[derive(Debug)]
pub(super) enum Test {
    Empty(bool),
    In(Vec<String>),
    NotIn(Vec<String>),
    Matches(Regex),
    Compare(Order, Bound),
}

/// How two numbers or times are compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A number, or the name of another value or time.
#[derive(Debug)]
pub(super) enum Bound {
    Number(f64),
    Name(Name),
}

/// A parsed condition.
#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Column(Name, Vec<Test>),
}

const KEYS: &[&str] = &[
    "column", "is", "is_not", "in", "not_in", "matches", "empty", "lt", "le", "gt", "ge", "all",
    "any", "not",
];
const TESTS: &[&str] = &[
    "is", "is_not", "in", "not_in", "matches", "empty", "lt", "le", "gt", "ge",
];

impl Condition {
    /// Reads the condition of a key; a list of conditions means all of them.
    pub fn parse_key(keys: &Keys, key: &str) -> Option<Condition> {
        match keys.raw(key)? {
            toml::Value::Table(table) => Condition::parse(table, keys.at(key), keys),
            toml::Value::Array(_) => Some(Condition::All(list(keys, key))),
            _ => {
                keys.mistake(
                    key,
                    "must be a condition such as { column = \"state\", is = \"DONE\" }",
                );
                None
            }
        }
    }

    fn parse(table: &Table, path: String, parent: &Keys) -> Option<Condition> {
        let keys = Keys::new(table, path, parent.mistakes, KEYS);
        let forms = keys.present(&["column", "all", "any", "not"]);
        let [form] = forms.as_slice() else {
            keys.own_mistake("a condition needs exactly one of column, all, any, not");
            return None;
        };
        match *form {
            "all" => Some(Condition::All(list(&keys, "all"))),
            "any" => Some(Condition::Any(list(&keys, "any"))),
            "not" => {
                Condition::parse_key(&keys, "not").map(|inner| Condition::Not(Box::new(inner)))
            }
            _ => {
                let name = keys.name("column")?;
                if keys.present(TESTS).is_empty() {
                    keys.own_mistake(format!("needs at least one of {}", TESTS.join(", ")));
                }
                Some(Condition::Column(Name::new(&name), tests(&keys)))
            }
        }
    }

    /// Names that the condition reads.
    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>) {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    part.names(names);
                }
            }
            Condition::Not(inner) => inner.names(names),
            Condition::Column(name, tests) => {
                names.push(name);
                for test in tests {
                    if let Test::Compare(_, Bound::Name(other)) = test {
                        names.push(other);
                    }
                }
            }
        }
    }

    pub fn holds(&self, scope: &Scope) -> Result<bool, Refusal> {
        match self {
            Condition::All(parts) => {
                for part in parts {
                    if !part.holds(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Any(parts) => {
                for part in parts {
                    if part.holds(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Not(inner) => Ok(!inner.holds(scope)?),
            Condition::Column(name, tests) => {
                let value = scope.value(name)?;
                for test in tests {
                    if !test.holds(&value, scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

impl Test {
    fn holds(&self, value: &Val, scope: &Scope) -> Result<bool, Refusal> {
        let text = value.to_text();
        let is_in = |words: &[String]| {
            text.as_ref()
                .is_some_and(|text| words.iter().any(|word| word == text.trim()))
        };
        Ok(match self {
            Test::Empty(wanted) => is_empty(value) == *wanted,
            Test::In(words) => is_in(words),
            Test::NotIn(words) => !is_in(words),
            Test::Matches(pattern) => text.is_some_and(|text| pattern.is_match(&text)),
            Test::Compare(order, bound) => {
                let (left, right) = match bound {
                    Bound::Number(number) => (value.to_number(), Some(*number)),
                    Bound::Name(name) => (rank(value), rank(&scope.value(name)?)),
                };
                match (left, right) {
                    (Some(left), Some(right)) => order.holds(left, right),
                    _ => false,
                }
            }
        })
    }
}

impl Order {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Order::Less => left < right,
            Order::LessOrEqual => left <= right,
            Order::Greater => left > right,
            Order::GreaterOrEqual => left >= right,
        }
    }
}

/// Numbers and times on one scale each.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit in 53 bits"
)]
fn rank(value: &Val) -> Option<f64> {
    match value {
        Val::Time(time) => Some(time.timestamp_millis() as f64),
        other => other.to_number(),
    }
}

fn is_empty(value: &Val) -> bool {
    match value {
        Val::Unknown => true,
        Val::Text(text) => text.trim().is_empty(),
        Val::Json(serde_json::Value::Array(items)) => items.is_empty(),
        _ => false,
    }
}

fn list(keys: &Keys, key: &str) -> Vec<Condition> {
    let tables = keys.tables(key);
    if keys.has(key) && tables.is_empty() {
        keys.mistake(key, "must be a list of conditions, at least one");
    }
    tables
        .into_iter()
        .filter_map(|(path, table)| Condition::parse(table, path, keys))
        .collect()
}

fn tests(keys: &Keys) -> Vec<Test> {
    let mut tests = Vec::new();
    for (key, positive) in [
        ("is", true),
        ("in", true),
        ("is_not", false),
        ("not_in", false),
    ] {
        if !keys.has(key) {
            continue;
        }
        let words = keys.texts(key);
        tests.push(if positive {
            Test::In(words)
        } else {
            Test::NotIn(words)
        });
    }
    if let Some(pattern) = keys.word("matches") {
        match Regex::new(&pattern) {
            Ok(pattern) => tests.push(Test::Matches(pattern)),
            Err(error) => keys.mistake("matches", format!("is no regular expression: {error}")),
        }
    }
    if let Some(wanted) = keys.bool("empty") {
        tests.push(Test::Empty(wanted));
    }
    let orders = [
        ("lt", Order::Less),
        ("le", Order::LessOrEqual),
        ("gt", Order::Greater),
        ("ge", Order::GreaterOrEqual),
    ];
    for (key, order) in orders {
        let bound = match keys.raw(key) {
            None => continue,
            Some(toml::Value::String(name)) => Some(Bound::Name(Name::new(name))),
            Some(_) => keys.number(key).map(Bound::Number),
        };
        tests.extend(bound.map(|bound| Test::Compare(order, bound)));
    }
    tests
}

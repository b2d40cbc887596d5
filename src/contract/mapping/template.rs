//! Templates: text with names in braces, as in `"{vru_line}-{call_id}"`.
//!
//! Invariants: a template that is one name alone keeps the type of what it
//! names; with more around it the result is text. If any name in it is
//! unknown, the whole is unknown.

use super::error::Refusal;
use super::keys::Keys;
use super::record::Name;
use super::scope::Scope;
use super::value::Val;

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Name(Name),
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template {
    parts: Vec<Part>,
    /// A number or boolean written in the mapping instead of text.
    constant: Option<Val>,
}

impl Template {
    /// Reads a template from a TOML key; numbers and booleans are constants.
    pub fn parse_key(keys: &Keys, key: &str) -> Option<Template> {
        let value = keys.raw(key)?;
        Template::parse_value(value).map_or_else(
            |message| {
                keys.mistake(key, message);
                None
            },
            Some,
        )
    }

    /// `Err` is the message of the mistake.
    pub fn parse_value(value: &toml::Value) -> Result<Template, String> {
        let constant = |constant| Template {
            parts: Vec::new(),
            constant: Some(constant),
        };
        match value {
            toml::Value::String(text) => Template::parse(text),
            toml::Value::Integer(number) => Ok(constant(Val::Int(*number))),
            toml::Value::Float(number) => Ok(constant(Val::Num(*number))),
            toml::Value::Boolean(flag) => Ok(constant(Val::Bool(*flag))),
            other => Err(format!(
                "must be a template in quotes, a number or a boolean, but is of type {}",
                other.type_str()
            )),
        }
    }

    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => {
                    letters.next();
                    plain.push(letter);
                }
                '{' => {
                    let name = take_name(&mut letters)?;
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Name(Name::new(&name)));
                }
                '}' => return Err("has a } without its {; write }} for a brace".into()),
                other => plain.push(other),
            }
        }
        if !plain.is_empty() || parts.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template {
            parts,
            constant: None,
        })
    }

    /// The text of a template without names.
    pub fn constant_text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Names that the template reads.
    pub fn names<'s>(&'s self, names: &mut Vec<&'s Name>) {
        names.extend(self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name),
            Part::Text(_) => None,
        }));
    }

    /// Where a wrong value came from, for a refusal's pointer.
    pub fn first_name(&self) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::Name(name) => Some(name.text.as_str()),
            Part::Text(_) => None,
        })
    }

    pub fn eval(&self, scope: &Scope) -> Result<Val, Refusal> {
        if let Some(constant) = &self.constant {
            return Ok(constant.clone());
        }
        if let [Part::Name(name)] = self.parts.as_slice() {
            return scope.value(name);
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Name(name) => match scope.value(name)?.to_text() {
                    Some(value) => text.push_str(&value),
                    None => return Ok(Val::Unknown),
                },
            }
        }
        if text.is_empty() {
            return Ok(Val::Unknown);
        }
        Ok(Val::Text(text))
    }
}

/// The name up to the closing brace, which is taken too.
fn take_name(letters: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut name = String::new();
    for letter in letters {
        match letter {
            '}' if !name.trim().is_empty() => return Ok(name),
            '{' | '}' => break,
            other => name.push(other),
        }
    }
    Err("has a { without a name and a } after it; write {{ for a brace".into())
}

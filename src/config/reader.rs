//! Reads the keys of one section from its layers, file before environment before flag, and keeps every
//! mistake instead of stopping at the first.
//!
//! The macro [`settings`] is the one definition of a key: name, type, default and documentation give the
//! struct field, the parser, the line of the default file and the row of `docs/CONFIG.md`.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::problem::{ConfigError, Origin};
use super::setting::{Setting, quote};

/// What the documents say about one key.
#[derive(Debug, Clone)]
pub struct KeyDoc {
    /// The key inside its section.
    pub name: &'static str,
    /// One or more sentences.
    pub about: String,
    /// The type, in words.
    pub expected: String,
    /// The default as TOML; `None` when the key is not set by default.
    pub default: Option<String>,
    /// An example as TOML, for keys without a default.
    pub example: Option<&'static str>,
    /// True when the key must be given.
    pub is_required: bool,
}

/// A group of keys.
pub trait Section: Default {
    /// What the group is for.
    fn about() -> String;

    /// Its keys, in the order of the documents.
    fn keys() -> Vec<KeyDoc>;

    /// Reads all keys; mistakes go to the reader and leave the default in place.
    fn read(reader: &mut SectionReader<'_>) -> Self;
}

/// A text from outside the file, with where it came from.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub origin: Origin,
    pub text: String,
}

/// What all sections share while a configuration is read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub problems: Vec<ConfigError>,
    /// Which layer decided each key that is not at its default.
    pub origins: BTreeMap<String, Origin>,
}

/// The layers of one section.
#[derive(Debug)]
pub struct SectionReader<'a> {
    path: String,
    file: Table,
    /// Texts by key, in the order of precedence.
    given: BTreeMap<String, Vec<Given>>,
    findings: &'a mut Findings,
}

impl<'a> SectionReader<'a> {
    pub(super) fn new(
        path: String,
        file: Table,
        given: BTreeMap<String, Vec<Given>>,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            path,
            file,
            given,
            findings,
        }
    }

    /// Reads one key. Every layer is checked, also one that a later layer hides.
    pub(super) fn get<T: Setting>(&mut self, key: &str, default: T, is_required: bool) -> T {
        let path = format!("{}.{key}", self.path);
        let in_file = self.file.remove(key).map(|value| {
            let text = if T::is_secret() {
                hidden()
            } else {
                show(&value)
            };
            (Origin::File, text, T::from_value(&value))
        });
        let outside = self.given.remove(key).unwrap_or_default();
        let outside = outside.into_iter().map(|given| {
            let text = if T::is_secret() {
                hidden()
            } else {
                quote(&given.text)
            };
            (given.origin, text, T::from_text(&given.text))
        });

        let mut result = None;
        let mut was_given = false;
        for (origin, text, value) in in_file.into_iter().chain(outside) {
            was_given = true;
            if value.is_some() {
                self.findings.origins.insert(path.clone(), origin);
                result = value;
            } else {
                self.findings.problems.push(ConfigError {
                    key: path.clone(),
                    origin,
                    text,
                    expected: T::expected(),
                });
            }
        }
        if is_required && !was_given {
            self.findings.problems.push(ConfigError {
                key: path,
                origin: Origin::Default,
                text: "nothing".to_owned(),
                expected: T::expected(),
            });
        }
        result.unwrap_or(default)
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self, known: &[KeyDoc]) {
        let names: Vec<&str> = known.iter().map(|key| key.name).collect();
        let expected = format!("one of the keys {}", names.join(", "));
        let outside = self.given.into_iter().flat_map(|(key, given)| {
            given
                .into_iter()
                .map(move |given| (key.clone(), given.origin))
        });
        let in_file = self.file.into_iter().map(|(key, _)| (key, Origin::File));
        for (key, origin) in in_file.chain(outside) {
            self.findings.problems.push(ConfigError {
                key: format!("{}.{key}", self.path),
                origin,
                text: "an unknown key".to_owned(),
                expected: expected.clone(),
            });
        }
    }
}

/// A value as it would stand in the file, cut so that a report stays readable.
pub(super) fn show(value: &Value) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST).collect();
    format!("{head}…")
}

fn hidden() -> String {
    "(hidden)".to_owned()
}

/// Defines a section. Each key: documentation, name, type, default; `=> required` when it must be given;
/// `, like "…"` an example in TOML for a key that has no default.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $ty:ty = $default:expr $(=> $required:ident)? $(, like $example:literal)?;
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::Section for $name {
            fn about() -> String {
                $crate::config::reader::sentences(&[$($about),+])
            }

            fn keys() -> Vec<$crate::config::KeyDoc> {
                let defaults = Self::default();
                vec![$($crate::config::KeyDoc {
                    name: stringify!($field),
                    about: $crate::config::reader::sentences(&[$($doc),+]),
                    expected: <$ty as $crate::config::Setting>::expected(),
                    default: $crate::config::Setting::to_toml(&defaults.$field),
                    example: $crate::config::reader::first(&[$($example)?]),
                    is_required: $crate::config::reader::first(&[$(stringify!($required))?]).is_some(),
                },)*]
            }

            fn read(reader: &mut $crate::config::SectionReader<'_>) -> Self {
                let defaults = Self::default();
                Self {
                    $($field: reader.get(
                        stringify!($field),
                        defaults.$field,
                        $crate::config::reader::first(&[$(stringify!($required))?]).is_some(),
                    ),)*
                }
            }
        }
    };
}
pub(super) use settings;

/// Joins the lines of a doc comment.
pub(super) fn sentences(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// The only element of a list that a macro made of an optional part.
pub(super) fn first(parts: &[&'static str]) -> Option<&'static str> {
    parts.first().copied()
}

//! The typed header of a file under `queries/`.
//!
//! A header is the leading SQL comment of a file:
//!
//! ```sql
//! -- name: interactions_by_day
//! -- about: Interactions by UTC day and channel.
//! -- needs: queries
//! -- params:
//! --   from timestamptz = null
//! -- columns:
//! --   day date, UTC day of the first event
//! ```
//!
//! A parameter is `name type [= default]`; without a default it is required. A column is `name type[, about]`;
//! another line there says in prose that there are more.
//! Lines without a key continue the key above. Invariants: the name equals the file's name (checked where
//! files are loaded); types are words of [`SqlType`]. Not here: binding, planning.

use std::str::FromStr;

use serde::Serialize;

use crate::domain::Permission;

/// The types of parameters, in the words of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SqlType {
    /// Any text.
    #[serde(rename = "text")]
    Text,
    /// 64-bit integer.
    #[serde(rename = "bigint")]
    Bigint,
    /// 32-bit integer.
    #[serde(rename = "integer")]
    Integer,
    /// 64-bit float.
    #[serde(rename = "double precision")]
    Double,
    /// True or false.
    #[serde(rename = "boolean")]
    Boolean,
    /// An instant.
    #[serde(rename = "timestamptz")]
    Timestamptz,
    /// A day.
    #[serde(rename = "date")]
    Date,
}

impl SqlType {
    /// The word in headers and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bigint => "bigint",
            Self::Integer => "integer",
            Self::Double => "double precision",
            Self::Boolean => "boolean",
            Self::Timestamptz => "timestamptz",
            Self::Date => "date",
        }
    }

    const ALL: [Self; 7] = [
        Self::Text,
        Self::Bigint,
        Self::Integer,
        Self::Double,
        Self::Boolean,
        Self::Timestamptz,
        Self::Date,
    ];
}

impl FromStr for SqlType {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == word);
        found.ok_or_else(|| format!("unknown type `{word}` of a parameter"))
    }
}

/// One parameter of a named query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Param {
    /// Name, `$name` in the statement.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: SqlType,
    /// False when it has a default.
    pub required: bool,
    /// The default as text; absent for `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// One column of a relation or of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type in the words of PostgreSQL.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it means.
    pub about: String,
}

/// What a file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Header {
    /// The file's name.
    pub name: String,
    /// One line.
    pub about: String,
    /// The permission it takes; `None` is the default of its kind.
    #[serde(skip)]
    pub needs: Option<Permission>,
    /// Parameters, in order.
    pub params: Vec<Param>,
    /// Columns, in order; may be empty.
    pub columns: Vec<Column>,
    /// Whether `columns` is the whole list: a line of prose among them leaves it open.
    #[serde(skip)]
    pub is_complete: bool,
}

impl Header {
    /// Reads the leading comment of `text`.
    ///
    /// # Errors
    /// A sentence that names the line that can't be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut header = Self {
            name: String::new(),
            about: String::new(),
            needs: None,
            params: Vec::new(),
            columns: Vec::new(),
            is_complete: true,
        };
        let mut key = String::new();
        for line in text.lines() {
            let Some(comment) = line.strip_prefix("--") else {
                break;
            };
            let content = comment.trim();
            let (found, rest) = key_of(content);
            if let Some(found) = found {
                found.clone_into(&mut key);
            }
            if !rest.is_empty() {
                header.take(&key, rest)?;
            }
        }
        if header.name.is_empty() || header.about.is_empty() {
            return Err("the header needs `-- name:` and `-- about:`".to_owned());
        }
        Ok(header)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "name" => value.clone_into(&mut self.name),
            "about" if self.about.is_empty() => value.clone_into(&mut self.about),
            "about" => {
                self.about.push(' ');
                self.about.push_str(value);
            }
            "needs" => {
                let found = Permission::ALL
                    .into_iter()
                    .find(|known| known.as_str() == value);
                self.needs = Some(found.ok_or_else(|| format!("unknown permission `{value}`"))?);
            }
            "params" => self.params.push(param(value)?),
            "columns" => match column(value) {
                Some(column) => self.columns.push(column),
                None => self.is_complete = false,
            },
            _ => {}
        }
        Ok(())
    }
}

const KEYS: [&str; 6] = ["name", "about", "needs", "params", "columns", "tables"];

/// The key that a comment line begins with, and what follows it.
fn key_of(content: &str) -> (Option<&str>, &str) {
    match content.split_once(':') {
        Some((key, rest)) if KEYS.contains(&key.trim()) => (Some(key.trim()), rest.trim()),
        _ => (None, content),
    }
}

fn param(text: &str) -> Result<Param, String> {
    let (declaration, default) = match text.split_once('=') {
        Some((declaration, default)) => (declaration, Some(default.trim())),
        None => (text, None),
    };
    let (name, kind) = declaration
        .trim()
        .split_once(char::is_whitespace)
        .ok_or_else(|| format!("a parameter is `name type [= default]`, not `{text}`"))?;
    Ok(Param {
        name: name.to_owned(),
        kind: kind.parse()?,
        required: default.is_none(),
        default: default.filter(|value| *value != "null").map(str::to_owned),
    })
}

const COLUMN_TYPES: [&str; 13] = [
    "text",
    "bigint",
    "integer",
    "smallint",
    "double precision",
    "real",
    "numeric",
    "boolean",
    "timestamptz",
    "timestamp",
    "date",
    "bytea",
    "json",
];

/// A column, or nothing when the line is prose.
fn column(text: &str) -> Option<Column> {
    let (declaration, about) = text.split_once(',').unwrap_or((text, ""));
    let (name, kind) = declaration.trim().split_once(char::is_whitespace)?;
    let kind = kind.split_whitespace().collect::<Vec<_>>().join(" ");
    let item = kind.trim_end_matches("[]");
    COLUMN_TYPES.contains(&item).then(|| Column {
        name: name.to_owned(),
        kind: kind.clone(),
        about: about.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_with_its_continuations() {
        let header = Header::parse(
            "-- name: waits\n-- about: Longest waits:\n--   first the longest.\n-- needs: queries\n\
             -- params:\n--   from timestamptz = null\n--   least_ms bigint = 0\n--   queue text\n\
             -- columns:\n--   wait_ms bigint, how long\n--   score double precision\nselect 1 -- name: no\n",
        )
        .unwrap();
        assert_eq!(header.name, "waits");
        assert_eq!(header.about, "Longest waits: first the longest.");
        assert_eq!(header.needs, Some(Permission::Queries));
        let params: Vec<_> = header
            .params
            .iter()
            .map(|param| {
                (
                    param.name.as_str(),
                    param.kind,
                    param.required,
                    param.default.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            params,
            [
                ("from", SqlType::Timestamptz, false, None),
                ("least_ms", SqlType::Bigint, false, Some("0")),
                ("queue", SqlType::Text, true, None),
            ]
        );
        assert_eq!(header.columns[0].about, "how long");
        assert_eq!(header.columns[1].kind, "double precision");
        assert!(header.is_complete);
        let open =
            "-- name: a\n-- about: b\n-- columns:\n--   n bigint\n--   and all of legs\nselect 1";
        let open = Header::parse(open).unwrap();
        assert_eq!((open.columns.len(), open.is_complete), (1, false));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(Header::parse("select 1").is_err());
        let wrong = "-- name: a\n-- about: b\n-- params: from when\nselect 1";
        assert!(Header::parse(wrong).unwrap_err().contains("when"));
        let wrong = "-- name: a\n-- about: b\n-- needs: everything\nselect 1";
        assert!(Header::parse(wrong).unwrap_err().contains("everything"));
    }
}

//! The two states of text: as the customer said it, and as it may be kept.
//!
//! Invariants: [`Raw`] can be built from a document and read only by
//! `contract` (to check it) and `enrich` (to redact it); it has no `Debug`,
//! `Display` or `Serialize`, so it can't reach a log, a table or an answer.
//! [`Redacted`] is made by `enrich` alone. A test reads the sources and fails
//! when another module calls [`Raw::reveal`] or [`Redacted::vouch`].

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Text as it came in. Borrowed from the document where it holds no escapes.
pub struct Raw<'a>(Cow<'a, str>);

impl<'a> Raw<'a> {
    /// Takes text in from outside.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// The text itself; for `contract` and `enrich` only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text itself, keeping the borrow; for `enrich` only.
    pub fn reveal_into(self) -> Cow<'a, str> {
        self.0
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Raw(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Raw(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Raw(Cow::Owned(text)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(RawVisitor)
    }
}

impl JsonSchema for Raw<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "string".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

/// Text that may be kept: personal values replaced by tokens.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Redacted<'a>(Cow<'a, str>);

impl<'a> Redacted<'a> {
    /// Declares that `text` holds no personal value; for `enrich` only.
    pub fn vouch(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    /// The redacted text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text without a borrow.
    pub fn into_owned(self) -> Redacted<'static> {
        Redacted(Cow::Owned(self.0.into_owned()))
    }
}

impl AsRef<str> for Redacted<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Redacted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

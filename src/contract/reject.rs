//! Why an event was refused: a code a client can act on, a pointer, a reason.

use std::fmt;

use serde::Serialize;

/// The closed list of refusal codes; the same word in answers, dead letters and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// Not JSON.
    MalformedJson,
    /// Not XML, where XML was begun.
    MalformedXml,
    /// JSON that stops in the middle.
    TruncatedJson,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// A line beyond the size limit.
    LineTooLong,
    /// A field that must be there is not.
    MissingField,
    /// A field of another JSON type than the contract's.
    InvalidType,
    /// A value outside its list or range.
    InvalidValue,
    /// Not an RFC 3339 time.
    InvalidTime,
    /// A time too far from now for a stream.
    TimeOutOfRange,
    /// An id that is empty, too long or has characters that ids may not have.
    InvalidId,
    /// An event type that the contract does not have.
    UnknownType,
    /// A document that is none of the known formats.
    UnknownFormat,
    /// A row that the mapping can't turn into an event.
    MappingFailed,
}

impl RejectCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::MalformedJson,
        Self::MalformedXml,
        Self::TruncatedJson,
        Self::InvalidUtf8,
        Self::LineTooLong,
        Self::MissingField,
        Self::InvalidType,
        Self::InvalidValue,
        Self::InvalidTime,
        Self::TimeOutOfRange,
        Self::InvalidId,
        Self::UnknownType,
        Self::UnknownFormat,
        Self::MappingFailed,
    ];

    /// The code as in answers and in `dead_letters.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::MalformedXml => "malformed_xml",
            Self::TruncatedJson => "truncated_json",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::LineTooLong => "line_too_long",
            Self::MissingField => "missing_field",
            Self::InvalidType => "invalid_type",
            Self::InvalidValue => "invalid_value",
            Self::InvalidTime => "invalid_time",
            Self::TimeOutOfRange => "time_out_of_range",
            Self::InvalidId => "invalid_id",
            Self::UnknownType => "unknown_type",
            Self::UnknownFormat => "unknown_format",
            Self::MappingFailed => "mapping_failed",
        }
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One refused document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// What kind of mistake.
    pub code: RejectCode,
    /// RFC 6901 pointer to the field, empty for the whole document.
    pub pointer: String,
    /// What was expected; never the value that was there.
    pub reason: String,
}

impl Rejection {
    /// A mapping's refusal: its own code stands before the reason where the
    /// contract has none of that name.
    pub fn from_mapping(code: &str, pointer: impl Into<String>, reason: impl fmt::Display) -> Self {
        let known = RejectCode::ALL.iter().find(|known| known.as_str() == code);
        match known {
            Some(known) => Self::new(*known, pointer, reason.to_string()),
            None => Self::new(
                RejectCode::MappingFailed,
                pointer,
                format!("{code}: {reason}"),
            ),
        }
    }

    /// A refusal of the field at `pointer`.
    pub fn new(code: RejectCode, pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            code,
            pointer: pointer.into(),
            reason: reason.into(),
        }
    }
}

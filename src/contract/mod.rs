//! The event contract: documents in, typed events or a named refusal out.
//!
//! `event` holds canonical v1 (design: CloudEvents 1.0, structured mode),
//! `decode` reads one document with borrowed strings, `check` holds the rules
//! that types can't express, `schema` writes the JSON Schemas, `mapping` turns
//! foreign exports into canonical documents, `format` the vendors' own ones.
//!
//! Invariants: a decoded event is complete and in range; a refusal names code,
//! JSON pointer and reason, and never repeats what the document said.
//! Not here: redaction (`enrich`), clocks (whether a time is too old is the
//! pipeline's question), Arrow (`tables`).

#![deny(clippy::indexing_slicing)]

mod check;
mod decode;
pub mod delimited;
pub mod event;
pub mod format;
pub mod mapping;
mod reject;
pub mod schema;

pub use decode::decode;
pub use event::{Data, Event, EventType};
pub use reject::{RejectCode, Rejection};
pub use schema::{ALERT_TYPE, DEAD_LETTER_TYPE};

//! What is done to text on its way from the wire to the tables: normalised for matching, redacted,
//! segmented into words, its mood told.
//!
//! Invariants: everything here is pure and synchronous (no I/O, no clock); no function panics on
//! any input; customer text never reaches a log or an error from here. Not done here: decoding of
//! events (`contract`), storage of keys and allow-lists (`config`, `store`).

mod analyse;
mod event;
pub mod language;
pub mod models;
pub mod normalise;
pub mod redact;
pub mod request;
pub mod segment;
pub mod sentiment;
pub mod topic;

pub use analyse::{Analyser, Analysis, Said};
pub use event::{EventRedactor, pii_of_redacted};
pub use models::{Models, SharedModels};

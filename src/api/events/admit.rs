//! One document into one entry of the inbox, or its refusal.
//!
//! Invariants: what leaves here is redacted; the refusal names code, pointer and reason and quotes nothing. Not
//! here: what becomes of refusals (all or nothing for JSON, dead letters for NDJSON).

use serde::Deserialize;

use super::recent::Identity;
use crate::api::state::State;
use crate::contract::{RejectCode, Rejection, decode};
use crate::domain::Micros;
use crate::source::InboxEntry;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// An event that may be queued.
pub(super) struct Admitted {
    /// What the inbox keeps.
    pub entry: InboxEntry,
    /// Its identity as stored.
    pub identity: Identity,
}

/// Where an event comes from, which decides how old it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It happens now.
    Stream,
    /// It is history.
    Import,
}

/// Checks and redacts one document.
pub(super) fn admit(state: &State, document: &[u8], origin: Origin) -> Result<Admitted, Rejection> {
    let event = decode(document)?;
    if origin == Origin::Stream {
        check_time(state, event.time)?;
    }
    let event = state.redactor.event(event);
    let identity = Identity::new(event.source.as_str(), event.id.as_str(), event.revision);
    let entry = match origin {
        Origin::Stream => InboxEntry::event(&event),
        Origin::Import => InboxEntry::imported(&event),
    };
    let entry = entry.ok_or_else(|| {
        Rejection::new(
            RejectCode::UnknownFormat,
            "",
            "the event cannot be written as JSON",
        )
    })?;
    Ok(Admitted { entry, identity })
}

/// A stream takes events that lie near the present.
fn check_time(state: &State, time: Micros) -> Result<(), Rejection> {
    let limits = state.ingest_limits;
    let age_us = (state.clock)().0.saturating_sub(time.0);
    let past_us = i64::from(limits.max_past_days) * MICROS_PER_DAY;
    let future_us = i64::from(limits.max_future_days) * MICROS_PER_DAY;
    let reason = if age_us > past_us {
        format!(
            "expected a time at most {} days ago; import older events",
            limits.max_past_days
        )
    } else if age_us < -future_us {
        format!(
            "expected a time at most {} days ahead",
            limits.max_future_days
        )
    } else {
        return Ok(());
    };
    Err(Rejection::new(RejectCode::TimeOutOfRange, "/time", reason))
}

/// A row that the sender could not turn into an event.
#[derive(Deserialize)]
struct SentRefusal {
    refusal: Refusal,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    #[serde(default)]
    pointer: String,
    reason: String,
    payload: String,
}

/// The dead letter of a line that is a refusal itself; `None` when it is not, or names no code of ours.
pub(super) fn sent_refusal(state: &State, line: &[u8]) -> Option<InboxEntry> {
    // Cheap for events, which begin otherwise.
    let begins = line.trim_ascii_start().strip_prefix(b"{")?;
    begins.trim_ascii_start().strip_prefix(b"\"refusal\"")?;
    let SentRefusal { refusal } = serde_json::from_slice(line).ok()?;
    let mut codes = RejectCode::ALL.iter();
    let code = codes.find(|code| code.as_str() == refusal.code)?;
    let redacted = |text: &str| state.redactor.redactor().payload(text.as_bytes());
    let rejection = Rejection::new(*code, redacted(&refusal.pointer), redacted(&refusal.reason));
    InboxEntry::letter(&rejection, &redacted(&refusal.payload))
}

/// The dead letter of a refused line.
pub(super) fn letter(state: &State, rejection: &Rejection, line: &[u8]) -> Option<InboxEntry> {
    InboxEntry::letter(rejection, &state.redactor.redactor().payload(line))
}

//! One document into one entry of the inbox, or its refusal.
//!
//! Invariants: what leaves here is redacted; the refusal names code, pointer and reason and quotes nothing. Not
//! here: what becomes of refusals (all or nothing for JSON, dead letters for NDJSON).

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

/// Checks and redacts one document.
pub(super) fn admit(state: &State, document: &[u8]) -> Result<Admitted, Rejection> {
    let event = decode(document)?;
    check_time(state, event.time)?;
    let event = state.redactor.event(event);
    let identity = Identity::new(event.source.as_str(), event.id.as_str(), event.revision);
    let entry = InboxEntry::event(&event).ok_or_else(|| {
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

/// The dead letter of a refused line.
pub(super) fn letter(state: &State, rejection: &Rejection, line: &[u8]) -> Option<InboxEntry> {
    InboxEntry::letter(rejection, &state.redactor.redactor().payload(line))
}

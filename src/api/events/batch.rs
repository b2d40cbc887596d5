//! `application/json`: one event or an array, all or nothing.
//!
//! Invariants: when one item is refused nothing is stored and every refused item is listed.

use serde_json::value::RawValue;

use super::admit::{Origin, admit};
use super::{EventsReceipt, Group};
use crate::api::problem::{ApiError, malformed};
use crate::api::state::State;
use crate::contract::{RejectCode, Rejection};
use crate::error::{ErrorCode, FieldError};
use crate::source::Inbox;

/// Takes the events of `body`.
pub(super) async fn take(
    state: &State,
    inbox: &Inbox,
    body: &[u8],
) -> Result<EventsReceipt, ApiError> {
    let (items, is_array) = items(body)?;
    let mut group = Group::default();
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match admit(state, item.get().as_bytes(), Origin::Stream) {
            Ok(event) => group.event(event),
            Err(rejection) => {
                let parent = if is_array {
                    format!("/{index}")
                } else {
                    String::new()
                };
                errors.push(field_error(&parent, &rejection));
            }
        }
    }
    if !errors.is_empty() {
        let detail = format!("{} of {} events are invalid", errors.len(), items.len());
        return Err(ApiError::new(ErrorCode::InvalidEvents, detail).with_errors(errors));
    }
    let mut receipt = EventsReceipt::default();
    group.keep(state, inbox, &mut receipt).await?;
    Ok(receipt)
}

/// The documents of a body, unread; an array's items or the body itself.
fn items(body: &[u8]) -> Result<(Vec<&RawValue>, bool), ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let reason = format!("byte {} is not UTF-8", error.valid_up_to());
        let rejection = Rejection::new(RejectCode::InvalidUtf8, "", reason);
        ApiError::new(ErrorCode::MalformedJson, "the body is not UTF-8")
            .with_errors(vec![field_error("", &rejection)])
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_array = text.trim_start().starts_with('[');
    let parsed = if is_array {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|item| vec![item])
    };
    let items = parsed.map_err(|error| {
        let code = if error.is_eof() {
            RejectCode::TruncatedJson
        } else {
            RejectCode::MalformedJson
        };
        let reason = format!("at line {} column {}", error.line(), error.column());
        let rejection = Rejection::new(code, "", reason);
        malformed(&error).with_errors(vec![field_error("", &rejection)])
    })?;
    Ok((items, is_array))
}

fn field_error(parent: &str, rejection: &Rejection) -> FieldError {
    FieldError {
        pointer: format!("{parent}{}", rejection.pointer),
        detail: format!("{}: {}", rejection.code, rejection.reason),
    }
}

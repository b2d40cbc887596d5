//! `/v1/rules`, `/v1/findings`, `/v1/alerts`, `/v1/webhooks`, `/v1/scorecards`: what people watch for, and what hit.
//!
//! Invariants: a rule that is stored compiles together with all others, and is in force here when the answer goes
//! out; secrets are shown once; no text that a caller sends is stored or logged. Not here: what rules mean
//! (`enrich::quality`), who is told of alerts (`jobs`, `sink`).

pub(super) mod alerts;
pub(super) mod findings;
pub(super) mod rules;
pub(super) mod scorecards;
pub(super) mod stream;
pub(super) mod trial;
pub(super) mod webhooks;

use actix_web::HttpRequest;
use actix_web::http::header;
use data_encoding::BASE64URL_NOPAD;

use super::auth::Caller;
use super::problem::ApiError;
use super::state::State;
use crate::domain::Micros;
use crate::error::ErrorCode;
use crate::jobs::RulesError;
use crate::store::Change;
use crate::store::article::Expected;

const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;
const MAX_ID_CHARS: usize = 64;

/// Who makes a change.
fn change<'a>(state: &State, caller: &'a Caller) -> Change<'a> {
    Change {
        actor: &caller.actor,
        request_id: &caller.request_id,
        at_us: (state.clock)().0,
    }
}

/// What `If-Match` expects; `None` without it.
fn if_match(request: &HttpRequest) -> Result<Option<Expected>, ApiError> {
    let Some(value) = request.headers().get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Some(Expected::Any));
    }
    let version = text.trim_start_matches("W/").trim_matches('"').parse();
    version
        .map(|version| Some(Expected::Version(version)))
        .map_err(|_| ApiError::parameter("/If-Match", "expected an `ETag`, such as \"3\", or *"))
}

/// The thing is another version than the caller believes.
fn changed(what: &str, present: i64) -> ApiError {
    if present == 0 {
        return ApiError::new(ErrorCode::NotFound, format!("there is no such {what}"));
    }
    let detail =
        format!("the {what} is version {present}; read it, then send `If-Match: \"{present}\"`");
    ApiError::new(ErrorCode::PreconditionFailed, detail)
}

/// Whether a word may be an id: letters, digits, dots, dashes.
fn check_id(id: &str) -> Result<(), ApiError> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if (1..=MAX_ID_CHARS).contains(&id.len()) && id.bytes().all(is_plain) {
        return Ok(());
    }
    Err(ApiError::parameter(
        "/id",
        format!("expected 1 to {MAX_ID_CHARS} characters of A-Z a-z 0-9 . _ -"),
    ))
}

/// Where the page after a row begins.
fn cursor_after(at: &str, id: &str) -> String {
    BASE64URL_NOPAD.encode(format!("{at} {id}").as_bytes())
}

/// Time and id of the last row of the page before.
fn read_cursor(text: &str) -> Option<(String, String)> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (at, id) = text.split_once(' ')?;
    Micros::parse(at).ok()?;
    Some((at.to_owned(), id.to_owned()))
}

impl From<RulesError> for ApiError {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Store(error) => error.into(),
            RulesError::Compile(error) => Self::parameter("", error.to_string()),
            RulesError::Lake(error) => Self::internal(super::problem::chain(&error)),
        }
    }
}

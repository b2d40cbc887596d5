//! `/v1/knowledge`: articles, search and use of articles; `/v1/assist`.
//!
//! Invariants: a change is in the store before it is in the index, and in the index before the answer goes out;
//! changes follow each other, so both see them in one order; no query is stored or logged. Not here: what makes an
//! article likely to answer (`search`), what is allowed in one (`store`).

mod archive;
pub(super) mod articles;
pub(super) mod assist;
pub(super) mod bases;
pub(super) mod gaps;
pub(super) mod import;
mod markdown;
mod records;
pub(super) mod search;
pub(super) mod usage;
mod view;

use actix_web::HttpRequest;
use actix_web::http::header;

use super::auth::Caller;
use super::problem::ApiError;
use super::state::State;
use crate::error::{ErrorCode, FieldError};
use crate::search::SearchError;
use crate::store::Change;
use crate::store::article::{Expected, Wrong, check_base, check_id};

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
        .map_err(|_| {
            ApiError::parameter(
                "/If-Match",
                "expected the `ETag` of the article, such as \"3\", or *",
            )
        })
}

/// The article is another version than the caller believes.
fn changed(present: i64) -> ApiError {
    if present == 0 {
        return ApiError::new(ErrorCode::NotFound, "there is no such article");
    }
    let detail =
        format!("the article is version {present}; read it, then send `If-Match: \"{present}\"`");
    ApiError::new(ErrorCode::PreconditionFailed, detail)
}

fn wrong(wrong: Vec<Wrong>) -> ApiError {
    ApiError::parameters(wrong.into_iter().map(field).collect())
}

fn field(wrong: Wrong) -> FieldError {
    FieldError {
        pointer: format!("/{}", wrong.field),
        detail: wrong.allowed,
    }
}

/// Base and id of an article, checked.
fn check_key(base: &str, id: &str) -> Result<(), ApiError> {
    let mistakes: Vec<Wrong> = [check_base(base), check_id(id)]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(wrong(mistakes))
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::UnknownBase => Self::new(
                ErrorCode::NotFound,
                "there is no such knowledge base; it exists once an article is written to it",
            ),
            SearchError::Store(error) => error.into(),
            error => Self::internal(super::problem::chain(&error)),
        }
    }
}

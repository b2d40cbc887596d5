//! `POST /v1/events`: events in, a receipt out.
//!
//! Invariants: events are decoded, checked and redacted before anything is queued; the answer comes when every
//! accepted event and every refused line is durable; what is sent again is stored again and kept once by the
//! views, so nothing can be lost by a count. Not here: the queue (`source`), what becomes of its entries
//! (`pipeline`).

mod admit;
mod batch;
mod fill;
mod lines;
mod recent;
mod stream;
mod unpack;

use actix_web::{HttpRequest, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use fill::fill_recent;
pub use recent::RecentIdentities;

use super::body::{essence, read};
use super::describe::{Event, Events, Problems};
use super::filters::Filters;
use super::problem::ApiError;
use super::state::State;
use crate::error::ErrorCode;
use crate::source::{Inbox, InboxEntry, InboxError};
use crate::telemetry;
use admit::{Admitted, Origin};
use recent::Identity;
use unpack::Unpacker;

/// How events are taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// True for an import: events of any time from 1970 on; NDJSON only.
    #[param(value_type = Option<bool>, example = true)]
    import: Option<String>,
}

impl EventsQuery {
    fn origin(&self) -> Result<Origin, ApiError> {
        let mut filters = Filters::default();
        let import = filters.boolean("import", self.import.as_deref());
        filters.finish()?;
        Ok(match import {
            Some(true) => Origin::Import,
            _ => Origin::Stream,
        })
    }
}

/// What became of the events of a request.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct EventsReceipt {
    /// Events that are durable now and were not seen in the last 24 hours.
    pub accepted: u64,
    /// Events that are durable now and whose identity was seen in the last 24 hours.
    pub repeated: u64,
    /// Lines that are dead letters now; always 0 for JSON, which is all or nothing.
    pub refused: u64,
    /// The first 20 of them.
    pub first_refusals: Vec<RefusedLine>,
}

/// One refused line.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedLine {
    /// Its number in the body, from 1.
    pub line: u64,
    /// The code as in `dead_letters.code`.
    #[schema(example = "invalid_time")]
    pub code: String,
    /// JSON pointer to the wrong field; empty for the whole line.
    #[schema(example = "/time")]
    pub pointer: String,
    /// What was expected.
    #[schema(example = "expected an RFC 3339 time such as 2026-11-20T03:15:07.120Z")]
    pub reason: String,
}

/// Take events
///
/// One event or an array of events as JSON is all or nothing: a 422 lists every bad item and nothing is stored.
/// NDJSON is read line by line without a limit in total: every refused line becomes one dead letter, the others
/// are stored. The answer comes when all of it is durable; events can be queried within 3 seconds. Sending the
/// same events again is safe.
///
/// With `import=true` NDJSON may hold events of any time from 1970 on, and lines
/// `{"refusal":{"code","pointer","reason","payload"}}` for rows that the sender could not turn into events: each
/// becomes a dead letter, its payload redacted. `tingchao import --url` sends so.
#[utoipa::path(
    operation_id = "events_post",
    tag = "events",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("events"))),
    params(EventsQuery),
    request_body(description = "Events of contract v1 (CloudEvents 1.0, structured mode).", content(
        (Events = "application/json"),
        (Event = "application/x-ndjson"),
    )),
    responses(
        (status = 200, description = "Everything is durable.", body = EventsReceipt, example = json!({
            "accepted": 2, "repeated": 1, "refused": 1,
            "first_refusals": [{"line": 3, "code": "invalid_time", "pointer": "/time",
                "reason": "expected an RFC 3339 time such as 2026-11-20T03:15:07.120Z"}]
        })),
        Problems,
    ),
)]
#[post("/v1/events")]
pub(super) async fn events_post(
    state: web::Data<State>,
    request: HttpRequest,
    query: web::Query<EventsQuery>,
    payload: web::Payload,
) -> Result<web::Json<EventsReceipt>, ApiError> {
    let Some(inbox) = &state.inbox else {
        return Err(ApiError::new(
            ErrorCode::NotReady,
            "this process takes no events",
        ));
    };
    let unpacker = Unpacker::of(&request)?;
    let payload = payload.into_inner();
    let origin = query.origin()?;
    let receipt = match essence(&request).as_deref() {
        Some("application/x-ndjson" | "application/ndjson") => {
            stream::take(&state, inbox, payload, unpacker, origin).await?
        }
        _ if origin == Origin::Import => {
            let detail = "with import=true send `application/x-ndjson`";
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
        }
        Some("application/json" | "application/cloudevents+json") if unpacker.is_plain() => {
            batch::take(&state, inbox, &read(payload).await?).await?
        }
        _ => return Err(other_media_type()),
    };
    Ok(web::Json(receipt))
}

fn other_media_type() -> ApiError {
    let detail =
        "send `application/json` (not packed) or `application/x-ndjson` (plain, gzip or zstd)";
    ApiError::new(ErrorCode::UnsupportedMediaType, detail)
}

/// Entries that wait to be made durable, in the order in which they came.
#[derive(Default)]
struct Group {
    entries: Vec<InboxEntry>,
    /// Of the events among them.
    identities: Vec<Identity>,
    bytes: usize,
}

impl Group {
    fn event(&mut self, event: Admitted) {
        self.identities.push(event.identity);
        self.entry(event.entry);
    }

    fn letter(&mut self, letter: InboxEntry) {
        self.entry(letter);
    }

    fn entry(&mut self, entry: InboxEntry) {
        self.bytes += entry.len_bytes();
        self.entries.push(entry);
    }

    const fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Makes it durable and counts it into `receipt`.
    async fn keep(
        self,
        state: &State,
        inbox: &Inbox,
        receipt: &mut EventsReceipt,
    ) -> Result<(), ApiError> {
        if self.is_empty() {
            return Ok(());
        }
        let now = (state.clock)();
        let events = self.identities.len() as u64;
        let letters = self.entries.len() as u64 - events;
        let mut fresh = self.identities;
        fresh.retain(|identity| !state.recent.note(*identity, now));
        if let Err(error) = inbox.append(self.entries).await {
            state.recent.forget(&fresh);
            return Err(not_kept(&error, receipt));
        }
        let accepted = fresh.len() as u64;
        receipt.accepted += accepted;
        receipt.repeated += events - accepted;
        receipt.refused += letters;
        telemetry::repeated_events(events - accepted);
        Ok(())
    }
}

fn not_kept(error: &InboxError, receipt: &EventsReceipt) -> ApiError {
    let stored = receipt.accepted + receipt.repeated + receipt.refused;
    match error {
        InboxError::Full(waiting_bytes) => {
            let detail = format!(
                "{waiting_bytes} bytes wait to be committed; {stored} lines of this request are stored, \
                 sending all of it again is safe"
            );
            ApiError::new(ErrorCode::Overloaded, detail)
        }
        InboxError::Closed | InboxError::Disk { .. } => {
            let mut cause = error.to_string();
            if let Some(source) = std::error::Error::source(error) {
                cause = format!("{cause}: {source}");
            }
            ApiError::internal(cause)
        }
    }
}

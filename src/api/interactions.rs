//! `/v1/interactions`: pages of interactions, and one with all that belongs to it.
//!
//! Invariants: the order is stable (newest first, then by id), so a page begins exactly after the last row of
//! the page before; ids in paths and filters may be given as values or as their tokens. Not here: what the
//! figures mean (the marts' SQL).

use actix_web::{get, web};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::quality::findings::{FindingView, of_interaction};
use super::rows::{fetch, json_text, statement};
use super::state::State;
use crate::error::ErrorCode;

const PAGE: &str = statement!("api/interactions_page");
const ONE: &str = statement!("api/interaction");
const LEGS: &str = statement!("api/interaction_legs");
const TURNS: &str = statement!("api/interaction_turns");
const TIMELINE: &str = statement!("api/interaction_timeline");

const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;
const MAX_LEGS: u64 = 1_000;
const MAX_TURNS: u64 = 10_000;
const MAX_EVENTS: u64 = 10_000;

/// Filters of a page; all given ones hold together.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InteractionFilters {
    /// Started at this time or later, RFC 3339.
    #[param(format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Started before this time, RFC 3339.
    #[param(format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// Its channel.
    #[param(example = "call")]
    pub channel: Option<String>,
    /// One of the queues that it was in.
    #[param(example = "billing")]
    pub queue: Option<String>,
    /// One of the agents that handled it.
    #[param(example = "a-17")]
    pub agent_id: Option<String>,
    /// Its customer, by opaque id or token.
    #[param(example = "c-4711")]
    pub customer_id: Option<String>,
    /// Its outcome.
    #[param(example = "abandoned")]
    pub outcome: Option<String>,
    /// `inbound` or `outbound`.
    #[param(example = "inbound")]
    pub direction: Option<String>,
    /// True: those that have not ended; false: those that have.
    #[param(value_type = Option<bool>, example = false)]
    pub is_open: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of interactions.
#[derive(Debug, Serialize, ToSchema)]
pub struct InteractionPage {
    /// The interactions, newest first.
    pub items: Vec<Interaction>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// One interaction. What is not known yet is null.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Interaction {
    /// Its id.
    #[schema(example = "call-20261120-000123")]
    pub interaction_id: String,
    /// Its channel.
    pub channel: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// The customer's id or its token.
    pub customer_id: Option<String>,
    /// Where it came in: `ivr`, `bot`, `queue`, `agent`.
    pub entry: Option<String>,
    /// Time of its first event.
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    pub ended_at: Option<String>,
    /// Whether it has not ended.
    pub is_open: Option<bool>,
    /// The first queue.
    pub queue: Option<String>,
    /// Every queue.
    pub queues: Option<Vec<String>>,
    /// The first agent.
    pub agent_id: Option<String>,
    /// Every agent.
    pub agents: Option<Vec<String>>,
    /// Whether it entered a queue.
    pub offered: Option<bool>,
    /// How it came out.
    pub outcome: Option<String>,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// The agent's word for its result.
    pub disposition: Option<String>,
    /// Whether the request was resolved.
    pub resolved: Option<bool>,
    /// Time in the IVR, ms.
    pub ivr_ms: Option<i64>,
    /// Time in queues, ms; null when it never queued.
    pub wait_ms: Option<i64>,
    /// Ringing, ms.
    pub ring_ms: Option<i64>,
    /// Talking, ms.
    pub talk_ms: Option<i64>,
    /// On hold, ms.
    pub hold_ms: Option<i64>,
    /// Work after it, ms.
    pub wrap_up_ms: Option<i64>,
    /// Talk, hold and wrap-up, ms.
    pub handle_ms: Option<i64>,
    /// How often it was handed on.
    pub transfers: Option<i64>,
    /// Turns of the customer.
    pub customer_turns: Option<i64>,
    /// Turns of agents.
    pub agent_turns: Option<i64>,
    /// Turns of bots.
    pub bot_turns: Option<i64>,
    /// Satisfaction, 1 to 5.
    pub csat: Option<i32>,
    /// Recommendation, 0 to 10.
    pub nps: Option<i32>,
    /// Mean sentiment of the customer's turns, later ones weighing more, -1 to 1.
    pub sentiment_score: Option<f64>,
    /// Mean sentiment of the last quarter of the customer's turns less that of the first.
    pub sentiment_shift: Option<f64>,
    /// Probability that the customer was dissatisfied at his last turn.
    pub dissatisfaction: Option<f64>,
    /// `made` when its times were counted up because the source had none.
    pub time_source: Option<String>,
    /// The interaction that it goes on from.
    pub previous_id: Option<String>,
    /// Its language, BCP 47.
    pub language: Option<String>,
    /// What else the source said.
    #[serde(deserialize_with = "json_text")]
    #[schema(value_type = Option<Object>)]
    pub attributes: Option<Value>,
}

/// One stay with one handler.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LegView {
    /// Its number in the interaction.
    pub leg: i64,
    /// `ivr`, `bot`, `queue` or `agent`.
    pub handler: String,
    /// The queue, on queue and agent legs.
    pub queue: Option<String>,
    /// The agent, on agent legs.
    pub agent_id: Option<String>,
    /// When the queue was entered, on queue legs.
    #[schema(format = DateTime)]
    pub enqueued_at: Option<String>,
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    pub ended_at: Option<String>,
    /// How the stay in the queue came out.
    pub outcome: Option<String>,
    /// Wait, ms, on queue legs.
    pub wait_ms: Option<i64>,
    /// Ringing, ms, on agent legs.
    pub ring_ms: Option<i64>,
    /// Talk, ms, on agent legs.
    pub talk_ms: Option<i64>,
    /// Hold, ms, on agent legs.
    pub hold_ms: Option<i64>,
    /// Work after it, ms, on agent legs.
    pub wrap_up_ms: Option<i64>,
}

/// One utterance or message, redacted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TurnView {
    /// Its id within the interaction.
    pub turn_id: String,
    /// Its number in the interaction.
    pub seq: Option<i64>,
    /// `customer`, `agent`, `bot` or `system`.
    pub speaker: Option<String>,
    /// Who of them.
    pub speaker_id: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    /// When it began, for speech.
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// When it ended, for speech.
    #[schema(format = DateTime)]
    pub ended_at: Option<String>,
    /// What it is: `text`, `speech`, `image`, …
    pub content_type: Option<String>,
    /// Its language, BCP 47.
    pub language: Option<String>,
    /// What was said, redacted.
    pub text: Option<String>,
    /// The personal values that were replaced in the text, with their places in it.
    #[serde(deserialize_with = "json_text")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub pii: Option<Value>,
}

/// One event that is not a turn.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineEvent {
    /// When.
    #[schema(format = DateTime)]
    pub at: Value,
    /// Its type, such as `interaction.queued.v1`.
    #[schema(value_type = String, example = "interaction.queued.v1")]
    pub r#type: Value,
    /// What it says, by the names of the contract; nulls are left out.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// One interaction with all that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct InteractionDetail {
    /// The interaction itself.
    #[serde(flatten)]
    pub interaction: Interaction,
    /// Its legs in their order, at most 1,000.
    pub legs: Vec<LegView>,
    /// Its turns in their order, at most 10,000.
    pub turns: Vec<TurnView>,
    /// What quality rules hit in it, at most 1,000.
    pub findings: Vec<FindingView>,
    /// Its events but the turns, in order, at most 10,000.
    pub timeline: Vec<TimelineEvent>,
}

/// List interactions
///
/// Newest first. Filters hold together; `next_cursor` leads to the next page.
#[utoipa::path(
    operation_id = "interactions_list",
    tag = "interactions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interactions"))),
    params(InteractionFilters),
    responses(
        (status = 200, description = "A page.", body = InteractionPage, example = json!({
            "items": [{"interaction_id": "call-20261120-000123", "channel": "call", "direction": "inbound",
                "started_at": "2026-11-20T03:15:07.120Z", "is_open": false, "queue": "billing",
                "outcome": "answered", "wait_ms": 12000, "handle_ms": 184000}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/interactions")]
pub(super) async fn interactions_list(
    state: web::Data<State>,
    query: web::Query<InteractionFilters>,
) -> Result<web::Json<InteractionPage>, ApiError> {
    let asked = query.into_inner();
    let (parameters, limit) = bind(&state, asked)?;
    let mut items: Vec<Interaction> = fetch(&state, PAGE, parameters, limit + 1).await?;
    let length = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > length;
    items.truncate(length);
    let next_cursor = if has_more {
        items.last().and_then(cursor_after)
    } else {
        None
    };
    Ok(web::Json(InteractionPage { items, next_cursor }))
}

/// Show an interaction
///
/// With its legs, turns and timeline.
#[utoipa::path(
    operation_id = "interaction_get",
    tag = "interactions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interactions"))),
    params(("id" = String, Path, description = "The interaction's id, percent-encoded.",
        example = "call-20261120-000123")),
    responses(
        (status = 200, description = "The interaction.", body = InteractionDetail, example = json!({
            "interaction_id": "call-20261120-000123", "channel": "call", "outcome": "answered",
            "legs": [{"leg": 1, "handler": "queue", "queue": "billing", "outcome": "answered", "wait_ms": 12000}],
            "turns": [{"turn_id": "1", "seq": 1, "speaker": "customer", "text": "我的包裹还没到", "pii": null}],
            "findings": [],
            "timeline": [{"at": "2026-11-20T03:15:07.120Z", "type": "interaction.queued.v1",
                "data": {"queue": "billing"}}]
        })),
        Problems,
    ),
)]
#[get("/v1/interactions/{id}")]
pub(super) async fn interaction_get(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<web::Json<InteractionDetail>, ApiError> {
    let id = vec![Value::String(stored_id(&state, &id))];
    let found: Vec<Interaction> = fetch(&state, ONE, id.clone(), 1).await?;
    let Some(interaction) = found.into_iter().next() else {
        return Err(ApiError::new(
            ErrorCode::NotFound,
            "there is no such interaction",
        ));
    };
    let legs = fetch(&state, LEGS, id.clone(), MAX_LEGS).await?;
    let turns = fetch(&state, TURNS, id.clone(), MAX_TURNS).await?;
    let events: Vec<Map<String, Value>> = fetch(&state, TIMELINE, id.clone(), MAX_EVENTS).await?;
    let findings = of_interaction(&state, id.into_iter().next().unwrap_or_default()).await?;
    let timeline = events.into_iter().map(timeline_event).collect();
    Ok(web::Json(InteractionDetail {
        interaction,
        legs,
        turns,
        findings,
        timeline,
    }))
}

fn timeline_event(mut row: Map<String, Value>) -> TimelineEvent {
    let mut take = |name: &str| row.remove(name).unwrap_or(Value::Null);
    let (at, kind) = (take("at"), take("type"));
    row.retain(|_, value| !value.is_null());
    TimelineEvent {
        at,
        r#type: kind,
        data: row,
    }
}

/// An id as it is stored: a personal value as its token, anything else as it is.
fn stored_id(state: &State, id: &str) -> String {
    state.redactor.redactor().id(id).into_owned()
}

/// The values of the page's statement, and the page's length.
fn bind(state: &State, asked: InteractionFilters) -> Result<(Vec<Value>, u64), ApiError> {
    let mut filters = Filters::default();
    let limit = filters
        .whole("limit", asked.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let (from, to) = (
        filters.time("from", asked.from.as_deref()),
        filters.time("to", asked.to.as_deref()),
    );
    filters.order(from, to);
    let is_open = filters.boolean("is_open", asked.is_open.as_deref());
    let cursor = filters.checked(
        "cursor",
        asked.cursor.as_deref(),
        "expected `next_cursor` of a page",
        read_cursor,
    );
    filters.finish()?;
    let id = |id: Option<String>| id.map(|id| stored_id(state, &id));
    let time = super::rows::time;
    let (cursor_at, cursor_id) = cursor.unzip();
    let parameters = vec![
        time(from),
        time(to),
        json!(asked.channel),
        json!(asked.queue),
        json!(id(asked.agent_id)),
        json!(id(asked.customer_id)),
        json!(asked.outcome),
        json!(asked.direction),
        json!(is_open),
        json!(cursor_at),
        json!(cursor_id),
    ];
    Ok((parameters, limit))
}

/// The cursor of the page after `last`.
fn cursor_after(last: &Interaction) -> Option<String> {
    let started_at = last.started_at.as_deref()?;
    let text = format!("{started_at} {}", last.interaction_id);
    Some(BASE64URL_NOPAD.encode(text.as_bytes()))
}

/// Time and id of the last row of the page before.
fn read_cursor(text: &str) -> Option<(String, String)> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (at, id) = text.split_once(' ')?;
    crate::domain::Micros::parse(at).ok()?;
    Some((at.to_owned(), id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_opaque_and_checked() {
        let text = BASE64URL_NOPAD.encode("2026-11-20T03:15:07.120Z 通话 1".as_bytes());
        let read = read_cursor(&text).unwrap();
        assert_eq!(read, ("2026-11-20T03:15:07.120Z".into(), "通话 1".into()));
        for wrong in ["", "!", "aGVsbG8", &BASE64URL_NOPAD.encode(b"now 1")] {
            assert!(read_cursor(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_event_of_the_timeline_has_no_nulls() {
        let Value::Object(row) = json!({"at": "t", "type": "x", "queue": "q", "node": null}) else {
            panic!()
        };
        let event = timeline_event(row);
        assert_eq!(
            json!(event),
            json!({"at": "t", "type": "x", "data": {"queue": "q"}})
        );
    }
}

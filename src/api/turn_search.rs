//! `/v1/turns/search`: which turns hold some words.
//!
//! Invariants: texts are redacted, and so is what is asked before it is looked for; recalled turns are not found; a
//! page begins where the page before ended, also while turns come in. Not here: the index (`search`, `jobs`).

use actix_web::{get, web};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::describe::Problems;
use super::filters::Filters;
use super::problem::ApiError;
use super::state::State;
use crate::domain::{Channel, Micros};
use crate::search::turns::{MAX_HITS, MAX_QUERY_CHARS, TurnHit, TurnIndexError, TurnQuery};

const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;
const SPEAKERS: [&str; 4] = ["customer", "agent", "bot", "system"];

/// What is looked for; all given filters hold together.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TurnFilters {
    /// Words, 1 to 200 characters; each must occur.
    #[param(required, example = "修改密码")]
    pub q: Option<String>,
    /// On this channel.
    #[param(example = "chat")]
    pub channel: Option<String>,
    /// By `customer`, `agent`, `bot` or `system`.
    #[param(example = "customer")]
    pub speaker: Option<String>,
    /// Said at this time or later, RFC 3339.
    #[param(format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Said before this time, RFC 3339.
    #[param(format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of turns.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnPage {
    /// Newest first.
    pub items: Vec<FoundTurn>,
    /// The cursor of the next page; null at the end, and after 10,000 turns.
    pub next_cursor: Option<String>,
    /// Whether every turn of the last 400 days was looked at; false while the index is built.
    #[schema(example = true)]
    pub complete: bool,
}

/// A turn that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundTurn {
    /// Where it was said.
    #[schema(example = "call-20261120-000123")]
    pub interaction_id: String,
    /// Its id there.
    #[schema(example = "t-7")]
    pub turn_id: String,
    /// `customer`, `agent`, `bot` or `system`.
    #[schema(example = "customer")]
    pub speaker: String,
    /// Its channel.
    #[schema(example = "chat")]
    pub channel: Option<String>,
    /// When it was said.
    #[schema(format = DateTime, example = "2026-11-20T03:15:07Z")]
    pub at: String,
    /// The part of the redacted text that holds the words.
    #[schema(example = "我要修改登录密码")]
    pub snippet: String,
    /// Words of the query in the snippet, in Unicode scalar values: from, to.
    #[schema(value_type = Vec<Vec<u32>>, example = json!([[2, 4], [6, 8]]))]
    pub highlights: Vec<(usize, usize)>,
}

impl From<TurnHit> for FoundTurn {
    fn from(hit: TurnHit) -> Self {
        Self {
            interaction_id: hit.turn.interaction_id,
            turn_id: hit.turn.turn_id,
            speaker: hit.turn.speaker,
            channel: hit.turn.channel,
            at: hit.turn.at.to_string(),
            snippet: hit.turn.text,
            highlights: hit.highlights,
        }
    }
}

impl From<TurnIndexError> for ApiError {
    fn from(error: TurnIndexError) -> Self {
        Self::internal(super::problem::chain(&error))
    }
}

/// Search in turns
///
/// Turns that hold every word of `q`, as a word or as the characters that it is made of; newest first. A new turn is
/// found within 30 seconds.
#[utoipa::path(
    operation_id = "turns_search",
    tag = "interactions",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("interactions"))),
    params(TurnFilters),
    responses(
        (status = 200, description = "The turns.", body = TurnPage, example = json!({
            "items": [{"interaction_id": "call-20261120-000123", "turn_id": "t-7", "speaker": "customer",
                "channel": "chat", "at": "2026-11-20T03:15:07Z", "snippet": "我要修改登录密码",
                "highlights": [[2, 4], [6, 8]]}],
            "next_cursor": null, "complete": true
        })),
        Problems,
    ),
)]
#[get("/v1/turns/search")]
pub(super) async fn turns_search(
    state: web::Data<State>,
    query: web::Query<TurnFilters>,
) -> Result<web::Json<TurnPage>, ApiError> {
    let asked = query.into_inner();
    let mut filters = Filters::default();
    let limit = filters
        .whole("limit", asked.limit.as_deref(), 1..=MAX_LIMIT)
        .unwrap_or(DEFAULT_LIMIT);
    let words = asked.q.unwrap_or_default();
    if !(1..=MAX_QUERY_CHARS).contains(&words.trim().chars().count()) {
        filters.wrong("q", format!("expected 1 to {MAX_QUERY_CHARS} characters"));
    }
    let channels = Channel::ALL.iter().map(|channel| channel.as_str());
    let channels = channels.collect::<Vec<_>>().join(", ");
    let channel = asked.channel.as_deref();
    let expected = format!("expected one of {channels}");
    let channel = filters.checked("channel", channel, expected, |word| {
        word.parse::<Channel>().ok()
    });
    let expected = format!("expected one of {}", SPEAKERS.join(", "));
    let speaker = filters.checked("speaker", asked.speaker.as_deref(), expected, |word| {
        SPEAKERS.into_iter().find(|speaker| *speaker == word)
    });
    let from = filters.time("from", asked.from.as_deref());
    let to = filters.time("to", asked.to.as_deref());
    filters.order(from, to);
    let cursor = asked.cursor.as_deref();
    let expected = "expected `next_cursor` of a page";
    let cursor = filters.checked("cursor", cursor, expected, read_cursor);
    filters.finish()?;
    let words = state.redactor.redactor().text(&words).into_owned();
    let place = cursor.unwrap_or(Place {
        before: to.map_or(i64::MAX, |to| to.0),
        skip: 0,
    });
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let query = TurnQuery {
        words: &words,
        channel: channel.map(Channel::as_str),
        speaker,
        from,
        to: Some(Micros(place.before)),
    };
    let (mut hits, complete) = state.turns.search(&query, place.skip, wanted + 1).await?;
    let skip = place.skip + wanted;
    let has_more = hits.len() > wanted && skip < MAX_HITS;
    hits.truncate(wanted);
    // Turns that come later do not shift the pages that follow.
    let newest = hits.first().map_or(place.before, |hit| hit.turn.at.0 + 1);
    let before = if place.skip == 0 {
        newest
    } else {
        place.before
    };
    let next_cursor =
        has_more.then(|| BASE64URL_NOPAD.encode(format!("{before} {skip}").as_bytes()));
    Ok(web::Json(TurnPage {
        items: hits.into_iter().map(FoundTurn::from).collect(),
        next_cursor,
        complete,
    }))
}

/// Where a page begins: among the turns before a time, after so many.
struct Place {
    before: i64,
    skip: usize,
}

fn read_cursor(text: &str) -> Option<Place> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()?;
    let (before, skip) = text.split_once(' ')?;
    let place = Place {
        before: before.parse().ok()?,
        skip: skip.parse().ok()?,
    };
    (place.skip <= MAX_HITS).then_some(place)
}

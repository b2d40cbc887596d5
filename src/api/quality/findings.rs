//! `GET /v1/findings`: what rules hit.

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{DEFAULT_LIMIT, MAX_LIMIT, cursor_after, read_cursor};
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::rows::{fetch, json_text, time};
use crate::api::state::State;
use crate::domain::{Channel, listed};
use crate::enrich::quality::Severity;

const PAGE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/findings_page.sql"
));
const OF_INTERACTION: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/interaction_findings.sql"
));

/// Filters of a page; all given ones hold together.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindingFilters {
    /// Decided at this time or later, RFC 3339; for alerts: raised.
    #[param(format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Decided before this time, RFC 3339; for alerts: raised.
    #[param(format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// The rule.
    #[param(example = "insult")]
    pub rule_id: Option<String>,
    /// `info`, `warning` or `critical`.
    #[param(example = "critical")]
    pub severity: Option<String>,
    /// The interaction.
    #[param(example = "call-20261120-000123")]
    pub interaction_id: Option<String>,
    /// The agent who spoke last.
    #[param(example = "a-17")]
    pub agent_id: Option<String>,
    /// The channel.
    #[param(example = "call")]
    pub channel: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl FindingFilters {
    /// The values of a page's statement, and the page's length.
    pub(super) fn bind(self, state: &State) -> Result<(Vec<Value>, u64), ApiError> {
        let mut filters = Filters::default();
        let limit = filters
            .whole("limit", self.limit.as_deref(), 1..=MAX_LIMIT)
            .unwrap_or(DEFAULT_LIMIT);
        let from = filters.time("from", self.from.as_deref());
        let to = filters.time("to", self.to.as_deref());
        filters.order(from, to);
        let severities = Severity::ALL.map(Severity::as_str);
        let channels = Channel::ALL.iter().map(|channel| channel.as_str());
        let channels: Vec<&str> = channels.collect();
        for (name, given, words) in [
            ("severity", &self.severity, &severities[..]),
            ("channel", &self.channel, &channels[..]),
        ] {
            if let Some(given) = given.as_deref().filter(|given| !words.contains(given)) {
                let known = listed(given, words.iter().copied());
                filters.wrong(name, format!("expected one of {known}"));
            }
        }
        let cursor = filters.checked(
            "cursor",
            self.cursor.as_deref(),
            "expected `next_cursor` of a page",
            read_cursor,
        );
        filters.finish()?;
        let id = |id: Option<String>| id.map(|id| state.redactor.redactor().id(&id).into_owned());
        let (cursor_at, cursor_id) = cursor.unzip();
        let parameters = vec![
            time(from),
            time(to),
            json!(self.rule_id),
            json!(self.severity),
            json!(id(self.interaction_id)),
            json!(id(self.agent_id)),
            json!(self.channel),
            json!(cursor_at),
            json!(cursor_id),
        ];
        Ok((parameters, limit))
    }
}

/// A hit of a rule.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// Its id: the same hit has the same one.
    #[schema(example = "f-0af7651916cd43dd8448eb211c80319c")]
    pub finding_id: String,
    /// The rule.
    #[schema(example = "insult")]
    pub rule_id: String,
    /// Its version then.
    #[schema(example = 1)]
    pub rule_version: i64,
    /// Its name then.
    pub rule_name: String,
    /// `info`, `warning` or `critical`.
    #[schema(example = "critical")]
    pub severity: String,
    /// The interaction.
    pub interaction_id: String,
    /// The turn that decided; null when the end of the interaction did.
    pub turn_id: Option<String>,
    /// Who spoke it.
    pub speaker: Option<String>,
    /// The agent who spoke last.
    pub agent_id: Option<String>,
    /// The channel, as far as it was known.
    pub channel: Option<String>,
    /// When it was decided, by the time of events.
    #[schema(format = DateTime)]
    pub at: String,
    /// Why: `condition`, `operator`, `turn`, `start`, `end`, `value`.
    #[serde(deserialize_with = "json_text")]
    #[schema(value_type = Vec<Object>)]
    pub evidence: Option<Value>,
}

/// A page of findings.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingPage {
    /// Newest first.
    pub items: Vec<FindingView>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// List findings
///
/// Newest first. Filters hold together; `next_cursor` leads to the next page.
#[utoipa::path(
    operation_id = "findings_list",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("findings"))),
    params(FindingFilters),
    responses(
        (status = 200, description = "A page.", body = FindingPage, example = json!({
            "items": [{"finding_id": "f-0af7651916cd43dd8448eb211c80319c", "rule_id": "insult", "rule_version": 1,
                "rule_name": "Agent insults", "severity": "critical", "interaction_id": "call-20261120-000123",
                "turn_id": "4", "speaker": "agent", "agent_id": "a-17", "channel": "call",
                "at": "2026-11-20T03:15:07.120Z", "evidence": [{"condition": "a", "operator": "sensitive_words",
                "turn": 4, "start": 3, "end": 5, "value": null}]}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/findings")]
pub(in crate::api) async fn findings_list(
    state: web::Data<State>,
    query: web::Query<FindingFilters>,
) -> Result<web::Json<FindingPage>, ApiError> {
    let (parameters, limit) = query.into_inner().bind(&state)?;
    let mut items: Vec<FindingView> = fetch(&state, PAGE, parameters, limit + 1).await?;
    let length = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > length;
    items.truncate(length);
    let last = items.last().filter(|_| has_more);
    let next_cursor = last.map(|last| cursor_after(&last.at, &last.finding_id));
    Ok(web::Json(FindingPage { items, next_cursor }))
}

/// The findings of one interaction.
pub(in crate::api) async fn of_interaction(
    state: &State,
    interaction_id: Value,
) -> Result<Vec<FindingView>, ApiError> {
    fetch(state, OF_INTERACTION, vec![interaction_id], MAX_LIMIT).await
}

//! `GET /v1/alerts`: findings that someone must see now.

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cursor_after;
use super::findings::FindingFilters;
use crate::api::describe::Problems;
use crate::api::problem::ApiError;
use crate::api::rows::fetch;
use crate::api::state::State;

const PAGE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/alerts_page.sql"
));

/// A finding that someone must see now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// The id of its finding: the same alert has the same one, on every way.
    #[schema(example = "f-0af7651916cd43dd8448eb211c80319c")]
    pub alert_id: String,
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
    /// The agent who spoke last.
    pub agent_id: Option<String>,
    /// The channel, as far as it was known.
    pub channel: Option<String>,
    /// When it was decided, by the time of events.
    #[schema(format = DateTime)]
    pub at: String,
    /// When it was raised.
    #[schema(format = DateTime)]
    pub raised_at: String,
}

/// A page of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertPage {
    /// Newest first.
    pub items: Vec<AlertView>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// List alerts
///
/// Newest first, by the time when they were raised. Filters hold together.
#[utoipa::path(
    operation_id = "alerts_list",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("alerts"))),
    params(FindingFilters),
    responses(
        (status = 200, description = "A page.", body = AlertPage, example = json!({
            "items": [{"alert_id": "f-0af7651916cd43dd8448eb211c80319c", "rule_id": "insult", "rule_version": 1,
                "rule_name": "Agent insults", "severity": "critical", "interaction_id": "call-20261120-000123",
                "turn_id": "4", "agent_id": "a-17", "channel": "call", "at": "2026-11-20T03:15:07.120Z",
                "raised_at": "2026-11-20T03:15:07.420Z"}],
            "next_cursor": null
        })),
        Problems,
    ),
)]
#[get("/v1/alerts")]
pub(in crate::api) async fn alerts_list(
    state: web::Data<State>,
    query: web::Query<FindingFilters>,
) -> Result<web::Json<AlertPage>, ApiError> {
    let (parameters, limit) = query.into_inner().bind(&state)?;
    let mut items: Vec<AlertView> = fetch(&state, PAGE, parameters, limit + 1).await?;
    let length = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > length;
    items.truncate(length);
    let last = items.last().filter(|_| has_more);
    let next_cursor = last.map(|last| cursor_after(&last.raised_at, &last.alert_id));
    Ok(web::Json(AlertPage { items, next_cursor }))
}

//! Gaps in the order of rank, and one with its evidence.

use std::collections::BTreeMap;

use actix_web::http::header::{ETAG, HeaderValue};
use actix_web::{HttpResponse, get, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::board::{Board, unknown};
use super::view::{GapDetail, GapPage, GapView};
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::rows::fetch;
use crate::api::state::State;
use crate::insight::gap_type::Outcome;
use crate::store::gap::GapStatus;

const OUTCOMES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/gap_outcomes.sql"
));
const DEFINITION: &str = "knowledge_gaps@1";
const TYPES: [&str; 5] = [
    Outcome::Conflict.as_str(),
    Outcome::Outdated.as_str(),
    Outcome::Rejected.as_str(),
    Outcome::NotFound.as_str(),
    Outcome::NoContent.as_str(),
];

/// Which gaps.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GapQuery {
    /// The base that fails; all without it.
    #[param(example = "bank")]
    pub base: Option<String>,
    /// `conflict`, `outdated`, `rejected`, `not_found` or `no_content`; all without it.
    #[param(example = "no_content")]
    pub r#type: Option<String>,
    /// `open`, `accepted`, `rejected`, `published`, `linked`, `merged` or `any`; open and accepted without it.
    #[param(example = "open")]
    pub status: Option<String>,
    /// Only those of this person.
    #[param(example = "li.na")]
    pub assignee: Option<String>,
    /// Items of the page, 1 to 1000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100, example = 100)]
    pub limit: Option<String>,
    /// Where the page begins: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

#[derive(Deserialize)]
struct OutcomeRow {
    outcome: String,
    requests: i64,
    matched: i64,
    restated: i64,
    last_at: Option<String>,
}

/// What was asked, checked.
struct Asked {
    base: Option<String>,
    kind: Option<String>,
    statuses: Vec<GapStatus>,
    assignee: Option<String>,
    limit: usize,
    from: usize,
}

impl Asked {
    fn read(query: GapQuery) -> Result<Self, ApiError> {
        let mut filters = Filters::default();
        let limit = filters
            .whole("limit", query.limit.as_deref(), 1..=1_000)
            .unwrap_or(100);
        let kind = filters.checked(
            "type",
            query.r#type.as_deref(),
            "expected conflict, outdated, rejected, not_found or no_content",
            |word| TYPES.contains(&word).then(|| word.to_owned()),
        );
        let statuses = filters.checked(
            "status",
            query.status.as_deref(),
            "expected open, accepted, rejected, published, linked, merged or any",
            |word| match word {
                "any" => Some(GapStatus::ALL.to_vec()),
                word => Some(vec![GapStatus::parse(word)?]),
            },
        );
        let from = filters.checked(
            "cursor",
            query.cursor.as_deref(),
            "expected `next_cursor` of a page",
            |text| text.strip_prefix('n')?.parse().ok(),
        );
        filters.finish()?;
        Ok(Self {
            base: query.base,
            kind,
            statuses: statuses.unwrap_or_else(|| vec![GapStatus::Open, GapStatus::Accepted]),
            assignee: query.assignee,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            from: from.unwrap_or(0),
        })
    }

    fn takes(&self, gap: &GapView) -> bool {
        let same =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        same(&self.base, &gap.base)
            && same(&self.kind, &gap.kind)
            && same(&self.assignee, &gap.assignee)
            && self
                .statuses
                .iter()
                .any(|status| status.as_str() == gap.status)
    }
}

/// List the gaps
///
/// Where the bases fail, worst first: by the lower 90 % bound of the minutes of people that a gap costs a week. Beside
/// them how many requests have which outcome, and the share of which nothing is known.
#[utoipa::path(
    operation_id = "gaps_list",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge"))),
    params(GapQuery),
    responses(
        (status = 200, description = "The gaps.", body = GapPage, example = json!({
            "items": [{"id": "g-1f3a90c2", "version": 0, "base": "bank", "type": "no_content", "title": "宠物能不能托运",
                "status": "open", "returned": false, "is_current": true, "assignee": null, "reason": null, "note": null,
                "merged_into": null, "merged_from": [], "split_from": null, "article": null, "updated_at": null,
                "rank": 1, "article_id": null, "rival_article_id": null, "failed": 64, "answered": 3,
                "impact": {"minutes_per_week": {"value": 131.2, "low": 96.4},
                    "customers_per_week": {"value": 15.5, "low": 13.1}, "p_failed": {"value": 0.95, "low": 0.91},
                    "handle_minutes": 6.2, "repeat_share": {"value": 0.2, "low": 0.14},
                    "negative_share": {"value": 0.2, "low": 0.14}},
                "trend": {"ratio": 1.3, "low": 0.9, "high": 1.8}, "outcomes": {"no_content": 64}, "topic_ids": ["t-1-7"],
                "first_seen_at": "2026-10-24T03:15:07Z", "last_seen_at": "2026-11-20T03:15:07Z",
                "run_at": "2026-11-20T04:00:00Z"}],
            "next_cursor": null, "definition": "knowledge_gaps@1", "n": 5120,
            "outcomes": {"answered": 2000, "no_content": 400, "undetermined": 2100}, "undetermined_share": 0.41,
            "coverage": 1.0, "restated_share": 0.0, "watermark": "2026-11-20T03:59:00Z"
        })),
        Problems,
    ),
)]
#[get("/v1/knowledge/gaps")]
pub(in crate::api) async fn gaps_list(
    state: web::Data<State>,
    query: web::Query<GapQuery>,
) -> Result<web::Json<GapPage>, ApiError> {
    let asked = Asked::read(query.into_inner())?;
    let board = Board::read(&state, None).await?;
    let mut found: Vec<GapView> = board.ids().iter().filter_map(|id| board.view(id)).collect();
    found.retain(|gap| asked.takes(gap));
    // What the newest run does not have comes last.
    found.sort_by(|a, b| {
        let rank = |gap: &GapView| gap.figures.rank.unwrap_or(i64::MAX);
        rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id))
    });
    let end = asked.from.saturating_add(asked.limit);
    let next_cursor = (found.len() > end).then(|| format!("n{end}"));
    let items = found
        .into_iter()
        .skip(asked.from)
        .take(asked.limit)
        .collect();
    let base = asked.base.map_or(serde_json::Value::Null, Into::into);
    let rows: Vec<OutcomeRow> = fetch(&state, OUTCOMES, vec![base], 100).await?;
    let sum = |of: fn(&OutcomeRow) -> i64| rows.iter().map(of).sum::<i64>();
    let n = sum(|row| row.requests);
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    let share = |part: i64| if n == 0 { 0.0 } else { part as f64 / n as f64 };
    let outcomes: BTreeMap<String, i64> = rows
        .iter()
        .map(|row| (row.outcome.clone(), row.requests))
        .collect();
    let unknown = outcomes
        .get(Outcome::Undetermined.as_str())
        .copied()
        .unwrap_or(0);
    Ok(web::Json(GapPage {
        items,
        next_cursor,
        definition: DEFINITION,
        n,
        undetermined_share: share(unknown),
        coverage: share(sum(|row| row.matched)),
        restated_share: share(sum(|row| row.restated)),
        watermark: rows.iter().filter_map(|row| row.last_at.clone()).max(),
        outcomes,
    }))
}

/// Show a gap
///
/// With the requests that show it best, what people answered, and every decision about it.
#[utoipa::path(
    operation_id = "gap_get",
    tag = "knowledge",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("knowledge"))),
    params(("id" = String, Path, description = "The gap's id.", example = "g-1f3a90c2")),
    responses(
        (status = 200, description = "The gap, its version in `ETag`.", body = GapDetail, example = json!({
            "id": "g-1f3a90c2", "version": 1, "base": "bank", "type": "no_content", "title": "宠物能不能托运",
            "status": "accepted", "returned": false, "is_current": true, "assignee": "li.na", "reason": null,
            "note": null, "merged_into": null, "merged_from": [], "split_from": null, "article": null,
            "updated_at": "2026-11-20T03:15:07Z", "rank": 1, "article_id": null, "rival_article_id": null,
            "failed": 64, "answered": 3, "impact": null, "trend": null, "outcomes": {"no_content": 64},
            "topic_ids": ["t-1-7"], "first_seen_at": null, "last_seen_at": null, "run_at": null,
            "evidence": [], "drafts": [{"text": "小型宠物可以托运", "interaction_id": "call-7", "turn_id": "t9",
                "agent_id": "a-3", "said_in": 5, "score": 4.2}],
            "history": [{"version": 1, "action": "accept", "actor": "9f86d081884c7d65", "at": "2026-11-20T03:15:07Z",
                "status_before": "open", "status_after": "accepted", "is_undone": false}]
        })),
        Problems,
    ),
)]
#[get("/v1/knowledge/gaps/{id}")]
pub(in crate::api) async fn gap_get(
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    shown(&state, &id).await
}

/// One gap as the answer to reading or changing it.
pub(super) async fn shown(state: &State, id: &str) -> Result<HttpResponse, ApiError> {
    let board = Board::read(state, Some(id)).await?;
    let gap = board.view(id).ok_or_else(unknown)?;
    let history = state.store.gap_changes(id).await?;
    let row = board.rows.get(id);
    let list = |text: Option<&String>| text.cloned().unwrap_or_else(|| "[]".to_owned());
    let unreadable = |_| ApiError::internal("a row of gaps has another shape");
    let evidence = list(row.and_then(|row| row.evidence.as_ref()));
    let drafts = list(row.and_then(|row| row.drafts.as_ref()));
    let version = gap.version;
    let detail = GapDetail {
        gap,
        evidence: serde_json::from_str(&evidence).map_err(unreadable)?,
        drafts: serde_json::from_str(&drafts).map_err(unreadable)?,
        history: history.into_iter().map(Into::into).collect(),
    };
    let mut response = HttpResponse::Ok();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.insert_header((ETAG, tag));
    }
    Ok(response.json(detail))
}

//! `GET /v1/topics/{id}`: one topic with its requests by day and what became of it.

use actix_web::http::header::{ETAG, HeaderValue};
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::describe::Problems;
use super::super::filters::Filters;
use super::super::problem::ApiError;
use super::super::rows::{fetch, statement};
use super::super::state::State;
use super::Basis;
use super::list::{TopicItem, all_trends, item, shown, trend_view};
use super::rows::{Counts, Known};
use crate::domain::Micros;
use crate::error::ErrorCode;
use crate::store::topic::TopicMerge;

const CHANGES: &str = statement!("api/topic_changes");
const MAX_CHANGES: u64 = 1_000;
const LATEST_DAYS: u32 = 7;

/// How history is read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TopicHistory {
    /// `restated` or `as_reported`.
    #[param(default = "restated", example = "restated")]
    pub basis: Option<String>,
}

/// A topic with its history.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicDetail {
    /// What the list says of it.
    #[serde(flatten)]
    pub topic: TopicItem,
    /// Redacted requests at its middle.
    #[schema(example = json!(["我要取消宽带"]))]
    pub exemplars: Vec<String>,
    /// Requests that its run gave to it.
    #[schema(example = 120)]
    pub size: i64,
    /// Which topics history is read by.
    pub basis: Basis,
    /// Its requests by UTC day; days without any are left out.
    pub days: Vec<TopicDay>,
    /// What became of it, oldest first, at most 1,000.
    pub lineage: Vec<LineageView>,
    /// Merges of people into it or of it that hold.
    pub merges: Vec<MergeView>,
}

/// A day of a topic.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicDay {
    /// UTC day.
    #[schema(example = "2026-11-20")]
    pub day: String,
    /// Requests.
    #[schema(example = 14)]
    pub requests: u64,
}

/// A change of a topic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LineageView {
    /// The run with which it happened, or that held when a person did it.
    #[schema(example = 2)]
    pub run: i32,
    /// `continued`, `split`, `merged`, `new`, `retired` or `unmerged`.
    #[schema(example = "continued")]
    pub change: String,
    /// The topic before; null for a new one.
    #[schema(example = "t-1-4")]
    pub from_topic_id: Option<String>,
    /// The topic after; null for a retired one.
    #[schema(example = "t-1-4")]
    pub to_topic_id: Option<String>,
    /// Requests that both have, among those that both runs saw.
    #[schema(example = 110)]
    pub shared: Option<i64>,
    /// These over the requests of either.
    #[schema(example = 0.91)]
    pub jaccard: Option<f64>,
    /// `run` or `person`.
    #[schema(example = "run")]
    pub by: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    pub at: Option<String>,
}

/// A merge by a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergeView {
    /// Its id, by which it can be taken back.
    #[schema(example = "m-0193a5c0-6d4e-7c3f-9b1a-2f6c1d0e8a77")]
    pub id: String,
    /// The part.
    #[schema(example = "t-1-9")]
    pub from: String,
    /// The whole.
    #[schema(example = "t-1-4")]
    pub into: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// When it was taken back; null while it holds.
    #[schema(format = DateTime)]
    pub undone_at: Option<String>,
}

impl From<TopicMerge> for MergeView {
    fn from(merge: TopicMerge) -> Self {
        Self {
            id: merge.id,
            from: merge.from,
            into: merge.into,
            at: Micros(merge.at_us).to_string(),
            undone_at: merge.undone_at_us.map(|at| Micros(at).to_string()),
        }
    }
}

/// No run ever had it.
pub(super) fn unknown() -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        "there is no such topic; `GET /v1/topics` lists them",
    )
}

/// What is known of a topic.
pub(super) async fn detail(state: &State, id: &str, basis: Basis) -> Result<TopicDetail, ApiError> {
    let known = Known::read(state).await?;
    let row = known.row(id).ok_or_else(unknown)?;
    let counts = Counts::read(state, &known, None, None, basis).await?;
    let mut rows = shown(&known, &counts);
    if !rows.iter().any(|other| other.topic_id == id) {
        rows.push(row);
    }
    let trends = all_trends(&counts, &rows, LATEST_DAYS);
    let place = rows.iter().position(|other| other.topic_id == id);
    let Some((daily, trend)) = place.and_then(|place| trends.get(place)) else {
        return Err(ApiError::internal("a topic without a trend"));
    };
    let requests = counts.of(Some(id));
    let topic = item(
        &known,
        row,
        requests,
        counts.all(),
        trend_view(daily, trend),
    );
    let days = counts.days.get(&Some(id.to_owned()));
    let changes = vec![Value::String(id.to_owned())];
    let merges = known
        .merges
        .iter()
        .filter(|merge| merge.undone_at_us.is_none() && (merge.from == id || merge.into == id));
    Ok(TopicDetail {
        topic,
        exemplars: row.exemplars.clone().unwrap_or_default(),
        size: row.size.unwrap_or_default(),
        basis,
        days: days
            .into_iter()
            .flatten()
            .map(|(day, requests)| TopicDay {
                day: day.to_string(),
                requests: *requests,
            })
            .collect(),
        lineage: fetch(state, CHANGES, changes, MAX_CHANGES).await?,
        merges: merges.cloned().map(MergeView::from).collect(),
    })
}

/// An answer with the version in `ETag`.
pub(super) fn tagged(detail: TopicDetail) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", detail.topic.version)) {
        response.insert_header((ETAG, tag));
    }
    response.json(detail)
}

/// Show a topic
///
/// With its keywords, the requests at its middle, its requests by day, and what became of it from run to run.
#[utoipa::path(
    operation_id = "topic_get",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics"))),
    params(("id" = String, Path, description = "The topic's id.", example = "t-1-4"), TopicHistory),
    responses(
        (status = 200, description = "The topic, the version of its decisions in `ETag`.", body = TopicDetail,
            example = json!({
            "id": "t-1-4", "name": "取消 · 宽带", "label": "取消 · 宽带", "keywords": ["取消", "宽带"],
            "status": "active", "pinned": false, "merged_into": null, "version": 0, "first_run": 1, "run": 3,
            "requests": 412, "share": 0.027,
            "trend": {"latest": 96, "before": 210, "ratio": 1.83, "low": 1.44, "high": 2.32, "q": 0.0004,
                "rising": true},
            "exemplars": ["我要取消宽带"], "size": 400, "basis": "restated",
            "days": [{"day": "2026-11-20", "requests": 14}],
            "lineage": [{"run": 2, "change": "continued", "from_topic_id": "t-1-4", "to_topic_id": "t-1-4",
                "shared": 110, "jaccard": 0.91, "by": "run", "at": "2026-11-20T03:15:07Z"}],
            "merges": []
        })),
        Problems,
    ),
)]
#[get("/v1/topics/{id}")]
pub(in super::super) async fn topic_get(
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<TopicHistory>,
) -> Result<HttpResponse, ApiError> {
    let mut filters = Filters::default();
    let basis = Basis::read(&mut filters, query.basis.as_deref());
    filters.finish()?;
    Ok(tagged(detail(&state, &id, basis).await?))
}

//! `GET /v1/topics`: how much each topic is asked for, and which rise.

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::describe::Problems;
use super::super::filters::Filters;
use super::super::problem::ApiError;
use super::super::state::State;
use super::rows::{CANDIDATE, Counts, Known, TopicRow};
use super::{Basis, probability, rounded};
use crate::insight::topics::rising::{Daily, Trend, drift, trends};

const DEFINITION: &str = "topics@1";
/// Expected share of false ones among the rising topics.
const FALSE_DISCOVERY_RATE: f64 = 0.05;
const LATEST_DAYS: u64 = 7;

/// Which requests.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TopicFilters {
    /// Requests at or after this time.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Requests before this time.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub to: Option<String>,
    /// `restated`: by the newest run; `as_reported`: by the run that judged a request first.
    #[param(default = "restated", example = "restated")]
    pub basis: Option<String>,
    /// A topic rises when the last so many days have more of it than up to 28 days before them, 1 to 28.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 28, default = 7, example = 7)]
    pub latest_days: Option<String>,
}

/// The topics.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicList {
    /// Most asked for first.
    pub items: Vec<TopicItem>,
    /// Always null: the answer is whole.
    pub next_cursor: Option<String>,
    /// How the figures are made.
    #[schema(example = "topics@1")]
    pub definition: &'static str,
    /// Which topics history is read by.
    pub basis: Basis,
    /// The newest run; null before the first.
    #[schema(example = 3)]
    pub run: Option<i32>,
    /// Requests that were judged.
    #[schema(example = 15_240)]
    pub n: u64,
    /// Those that belong to no topic.
    pub unclassified: Unclassified,
    /// Clusters of at least 10 unclassified requests: what may be new, until the next run.
    pub candidates: Vec<CandidateView>,
    /// How far the mix of topics has moved; null without days before.
    pub drift: Option<DriftView>,
    /// Days that count as the latest.
    #[schema(example = 7)]
    pub latest_days: u32,
    /// Events before this time are expected to have come; null before the first event.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// What may be a new topic.
#[derive(Debug, Serialize, ToSchema)]
pub struct CandidateView {
    /// Its first keywords.
    #[schema(example = "充电桩 · 车位")]
    pub name: String,
    /// Terms that set it apart, most telling first.
    #[schema(example = json!(["充电桩", "车位"]))]
    pub keywords: Vec<String>,
    /// Redacted requests at its middle.
    #[schema(example = json!(["小区车位能装充电桩吗"]))]
    pub exemplars: Vec<String>,
    /// Unclassified requests in it.
    #[schema(example = 34)]
    pub requests: i64,
}

/// Requests without a topic.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unclassified {
    /// How many.
    #[schema(example = 120)]
    pub requests: u64,
    /// Of all, 0 to 1; null without requests.
    #[schema(example = 0.0079)]
    pub share: Option<f64>,
    /// What they do.
    pub trend: TrendView,
}

/// How far the mix of the latest days is from that of the days before.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftView {
    /// Jensen-Shannon divergence, bits, 0 to 1.
    #[schema(example = 0.0021)]
    pub divergence: f64,
    /// What it would be on average if nothing had changed.
    #[schema(example = 0.0011)]
    pub by_chance: f64,
}

/// A topic.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopicItem {
    /// Its stable id.
    #[schema(example = "t-1-4")]
    pub id: String,
    /// What people call it, else its label.
    #[schema(example = "取消 · 宽带")]
    pub name: String,
    /// What its run calls it.
    #[schema(example = "取消 · 宽带")]
    pub label: String,
    /// Terms that set it apart, most telling first.
    #[schema(example = json!(["取消", "宽带"]))]
    pub keywords: Vec<String>,
    /// `active`, `merged` or `retired`.
    #[schema(example = "active")]
    pub status: &'static str,
    /// Whether it keeps its id whatever a run finds.
    pub pinned: bool,
    /// The topic that it is a part of.
    pub merged_into: Option<String>,
    /// Of what people decided about it; 0 when nothing. What `If-Match` names.
    #[schema(example = 2)]
    pub version: i64,
    /// The first run that had it.
    #[schema(example = 1)]
    pub first_run: i32,
    /// The newest run that has it.
    #[schema(example = 3)]
    pub run: i32,
    /// Requests.
    #[schema(example = 412)]
    pub requests: u64,
    /// Of all, 0 to 1; null without requests.
    #[schema(example = 0.027)]
    pub share: Option<f64>,
    /// What it does.
    pub trend: TrendView,
}

/// The latest days against those before.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrendView {
    /// Requests of the latest days.
    #[schema(example = 96)]
    pub latest: u64,
    /// Requests of the days before.
    #[schema(example = 210)]
    pub before: u64,
    /// Share of the latest requests over the share before; null without days before.
    #[schema(example = 1.83)]
    pub ratio: Option<f64>,
    /// Lower end of its interval at 95 %.
    #[schema(example = 1.44)]
    pub low: Option<f64>,
    /// Upper end of its interval at 95 %.
    #[schema(example = 2.32)]
    pub high: Option<f64>,
    /// Probability of so many or more by chance, adjusted for all topics (Benjamini and Hochberg).
    #[schema(example = 0.0004)]
    pub q: Option<f64>,
    /// Whether it rises: `q` is at most 0.05.
    #[schema(example = true)]
    pub rising: bool,
}

/// A trend as it is shown.
pub(super) fn trend_view(daily: &Daily, trend: &Trend) -> TrendView {
    let (latest, before): (u64, u64) = (daily.latest.iter().sum(), daily.before.iter().sum());
    let known = !daily.before.is_empty();
    let finite = |value: f64| (known && value.is_finite()).then(|| rounded(value));
    TrendView {
        latest,
        before,
        ratio: finite(trend.ratio.value),
        low: finite(trend.ratio.low),
        high: finite(trend.ratio.high),
        q: known.then(|| probability(trend.q)),
        rising: known && trend.rising,
    }
}

/// A share of a count.
pub(super) fn share(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| rounded(part as f64 / all as f64))
}

/// What is said of one topic.
pub(super) fn item(
    known: &Known,
    row: &TopicRow,
    requests: u64,
    all: u64,
    trend: TrendView,
) -> TopicItem {
    let id = row.topic_id.as_str();
    let whole = known.whole(id);
    TopicItem {
        id: id.to_owned(),
        name: known.name(row),
        label: row.label.clone().unwrap_or_default(),
        keywords: row.keywords.clone().unwrap_or_default(),
        status: known.status(row),
        pinned: known.is_pinned(id),
        merged_into: (whole != id).then(|| whole.to_owned()),
        version: known.version(id),
        first_run: row.first_run,
        run: row.run,
        requests,
        share: share(requests, all),
        trend,
    }
}

/// The trend of each topic that is looked at together: those of `rows`, and the unclassified requests at the end.
pub(super) fn all_trends(counts: &Counts, rows: &[&TopicRow], latest: u32) -> Vec<(Daily, Trend)> {
    let ids = rows.iter().map(|row| Some(row.topic_id.as_str()));
    let daily: Vec<Daily> = ids
        .chain([None])
        .map(|id| counts.daily(id, latest))
        .collect();
    let found = trends(&daily, FALSE_DISCOVERY_RATE);
    daily.into_iter().zip(found).collect()
}

/// The topics that an answer has: those of the newest run, and others with requests.
pub(super) fn shown<'k>(known: &'k Known, counts: &Counts) -> Vec<&'k TopicRow> {
    let rows = known.rows.iter();
    rows.filter(|row| known.status(row) == "active" || counts.of(Some(&row.topic_id)) > 0)
        .collect()
}

fn candidates(known: &Known) -> Vec<CandidateView> {
    let rows = known.rows.iter();
    rows.filter(|row| known.status(row) == CANDIDATE)
        .map(|row| CandidateView {
            name: row.label.clone().unwrap_or_default(),
            keywords: row.keywords.clone().unwrap_or_default(),
            exemplars: row.exemplars.clone().unwrap_or_default(),
            requests: row.size.unwrap_or_default(),
        })
        .collect()
}

/// List the topics
///
/// How often each is asked for, and what the latest days do: rising topics are told with false-discovery control over
/// all of them. Unclassified requests are always shown.
#[utoipa::path(
    operation_id = "topics_list",
    tag = "topics",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("topics"))),
    params(TopicFilters),
    responses(
        (status = 200, description = "The topics.", body = TopicList, example = json!({
            "items": [{"id": "t-1-4", "name": "取消 · 宽带", "label": "取消 · 宽带", "keywords": ["取消", "宽带"],
                "status": "active", "pinned": false, "merged_into": null, "version": 0, "first_run": 1, "run": 3,
                "requests": 412, "share": 0.027,
                "trend": {"latest": 96, "before": 210, "ratio": 1.83, "low": 1.44, "high": 2.32, "q": 0.0004,
                    "rising": true}}],
            "next_cursor": null, "definition": "topics@1", "basis": "restated", "run": 3, "n": 15240,
            "unclassified": {"requests": 120, "share": 0.0079,
                "trend": {"latest": 30, "before": 90, "ratio": 1.33, "low": 0.88, "high": 2.01, "q": 0.4,
                    "rising": false}},
            "candidates": [],
            "drift": {"divergence": 0.0021, "by_chance": 0.0011}, "latest_days": 7,
            "watermark": "2026-11-20T03:15:07Z"
        })),
        Problems,
    ),
)]
#[get("/v1/topics")]
pub(in super::super) async fn topics_list(
    state: web::Data<State>,
    query: web::Query<TopicFilters>,
) -> Result<web::Json<TopicList>, ApiError> {
    let mut filters = Filters::default();
    let from = filters.time("from", query.from.as_deref());
    let to = filters.time("to", query.to.as_deref());
    filters.order(from, to);
    let basis = Basis::read(&mut filters, query.basis.as_deref());
    let latest = filters.whole("latest_days", query.latest_days.as_deref(), 1..=28);
    filters.finish()?;
    let latest = u32::try_from(latest.unwrap_or(LATEST_DAYS)).unwrap_or(7);
    let known = Known::read(&state).await?;
    let counts = Counts::read(&state, &known, from, to, basis).await?;
    let rows = shown(&known, &counts);
    let mut found = all_trends(&counts, &rows, latest);
    let all = counts.all();
    let daily: Vec<Daily> = found.iter().map(|(daily, _)| daily.clone()).collect();
    let moved = drift(&daily);
    let has_before = daily.iter().any(|daily| !daily.before.is_empty());
    let rest = found.pop().map(|(daily, trend)| trend_view(&daily, &trend));
    let mut items: Vec<TopicItem> = rows
        .iter()
        .zip(&found)
        .map(|(row, (daily, trend))| {
            let requests = counts.of(Some(&row.topic_id));
            item(&known, row, requests, all, trend_view(daily, trend))
        })
        .collect();
    items.sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.id.cmp(&b.id)));
    let unclassified = counts.of(None);
    let Some(trend) = rest else {
        return Err(ApiError::internal("no trend of unclassified requests"));
    };
    Ok(web::Json(TopicList {
        items,
        next_cursor: None,
        definition: DEFINITION,
        basis,
        run: (known.run() > 0).then(|| known.run()),
        n: all,
        unclassified: Unclassified {
            requests: unclassified,
            share: share(unclassified, all),
            trend,
        },
        candidates: candidates(&known),
        drift: has_before.then(|| DriftView {
            divergence: probability(moved.divergence),
            by_chance: probability(moved.by_chance),
        }),
        latest_days: latest,
        watermark: state.watermark().map(|at| at.to_string()),
    }))
}

//! Gaps of the newest run with what people decided about them.
//!
//! Invariants: a gap that was merged shows as such and leads to the one that it is part of; a rejected gap comes back
//! when clearly more customers ask than did when it was rejected; what people split off is there at once, with figures
//! from the next run on; a decision outlives the figures of its gap.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::view::{GapFigures, GapView, ImpactView, ShareView, TrendView};
use crate::api::problem::ApiError;
use crate::api::rows::fetch;
use crate::api::state::State;
use crate::domain::Micros;
use crate::error::ErrorCode;
use crate::store::gap::{GapReview, GapStatus, Reviewed};

const GAPS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/queries/api/gaps.sql"));
const MAX_GAPS: u64 = 100_000;

/// A gap as the lake has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Row {
    pub(super) gap_id: String,
    run_at: Option<String>,
    rank: Option<i64>,
    pub(super) base: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    pub(super) article_id: Option<String>,
    rival_article_id: Option<String>,
    failed: Option<i64>,
    answered: Option<i64>,
    minutes_per_week: Option<f64>,
    minutes_per_week_low: Option<f64>,
    pub(super) customers_per_week: Option<f64>,
    customers_per_week_low: Option<f64>,
    p_failed: Option<f64>,
    p_failed_low: Option<f64>,
    handle_minutes: Option<f64>,
    repeat_share: Option<f64>,
    repeat_share_low: Option<f64>,
    negative_share: Option<f64>,
    negative_share_low: Option<f64>,
    trend: Option<f64>,
    trend_low: Option<f64>,
    trend_high: Option<f64>,
    first_seen_at: Option<String>,
    last_seen_at: Option<String>,
    outcomes: Option<String>,
    #[serde(default)]
    topic_ids: Option<Vec<String>>,
    pub(super) evidence: Option<String>,
    pub(super) drafts: Option<String>,
}

/// All gaps with all decisions.
pub(super) struct Board {
    pub(super) rows: BTreeMap<String, Row>,
    reviews: BTreeMap<String, Reviewed>,
}

impl Board {
    /// Reads the gaps of the newest run, or the one with an id with its evidence, and every decision.
    pub(super) async fn read(state: &State, gap_id: Option<&str>) -> Result<Self, ApiError> {
        let asked = gap_id.map_or(serde_json::Value::Null, |id| id.into());
        let rows: Vec<Row> = fetch(state, GAPS, vec![asked], MAX_GAPS).await?;
        let reviews = state.store.gap_reviews().await?;
        Ok(Self {
            rows: rows
                .into_iter()
                .map(|row| (row.gap_id.clone(), row))
                .collect(),
            reviews: reviews
                .into_iter()
                .map(|one| (one.gap_id.clone(), one))
                .collect(),
        })
    }

    /// The decision about a gap and its version.
    pub(super) fn review(&self, gap_id: &str) -> (GapReview, i64) {
        let found = self.reviews.get(gap_id);
        found.map_or_else(Default::default, |one| (one.review.clone(), one.version))
    }

    /// Which gap is part of which.
    pub(super) fn merged(&self) -> BTreeMap<String, String> {
        let merged = self.reviews.values();
        merged
            .filter_map(|one| Some((one.gap_id.clone(), one.review.merged_into.clone()?)))
            .collect()
    }

    /// Every id that is known: of figures, of decisions, and split off.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        let split = self.reviews.values().flat_map(|one| &one.review.splits);
        let split = split.map(|split| split.into.clone());
        self.rows
            .keys()
            .chain(self.reviews.keys())
            .cloned()
            .chain(split)
            .collect()
    }

    /// A gap as it is shown; `None` when nothing is known of it.
    pub(super) fn view(&self, gap_id: &str) -> Option<GapView> {
        let row = self.rows.get(gap_id);
        let split = self.reviews.values().find_map(|one| {
            let split = one
                .review
                .splits
                .iter()
                .find(|split| split.into == gap_id)?;
            Some((one.gap_id.as_str(), split))
        });
        if row.is_none() && split.is_none() && !self.reviews.contains_key(gap_id) {
            return None;
        }
        let (review, version) = self.review(gap_id);
        let updated_at = self
            .reviews
            .get(gap_id)
            .map(|one| Micros(one.updated_at_us).to_string());
        let from = split.and_then(|(from, _)| self.rows.get(from));
        let base = row.or(from).and_then(|row| row.base.clone());
        let title = review
            .title
            .clone()
            .or_else(|| row.and_then(|row| row.title.clone()))
            .or_else(|| split.map(|(_, split)| split.title.clone()));
        let returned = row.is_some_and(|row| has_grown(row, &review));
        let status = if returned {
            GapStatus::Open
        } else {
            review.status
        };
        let merged = self.reviews.values();
        let merged = merged.filter(|one| one.review.merged_into.as_deref() == Some(gap_id));
        Some(GapView {
            id: gap_id.to_owned(),
            version,
            base: base.or_else(|| review.article.as_ref().map(|article| article.base.clone())),
            kind: row.or(from).and_then(|row| row.kind.clone()),
            title: title.unwrap_or_default(),
            status: status.as_str().to_owned(),
            returned,
            is_current: row.is_some(),
            assignee: review.assignee,
            reason: review.reason.map(|reason| reason.as_str().to_owned()),
            note: review.note,
            merged_into: review.merged_into,
            merged_from: merged.map(|one| one.gap_id.clone()).collect(),
            split_from: split.map(|(from, _)| from.to_owned()),
            article: review.article.map(Into::into),
            updated_at,
            figures: row.map(figures).unwrap_or_default(),
        })
    }
}

/// Clearly more customers than when it was rejected: the lower bound of now is above the estimate of then.
fn has_grown(row: &Row, review: &GapReview) -> bool {
    let grown = row
        .customers_per_week_low
        .zip(review.rejected_at)
        .is_some_and(|(now, then)| now > then);
    review.status == GapStatus::Rejected && grown
}

fn figures(row: &Row) -> GapFigures {
    let share = |value: Option<f64>, low: Option<f64>| ShareView {
        value: value.unwrap_or_default(),
        low: low.unwrap_or_default(),
    };
    let outcomes = row
        .outcomes
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    GapFigures {
        rank: row.rank,
        article_id: row.article_id.clone(),
        rival_article_id: row.rival_article_id.clone(),
        failed: row.failed.unwrap_or_default(),
        answered: row.answered.unwrap_or_default(),
        impact: Some(ImpactView {
            minutes_per_week: share(row.minutes_per_week, row.minutes_per_week_low),
            customers_per_week: share(row.customers_per_week, row.customers_per_week_low),
            p_failed: share(row.p_failed, row.p_failed_low),
            handle_minutes: row.handle_minutes.unwrap_or_default(),
            repeat_share: share(row.repeat_share, row.repeat_share_low),
            negative_share: share(row.negative_share, row.negative_share_low),
        }),
        trend: Some(TrendView {
            ratio: row.trend.unwrap_or_default(),
            low: row.trend_low.unwrap_or_default(),
            high: row.trend_high.unwrap_or_default(),
        }),
        outcomes: outcomes.unwrap_or_default(),
        topic_ids: row.topic_ids.clone().unwrap_or_default(),
        first_seen_at: row.first_seen_at.clone(),
        last_seen_at: row.last_seen_at.clone(),
        run_at: row.run_at.clone(),
    }
}

/// There is no such gap.
pub(super) fn unknown() -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        "there is no such gap; `GET /v1/knowledge/gaps?status=any` lists them",
    )
}

/// The decision is another version than the caller believes.
pub(super) fn moved(present: i64) -> ApiError {
    let detail = format!(
        "the decision about this gap is version {present}; read it, then send `If-Match: \"{present}\"`"
    );
    ApiError::new(ErrorCode::PreconditionFailed, detail)
}

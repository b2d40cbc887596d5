//! Gaps in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::Micros;
use crate::store::gap::{GapArticle, GapChange};

/// A gap of a knowledge base.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GapView {
    /// Its stable id.
    #[schema(example = "g-1f3a90c2")]
    pub id: String,
    /// Counts decisions about it; also the `ETag`. 0 = nobody has decided anything.
    #[schema(example = 0)]
    pub version: i64,
    /// The base that fails.
    #[schema(example = "bank")]
    pub base: Option<String>,
    /// `conflict`, `outdated`, `rejected`, `not_found` or `no_content`; null until the next run knows.
    #[serde(rename = "type")]
    #[schema(example = "no_content")]
    pub kind: Option<String>,
    /// What people call it, else the question at its middle.
    #[schema(example = "宠物能不能托运")]
    pub title: String,
    /// `open`, `accepted`, `rejected`, `published`, `linked` or `merged`.
    #[schema(example = "open")]
    pub status: String,
    /// True when it was rejected and has come back, because clearly more customers ask than then.
    #[schema(example = false)]
    pub returned: bool,
    /// Whether the newest run has it; without it there are no figures.
    #[schema(example = true)]
    pub is_current: bool,
    /// Who works on it.
    #[schema(example = "li.na")]
    pub assignee: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// More about the decision.
    pub note: Option<String>,
    /// The gap that it is part of.
    pub merged_into: Option<String>,
    /// Gaps that are part of it.
    pub merged_from: Vec<String>,
    /// The gap that it was taken out of.
    pub split_from: Option<String>,
    /// The article that was written or extended for it.
    pub article: Option<GapArticleView>,
    /// When somebody last decided something.
    #[schema(format = DateTime)]
    pub updated_at: Option<String>,
    /// What the newest run says.
    #[serde(flatten)]
    pub figures: GapFigures,
}

/// What the newest run says of a gap.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct GapFigures {
    /// Place by the lower bound of its impact, from 1, among all gaps of the run.
    #[schema(example = 1)]
    pub rank: Option<i64>,
    /// The article that fails, or that is not found.
    pub article_id: Option<String>,
    /// The article that it disagrees with.
    pub rival_article_id: Option<String>,
    /// Requests of the last 28 days that failed.
    #[schema(example = 64)]
    pub failed: i64,
    /// Requests about the same that were answered.
    #[schema(example = 3)]
    pub answered: i64,
    /// What it costs a week, in parts.
    pub impact: Option<ImpactView>,
    /// The last 7 days against the days before.
    pub trend: Option<TrendView>,
    /// Failed requests by outcome.
    pub outcomes: BTreeMap<String, i64>,
    /// Topics of its requests, most frequent first.
    pub topic_ids: Vec<String>,
    /// First failed request of the last 28 days.
    #[schema(format = DateTime)]
    pub first_seen_at: Option<String>,
    /// Last failed request.
    #[schema(format = DateTime)]
    pub last_seen_at: Option<String>,
    /// When the run ended.
    #[schema(format = DateTime)]
    pub run_at: Option<String>,
}

/// Minutes of people a week = customers × `p_failed` × `handle_minutes` × (1 + repeat share) × (1 + negative share).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImpactView {
    /// The product, and that of the lower bounds, by which gaps are ranked.
    pub minutes_per_week: ShareView,
    /// Distinct customers a week (Poisson bound).
    pub customers_per_week: ShareView,
    /// Failed of those whose outcome is known (Wilson bound).
    pub p_failed: ShareView,
    /// Mean minutes of people.
    #[schema(example = 6.2)]
    pub handle_minutes: f64,
    /// Came again within 7 days (Wilson bound).
    pub repeat_share: ShareView,
    /// Negative or dissatisfied (Wilson bound).
    pub negative_share: ShareView,
}

/// An estimate with its lower 90 % bound.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShareView {
    /// The estimate.
    #[schema(example = 0.95)]
    pub value: f64,
    /// Its lower 90 % bound.
    #[schema(example = 0.91)]
    pub low: f64,
}

/// A ratio of rates with its interval at 95 %.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrendView {
    /// Share of all requests in the last 7 days over that of the days before.
    #[schema(example = 1.3)]
    pub ratio: f64,
    /// Lower end.
    #[schema(example = 0.9)]
    pub low: f64,
    /// Upper end.
    #[schema(example = 1.8)]
    pub high: f64,
}

/// The article that a gap led to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GapArticleView {
    /// Its base.
    #[schema(example = "bank")]
    pub base: String,
    /// Its id.
    #[schema(example = "a-211")]
    pub id: String,
    /// The version that was written for the gap.
    #[schema(example = 1)]
    pub version: i64,
}

impl From<GapArticle> for GapArticleView {
    fn from(article: GapArticle) -> Self {
        Self {
            base: article.base,
            id: article.id,
            version: article.version,
        }
    }
}

/// A page of gaps.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapPage {
    /// Those with the greatest lower bound of impact first.
    pub items: Vec<GapView>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
    /// What the figures are.
    #[schema(example = "knowledge_gaps@1")]
    pub definition: &'static str,
    /// Requests of the last 28 days that the figures are of.
    #[schema(example = 5120)]
    pub n: i64,
    /// Requests by outcome.
    pub outcomes: BTreeMap<String, i64>,
    /// Share without any evidence of use: shown, never ranked.
    #[schema(example = 0.41)]
    pub undetermined_share: f64,
    /// Share that was searched for in the bases.
    #[schema(example = 1.0)]
    pub coverage: f64,
    /// Share that was matched when its base had changed since: by the validity of articles.
    #[schema(example = 0.0)]
    pub restated_share: f64,
    /// The newest request that was judged.
    #[schema(format = DateTime)]
    pub watermark: Option<String>,
}

/// A gap with what shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapDetail {
    /// The gap.
    #[serde(flatten)]
    pub gap: GapView,
    /// Requests at its middle, at most 20.
    pub evidence: Vec<EvidenceView>,
    /// What people answered, word for word: material for an article.
    pub drafts: Vec<DraftView>,
    /// Decisions about it, newest first.
    pub history: Vec<GapChangeView>,
}

/// A request that failed, and why that is said.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// The request.
    #[schema(example = "r-0f")]
    pub request_id: String,
    /// Where it was made: `GET /v1/interactions/{id}` shows all of it.
    #[schema(example = "chat-1")]
    pub interaction_id: String,
    /// Its first turn.
    #[schema(example = "t2")]
    pub turn_id: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// On which channel.
    #[schema(example = "chat")]
    pub channel: Option<String>,
    /// What the customer said, redacted.
    #[schema(example = "宠物能不能托运")]
    pub text: String,
    /// What became of it.
    #[schema(example = "no_content")]
    pub outcome: String,
    /// Articles that were shown.
    pub shown: Vec<String>,
    /// The best article of a full search.
    pub best_article_id: Option<String>,
    /// How likely that one answers.
    #[schema(example = 0.12)]
    pub p_answered: f64,
    /// What the outcome follows from.
    pub evidence: EvidenceFacts,
}

/// What an outcome follows from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EvidenceFacts {
    /// Search, bot or system broke down.
    pub has_failed: bool,
    /// The base was searched.
    pub was_searched: bool,
    /// An article about the request was shown.
    pub was_shown: bool,
    /// An article was accepted.
    pub was_accepted: bool,
    /// An article was rejected.
    pub was_rejected: bool,
    /// A bot was asked.
    pub asked_bot: bool,
    /// A person handled it.
    pub reached_person: bool,
    /// It was handed on.
    pub was_transferred: bool,
    /// The customer came again with it within 7 days; null while they are not over.
    pub came_again: Option<bool>,
    /// The customer was negative or dissatisfied.
    pub is_negative: bool,
    /// Two articles disagree or say the same twice.
    pub is_in_conflict: bool,
    /// The article's time was over.
    pub was_invalid: bool,
    /// People accept the article half as often as before, or less.
    pub acceptance_fell: bool,
    /// Answers of agents in the last 14 days that contradict the article.
    pub contradictions: u32,
    /// The best article of a full search was shown.
    pub best_was_shown: bool,
}

/// Words of an agent that may answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DraftView {
    /// What was said, redacted.
    #[schema(example = "小型宠物可以托运，需要提前2天预约")]
    pub text: String,
    /// Where.
    #[schema(example = "call-7")]
    pub interaction_id: String,
    /// Which turn.
    #[schema(example = "t9")]
    pub turn_id: String,
    /// Who said it.
    #[schema(example = "a-3")]
    pub agent_id: Option<String>,
    /// Interactions of the gap in which an agent said about the same.
    #[schema(example = 5)]
    pub said_in: u32,
    /// How far it stands out; comparable within a gap.
    #[schema(example = 4.2)]
    pub score: f64,
}

/// One decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapChangeView {
    /// The version that it made.
    #[schema(example = 2)]
    pub version: i64,
    /// `assign`, `rename`, `accept`, `reject`, `merge`, `split`, `link`, `publish` or `undo`.
    #[schema(example = "reject")]
    pub action: String,
    /// The key that did it.
    #[schema(example = "9f86d081884c7d65")]
    pub actor: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// The status before.
    #[schema(example = "open")]
    pub status_before: String,
    /// The status after.
    #[schema(example = "rejected")]
    pub status_after: String,
    /// Whether it was taken back.
    #[schema(example = false)]
    pub is_undone: bool,
}

impl From<GapChange> for GapChangeView {
    fn from(change: GapChange) -> Self {
        Self {
            version: change.version,
            action: change.action,
            actor: change.actor,
            at: Micros(change.at_us).to_string(),
            status_before: change.before.status.as_str().to_owned(),
            status_after: change.after.status.as_str().to_owned(),
            is_undone: change.is_undone,
        }
    }
}

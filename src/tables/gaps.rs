//! What became of requests and where the knowledge base fails: the tables `request_matches` and `gaps`.
//!
//! Invariants: one row a request, with the evidence of its outcome; `gaps` holds the newest run alone, in the order of
//! rank. Lists of records stand as JSON text, so that every engine can read the rest. Not here: how outcomes are found
//! (`insight`), what people decide about gaps (`store`).

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::batch::Batch;
use super::table;
use crate::domain::Micros;

table!(REQUEST_MATCHES, M, "request_matches", {
    RequestId = "request_id": Text(required),
    InteractionId = "interaction_id": Text(required),
    TurnId = "turn_id": Text,
    At = "at": Time(required),
    CustomerId = "customer_id": Text,
    Base = "base": Text,
    ArticleSet = "article_set": Long,
    IsRestated = "is_restated": Bool,
    MatchedAt = "matched_at": Time,
    BestArticleId = "best_article_id": Text,
    PAnswered = "p_answered": Real,
    Candidates = "candidates": Text,
    ArticleId = "article_id": Text,
    Shown = "shown": Texts,
    Outcome = "outcome": Text(required),
    Evidence = "evidence": Text,
    GapId = "gap_id": Text,
});

table!(GAPS, G, "gaps", {
    GapId = "gap_id": Text(required),
    RunAt = "run_at": Time(required),
    Rank = "rank": Long(required),
    Base = "base": Text,
    Type = "type": Text(required),
    Title = "title": Text,
    ArticleId = "article_id": Text,
    RivalArticleId = "rival_article_id": Text,
    Failed = "failed": Long,
    Answered = "answered": Long,
    MinutesPerWeek = "minutes_per_week": Real,
    MinutesPerWeekLow = "minutes_per_week_low": Real,
    CustomersPerWeek = "customers_per_week": Real,
    CustomersPerWeekLow = "customers_per_week_low": Real,
    PFailed = "p_failed": Real,
    PFailedLow = "p_failed_low": Real,
    HandleMinutes = "handle_minutes": Real,
    RepeatShare = "repeat_share": Real,
    RepeatShareLow = "repeat_share_low": Real,
    NegativeShare = "negative_share": Real,
    NegativeShareLow = "negative_share_low": Real,
    Trend = "trend": Real,
    TrendLow = "trend_low": Real,
    TrendHigh = "trend_high": Real,
    FirstSeenAt = "first_seen_at": Time,
    LastSeenAt = "last_seen_at": Time,
    Outcomes = "outcomes": Text,
    TopicIds = "topic_ids": Texts,
    Evidence = "evidence": Text,
    Drafts = "drafts": Text,
});

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchRow {
    /// Its id.
    pub request_id: String,
    /// Where it was made.
    pub interaction_id: String,
    /// Its first turn.
    pub turn_id: Option<String>,
    /// When.
    pub at: Micros,
    /// Who asked.
    pub customer_id: Option<String>,
    /// The full search, once it was made.
    pub matched: Option<Matched>,
    /// The article that it is about.
    pub article_id: Option<String>,
    /// Articles that were shown.
    pub shown: Vec<String>,
    /// The outcome's word.
    pub outcome: &'static str,
    /// What the outcome follows from, JSON.
    pub evidence: String,
    /// The gap that it is part of.
    pub gap_id: Option<String>,
}

/// A full search for a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Matched {
    /// The base.
    pub base: String,
    /// How often the base had been changed.
    pub article_set: i64,
    /// Whether the base had changed since the request was made.
    pub is_restated: bool,
    /// When.
    pub at: Micros,
    /// The best valid article.
    pub best: Option<String>,
    /// How likely it answers.
    pub p_answered: f64,
    /// Everything found, JSON.
    pub candidates: String,
}

impl MatchRow {
    /// Rows for the lake.
    ///
    /// # Errors
    /// When a required column is missing: a mistake of ours.
    pub fn batch(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let mut batch = Batch::new(&REQUEST_MATCHES);
        for one in rows {
            let mut row = batch.row();
            row.text(M::RequestId as usize, Some(&one.request_id));
            row.text(M::InteractionId as usize, Some(&one.interaction_id));
            row.text(M::TurnId as usize, one.turn_id.as_deref());
            row.time(M::At as usize, Some(one.at));
            row.text(M::CustomerId as usize, one.customer_id.as_deref());
            if let Some(matched) = &one.matched {
                row.text(M::Base as usize, Some(&matched.base));
                row.long(M::ArticleSet as usize, Some(matched.article_set));
                row.bool(M::IsRestated as usize, Some(matched.is_restated));
                row.time(M::MatchedAt as usize, Some(matched.at));
                row.text(M::BestArticleId as usize, matched.best.as_deref());
                row.real(M::PAnswered as usize, Some(matched.p_answered));
                row.text(M::Candidates as usize, Some(&matched.candidates));
            }
            row.text(M::ArticleId as usize, one.article_id.as_deref());
            row.texts(
                M::Shown as usize,
                Some(one.shown.iter().map(String::as_str)),
            );
            row.text(M::Outcome as usize, Some(one.outcome));
            row.text(M::Evidence as usize, Some(&one.evidence));
            row.text(M::GapId as usize, one.gap_id.as_deref());
        }
        batch.finish()
    }
}

/// A gap of the newest run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GapRow {
    /// Its stable id.
    pub gap_id: String,
    /// Its place by the lower bound of impact, from 1.
    pub rank: i64,
    /// The base that fails.
    pub base: String,
    /// How.
    pub kind: String,
    /// The question at its middle.
    pub title: String,
    /// The article that fails or is not found.
    pub article_id: Option<String>,
    /// The article that it disagrees with.
    pub rival_article_id: Option<String>,
    /// Failed requests.
    pub failed: i64,
    /// Requests about the same that were answered.
    pub answered: i64,
    /// Impact and its parts, value and lower bound in the order of the columns from `minutes_per_week` on.
    pub figures: [f64; 11],
    /// Rate ratio, low, high.
    pub trend: [f64; 3],
    /// First and last failed request.
    pub seen: (i64, i64),
    /// Failed requests by outcome, JSON.
    pub outcomes: String,
    /// Topics of its requests, most frequent first.
    pub topic_ids: Vec<String>,
    /// Requests that show it, JSON.
    pub evidence: String,
    /// What people answered, JSON.
    pub drafts: String,
}

impl GapRow {
    /// Rows for the lake, all of the run that ended at `run_at`.
    ///
    /// # Errors
    /// When a required column is missing: a mistake of ours.
    pub fn batch(rows: &[Self], run_at: Micros) -> Result<RecordBatch, ArrowError> {
        let mut batch = Batch::new(&GAPS);
        for one in rows {
            let mut row = batch.row();
            row.text(G::GapId as usize, Some(&one.gap_id));
            row.time(G::RunAt as usize, Some(run_at));
            row.long(G::Rank as usize, Some(one.rank));
            row.text(G::Base as usize, Some(&one.base));
            row.text(G::Type as usize, Some(&one.kind));
            row.text(G::Title as usize, Some(&one.title));
            row.text(G::ArticleId as usize, one.article_id.as_deref());
            row.text(G::RivalArticleId as usize, one.rival_article_id.as_deref());
            row.long(G::Failed as usize, Some(one.failed));
            row.long(G::Answered as usize, Some(one.answered));
            for (place, figure) in one.figures.iter().enumerate() {
                row.real(G::MinutesPerWeek as usize + place, Some(*figure));
            }
            for (place, figure) in one.trend.iter().enumerate() {
                row.real(G::Trend as usize + place, Some(*figure));
            }
            row.time(G::FirstSeenAt as usize, Some(Micros(one.seen.0)));
            row.time(G::LastSeenAt as usize, Some(Micros(one.seen.1)));
            row.text(G::Outcomes as usize, Some(&one.outcomes));
            row.texts(
                G::TopicIds as usize,
                Some(one.topic_ids.iter().map(String::as_str)),
            );
            row.text(G::Evidence as usize, Some(&one.evidence));
            row.text(G::Drafts as usize, Some(&one.drafts));
        }
        batch.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_in_their_columns() {
        let row = GapRow {
            gap_id: "g-1".to_owned(),
            rank: 1,
            kind: "no_content".to_owned(),
            figures: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0],
            trend: [12.0, 13.0, 14.0],
            ..GapRow::default()
        };
        let batch = GapRow::batch(&[row], Micros(5)).unwrap();
        let column = |name: &str| {
            let column = batch.column_by_name(name).unwrap();
            arrow::util::display::array_value_to_string(column, 0).unwrap()
        };
        assert_eq!(
            (
                column("minutes_per_week").as_str(),
                column("negative_share_low").as_str()
            ),
            ("1.0", "11.0")
        );
        assert_eq!(
            (column("trend").as_str(), column("trend_high").as_str()),
            ("12.0", "14.0")
        );
        let one = MatchRow {
            request_id: "r".to_owned(),
            interaction_id: "i".to_owned(),
            turn_id: None,
            at: Micros(1),
            customer_id: None,
            matched: None,
            article_id: None,
            shown: vec!["a".to_owned()],
            outcome: "answered",
            evidence: "{}".to_owned(),
            gap_id: None,
        };
        assert_eq!(MatchRow::batch(&[one.clone(), one]).unwrap().num_rows(), 2);
    }
}

//! What became of interventions: one row for each change and day on which a verdict was given.
//!
//! Invariants: a day's rows are replaced as a whole; `dt` is the day of the verdict, so a month's records lie together.
//! Not here: how they are found (`insight`, `jobs`).

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use serde::Deserialize;

use super::batch::Batch;
use super::table;
use crate::domain::Micros;

table!(EFFECTS, E, "effects", {
    InterventionId = "intervention_id": Text(required),
    Kind = "kind": Text(required),
    Date = "intervention_date": Text(required),
    Base = "base": Text,
    ArticleId = "article_id": Text,
    Topics = "topics": Texts,
    TopicRun = "topic_run": Text,
    DaysAfter = "days_after": Int(required),
    Verdict = "verdict": Text(required),
    Change = "change": Real,
    Low = "change_low": Real,
    High = "change_high": Real,
    PValue = "p_value": Real,
    QValue = "q_value": Real,
    PreTrend = "pre_trend_p_value": Real,
    Controls = "controls": Texts,
    ActiveCustomers = "active_customers": Long,
    DaysBefore = "days_before": Int,
    ContactsBefore = "contacts_before": Long,
    ContactsAfter = "contacts_after": Long,
    RateBefore = "rate_before": Real,
    RateAfter = "rate_after": Real,
    TransferBefore = "transfer_before": Real,
    TransferAfter = "transfer_after": Real,
    RepeatBefore = "repeat_before": Real,
    RepeatAfter = "repeat_after": Real,
    MinutesBefore = "handle_minutes_before": Real,
    MinutesAfter = "handle_minutes_after": Real,
    MeasuredAt = "measured_at": Time(required),
});

/// A verdict on a change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EffectRow {
    /// The change.
    pub intervention_id: String,
    /// Its kind.
    pub kind: String,
    /// Its day, `YYYY-MM-DD`.
    pub intervention_date: String,
    /// The base of its article.
    pub base: Option<String>,
    /// Its article.
    pub article_id: Option<String>,
    /// Its topics.
    pub topics: Vec<String>,
    /// The run that told topics apart.
    pub topic_run: Option<String>,
    /// 14 or 28.
    pub days_after: i32,
    /// `helped`, `no_effect`, `harmed` or `not_comparable`.
    pub verdict: String,
    /// Relative change of human-handled contacts, against what the controls say: -0.2 = a fifth less.
    pub change: Option<f64>,
    /// Lower end of its 90 % interval.
    pub change_low: Option<f64>,
    /// Upper end.
    pub change_high: Option<f64>,
    /// Two-sided p-value of no change.
    pub p_value: Option<f64>,
    /// The same among all verdicts of the month (Benjamini-Hochberg).
    pub q_value: Option<f64>,
    /// p-value of the test that both sides moved alike before.
    pub pre_trend_p_value: Option<f64>,
    /// Topics that it was compared with.
    pub controls: Vec<String>,
    /// Customers that are active in these days.
    pub active_customers: Option<i64>,
    /// Days before that were compared with.
    pub days_before: Option<i32>,
    /// Human-handled contacts on those days.
    pub contacts_before: Option<i64>,
    /// Human-handled contacts on the days after.
    pub contacts_after: Option<i64>,
    /// Contacts for each 1,000 active customers and day, before.
    pub rate_before: Option<f64>,
    /// The same after.
    pub rate_after: Option<f64>,
    /// Share of contacts with a transfer, before.
    pub transfer_before: Option<f64>,
    /// The same after.
    pub transfer_after: Option<f64>,
    /// Share of contacts that follow one of the same customer and topic within 7 days, before.
    pub repeat_before: Option<f64>,
    /// The same after.
    pub repeat_after: Option<f64>,
    /// Handle minutes of a contact, before.
    pub handle_minutes_before: Option<f64>,
    /// The same after.
    pub handle_minutes_after: Option<f64>,
    /// When it was measured.
    pub measured_at: Micros,
}

impl EffectRow {
    /// Rows for the lake.
    ///
    /// # Errors
    /// When a required column is missing: a mistake of ours.
    pub fn batch<'r>(rows: impl IntoIterator<Item = &'r Self>) -> Result<RecordBatch, ArrowError> {
        let mut batch = Batch::new(&EFFECTS);
        for effect in rows {
            effect.append(&mut batch);
        }
        batch.finish()
    }

    fn append(&self, batch: &mut Batch) {
        let mut row = batch.row();
        let texts = [
            (E::InterventionId, Some(self.intervention_id.as_str())),
            (E::Kind, Some(self.kind.as_str())),
            (E::Date, Some(self.intervention_date.as_str())),
            (E::Base, self.base.as_deref()),
            (E::ArticleId, self.article_id.as_deref()),
            (E::TopicRun, self.topic_run.as_deref()),
            (E::Verdict, Some(self.verdict.as_str())),
        ];
        for (column, value) in texts {
            row.text(column as usize, value);
        }
        for (column, values) in [(E::Topics, &self.topics), (E::Controls, &self.controls)] {
            row.texts(column as usize, Some(values.iter().map(String::as_str)));
        }
        row.int(E::DaysAfter as usize, Some(self.days_after));
        row.int(E::DaysBefore as usize, self.days_before);
        for (column, value) in [
            (E::ActiveCustomers, self.active_customers),
            (E::ContactsBefore, self.contacts_before),
            (E::ContactsAfter, self.contacts_after),
        ] {
            row.long(column as usize, value);
        }
        for (column, value) in self.reals() {
            row.real(column as usize, value.filter(|value| value.is_finite()));
        }
        row.time(E::MeasuredAt as usize, Some(self.measured_at));
    }

    const fn reals(&self) -> [(E, Option<f64>); 14] {
        [
            (E::Change, self.change),
            (E::Low, self.change_low),
            (E::High, self.change_high),
            (E::PValue, self.p_value),
            (E::QValue, self.q_value),
            (E::PreTrend, self.pre_trend_p_value),
            (E::RateBefore, self.rate_before),
            (E::RateAfter, self.rate_after),
            (E::TransferBefore, self.transfer_before),
            (E::TransferAfter, self.transfer_after),
            (E::RepeatBefore, self.repeat_before),
            (E::RepeatAfter, self.repeat_after),
            (E::MinutesBefore, self.handle_minutes_before),
            (E::MinutesAfter, self.handle_minutes_after),
        ]
    }
}

//! The risks of customers as the last run scored them.
//!
//! Invariants: readers see whole runs; a run that broke off is never current and goes with the next one. Not here:
//! how risks are learnt, and what the documents of a run mean.

use super::{Backend, Store, StoreError};

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskRun {
    /// Its id.
    pub run: String,
    /// What it learnt, JSON.
    pub content: String,
    /// As of when it scored, µs since 1970.
    pub scored_us: i64,
}

/// A customer in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskScore {
    /// The customer.
    pub customer_id: String,
    /// Probability of leaving.
    pub churn: Option<f64>,
    /// Probability of coming again about the last matter.
    pub repeat_contact: Option<f64>,
    /// Hour of the day, UTC, in which the customer is reached best.
    pub best_hour_utc: Option<i64>,
    /// Why, JSON.
    pub reasons: String,
}

/// Where a page of [`Store::risk_page`] begins: after this churn and customer.
pub type RiskCursor<'a> = (f64, &'a str);

impl Store {
    /// Writes a run and makes it the current one; older ones go.
    ///
    /// # Errors
    /// When the store fails; the run before stays current then.
    pub async fn write_risks(&self, run: &RiskRun, scores: &[RiskScore]) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.write_risks(run, scores).await,
        }
    }

    /// The current run.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn risk_run(&self) -> Result<Option<RiskRun>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.risk_run().await,
        }
    }

    /// The customers of the current run that have at least this churn, greatest first, after `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn risk_page(
        &self,
        churn_at_least: f64,
        after: Option<RiskCursor<'_>>,
        limit: u32,
    ) -> Result<Vec<RiskScore>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.risk_page(churn_at_least, after, limit).await,
        }
    }

    /// A customer of the current run.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn risk_score(&self, customer_id: &str) -> Result<Option<RiskScore>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.risk_score(customer_id).await,
        }
    }
}

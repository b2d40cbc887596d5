//! Rules over history: what the rules in force would have found, written beside what the stream has found.
//!
//! Invariants: an interaction is judged by itself, its turns in the order of time, as the view of turns shows them
//! (repeats and recalled words gone); findings have the ids that the stream would give them, and one that is there
//! already is not written again, so a round may be repeated or broken off. One process of the lake at a time. No
//! alerts: what lies behind is no news. Not here: the rules' meaning (`enrich::quality`).

use std::collections::HashSet;
use std::sync::Arc;

use futures::StreamExt;
use serde_json::Value;

use crate::domain::{AppId, Day, Micros, Position, Role};
use crate::enrich::quality::RuleSet;
use crate::lake::{Lake, LakeError, Lease, LeaseError, data_file};
use crate::pipeline::History;
use crate::query::{Engine, QueryError, Request};
use crate::tables::{Finding, Pending, Place, TableId, TableSet};

const LEASE: &str = "quality";
const LEASE_S: i64 = 30;
/// Findings of one commit.
const FLUSH_AT: usize = 50_000;

const TURNS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/turns_to_judge.sql"
));
const KNOWN: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/known_findings.sql"
));

/// Why history can't be judged.
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// The tables.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Another process does it.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The query.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Rows of another shape.
    #[error("turns can't be read for the rules: {0}")]
    Rows(String),
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Interactions looked at.
    pub interactions: u64,
    /// Turns looked at.
    pub turns: u64,
    /// Findings written.
    pub written: u64,
    /// Findings that were there already.
    pub known: u64,
}

/// What a round needs.
pub struct HistoryJob {
    /// The tables.
    pub lake: Arc<Lake>,
    /// An engine without the callers' limits.
    pub engine: Engine,
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Who we are to other processes.
    pub holder: String,
    /// The present.
    pub clock: fn() -> Micros,
}

impl HistoryJob {
    /// Judges the interactions that have turns on days from `from` to `to`, both included.
    ///
    /// # Errors
    /// When tables can't be read or written, or another process does it.
    pub async fn run(&self, from: Day, to: Day) -> Result<Judged, QualityError> {
        let now = (self.clock)();
        let lease = Lease::take(self.lake.storage(), LEASE, &self.holder, now, LEASE_S).await?;
        let done = lease.during(self.clock, self.judge(from, to)).await;
        lease.release((self.clock)()).await;
        done
    }

    async fn judge(&self, from: Day, to: Day) -> Result<Judged, QualityError> {
        let mut judged = Judged::default();
        if self.rules.is_empty() {
            return Ok(judged);
        }
        let known = self.known().await?;
        let days = vec![
            Value::String(from.to_string()),
            Value::String(to.to_string()),
        ];
        let mut request = Request::new(TURNS, Role::Admin);
        request.parameters = days;
        request.door = "quality";
        let mut rows = self.engine.run(request).await?.batches;
        let mut history = History::new(Arc::clone(&self.rules));
        let mut waiting = Vec::new();
        while let Some(batch) = rows.next().await {
            let found = history.take(&batch?).map_err(QualityError::Rows)?;
            self.sort_out(found, &known, &mut waiting, &mut judged);
            if waiting.len() >= FLUSH_AT {
                self.write(&mut waiting).await?;
            }
        }
        self.sort_out(history.finish(), &known, &mut waiting, &mut judged);
        self.write(&mut waiting).await?;
        judged.interactions = history.interactions;
        judged.turns = history.turns;
        Ok(judged)
    }

    fn sort_out(
        &self,
        found: Vec<Finding>,
        known: &HashSet<String>,
        waiting: &mut Vec<Finding>,
        judged: &mut Judged,
    ) {
        for finding in found {
            if known.contains(&finding.id) {
                judged.known += 1;
            } else {
                judged.written += 1;
                waiting.push(finding);
            }
        }
    }

    async fn known(&self) -> Result<HashSet<String>, QualityError> {
        let mut request = Request::new(KNOWN, Role::Admin);
        request.door = "quality";
        let mut rows = self.engine.run(request).await?.batches;
        let mut known = HashSet::new();
        while let Some(batch) = rows.next().await {
            let ids = crate::pipeline::texts_of(&batch?, "finding_id");
            known.extend(ids.map_err(QualityError::Rows)?);
        }
        Ok(known)
    }

    async fn write(&self, waiting: &mut Vec<Finding>) -> Result<(), QualityError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let now = (self.clock)();
        let position = Position {
            source: Arc::from("job:quality"),
            partition: 0,
            offset: now.0,
        };
        let mut pending = Pending::default();
        for (item, finding) in waiting.drain(..).enumerate() {
            let place = Place {
                position: &position,
                item: i32::try_from(item).unwrap_or(i32::MAX),
                at: now,
            };
            let mut skips = TableSet::default();
            skips.insert(TableId::Alerts);
            pending.finding(&finding, place, skips);
        }
        let table = self.lake.table(TableId::Findings);
        let mut files = Vec::new();
        for (day, mut batch) in pending.take(TableId::Findings) {
            let failed = |source| LakeError::Parquet {
                table: table.name().into(),
                source,
            };
            let rows = batch.finish().map_err(|error| failed(error.into()))?;
            files.push(data_file(&rows, day).map_err(failed)?);
        }
        table.upload(&mut files).await?;
        // The number of the commit tells whether an answer that was lost went through.
        let progress = [crate::lake::Progress {
            app: AppId::new("job:quality", 0),
            first: table
                .progress(&AppId::new("job:quality", 0))
                .await?
                .unwrap_or(0),
            next: now.0,
        }];
        table.commit(&files, &progress, now).await?;
        Ok(())
    }
}

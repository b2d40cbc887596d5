//! The queries that run and that ran lately.
//!
//! Invariants: bounded; statements appear with their literals hidden. Not here: metrics, audit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::system::Cell;
use crate::domain::Micros;

const KEPT: usize = 200;

/// What is known of a query when it begins.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    pub(super) door: &'static str,
    pub(super) role: &'static str,
    pub(super) name: Option<String>,
    pub(super) shape: String,
}

#[derive(Debug)]
struct Row {
    id: i64,
    begun: Begun,
    started: Instant,
    started_at: Micros,
    ended: Option<Ended>,
}

/// How a query ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// `None` when it gave all its rows.
    pub(super) code: Option<&'static str>,
    pub(super) rows: u64,
    pub(super) duration: Duration,
}

#[derive(Debug, Default)]
struct Rows {
    next_id: i64,
    running: BTreeMap<i64, Row>,
    recent: VecDeque<Row>,
}

/// Running and recent queries of this process.
#[derive(Debug, Default)]
pub(super) struct QueryLog(Mutex<Rows>);

impl QueryLog {
    pub(super) fn begin(&self, begun: Begun) -> i64 {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.next_id += 1;
        let id = rows.next_id;
        let started_at = Micros(chrono::Utc::now().timestamp_micros());
        rows.running.insert(
            id,
            Row {
                id,
                begun,
                started: Instant::now(),
                started_at,
                ended: None,
            },
        );
        id
    }

    pub(super) fn end(&self, id: i64, ended: Ended) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut row) = rows.running.remove(&id) else {
            return;
        };
        row.ended = Some(ended);
        rows.recent.push_back(row);
        if rows.recent.len() > KEPT {
            rows.recent.pop_front();
        }
    }

    pub(super) fn each(&self, mut take: impl FnMut(&[Cell<'_>])) {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows.recent.iter().chain(rows.running.values()) {
            let (state, code) = match row.ended {
                None => ("running", None),
                Some(Ended { code: None, .. }) => ("done", None),
                Some(Ended { code, .. }) => ("failed", code),
            };
            let duration = row
                .ended
                .map_or_else(|| row.started.elapsed(), |ended| ended.duration);
            let duration_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
            let count = row
                .ended
                .map(|ended| i64::try_from(ended.rows).unwrap_or(i64::MAX));
            take(&[
                Cell::Long(Some(row.id)),
                Cell::Text(Some(row.begun.door)),
                Cell::Text(Some(row.begun.role)),
                Cell::Text(row.begun.name.as_deref()),
                Cell::Text(Some(&row.begun.shape)),
                Cell::Text(Some(state)),
                Cell::Text(code),
                Cell::Time(Some(row.started_at)),
                Cell::Long(Some(duration_ms)),
                Cell::Long(count),
            ]);
        }
    }
}

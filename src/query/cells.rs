//! Stored cells of metrics, kept in memory once they were asked for.
//!
//! A dashboard asks the same few metrics again and again; reading the files of a season each time would cost more
//! than adding the cells up. Invariants: a shelf is of one version of the stored table, and a snapshot keeps its
//! shelf as long as it lives; at most [`MOST`] metrics are kept, others are answered without cells. Memory: about
//! 80 bytes a cell. Not here: what cells are (`metrics::cells`), when they are stored (`jobs`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use futures::TryStreamExt;
use tokio::sync::Mutex;

use super::catalog::Snapshot;
use super::engine::Engine;
use super::error::QueryError;
use super::metrics::CELLS;

/// How the cells of a metric are called in schema `stored`.
pub(super) const CELLS_OF: &str = "cells_";

/// Metrics that are kept.
const MOST: usize = 24;

/// The cells of one version of the stored table.
pub(super) struct CellShelf {
    pub(super) version: i64,
    loaded: RwLock<BTreeMap<String, Arc<dyn TableProvider>>>,
    /// Held while cells are loaded.
    loading: Mutex<()>,
}

impl fmt::Debug for CellShelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellShelf")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl CellShelf {
    pub(super) fn new(version: i64) -> Arc<Self> {
        Arc::new(Self {
            version,
            loaded: RwLock::default(),
            loading: Mutex::new(()),
        })
    }

    /// The cells of a metric, if they are loaded.
    pub(super) fn of(&self, metric: &str) -> Option<Arc<dyn TableProvider>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.get(metric).cloned()
    }

    /// Metrics whose cells are loaded.
    pub(super) fn loaded(&self) -> usize {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.len()
    }

    fn keep(&self, metric: &str, cells: Arc<dyn TableProvider>) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.insert(metric.to_owned(), cells);
    }
}

impl Engine {
    /// Makes the stored cells of `metric` ready in `snapshot`; false when they can't be kept.
    ///
    /// # Errors
    /// When they can't be read.
    pub(super) async fn load_cells(
        &self,
        snapshot: &Arc<Snapshot>,
        metric: &str,
    ) -> Result<bool, QueryError> {
        let Some(shelf) = snapshot.stored.cells.clone() else {
            return Ok(false);
        };
        if shelf.of(metric).is_some() {
            return Ok(true);
        }
        if shelf.loaded() >= MOST {
            return Ok(false);
        }
        let _held = shelf.loading.lock().await;
        if shelf.of(metric).is_some() {
            return Ok(true);
        }
        // The id is a name of the registry.
        let sql = format!(
            "select interval_start, channel, queue, eligible, analysed, n, numerator, denominator, dt \
             from stored.{CELLS} where metric = '{metric}' order by interval_start"
        );
        let mut answer = self.maintain_at(sql, Arc::clone(snapshot)).await?;
        let schema = Arc::clone(&answer.schema);
        let mut batches = Vec::new();
        while let Some(batch) = answer.batches.try_next().await? {
            batches.push(batch);
        }
        if answer.truncated.load(Ordering::Acquire) {
            return Ok(false);
        }
        let failed = |error| QueryError::internal("keeping cells of a metric", error);
        let table = MemTable::try_new(schema, vec![batches]).map_err(failed)?;
        shelf.keep(metric, Arc::new(table));
        Ok(true)
    }
}

//! One flush: the pending rows of every table, each as one commit with the
//! progress of the sources.
//!
//! Invariants: data files are on the disk before their commit; a table without
//! rows commits only when progress is asked of all.

use std::time::Instant;

use futures::future::try_join_all;

use crate::disk::FaultPoint;
use crate::domain::{AppId, Day, Micros};
use crate::lake::{DataFile, Lake, LakeError, Progress, data_file};
use crate::tables::{Batch, Pending, TableId};
use crate::telemetry;

/// Progress that has become durable: table, partition, next offset.
pub type Flushed = Vec<(TableId, AppId, i64)>;

struct TableFlush {
    table: TableId,
    batches: Vec<(Day, Batch)>,
    progress: Vec<Progress>,
}

/// What is to be committed.
pub struct Flush(Vec<TableFlush>);

impl Flush {
    /// Takes the pending rows; `parts` are partition, next offset taken in, and
    /// next offset by table.
    pub fn prepare(pending: &mut Pending, parts: &[(AppId, i64, Vec<i64>)], all: bool) -> Self {
        let tables = TableId::ALL.iter().filter_map(|table| {
            let batches = pending.take(*table);
            if batches.is_empty() && !all {
                return None;
            }
            let progress: Vec<Progress> = parts
                .iter()
                .filter_map(|(app, next, by_table)| {
                    let first = by_table.get(*table as usize).copied().unwrap_or(0);
                    let moved = *next > first;
                    moved.then(|| Progress {
                        app: app.clone(),
                        first,
                        next: *next,
                    })
                })
                .collect();
            let idle = batches.is_empty() && progress.is_empty();
            (!idle).then_some(TableFlush {
                table: *table,
                batches,
                progress,
            })
        });
        Self(tables.collect())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Commits every table.
    ///
    /// # Errors
    /// The first failure; other tables may have been committed all the same.
    pub async fn run(self, lake: &Lake, clock: fn() -> Micros) -> Result<Flushed, LakeError> {
        let tables = self.0.into_iter().map(|table| commit(lake, table, clock));
        let flushed = try_join_all(tables).await?;
        Ok(flushed.into_iter().flatten().collect())
    }
}

async fn commit(
    lake: &Lake,
    flush: TableFlush,
    clock: fn() -> Micros,
) -> Result<Flushed, LakeError> {
    let table = lake.table(flush.table);
    let name = table.name();
    let batches = flush.batches;
    let begun = Instant::now();
    let encoded = tokio::task::spawn_blocking(move || encode(name, batches));
    let mut files = encoded.await.map_err(|error| LakeError::Unusable {
        url: lake.storage().shown().to_owned(),
        what: format!("writing Parquet broke off: {error}"),
    })??;
    table.upload(&mut files).await?;
    if !files.is_empty() {
        lake.faults().hit(FaultPoint::AfterUpload);
    }
    let rows = files.iter().map(|file| file.rows as u64).sum();
    let bytes = files.iter().map(DataFile::size_bytes).sum();
    table.commit(&files, &flush.progress, clock()).await?;
    telemetry::commit(name, rows, bytes, begun.elapsed());
    let done = flush
        .progress
        .into_iter()
        .map(|part| (flush.table, part.app, part.next));
    Ok(done.collect())
}

fn encode(table: &'static str, batches: Vec<(Day, Batch)>) -> Result<Vec<DataFile>, LakeError> {
    let failed = |source| LakeError::Parquet {
        table: table.into(),
        source,
    };
    let files = batches.into_iter().map(|(day, mut batch)| {
        let rows = batch.finish().map_err(|error| failed(error.into()))?;
        data_file(&rows, day).map_err(failed)
    });
    files.collect()
}

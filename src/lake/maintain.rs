//! Keeping tables small and quick: compaction, checkpoints, vacuum, log
//! clean-up, and rewriting a closed day clean.
//!
//! Invariants: only the holder of the lease does this; files are replaced only
//! when every one of them is active in exactly the version that the commit
//! follows, and (for compaction) as many rows go as come. So two compactions of
//! the same files can't both commit, and an append in between changes nothing.
//! Not here: when it is done (`jobs`), which rows are clean (`queries/views`).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use deltalake::DeltaTable;
use deltalake::kernel::{Action, Add, Remove};
use deltalake::protocol::DeltaOperation;
use deltalake::protocol::checkpoints::{cleanup_metadata, create_checkpoint};

use super::parquet_file::{DataFile, DataFileWriter};
use super::read::{all_files, day_of, files_of_day, read_file};
use super::table::{LakeError, LakeTable};
use super::{Lake, Lease, LeaseError};
use crate::disk::FaultPoint;
use crate::domain::{Day, Micros};
use crate::tables::{InsightId, MartId, TableId};
use crate::telemetry;

const COMMIT_ATTEMPTS: u32 = 10;

/// When there is something to do.
#[derive(Clone, Copy, Debug)]
pub struct Upkeep {
    /// Files below this size are worth compacting, bytes.
    pub small_bytes: u64,
    /// So many small files of one day start a compaction in a whole round.
    pub min_files: usize,
    /// So many of them start one at once.
    pub crowded_files: usize,
    /// Size of a compacted file, bytes.
    pub target_bytes: usize,
    /// Commits between checkpoints.
    pub checkpoint_every: u64,
    /// Age of unused files that are deleted, hours.
    pub retention_hours: u32,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Files merged into larger ones.
    pub compacted_files: usize,
    /// Checkpoints written.
    pub checkpoints: usize,
    /// Unused files deleted.
    pub deleted_files: usize,
    /// Log entries deleted.
    pub deleted_log_entries: usize,
}

/// Why maintenance stopped.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The lease is not ours.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// A table.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

/// How much a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Crowded days alone.
    Crowded,
    /// Compaction and checkpoints.
    Usual,
    /// Also deletes what is no longer used.
    Vacuum,
}

/// Whether a day of a table has so many small files that it can't wait, as far
/// as this process knows.
///
/// # Errors
/// When a snapshot is not loaded.
pub fn is_crowded(lake: &Lake, upkeep: &Upkeep) -> Result<bool, LakeError> {
    for table in lake.tables() {
        if !crowded_days(table, upkeep, upkeep.crowded_files)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One round over all tables.
///
/// # Errors
/// The first failure; what was done before it stays done.
pub async fn keep_up(
    lake: &Lake,
    lease: &Lease,
    upkeep: &Upkeep,
    round: Round,
    clock: fn() -> Micros,
) -> Result<Done, UpkeepError> {
    let min_files = match round {
        Round::Crowded => upkeep.crowded_files,
        Round::Usual | Round::Vacuum => upkeep.min_files,
    };
    let mut done = Done::default();
    for id in TableId::ALL {
        let table = lake.table(*id);
        table.refresh().await?;
        for day in crowded_days(table, upkeep, min_files)? {
            lease.check(clock()).await?;
            let files = compact(lake, *id, day, upkeep, lease, clock).await?;
            if files > 0 {
                telemetry::compaction(id.name(), files as u64);
            }
            done.compacted_files += files;
        }
        trim(table, upkeep, round, lease, clock, &mut done).await?;
    }
    let marts = MartId::ALL.iter().map(|id| lake.mart(*id));
    let insights = InsightId::ALL.iter().map(|id| lake.insight(*id));
    for table in marts.chain(insights) {
        table.refresh().await?;
        trim(table, upkeep, round, lease, clock, &mut done).await?;
    }
    Ok(done)
}

/// A checkpoint when one is due; with vacuum also what is no longer used is deleted.
async fn trim(
    table: &LakeTable,
    upkeep: &Upkeep,
    round: Round,
    lease: &Lease,
    clock: fn() -> Micros,
    done: &mut Done,
) -> Result<(), UpkeepError> {
    lease.check(clock()).await?;
    if checkpoint_if_due(table, upkeep).await? {
        done.checkpoints += 1;
    }
    if round == Round::Vacuum {
        lease.check(clock()).await?;
        let (files, entries) = clean_up(table, upkeep).await?;
        done.deleted_files += files;
        done.deleted_log_entries += entries;
    }
    Ok(())
}

/// Days with many small files.
fn crowded_days(
    table: &LakeTable,
    upkeep: &Upkeep,
    min_files: usize,
) -> Result<Vec<Day>, LakeError> {
    let mut small: BTreeMap<Day, usize> = BTreeMap::new();
    for file in all_files(table.name(), &table.latest())? {
        let day = day_of(&file);
        if let Some(day) = day.filter(|_| is_small(&file, upkeep)) {
            *small.entry(day).or_default() += 1;
        }
    }
    let crowded = small.into_iter().filter(|(_, files)| *files >= min_files);
    Ok(crowded.map(|(day, _)| day).collect())
}

fn is_small(file: &Add, upkeep: &Upkeep) -> bool {
    u64::try_from(file.size).is_ok_and(|size| size < upkeep.small_bytes)
}

/// Merges the small files of one day; how many there were.
///
/// # Errors
/// [`LakeError::Stale`] when somebody else has replaced one of them meanwhile;
/// then nothing is changed.
pub async fn compact(
    lake: &Lake,
    id: TableId,
    day: Day,
    upkeep: &Upkeep,
    lease: &Lease,
    clock: fn() -> Micros,
) -> Result<usize, UpkeepError> {
    let table = lake.table(id);
    let snapshot = table.latest();
    let mut old = files_of_day(table.name(), &snapshot, day)?;
    old.retain(|file| is_small(file, upkeep));
    old.sort_by(|a, b| a.path.cmp(&b.path));
    if old.len() < 2 {
        return Ok(0);
    }
    let mut writer = Splitter::new(table.name(), day, upkeep.target_bytes);
    for file in &old {
        read_file(table.name(), &snapshot, file, &[], |rows| {
            writer.write(&rows)
        })
        .await?;
    }
    let rows_read = writer.rows;
    let mut new = writer.finish()?;
    table.upload(&mut new).await?;
    lake.faults().hit(FaultPoint::DuringCompaction);
    let rows_written: usize = new.iter().map(|file| file.rows).sum();
    if rows_read != rows_written {
        let what = format!("{rows_read} rows were read and {rows_written} written");
        return Err(LakeError::Stale {
            table: table.name().into(),
            what,
        }
        .into());
    }
    let operation = DeltaOperation::Optimize {
        predicate: Some(format!("dt = '{day}'")),
        target_size: i64::try_from(upkeep.target_bytes).unwrap_or(i64::MAX),
    };
    replace(table, &old, &new, false, operation, lease, clock).await?;
    Ok(old.len())
}

/// Replaces the files that one day has in `read` by `rows`, their clean form;
/// nothing is changed when one of them is no longer there. Files that the day
/// has gained since stay.
///
/// # Errors
/// [`LakeError::Stale`] when the day is no longer what was read.
pub async fn rewrite_day(
    lake: &Lake,
    id: TableId,
    day: Day,
    read: &DeltaTable,
    rows: &[RecordBatch],
    lease: &Lease,
    clock: fn() -> Micros,
) -> Result<(), UpkeepError> {
    let table = lake.table(id);
    let old = files_of_day(table.name(), read, day)?;
    let mut writer = Splitter::new(table.name(), day, usize::MAX);
    for batch in rows {
        let written = writer.write(batch);
        written.map_err(|source| LakeError::Parquet {
            table: table.name().into(),
            source,
        })?;
    }
    let mut new = writer.finish()?;
    table.upload(&mut new).await?;
    let operation = DeltaOperation::Write {
        mode: deltalake::protocol::SaveMode::Overwrite,
        partition_by: Some(vec!["dt".into()]),
        predicate: Some(format!("dt = '{day}'")),
    };
    replace(table, &old, &new, true, operation, lease, clock).await
}

/// One commit that takes `old` away and puts `new` there.
async fn replace(
    table: &Arc<LakeTable>,
    old: &[Add],
    new: &[DataFile],
    data_change: bool,
    operation: DeltaOperation,
    lease: &Lease,
    clock: fn() -> Micros,
) -> Result<(), UpkeepError> {
    let mut held = table.maintenance().await;
    let mut last = String::new();
    for _ in 0..COMMIT_ATTEMPTS {
        let snapshot = held.snapshot().await?;
        let active: HashSet<String> = all_files(table.name(), &snapshot)?
            .into_iter()
            .map(|file| file.path)
            .collect();
        let gone = old
            .iter()
            .filter(|file| !active.contains(&file.path))
            .count();
        if gone > 0 {
            let what = format!(
                "{gone} of {} files were replaced by somebody else",
                old.len()
            );
            return Err(LakeError::Stale {
                table: table.name().into(),
                what,
            }
            .into());
        }
        lease.check(clock()).await?;
        let now = clock();
        let mut actions: Vec<Action> = Vec::with_capacity(old.len() + new.len());
        actions.extend(
            old.iter()
                .map(|file| Action::Remove(remove(file, now, data_change))),
        );
        actions.extend(
            new.iter()
                .map(|file| Action::Add(file.add(now, data_change))),
        );
        match held.commit(actions, &[], operation.clone(), now).await {
            Ok(()) => return Ok(()),
            // An append of another process came between; or ours went through
            // and only its answer was lost: the next look at the log tells.
            Err(error) => last = error.to_string(),
        }
    }
    Err(LakeError::Busy {
        table: table.name().into(),
        attempts: COMMIT_ATTEMPTS,
        last,
    }
    .into())
}

pub(super) fn remove(file: &Add, now: Micros, data_change: bool) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change,
        deletion_timestamp: Some(now.0 / 1000),
        extended_file_metadata: Some(true),
        partition_values: Some(file.partition_values.clone()),
        size: Some(file.size),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
    }
}

/// Writes files of at most `target_bytes` each.
pub(super) struct Splitter {
    table: &'static str,
    day: Day,
    target_bytes: usize,
    writer: Option<DataFileWriter>,
    files: Vec<DataFile>,
    rows: usize,
}

impl Splitter {
    pub(super) fn new(table: &'static str, day: Day, target_bytes: usize) -> Self {
        Self {
            table,
            day,
            target_bytes,
            writer: None,
            files: Vec::new(),
            rows: 0,
        }
    }

    pub(super) fn write(
        &mut self,
        rows: &RecordBatch,
    ) -> Result<(), parquet::errors::ParquetError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            empty => empty.insert(DataFileWriter::new(&rows.schema(), self.day)?),
        };
        writer.write(rows)?;
        self.rows += rows.num_rows();
        if writer.bytes() >= self.target_bytes
            && let Some(full) = self.writer.take()
        {
            self.files.push(full.finish()?);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<DataFile>, LakeError> {
        if let Some(writer) = self.writer.take() {
            let file = writer.finish().map_err(|source| LakeError::Parquet {
                table: self.table.into(),
                source,
            })?;
            self.files.push(file);
        }
        Ok(self.files)
    }
}

async fn checkpoint_if_due(table: &LakeTable, upkeep: &Upkeep) -> Result<bool, LakeError> {
    let snapshot = table.latest();
    let version = snapshot.version().unwrap_or(0);
    let last = last_checkpoint(table).await;
    if version < last + upkeep.checkpoint_every {
        return Ok(false);
    }
    let failed = |source| LakeError::Delta {
        table: table.name().into(),
        doing: "writing a checkpoint",
        source: Box::new(source),
    };
    create_checkpoint(&snapshot, None).await.map_err(failed)?;
    Ok(true)
}

/// Version of the last checkpoint; 0 when there is none or it can't be read.
async fn last_checkpoint(table: &LakeTable) -> u64 {
    use object_store::ObjectStoreExt;
    #[derive(serde::Deserialize)]
    struct LastCheckpoint {
        version: u64,
    }
    let path = object_store::path::Path::from("_delta_log/_last_checkpoint");
    let Ok(found) = table.latest().object_store().get(&path).await else {
        return 0;
    };
    let Ok(bytes) = found.bytes().await else {
        return 0;
    };
    serde_json::from_slice::<LastCheckpoint>(&bytes).map_or(0, |last| last.version)
}

/// Deletes files that no version in retention needs, and old log entries.
async fn clean_up(table: &LakeTable, upkeep: &Upkeep) -> Result<(usize, usize), LakeError> {
    let failed = |doing| {
        move |source| LakeError::Delta {
            table: table.name().into(),
            doing,
            source: Box::new(source),
        }
    };
    let retention = chrono::Duration::hours(i64::from(upkeep.retention_hours.max(24)));
    let snapshot = table.latest();
    let (_, deleted) = (*snapshot)
        .clone()
        .vacuum()
        .with_retention_period(retention)
        .with_enforce_retention_duration(false)
        .await
        .map_err(failed("deleting unused files"))?;
    table.refresh().await?;
    let entries = cleanup_metadata(&table.latest(), None)
        .await
        .map_err(failed("deleting log entries"))?;
    Ok((deleted.files_deleted.len(), entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Faults;
    use crate::lake::data_file;
    use crate::tables::Batch;

    const UPKEEP: Upkeep = Upkeep {
        small_bytes: 1 << 20,
        min_files: 3,
        crowded_files: 5,
        target_bytes: 1 << 20,
        checkpoint_every: 5,
        retention_hours: 24,
    };

    fn now() -> Micros {
        Micros(1_700_000_000_000_000)
    }

    async fn lease(lake: &Lake) -> Lease {
        Lease::take(lake.storage(), crate::lake::MAINTENANCE, "a", now(), 60)
            .await
            .unwrap()
    }

    async fn append(lake: &Lake, offset: i64) {
        let mut batch = Batch::new(TableId::DeadLetters.spec());
        let mut row = batch.row();
        row.text(0, Some("test"));
        row.int(1, Some(0));
        row.long(2, Some(offset));
        row.int(3, Some(0));
        row.text(5, Some("malformed_json"));
        row.time(9, Some(now()));
        let table = lake.table(TableId::DeadLetters);
        let mut files = [data_file(&batch.finish().unwrap(), now().day()).unwrap()];
        table.upload(&mut files).await.unwrap();
        table.commit(&files, &[], now()).await.unwrap();
    }

    async fn offsets(lake: &Lake) -> Vec<i64> {
        use arrow::array::AsArray;
        let table = lake.table(TableId::DeadLetters);
        table.refresh().await.unwrap();
        let mut found = Vec::new();
        crate::lake::read_new_files(
            table,
            now().day(),
            &["offset"],
            &mut std::collections::HashSet::new(),
            |rows| {
                let column = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>();
                found.extend(column.values().iter().copied());
            },
        )
        .await
        .unwrap();
        found.sort_unstable();
        found
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_round_merges_files_and_keeps_every_row_once() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap();
        for offset in 0..6 {
            append(&lake, offset).await;
        }
        let lease = lease(&lake).await;
        let done = keep_up(&lake, &lease, &UPKEEP, Round::Vacuum, now)
            .await
            .unwrap();
        assert_eq!((done.compacted_files, done.checkpoints), (6, 1));
        assert_eq!(offsets(&lake).await, [0, 1, 2, 3, 4, 5]);
        let reopened = Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap();
        assert_eq!(offsets(&reopened).await, [0, 1, 2, 3, 4, 5]);
        assert_eq!(
            keep_up(&lake, &lease, &UPKEEP, Round::Usual, now)
                .await
                .unwrap(),
            Done::default()
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_crowded_day_is_compacted_before_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap();
        let lease = lease(&lake).await;
        for offset in 0..5 {
            assert!(!is_crowded(&lake, &UPKEEP).unwrap());
            let done = keep_up(&lake, &lease, &UPKEEP, Round::Crowded, now).await;
            assert_eq!(done.unwrap().compacted_files, 0);
            append(&lake, offset).await;
        }
        assert!(is_crowded(&lake, &UPKEEP).unwrap());
        let done = keep_up(&lake, &lease, &UPKEEP, Round::Crowded, now).await;
        assert_eq!(done.unwrap().compacted_files, 5);
        assert!(!is_crowded(&lake, &UPKEEP).unwrap());
        assert_eq!(offsets(&lake).await, [0, 1, 2, 3, 4]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_compactions_of_the_same_files_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap();
        for offset in 0..4 {
            append(&first, offset).await;
        }
        let second = Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap();
        let lease = lease(&first).await;
        let id = TableId::DeadLetters;
        let old = files_of_day("dead_letters", &second.table(id).latest(), now().day()).unwrap();
        compact(&first, id, now().day(), &UPKEEP, &lease, now)
            .await
            .unwrap();
        append(&first, 4).await;
        let operation = DeltaOperation::Optimize {
            predicate: None,
            target_size: 1,
        };
        let late = replace(second.table(id), &old, &[], false, operation, &lease, now).await;
        assert!(matches!(
            late,
            Err(UpkeepError::Lake(LakeError::Stale { .. }))
        ));
        assert_eq!(offsets(&second).await, [0, 1, 2, 3, 4]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_the_lease_nothing_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap();
        for offset in 0..4 {
            append(&lake, offset).await;
        }
        let lost = lease(&lake).await;
        lease(&lake).await;
        let refused = keep_up(&lake, &lost, &UPKEEP, Round::Usual, now).await;
        assert!(matches!(
            refused,
            Err(UpkeepError::Lease(LeaseError::Lost { .. }))
        ));
        assert_eq!(lake.table(TableId::DeadLetters).latest().version(), Some(4));
    }
}

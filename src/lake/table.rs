//! One Delta table: create, append with progress, refresh.
//!
//! Invariants: rows and the progress of their sources are one commit; a commit
//! is made only against a snapshot in which no rival has moved our partitions
//! (`max_retries` is 0, so the log entry is version + 1 of exactly that
//! snapshot); after an unclear outcome the log itself is asked. The protocol
//! stays reader 1, writer 2. Not here: what rows mean, when to flush.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, StructField, StructType, Transaction};
use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableError};
use object_store::ObjectStoreExt;
use tokio::sync::{Mutex, MutexGuard};

use super::Storage;
use super::columns::complete;
use super::parquet_file::{DataFile, STATS_COLUMNS};
use crate::domain::{AppId, Checkpoint, Micros};
use crate::tables::TableSpec;

const COMMIT_ATTEMPTS: u32 = 30;

/// What can go wrong with a table of the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Delta said no.
    #[error("table `{table}`: {doing} failed")]
    Delta {
        /// Name of the table.
        table: String,
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A file could not be written or read.
    #[error("table `{table}`: {doing} failed")]
    Storage {
        /// Name of the table.
        table: String,
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// Rows could not be turned into Parquet.
    #[error("table `{table}`: rows can't be written as Parquet")]
    Parquet {
        /// Name of the table.
        table: String,
        /// Why.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// Another process has taken our partitions further than we have read.
    #[error(
        "table `{table}`: another writer has moved `{app}` to {stored}, beyond {first}; the partition must be read again from there"
    )]
    Fenced {
        /// Name of the table.
        table: String,
        /// The partition.
        app: AppId,
        /// What the table holds.
        stored: i64,
        /// What we wanted to write from.
        first: i64,
    },
    /// Too many rivals.
    #[error("table `{table}`: no commit went through in {attempts} attempts; last: {last}")]
    Busy {
        /// Name of the table.
        table: String,
        /// How often it was tried.
        attempts: u32,
        /// The last refusal.
        last: String,
    },
    /// The rows that maintenance read are not the rows that are there now.
    #[error("table `{table}`: {what}; nothing was changed")]
    Stale {
        /// Name of the table.
        table: String,
        /// What no longer holds.
        what: String,
    },
    /// The lake as a whole can't be used.
    #[error("lake at {url}: {what}")]
    Unusable {
        /// Where.
        url: String,
        /// Why, and what to do.
        what: String,
    },
}

/// How far one source partition has come with this commit.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The source partition.
    pub app: AppId,
    /// First offset in the commit.
    pub first: i64,
    /// Next offset to read after it.
    pub next: i64,
}

/// A Delta table that one task writes and many read.
pub struct LakeTable {
    name: &'static str,
    writer: Mutex<Writer>,
    published: RwLock<Arc<DeltaTable>>,
    /// Whether the table came to a lake that had others already.
    has_joined: bool,
}

struct Writer {
    table: DeltaTable,
    /// Progress as of `table`; filled on demand, kept by our own commits.
    known: BTreeMap<AppId, i64>,
}

impl LakeTable {
    /// Opens the table in `storage`, creating it when there is none. Safe to be
    /// called by several processes at once.
    ///
    /// # Errors
    /// When the table can be neither opened nor created.
    pub async fn open(spec: &'static TableSpec, storage: &Storage) -> Result<Self, LakeError> {
        let name = spec.name;
        let failed = |doing| {
            move |source| LakeError::Delta {
                table: name.into(),
                doing,
                source: Box::new(source),
            }
        };
        let (url, store) = storage.table(name)?;
        let root = Arc::clone(&storage.store);
        let options = StorageConfig::default();
        let mut table = DeltaTable::new(default_logstore(store, root, &url, &options));
        // Asked first, because opening what is not there yet is logged as an error.
        let exists = table
            .log_store()
            .is_delta_table_location()
            .await
            .map_err(failed("opening"))?;
        if exists {
            table.load().await.map_err(failed("opening"))?;
            table = complete(table, spec, storage.shown()).await?;
        } else {
            table = create_or_load(spec, table.log_store())
                .await
                .map_err(failed("creating"))?;
        }
        storage.settle(name)?;
        let published = RwLock::new(Arc::new(table.clone()));
        let writer = Mutex::new(Writer {
            table,
            known: BTreeMap::new(),
        });
        Ok(Self {
            name,
            writer,
            published,
            has_joined: false,
        })
    }

    /// The table has come to a lake that a version without it had begun: it begins where the others stand.
    #[must_use]
    pub(super) fn joined(mut self) -> Self {
        self.has_joined = true;
        self
    }

    /// Name of the table.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The newest version that this process knows.
    pub fn latest(&self) -> Arc<DeltaTable> {
        Arc::clone(
            &self
                .published
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    fn publish(&self, table: &DeltaTable) {
        let mut slot = self
            .published
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if slot.version() <= table.version() {
            *slot = Arc::new(table.clone());
        }
    }

    fn delta(&self, doing: &'static str) -> impl Fn(DeltaTableError) -> LakeError + use<> {
        let table = self.name;
        move |source| LakeError::Delta {
            table: table.into(),
            doing,
            source: Box::new(source),
        }
    }

    /// Looks for commits of other processes.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn refresh(&self) -> Result<(), LakeError> {
        let mut writer = self.writer.lock().await;
        self.refresh_writer(&mut writer).await
    }

    async fn refresh_writer(&self, writer: &mut Writer) -> Result<(), LakeError> {
        let before = writer.table.version();
        writer
            .table
            .update_incremental(None)
            .await
            .map_err(self.delta("refreshing"))?;
        if writer.table.version() != before {
            writer.known.clear();
            self.publish(&writer.table);
        }
        Ok(())
    }

    /// The next offset of `app` as the log has it now.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn progress(&self, app: &AppId) -> Result<Option<i64>, LakeError> {
        let mut writer = self.writer.lock().await;
        self.refresh_writer(&mut writer).await?;
        self.known_progress(&mut writer, app).await
    }

    async fn known_progress(
        &self,
        writer: &mut Writer,
        app: &AppId,
    ) -> Result<Option<i64>, LakeError> {
        if let Some(next) = writer.known.get(app) {
            return Ok(Some(*next));
        }
        let state = writer
            .table
            .snapshot()
            .map_err(self.delta("reading progress"))?;
        let stored = state
            .transaction_version(writer.table.log_store().as_ref(), app.as_str().to_owned())
            .await
            .map_err(self.delta("reading progress"))?;
        if let Some(next) = stored {
            writer.known.insert(app.clone(), next);
        }
        Ok(stored)
    }

    /// Writes data files to the disk; they are not part of the table yet.
    ///
    /// # Errors
    /// When a file can't be written.
    pub async fn upload(&self, files: &mut [DataFile]) -> Result<(), LakeError> {
        let store = self.latest().object_store();
        for file in files {
            let path = object_store::path::Path::from(file.path.as_str());
            let bytes = bytes::Bytes::from(std::mem::take(&mut file.bytes));
            store
                .put(&path, bytes.into())
                .await
                .map_err(|source| LakeError::Storage {
                    table: self.name.into(),
                    doing: "writing a data file",
                    source,
                })?;
        }
        Ok(())
    }

    /// Makes uploaded `files` part of the table together with `progress`, in
    /// one commit. Does nothing when the table already has all of it.
    ///
    /// # Errors
    /// [`LakeError::Fenced`] when another writer has moved one of the
    /// partitions into or beyond this batch; [`LakeError::Busy`] when no
    /// attempt went through.
    pub async fn commit(
        &self,
        files: &[DataFile],
        progress: &[Progress],
        now: Micros,
    ) -> Result<(), LakeError> {
        let mut writer = self.writer.lock().await;
        let mut last = String::new();
        for attempt in 0..COMMIT_ATTEMPTS {
            if attempt > 0 {
                pause(attempt).await;
                self.refresh_writer(&mut writer).await?;
            }
            if self.is_committed(&mut writer, progress).await? {
                return Ok(());
            }
            let mut actions: Vec<Action> = Vec::with_capacity(files.len());
            actions.extend(files.iter().map(|file| Action::Add(file.add(now, true))));
            let operation = DeltaOperation::Write {
                mode: SaveMode::Append,
                partition_by: Some(vec!["dt".into()]),
                predicate: None,
            };
            match self
                .try_commit(&mut writer, actions, progress, operation, now)
                .await
            {
                Ok(()) => return Ok(()),
                Err(error) => last = error.to_string(),
            }
        }
        Err(LakeError::Busy {
            table: self.name.into(),
            attempts: COMMIT_ATTEMPTS,
            last,
        })
    }

    /// Whether the table already has all of `progress`: our own commit went
    /// through although its answer was lost, or the rows are a rival's by now.
    /// A part of it means that rows of ours would be there twice.
    async fn is_committed(
        &self,
        writer: &mut Writer,
        progress: &[Progress],
    ) -> Result<bool, LakeError> {
        let (mut done, mut ahead) = (0, None);
        for part in progress {
            let stored = self.known_progress(writer, &part.app).await?;
            let stored = stored.unwrap_or(part.first);
            done += usize::from(stored >= part.next);
            if stored > part.first {
                ahead = Some((part, stored));
            }
        }
        match ahead {
            _ if done == progress.len() => Ok(done > 0),
            Some((part, stored)) => Err(LakeError::Fenced {
                table: self.name.into(),
                app: part.app.clone(),
                stored,
                first: part.first,
            }),
            None => Ok(false),
        }
    }

    /// One attempt, as version + 1 of the snapshot that `writer` holds.
    async fn try_commit(
        &self,
        writer: &mut Writer,
        actions: Vec<Action>,
        progress: &[Progress],
        operation: DeltaOperation,
        now: Micros,
    ) -> Result<(), DeltaTableError> {
        let transactions = progress.iter().map(|part| {
            Transaction::new_with_last_update(part.app.as_str(), part.next, Some(now.0 / 1000))
        });
        let properties = CommitProperties::default()
            .with_application_transactions(transactions.collect())
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        let state = writer.table.snapshot()?;
        let commit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state.snapshot()), writer.table.log_store(), operation)
            .await?;
        writer.table.state = Some(commit.snapshot());
        for part in progress {
            writer.known.insert(part.app.clone(), part.next);
        }
        self.publish(&writer.table);
        Ok(())
    }

    /// Takes the table for maintenance: no append goes on meanwhile in this
    /// process.
    pub(super) async fn maintenance(&self) -> Maintenance<'_> {
        Maintenance {
            table: self,
            writer: self.writer.lock().await,
        }
    }
}

/// The table while maintenance holds it.
pub(super) struct Maintenance<'t> {
    table: &'t LakeTable,
    writer: MutexGuard<'t, Writer>,
}

impl Maintenance<'_> {
    /// The newest snapshot, refreshed.
    pub(super) async fn snapshot(&mut self) -> Result<DeltaTable, LakeError> {
        self.table.refresh_writer(&mut self.writer).await?;
        Ok(self.writer.table.clone())
    }

    /// One commit of `actions` against exactly the snapshot last read.
    pub(super) async fn commit(
        &mut self,
        actions: Vec<Action>,
        progress: &[Progress],
        operation: DeltaOperation,
        now: Micros,
    ) -> Result<(), LakeError> {
        let committed = self
            .table
            .try_commit(&mut self.writer, actions, progress, operation, now)
            .await;
        committed.map_err(self.table.delta("committing maintenance"))
    }
}

/// A short wait that grows with the attempt and differs between processes.
async fn pause(attempt: u32) {
    let spread = u64::from(std::process::id() % 7);
    let wait_ms = u64::from(attempt.min(10)) * (3 + spread);
    tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
}

async fn create_or_load(
    spec: &TableSpec,
    log_store: LogStoreRef,
) -> Result<DeltaTable, DeltaTableError> {
    let schema: StructType = spec.schema().as_ref().try_into_kernel()?;
    let day = StructField::not_null("dt", deltalake::kernel::DataType::DATE);
    let stats: Vec<&str> = spec
        .columns
        .iter()
        .map(|column| column.name)
        .filter(|name| STATS_COLUMNS.contains(name))
        .collect();
    let created = CreateBuilder::new()
        .with_log_store(Arc::clone(&log_store))
        .with_table_name(spec.name)
        .with_columns(schema.fields().cloned().chain([day]))
        .with_partition_columns(["dt"])
        .with_save_mode(SaveMode::Ignore)
        .with_configuration_property(
            deltalake::TableProperty::DataSkippingStatsColumns,
            Some(stats.join(",")),
        )
        .await;
    match created {
        Ok(table) => Ok(table),
        // Another process was first: what it made is the same table.
        Err(error) => {
            let mut table = DeltaTable::new(log_store);
            table.load().await.map(|()| table).map_err(|_| error)
        }
    }
}

/// The smallest next offset over `tables`, as far as any has recorded one.
///
/// A table that has recorded nothing holds the minimum at "from the start", but for one that has joined the lake
/// later.
///
/// # Errors
/// When a log can't be read.
pub async fn resume_from(
    tables: &[Arc<LakeTable>],
    app: &AppId,
) -> Result<(Option<i64>, BTreeMap<&'static str, Checkpoint>), LakeError> {
    let mut start: Option<Option<i64>> = None;
    let mut by_table = BTreeMap::new();
    for table in tables {
        let stored = table.progress(app).await?;
        let mut checkpoint = Checkpoint::default();
        if let Some(next) = stored {
            checkpoint.advance(app, next);
        }
        by_table.insert(table.name(), checkpoint);
        if stored.is_none() && table.has_joined {
            continue;
        }
        start = Some(start.map_or(stored, |least| least.min(stored)));
    }
    Ok((start.flatten(), by_table))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::Faults;
    use crate::lake::{Lake, data_file};
    use crate::tables::{Batch, TableId};

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn moved(source: &str, first: i64, next: i64) -> Progress {
        Progress {
            app: AppId::new(source, 0),
            first,
            next,
        }
    }

    async fn commit(lake: &Lake, offset: i64, progress: &[Progress]) -> Result<(), LakeError> {
        let mut batch = Batch::new(TableId::DeadLetters.spec());
        let mut row = batch.row();
        row.text(0, Some("test"));
        row.int(1, Some(0));
        row.long(2, Some(offset));
        row.int(3, Some(0));
        row.text(5, Some("malformed_json"));
        row.time(9, Some(NOW));
        let table = lake.table(TableId::DeadLetters);
        let mut files = [data_file(&batch.finish().unwrap(), NOW.day()).unwrap()];
        table.upload(&mut files).await.unwrap();
        table.commit(&files, progress, NOW).await
    }

    async fn lake(folder: &tempfile::TempDir) -> Lake {
        Lake::open(folder.path(), Arc::new(Faults::none()))
            .await
            .unwrap()
    }

    fn files(lake: &Lake) -> usize {
        let table = lake.table(TableId::DeadLetters).latest();
        table.get_file_uris().unwrap().count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_of_which_a_rival_has_a_part_is_fenced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (zombie, rival) = (lake(&folder).await, lake(&folder).await);
        commit(&zombie, 1, &[moved("p", 0, 10), moved("q", 0, 10)])
            .await
            .unwrap();
        // While one is stopped, another takes `p` over and goes further.
        commit(&rival, 2, &[moved("p", 10, 50)]).await.unwrap();
        let late = commit(&zombie, 3, &[moved("p", 10, 20), moved("q", 10, 20)]).await;
        assert!(matches!(late, Err(LakeError::Fenced { .. })), "{late:?}");
        let whole = commit(&zombie, 4, &[moved("q", 10, 20)]).await;
        assert!(whole.is_ok());
        assert_eq!(files(&zombie), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_there_already_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        for _ in 0..2 {
            commit(&lake, 1, &[moved("p", 0, 10)]).await.unwrap();
        }
        assert_eq!(files(&lake), 1);
    }
}

//! Stored marts: Delta tables of closed days, and what they cover.
//!
//! A mart's rows were made from certain files of the stored logs. Which ones is
//! said by a coverage document beside the table of interactions; its number
//! travels as `txn` in the commit that writes the rows, so rows and coverage
//! change together. A file of a log that no coverage names is news.
//!
//! Invariants: only the holder of the lease writes; a coverage document is on
//! the disk before a commit refers to it and is never changed. Not here: which
//! days are closed (`jobs`), the rows (`queries/marts`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use deltalake::DeltaTable;
use deltalake::kernel::{Action, Add};
use deltalake::protocol::{DeltaOperation, SaveMode};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::maintain::{Splitter, remove};
use super::parquet_file::DataFile;
use super::read::{all_files, day_of, read_file};
use super::table::{LakeError, Progress};
use super::{Lake, LakeTable, Lease, UpkeepError};
use crate::domain::{AppId, Day, Micros};
use crate::tables::MartId;

const APP: &str = "tingchao-coverage";
const APP_PARTITION: i32 = 0;
const KEPT_DOCUMENTS: i64 = 16;
const COMMIT_ATTEMPTS: u32 = 10;

/// What the stored days were made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The last stored day, `YYYY-MM-DD`: every day up to it is stored.
    pub through: Option<String>,
    /// Stored days with rows and the version of the SQL that made them.
    pub days: BTreeMap<String, String>,
    /// Files of the stored logs whose rows are in, by table.
    pub files: BTreeMap<String, BTreeSet<String>>,
    /// What each mart's commit with this coverage changes, so that one that a crash has kept from happening
    /// can be made up for.
    pub changes: BTreeMap<String, Change>,
}

/// Days of a mart and the uploaded files that take the place of their rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    days: BTreeSet<String>,
    files: Vec<Add>,
}

impl Coverage {
    /// The last stored day.
    pub fn through(&self) -> Option<Day> {
        Day::parse(self.through.as_deref()?).ok()
    }

    /// Whether the rows of this file are in.
    pub fn has(&self, table: &str, path: &str) -> bool {
        self.files
            .get(table)
            .is_some_and(|files| files.contains(path))
    }
}

/// A mart as of one commit.
#[derive(Clone)]
pub struct StoredMart {
    /// Number of its coverage; 0 when nothing is stored.
    pub number: i64,
    /// The table.
    pub table: Arc<DeltaTable>,
}

/// The newest known state of a mart.
///
/// # Errors
/// When its log can't be read.
pub async fn stored_mart(lake: &Lake, id: MartId) -> Result<StoredMart, LakeError> {
    let table = lake.mart(id).latest();
    let failed = |source| LakeError::Delta {
        table: id.name().into(),
        doing: "reading what it covers",
        source: Box::new(source),
    };
    let state = table.snapshot().map_err(failed)?;
    let number = state
        .transaction_version(table.log_store().as_ref(), app().as_str().to_owned())
        .await
        .map_err(failed)?;
    Ok(StoredMart {
        number: number.unwrap_or(0),
        table,
    })
}

fn app() -> AppId {
    AppId::new(APP, APP_PARTITION)
}

fn document(number: i64) -> Path {
    Path::from(format!("_coverage/{number:012}.json"))
}

/// The coverage with this number; `None` when there is none (any more).
///
/// # Errors
/// When it can't be read or understood.
pub async fn coverage(lake: &Lake, number: i64) -> Result<Option<Coverage>, LakeError> {
    if number == 0 {
        return Ok(None);
    }
    let store = lake.mart(MartId::Interactions).latest().object_store();
    let failed = |source| LakeError::Storage {
        table: MartId::Interactions.name().into(),
        doing: "reading a coverage document",
        source,
    };
    let found = match store.get(&document(number)).await {
        Ok(found) => found.bytes().await.map_err(failed)?,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let read = serde_json::from_slice(&found);
    read.map(Some).map_err(|error| LakeError::Unusable {
        url: format!("interactions/{}", document(number)),
        what: format!("this coverage document is damaged ({error}); delete the folders `interactions` and `legs` of the lake, they are made again"),
    })
}

/// Writes a coverage document; it counts once a mart's commit refers to it.
///
/// # Errors
/// When it can't be written.
pub async fn write_coverage(
    lake: &Lake,
    number: i64,
    coverage: &Coverage,
) -> Result<(), LakeError> {
    let store = lake.mart(MartId::Interactions).latest().object_store();
    let failed = |source| LakeError::Storage {
        table: MartId::Interactions.name().into(),
        doing: "writing a coverage document",
        source,
    };
    let text = serde_json::to_vec(coverage).map_err(|error| {
        failed(object_store::Error::Generic {
            store: "coverage",
            source: Box::new(error),
        })
    })?;
    store
        .put(&document(number), bytes::Bytes::from(text).into())
        .await
        .map_err(failed)?;
    if number > KEPT_DOCUMENTS {
        // Old documents are referred to by no live version; one that stays is harmless.
        drop(store.delete(&document(number - KEPT_DOCUMENTS)).await);
    }
    Ok(())
}

/// The active files of a log or mart, with their days.
///
/// # Errors
/// When the snapshot is not loaded.
pub fn file_list(
    table: &'static str,
    snapshot: &DeltaTable,
) -> Result<Vec<(Day, DayFile)>, LakeError> {
    let files = all_files(table, snapshot)?.into_iter();
    let dated = files.filter_map(|file| Some((day_of(&file)?, DayFile(file))));
    Ok(dated.collect())
}

/// A file of one day.
pub struct DayFile(Add);

impl DayFile {
    /// Its name within the table.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.0.size).unwrap_or_default()
    }

    /// Reads the interaction ids of its rows, repeats included.
    ///
    /// # Errors
    /// When the file can't be read.
    pub async fn interaction_ids(
        &self,
        table: &'static str,
        snapshot: &DeltaTable,
        mut each: impl FnMut(&str),
    ) -> Result<(), LakeError> {
        read_file(table, snapshot, &self.0, &["interaction_id"], |rows| {
            let column = rows.column(0).as_string::<i32>();
            column.iter().flatten().for_each(&mut each);
            Ok(())
        })
        .await
    }
}

/// Rows of a mart on their way to files, one set of files a day.
pub struct MartFiles {
    id: MartId,
    days: BTreeMap<Day, Splitter>,
}

impl MartFiles {
    /// For rows of `id`.
    pub fn new(id: MartId) -> Self {
        Self {
            id,
            days: BTreeMap::new(),
        }
    }

    /// Adds rows of one day.
    ///
    /// # Errors
    /// When they can't be written as Parquet.
    pub fn write(&mut self, day: Day, rows: &RecordBatch) -> Result<(), LakeError> {
        let name = self.id.name();
        let splitter = self.days.entry(day);
        let splitter = splitter.or_insert_with(|| Splitter::new(name, day, usize::MAX));
        splitter.write(rows).map_err(|source| LakeError::Parquet {
            table: name.into(),
            source,
        })
    }

    /// Days with rows.
    pub fn days(&self) -> impl Iterator<Item = Day> + '_ {
        self.days.keys().copied()
    }

    /// Uploads the files; they are not part of the mart yet.
    ///
    /// # Errors
    /// When a file can't be written.
    pub async fn upload(
        self,
        lake: &Lake,
        days: &BTreeSet<Day>,
        now: Micros,
    ) -> Result<Change, LakeError> {
        let table = lake.mart(self.id);
        let mut files: Vec<DataFile> = Vec::new();
        for splitter in self.days.into_values() {
            files.extend(splitter.finish()?);
        }
        table.upload(&mut files).await?;
        Ok(Change {
            days: days.iter().map(Day::to_string).collect(),
            files: files.iter().map(|file| file.add(now, true)).collect(),
        })
    }
}

/// Puts the new files of `change` in the place of all rows that the mart has of its days, and has it covered by
/// the document `number`, in one commit.
///
/// # Errors
/// When the lease is lost, or no attempt goes through; then nothing is changed.
pub async fn commit_change(
    lake: &Lake,
    id: MartId,
    change: &Change,
    number: i64,
    lease: &Lease,
    clock: fn() -> Micros,
) -> Result<(), UpkeepError> {
    let table: &Arc<LakeTable> = lake.mart(id);
    let progress = [Progress {
        app: app(),
        first: number - 1,
        next: number,
    }];
    let operation = DeltaOperation::Write {
        mode: SaveMode::Overwrite,
        partition_by: Some(vec!["dt".into()]),
        predicate: Some(format!("{} closed days", change.days.len())),
    };
    let mut held = table.maintenance().await;
    let mut last = String::new();
    for _ in 0..COMMIT_ATTEMPTS {
        let snapshot = held.snapshot().await?;
        let active = all_files(table.name(), &snapshot)?;
        // An attempt whose answer was lost has gone through.
        if let Some(first) = change.files.first()
            && active.iter().any(|file| file.path == first.path)
        {
            return Ok(());
        }
        lease.check(clock()).await?;
        let now = clock();
        let replaced = active
            .iter()
            .filter(|file| day_of(file).is_none_or(|day| change.days.contains(&day.to_string())));
        let mut actions: Vec<Action> = replaced
            .map(|file| Action::Remove(remove(file, now, true)))
            .collect();
        actions.extend(change.files.iter().cloned().map(Action::Add));
        match held
            .commit(actions, &progress, operation.clone(), now)
            .await
        {
            Ok(()) => return Ok(()),
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

/// Commits what a crash has kept from being committed: marts are written one after the other, so all but the
/// first can be behind.
///
/// # Errors
/// As [`commit_change`].
pub async fn catch_up(
    lake: &Lake,
    lease: &Lease,
    clock: fn() -> Micros,
) -> Result<(), UpkeepError> {
    let newest = stored_mart(lake, MartId::Interactions).await?.number;
    let mut known = None;
    for id in MartId::ALL {
        if stored_mart(lake, *id).await?.number == newest {
            continue;
        }
        if known.is_none() {
            known = coverage(lake, newest).await?;
        }
        let change = known
            .as_ref()
            .and_then(|known| known.changes.get(id.name()));
        if let Some(change) = change {
            commit_change(lake, *id, change, newest, lease, clock).await?;
        }
    }
    Ok(())
}

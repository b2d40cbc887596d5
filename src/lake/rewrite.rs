//! Days of a derived table replaced, with the progress of whoever derives it, in one commit.
//!
//! Invariants: only the holder of the lease writes; a commit follows exactly the
//! version that was read, or nothing is changed; other days stay as they are.
//! Not here: what the rows are (`jobs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use deltalake::DeltaTable;
use deltalake::kernel::{Action, Add};
use deltalake::protocol::{DeltaOperation, SaveMode};

use super::maintain::{Splitter, remove};
use super::parquet_file::DataFile;
use super::read::{all_files, day_of, read_file};
use super::table::{LakeError, LakeTable, Progress};
use super::{Lease, UpkeepError};
use crate::domain::{Day, Micros};

/// A change of a derived table that is being put together.
pub struct Rewrite {
    table: Arc<LakeTable>,
    snapshot: Arc<DeltaTable>,
    files: Vec<Add>,
    away: BTreeSet<Day>,
    new: BTreeMap<Day, Vec<RecordBatch>>,
}

impl Rewrite {
    /// Begins with the newest version.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn begin(table: &Arc<LakeTable>) -> Result<Self, LakeError> {
        table.refresh().await?;
        let snapshot = table.latest();
        let files = all_files(table.name(), &snapshot)?;
        Ok(Self {
            table: Arc::clone(table),
            snapshot,
            files,
            away: BTreeSet::new(),
            new: BTreeMap::new(),
        })
    }

    /// Days with rows, and in how many files.
    #[must_use]
    pub fn days(&self) -> BTreeMap<Day, usize> {
        let mut days = BTreeMap::new();
        for day in self.files.iter().filter_map(day_of) {
            *days.entry(day).or_default() += 1;
        }
        days
    }

    /// Reads columns of one day (none: all of them) as they were at the beginning.
    ///
    /// # Errors
    /// When a file can't be read.
    pub async fn read(
        &self,
        day: Day,
        columns: &[&str],
        mut each: impl FnMut(&RecordBatch),
    ) -> Result<(), LakeError> {
        let of_day = self.files.iter().filter(|file| day_of(file) == Some(day));
        for file in of_day {
            read_file(self.table.name(), &self.snapshot, file, columns, |rows| {
                each(&rows);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Takes away what the day had at the beginning.
    pub fn take_away(&mut self, day: Day) {
        self.away.insert(day);
    }

    /// Adds rows to a day.
    pub fn put(&mut self, day: Day, rows: RecordBatch) {
        self.new.entry(day).or_default().push(rows);
    }

    /// The new rows as files, one a day.
    fn write(&mut self) -> Result<Vec<DataFile>, LakeError> {
        let name = self.table.name();
        let mut files = Vec::new();
        for (day, batches) in std::mem::take(&mut self.new) {
            let mut splitter = Splitter::new(name, day, usize::MAX);
            for rows in &batches {
                splitter.write(rows).map_err(|source| LakeError::Parquet {
                    table: name.into(),
                    source,
                })?;
            }
            files.extend(splitter.finish()?);
        }
        Ok(files)
    }

    /// Commits the change with `progress`; one that changes nothing and goes nowhere is none.
    ///
    /// # Errors
    /// When the lease is lost, or somebody else has changed the table; then nothing is changed.
    pub async fn commit(
        mut self,
        progress: &[Progress],
        lease: &Lease,
        clock: fn() -> Micros,
    ) -> Result<(), UpkeepError> {
        if self.away.is_empty() && self.new.is_empty() && progress.is_empty() {
            return Ok(());
        }
        let mut new = self.write()?;
        self.table.upload(&mut new).await?;
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: Some(vec!["dt".into()]),
            predicate: Some(format!("{} days", self.away.len())),
        };
        let mut held = self.table.maintenance().await;
        let now_there = held.snapshot().await?;
        if now_there.version() != self.snapshot.version() {
            let what = "it has changed since it was read".to_owned();
            return Err(stale(&self.table, what).into());
        }
        lease.check(clock()).await?;
        let now = clock();
        let is_away = |file: &&Add| day_of(file).is_some_and(|day| self.away.contains(&day));
        let mut actions: Vec<Action> = self
            .files
            .iter()
            .filter(is_away)
            .map(|file| Action::Remove(remove(file, now, true)))
            .collect();
        actions.extend(new.iter().map(|file| Action::Add(file.add(now, true))));
        held.commit(actions, progress, operation, now).await?;
        Ok(())
    }
}

fn stale(table: &LakeTable, what: String) -> LakeError {
    LakeError::Stale {
        table: table.name().into(),
        what,
    }
}

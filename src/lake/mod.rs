//! The lake: Delta tables in a folder or an S3 bucket, written
//! durably and exactly once.
//!
//! Invariants: nothing is acknowledged before it is on the disk; rows and the
//! progress of their sources are one commit; appends may come from several
//! processes, maintenance has one owner. Not here: SQL (`query`), row formats
//! (`tables`), when to flush (`pipeline`).

mod columns;
mod copy;
mod durable;
mod lease;
mod maintain;
mod marts;
mod parquet_file;
mod read;
mod rewrite;
mod rows_file;
mod rows_read;
mod storage;
mod table;
mod tail;

use std::path::Path;
use std::sync::Arc;

pub use copy::{TableVersion, table_version};
pub use durable::DurableDisk;
pub use lease::{Lease, LeaseError, MAINTENANCE};
pub use maintain::{Done, Round, Upkeep, UpkeepError, compact, is_crowded, keep_up, rewrite_day};
pub use marts::{
    Change, Coverage, DayFile, MartFiles, StoredMart, catch_up, commit_change, coverage, file_list,
    stored_mart, write_coverage,
};
pub use parquet_file::{DataFile, data_file};
pub use read::{days_of, read_day, read_new_files};
pub use rewrite::Rewrite;
pub use rows_file::{RowCell, RowKind, RowsError, RowsFile};
pub use rows_read::RowsRead;
pub use storage::Storage;
pub use table::{LakeError, LakeTable, Progress, resume_from};
pub use tail::{Appended, appended_after, appended_ids, read_appended};

use crate::disk::Faults;
use crate::tables::{InsightId, MartId, TableId};

/// All tables of one lake.
pub struct Lake {
    storage: Storage,
    tables: Vec<Arc<LakeTable>>,
    marts: Vec<Arc<LakeTable>>,
    insights: Vec<Arc<LakeTable>>,
    faults: Arc<Faults>,
}

impl Lake {
    /// Opens the lake in the folder `root`, creating what is missing.
    ///
    /// # Errors
    /// When the folder or a table can't be made or read.
    pub async fn open(root: &Path, faults: Arc<Faults>) -> Result<Self, LakeError> {
        let storage = Storage::folder(root, Arc::clone(&faults))?;
        Self::on(storage, faults).await
    }

    /// Opens the lake at `storage`, creating what is missing.
    ///
    /// # Errors
    /// When a table can't be made or read.
    pub async fn on(storage: Storage, faults: Arc<Faults>) -> Result<Self, LakeError> {
        let mut tables = Vec::with_capacity(TableId::ALL.len());
        for id in TableId::ALL {
            tables.push(Arc::new(LakeTable::open(id.spec(), &storage).await?));
        }
        let mut marts = Vec::with_capacity(MartId::ALL.len());
        for id in MartId::ALL {
            marts.push(Arc::new(LakeTable::open(id.spec(), &storage).await?));
        }
        let mut insights = Vec::with_capacity(InsightId::ALL.len());
        for id in InsightId::ALL {
            insights.push(Arc::new(LakeTable::open(id.spec(), &storage).await?));
        }
        Ok(Self {
            storage,
            tables,
            marts,
            insights,
            faults,
        })
    }

    /// Where the lake lies, with the objects in it that are no tables.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// One table.
    pub fn table(&self, id: TableId) -> &Arc<LakeTable> {
        &self.tables[id as usize]
    }

    /// One stored mart.
    pub fn mart(&self, id: MartId) -> &Arc<LakeTable> {
        &self.marts[id as usize]
    }

    /// One derived table.
    pub fn insight(&self, id: InsightId) -> &Arc<LakeTable> {
        &self.insights[id as usize]
    }

    /// All derived tables, in the order of [`InsightId::ALL`].
    pub fn insights(&self) -> &[Arc<LakeTable>] {
        &self.insights
    }

    /// All stored logs, in the order of [`TableId::ALL`].
    pub fn tables(&self) -> &[Arc<LakeTable>] {
        &self.tables
    }

    /// The plan of failures, for tests.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }

    /// Looks for commits of other processes in every table.
    ///
    /// # Errors
    /// When a log can't be read.
    pub async fn refresh(&self) -> Result<(), LakeError> {
        // Derived tables first: what they were made of is then in the logs that this process knows.
        for table in self.insights.iter().chain(&self.tables).chain(&self.marts) {
            table.refresh().await?;
        }
        Ok(())
    }
}

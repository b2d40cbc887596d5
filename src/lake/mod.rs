//! The lake: Delta tables on a local disk (or another object store), written
//! durably and exactly once.
//!
//! Invariants: nothing is acknowledged before it is on the disk; rows and the
//! progress of their sources are one commit; appends may come from several
//! processes, maintenance has one owner. Not here: SQL (`query`), row formats
//! (`tables`), when to flush (`pipeline`).

mod durable;
mod lease;
mod maintain;
mod parquet_file;
mod read;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use url::Url;

pub use durable::DurableDisk;
pub use lease::{Lease, LeaseError};
pub use maintain::{Done, Upkeep, UpkeepError, compact, keep_up, rewrite_day};
pub use parquet_file::{DataFile, data_file};
pub use read::{days_of, read_day};
pub use table::{LakeError, LakeTable, Progress, resume_from};

use crate::disk::{Faults, create_folder};
use crate::tables::TableId;

/// All tables of one lake.
pub struct Lake {
    root: PathBuf,
    tables: Vec<Arc<LakeTable>>,
    faults: Arc<Faults>,
}

impl Lake {
    /// Opens the lake in the folder `root`, creating what is missing.
    ///
    /// # Errors
    /// When the folder or a table can't be made or read.
    pub async fn open(root: &Path, faults: Arc<Faults>) -> Result<Self, LakeError> {
        let unusable = |what: String| LakeError::Unusable {
            url: root.display().to_string(),
            what,
        };
        create_folder(root).map_err(|error| unusable(format!("folder can't be made: {error}")))?;
        let root = root
            .canonicalize()
            .map_err(|error| unusable(format!("folder can't be read: {error}")))?;
        let store: Arc<dyn ObjectStore> = Arc::new(DurableDisk::new(Arc::clone(&faults)));
        let mut tables = Vec::with_capacity(TableId::ALL.len());
        for id in TableId::ALL {
            let folder = root.join(id.name());
            create_folder(&folder)
                .map_err(|error| unusable(format!("folder can't be made: {error}")))?;
            let url = Url::from_directory_path(folder)
                .map_err(|()| unusable("the path is not absolute".into()))?;
            tables.push(Arc::new(
                LakeTable::open(id.spec(), Arc::clone(&store), url).await?,
            ));
        }
        Ok(Self {
            root,
            tables,
            faults,
        })
    }

    /// The folder of the lake.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// One table.
    pub fn table(&self, id: TableId) -> &Arc<LakeTable> {
        &self.tables[id as usize]
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
        for table in &self.tables {
            table.refresh().await?;
        }
        Ok(())
    }
}

//! What was appended to a table after a version: for those who pass it on.
//!
//! Invariants: rows come in the order of their commits; a rewritten file
//! (compaction, a cleaned day) adds nothing new. Not here: who remembers how far
//! it has come.

use arrow::array::{AsArray, RecordBatch};
use deltalake::kernel::{Action, Add};
use deltalake::logstore::get_actions;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::read::{day_of, read_file};
use super::table::{LakeError, LakeTable};
use crate::domain::Day;

/// Data files of one commit.
pub struct Appended {
    /// The version that the commit made.
    pub version: i64,
    files: Vec<Add>,
    replaces: bool,
}

impl Appended {
    /// Whether the commit brought rows.
    pub fn has_rows(&self) -> bool {
        !self.files.is_empty()
    }

    /// Whether the commit put its rows in the place of others, as a cleaned day does.
    pub fn replaces(&self) -> bool {
        self.replaces
    }
}

/// The commits after version `after`, oldest first, at most `limit` of them.
/// Entries that the log no longer has are left out.
///
/// # Errors
/// When the log can't be read.
pub async fn appended_after(
    table: &LakeTable,
    after: i64,
    limit: u64,
) -> Result<Vec<Appended>, LakeError> {
    let snapshot = table.latest();
    let failed = |source| LakeError::Delta {
        table: table.name().into(),
        doing: "reading the log",
        source: Box::new(source),
    };
    let Some(newest) = snapshot.version() else {
        return Ok(Vec::new());
    };
    let first = u64::try_from(after + 1).unwrap_or(0);
    let log = snapshot.log_store();
    let mut found = Vec::new();
    for version in first..=newest.min(first.saturating_add(limit)) {
        let Some(entry) = log.read_commit_entry(version).await.map_err(failed)? else {
            continue;
        };
        let actions = get_actions(version, &entry).map_err(failed)?;
        let replaces = actions
            .iter()
            .any(|action| matches!(action, Action::Remove(_)));
        let files = actions.into_iter().filter_map(|action| match action {
            Action::Add(add) if add.data_change => Some(add),
            _ => None,
        });
        found.push(Appended {
            version: i64::try_from(version).unwrap_or(i64::MAX),
            files: files.collect(),
            replaces,
        });
    }
    Ok(found)
}

/// Reads the rows of a commit, batch by batch; false when a file of it has been
/// deleted meanwhile, because no version needs it.
///
/// # Errors
/// When a file can't be read.
pub async fn read_appended(
    table: &LakeTable,
    appended: &Appended,
    mut each: impl FnMut(&RecordBatch),
) -> Result<bool, LakeError> {
    let snapshot = table.latest();
    let store = snapshot.object_store();
    let mut is_whole = true;
    for file in &appended.files {
        let path = Path::from(file.path.as_str());
        if let Err(object_store::Error::NotFound { .. }) = store.head(&path).await {
            is_whole = false;
            continue;
        }
        read_file(table.name(), &snapshot, file, &[], |rows| {
            each(&rows);
            Ok(())
        })
        .await?;
    }
    Ok(is_whole)
}

/// Reads the interaction ids of a commit's rows with the day of their file; false as [`read_appended`].
///
/// # Errors
/// When a file can't be read.
pub async fn appended_ids(
    table: &LakeTable,
    appended: &Appended,
    mut each: impl FnMut(Day, &str),
) -> Result<bool, LakeError> {
    let snapshot = table.latest();
    let store = snapshot.object_store();
    let mut is_whole = true;
    for file in &appended.files {
        let path = Path::from(file.path.as_str());
        let there = !matches!(
            store.head(&path).await,
            Err(object_store::Error::NotFound { .. })
        );
        let Some(day) = day_of(file).filter(|_| there) else {
            is_whole = false;
            continue;
        };
        read_file(table.name(), &snapshot, file, &["interaction_id"], |rows| {
            let column = rows.column(0).as_string::<i32>();
            column.iter().flatten().for_each(|id| each(day, id));
            Ok(())
        })
        .await?;
    }
    Ok(is_whole)
}

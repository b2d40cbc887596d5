//! What a table consists of at one version, so that a lake can be copied while it is written.
//!
//! Invariants: the objects named are exactly those that a reader of that version needs; objects of a Delta table
//! are never changed, so a copy of them is that version, whatever is committed meanwhile. Stored marts are not
//! here: they are made again from the logs. Not here: where the copy goes.

use futures::StreamExt;
use object_store::path::Path;
use serde::Deserialize;

use super::read::all_files;
use super::{LakeError, LakeTable, Storage};
use crate::domain::AppId;

const LOG: &str = "_delta_log";
/// Digits of a version in the names of a log.
const VERSION_DIGITS: usize = 20;
const LAST_CHECKPOINT: &str = "_last_checkpoint";

/// One table at one version.
pub struct TableVersion {
    /// Name of the table.
    pub table: &'static str,
    /// The version.
    pub version: u64,
    /// Names of its objects below the lake, data files first.
    pub objects: Vec<String>,
    /// How far the source that was asked for has come in it.
    pub next: Option<i64>,
}

#[derive(Deserialize)]
struct LastCheckpoint {
    version: u64,
}

/// `table` at the newest version that this process knows, with the progress of `app` in it.
///
/// # Errors
/// When the log can't be read.
pub async fn table_version(
    table: &LakeTable,
    storage: &Storage,
    app: &AppId,
) -> Result<TableVersion, LakeError> {
    let snapshot = table.latest();
    let failed = |source| LakeError::Delta {
        table: table.name().into(),
        doing: "reading a version",
        source: Box::new(source),
    };
    let state = snapshot.snapshot().map_err(failed)?;
    let version = state.version();
    let log = snapshot.log_store();
    let next = state
        .transaction_version(log.as_ref(), app.as_str().to_owned())
        .await
        .map_err(failed)?;
    let files = all_files(table.name(), &snapshot)?;
    let below = |name: &str| format!("{}/{name}", table.name());
    let mut objects: Vec<String> = files.iter().map(|file| below(&file.path)).collect();
    let folder = below(LOG);
    for name in storage.names(&folder).await? {
        let object = format!("{folder}/{name}");
        if belongs(storage, &object, &name, version).await? {
            objects.push(object);
        }
    }
    Ok(TableVersion {
        table: table.name(),
        version,
        objects,
        next,
    })
}

/// Whether `name` of a log tells of versions up to `version` alone.
async fn belongs(
    storage: &Storage,
    object: &str,
    name: &str,
    version: u64,
) -> Result<bool, LakeError> {
    if name == LAST_CHECKPOINT {
        let content = storage.get(object).await?.unwrap_or_default();
        let last = serde_json::from_slice::<LastCheckpoint>(&content);
        return Ok(last.is_ok_and(|last| last.version <= version));
    }
    let number = name.get(..VERSION_DIGITS);
    let number = number.and_then(|digits| digits.parse::<u64>().ok());
    Ok(number.is_some_and(|number| number <= version))
}

impl Storage {
    /// Names of all objects of `folder` (empty: of the whole lake), below the lake, in order.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn objects(&self, folder: &str) -> Result<Vec<String>, LakeError> {
        let root = self.path("");
        let mut found = self.store.list(Some(&self.path(folder)));
        let mut names = Vec::new();
        while let Some(object) = found.next().await {
            let object = object.map_err(Self::failed("listing objects"))?;
            names.extend(below(&object.location, &root));
        }
        names.sort();
        Ok(names)
    }
}

fn below(location: &Path, root: &Path) -> Option<String> {
    let parts = location.prefix_match(root)?;
    let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
    Some(parts.join("/"))
}

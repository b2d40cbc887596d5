//! Heads that were taught, as versioned objects of the lake: published, read by every process, taken back.
//!
//! A version is a small document that names the heads in use by the SHA-256 of their artefacts; artefacts are objects
//! of their own. Invariants: a version is never changed, only followed by the next one; of two that publish at once
//! one wins and the other comes after it; taking back is a version too, so the history is whole. A process keeps the
//! heads that it has when the newest version can't be read. Not here: whether a head is better (`sentiment::taught`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::Micros;
use crate::enrich::models::HeadId;
use crate::lake::{LakeError, Storage};
use crate::model::linear::{BadModel, Linear};

const VERSIONS: &str = "_tingchao/models";
const ARTEFACTS: &str = "_tingchao/model-artefacts";
/// How often processes look for a newer version.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why published heads can't be had or written.
#[derive(Debug, thiserror::Error)]
pub enum PublishedError {
    /// The lake fails.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A document or an artefact is damaged or missing.
    #[error("the published model {name} of the lake can't be used: {cause}")]
    Damaged {
        /// Which.
        name: String,
        /// What is wrong.
        cause: String,
    },
    /// There is no version before.
    #[error("nothing is published, so there is nothing to take back; the shipped heads are in use")]
    NothingPublished,
}

/// A version of the heads in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// From 1 on, without gaps.
    pub number: u64,
    /// When.
    pub at: String,
    /// Who: the id of a key, or `cli`.
    pub by: String,
    /// `publish` or `rollback`.
    pub action: String,
    /// The version that `rollback` goes back to from here; 0 is the shipped heads.
    pub before: u64,
    /// Heads other than the shipped ones, by name: SHA-256 of the artefact.
    pub heads: BTreeMap<String, String>,
    /// What was found when it was compared with the running one.
    pub compared: Value,
}

/// The newest version; none when nothing was published.
///
/// # Errors
/// When the lake can't be read or the document is damaged.
pub async fn newest(storage: &Storage) -> Result<Option<Published>, PublishedError> {
    let names = storage.names(VERSIONS).await?;
    let number = |name: &String| name.strip_suffix(".json")?.parse::<u64>().ok();
    match names.iter().filter_map(number).max() {
        Some(newest) => version(storage, newest).await.map(Some),
        None => Ok(None),
    }
}

/// All versions, oldest first.
///
/// # Errors
/// When the lake can't be read or a document is damaged.
pub async fn history(storage: &Storage) -> Result<Vec<Published>, PublishedError> {
    let mut all = Vec::new();
    let newest = newest(storage).await?.map_or(0, |newest| newest.number);
    for number in 1..=newest {
        all.push(version(storage, number).await?);
    }
    Ok(all)
}

async fn version(storage: &Storage, number: u64) -> Result<Published, PublishedError> {
    let name = place(number);
    let damaged = |cause: String| PublishedError::Damaged {
        name: name.clone(),
        cause,
    };
    let bytes = storage.get(&name).await?;
    let bytes = bytes.ok_or_else(|| damaged("it is missing".to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
}

fn place(number: u64) -> String {
    format!("{VERSIONS}/{number:08}.json")
}

/// The heads of a version.
///
/// # Errors
/// When an artefact is missing or damaged.
pub async fn heads(
    storage: &Storage,
    version: &Published,
) -> Result<Vec<(HeadId, Linear)>, PublishedError> {
    let mut heads = Vec::new();
    for (name, digest) in &version.heads {
        let damaged = |cause: String| PublishedError::Damaged {
            name: format!("{name} ({digest})"),
            cause,
        };
        // A head that a later version of the product knows is not ours to use.
        let Some(id) = HeadId::parse(name) else {
            continue;
        };
        let bytes = storage.get(&format!("{ARTEFACTS}/{digest}.bin")).await?;
        let bytes = bytes.ok_or_else(|| damaged("its artefact is missing".to_owned()))?;
        if sha256(&bytes) != *digest {
            return Err(damaged("its artefact has another SHA-256".to_owned()));
        }
        let head = Linear::read(&bytes).map_err(|error: BadModel| damaged(error.to_string()))?;
        heads.push((id, head));
    }
    Ok(heads)
}

/// Makes `head` the one in use, beside those of the newest version.
///
/// # Errors
/// When the lake can't be written.
pub async fn publish(
    storage: &Storage,
    (id, head): (HeadId, &Linear),
    by: &str,
    now: Micros,
    compared: Value,
) -> Result<Published, PublishedError> {
    let bytes = head.bytes();
    let digest = sha256(&bytes);
    // The name is the content: what is there already is the same.
    storage
        .create(&format!("{ARTEFACTS}/{digest}.bin"), &bytes)
        .await?;
    follow_up(storage, |newest| {
        let mut heads = newest
            .map(|newest| newest.heads.clone())
            .unwrap_or_default();
        heads.insert(id.as_str().to_owned(), digest.clone());
        Ok(Published {
            number: 0,
            at: now.to_string(),
            by: by.to_owned(),
            action: "publish".to_owned(),
            before: newest.map_or(0, |newest| newest.number),
            heads,
            compared: compared.clone(),
        })
    })
    .await
}

/// Goes back to the version before the newest one; again, to the one before that.
///
/// # Errors
/// When nothing is published, or the lake fails.
pub async fn roll_back(
    storage: &Storage,
    by: &str,
    now: Micros,
) -> Result<Published, PublishedError> {
    let all = history(storage).await?;
    follow_up(storage, |newest| {
        let newest = newest.ok_or(PublishedError::NothingPublished)?;
        if newest.heads.is_empty() {
            return Err(PublishedError::NothingPublished);
        }
        let target = all.iter().find(|version| version.number == newest.before);
        Ok(Published {
            number: 0,
            at: now.to_string(),
            by: by.to_owned(),
            action: "rollback".to_owned(),
            before: target.map_or(0, |target| target.before),
            heads: target
                .map(|target| target.heads.clone())
                .unwrap_or_default(),
            compared: Value::Null,
        })
    })
    .await
}

/// Writes what `next` makes of the newest version as the one after it.
async fn follow_up(
    storage: &Storage,
    next: impl Fn(Option<&Published>) -> Result<Published, PublishedError>,
) -> Result<Published, PublishedError> {
    loop {
        let present = newest(storage).await?;
        let mut version = next(present.as_ref())?;
        version.number = present.map_or(0, |present| present.number) + 1;
        let name = place(version.number);
        let bytes = serde_json::to_vec(&version).map_err(|error| PublishedError::Damaged {
            name: name.clone(),
            cause: error.to_string(),
        })?;
        if storage.create(&name, &bytes).await? {
            return Ok(version);
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::Faults;
    use crate::model::linear::Calibration;

    fn head(bias: f32) -> Linear {
        let plain = Calibration {
            slope: 1.0,
            offset: 0.0,
        };
        Linear::quantise("polarity-en", bias, &[0.0; 256], plain, vec![]).unwrap()
    }

    async fn in_use(storage: &Storage) -> Vec<(HeadId, String)> {
        let Some(newest) = newest(storage).await.unwrap() else {
            return Vec::new();
        };
        let found = heads(storage, &newest).await.unwrap();
        found
            .into_iter()
            .map(|(id, head)| (id, head.version().to_owned()))
            .collect()
    }

    #[tokio::test]
    async fn heads_are_published_and_taken_back_step_by_step() {
        let folder = tempfile::tempdir().unwrap();
        let storage =
            Storage::folder(&folder.path().join("lake"), Arc::new(Faults::none())).unwrap();
        assert!(newest(&storage).await.unwrap().is_none());
        let refused = roll_back(&storage, "cli", Micros(1)).await.unwrap_err();
        assert!(matches!(refused, PublishedError::NothingPublished));
        let (one, two) = (head(1.0), head(2.0));
        let (zh, en) = (HeadId::PolarityZh, HeadId::PolarityEn);
        publish(&storage, (en, &one), "cli", Micros(1), Value::Null)
            .await
            .unwrap();
        publish(&storage, (zh, &two), "cli", Micros(2), Value::Null)
            .await
            .unwrap();
        publish(&storage, (en, &two), "cli", Micros(3), Value::Null)
            .await
            .unwrap();
        let (v1, v2) = (one.version().to_owned(), two.version().to_owned());
        assert_eq!(in_use(&storage).await, [(en, v2.clone()), (zh, v2.clone())]);
        roll_back(&storage, "cli", Micros(4)).await.unwrap();
        assert_eq!(in_use(&storage).await, [(en, v1.clone()), (zh, v2.clone())]);
        roll_back(&storage, "cli", Micros(5)).await.unwrap();
        assert_eq!(in_use(&storage).await, [(en, v1.clone())]);
        publish(&storage, (en, &two), "cli", Micros(6), Value::Null)
            .await
            .unwrap();
        roll_back(&storage, "cli", Micros(7)).await.unwrap();
        assert_eq!(in_use(&storage).await, [(en, v1)]);
        roll_back(&storage, "cli", Micros(8)).await.unwrap();
        assert!(in_use(&storage).await.is_empty());
        assert!(roll_back(&storage, "cli", Micros(9)).await.is_err());
        let all = history(&storage).await.unwrap();
        let numbers: Vec<u64> = all.iter().map(|one| one.number).collect();
        assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn those_that_publish_at_once_come_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let storage =
            Storage::folder(&folder.path().join("lake"), Arc::new(Faults::none())).unwrap();
        let ids = HeadId::ALL;
        let head = head(1.0);
        let all = ids.map(|id| publish(&storage, (id, &head), "cli", Micros(1), Value::Null));
        let numbers = futures::future::join_all(all).await;
        let mut numbers: Vec<u64> = numbers.into_iter().map(|one| one.unwrap().number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
        assert_eq!(in_use(&storage).await.len(), ids.len());
    }

    #[tokio::test]
    async fn a_damaged_artefact_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let storage =
            Storage::folder(&folder.path().join("lake"), Arc::new(Faults::none())).unwrap();
        let id = HeadId::PolarityEn;
        let made = publish(&storage, (id, &head(1.0)), "cli", Micros(1), Value::Null)
            .await
            .unwrap();
        let digest = made.heads.values().next().unwrap();
        storage
            .put(&format!("{ARTEFACTS}/{digest}.bin"), b"other")
            .await
            .unwrap();
        let Err(error) = heads(&storage, &made).await else {
            panic!("a damaged artefact was taken");
        };
        let error = error.to_string();
        assert!(
            error.contains("polarity-en") && error.contains("SHA-256"),
            "{error}"
        );
    }
}

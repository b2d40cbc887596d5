//! The key of the tokens: made once, with the lake; never another one.
//!
//! Invariants: the file has mode 600 and lies outside the data folder; the lake
//! keeps the key's fingerprint; a process without the key, or with another,
//! does not start.

use std::fs;
use std::io;
use std::path::Path;

use crate::disk::write_private;
use crate::enrich::redact::TokenKey;
use crate::lake::{LakeError, Storage};

/// The object of the lake with the key's fingerprint.
const FINGERPRINT: &str = "_tingchao/token-key.fingerprint";

/// Why there is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    /// The lake has data under a key that is not there.
    #[error(
        "{wanted} is missing: the lake at {lake} holds tokens made with it. Put the key file back, or name it with TINGCHAO__PRIVACY__TOKEN_KEY_FILE"
    )]
    Missing {
        /// The file.
        wanted: String,
        /// The lake.
        lake: String,
    },
    /// The key is another one.
    #[error(
        "{wanted} is not the key that the lake at {lake} was made with: tokens would not join. Put the right key file there, or name it with TINGCHAO__PRIVACY__TOKEN_KEY_FILE"
    )]
    Wrong {
        /// The file.
        wanted: String,
        /// The lake.
        lake: String,
    },
    /// The file is not a key.
    #[error("{0} is not a token key: expected 64 hexadecimal digits")]
    Malformed(String),
    /// The disk.
    #[error("{path} can't be read or written")]
    Disk {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// No random bytes.
    #[error("no random bytes for a token key: {0}")]
    Random(String),
}

/// Opens the key of the lake at `lake`, making it when there is none and the
/// lake is new. Several processes may do so at once: one makes it.
///
/// # Errors
/// See [`TokenKeyError`].
pub async fn open(file: &Path, lake: &Storage) -> Result<TokenKey, TokenKeyError> {
    let shown = || (file.display().to_string(), lake.shown().to_owned());
    match kept_fingerprint(lake).await? {
        Some(fingerprint) => {
            let Some(key) = read_key(file)? else {
                let (wanted, lake) = shown();
                return Err(TokenKeyError::Missing { wanted, lake });
            };
            same(key, fingerprint.trim(), shown)
        }
        None => {
            let key = match read_key(file)? {
                Some(key) => key,
                None => make(file)?,
            };
            if lake
                .create(FINGERPRINT, key.fingerprint().as_bytes())
                .await?
            {
                return Ok(key);
            }
            // Another process was first: then its fingerprint holds.
            let fingerprint = kept_fingerprint(lake).await?.unwrap_or_default();
            same(key, fingerprint.trim(), shown)
        }
    }
}

/// The fingerprint of the key that the lake was begun with.
///
/// # Errors
/// When the lake can't be read.
pub async fn fingerprint_at(lake: &Storage) -> Result<Option<String>, TokenKeyError> {
    let kept = kept_fingerprint(lake).await?;
    Ok(kept.map(|text| text.trim().to_owned()))
}

/// Whether `file` is the key with `fingerprint`.
pub fn is_key(file: &Path, fingerprint: &str) -> bool {
    let key = read_key(file).ok().flatten();
    key.is_some_and(|key| key.fingerprint() == fingerprint)
}

async fn kept_fingerprint(lake: &Storage) -> Result<Option<String>, TokenKeyError> {
    let kept = lake.get(FINGERPRINT).await?;
    Ok(kept.map(|text| String::from_utf8_lossy(&text).into_owned()))
}

fn same(
    key: TokenKey,
    fingerprint: &str,
    shown: impl Fn() -> (String, String),
) -> Result<TokenKey, TokenKeyError> {
    if key.fingerprint() == fingerprint {
        return Ok(key);
    }
    let (wanted, lake) = shown();
    Err(TokenKeyError::Wrong { wanted, lake })
}

fn make(file: &Path) -> Result<TokenKey, TokenKeyError> {
    let key = TokenKey::generate().map_err(|error| TokenKeyError::Random(error.to_string()))?;
    let text = data_encoding::HEXLOWER.encode(key.expose_bytes());
    match write_private(file, format!("{text}\n").as_bytes()) {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_key(file)?.ok_or_else(|| disk(file, error))
        }
        Err(source) => Err(disk(file, source)),
    }
}

fn read_key(file: &Path) -> Result<Option<TokenKey>, TokenKeyError> {
    let Some(text) = read(file)? else {
        return Ok(None);
    };
    let malformed = || TokenKeyError::Malformed(file.display().to_string());
    let bytes = data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.trim().as_bytes())
        .map_err(|_| malformed())?;
    Ok(Some(TokenKey::from_bytes(
        bytes.try_into().map_err(|_| malformed())?,
    )))
}

fn read(file: &Path) -> Result<Option<String>, TokenKeyError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(disk(file, source)),
    }
}

fn disk(file: &Path, source: io::Error) -> TokenKeyError {
    TokenKeyError::Disk {
        path: file.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn storage(folder: &Path) -> Storage {
        Storage::folder(folder, std::sync::Arc::new(crate::disk::Faults::none())).unwrap()
    }

    #[tokio::test]
    async fn a_key_is_made_once_and_then_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.token-key");
        let lake = storage(&folder.path().join("data/lake"));
        let first = open(&file, &lake).await.unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            open(&file, &lake).await.unwrap().fingerprint(),
            first.fingerprint()
        );
        let kept = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(matches!(
            open(&file, &lake).await,
            Err(TokenKeyError::Missing { .. })
        ));
        fs::write(&file, "00".repeat(32)).unwrap();
        assert!(matches!(
            open(&file, &lake).await,
            Err(TokenKeyError::Wrong { .. })
        ));
        fs::write(&file, "x").unwrap();
        assert!(matches!(
            open(&file, &lake).await,
            Err(TokenKeyError::Malformed(_))
        ));
        fs::write(&file, kept).unwrap();
        assert!(open(&file, &lake).await.is_ok());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn processes_that_start_together_agree() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k");
        let lake = storage(&folder.path().join("lake"));
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let (file, lake) = (file.clone(), lake.clone());
                tokio::spawn(async move { open(&file, &lake).await.map(|key| key.fingerprint()) })
            })
            .collect();
        let mut prints = Vec::new();
        for start in starts {
            prints.push(start.await.unwrap().unwrap());
        }
        assert!(prints.iter().all(|print| *print == prints[0]));
    }
}

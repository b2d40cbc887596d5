//! Wiring: a data folder opened, its lake, keys and sources put together.
//!
//! Invariants: one `serve` or `import` per data folder (an OS lock); a process
//! works only with the token key that the lake was begun with.

mod backup;
mod effects;
mod gaps;
mod ingest;
mod inside;
mod models;
mod serve;
mod socket;
mod sources;
mod token_key;
mod topics;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, CustomerIds};
use crate::disk::{Faults, FolderLock, LockError};
use crate::domain::Micros;
use crate::enrich::redact::{AllowList, Redactor};
use crate::enrich::{EventRedactor, SharedModels};
use crate::lake::{Lake, LakeError, Storage};
use crate::pipeline::{Settings, TimeLimits};

pub use backup::{Manifest, Restored, back_up, restore};
pub use effects::effects;
pub use gaps::gaps;
pub use ingest::ingest;
pub use inside::Seen;
pub use models::ModelsError;
pub use serve::{Addresses, ServeOptions, cleaner, maintain_settings, risks, serve};
pub use socket::socket_path;
pub use token_key::TokenKeyError;
pub use topics::{known_topics, requests, topic_pace};

const DAY_MICROS: i64 = 86_400_000_000;

/// Why a data folder can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it, or the disk fails.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lake can't be opened.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The key of the tokens is missing or another one.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    /// A model of the lake or of the settings can't be had.
    #[error(transparent)]
    Models(#[from] ModelsError),
}

/// An opened data folder.
pub struct DataFolder {
    /// Held as long as the folder is in use; none for readers.
    pub lock: Option<FolderLock>,
    /// The tables.
    pub lake: Arc<Lake>,
    /// Redaction under the lake's key.
    pub redactor: EventRedactor,
    /// The models that texts meet: shipped, published in the lake, named by the settings.
    pub models: SharedModels,
    /// The folder.
    pub path: PathBuf,
}

/// The present.
pub fn now() -> Micros {
    Micros(chrono::Utc::now().timestamp_micros())
}

impl DataFolder {
    /// Opens the folder for `command`, which takes it for itself.
    ///
    /// # Errors
    /// When another process holds it, the key does not fit, the lake is broken.
    pub async fn open(
        config: &Config,
        command: &str,
        faults: Arc<Faults>,
    ) -> Result<Self, OpenError> {
        let lock = FolderLock::take(&config.data.dir, command)?;
        Self::build(config, Some(lock), faults, true).await
    }

    /// Opens the folder beside whoever holds it, for reading.
    ///
    /// # Errors
    /// When the key does not fit or the lake is broken.
    pub async fn open_shared(config: &Config) -> Result<Self, OpenError> {
        Self::build(config, None, Arc::new(Faults::none()), false).await
    }

    /// Opens the folder beside whoever holds it, for writing into the lake:
    /// topics, or maintenance under the lake's lease.
    ///
    /// # Errors
    /// When the key does not fit or the lake is broken.
    pub async fn open_with(config: &Config, faults: Arc<Faults>) -> Result<Self, OpenError> {
        Self::build(config, None, faults, true).await
    }

    async fn build(
        config: &Config,
        lock: Option<FolderLock>,
        faults: Arc<Faults>,
        writes: bool,
    ) -> Result<Self, OpenError> {
        let storage = Storage::at(&config.lake_url(), Arc::clone(&faults))?;
        if writes {
            storage.check_for_writers().await?;
        }
        let key = token_key::open(&config.token_key_file(), &storage).await?;
        let allow = AllowList::new(&config.privacy.allow_list);
        let redactor = Arc::new(Redactor::new(key, allow));
        let tokenise = config.privacy.customer_ids == CustomerIds::Token;
        let models = SharedModels::new(models::load(config, &storage).await?);
        let lake = Lake::on(storage, faults).await?;
        Ok(Self {
            lock,
            lake: Arc::new(lake),
            redactor: EventRedactor::new(redactor, tokenise),
            models,
            path: config.data.dir.clone(),
        })
    }
}

/// The time limits of streams and doors.
pub fn time_limits(config: &Config) -> TimeLimits {
    TimeLimits {
        max_past_micros: i64::from(config.ingest.max_past_days) * DAY_MICROS,
        max_future_micros: i64::from(config.ingest.max_future_days) * DAY_MICROS,
    }
}

/// How the pipeline behaves under `config`.
pub fn pipeline_settings(config: &Config, models: SharedModels) -> Settings {
    Settings {
        max_latency: Duration::from_millis(config.lake.max_latency_ms.get()),
        max_batch_bytes: usize::try_from(config.lake.max_batch_bytes.get()).unwrap_or(usize::MAX),
        progress_interval: Duration::from_secs(config.lake.progress_interval_s.get()),
        times: time_limits(config),
        clock: now,
        models,
    }
}

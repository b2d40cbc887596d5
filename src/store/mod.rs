//! The operational state: API keys, the articles of the knowledge bases, what people decided about their gaps and say of
//! turns and topics, interventions, risks of customers, the audit log.
//!
//! [`Store`] is the same for every backend: what is decided here (secrets, hashes, the cache, which changes are
//! audited) is written once, and a backend only moves rows. All SQL of a backend stands in its own file, its
//! migrations in its own folder. Today there is SQLite; a test-suite written over a `Store` is what a second
//! backend has to pass.
//!
//! Invariants: a change and its audit row are one transaction; audit rows are never changed or deleted; a
//! secret is never stored, logged or shown a second time; times are microseconds UTC and come from the caller.
//! Neither the audit log nor a key's name may hold personal values.
//!
//! The store does not touch the lake, so it can be opened while another process holds that.

pub mod article;
mod articles;
mod audit;
mod cache;
pub mod gap;
pub mod intervention;
mod interventions;
mod key;
pub mod label;
mod risks;
mod sqlite;
mod sqlite_articles;
mod sqlite_gaps;
mod sqlite_interventions;
mod sqlite_labels;
mod sqlite_risks;
mod sqlite_topics;
#[cfg(test)]
mod suite;
pub mod topic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub use audit::{AuditRow, Change};
pub use key::{ApiKey, Key, NewKey, Principal};
pub use risks::{RiskCursor, RiskRun, RiskScore};

use crate::config::StoreUrl;
use crate::domain::Role;
use crate::error::{Coded, ErrorCode};
use cache::KeyCache;
use key::{KeyRow, PresentedKey};
use sqlite::Sqlite;

/// The operational state. Clones share the connections and the cache.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    cache: Arc<KeyCache>,
}

/// One variant per database; each has the same methods.
#[derive(Debug, Clone)]
enum Backend {
    Sqlite(Sqlite),
}

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The key is revoked from now on.
    Revoked,
    /// It was revoked before; nothing changed.
    AlreadyRevoked,
    /// There is no such key.
    NotFound,
}

impl Store {
    /// Opens the store, creates it when it is missing, and brings its schema up to date. Several processes may
    /// do so at once.
    ///
    /// # Errors
    /// When the place cannot be reached or made, or a newer version of the product wrote it.
    pub async fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Sqlite(path) => Ok(Self::new(Backend::Sqlite(Sqlite::open(path).await?))),
            StoreUrl::Postgres(_) => Err(StoreError::Unsupported),
        }
    }

    fn new(backend: Backend) -> Self {
        Self {
            backend,
            cache: Arc::new(KeyCache::default()),
        }
    }

    /// Waits for running statements and closes the connections.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
        }
    }

    /// Writes a copy of the whole store to the new file `target`, while others use it. `false`: the database has a
    /// back-up of its own.
    ///
    /// # Errors
    /// When the store or the file fails.
    pub async fn copy_to(&self, target: &Path) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.copy_to(target).await.map(|()| true),
        }
    }

    /// Makes a key. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// When the name is empty, longer than 100 characters or holds control characters, or the store fails.
    pub async fn create_key(
        &self,
        name: &str,
        role: Role,
        change: &Change<'_>,
    ) -> Result<NewKey, StoreError> {
        let (new_key, row) = key::generate(name, role, change.at_us)?;
        let entry = change.audits("key.create", &row.id);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.insert_key(&row, &entry).await?,
        }
        self.cache.clear();
        Ok(new_key)
    }

    /// Every key, revoked ones included, in the order of creation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_keys(&self) -> Result<Vec<Key>, StoreError> {
        let rows = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.keys().await?,
        };
        Ok(rows.into_iter().map(KeyRow::into_key).collect())
    }

    /// Revokes a key. In this process it is refused from the return on, in others within
    /// [`Store::MAX_CACHE_AGE_S`] seconds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke_key(
        &self,
        key_id: &str,
        change: &Change<'_>,
    ) -> Result<Revocation, StoreError> {
        let entry = change.audits("key.revoke", key_id);
        let result = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.revoke_key(key_id, &entry).await,
        };
        // Also after an error: its outcome is unknown.
        self.cache.clear();
        result
    }

    /// How long a key may be believed without asking the database, in seconds.
    pub const MAX_CACHE_AGE_S: u64 = cache::MAX_AGE.as_secs();

    /// Who presents this key (`tc_<id>.<secret>`). `None` when it is malformed, unknown, wrong or revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn authenticate(&self, presented: &str) -> Result<Option<Principal>, StoreError> {
        let Some(presented) = PresentedKey::parse(presented) else {
            return Ok(None);
        };
        if let Some(row) = self.cache.get(presented.id(), Instant::now()) {
            return Ok(presented.matches(&row));
        }
        // Taken before the read: a revocation in between makes the insertion void.
        let generation = self.cache.generation();
        let read_at = Instant::now();
        let row = match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.key(presented.id()).await?,
        };
        let Some(row) = row else {
            return Ok(None);
        };
        let principal = presented.matches(&row);
        if principal.is_some() {
            self.cache.insert(row, generation, read_at);
        }
        Ok(principal)
    }

    /// Adds a row to the audit log. `action` is a closed word such as `erasure.request`, `target` an id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn append_audit(
        &self,
        change: &Change<'_>,
        action: &'static str,
        target: &str,
    ) -> Result<(), StoreError> {
        let entry = change.audits(action, target);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.append_audit(&entry).await,
        }
    }

    /// The newest `limit` audit rows before row number `before` (all when `None`), newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_audit(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.audit(before, limit).await,
        }
    }
}

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names a database that this build does not speak to.
    #[error("PostgreSQL is not supported by this build; set store.url to sqlite:PATH")]
    Unsupported,
    /// The file or its folder could not be made.
    #[error("the store file {} could not be made; check the folder and its owner", path.display())]
    CreateFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be opened.
    #[error("the store {} could not be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("the schema of the store {} could not be brought up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A newer version of the product wrote this store.
    #[error("the store {} was written by a newer version (schema {version}); use that version", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema's number.
        version: i64,
    },
    /// A statement failed.
    #[error("the store could not {operation}")]
    Statement {
        /// What was tried, such as "read a key".
        operation: &'static str,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// A row holds what this version does not understand.
    #[error("row {id} of {table} in the store holds an unknown {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// The column.
        column: &'static str,
    },
    /// The name of a key is not allowed.
    #[error("a key's name has 1 to 100 characters and no control characters")]
    InvalidName,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random(#[source] getrandom::Error),
}

impl Coded for StoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidName => ErrorCode::InvalidParameter,
            _ => ErrorCode::StoreError,
        }
    }
}

//! The store on SQLite: one file, WAL, synced at every commit, readable by its owner only.
//!
//! All SQL of this backend stands here, in `sqlite_*` and in `migrations/sqlite/`. WAL lets other processes read while one
//! writes; writers wait for each other up to [`BUSY_TIMEOUT`].

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, SqlSafeStr};

use super::audit::{AuditEntry, AuditRow};
use super::key::KeyRow;
use super::{Revocation, StoreError};
use crate::domain::Role;

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CONNECTIONS: u32 = 4;
const MODE_OWNER_ONLY: u32 = 0o600;

/// Number, name and text of every migration. A test compares the list with the folder.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (
        1,
        "keys_and_audit",
        include_str!("migrations/sqlite/0001_keys_and_audit.sql"),
    ),
    (
        30,
        "articles",
        include_str!("migrations/sqlite/0030_articles.sql"),
    ),
    (
        40,
        "gap_reviews",
        include_str!("migrations/sqlite/0040_gap_reviews.sql"),
    ),
    (
        50,
        "interventions",
        include_str!("migrations/sqlite/0050_interventions.sql"),
    ),
    (
        60,
        "topics",
        include_str!("migrations/sqlite/0060_topics.sql"),
    ),
    (
        70,
        "labels",
        include_str!("migrations/sqlite/0070_labels.sql"),
    ),
    (
        80,
        "quality",
        include_str!("migrations/sqlite/0080_quality.sql"),
    ),
    (
        90,
        "risks",
        include_str!("migrations/sqlite/0090_risks.sql"),
    ),
];

/// Of one moment, without the gaps of the original.
const COPY: &str = "VACUUM INTO ?";
const INSERT_KEY: &str =
    "INSERT INTO keys (id, name, role, secret_sha256, created_at_us) VALUES (?, ?, ?, ?, ?)";
const SELECT_KEY: &str =
    "SELECT id, name, role, secret_sha256, created_at_us, revoked_at_us FROM keys WHERE id = ?";
const SELECT_KEYS: &str = "SELECT id, name, role, secret_sha256, created_at_us, revoked_at_us FROM keys ORDER BY created_at_us, rowid";
const REVOKE_KEY: &str = "UPDATE keys SET revoked_at_us = ? WHERE id = ? AND revoked_at_us IS NULL";
const COUNT_KEY: &str = "SELECT count(*) FROM keys WHERE id = ?";
const INSERT_AUDIT: &str =
    "INSERT INTO audit (at_us, actor, action, target, request_id) VALUES (?, ?, ?, ?, ?)";
const SELECT_AUDIT: &str = "SELECT seq, at_us, actor, action, target, request_id FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?";

#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    pub(super) pool: SqlitePool,
}

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        make_file(path).map_err(|source| StoreError::CreateFile {
            path: path.to_owned(),
            source,
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let _lock = lock_migrations(path).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(|source| StoreError::Open {
                path: path.to_owned(),
                source,
            })?;
        migrate(&pool, path).await?;
        Ok(Self { pool })
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) async fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        let copied = sqlx::query(COPY).bind(target.to_string_lossy());
        copied
            .execute(&self.pool)
            .await
            .map_err(failed("copy itself"))?;
        std::fs::set_permissions(target, Permissions::from_mode(MODE_OWNER_ONLY))
            .and_then(|()| File::open(target)?.sync_all())
            .map_err(|source| StoreError::CreateFile {
                path: target.to_owned(),
                source,
            })
    }

    pub(super) async fn insert_key(
        &self,
        row: &KeyRow,
        entry: &AuditEntry<'_>,
    ) -> Result<(), StoreError> {
        let failed = failed("write a key");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        sqlx::query(INSERT_KEY)
            .bind(&row.id)
            .bind(&row.name)
            .bind(row.role.as_str())
            .bind(row.secret_sha256.as_slice())
            .bind(row.created_at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)
    }

    pub(super) async fn keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let rows = sqlx::query(SELECT_KEYS).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("list the keys"))?;
        rows.iter().map(key_row).collect()
    }

    pub(super) async fn key(&self, id: &str) -> Result<Option<KeyRow>, StoreError> {
        let row = sqlx::query(SELECT_KEY)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a key"))?;
        row.as_ref().map(key_row).transpose()
    }

    pub(super) async fn revoke_key(
        &self,
        id: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<Revocation, StoreError> {
        let failed = failed("revoke a key");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let changed = sqlx::query(REVOKE_KEY)
            .bind(entry.at_us)
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(failed)?
            .rows_affected();
        if changed > 0 {
            insert_audit(&mut tx, entry).await?;
            tx.commit().await.map_err(failed)?;
            return Ok(Revocation::Revoked);
        }
        let known: i64 = sqlx::query_scalar(COUNT_KEY)
            .bind(id)
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        Ok(if known > 0 {
            Revocation::AlreadyRevoked
        } else {
            Revocation::NotFound
        })
    }

    pub(super) async fn append_audit(&self, entry: &AuditEntry<'_>) -> Result<(), StoreError> {
        let failed = failed("write the audit log");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)
    }

    pub(super) async fn audit(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = sqlx::query(SELECT_AUDIT)
            .bind(before.unwrap_or(i64::MAX))
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the audit log"))?;
        rows.iter().map(audit_row).collect()
    }
}

/// Takes the write lock at once: a transaction that begins to read and then writes may fail at that point
/// without waiting.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

pub(super) type WriteTransaction = sqlx::Transaction<'static, sqlx::Sqlite>;

pub(super) async fn insert_audit(
    tx: &mut WriteTransaction,
    entry: &AuditEntry<'_>,
) -> Result<(), StoreError> {
    sqlx::query(INSERT_AUDIT)
        .bind(entry.at_us)
        .bind(entry.actor)
        .bind(entry.action)
        .bind(entry.target)
        .bind(entry.request_id)
        .execute(&mut **tx)
        .await
        .map_err(failed("write the audit log"))?;
    Ok(())
}

pub(super) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError + Copy {
    move |source| StoreError::Statement { operation, source }
}

fn key_row(row: &SqliteRow) -> Result<KeyRow, StoreError> {
    let failed = failed("read a key");
    let id: String = row.try_get("id").map_err(failed)?;
    let corrupt = |column| StoreError::Corrupt {
        table: "keys",
        id: id.clone(),
        column,
    };
    let role: String = row.try_get("role").map_err(failed)?;
    let role: Role = role.parse().map_err(|_| corrupt("role"))?;
    let secret_sha256: Vec<u8> = row.try_get("secret_sha256").map_err(failed)?;
    let secret_sha256 = secret_sha256
        .try_into()
        .map_err(|_| corrupt("secret_sha256"))?;
    Ok(KeyRow {
        name: row.try_get("name").map_err(failed)?,
        role,
        secret_sha256,
        created_at_us: row.try_get("created_at_us").map_err(failed)?,
        revoked_at_us: row.try_get("revoked_at_us").map_err(failed)?,
        id,
    })
}

fn audit_row(row: &SqliteRow) -> Result<AuditRow, StoreError> {
    let failed = failed("list the audit log");
    Ok(AuditRow {
        seq: row.try_get("seq").map_err(failed)?,
        at_us: row.try_get("at_us").map_err(failed)?,
        actor: row.try_get("actor").map_err(failed)?,
        action: row.try_get("action").map_err(failed)?,
        target: row.try_get("target").map_err(failed)?,
        request_id: row.try_get("request_id").map_err(failed)?,
    })
}

/// Makes the file with its final mode, so that it is never readable by others; SQLite gives the same mode to
/// the files beside it. An existing file is not opened here: closing it would drop the locks that another
/// connection of this process holds on it.
fn make_file(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE_OWNER_ONLY)
        .open(path);
    match new {
        Ok(file) => {
            file.sync_all()?;
            File::open(folder)?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            std::fs::set_permissions(path, Permissions::from_mode(MODE_OWNER_ONLY))
        }
        Err(error) => Err(error),
    }
}

/// Two processes that open a new store at once must not both create its tables: SQLite has no lock that spans
/// several migrations. The lock is a file of its own and ends with the process.
async fn lock_migrations(path: &Path) -> Result<File, StoreError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let in_place = lock_path.clone();
    let locked = tokio::task::spawn_blocking(move || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(MODE_OWNER_ONLY)
            .open(&in_place)?;
        file.lock()?;
        Ok(file)
    })
    .await
    .unwrap_or_else(|error| Err(io::Error::other(error)));
    locked.map_err(|source| StoreError::CreateFile {
        path: lock_path,
        source,
    })
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
    });
    let migrations: Vec<Migration> = migrations.collect();
    let path = path.to_owned();
    match Migrator::with_migrations(migrations).run(pool).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(StoreError::Newer { path, version }),
        Err(source) => Err(StoreError::Migrate { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StoreUrl;
    use crate::store::{Change, Store};

    const CHANGE: Change<'static> = Change {
        actor: "cli",
        request_id: "r",
        at_us: 1,
    };

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn every_migration_of_the_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations/sqlite");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|(version, name, _)| format!("{version:04}_{name}.sql"))
            .collect();
        assert_eq!(files, listed);
    }

    #[tokio::test]
    async fn the_connection_is_durable_and_the_files_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/store.sqlite");
        let sqlite = Sqlite::open(&path).await.unwrap();
        let pragma =
            |sql: &'static str| sqlx::query_scalar::<_, String>(sql).fetch_one(&sqlite.pool);
        let journal = pragma("SELECT journal_mode FROM pragma_journal_mode").await;
        assert_eq!(journal.unwrap(), "wal");
        let number = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&sqlite.pool);
        let full = number("SELECT synchronous FROM pragma_synchronous").await;
        assert_eq!(full.unwrap(), 2);
        let keys = number("SELECT foreign_keys FROM pragma_foreign_keys").await;
        assert_eq!(keys.unwrap(), 1);
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let file = PathBuf::from(format!("{}{suffix}", path.display()));
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[tokio::test]
    async fn an_open_file_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        Sqlite::open(&path).await.unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[tokio::test]
    async fn audit_rows_cannot_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(&folder.path().join("s")).await.unwrap();
        let entry = CHANGE.audits("key.create", "k");
        sqlite.append_audit(&entry).await.unwrap();
        for sql in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
            let error = sqlx::query(sql).execute(&sqlite.pool).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{error}");
        }
        assert_eq!(sqlite.audit(None, 10).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_key_without_its_audit_row_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("s"));
        let store = Store::open(&url).await.unwrap();
        let crate::store::Backend::Sqlite(sqlite) = &store.backend;
        let created = store.create_key("a", Role::Admin, &CHANGE).await.unwrap();
        sqlx::query(
            "CREATE TRIGGER stop BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .execute(&sqlite.pool)
        .await
        .unwrap();
        assert!(store.create_key("b", Role::Admin, &CHANGE).await.is_err());
        assert!(store.revoke_key(&created.key.id, &CHANGE).await.is_err());
        assert_eq!(store.list_keys().await.unwrap(), [created.key]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn several_can_open_a_new_store_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("s"));
        let tasks: Vec<_> = (0..8)
            .map(|n: i64| {
                let url = url.clone();
                tokio::spawn(async move {
                    let store = Store::open(&url).await?;
                    let change = Change { at_us: n, ..CHANGE };
                    store.create_key("n", Role::Ingest, &change).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let store = Store::open(&url).await.unwrap();
        assert_eq!(store.list_keys().await.unwrap().len(), 8);
    }

    #[tokio::test]
    async fn a_reader_does_not_stop_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let reader = Sqlite::open(&path).await.unwrap();
        let mut reading = reader.pool.begin().await.unwrap();
        let before: i64 = sqlx::query_scalar("SELECT count(*) FROM audit")
            .fetch_one(&mut *reading)
            .await
            .unwrap();
        let writer = Sqlite::open(&path).await.unwrap();
        writer.append_audit(&CHANGE.audits("a", "t")).await.unwrap();
        let still: i64 = sqlx::query_scalar("SELECT count(*) FROM audit")
            .fetch_one(&mut *reading)
            .await
            .unwrap();
        assert_eq!((before, still), (0, 0));
        drop(reading);
        assert_eq!(reader.audit(None, 10).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let sqlite = Sqlite::open(&path).await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (999, 'later', true, x'00', 0)",
        )
        .execute(&sqlite.pool)
        .await
        .unwrap();
        sqlite.close().await;
        let error = Sqlite::open(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Newer { version: 999, .. }));
    }

    #[tokio::test]
    async fn an_unknown_role_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("s"));
        let store = Store::open(&url).await.unwrap();
        let created = store.create_key("a", Role::Admin, &CHANGE).await.unwrap();
        let crate::store::Backend::Sqlite(sqlite) = &store.backend;
        sqlx::query("UPDATE keys SET role = 'wizard'")
            .execute(&sqlite.pool)
            .await
            .unwrap();
        let error = store
            .authenticate(created.api_key.expose())
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { column: "role", .. }));
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let path = folder.path().join("file/store.sqlite");
        let error = Sqlite::open(&path).await.unwrap_err();
        assert!(error.to_string().contains("file/store.sqlite"), "{error}");
    }
}

//! Rules, scorecards, reviews and webhooks on SQLite. Statements and rows only.

use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::article::Expected;
use super::audit::AuditEntry;
use super::quality::{Document, DocumentKind, DocumentVersion, Review, Stored, Webhook};
use super::sqlite::{BEGIN_WRITE, Sqlite, WriteTransaction, failed, insert_audit};

const SELECT_ONE: &str = "SELECT id, version, content, created_at_us, updated_at_us FROM quality_documents WHERE kind = ? AND id = ?";
const SELECT_PAGE: &str = "SELECT id, version, content, created_at_us, updated_at_us FROM quality_documents WHERE kind = ? AND id > ? ORDER BY id LIMIT ?";
const UPSERT: &str = "INSERT INTO quality_documents (kind, id, version, content, created_at_us, updated_at_us) VALUES (?, ?, ?, ?, ?, ?) \
    ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, content = excluded.content, updated_at_us = excluded.updated_at_us";
const DELETE_ONE: &str = "DELETE FROM quality_documents WHERE kind = ? AND id = ?";
const INSERT_VERSION: &str = "INSERT INTO quality_versions (kind, id, version, content, actor, at_us) VALUES (?, ?, ?, ?, ?, ?)";
const SELECT_LAST: &str =
    "SELECT coalesce(max(version), 0) FROM quality_versions WHERE kind = ? AND id = ?";
const SELECT_VERSIONS: &str = "SELECT version, content, actor, at_us FROM quality_versions WHERE kind = ? AND id = ? ORDER BY version DESC LIMIT 1000";
const BUMP: &str = "INSERT INTO quality_revisions (kind, revision) VALUES (?, 1) ON CONFLICT (kind) DO UPDATE SET revision = revision + 1";
const SELECT_REVISION: &str = "SELECT revision FROM quality_revisions WHERE kind = ?";
const SELECT_WEBHOOKS: &str =
    "SELECT id, url, secret, filter, created_at_us FROM webhooks ORDER BY created_at_us, id";
const INSERT_WEBHOOK: &str =
    "INSERT INTO webhooks (id, url, secret, filter, created_at_us) VALUES (?, ?, ?, ?, ?)";
const DELETE_WEBHOOK: &str = "DELETE FROM webhooks WHERE id = ?";
const INSERT_REVIEW: &str = "INSERT INTO reviews (id, scorecard_id, scorecard_version, interaction_id, agent_id, reviewer, machine, human, at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
const SELECT_REVIEWS: &str = "SELECT id, scorecard_id, scorecard_version, interaction_id, agent_id, reviewer, machine, human, at_us FROM reviews \
    WHERE scorecard_id = ? AND (? = '' OR interaction_id = ?) ORDER BY at_us DESC, id DESC LIMIT ?";

impl Sqlite {
    pub(super) async fn document(
        &self,
        kind: DocumentKind,
        id: &str,
    ) -> Result<Option<Document>, StoreError> {
        let row = sqlx::query(SELECT_ONE)
            .bind(kind.as_str())
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a document"))?;
        row.as_ref().map(document_row).transpose()
    }

    pub(super) async fn documents(
        &self,
        kind: DocumentKind,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Document>, StoreError> {
        let rows = sqlx::query(SELECT_PAGE)
            .bind(kind.as_str())
            .bind(after)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list documents"))?;
        rows.iter().map(document_row).collect()
    }

    pub(super) async fn document_versions(
        &self,
        kind: DocumentKind,
        id: &str,
    ) -> Result<Vec<DocumentVersion>, StoreError> {
        let rows = sqlx::query(SELECT_VERSIONS)
            .bind(kind.as_str())
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the versions of a document"))?;
        rows.iter().map(|row| version_row(row, id)).collect()
    }

    pub(super) async fn document_revision(&self, kind: DocumentKind) -> Result<i64, StoreError> {
        let revision = sqlx::query_scalar(SELECT_REVISION)
            .bind(kind.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read the revision of documents"))?;
        Ok(revision.unwrap_or(0))
    }

    pub(super) async fn write_document(
        &self,
        kind: DocumentKind,
        id: &str,
        content: &Value,
        expected: Expected,
        entry: &AuditEntry<'_>,
    ) -> Result<Stored, StoreError> {
        let failed = failed("write a document");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let before = present(&mut tx, kind, id).await?;
        let version = before.as_ref().map_or(0, |document| document.version);
        if !as_expected(expected, version) {
            return Ok(Stored::Conflict(version));
        }
        if let Some(before) = before.as_ref().filter(|before| before.content == *content) {
            return Ok(Stored::Updated(before.clone()));
        }
        let last: i64 = sqlx::query_scalar(SELECT_LAST)
            .bind(kind.as_str())
            .bind(id)
            .fetch_one(&mut *tx)
            .await
            .map_err(failed)?;
        let document = Document {
            id: id.to_owned(),
            version: last.max(version) + 1,
            content: content.clone(),
            created_at_us: before.as_ref().map_or(entry.at_us, |one| one.created_at_us),
            updated_at_us: entry.at_us,
        };
        let text = content.to_string();
        sqlx::query(UPSERT)
            .bind(kind.as_str())
            .bind(id)
            .bind(document.version)
            .bind(&text)
            .bind(document.created_at_us)
            .bind(document.updated_at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_version(&mut tx, kind, (id, document.version), Some(&text), entry).await?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(if version == 0 {
            Stored::Created(document)
        } else {
            Stored::Updated(document)
        })
    }

    pub(super) async fn delete_document(
        &self,
        kind: DocumentKind,
        id: &str,
        expected: Expected,
        entry: &AuditEntry<'_>,
    ) -> Result<Result<(), i64>, StoreError> {
        let failed = failed("delete a document");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let before = present(&mut tx, kind, id).await?;
        let version = before.map_or(0, |document| document.version);
        if version == 0 || !as_expected(expected, version) {
            return Ok(Err(version));
        }
        sqlx::query(DELETE_ONE)
            .bind(kind.as_str())
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_version(&mut tx, kind, (id, version + 1), None, entry).await?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Ok(()))
    }

    pub(super) async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        let failed = failed("list the webhooks");
        let rows = sqlx::query(SELECT_WEBHOOKS).fetch_all(&self.pool).await;
        let webhook = |row: &SqliteRow| {
            let id: String = row.try_get("id").map_err(failed)?;
            let filter: String = row.try_get("filter").map_err(failed)?;
            Ok(Webhook {
                url: row.try_get("url").map_err(failed)?,
                secret: row.try_get("secret").map_err(failed)?,
                filter: json(&filter, "webhooks", &id, "filter")?,
                created_at_us: row.try_get("created_at_us").map_err(failed)?,
                id,
            })
        };
        rows.map_err(failed)?.iter().map(webhook).collect()
    }

    pub(super) async fn add_webhook(
        &self,
        webhook: &Webhook,
        entry: &AuditEntry<'_>,
    ) -> Result<(), StoreError> {
        let failed = failed("write a webhook");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        sqlx::query(INSERT_WEBHOOK)
            .bind(&webhook.id)
            .bind(&webhook.url)
            .bind(&webhook.secret)
            .bind(webhook.filter.to_string())
            .bind(webhook.created_at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)
    }

    pub(super) async fn delete_webhook(
        &self,
        id: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, StoreError> {
        let failed = failed("delete a webhook");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let deleted = sqlx::query(DELETE_WEBHOOK).bind(id).execute(&mut *tx).await;
        if deleted.map_err(failed)?.rows_affected() == 0 {
            return Ok(false);
        }
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }

    pub(super) async fn add_review(
        &self,
        review: &Review,
        entry: &AuditEntry<'_>,
    ) -> Result<(), StoreError> {
        let failed = failed("write a review");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        sqlx::query(INSERT_REVIEW)
            .bind(&review.id)
            .bind(&review.scorecard_id)
            .bind(review.scorecard_version)
            .bind(&review.interaction_id)
            .bind(review.agent_id.as_deref())
            .bind(&review.reviewer)
            .bind(review.machine.to_string())
            .bind(review.human.to_string())
            .bind(review.at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)
    }

    pub(super) async fn reviews(
        &self,
        scorecard_id: &str,
        interaction_id: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Review>, StoreError> {
        let failed = failed("list the reviews");
        let interaction_id = interaction_id.unwrap_or_default();
        let rows = sqlx::query(SELECT_REVIEWS)
            .bind(scorecard_id)
            .bind(interaction_id)
            .bind(interaction_id)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        rows.iter().map(review_row).collect()
    }
}

fn review_row(row: &SqliteRow) -> Result<Review, StoreError> {
    let failed = failed("read a review");
    let id: String = row.try_get("id").map_err(failed)?;
    let machine: String = row.try_get("machine").map_err(failed)?;
    let human: String = row.try_get("human").map_err(failed)?;
    Ok(Review {
        scorecard_id: row.try_get("scorecard_id").map_err(failed)?,
        scorecard_version: row.try_get("scorecard_version").map_err(failed)?,
        interaction_id: row.try_get("interaction_id").map_err(failed)?,
        agent_id: row.try_get("agent_id").map_err(failed)?,
        reviewer: row.try_get("reviewer").map_err(failed)?,
        machine: json(&machine, "reviews", &id, "machine")?,
        human: json(&human, "reviews", &id, "human")?,
        at_us: row.try_get("at_us").map_err(failed)?,
        id,
    })
}

fn as_expected(expected: Expected, version: i64) -> bool {
    match expected {
        Expected::Any => true,
        Expected::Absent => version == 0,
        Expected::Version(wanted) => version == wanted,
    }
}

async fn present(
    tx: &mut WriteTransaction,
    kind: DocumentKind,
    id: &str,
) -> Result<Option<Document>, StoreError> {
    let row = sqlx::query(SELECT_ONE)
        .bind(kind.as_str())
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed("read a document"))?;
    row.as_ref().map(document_row).transpose()
}

/// Adds a version and counts the change.
async fn insert_version(
    tx: &mut WriteTransaction,
    kind: DocumentKind,
    (id, version): (&str, i64),
    content: Option<&str>,
    entry: &AuditEntry<'_>,
) -> Result<(), StoreError> {
    let failed = failed("write a version of a document");
    sqlx::query(INSERT_VERSION)
        .bind(kind.as_str())
        .bind(id)
        .bind(version)
        .bind(content)
        .bind(entry.actor)
        .bind(entry.at_us)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    sqlx::query(BUMP)
        .bind(kind.as_str())
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}

fn json(
    text: &str,
    table: &'static str,
    id: &str,
    column: &'static str,
) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt {
        table,
        id: id.to_owned(),
        column,
    })
}

fn document_row(row: &SqliteRow) -> Result<Document, StoreError> {
    let failed = failed("read a document");
    let id: String = row.try_get("id").map_err(failed)?;
    let content: String = row.try_get("content").map_err(failed)?;
    Ok(Document {
        version: row.try_get("version").map_err(failed)?,
        content: json(&content, "quality_documents", &id, "content")?,
        created_at_us: row.try_get("created_at_us").map_err(failed)?,
        updated_at_us: row.try_get("updated_at_us").map_err(failed)?,
        id,
    })
}

fn version_row(row: &SqliteRow, id: &str) -> Result<DocumentVersion, StoreError> {
    let failed = failed("read a version of a document");
    let content: Option<String> = row.try_get("content").map_err(failed)?;
    let content = content.map(|text| json(&text, "quality_versions", id, "content"));
    Ok(DocumentVersion {
        version: row.try_get("version").map_err(failed)?,
        content: content.transpose()?,
        actor: row.try_get("actor").map_err(failed)?,
        at_us: row.try_get("at_us").map_err(failed)?,
    })
}

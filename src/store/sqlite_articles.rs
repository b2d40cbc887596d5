//! Articles on SQLite. Statements and rows only; what is allowed is decided in `article`.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::article::{Article, ArticleVersion, Content, Expected, Status, Written};
use super::audit::AuditEntry;
use super::intervention::Intervention;
use super::interventions::Opening;
use super::sqlite::{BEGIN_WRITE, Sqlite, WriteTransaction, failed, insert_audit};
use super::sqlite_interventions::insert;

const SELECT_ONE: &str = "SELECT base, id, version, content, created_at_us, updated_at_us FROM articles WHERE base = ? AND id = ?";
const SELECT_PAGE: &str = "SELECT base, id, version, content, created_at_us, updated_at_us FROM articles WHERE base = ? AND id > ? AND (? = '' OR status = ?) ORDER BY id LIMIT ?";
const UPSERT: &str = "INSERT INTO articles (base, id, version, status, content, created_at_us, updated_at_us) VALUES (?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (base, id) DO UPDATE SET version = excluded.version, status = excluded.status, content = excluded.content, updated_at_us = excluded.updated_at_us";
const DELETE_ONE: &str = "DELETE FROM articles WHERE base = ? AND id = ?";
const INSERT_VERSION: &str = "INSERT INTO article_versions (base, id, version, content, actor, at_us) VALUES (?, ?, ?, ?, ?, ?)";
const SELECT_LAST: &str =
    "SELECT coalesce(max(version), 0) FROM article_versions WHERE base = ? AND id = ?";
const SELECT_VERSIONS: &str = "SELECT version, content, actor, at_us FROM article_versions WHERE base = ? AND id = ? ORDER BY version DESC LIMIT ?";
const BUMP: &str = "INSERT INTO article_bases (base, revision) VALUES (?, 1) ON CONFLICT (base) DO UPDATE SET revision = revision + 1";
const SELECT_BASES: &str = "SELECT base, revision FROM article_bases ORDER BY base";

/// Longest list of versions.
const MAX_VERSIONS: i64 = 1_000;

impl Sqlite {
    pub(super) async fn article(
        &self,
        base: &str,
        id: &str,
    ) -> Result<Option<Article>, StoreError> {
        let row = sqlx::query(SELECT_ONE)
            .bind(base)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read an article"))?;
        row.as_ref().map(article_row).transpose()
    }

    pub(super) async fn articles(
        &self,
        base: &str,
        after: &str,
        status: Option<Status>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError> {
        let status = status.map_or("", Status::as_str);
        let rows = sqlx::query(SELECT_PAGE)
            .bind(base)
            .bind(after)
            .bind(status)
            .bind(status)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the articles"))?;
        rows.iter().map(article_row).collect()
    }

    pub(super) async fn article_versions(
        &self,
        base: &str,
        id: &str,
    ) -> Result<Vec<ArticleVersion>, StoreError> {
        let rows = sqlx::query(SELECT_VERSIONS)
            .bind(base)
            .bind(id)
            .bind(MAX_VERSIONS)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the versions of an article"))?;
        rows.iter().map(|row| version_row(row, id)).collect()
    }

    pub(super) async fn article_bases(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let failed = failed("list the knowledge bases");
        let rows = sqlx::query(SELECT_BASES).fetch_all(&self.pool).await;
        rows.map_err(failed)?
            .iter()
            .map(|row| {
                let base = row.try_get("base").map_err(failed)?;
                Ok((base, row.try_get("revision").map_err(failed)?))
            })
            .collect()
    }

    /// Writes articles of one base in one transaction; `expected` holds for each.
    pub(super) async fn write_articles(
        &self,
        base: &str,
        articles: &[(String, Content)],
        expected: Expected,
        opening: Option<Opening<'_>>,
        entry: &AuditEntry<'_>,
    ) -> Result<Vec<Written>, StoreError> {
        let failed = failed("write articles");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let mut written = Vec::with_capacity(articles.len());
        for (id, content) in articles {
            let (before, one) = write_one(&mut tx, (base, id), content, expected, entry).await?;
            match (&one, opening) {
                (Written::Conflict(_), _) => return Ok(vec![one]),
                (Written::Created(article) | Written::Updated(article), Some(opening)) => {
                    let key = (base, id.as_str(), article.version);
                    let by = (entry.actor, entry.at_us);
                    if let Some(record) = opening.record(key, before.as_ref(), content, by) {
                        open(&mut tx, &record, entry).await?;
                    }
                }
                _ => {}
            }
            written.push(one);
        }
        bump(&mut tx, base).await?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(written)
    }

    /// Deletes an article. `Err` of the inner result is the present version, 0 without.
    pub(super) async fn delete_article(
        &self,
        base: &str,
        id: &str,
        expected: Expected,
        entry: &AuditEntry<'_>,
    ) -> Result<Result<(), i64>, StoreError> {
        let failed = failed("delete an article");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let present = present(&mut tx, base, id).await?;
        let version = present.as_ref().map_or(0, |article| article.version);
        if version == 0 || !as_expected(expected, version) {
            return Ok(Err(version));
        }
        sqlx::query(DELETE_ONE)
            .bind(base)
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_version(&mut tx, (base, id, version + 1), None, entry).await?;
        bump(&mut tx, base).await?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Ok(()))
    }
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
    base: &str,
    id: &str,
) -> Result<Option<Article>, StoreError> {
    let row = sqlx::query(SELECT_ONE)
        .bind(base)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed("read an article"))?;
    row.as_ref().map(article_row).transpose()
}

/// The content before, and what became of the write.
async fn write_one(
    tx: &mut WriteTransaction,
    (base, id): (&str, &str),
    content: &Content,
    expected: Expected,
    entry: &AuditEntry<'_>,
) -> Result<(Option<Content>, Written), StoreError> {
    let failed = failed("write an article");
    let before = present(tx, base, id).await?;
    let version = before.as_ref().map_or(0, |article| article.version);
    if !as_expected(expected, version) {
        return Ok((None, Written::Conflict(version)));
    }
    if let Some(before) = before.as_ref().filter(|before| before.content == *content) {
        // The same again is no new version, so that an import may be repeated.
        return Ok((Some(content.clone()), Written::Updated(before.clone())));
    }
    let last: i64 = sqlx::query_scalar(SELECT_LAST)
        .bind(base)
        .bind(id)
        .fetch_one(&mut **tx)
        .await
        .map_err(failed)?;
    let next = last.max(version) + 1;
    let text = to_json(content, id)?;
    let created_at_us = before
        .as_ref()
        .map_or(entry.at_us, |article| article.created_at_us);
    sqlx::query(UPSERT)
        .bind(base)
        .bind(id)
        .bind(next)
        .bind(content.status.as_str())
        .bind(&text)
        .bind(created_at_us)
        .bind(entry.at_us)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    insert_version(tx, (base, id, next), Some(&text), entry).await?;
    let article = Article {
        base: base.to_owned(),
        id: id.to_owned(),
        version: next,
        content: content.clone(),
        created_at_us,
        updated_at_us: entry.at_us,
    };
    Ok(match before {
        None => (None, Written::Created(article)),
        Some(before) => (Some(before.content), Written::Updated(article)),
    })
}

/// Writes the intervention of a publication and says so in the audit log.
async fn open(
    tx: &mut WriteTransaction,
    record: &Intervention,
    entry: &AuditEntry<'_>,
) -> Result<(), StoreError> {
    if insert(tx, record).await? {
        let opened = AuditEntry {
            action: "intervention.open",
            target: &record.id,
            ..*entry
        };
        insert_audit(tx, &opened).await?;
    }
    Ok(())
}

async fn insert_version(
    tx: &mut WriteTransaction,
    (base, id, version): (&str, &str, i64),
    content: Option<&str>,
    entry: &AuditEntry<'_>,
) -> Result<(), StoreError> {
    sqlx::query(INSERT_VERSION)
        .bind(base)
        .bind(id)
        .bind(version)
        .bind(content)
        .bind(entry.actor)
        .bind(entry.at_us)
        .execute(&mut **tx)
        .await
        .map_err(failed("write a version of an article"))?;
    Ok(())
}

async fn bump(tx: &mut WriteTransaction, base: &str) -> Result<(), StoreError> {
    sqlx::query(BUMP)
        .bind(base)
        .execute(&mut **tx)
        .await
        .map_err(failed("count a change of a knowledge base"))?;
    Ok(())
}

fn corrupt(id: &str) -> StoreError {
    StoreError::Corrupt {
        table: "articles",
        id: id.to_owned(),
        column: "content",
    }
}

fn to_json(content: &Content, id: &str) -> Result<String, StoreError> {
    serde_json::to_string(content).map_err(|_| corrupt(id))
}

fn article_row(row: &SqliteRow) -> Result<Article, StoreError> {
    let failed = failed("read an article");
    let id: String = row.try_get("id").map_err(failed)?;
    let content: String = row.try_get("content").map_err(failed)?;
    let content = serde_json::from_str(&content).map_err(|_| corrupt(&id))?;
    Ok(Article {
        base: row.try_get("base").map_err(failed)?,
        version: row.try_get("version").map_err(failed)?,
        created_at_us: row.try_get("created_at_us").map_err(failed)?,
        updated_at_us: row.try_get("updated_at_us").map_err(failed)?,
        content,
        id,
    })
}

fn version_row(row: &SqliteRow, id: &str) -> Result<ArticleVersion, StoreError> {
    let failed = failed("read a version of an article");
    let content: Option<String> = row.try_get("content").map_err(failed)?;
    let content = content
        .map(|text| serde_json::from_str(&text).map_err(|_| corrupt(id)))
        .transpose()?;
    Ok(ArticleVersion {
        version: row.try_get("version").map_err(failed)?,
        content,
        actor: row.try_get("actor").map_err(failed)?,
        at_us: row.try_get("at_us").map_err(failed)?,
    })
}

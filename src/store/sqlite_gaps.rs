//! Decisions about gaps on SQLite. Statements and rows only; what is allowed is decided in `gap`.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::audit::AuditEntry;
use super::gap::{GapChange, GapReview, GapWrite, Reviewed};
use super::sqlite::{BEGIN_WRITE, Sqlite, failed, insert_audit};

const SELECT_ALL: &str =
    "SELECT gap_id, version, review, updated_at_us FROM gap_reviews ORDER BY gap_id";
const SELECT_ONE: &str =
    "SELECT gap_id, version, review, updated_at_us FROM gap_reviews WHERE gap_id = ?";
const UPSERT: &str = "INSERT INTO gap_reviews (gap_id, version, review, updated_at_us) VALUES (?, ?, ?, ?) \
    ON CONFLICT (gap_id) DO UPDATE SET version = excluded.version, review = excluded.review, updated_at_us = excluded.updated_at_us";
const INSERT_CHANGE: &str = "INSERT INTO gap_changes (gap_id, version, action, before, after, actor, at_us, is_undone) VALUES (?, ?, ?, ?, ?, ?, ?, 0)";
const SELECT_CHANGES: &str = "SELECT version, action, before, after, actor, at_us, is_undone FROM gap_changes WHERE gap_id = ? ORDER BY version DESC LIMIT 1000";
const MARK_UNDONE: &str = "UPDATE gap_changes SET is_undone = 1 WHERE gap_id = ? AND version = ?";

impl Sqlite {
    pub(super) async fn gap_reviews(&self) -> Result<Vec<Reviewed>, StoreError> {
        let rows = sqlx::query(SELECT_ALL).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("list the decisions about gaps"))?;
        rows.iter().map(reviewed).collect()
    }

    pub(super) async fn gap_review(&self, gap_id: &str) -> Result<Option<Reviewed>, StoreError> {
        let row = sqlx::query(SELECT_ONE)
            .bind(gap_id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read the decision about a gap"))?;
        row.as_ref().map(reviewed).transpose()
    }

    pub(super) async fn gap_changes(&self, gap_id: &str) -> Result<Vec<GapChange>, StoreError> {
        let rows = sqlx::query(SELECT_CHANGES)
            .bind(gap_id)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the changes of a gap"))?;
        rows.iter().map(|row| changed(row, gap_id)).collect()
    }

    /// Writes a change. `Err` of the inner result is the present version.
    pub(super) async fn review_gap(
        &self,
        write: &GapWrite<'_>,
        entry: &AuditEntry<'_>,
    ) -> Result<Result<Reviewed, i64>, StoreError> {
        let failed = failed("write the decision about a gap");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let row = sqlx::query(SELECT_ONE)
            .bind(write.gap_id)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        let before = row.as_ref().map(reviewed).transpose()?;
        let version = before.as_ref().map_or(0, |before| before.version);
        if write.expected.is_some_and(|expected| expected != version) {
            return Ok(Err(version));
        }
        let before = before.map(|before| before.review).unwrap_or_default();
        let after = to_json(&write.review, write.gap_id)?;
        sqlx::query(UPSERT)
            .bind(write.gap_id)
            .bind(version + 1)
            .bind(&after)
            .bind(entry.at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        sqlx::query(INSERT_CHANGE)
            .bind(write.gap_id)
            .bind(version + 1)
            .bind(write.action.as_str())
            .bind(to_json(&before, write.gap_id)?)
            .bind(&after)
            .bind(entry.actor)
            .bind(entry.at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        if let Some(undone) = write.undoes {
            sqlx::query(MARK_UNDONE)
                .bind(write.gap_id)
                .bind(undone)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Ok(Reviewed {
            gap_id: write.gap_id.to_owned(),
            version: version + 1,
            review: write.review.clone(),
            updated_at_us: entry.at_us,
        }))
    }
}

fn corrupt(gap_id: &str) -> StoreError {
    StoreError::Corrupt {
        table: "gap_reviews",
        id: gap_id.to_owned(),
        column: "review",
    }
}

fn to_json(review: &GapReview, gap_id: &str) -> Result<String, StoreError> {
    serde_json::to_string(review).map_err(|_| corrupt(gap_id))
}

fn reviewed(row: &SqliteRow) -> Result<Reviewed, StoreError> {
    let failed = failed("read the decision about a gap");
    let gap_id: String = row.try_get("gap_id").map_err(failed)?;
    let review: String = row.try_get("review").map_err(failed)?;
    Ok(Reviewed {
        version: row.try_get("version").map_err(failed)?,
        review: serde_json::from_str(&review).map_err(|_| corrupt(&gap_id))?,
        updated_at_us: row.try_get("updated_at_us").map_err(failed)?,
        gap_id,
    })
}

fn changed(row: &SqliteRow, gap_id: &str) -> Result<GapChange, StoreError> {
    let failed = failed("read a change of a gap");
    let review = |column: &str| -> Result<GapReview, StoreError> {
        let text: String = row.try_get(column).map_err(failed)?;
        serde_json::from_str(&text).map_err(|_| corrupt(gap_id))
    };
    let is_undone: i64 = row.try_get("is_undone").map_err(failed)?;
    Ok(GapChange {
        version: row.try_get("version").map_err(failed)?,
        action: row.try_get("action").map_err(failed)?,
        before: review("before")?,
        after: review("after")?,
        actor: row.try_get("actor").map_err(failed)?,
        at_us: row.try_get("at_us").map_err(failed)?,
        is_undone: is_undone != 0,
    })
}

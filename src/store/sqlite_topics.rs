//! Decisions about topics on SQLite. Statements and rows only; what is allowed is decided in `topic`.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::audit::AuditEntry;
use super::sqlite::{BEGIN_WRITE, Sqlite, failed, insert_audit};
use super::topic::{Merging, TopicDecision, TopicMerge, TopicPatch, Undoing, obstacle};

const SELECT_ALL: &str =
    "SELECT topic_id, version, name, pinned, updated_at_us FROM topic_decisions ORDER BY topic_id";
const SELECT_ONE: &str =
    "SELECT topic_id, version, name, pinned, updated_at_us FROM topic_decisions WHERE topic_id = ?";
const UPSERT: &str = "INSERT INTO topic_decisions (topic_id, version, name, pinned, updated_at_us) VALUES (?, ?, ?, ?, ?) \
    ON CONFLICT (topic_id) DO UPDATE SET version = excluded.version, name = excluded.name, pinned = excluded.pinned, updated_at_us = excluded.updated_at_us";
const SELECT_MERGES: &str =
    "SELECT id, from_topic, into_topic, at_us, undone_at_us FROM topic_merges ORDER BY at_us, id";
const INSERT_MERGE: &str =
    "INSERT INTO topic_merges (id, from_topic, into_topic, at_us) VALUES (?, ?, ?, ?)";
const UNDO_MERGE: &str = "UPDATE topic_merges SET undone_at_us = ? WHERE id = ?";

impl Sqlite {
    pub(super) async fn topic_decisions(&self) -> Result<Vec<TopicDecision>, StoreError> {
        let rows = sqlx::query(SELECT_ALL).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("list decisions about topics"))?;
        rows.iter().map(decision_row).collect()
    }

    pub(super) async fn decide_topic(
        &self,
        topic: &str,
        patch: &TopicPatch,
        expected: Option<i64>,
        entry: &AuditEntry<'_>,
    ) -> Result<Result<TopicDecision, i64>, StoreError> {
        let failed = failed("write a decision about a topic");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let before = sqlx::query(SELECT_ONE)
            .bind(topic)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
        let before = before.as_ref().map(decision_row).transpose()?;
        let version = before.as_ref().map_or(0, |before| before.version);
        if expected.is_some_and(|expected| expected != version) {
            return Ok(Err(version));
        }
        let (name, pinned) = before.map_or((None, false), |before| (before.name, before.pinned));
        let decided = TopicDecision {
            topic_id: topic.to_owned(),
            version: version + 1,
            name: patch.name.clone().unwrap_or(name),
            pinned: patch.pinned.unwrap_or(pinned),
            updated_at_us: entry.at_us,
        };
        sqlx::query(UPSERT)
            .bind(&decided.topic_id)
            .bind(decided.version)
            .bind(&decided.name)
            .bind(i64::from(decided.pinned))
            .bind(decided.updated_at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Ok(decided))
    }

    pub(super) async fn topic_merges(&self) -> Result<Vec<TopicMerge>, StoreError> {
        let rows = sqlx::query(SELECT_MERGES).fetch_all(&self.pool).await;
        let rows = rows.map_err(failed("list merges of topics"))?;
        rows.iter().map(merge_row).collect()
    }

    pub(super) async fn merge_topic(
        &self,
        merge: &str,
        from: &str,
        into: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<Merging, StoreError> {
        let failed = failed("merge topics");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let rows = sqlx::query(SELECT_MERGES).fetch_all(&mut *tx).await;
        let rows = rows.map_err(failed)?;
        let merges: Vec<TopicMerge> = rows.iter().map(merge_row).collect::<Result<_, _>>()?;
        if let Some(obstacle) = obstacle(&merges, from, into) {
            return Ok(obstacle);
        }
        sqlx::query(INSERT_MERGE)
            .bind(merge)
            .bind(from)
            .bind(into)
            .bind(entry.at_us)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Merging::Merged(TopicMerge {
            id: merge.to_owned(),
            from: from.to_owned(),
            into: into.to_owned(),
            at_us: entry.at_us,
            undone_at_us: None,
        }))
    }

    pub(super) async fn undo_topic_merge(
        &self,
        merge: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<Undoing, StoreError> {
        let failed = failed("take a merge of topics back");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let rows = sqlx::query(SELECT_MERGES).fetch_all(&mut *tx).await;
        let rows = rows.map_err(failed)?;
        let merges: Vec<TopicMerge> = rows.iter().map(merge_row).collect::<Result<_, _>>()?;
        let Some(found) = merges.into_iter().find(|found| found.id == merge) else {
            return Ok(Undoing::NotFound);
        };
        if found.undone_at_us.is_some() {
            return Ok(Undoing::Already);
        }
        sqlx::query(UNDO_MERGE)
            .bind(entry.at_us)
            .bind(merge)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Undoing::Undone(TopicMerge {
            undone_at_us: Some(entry.at_us),
            ..found
        }))
    }
}

fn decision_row(row: &SqliteRow) -> Result<TopicDecision, StoreError> {
    let failed = failed("read a decision about a topic");
    Ok(TopicDecision {
        topic_id: row.try_get("topic_id").map_err(failed)?,
        version: row.try_get("version").map_err(failed)?,
        name: row.try_get("name").map_err(failed)?,
        pinned: row.try_get::<i64, _>("pinned").map_err(failed)? != 0,
        updated_at_us: row.try_get("updated_at_us").map_err(failed)?,
    })
}

fn merge_row(row: &SqliteRow) -> Result<TopicMerge, StoreError> {
    let failed = failed("read a merge of topics");
    Ok(TopicMerge {
        id: row.try_get("id").map_err(failed)?,
        from: row.try_get("from_topic").map_err(failed)?,
        into: row.try_get("into_topic").map_err(failed)?,
        at_us: row.try_get("at_us").map_err(failed)?,
        undone_at_us: row.try_get("undone_at_us").map_err(failed)?,
    })
}

//! Interventions on SQLite. Statements and rows only; what is allowed is decided in `intervention`.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::audit::AuditEntry;
use super::intervention::{
    ArticleLink, FrozenTopics, Intervention, InterventionFilter, InterventionKind, NewIntervention,
    Origin,
};
use super::sqlite::{BEGIN_WRITE, Sqlite, WriteTransaction, failed, insert_audit};
use crate::domain::Day;

const INSERT: &str = "INSERT INTO interventions (id, kind, title, day, topics, topic_run, base, article_id, article_version, gap_id, origin, created_by, created_at_us) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
const SELECT_ONE: &str = "SELECT id, kind, title, day, topics, topic_run, base, article_id, article_version, gap_id, origin, created_by, created_at_us \
    FROM interventions WHERE id = ?";
const SELECT_PAGE: &str = "SELECT id, kind, title, day, topics, topic_run, base, article_id, article_version, gap_id, origin, created_by, created_at_us \
    FROM interventions WHERE (day < ? OR (day = ? AND id < ?)) AND (? = '' OR kind = ?) AND (? = '' OR (base = ? AND article_id = ?)) \
    AND day >= ? AND day < ? ORDER BY day DESC, id DESC LIMIT ?";
const FREEZE: &str =
    "UPDATE interventions SET topics = ?, topic_run = ? WHERE id = ? AND topics = '[]'";

impl Sqlite {
    pub(super) async fn insert_intervention(
        &self,
        intervention: &Intervention,
        entry: &AuditEntry<'_>,
    ) -> Result<(), StoreError> {
        let failed = failed("write an intervention");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        insert(&mut tx, intervention).await?;
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)
    }

    pub(super) async fn intervention(&self, id: &str) -> Result<Option<Intervention>, StoreError> {
        let row = sqlx::query(SELECT_ONE)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read an intervention"))?;
        row.as_ref().map(intervention_row).transpose()
    }

    pub(super) async fn interventions(
        &self,
        filter: &InterventionFilter,
        after: Option<(Day, &str)>,
        limit: u32,
    ) -> Result<Vec<Intervention>, StoreError> {
        let (day, id) = after.map_or((i32::MAX, ""), |(day, id)| (day.0, id));
        let kind = filter.kind.map_or("", InterventionKind::as_str);
        let (base, article) = filter
            .article
            .as_ref()
            .map_or(("", ""), |(base, id)| (base.as_str(), id.as_str()));
        let rows = sqlx::query(SELECT_PAGE)
            .bind(day)
            .bind(day)
            .bind(id)
            .bind(kind)
            .bind(kind)
            .bind(base)
            .bind(base)
            .bind(article)
            .bind(filter.from.map_or(i32::MIN, |day| day.0))
            .bind(filter.to.map_or(i32::MAX, |day| day.0))
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the interventions"))?;
        rows.iter().map(intervention_row).collect()
    }

    pub(super) async fn freeze_topics(
        &self,
        id: &str,
        frozen: &FrozenTopics,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, StoreError> {
        let failed = failed("write the topics of an intervention");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        let changed = sqlx::query(FREEZE)
            .bind(topics_text(id, &frozen.topics)?)
            .bind(&frozen.run)
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(failed)?
            .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        insert_audit(&mut tx, entry).await?;
        tx.commit().await.map_err(failed)?;
        Ok(true)
    }
}

/// Writes a record; false when the same article was published that day already.
pub(super) async fn insert(
    tx: &mut WriteTransaction,
    intervention: &Intervention,
) -> Result<bool, StoreError> {
    let content = &intervention.content;
    let article = content.article.as_ref();
    let done = sqlx::query(INSERT)
        .bind(&intervention.id)
        .bind(content.kind.as_str())
        .bind(&content.title)
        .bind(content.day.0)
        .bind(topics_text(&intervention.id, &content.frozen.topics)?)
        .bind(&content.frozen.run)
        .bind(article.map(|link| &link.base))
        .bind(article.map(|link| &link.id))
        .bind(article.and_then(|link| link.version))
        .bind(&content.gap_id)
        .bind(intervention.origin.as_str())
        .bind(&intervention.created_by)
        .bind(intervention.created_at_us)
        .execute(&mut **tx)
        .await
        .map_err(failed("write an intervention"))?;
    Ok(done.rows_affected() > 0)
}

fn topics_text(id: &str, topics: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(topics).map_err(|_| corrupt(id, "topics"))
}

fn corrupt(id: &str, column: &'static str) -> StoreError {
    StoreError::Corrupt {
        table: "interventions",
        id: id.to_owned(),
        column,
    }
}

fn intervention_row(row: &SqliteRow) -> Result<Intervention, StoreError> {
    let failed = failed("read an intervention");
    let id: String = row.try_get("id").map_err(failed)?;
    let kind: String = row.try_get("kind").map_err(failed)?;
    let origin: String = row.try_get("origin").map_err(failed)?;
    let topics: String = row.try_get("topics").map_err(failed)?;
    let base: Option<String> = row.try_get("base").map_err(failed)?;
    let article_id: Option<String> = row.try_get("article_id").map_err(failed)?;
    let version = row.try_get("article_version").map_err(failed)?;
    let article = base
        .zip(article_id)
        .map(|(base, id)| ArticleLink { base, id, version });
    Ok(Intervention {
        content: NewIntervention {
            kind: InterventionKind::parse(&kind).ok_or_else(|| corrupt(&id, "kind"))?,
            title: row.try_get("title").map_err(failed)?,
            day: Day(row.try_get("day").map_err(failed)?),
            frozen: FrozenTopics {
                topics: serde_json::from_str(&topics).map_err(|_| corrupt(&id, "topics"))?,
                run: row.try_get("topic_run").map_err(failed)?,
            },
            article,
            gap_id: row.try_get("gap_id").map_err(failed)?,
        },
        origin: Origin::parse(&origin).ok_or_else(|| corrupt(&id, "origin"))?,
        created_by: row.try_get("created_by").map_err(failed)?,
        created_at_us: row.try_get("created_at_us").map_err(failed)?,
        id,
    })
}

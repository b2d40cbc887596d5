//! Labels on SQLite. Statements and rows only.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::audit::Change;
use super::label::{Label, LabelKind, NewLabel, WhichLabels};
use super::sqlite::{BEGIN_WRITE, Sqlite, failed, insert_audit};

const INSERT: &str = "INSERT INTO labels (interaction_id, turn_id, kind, value, actor, at_us) VALUES (?, ?, ?, ?, ?, ?)";
/// A label holds while no later one of the same turn and kind is there and it was not taken back.
const SELECT: &str = "SELECT seq, interaction_id, turn_id, kind, value, actor, at_us FROM labels AS l \
    WHERE seq < ? AND (? = '' OR kind = ?) AND (? = '' OR interaction_id = ?) \
    AND (? = 1 OR (value IS NOT NULL AND NOT EXISTS (SELECT 1 FROM labels AS n WHERE n.interaction_id = l.interaction_id \
    AND n.turn_id = l.turn_id AND n.kind = l.kind AND n.seq > l.seq))) ORDER BY seq DESC LIMIT ?";

impl Sqlite {
    pub(super) async fn write_labels(
        &self,
        labels: &[NewLabel],
        change: &Change<'_>,
    ) -> Result<(), StoreError> {
        let failed = failed("write labels");
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        for label in labels {
            sqlx::query(INSERT)
                .bind(&label.interaction_id)
                .bind(&label.turn_id)
                .bind(label.kind.as_str())
                .bind(label.value.as_deref())
                .bind(change.actor)
                .bind(change.at_us)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            let target = format!(
                "{}/{}/{}",
                label.interaction_id,
                label.turn_id,
                label.kind.as_str()
            );
            let action = match label.value {
                Some(_) => "label.write",
                None => "label.withdraw",
            };
            insert_audit(&mut tx, &change.audits(action, &target)).await?;
        }
        tx.commit().await.map_err(failed)
    }

    pub(super) async fn labels(
        &self,
        which: &WhichLabels,
        limit: u32,
    ) -> Result<Vec<Label>, StoreError> {
        let kind = which.kind.map_or("", LabelKind::as_str);
        let interaction = which.interaction_id.as_deref().unwrap_or_default();
        let rows = sqlx::query(SELECT)
            .bind(which.before.unwrap_or(i64::MAX))
            .bind(kind)
            .bind(kind)
            .bind(interaction)
            .bind(interaction)
            .bind(i64::from(which.with_history))
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the labels"))?;
        rows.iter().map(label_row).collect()
    }
}

fn label_row(row: &SqliteRow) -> Result<Label, StoreError> {
    let failed = failed("list the labels");
    let seq: i64 = row.try_get("seq").map_err(failed)?;
    let kind: String = row.try_get("kind").map_err(failed)?;
    let kind = LabelKind::parse(&kind).ok_or_else(|| StoreError::Corrupt {
        table: "labels",
        id: seq.to_string(),
        column: "kind",
    })?;
    Ok(Label {
        seq,
        label: NewLabel {
            interaction_id: row.try_get("interaction_id").map_err(failed)?,
            turn_id: row.try_get("turn_id").map_err(failed)?,
            kind,
            value: row.try_get("value").map_err(failed)?,
        },
        actor: row.try_get("actor").map_err(failed)?,
        at_us: row.try_get("at_us").map_err(failed)?,
    })
}

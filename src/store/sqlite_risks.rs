//! Risks of customers on SQLite. Statements and rows only.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::risks::{RiskCursor, RiskRun, RiskScore};
use super::sqlite::{BEGIN_WRITE, Sqlite, failed};

const INSERT_RUN: &str =
    "INSERT INTO risk_runs (run, state, content, scored_us) VALUES (?, 'building', ?, ?)";
const INSERT_SCORE: &str = "INSERT INTO risk_scores (run, customer_id, churn, repeat_contact, best_hour_utc, reasons) VALUES (?, ?, ?, ?, ?, ?)";
const DELETE_OTHER_RUNS: &str = "DELETE FROM risk_runs WHERE run <> ?";
const MAKE_CURRENT: &str = "UPDATE risk_runs SET state = 'current' WHERE run = ?";
const DELETE_STRAY_SCORES: &str =
    "DELETE FROM risk_scores WHERE run NOT IN (SELECT run FROM risk_runs)";
const SELECT_RUN: &str = "SELECT run, content, scored_us FROM risk_runs WHERE state = 'current'";
const SELECT_PAGE: &str = "SELECT customer_id, churn, repeat_contact, best_hour_utc, reasons FROM risk_scores \
    WHERE run = (SELECT run FROM risk_runs WHERE state = 'current') AND churn >= ? \
    AND (churn < ? OR (churn = ? AND customer_id > ?)) ORDER BY churn DESC, customer_id LIMIT ?";
const SELECT_ONE: &str = "SELECT customer_id, churn, repeat_contact, best_hour_utc, reasons FROM risk_scores \
    WHERE run = (SELECT run FROM risk_runs WHERE state = 'current') AND customer_id = ?";

/// Customers that are written in one transaction, so that nobody else waits long.
const PIECE: usize = 2_000;

/// Greater than any probability.
const ABOVE: f64 = 2.0;

impl Sqlite {
    pub(super) async fn write_risks(
        &self,
        run: &RiskRun,
        scores: &[RiskScore],
    ) -> Result<(), StoreError> {
        let failed = failed("write risks of customers");
        sqlx::query(INSERT_RUN)
            .bind(&run.run)
            .bind(&run.content)
            .bind(run.scored_us)
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        for piece in scores.chunks(PIECE) {
            let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
            for score in piece {
                sqlx::query(INSERT_SCORE)
                    .bind(&run.run)
                    .bind(&score.customer_id)
                    .bind(score.churn)
                    .bind(score.repeat_contact)
                    .bind(score.best_hour_utc)
                    .bind(&score.reasons)
                    .execute(&mut *tx)
                    .await
                    .map_err(failed)?;
            }
            tx.commit().await.map_err(failed)?;
        }
        let mut tx = self.pool.begin_with(BEGIN_WRITE).await.map_err(failed)?;
        for statement in [DELETE_OTHER_RUNS, MAKE_CURRENT] {
            sqlx::query(statement)
                .bind(&run.run)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        sqlx::query(DELETE_STRAY_SCORES)
            .execute(&self.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }

    pub(super) async fn risk_run(&self) -> Result<Option<RiskRun>, StoreError> {
        let failed = failed("read the risk model");
        let row = sqlx::query(SELECT_RUN)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(RiskRun {
            run: row.try_get("run").map_err(failed)?,
            content: row.try_get("content").map_err(failed)?,
            scored_us: row.try_get("scored_us").map_err(failed)?,
        }))
    }

    pub(super) async fn risk_page(
        &self,
        churn_at_least: f64,
        after: Option<RiskCursor<'_>>,
        limit: u32,
    ) -> Result<Vec<RiskScore>, StoreError> {
        let (churn, customer_id) = after.unwrap_or((ABOVE, ""));
        let rows = sqlx::query(SELECT_PAGE)
            .bind(churn_at_least)
            .bind(churn)
            .bind(churn)
            .bind(customer_id)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list risks of customers"))?;
        rows.iter().map(score_row).collect()
    }

    pub(super) async fn risk_score(
        &self,
        customer_id: &str,
    ) -> Result<Option<RiskScore>, StoreError> {
        let row = sqlx::query(SELECT_ONE)
            .bind(customer_id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read the risks of a customer"))?;
        row.as_ref().map(score_row).transpose()
    }
}

fn score_row(row: &SqliteRow) -> Result<RiskScore, StoreError> {
    let failed = failed("read the risks of a customer");
    Ok(RiskScore {
        customer_id: row.try_get("customer_id").map_err(failed)?,
        churn: row.try_get("churn").map_err(failed)?,
        repeat_contact: row.try_get("repeat_contact").map_err(failed)?,
        best_hour_utc: row.try_get("best_hour_utc").map_err(failed)?,
        reasons: row.try_get("reasons").map_err(failed)?,
    })
}

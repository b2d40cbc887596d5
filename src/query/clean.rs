//! Days of the stored logs as the views show them, for rewriting closed days.
//!
//! Invariants: the rows have the columns and types of the stored log; they are
//! of one state of all tables, whose version is said. Not here: replacing files.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Int32Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use futures::StreamExt;
use serde_json::Value;

use super::answer::{Answer, BatchStream};
use super::engine::{Engine, Request};
use super::error::QueryError;
use crate::domain::{Day, Micros, Role};
use crate::tables::TableId;

/// One day of a stored log without repeats, superseded revisions and recalled texts.
pub struct CleanDay {
    schema: SchemaRef,
    rows: BatchStream,
    /// Version of the table that the rows are of.
    pub version: Option<i64>,
}

impl CleanDay {
    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// What stopped the query.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        let Some(rows) = self.rows.next().await else {
            return Ok(None);
        };
        let rows = rows?;
        let stored = stored_form(&self.schema, &rows).map_err(|error| {
            QueryError::internal("giving clean rows their stored types", error.into())
        })?;
        Ok(Some(stored))
    }
}

/// The engine's own types (views of strings) back to those of the files.
fn stored_form(schema: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let fields = schema.fields().iter().zip(rows.columns());
    let columns = fields.map(|(field, column)| cast(column, field.data_type()));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

impl Engine {
    /// Days of `table` that have marked rows, with when their last row came in.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn marked_days(&self, table: TableId) -> Result<Vec<(Day, Micros)>, QueryError> {
        let name = table.name();
        let days = format!(
            "select dt, max(ingested_at) as last_at from raw.{name} \
             where dt in (select dt from raw.{name} where suspect) group by dt order by dt"
        );
        let answer = self.maintain(days, Vec::new()).await?;
        days_and_times(answer).await
    }

    /// Days of `table` after `after` and up to `last`, with when their last row came in.
    ///
    /// # Errors
    /// When the table can't be read.
    pub(super) async fn last_rows(
        &self,
        table: TableId,
        after: Option<Day>,
        last: Day,
    ) -> Result<Vec<(Day, Micros)>, QueryError> {
        let name = table.name();
        let later = after.map_or(String::new(), |after| format!("and dt > date '{after}'"));
        let days = format!(
            "select dt, max(ingested_at) as last_at from raw.{name} \
             where dt <= date '{last}' {later} group by dt order by dt"
        );
        let answer = self.maintain(days, Vec::new()).await?;
        days_and_times(answer).await
    }

    /// One day as the view of `table` shows it, ready to be stored.
    ///
    /// # Errors
    /// When the query can't begin.
    pub async fn clean_day(&self, table: TableId, day: Day) -> Result<CleanDay, QueryError> {
        let columns = table.spec().columns.iter().map(|column| match column.name {
            "suspect" => "false as suspect".to_owned(),
            name => format!("\"{name}\""),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let rows = format!(
            "select {columns} from tingchao.{} where dt = cast($1 as date)",
            table.name()
        );
        let answer = self
            .maintain(rows, vec![Value::String(day.to_string())])
            .await?;
        Ok(CleanDay {
            schema: table.spec().schema(),
            version: answer.versions.get(table.name()).copied(),
            rows: answer.batches,
        })
    }

    async fn maintain(&self, sql: String, parameters: Vec<Value>) -> Result<Answer, QueryError> {
        let mut request = Request::new(sql, Role::Admin);
        request.parameters = parameters;
        request.door = "maintenance";
        self.run(request).await
    }
}

/// Rows of a day and a time.
async fn days_and_times(mut answer: Answer) -> Result<Vec<(Day, Micros)>, QueryError> {
    let mut found = Vec::new();
    while let Some(rows) = answer.batches.next().await {
        let rows = rows?;
        let days = cast(rows.column(0), &arrow::datatypes::DataType::Int32);
        let days = days.map_err(|error| QueryError::internal("reading days", error.into()))?;
        let days = days.as_primitive::<Int32Type>().values().to_vec();
        let times = rows.column(1).as_primitive::<TimestampMicrosecondType>();
        let times = times.values().iter().map(|time| Micros(*time));
        found.extend(days.into_iter().map(Day).zip(times));
    }
    Ok(found)
}

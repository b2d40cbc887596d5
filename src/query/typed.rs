//! Rows of a statement of ours as typed values, for jobs.
//!
//! Invariants: it sees everything and is under the limits of its engine; an error names the place of a wrong value,
//! never the value. Not here: statements (`queries/`), answers of doors (`api`).

use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::engine::{Engine, Request};
use super::error::QueryError;
use crate::domain::Role;

impl Engine {
    /// The rows that `sql` gives.
    ///
    /// # Errors
    /// What stopped the query, or a row of another shape.
    pub async fn typed<T: DeserializeOwned>(
        &self,
        sql: &str,
        parameters: Vec<Value>,
    ) -> Result<Vec<T>, QueryError> {
        let mut request = Request::new(sql, Role::Admin);
        request.parameters = parameters;
        request.door = "maintenance";
        let answer = self.run(request).await?;
        let batches: Vec<_> = answer.batches.try_collect().await?;
        let unreadable = |error: arrow::error::ArrowError| {
            QueryError::internal("reading rows of a job", DataFusionError::from(error))
        };
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .build::<_, JsonArray>(Vec::new());
        for batch in &batches {
            writer.write(batch).map_err(unreadable)?;
        }
        writer.finish().map_err(unreadable)?;
        let json = writer.into_inner();
        if json.is_empty() {
            return Ok(Vec::new());
        }
        let mut json = serde_json::Deserializer::from_slice(&json);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = format!("a row has another shape at {}", error.path());
            QueryError::internal(
                "reading rows of a job",
                DataFusionError::External(place.into()),
            )
        })
    }
}

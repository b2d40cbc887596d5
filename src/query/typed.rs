//! Rows of our own statements as typed values, for jobs.
//!
//! The statements stand in `queries/`; they run under the engine's limits as `admin`. Times come as text or, cast to
//! bigint, as microseconds. Not here: answers of doors (`api`).

use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::engine::{Engine, Request};
use super::error::QueryError;
use crate::domain::Role;

impl Engine {
    /// The rows that one of our statements gives, handed on some at a time.
    ///
    /// # Errors
    /// What stopped the query, or a row of another shape: a mistake of ours.
    pub async fn typed<T: DeserializeOwned>(
        &self,
        sql: &str,
        parameters: Vec<Value>,
        mut each: impl FnMut(T),
    ) -> Result<(), QueryError> {
        let mut request = Request::new(sql, Role::Admin);
        request.parameters = parameters;
        request.door = "maintenance";
        let mut answer = self.run(request).await?;
        while let Some(rows) = answer.batches.next().await {
            let mut writer = WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, JsonArray>(Vec::new());
            let written = writer.write(&rows?).and_then(|()| writer.finish());
            written.map_err(|error| QueryError::internal("reading rows", error.into()))?;
            let json = writer.into_inner();
            if json.is_empty() {
                continue;
            }
            // The place and not the value: rows hold what customers said.
            let mut json = serde_json::Deserializer::from_slice(&json);
            let rows: Vec<T> = serde_path_to_error::deserialize(&mut json).map_err(|error| {
                QueryError::Invalid(format!("a row has another shape at {}", error.path()))
            })?;
            rows.into_iter().for_each(&mut each);
        }
        Ok(())
    }

    /// The same as a list.
    ///
    /// # Errors
    /// What stopped the query, or a row of another shape: a mistake of ours.
    pub async fn typed_rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        parameters: Vec<Value>,
    ) -> Result<Vec<T>, QueryError> {
        let mut rows = Vec::new();
        self.typed(sql, parameters, |row| rows.push(row)).await?;
        Ok(rows)
    }
}

//! Rows of the engine as typed values, for answers that are not tables.
//!
//! The statements stand in `queries/`, named queries among them. They run as `admin`: what the caller may ask was decided at the gate, and
//! a statement of ours reads nothing but what its answer shows. Not here: answers that are tables (`sql`).

use std::collections::BTreeMap;

use arrow::json::ArrayWriter;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use futures::TryStreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::ApiError;
use super::state::State;
use crate::domain::Role;
use crate::query::{Answer, NamedRequest, Request};

/// A statement of `queries/`, by its path there without the ending.
macro_rules! statement {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/queries/",
            $name,
            ".sql"
        ))
    };
}
pub(super) use statement;

/// The rows that `sql` gives, at most `max_rows`.
pub(super) async fn fetch<T: DeserializeOwned>(
    state: &State,
    sql: &str,
    parameters: Vec<Value>,
    max_rows: u64,
) -> Result<Vec<T>, ApiError> {
    let mut request = Request::new(sql, Role::Admin);
    request.parameters = parameters;
    request.max_rows = Some(max_rows);
    collect(state.engine.run(request).await?).await
}

/// The rows of a named query. What the caller may ask was decided at the gate.
pub(super) async fn fetch_named<T: DeserializeOwned>(
    state: &State,
    name: &str,
    parameters: BTreeMap<String, Value>,
    max_rows: u64,
) -> Result<Vec<T>, ApiError> {
    let mut request = NamedRequest::new(name, parameters, Role::Admin);
    request.max_rows = Some(max_rows);
    collect(state.engine.run_named(request).await?).await
}

/// The rows of an answer.
pub(super) async fn collect<T: DeserializeOwned>(answer: Answer) -> Result<Vec<T>, ApiError> {
    let batches: Vec<_> = answer.batches.try_collect().await?;
    let mut writer: ArrayWriter<Vec<u8>> = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(Vec::new());
    for batch in &batches {
        writer.write(batch).map_err(|_| unwritable())?;
    }
    writer.finish().map_err(|_| unwritable())?;
    let json = writer.into_inner();
    if json.is_empty() {
        return Ok(Vec::new());
    }
    let mut json = serde_json::Deserializer::from_slice(&json);
    // The place and not the value: rows hold what customers said.
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| ApiError::internal(format!("a row has another shape at {}", error.path())))
}

fn unwritable() -> ApiError {
    ApiError::internal("rows cannot be written as JSON")
}

/// A time of a row, or nothing, as a value to bind.
pub(super) fn time(at: Option<crate::domain::Micros>) -> Value {
    at.map_or(Value::Null, |at| Value::String(at.to_string()))
}

/// JSON text of a column as JSON. Text that is no JSON is left out.
pub(super) fn json_text<'de, D>(deserializer: D) -> Result<Option<Value>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

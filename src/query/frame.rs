//! The rows of a query as plain columns, for work that learns from them.
//!
//! Invariants: every column has as many values as there are rows; what is null is NaN or `None`. Not here: answers
//! for callers, which are exported batch by batch.

use std::sync::atomic::Ordering;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use futures::TryStreamExt;

use super::engine::{Engine, Request};
use super::error::QueryError;

/// A column.
#[derive(Debug, Clone, PartialEq)]
enum Column {
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

/// Rows by column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    columns: Vec<(String, Column)>,
    rows: usize,
}

impl Frame {
    /// How many rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The values of a column of numbers or truths (1 and 0); NaN for null. Empty when there is none of the name.
    #[must_use]
    pub fn numbers(&self, name: &str) -> &[f64] {
        match self.column(name) {
            Some(Column::Numbers(values)) => values,
            _ => &[],
        }
    }

    /// The values of a column of texts. Empty when there is none of the name.
    #[must_use]
    pub fn texts(&self, name: &str) -> &[Option<String>] {
        match self.column(name) {
            Some(Column::Texts(values)) => values,
            _ => &[],
        }
    }

    fn column(&self, name: &str) -> Option<&Column> {
        let found = self.columns.iter().find(|(known, _)| known == name);
        found.map(|(_, column)| column)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        self.rows += batch.num_rows();
        for ((_, column), values) in self.columns.iter_mut().zip(batch.columns()) {
            let kind = match column {
                Column::Numbers(_) => DataType::Float64,
                Column::Texts(_) => DataType::Utf8,
            };
            let values = cast(values, &kind).map_err(|_| {
                QueryError::Invalid("a column is neither number nor text".to_owned())
            })?;
            match column {
                Column::Numbers(all) => {
                    let values = values.as_primitive::<Float64Type>().iter();
                    all.extend(values.map(|value| value.unwrap_or(f64::NAN)));
                }
                Column::Texts(all) => {
                    let values = values.as_string::<i32>().iter();
                    all.extend(values.map(|value| value.map(str::to_owned)));
                }
            }
        }
        Ok(())
    }
}

impl Engine {
    /// The rows of a statement as columns; all of them are held in memory.
    ///
    /// # Errors
    /// As [`Engine::run`], when a column is neither number nor text, and when there are more rows than the limit: half
    /// of the rows would teach something else.
    pub async fn frame(&self, request: Request) -> Result<Frame, QueryError> {
        let mut answer = self.run(request).await?;
        let columns = answer.schema.fields().iter().map(|field| {
            let kind = field.data_type();
            let is_text = matches!(
                kind,
                DataType::Utf8
                    | DataType::LargeUtf8
                    | DataType::Utf8View
                    | DataType::Dictionary(..)
            );
            let column = if is_text {
                Column::Texts(Vec::new())
            } else {
                Column::Numbers(Vec::new())
            };
            (field.name().clone(), column)
        });
        let mut frame = Frame {
            columns: columns.collect(),
            rows: 0,
        };
        while let Some(batch) = answer.batches.try_next().await? {
            frame.add(&batch)?;
        }
        if answer.truncated.load(Ordering::Acquire) {
            let detail = format!("there are more than {} rows", answer.max_rows);
            return Err(QueryError::Invalid(detail));
        }
        Ok(frame)
    }
}

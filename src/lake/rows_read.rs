//! The rows of a Parquet file outside of any table, as JSON objects.
//!
//! The counterpart of [`RowsFile`](super::RowsFile) for small files such as the truth of a simulated run.
//! Invariants: only the named columns are read; times are RFC 3339. Not here: tables.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

/// Why rows could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be read as Parquet: {why}")]
pub struct ReadRowsError {
    path: String,
    why: String,
}

/// The named columns of every row; absent values are null.
///
/// # Errors
/// When the file is not there or no Parquet.
pub fn read_rows(path: &Path, columns: &[&str]) -> Result<Vec<Map<String, Value>>, ReadRowsError> {
    let failed = |why: String| ReadRowsError {
        path: path.display().to_string(),
        why,
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file);
    let builder = builder.map_err(|error| failed(error.to_string()))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(mask).build();
    let reader = reader.map_err(|error| failed(error.to_string()))?;
    let mut lines = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(Vec::new());
    for batch in reader {
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        let written = lines.write(&batch);
        written.map_err(|error| failed(error.to_string()))?;
    }
    lines.finish().map_err(|error| failed(error.to_string()))?;
    let text = lines.into_inner();
    serde_json::Deserializer::from_reader(BufReader::new(text.as_slice()))
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| failed(error.to_string()))
}

//! Plain rows to one Parquet file, outside of any table.
//!
//! Rows are collected by column and written in groups, so that memory does not
//! grow with their number. Invariants: a file has the columns that it was made
//! with; it is readable only after [`RowsFile::finish`]. Not here: Delta, the
//! log, durability: these are exports.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// Rows that are held before they are written.
const GROUP: usize = 65_536;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// UTF-8.
    Text,
    /// 64-bit whole number.
    Integer,
    /// 64-bit float.
    Number,
    /// true or false.
    Flag,
    /// UTC microseconds.
    Time,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum RowCell {
    /// For [`RowKind::Text`].
    Text(String),
    /// For [`RowKind::Integer`], and microseconds for [`RowKind::Time`].
    Integer(i64),
    /// For [`RowKind::Number`].
    Number(f64),
    /// For [`RowKind::Flag`].
    Flag(bool),
    /// Nothing.
    Null,
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The file.
    #[error("{path} can't be written")]
    Write {
        /// Which.
        path: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The file, when it is read.
    #[error("{path} can't be read")]
    Open {
        /// Which.
        path: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The rows.
    #[error("{path}: rows can't be written as, or read from, Parquet")]
    Rows {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        cause: ParquetError,
    },
    /// A row of another shape.
    #[error("{path}: a row has {found} values, the file {expected} columns")]
    Shape {
        /// Which file.
        path: String,
        /// Values of the row.
        found: usize,
        /// Columns of the file.
        expected: usize,
    },
}

/// A Parquet file that rows are added to.
pub struct RowsFile {
    path: PathBuf,
    schema: SchemaRef,
    kinds: Vec<RowKind>,
    columns: Vec<Vec<RowCell>>,
    writer: ArrowWriter<BufWriter<File>>,
}

impl RowsFile {
    /// Creates the file with these columns; an old one is replaced.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn create(path: &Path, columns: &[(&str, RowKind)]) -> Result<Self, RowsError> {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, kind)| Field::new(*name, data_type(*kind), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let file = File::create(path).map_err(|cause| RowsError::Write {
            path: path.display().to_string(),
            cause,
        })?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // The writer holds a group packed until it is full.
            .set_max_row_group_row_count(Some(GROUP * 2))
            .set_created_by(concat!("tingchao ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let output = BufWriter::new(file);
        let writer = ArrowWriter::try_new(output, Arc::clone(&schema), Some(properties))
            .map_err(|cause| rows_error(path, cause))?;
        Ok(Self {
            path: path.to_owned(),
            schema,
            kinds: columns.iter().map(|(_, kind)| *kind).collect(),
            columns: columns.iter().map(|_| Vec::new()).collect(),
            writer,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it has another number of values, or a full group can't be written.
    pub fn add(&mut self, row: Vec<RowCell>) -> Result<(), RowsError> {
        if row.len() != self.columns.len() {
            return Err(RowsError::Shape {
                path: self.path.display().to_string(),
                found: row.len(),
                expected: self.columns.len(),
            });
        }
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.push(cell);
        }
        if self
            .columns
            .first()
            .is_some_and(|column| column.len() >= GROUP)
        {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RowsError> {
        let kinds = self.kinds.iter();
        let arrays: Vec<ArrayRef> = kinds
            .zip(&mut self.columns)
            .map(|(kind, column)| array(*kind, std::mem::take(column)))
            .collect();
        let written = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|cause: ArrowError| ParquetError::External(Box::new(cause)))
            .and_then(|batch| self.writer.write(&batch));
        written.map_err(|cause| rows_error(&self.path, cause))
    }

    /// Writes what is left and closes the file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn finish(mut self) -> Result<(), RowsError> {
        self.flush()?;
        let mut output = self
            .writer
            .into_inner()
            .map_err(|cause| rows_error(&self.path, cause))?;
        output.flush().map_err(|cause| RowsError::Write {
            path: self.path.display().to_string(),
            cause,
        })
    }
}

fn rows_error(path: &Path, cause: ParquetError) -> RowsError {
    RowsError::Rows {
        path: path.display().to_string(),
        cause,
    }
}

fn data_type(kind: RowKind) -> DataType {
    match kind {
        RowKind::Text => DataType::Utf8,
        RowKind::Integer => DataType::Int64,
        RowKind::Number => DataType::Float64,
        RowKind::Flag => DataType::Boolean,
        RowKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// A value of another type than the column's is told as nothing.
fn array(kind: RowKind, cells: Vec<RowCell>) -> ArrayRef {
    let integer = |cell: RowCell| match cell {
        RowCell::Integer(value) => Some(value),
        _ => None,
    };
    match kind {
        RowKind::Text => Arc::new(StringArray::from_iter(cells.into_iter().map(
            |cell| match cell {
                RowCell::Text(value) => Some(value),
                _ => None,
            },
        ))),
        RowKind::Integer => Arc::new(Int64Array::from_iter(cells.into_iter().map(integer))),
        RowKind::Time => {
            let times = TimestampMicrosecondArray::from_iter(cells.into_iter().map(integer));
            Arc::new(times.with_timezone("UTC"))
        }
        RowKind::Number => Arc::new(Float64Array::from_iter(cells.into_iter().map(
            |cell| match cell {
                RowCell::Number(value) => Some(value),
                _ => None,
            },
        ))),
        RowKind::Flag => Arc::new(BooleanArray::from_iter(cells.into_iter().map(
            |cell| match cell {
                RowCell::Flag(value) => Some(value),
                _ => None,
            },
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    #[test]
    fn rows_come_back_with_their_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let columns = [
            ("name", RowKind::Text),
            ("at", RowKind::Time),
            ("value", RowKind::Number),
        ];
        let mut file = RowsFile::create(&path, &columns).unwrap();
        for index in 0..3 {
            let name = RowCell::Text(format!("n{index}"));
            file.add(vec![name, RowCell::Integer(index), RowCell::Null])
                .unwrap();
        }
        assert!(file.add(vec![RowCell::Null]).is_err());
        file.finish().unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 3);
        let first = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        assert_eq!(
            first.to_string(),
            "{name: \"n0\", at: 1970-01-01 00:00:00.000000 +00:00, value: null}"
        );
    }
}

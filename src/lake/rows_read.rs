//! The rows of a Parquet file outside of any table, as plain columns.
//!
//! Invariants: every column has as many values as there are rows; what is null, or of another type, is `None`. Not
//! here: tables.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::RowsError;

/// Columns of numbers (times as microseconds, truths as 0 and 1) and of texts, by name.
#[derive(Debug, Default)]
pub struct RowsRead {
    /// Numbers.
    pub numbers: BTreeMap<String, Vec<Option<f64>>>,
    /// Texts.
    pub texts: BTreeMap<String, Vec<Option<String>>>,
}

impl RowsRead {
    /// Reads a whole file.
    ///
    /// # Errors
    /// When it can't be opened or is no Parquet.
    pub fn open(path: &Path) -> Result<Self, RowsError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|cause| RowsError::Open {
            path: name.clone(),
            cause,
        })?;
        let broken = |cause| RowsError::Rows {
            path: name.clone(),
            cause,
        };
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
        let mut read = Self::default();
        for batch in reader.build().map_err(broken)? {
            let batch = batch.map_err(|cause| broken(cause.into()))?;
            for (field, values) in batch.schema().fields().iter().zip(batch.columns()) {
                read.add(field.name(), values.as_ref());
            }
        }
        Ok(read)
    }

    fn add(&mut self, name: &str, values: &dyn Array) {
        if matches!(
            values.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        ) {
            let column = self.texts.entry(name.to_owned()).or_default();
            if let Ok(values) = cast(values, &DataType::Utf8) {
                let values = values.as_string::<i32>().iter();
                column.extend(values.map(|value| value.map(str::to_owned)));
            }
            return;
        }
        let kind = match values.data_type() {
            DataType::Timestamp(..) => &DataType::Int64,
            kind => kind,
        };
        let numbers = cast(values, kind).and_then(|values| cast(&values, &DataType::Float64));
        let column = self.numbers.entry(name.to_owned()).or_default();
        match numbers {
            Ok(numbers) => column.extend(numbers.as_primitive::<Float64Type>().iter()),
            Err(_) => column.extend(std::iter::repeat_n(None, values.len())),
        }
    }
}

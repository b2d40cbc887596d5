//! Record batches to one Parquet file and its `add` action.
//!
//! Invariants: statistics only on columns without text (`STATS_COLUMNS`), in
//! the file's footer as in the log; times are UTC microseconds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use deltalake::kernel::Add;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value, json};

use crate::domain::{Day, Micros};

/// Columns whose smallest and greatest value may be seen from outside.
pub const STATS_COLUMNS: &[&str] = &[
    "at",
    "ingested_at",
    "received_at",
    "started_at",
    "ended_at",
    "offset",
];

/// Columns with statistics in the footer only: small, without text.
const FOOTER_COLUMNS: &[&str] = &["suspect", "recalled", "type_rank", "revision", "partition"];

/// Columns of almost all different values, where a dictionary only costs.
const PLAIN_COLUMNS: &[&str] = &["event_id", "text", "offset", "payload", "turn_id"];

const COMPRESSION_LEVEL: i32 = 1;

/// How every data file is written.
pub fn writer_properties() -> WriterProperties {
    let level = ZstdLevel::try_new(COMPRESSION_LEVEL).unwrap_or_default();
    let builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_created_by(concat!("tingchao ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_statistics_enabled(EnabledStatistics::None);
    let with_stats = STATS_COLUMNS.iter().chain(FOOTER_COLUMNS);
    let builder = with_stats.fold(builder, |builder: WriterPropertiesBuilder, column| {
        builder.set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::Chunk)
    });
    let builder = PLAIN_COLUMNS.iter().fold(builder, |builder, column| {
        builder.set_column_dictionary_enabled(ColumnPath::from(*column), false)
    });
    builder.build()
}

/// A data file that is not committed yet.
pub struct DataFile {
    /// Path below the table, `dt=2026-11-20/part-….parquet`.
    pub path: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// The day of its partition.
    pub day: Day,
    /// Rows.
    pub rows: usize,
    size_bytes: usize,
    stats: Map<String, Value>,
}

/// Collects batches of one day into one file.
pub struct DataFileWriter {
    writer: ArrowWriter<Vec<u8>>,
    day: Day,
    rows: usize,
    /// Smallest and greatest value by column, and whether they are times.
    ranges: BTreeMap<String, (i64, i64, bool)>,
}

impl DataFileWriter {
    /// A writer for rows of `schema`, of the day `day`.
    ///
    /// # Errors
    /// When the schema can't be written as Parquet.
    pub fn new(schema: &arrow::datatypes::SchemaRef, day: Day) -> Result<Self, ParquetError> {
        let writer =
            ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(writer_properties()))?;
        Ok(Self {
            writer,
            day,
            rows: 0,
            ranges: BTreeMap::new(),
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// When the rows are not of the writer's schema.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        self.writer.write(rows)?;
        self.rows += rows.num_rows();
        for (index, field) in rows.schema().fields().iter().enumerate() {
            if STATS_COLUMNS.contains(&field.name().as_str()) {
                self.widen(field.name(), rows.column(index));
            }
        }
        Ok(())
    }

    fn widen(&mut self, name: &str, column: &arrow::array::ArrayRef) {
        let range = match column.data_type() {
            DataType::Int64 => {
                let values = column.as_primitive::<Int64Type>();
                min(values).zip(max(values))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let values = column.as_primitive::<TimestampMicrosecondType>();
                min(values).zip(max(values))
            }
            _ => return,
        };
        let Some((low, high)) = range else { return };
        let is_time = matches!(column.data_type(), DataType::Timestamp(..));
        let entry = self
            .ranges
            .entry(name.to_owned())
            .or_insert((i64::MAX, i64::MIN, is_time));
        entry.0 = entry.0.min(low);
        entry.1 = entry.1.max(high);
    }

    /// Bytes written and buffered so far, about.
    pub fn bytes(&self) -> usize {
        self.writer.bytes_written() + self.writer.in_progress_size()
    }

    /// The finished file.
    ///
    /// # Errors
    /// When the file can't be closed.
    pub fn finish(self) -> Result<DataFile, ParquetError> {
        let bytes = self.writer.into_inner()?;
        let mut lows = Map::new();
        let mut highs = Map::new();
        for (name, (low, high, is_time)) in self.ranges {
            let show = |value: i64| {
                if is_time {
                    json!(log_time(value))
                } else {
                    json!(value)
                }
            };
            lows.insert(name.clone(), show(low));
            highs.insert(name, show(high));
        }
        let mut stats = Map::new();
        stats.insert("numRecords".into(), json!(self.rows));
        stats.insert("minValues".into(), Value::Object(lows));
        stats.insert("maxValues".into(), Value::Object(highs));
        let name = uuid::Uuid::now_v7();
        Ok(DataFile {
            path: format!("dt={}/part-{name}.zstd.parquet", self.day),
            size_bytes: bytes.len(),
            bytes,
            day: self.day,
            rows: self.rows,
            stats,
        })
    }
}

/// One batch as one file.
///
/// # Errors
/// When the rows can't be written as Parquet.
pub fn data_file(rows: &RecordBatch, day: Day) -> Result<DataFile, ParquetError> {
    let mut writer = DataFileWriter::new(&rows.schema(), day)?;
    writer.write(rows)?;
    writer.finish()
}

impl DataFile {
    /// Its size on the disk, bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes as u64
    }

    /// The `add` action that makes this file part of the table.
    pub fn add(&self, now: Micros, data_change: bool) -> Add {
        let day = self.day.to_string();
        Add {
            path: self.path.clone(),
            partition_values: HashMap::from([("dt".to_owned(), Some(day))]),
            size: i64::try_from(self.size_bytes).unwrap_or(i64::MAX),
            modification_time: now.0 / 1000,
            data_change,
            stats: Some(Value::Object(self.stats.clone()).to_string()),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }
    }
}

fn log_time(micros: i64) -> String {
    let time = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Batch, TableId};
    use parquet::file::reader::{FileReader, SerializedFileReader};

    #[test]
    fn no_text_column_has_statistics() {
        for table in TableId::ALL {
            let schema = table.spec().schema();
            for name in STATS_COLUMNS.iter().chain(FOOTER_COLUMNS) {
                let Ok(field) = schema.field_with_name(name) else {
                    continue;
                };
                assert_ne!(
                    field.data_type(),
                    &DataType::Utf8,
                    "{}.{name}",
                    table.name()
                );
            }
        }
    }

    #[test]
    fn the_footer_and_the_log_show_times_and_no_words() {
        let mut batch = Batch::new(TableId::DeadLetters.spec());
        let mut row = batch.row();
        for column in [0, 5] {
            row.text(column, Some("说过的话"));
        }
        row.int(1, Some(0));
        row.long(2, Some(41));
        row.int(3, Some(0));
        row.time(9, Some(Micros(1_000_000)));
        let file = data_file(&batch.finish().unwrap(), Day(0)).unwrap();
        let add = file.add(Micros(0), true);
        let stats = add.stats.unwrap();
        assert!(
            stats.contains("\"numRecords\":1") && stats.contains("1970-01-01T00:00:01.000000Z")
        );
        assert!(!stats.contains("说过的话"));
        let reader = SerializedFileReader::new(bytes::Bytes::from(file.bytes)).unwrap();
        let group = reader.metadata().row_group(0);
        assert!(group.column(0).statistics().is_none());
        assert!(group.column(9).statistics().is_some());
    }
}

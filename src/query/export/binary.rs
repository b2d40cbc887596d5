//! Arrow IPC stream and Parquet.
//!
//! Invariants: both are written front to back into a buffer that is drained after each batch. A Parquet file
//! says `tingchao.truncated` in its metadata; an Arrow stream can't (its schema goes first). Not here: text.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::encoding;
use crate::query::QueryError;

/// A row group is closed at about this size, so that memory stays bounded.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Bytes written and not yet taken.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::large_enum_variant, reason = "one value an answer")]
enum Writer {
    Arrow(StreamWriter<Buffer>),
    Parquet(Box<ArrowWriter<Buffer>>),
}

pub(super) struct BinaryEncoder {
    buffer: Buffer,
    writer: Writer,
}

fn parquet_failed(error: ParquetError) -> QueryError {
    QueryError::internal("encoding the answer", error.into())
}

impl BinaryEncoder {
    pub(super) fn arrow(schema: &SchemaRef) -> Result<Self, QueryError> {
        let buffer = Buffer::default();
        let writer = StreamWriter::try_new(buffer.clone(), schema).map_err(encoding)?;
        Ok(Self {
            buffer,
            writer: Writer::Arrow(writer),
        })
    }

    pub(super) fn parquet(schema: &SchemaRef) -> Result<Self, QueryError> {
        let buffer = Buffer::default();
        let level = ZstdLevel::try_new(1).map_err(parquet_failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("tingchao ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(buffer.clone(), Arc::clone(schema), Some(properties))
            .map_err(parquet_failed)?;
        Ok(Self {
            buffer,
            writer: Writer::Parquet(Box::new(writer)),
        })
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        match &mut self.writer {
            Writer::Arrow(writer) => writer.write(batch).map_err(encoding)?,
            Writer::Parquet(writer) => {
                writer.write(batch).map_err(parquet_failed)?;
                if writer.in_progress_size() > ROW_GROUP_BYTES {
                    writer.flush().map_err(parquet_failed)?;
                }
            }
        }
        Ok(self.buffer.take())
    }

    pub(super) fn end(self, truncated: bool) -> Result<Vec<u8>, QueryError> {
        match self.writer {
            Writer::Arrow(mut writer) => writer.finish().map_err(encoding)?,
            Writer::Parquet(mut writer) => {
                let key = "tingchao.truncated".to_owned();
                writer.append_key_value_metadata(KeyValue::new(key, truncated.to_string()));
                writer.close().map_err(parquet_failed)?;
            }
        }
        Ok(self.buffer.take())
    }
}

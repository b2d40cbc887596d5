//! An answer as bytes: JSON, NDJSON, CSV, Arrow stream, Parquet.
//!
//! Every format is produced batch by batch. Invariants: in the text formats a bigint within ±2^53 is a number,
//! beyond it and as a decimal it is a string; times are RFC 3339 in UTC; an answer that ends with an error is
//! never well-formed (the stream fails before its last bytes). Not here: media types of requests, HTTP headers.

mod binary;
mod cell;
mod text;

use std::sync::atomic::Ordering;

use arrow::datatypes::{DataType, Field, SchemaRef};
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::answer::Answer;
use super::engine::Engine;
use super::error::QueryError;

/// The formats of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON object a line; the last line says that it is the end.
    Ndjson,
    /// RFC 4180 with a header line.
    Csv,
    /// Arrow IPC stream.
    Arrow,
    /// One Parquet file.
    Parquet,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::Arrow,
        Self::Parquet,
    ];

    /// The word in requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
        }
    }

    /// The media type of the answer.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// The bytes of an answer.
pub type ByteStream = ReceiverStream<Result<Bytes, QueryError>>;

impl Engine {
    /// Encodes `answer` on the query runtime. The first bytes are there when this returns, so an error before
    /// the first row is returned here and not in the middle of a response. Dropping the stream stops the query.
    ///
    /// # Errors
    /// What stopped the query before its first bytes.
    pub async fn export(&self, answer: Answer, format: Format) -> Result<ByteStream, QueryError> {
        let (out, body) = mpsc::channel(2);
        let (ready, first) = tokio::sync::oneshot::channel();
        self.runtime().spawn(encode(answer, format, ready, out));
        match first.await {
            Ok(Ok(())) => Ok(ReceiverStream::new(body)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(QueryError::Internal {
                what: "encoding the answer",
                source: None,
            }),
        }
    }
}

type Ready = tokio::sync::oneshot::Sender<Result<(), QueryError>>;

async fn encode(
    answer: Answer,
    format: Format,
    ready: Ready,
    out: mpsc::Sender<Result<Bytes, QueryError>>,
) {
    let mut ready = Some(ready);
    let ended = pump(answer, format, &mut ready, &out).await;
    let Err(error) = ended else { return };
    // Whoever waits may have gone; then nobody wants the error.
    match ready {
        Some(ready) => drop(ready.send(Err(error))),
        None => drop(out.send(Err(error)).await),
    }
}

async fn pump(
    answer: Answer,
    format: Format,
    ready: &mut Option<Ready>,
    out: &mpsc::Sender<Result<Bytes, QueryError>>,
) -> Result<(), QueryError> {
    let Answer {
        schema,
        mut batches,
        truncated,
        ..
    } = answer;
    let mut encoder = Some(Encoder::new(format, &schema)?);
    while let Some(mut current) = encoder.take() {
        let next = tokio::select! {
            biased;
            () = out.closed() => return Err(QueryError::Cancelled),
            next = batches.next() => next.transpose()?,
        };
        let bytes = match next {
            None => current.end(truncated.load(Ordering::Acquire))?,
            Some(batch) => {
                let bytes = current.batch(&batch)?;
                encoder = Some(current);
                bytes
            }
        };
        // The caller may have gone: the next turn sees it.
        if let Some(ready) = ready.take() {
            drop(ready.send(Ok(())));
        }
        if !bytes.is_empty() {
            out.send(Ok(bytes.into()))
                .await
                .map_err(|_| QueryError::Cancelled)?;
        }
    }
    Ok(())
}

/// Turns batches into bytes; the parts joined are the whole answer.
#[expect(clippy::large_enum_variant, reason = "one value an answer")]
enum Encoder {
    Text(text::TextEncoder),
    Binary(binary::BinaryEncoder),
}

impl Encoder {
    fn new(format: Format, schema: &SchemaRef) -> Result<Self, QueryError> {
        Ok(match format {
            Format::Arrow => Self::Binary(binary::BinaryEncoder::arrow(schema)?),
            Format::Parquet => Self::Binary(binary::BinaryEncoder::parquet(schema)?),
            text => Self::Text(text::TextEncoder::new(text, schema)),
        })
    }

    fn batch(&mut self, batch: &arrow::array::RecordBatch) -> Result<Vec<u8>, QueryError> {
        match self {
            Self::Text(encoder) => encoder.batch(batch),
            Self::Binary(encoder) => encoder.batch(batch),
        }
    }

    fn end(self, truncated: bool) -> Result<Vec<u8>, QueryError> {
        match self {
            Self::Text(encoder) => Ok(encoder.end(truncated)),
            Self::Binary(encoder) => encoder.end(truncated),
        }
    }
}

/// The PostgreSQL word for a type.
#[must_use]
pub fn type_name(kind: &DataType) -> String {
    let list = |item: &Field| format!("{}[]", type_name(item.data_type()));
    let word = match kind {
        DataType::Null => "unknown",
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "numeric",
        DataType::Dictionary(_, value) => return type_name(value),
        DataType::RunEndEncoded(_, value) => return type_name(value.data_type()),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            return list(item);
        }
        DataType::LargeListView(item) | DataType::FixedSizeList(item, _) => return list(item),
        DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => "json",
    };
    word.to_owned()
}

fn encoding(error: arrow::error::ArrowError) -> QueryError {
    QueryError::internal("encoding the answer", error.into())
}

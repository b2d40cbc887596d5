//! Where events come from, behind one trait that fits Kafka as well as files.
//!
//! A source has partitions, each a sequence of records with growing offsets.
//! It is told where to begin (`seek`, from the checkpoints of the tables, never
//! from its own memory), handed out in windows, told what has become durable,
//! and can take partitions away (`Polled::Revoked`) or hand them out
//! (`Polled::Assigned`) at any time.
//!
//! Invariants: the same offset is always the same record; windows of a
//! partition come in order and without holes. Not here: decoding (`contract`),
//! commits (`lake`).

mod file;
mod foreign;
mod inbox;
mod kafka;
mod lines;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use file::{
    FileImport, FileImportError, FollowedFile, Manifest, ManifestFile, Rules, head_hash,
};
pub use foreign::{FileReport, ForeignDocument, ForeignReader, ForeignRules, Refusal, Reports};
pub use inbox::{
    INBOX, Inbox, InboxCopy, InboxEntry, InboxError, InboxSource, Receipt, copy_inbox,
};
pub use kafka::{KafkaSource, KafkaSourceError, TopicRule, connection};
pub use lines::{Line, LineError, Lines, open_file};
pub use replay::Replay;

use crate::contract::Rejection;
use crate::contract::format::Converted;
use crate::domain::Partition;

/// What one record holds.
pub enum Document {
    /// One canonical event, as it came in.
    Canonical(Bytes),
    /// The canonical events that a mapping made of one row, with the number of
    /// items that the mapping left out on purpose.
    Mapped(Vec<Vec<u8>>, u64),
    /// What a document of a vendor's format became.
    Converted(Box<Converted>),
    /// A row that a mapping skips on purpose, by the name of its rule.
    Skipped(String),
    /// Refused before decoding (too long, not mappable), with what there is of it.
    Refused(Rejection, Bytes),
    /// One canonical event of an import that came through a door: of any time,
    /// also where the source is a stream.
    Imported(Bytes),
    /// Refused at the door and redacted there already.
    Letter(Rejection, String),
}

/// How the payload of one record becomes documents: the format of a topic.
pub trait RecordFormat: Send + Sync {
    /// What `payload` holds.
    fn document(&self, payload: Bytes) -> Document;
}

/// One canonical event a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Canonical;

impl RecordFormat for Canonical {
    fn document(&self, payload: Bytes) -> Document {
        Document::Canonical(payload)
    }
}

/// One record of a partition.
pub struct Record {
    /// Its offset.
    pub offset: i64,
    /// What it holds.
    pub document: Document,
}

/// Consecutive records of one partition.
pub struct Window {
    /// Which partition.
    pub partition: Partition,
    /// Kafka topic or file, for dead letters.
    pub topic: Option<Arc<str>>,
    /// Offset of the first record.
    pub first: i64,
    /// Offset after the last record.
    pub next: i64,
    /// The records.
    pub records: Vec<Record>,
    /// Size of the records, bytes.
    pub bytes: usize,
    /// Records that are known to wait behind this window.
    pub lag: Option<u64>,
}

/// What a poll brought.
pub enum Polled {
    /// Partitions that are ours from now on; they wait for `seek`.
    Assigned(Vec<Partition>),
    /// Partitions that are no longer ours; what was read of them must be
    /// committed before the next poll.
    Revoked(Vec<Partition>),
    /// How many records wait behind what was handed out, without new ones.
    Lags(Vec<(Partition, u64)>),
    /// Records.
    Window(Window),
    /// Nothing for now.
    Idle,
    /// Nothing any more, ever.
    Finished,
}

/// Where a partition begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which partition.
    pub partition: Partition,
    /// Next offset to read; `None` when a table has not recorded any, so that
    /// everything there is has to be read.
    pub next: Option<i64>,
    /// Smallest next offset that any table has recorded: what lies between it
    /// and the partition's beginning would be missing somewhere.
    pub recorded: Option<i64>,
}

impl Start {
    /// Begins where every table stands.
    pub fn at(partition: Partition, next: i64) -> Self {
        Self {
            partition,
            next: Some(next),
            recorded: Some(next),
        }
    }

    /// Next offset, counted from 0 when nothing was recorded.
    pub fn offset(&self) -> i64 {
        self.next.unwrap_or(0)
    }
}

/// What went wrong while reading.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder can't be read.
    #[error("source `{source_name}`: {path} can't be read")]
    Read {
        /// The source.
        source_name: String,
        /// What was read.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The position to begin from does not exist.
    #[error("source `{source_name}`: partition {partition} has no offset {offset}; {what}")]
    Seek {
        /// The source.
        source_name: String,
        /// Number of the partition.
        partition: i32,
        /// Where to begin.
        offset: i64,
        /// What is there instead.
        what: String,
    },
    /// The brokers can't be used for now.
    #[error("source `{source_name}`: {what}")]
    Broker {
        /// The source.
        source_name: String,
        /// What they said.
        what: String,
    },
    /// The source can never be read again by this process.
    #[error("source `{source_name}` has ended: {what}")]
    Ended {
        /// The source.
        source_name: String,
        /// Why.
        what: String,
    },
}

/// A sequence of records in partitions; all calls come from one thread.
pub trait Source: Send {
    /// Name, part of the app id: stable over restarts.
    fn name(&self) -> &Arc<str>;

    /// Whether events must lie near the present (a stream) or may be of any
    /// time (an import).
    fn is_stream(&self) -> bool;

    /// Waits at most `wait` for news.
    ///
    /// # Errors
    /// When the source can't be read; the caller may poll again.
    fn poll(&mut self, max_bytes: usize, wait: Duration) -> Result<Polled, SourceError>;

    /// Begins a partition, or begins it again. One that is not ours is ignored.
    ///
    /// # Errors
    /// When that offset does not exist (any more).
    fn seek(&mut self, start: &Start) -> Result<(), SourceError>;

    /// Hands out no records until `resume`; polls go on.
    fn pause(&mut self);

    /// Ends `pause`.
    fn resume(&mut self);

    /// All records of `partition` before `next` are durable in every table.
    ///
    /// # Errors
    /// When what is no longer needed can't be let go; nothing is lost by it.
    fn committed(&mut self, partition: &Partition, next: i64) -> Result<(), SourceError>;
}

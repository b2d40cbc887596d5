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
mod lines;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use file::{
    FileImport, FileImportError, FollowedFile, Manifest, ManifestFile, Rules, head_hash,
};
pub use foreign::{FileReport, ForeignDocument, ForeignReader, ForeignRules, Refusal, Reports};
pub use inbox::{Inbox, InboxEntry, InboxError, InboxSource, Receipt};
pub use lines::{Line, LineError, Lines, open_file};
pub use replay::Replay;

use crate::contract::Rejection;
use crate::contract::format::Converted;

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
    /// Refused at the door and redacted there already.
    Letter(Rejection, String),
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
    /// Partition within the source.
    pub partition: i32,
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
    Assigned(Vec<i32>),
    /// Partitions that are no longer ours; what was read of them must be
    /// committed before the next poll.
    Revoked(Vec<i32>),
    /// Records.
    Window(Window),
    /// Nothing for now.
    Idle,
    /// Nothing any more, ever.
    Finished,
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
        /// The partition.
        partition: i32,
        /// Where to begin.
        offset: i64,
        /// What is there instead.
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

    /// Begins `partition` at offset `next` (0 when nothing was recorded).
    ///
    /// # Errors
    /// When that offset does not exist (any more).
    fn seek(&mut self, partition: i32, next: i64) -> Result<(), SourceError>;

    /// Hands out no records until `resume`; polls go on.
    fn pause(&mut self);

    /// Ends `pause`.
    fn resume(&mut self);

    /// All records of `partition` before `next` are durable in every table.
    ///
    /// # Errors
    /// When what is no longer needed can't be let go; nothing is lost by it.
    fn committed(&mut self, partition: i32, next: i64) -> Result<(), SourceError>;
}

//! The rows of a query on their way to the caller.
//!
//! Rows come through a bounded channel from a task on the query runtime. Invariants: dropping the stream stops
//! the query; a stream that ends without an error is complete (a task that dies is an error, not an end); the
//! deadline covers the last row and is watched on the caller's side too, so a query that never yields its
//! thread cannot hold the caller. Not here: encodings (`export`).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::Stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

use super::catalog::Versions;
use super::error::QueryError;

/// The task on the query runtime gets so long to report a timeout itself.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// An answer whose rows are still to come.
#[derive(Debug)]
pub struct Answer {
    /// Columns.
    pub schema: SchemaRef,
    /// Rows; dropping it cancels the query.
    pub batches: BatchStream,
    /// Whether rows were cut at `max_rows`; known when `batches` has ended.
    pub truncated: Arc<AtomicBool>,
    /// The row limit that applies.
    pub max_rows: u64,
    /// The table versions that the query reads.
    pub versions: Versions,
}

/// What the task sends.
#[derive(Debug)]
pub(super) enum Item {
    Rows(RecordBatch),
    Failed(QueryError),
    End,
}

/// The rows of an answer.
#[derive(Debug)]
pub struct BatchStream {
    rows: mpsc::Receiver<Item>,
    deadline: Pin<Box<Sleep>>,
    limit_s: u64,
    ended: bool,
}

impl BatchStream {
    pub(super) fn new(rows: mpsc::Receiver<Item>, deadline: Instant, limit_s: u64) -> Self {
        Self {
            rows,
            deadline: Box::pin(sleep_until(deadline + GRACE)),
            limit_s,
            ended: false,
        }
    }

    fn end(&mut self, error: Option<QueryError>) -> Poll<Option<Result<RecordBatch, QueryError>>> {
        self.ended = true;
        self.rows.close();
        Poll::Ready(error.map(Err))
    }
}

impl Stream for BatchStream {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.rows.poll_recv(context) {
            Poll::Ready(Some(Item::Rows(batch))) => return Poll::Ready(Some(Ok(batch))),
            Poll::Ready(Some(Item::Failed(error))) => return self.end(Some(error)),
            Poll::Ready(Some(Item::End)) => return self.end(None),
            Poll::Ready(None) => {
                let died = QueryError::Internal {
                    what: "running the query",
                    source: None,
                };
                return self.end(Some(died));
            }
            Poll::Pending => {}
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            let limit_s = self.limit_s;
            return self.end(Some(QueryError::Timeout { limit_s }));
        }
        Poll::Pending
    }
}

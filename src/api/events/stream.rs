//! `application/x-ndjson`: a stream of lines without a limit in total.
//!
//! Every line is accepted or becomes one dead letter. Invariants: entries are durable in groups, and the answer
//! comes after the last group; at most one group, one line and one unpacked piece are in memory. A connection
//! that breaks keeps the whole lines it has sent, and its last, broken line is not counted as refused: the
//! sender has no answer and sends all of it again.

use std::time::Duration;

use actix_web::dev::Payload;
use futures::StreamExt;
use tokio::time::timeout;

use super::admit::{Admitted, admit, letter};
use super::lines::{Line, LineSplitter};
use super::unpack::Unpacker;
use super::{EventsReceipt, RefusedLine, keep};
use crate::api::body::broken_off;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::contract::{RejectCode, Rejection};
use crate::error::ErrorCode;
use crate::source::{Inbox, InboxEntry};

/// A group is made durable when it has so many bytes.
const GROUP_BYTES: usize = 1 << 20;

/// A group is made durable when nothing came for so long.
const GROUP_WAIT: Duration = Duration::from_millis(500);

/// Of so many refused lines the answer shows the reason.
const SHOWN_REFUSALS: usize = 20;

/// Takes the lines of a body.
pub(super) async fn take(
    state: &State,
    inbox: &Inbox,
    mut payload: Payload,
    unpacker: Unpacker,
) -> Result<EventsReceipt, ApiError> {
    let mut taker = Taker::new(state, inbox, unpacker);
    loop {
        let chunk = if taker.group.is_empty() {
            payload.next().await
        } else {
            match timeout(GROUP_WAIT, payload.next()).await {
                Ok(chunk) => chunk,
                Err(_) => {
                    taker.flush().await?;
                    continue;
                }
            }
        };
        match chunk {
            Some(Ok(chunk)) => taker.chunk(&chunk).await?,
            Some(Err(_)) => {
                taker.flush().await?;
                return Err(broken_off());
            }
            None => return taker.finish().await,
        }
    }
}

struct Taker<'a> {
    state: &'a State,
    inbox: &'a Inbox,
    unpacker: Unpacker,
    splitter: LineSplitter,
    group: Group,
    receipt: EventsReceipt,
    /// Number of the line, blank ones not counted.
    line: u64,
}

/// Entries that wait to be kept.
#[derive(Default)]
struct Group {
    events: Vec<Admitted>,
    letters: Vec<InboxEntry>,
    bytes: usize,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.letters.is_empty()
    }
}

impl<'a> Taker<'a> {
    fn new(state: &'a State, inbox: &'a Inbox, unpacker: Unpacker) -> Self {
        Self {
            state,
            inbox,
            unpacker,
            splitter: LineSplitter::new(state.ingest_limits.max_line_bytes),
            group: Group::default(),
            receipt: EventsReceipt::default(),
            line: 0,
        }
    }

    async fn chunk(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        for part in self.unpacker.parts(chunk) {
            let Ok(bytes) = self.unpacker.unpack(part) else {
                self.flush().await?;
                return Err(not_unpacked());
            };
            for line in self.splitter.push(&bytes) {
                self.line(line)?;
                if self.group.bytes >= GROUP_BYTES {
                    self.flush().await?;
                }
            }
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<EventsReceipt, ApiError> {
        let Ok(rest) = self.unpacker.finish() else {
            self.flush().await?;
            return Err(not_unpacked());
        };
        let mut lines = self.splitter.push(&rest);
        lines.extend(self.splitter.end());
        for line in lines {
            self.line(line)?;
        }
        self.flush().await?;
        Ok(self.receipt)
    }

    fn line(&mut self, line: Line) -> Result<(), ApiError> {
        self.line += 1;
        let (rejection, bytes) = match line {
            Line::Whole(bytes) => match admit(self.state, &bytes) {
                Ok(event) => {
                    self.group.bytes += event.entry.len_bytes();
                    self.group.events.push(event);
                    return Ok(());
                }
                Err(rejection) => (rejection, bytes),
            },
            Line::TooLong(head) => (self.too_long(), head),
        };
        let letter = letter(self.state, &rejection, &bytes)
            .ok_or_else(|| ApiError::internal("a dead letter cannot be written as JSON"))?;
        self.group.bytes += letter.len_bytes();
        self.group.letters.push(letter);
        self.refuse(rejection);
        Ok(())
    }

    fn too_long(&self) -> Rejection {
        let limit = self.state.ingest_limits.max_line_bytes;
        let reason = format!("expected a line of at most {limit} bytes");
        Rejection::new(RejectCode::LineTooLong, "", reason)
    }

    fn refuse(&mut self, rejection: Rejection) {
        if self.receipt.first_refusals.len() >= SHOWN_REFUSALS {
            return;
        }
        self.receipt.first_refusals.push(RefusedLine {
            line: self.line,
            code: rejection.code.as_str().to_owned(),
            pointer: rejection.pointer,
            reason: rejection.reason,
        });
    }

    /// Makes the group durable.
    async fn flush(&mut self) -> Result<(), ApiError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let Group { events, letters, .. } = std::mem::take(&mut self.group);
        keep(self.state, self.inbox, events, letters, &mut self.receipt).await
    }
}

fn not_unpacked() -> ApiError {
    let detail = "the body cannot be unpacked; the lines before are stored, sending all again is safe";
    ApiError::new(ErrorCode::MalformedJson, detail)
}

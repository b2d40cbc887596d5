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

use super::admit::{Origin, admit, letter, sent_refusal};
use super::lines::{Line, LineSplitter};
use super::unpack::Unpacker;
use super::{EventsReceipt, Group, RefusedLine};
use crate::api::body::broken_off;
use crate::api::problem::ApiError;
use crate::api::state::State;
use crate::contract::{RejectCode, Rejection};
use crate::error::ErrorCode;
use crate::source::Inbox;

/// A group is made durable when it has so many bytes.
const GROUP_BYTES: usize = 1 << 20;

/// A group is made durable when nothing came for so long.
const GROUP_WAIT: Duration = Duration::from_millis(500);

/// Unpacked bytes that are cut into lines at once.
const PART_BYTES: usize = 64 << 10;

/// Of so many refused lines the answer shows the reason.
const SHOWN_REFUSALS: usize = 20;

/// Takes the lines of a body.
pub(super) async fn take(
    state: &State,
    inbox: &Inbox,
    mut payload: Payload,
    unpacker: Unpacker,
    origin: Origin,
) -> Result<EventsReceipt, ApiError> {
    let mut taker = Taker::new(state, inbox, unpacker, origin);
    loop {
        let chunk = if taker.group.is_empty() {
            payload.next().await
        } else {
            let Ok(chunk) = timeout(GROUP_WAIT, payload.next()).await else {
                taker.flush().await?;
                continue;
            };
            chunk
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
    origin: Origin,
    splitter: LineSplitter,
    group: Group,
    receipt: EventsReceipt,
}

impl<'a> Taker<'a> {
    fn new(state: &'a State, inbox: &'a Inbox, unpacker: Unpacker, origin: Origin) -> Self {
        Self {
            state,
            inbox,
            unpacker,
            origin,
            splitter: LineSplitter::new(state.ingest_limits.max_line_bytes),
            group: Group::default(),
            receipt: EventsReceipt::default(),
        }
    }

    async fn chunk(&mut self, chunk: &[u8]) -> Result<(), ApiError> {
        for part in self.unpacker.parts(chunk) {
            let Ok(bytes) = self.unpacker.unpack(part) else {
                self.flush().await?;
                return Err(not_unpacked());
            };
            self.lines_of(&bytes).await?;
        }
        Ok(())
    }

    async fn lines_of(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        for part in bytes.chunks(PART_BYTES) {
            for line in self.splitter.push(part) {
                self.line(&line)?;
                if self.group.bytes() >= GROUP_BYTES {
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
        self.lines_of(&rest).await?;
        if let Some(line) = self.splitter.end() {
            self.line(&line)?;
        }
        self.flush().await?;
        Ok(self.receipt)
    }

    fn line(&mut self, line: &Line) -> Result<(), ApiError> {
        if self.origin == Origin::Import
            && let Some(letter) = sent_refusal(self.state, &line.bytes)
        {
            self.group.letter(letter);
            return Ok(());
        }
        let admitted = if line.is_too_long {
            Err(self.too_long())
        } else {
            admit(self.state, &line.bytes, self.origin)
        };
        match admitted {
            Ok(event) => {
                self.group.event(event);
                Ok(())
            }
            Err(rejection) => self.refuse(line, rejection),
        }
    }

    fn too_long(&self) -> Rejection {
        let limit = self.state.ingest_limits.max_line_bytes;
        let reason = format!("expected a line of at most {limit} bytes");
        Rejection::new(RejectCode::LineTooLong, "", reason)
    }

    fn refuse(&mut self, line: &Line, rejection: Rejection) -> Result<(), ApiError> {
        let letter = letter(self.state, &rejection, &line.bytes)
            .ok_or_else(|| ApiError::internal("a dead letter cannot be written as JSON"))?;
        self.group.letter(letter);
        if self.receipt.first_refusals.len() < SHOWN_REFUSALS {
            self.receipt.first_refusals.push(RefusedLine {
                line: line.number,
                code: rejection.code.as_str().to_owned(),
                pointer: rejection.pointer,
                reason: rejection.reason,
            });
        }
        Ok(())
    }

    /// Makes the group durable.
    async fn flush(&mut self) -> Result<(), ApiError> {
        let group = std::mem::take(&mut self.group);
        group.keep(self.state, self.inbox, &mut self.receipt).await
    }
}

fn not_unpacked() -> ApiError {
    let detail =
        "the body cannot be unpacked; the lines before are stored, sending all again is safe";
    ApiError::new(ErrorCode::MalformedJson, detail)
}

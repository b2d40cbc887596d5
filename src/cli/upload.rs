//! `import --url`: files through a running server.
//!
//! Rows become events here, by the same code as in a direct import, and go out
//! as NDJSON in bounded requests. A row that can't be an event goes along as a
//! refusal, so that the server keeps it as a dead letter with its reason.
//!
//! Invariants: requests go out one after the other, in the order of the rows; a
//! request that was not answered is sent again unchanged, which the server's
//! views make harmless. Not here: HTTP (`client`), what the server stores.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::client::{Client, Reply};
use crate::contract::{RejectCode, Rejection, decode};
use crate::pipeline::Counts;
use crate::source::{Document, FileImport, Polled, Source, SourceError, Start};

/// Below the size that the server makes durable at once, so that a request is kept whole or not at all.
const BODY_BYTES: usize = 512 << 10;
const QUEUED_BODIES: usize = 2;
/// How much of a refused row goes along; the server keeps no more.
const KEPT_BYTES: usize = 64 << 10;
/// How long the server may refuse or be gone before the import gives up.
const PATIENCE: Duration = Duration::from_secs(300);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
const PATH: &str = "v1/events?import=true";

/// Lines for one request, and what became of the rows on the way.
#[derive(Default)]
struct Body {
    lines: Vec<u8>,
    refusals: u64,
    counts: Counts,
}

/// What the server says.
#[derive(Deserialize)]
pub struct Receipt {
    /// Events taken for the first time.
    pub accepted: u64,
    /// Events that were there.
    pub repeated: u64,
    /// Lines that are dead letters now.
    pub refused: u64,
    first_refusals: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    code: String,
}

impl Receipt {
    /// Why the first of the refused lines was.
    pub fn first_refusal(&self) -> Option<&str> {
        self.first_refusals.first().map(|refused| &*refused.code)
    }
}

/// Sends all of `source`; counts as of a direct import.
///
/// # Errors
/// When a file can't be read, or the server refuses or stays away.
pub async fn upload(source: FileImport, server: &Client) -> anyhow::Result<Counts> {
    let (sender, mut bodies) = mpsc::channel(QUEUED_BODIES);
    let reading = tokio::task::spawn_blocking(move || read(source, &sender));
    let mut total = Counts::default();
    while let Some(mut body) = bodies.recv().await {
        if !body.lines.is_empty() {
            let receipt = send(server, PATH, &body.lines).await?;
            add_receipt(&mut body, &receipt);
        }
        add(&mut total, body.counts);
    }
    reading.await??;
    Ok(total)
}

/// Reads the source to its end; stops when nobody sends any more.
fn read(mut source: FileImport, bodies: &mpsc::Sender<Body>) -> Result<(), SourceError> {
    let mut body = Body::default();
    loop {
        match source.poll(BODY_BYTES, Duration::ZERO)? {
            Polled::Assigned(partitions) => {
                for partition in partitions {
                    source.seek(&Start::at(partition, 0))?;
                }
            }
            Polled::Window(window) => {
                for record in window.records {
                    body.take(record.document);
                    if body.lines.len() >= BODY_BYTES {
                        let full = std::mem::take(&mut body);
                        if bodies.blocking_send(full).is_err() {
                            return Ok(());
                        }
                    }
                }
            }
            Polled::Finished => {
                // Nobody to send to: the sender has told why already.
                drop(bodies.blocking_send(body));
                return Ok(());
            }
            Polled::Revoked(_) | Polled::Lags(_) | Polled::Idle => {}
        }
    }
}

impl Body {
    fn take(&mut self, document: Document) {
        self.counts.read += 1;
        match document {
            Document::Canonical(event) | Document::Imported(event) => self.event(&event),
            Document::Mapped(events, skipped_items) => {
                self.counts.skipped_items += skipped_items;
                events.iter().for_each(|event| self.event(event));
            }
            Document::Converted(converted) => {
                for (rule, count) in converted.left_out {
                    *self.counts.left_out.entry(rule).or_default() += count;
                }
                converted.events.iter().for_each(|event| self.event(event));
                for (rejection, raw) in &converted.refused {
                    self.refusal(rejection, raw);
                }
            }
            Document::Skipped(rule) => self.counts.skip(&rule),
            Document::Refused(rejection, raw) => self.refusal(&rejection, &raw),
            Document::Letter(rejection, payload) => self.refusal(&rejection, payload.as_bytes()),
        }
    }

    /// Looked at here, so that the summary names the reason of every refusal.
    fn event(&mut self, event: &[u8]) {
        match decode(event) {
            Ok(_) => self.line(event),
            Err(rejection) => self.refusal(&rejection, event),
        }
    }

    fn refusal(&mut self, rejection: &Rejection, raw: &[u8]) {
        self.counts.refuse(rejection.code);
        self.refusals += 1;
        let payload = String::from_utf8_lossy(raw.get(..KEPT_BYTES).unwrap_or(raw));
        let line = json!({"refusal": {
            "code": rejection.code.as_str(), "pointer": rejection.pointer,
            "reason": rejection.reason, "payload": payload
        }});
        self.line(line.to_string().as_bytes());
    }

    fn line(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
    }
}

/// Sends `lines` to `path` until they are answered.
///
/// # Errors
/// When the server refuses, or stays away for [`PATIENCE`].
pub async fn send(server: &Client, path: &str, lines: &[u8]) -> anyhow::Result<Receipt> {
    let (begun, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        let body = lines.to_vec();
        let sent = server.send(Method::POST, path, "application/x-ndjson", body);
        let (why, asked) = match sent.await? {
            Reply::Later(why, asked) => (why, asked),
            Reply::Done(answer) => match answer.bytes().await {
                Ok(bytes) => return Ok(serde_json::from_slice(&bytes)?),
                Err(error) => (error.to_string(), None),
            },
        };
        if begun.elapsed() >= PATIENCE {
            bail!(
                "{} has not taken the events for {} s: {why}; the same can be sent again",
                server.shown(),
                PATIENCE.as_secs()
            );
        }
        tracing::info!(server = server.shown(), %why, "the server does not take the events now, trying again");
        tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn add_receipt(body: &mut Body, receipt: &Receipt) {
    let counts = &mut body.counts;
    counts.accepted += receipt.accepted;
    counts.repeated += receipt.repeated;
    // What the server alone refuses, such as a line beyond its own limit.
    let mut others = receipt.refused.saturating_sub(body.refusals);
    let mut named: BTreeMap<&'static str, u64> = BTreeMap::new();
    for refused in &receipt.first_refusals {
        let mut all = RejectCode::ALL.iter();
        let known = all.find(|code| code.as_str() == refused.code);
        *named
            .entry(known.map_or("other", |code| code.as_str()))
            .or_default() += 1;
    }
    for (code, count) in named {
        let count = count.min(others);
        *counts.refused.entry(code).or_default() += count;
        others -= count;
    }
    if others > 0 {
        *counts.refused.entry("other").or_default() += others;
    }
}

fn add(total: &mut Counts, counts: Counts) {
    total.read += counts.read;
    total.accepted += counts.accepted;
    total.repeated += counts.repeated;
    total.skipped_items += counts.skipped_items;
    for (rule, count) in counts.skipped {
        *total.skipped.entry(rule).or_default() += count;
    }
    for (rule, count) in counts.left_out {
        *total.left_out.entry(rule).or_default() += count;
    }
    for (code, count) in counts.refused {
        *total.refused.entry(code).or_default() += count;
    }
}

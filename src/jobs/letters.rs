//! Dead letters to their topic: what is appended to the table is sent after its
//! commit, by one process of the lake.
//!
//! Invariants: at least once; the id of a record is the letter's position, so
//! whoever reads them can drop repeats. How far it has come is an object of the
//! lake, written when the brokers have everything up to there; without it the
//! table's log is sent from its beginning.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::Micros;
use crate::lake::{Lake, LakeError, Lease, LeaseError, appended_after, read_appended};
use crate::sink::{Outgoing, SinkError, TopicSink};
use crate::tables::{TableId, outgoing_letters};

const LEASE: &str = "dead-letters";
const LEASE_S: i64 = 20;
const PROGRESS: &str = "_tingchao/sinks/dead-letters.json";
const LOOK_EVERY: Duration = Duration::from_secs(1);
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Commits that are looked at in one go.
const COMMITS: u64 = 500;

/// Why letters did not go out.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Another process sends them.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The brokers.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The sending broke off.
    #[error("sending broke off: {0}")]
    Broken(String),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Sent {
    version: i64,
}

/// What sends the dead letters of a lake.
pub struct Letters {
    /// The tables.
    pub lake: Arc<Lake>,
    /// Where they go.
    pub sink: Arc<TopicSink>,
    /// Who we are to other processes.
    pub holder: String,
    /// The present.
    pub clock: fn() -> Micros,
}

impl Letters {
    /// Sends what comes until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        // Up to this version nothing is to be sent, as far as this process knows.
        let mut seen = -1;
        let mut wait = LOOK_EVERY;
        let mut told = String::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = LOOK_EVERY;
            match self.round(&mut seen).await {
                Ok(()) => told.clear(),
                Err(LettersError::Lease(LeaseError::Held { .. })) => {}
                Err(error) => {
                    // A topic that nobody wants is missing for ever: said once.
                    if told != error.to_string() {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "dead letters wait to be sent"
                        );
                    }
                    told = error.to_string();
                    wait = AFTER_FAILURE;
                }
            }
        }
    }

    async fn round(&self, seen: &mut i64) -> Result<(), LettersError> {
        let table = self.lake.table(TableId::DeadLetters);
        let new = appended_after(table, *seen, COMMITS).await?;
        let Some(newest) = new.last().map(|appended| appended.version) else {
            return Ok(());
        };
        if new.iter().any(|appended| appended.has_rows()) {
            let now = (self.clock)();
            let storage = self.lake.storage();
            let lease = Lease::take(storage, LEASE, &self.holder, now, LEASE_S).await?;
            let sent = lease.during(self.clock, self.send(newest)).await;
            lease.release((self.clock)()).await;
            sent?;
        }
        *seen = newest;
        Ok(())
    }

    /// Sends what no process has sent up to version `until`.
    async fn send(&self, until: i64) -> Result<(), LettersError> {
        let (storage, table) = (self.lake.storage(), self.lake.table(TableId::DeadLetters));
        let kept = storage.get(PROGRESS).await?;
        let kept = kept.and_then(|text| serde_json::from_slice::<Sent>(&text).ok());
        let mut sent = kept.map_or(-1, |sent| sent.version);
        while sent < until {
            let commits = appended_after(table, sent, COMMITS).await?;
            let Some(last) = commits.last().map(|appended| appended.version) else {
                return Ok(());
            };
            for commit in commits.iter().filter(|commit| commit.has_rows()) {
                let mut letters = Vec::new();
                let is_whole = read_appended(table, commit, |rows| {
                    let made = outgoing_letters(rows).into_iter();
                    letters.extend(made.map(|(id, payload)| Outgoing { id, payload }));
                })
                .await?;
                if !is_whole {
                    tracing::error!(
                        version = commit.version,
                        "dead letters were deleted before they could be sent"
                    );
                }
                self.deliver(letters).await?;
                self.note(commit.version).await?;
            }
            sent = last;
            self.note(sent).await?;
        }
        Ok(())
    }

    async fn deliver(&self, letters: Vec<Outgoing>) -> Result<(), LettersError> {
        let sink = Arc::clone(&self.sink);
        let delivered = tokio::task::spawn_blocking(move || sink.deliver(&letters));
        let delivered = delivered.await;
        Ok(delivered.map_err(|error| LettersError::Broken(error.to_string()))??)
    }

    async fn note(&self, version: i64) -> Result<(), LettersError> {
        let text = serde_json::to_vec(&Sent { version }).unwrap_or_default();
        Ok(self.lake.storage().put(PROGRESS, &text).await?)
    }
}

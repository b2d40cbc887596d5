//! Alerts to their topic: at once when they are raised in this process, and from the table what was not.
//!
//! Invariants: at least once, under the id of the finding, which is the key of the record. What is raised here goes
//! out without waiting for its commit; after the commit one process of the lake sends what nobody has sent before a
//! crash. How far that has come is an object of the lake. Several processes may send the same alert.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::letters::LettersError;
use crate::domain::Micros;
use crate::lake::{Lake, LakeError, Lease, LeaseError, appended_after, read_appended};
use crate::sink::{AlertHub, Outgoing, TopicSink};
use crate::tables::{Alert, TableId};

const LEASE: &str = "alerts";
const LEASE_S: i64 = 20;
const PROGRESS: &str = "_tingchao/sinks/alerts.json";
const LOOK_EVERY: Duration = Duration::from_secs(1);
const AFTER_FAILURE: Duration = Duration::from_secs(10);
const COMMITS: u64 = 500;
const BATCH: usize = 500;
const KEPT_IDS: usize = 20_000;

/// How far a reader of the table has come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    pub version: i64,
}

/// Ids of alerts that this process has delivered lately.
#[derive(Default)]
pub(super) struct Recent {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

impl Recent {
    pub fn add(&mut self, id: &str) {
        if self.ids.insert(id.to_owned()) {
            self.order.push_back(id.to_owned());
        }
        while self.order.len() > KEPT_IDS {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }

    pub fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }
}

/// The alerts that a commit brought.
///
/// # Errors
/// When its files can't be read.
pub(super) async fn alerts_after(
    lake: &Lake,
    version: i64,
) -> Result<Vec<(i64, Vec<Alert>)>, LakeError> {
    let table = lake.table(TableId::Alerts);
    let mut found = Vec::new();
    for commit in appended_after(table, version, COMMITS).await? {
        let mut alerts = Vec::new();
        if commit.has_rows() {
            read_appended(table, &commit, |rows| alerts.extend(Alert::of_rows(rows))).await?;
        }
        found.push((commit.version, alerts));
    }
    Ok(found)
}

/// What sends the alerts of a lake to a topic.
pub struct AlertTopic {
    /// The tables.
    pub lake: Arc<Lake>,
    /// Alerts of this process.
    pub alerts: AlertHub,
    /// Where they go.
    pub sink: Arc<TopicSink>,
    /// Who we are to other processes.
    pub holder: String,
    /// The present.
    pub clock: fn() -> Micros,
}

impl AlertTopic {
    /// Sends what comes until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut news = self.alerts.listen();
        let mut recent = Recent::default();
        let mut seen = -1;
        let mut next = Instant::now() + LOOK_EVERY;
        let mut told = String::new();
        let mut is_down = false;
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                heard = news.recv(), if !is_down => match heard {
                    Ok(first) => {
                        let mut batch = vec![first];
                        while batch.len() < BATCH && let Ok(next) = news.try_recv() {
                            batch.push(next);
                        }
                        self.at_once(&batch, &mut recent).await
                    }
                    Err(RecvError::Lagged(_)) => Ok(()),
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(next) => {
                    next = Instant::now() + LOOK_EVERY;
                    self.round(&mut seen, &mut recent).await
                }
            };
            match done {
                Ok(()) => {
                    told.clear();
                    is_down = false;
                }
                Err(LettersError::Lease(LeaseError::Held { .. })) => {}
                Err(error) => {
                    if told != error.to_string() {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "alerts wait to be sent to their topic"
                        );
                    }
                    told = error.to_string();
                    next = Instant::now() + AFTER_FAILURE;
                    // What is raised meanwhile is read from the table.
                    is_down = true;
                }
            }
        }
    }

    async fn at_once(
        &self,
        alerts: &[Arc<Alert>],
        recent: &mut Recent,
    ) -> Result<(), LettersError> {
        let new: Vec<&Alert> = alerts
            .iter()
            .map(|alert| &**alert)
            .filter(|alert| !recent.has(&alert.id))
            .collect();
        self.deliver(&new).await?;
        new.iter().for_each(|alert| recent.add(&alert.id));
        Ok(())
    }

    async fn deliver(&self, alerts: &[&Alert]) -> Result<(), LettersError> {
        if alerts.is_empty() {
            return Ok(());
        }
        let records = alerts.iter().map(|alert| Outgoing {
            id: alert.id.clone(),
            payload: alert.document.to_string().into_bytes(),
        });
        let records: Vec<Outgoing> = records.collect();
        let sink = Arc::clone(&self.sink);
        let delivered = tokio::task::spawn_blocking(move || sink.deliver(&records)).await;
        Ok(delivered.map_err(|error| LettersError::Broken(error.to_string()))??)
    }

    /// What the table has that was not sent.
    async fn round(&self, seen: &mut i64, recent: &mut Recent) -> Result<(), LettersError> {
        let new = alerts_after(&self.lake, *seen).await?;
        let Some(newest) = new.last().map(|(version, _)| *version) else {
            return Ok(());
        };
        if new.iter().any(|(_, alerts)| !alerts.is_empty()) {
            let storage = self.lake.storage();
            let now = (self.clock)();
            let lease = Lease::take(storage, LEASE, &self.holder, now, LEASE_S).await?;
            let sent = lease
                .during(self.clock, self.catch_up(newest, recent))
                .await;
            lease.release((self.clock)()).await;
            sent?;
        }
        *seen = newest;
        Ok(())
    }

    async fn catch_up(&self, until: i64, recent: &mut Recent) -> Result<(), LettersError> {
        let storage = self.lake.storage();
        let kept = storage.get(PROGRESS).await?;
        let kept = kept.and_then(|text| serde_json::from_slice::<Sent>(&text).ok());
        let mut sent = kept.map_or(-1, |sent| sent.version);
        while sent < until {
            let commits = alerts_after(&self.lake, sent).await?;
            let Some(last) = commits.last().map(|(version, _)| *version) else {
                return Ok(());
            };
            let all = commits.iter().flat_map(|(_, alerts)| alerts);
            let new: Vec<&Alert> = all.filter(|alert| !recent.has(&alert.id)).collect();
            self.deliver(&new).await?;
            new.iter().for_each(|alert| recent.add(&alert.id));
            sent = last;
            let text = serde_json::to_vec(&Sent { version: sent }).unwrap_or_default();
            storage.put(PROGRESS, &text).await?;
        }
        Ok(())
    }
}

/// Tells alerts that other processes have raised to those who listen in this one.
pub struct AlertRelay {
    lake: Arc<Lake>,
    alerts: AlertHub,
}

impl AlertRelay {
    /// A relay from the table to the hub.
    #[must_use]
    pub fn new(lake: &Arc<Lake>, alerts: &AlertHub) -> Self {
        Self {
            lake: Arc::clone(lake),
            alerts: alerts.clone(),
        }
    }

    /// Relays what is committed from now on, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut news = self.alerts.listen();
        let mut heard = Recent::default();
        let version = self.lake.table(TableId::Alerts).latest().version();
        let mut seen = version.map_or(-1, |v| i64::try_from(v).unwrap_or(-1));
        let mut next = Instant::now() + LOOK_EVERY;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                alert = news.recv() => match alert {
                    Ok(alert) => heard.add(&alert.id),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(next) => {
                    next = Instant::now() + LOOK_EVERY;
                    let Ok(commits) = alerts_after(&self.lake, seen).await else {
                        continue;
                    };
                    for (version, alerts) in commits {
                        seen = version;
                        let new = alerts.into_iter().filter(|alert| !heard.has(&alert.id));
                        new.for_each(|alert| self.alerts.tell(alert));
                    }
                }
            }
        }
    }
}

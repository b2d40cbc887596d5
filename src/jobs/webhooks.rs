//! Alerts to webhooks: one task an address, at once when an alert is raised here, and again until it arrives.
//!
//! Invariants: at least once, in the order of the table after a failure, under the id of the finding; an address
//! that fails is tried again after 1, 2, 4 … 300 seconds, and an alert that did not arrive within a day is given up
//! and said. How far an address has come is an object of the lake, so a restart loses nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::alerts::{Recent, Sent, alerts_after};
use crate::domain::Micros;
use crate::lake::{Lake, LakeError};
use crate::sink::{AlertHub, DeliveryError, Message, WebhookClient};
use crate::store::Store;
use crate::store::quality::Webhook;
use crate::tables::{Alert, TableId};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const LIST_EVERY: Duration = Duration::from_secs(10);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const GIVE_UP_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// How an address does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookState {
    /// When something arrived last.
    pub delivered_at: Option<Micros>,
    /// Why the last attempt failed; none when it did not.
    pub failure: Option<String>,
    /// Alerts that were given up.
    pub given_up: u64,
}

/// Which alerts an address wants, as the door has written it.
#[must_use]
pub fn wants(filter: &Value, alert: &Alert) -> bool {
    let listed = |name: &str, value: &str| {
        let Some(list) = filter.get(name).and_then(Value::as_array) else {
            return true;
        };
        list.is_empty() || list.iter().any(|item| item == value)
    };
    listed("rules", &alert.rule_id) && listed("severities", &alert.severity)
}

/// What sends alerts to webhooks. Clones are the same.
#[derive(Clone)]
pub struct Webhooks {
    shared: Arc<Shared>,
}

struct Shared {
    lake: Arc<Lake>,
    alerts: AlertHub,
    client: WebhookClient,
    clock: fn() -> Micros,
    changed: Notify,
    states: Mutex<HashMap<String, WebhookState>>,
}

impl Webhooks {
    /// A sender for the alerts of `lake`.
    #[must_use]
    pub fn new(
        lake: Arc<Lake>,
        alerts: AlertHub,
        client: WebhookClient,
        clock: fn() -> Micros,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                lake,
                alerts,
                client,
                clock,
                changed: Notify::new(),
                states: Mutex::default(),
            }),
        }
    }

    /// Who speaks to addresses.
    #[must_use]
    pub fn client(&self) -> &WebhookClient {
        &self.shared.client
    }

    /// How an address does.
    #[must_use]
    pub fn state(&self, id: &str) -> WebhookState {
        self.shared.states().get(id).cloned().unwrap_or_default()
    }

    /// A new address begins at what is raised from now on.
    ///
    /// # Errors
    /// When the lake can't be written.
    pub async fn begin(&self, id: &str) -> Result<(), LakeError> {
        let version = self.shared.lake.table(TableId::Alerts).latest().version();
        let version = version.and_then(|version| i64::try_from(version).ok());
        self.shared.note(id, version.unwrap_or(-1)).await
    }

    /// The list of addresses in the store is another one.
    pub fn changed(&self) {
        self.shared.changed.notify_one();
    }

    /// An address is gone.
    ///
    /// # Errors
    /// When the lake can't be written.
    pub async fn forget(&self, id: &str) -> Result<(), LakeError> {
        self.shared.changed.notify_one();
        self.shared.states().remove(id);
        self.shared.lake.storage().remove(&progress(id)).await
    }

    /// Sends to every address of the store until `stop`.
    pub async fn run(self, store: Store, stop: CancellationToken) {
        let mut tasks: HashMap<String, CancellationToken> = HashMap::new();
        loop {
            match store.webhooks().await {
                Ok(webhooks) => self.tend(&mut tasks, webhooks, &stop),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "webhooks can't be listed"
                ),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.shared.changed.notified() => {}
                () = tokio::time::sleep(LIST_EVERY) => {}
            }
        }
    }

    /// Begins tasks of new addresses and ends those of removed ones.
    fn tend(
        &self,
        tasks: &mut HashMap<String, CancellationToken>,
        webhooks: Vec<Webhook>,
        stop: &CancellationToken,
    ) {
        tasks.retain(|id, task| {
            let is_there = webhooks.iter().any(|webhook| webhook.id == *id);
            if !is_there {
                task.cancel();
            }
            is_there
        });
        for webhook in webhooks {
            if tasks.contains_key(&webhook.id) {
                continue;
            }
            let token = stop.child_token();
            tasks.insert(webhook.id.clone(), token.clone());
            let courier = Courier {
                shared: Arc::clone(&self.shared),
                webhook,
                recent: Recent::default(),
                wait: None,
            };
            tokio::spawn(courier.run(token));
        }
    }
}

fn progress(id: &str) -> String {
    format!("_tingchao/sinks/webhook-{id}.json")
}

impl Shared {
    fn states(&self) -> std::sync::MutexGuard<'_, HashMap<String, WebhookState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn note(&self, id: &str, version: i64) -> Result<(), LakeError> {
        let text = serde_json::to_vec(&Sent { version }).unwrap_or_default();
        self.lake.storage().put(&progress(id), &text).await
    }
}

/// Sends to one address.
struct Courier {
    shared: Arc<Shared>,
    webhook: Webhook,
    recent: Recent,
    /// Set while the address fails: how long until it is tried again.
    wait: Option<Duration>,
}

impl Courier {
    async fn run(mut self, stop: CancellationToken) {
        let mut news = self.shared.alerts.listen();
        let mut looked = Instant::now();
        loop {
            let next = looked + self.wait.unwrap_or(LOOK_EVERY);
            tokio::select! {
                () = stop.cancelled() => return,
                heard = news.recv(), if self.wait.is_none() => match heard {
                    Ok(alert) => {
                        if wants(&self.webhook.filter, &alert) && !self.recent.has(&alert.id) {
                            self.attempt(&alert).await;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(next) => {
                    looked = Instant::now();
                    if let Err(error) = self.catch_up(&stop).await {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            webhook.id = self.webhook.id,
                            "alerts can't be read for a webhook"
                        );
                    }
                }
            }
        }
    }

    /// Sends what the table has that has not arrived; stops at the first failure.
    async fn catch_up(&mut self, stop: &CancellationToken) -> Result<(), LakeError> {
        let kept = self
            .shared
            .lake
            .storage()
            .get(&progress(&self.webhook.id))
            .await?;
        let kept = kept.and_then(|text| serde_json::from_slice::<Sent>(&text).ok());
        let sent = match kept {
            Some(sent) => sent.version,
            // Removed meanwhile, or never begun: what is there already is old.
            None => {
                let version = self.shared.lake.table(TableId::Alerts).latest().version();
                version
                    .and_then(|version| i64::try_from(version).ok())
                    .unwrap_or(-1)
            }
        };
        for (version, alerts) in alerts_after(&self.shared.lake, sent).await? {
            for alert in alerts {
                if stop.is_cancelled() {
                    return Ok(());
                }
                let is_done = self.recent.has(&alert.id) || !wants(&self.webhook.filter, &alert);
                if !is_done && !self.attempt(&alert).await && !self.is_too_old(&alert) {
                    return Ok(());
                }
            }
            if !stop.is_cancelled() {
                self.shared.note(&self.webhook.id, version).await?;
            }
        }
        Ok(())
    }

    fn is_too_old(&self, alert: &Alert) -> bool {
        let is_too_old = (self.shared.clock)().0 - alert.raised_at.0 > GIVE_UP_MICROS;
        if is_too_old {
            tracing::error!(
                webhook.id = self.webhook.id,
                alert.id = alert.id,
                "an alert did not arrive within a day and is given up"
            );
            let mut states = self.shared.states();
            states.entry(self.webhook.id.clone()).or_default().given_up += 1;
        }
        is_too_old
    }

    /// Whether the alert has arrived.
    async fn attempt(&mut self, alert: &Alert) -> bool {
        let now = (self.shared.clock)();
        let body = alert.document.to_string();
        let message = Message {
            id: &alert.id,
            at_s: now.0 / 1_000_000,
            body: &body,
        };
        let client = &self.shared.client;
        let sent = client
            .deliver(&self.webhook.url, &self.webhook.secret, message)
            .await;
        self.tell(&sent, now);
        match sent {
            Ok(_) => {
                self.recent.add(&alert.id);
                self.wait = None;
                true
            }
            Err(_) => {
                let longer = self.wait.map_or(FIRST_WAIT, |wait| wait * 2);
                self.wait = Some(longer.min(LONGEST_WAIT));
                false
            }
        }
    }

    fn tell(&self, sent: &Result<u16, DeliveryError>, now: Micros) {
        let mut states = self.shared.states();
        let state = states.entry(self.webhook.id.clone()).or_default();
        match sent {
            Ok(_) => {
                state.delivered_at = Some(now);
                state.failure = None;
            }
            Err(error) => state.failure = Some(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::StoreUrl;
    use crate::domain::{AppId, Position};
    use crate::jobs::testing::open_lake;
    use crate::lake::{Progress, data_file};
    use crate::sink::AllowedHosts;
    use crate::store::Change;
    use crate::tables::{Finding, Pending, Place, TableSet, finding_id};

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn finding(turn: &str, severity: &'static str) -> Finding {
        Finding {
            id: finding_id("r", 1, "c", turn),
            rule_id: "r".into(),
            rule_version: 1,
            rule_name: "r".into(),
            severity,
            is_alert: true,
            interaction_id: "c".into(),
            turn_id: Some(turn.into()),
            speaker: None,
            agent_id: None,
            channel: None,
            at: NOW,
            evidence: "[]".into(),
        }
    }

    /// Commits alerts as the pipeline does.
    async fn commit(lake: &Lake, offset: i64, findings: &[Finding]) {
        let position = Position {
            source: Arc::from("test"),
            partition: 0,
            offset,
        };
        let mut pending = Pending::default();
        for finding in findings {
            let place = Place {
                position: &position,
                item: 0,
                at: NOW,
            };
            pending.finding(finding, place, TableSet::default());
        }
        let (day, mut batch) = pending.take(TableId::Alerts).remove(0);
        let mut files = vec![data_file(&batch.finish().unwrap(), day).unwrap()];
        let table = lake.table(TableId::Alerts);
        table.upload(&mut files).await.unwrap();
        let progress = [Progress {
            app: AppId::new("test", 0),
            first: offset,
            next: offset + 1,
        }];
        table.commit(&files, &progress, NOW).await.unwrap();
    }

    /// The next request: headers and body; answered with `status`.
    async fn serve(listener: &TcpListener, status: &str) -> (String, String) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4_096];
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
            if body.len() >= length {
                break;
            }
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    }

    fn header(head: &str, name: &str) -> String {
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap().to_owned()
    }

    #[test]
    fn an_alert_arrives_signed_and_again_until_it_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = crate::query::runtime().unwrap();
        runtime.block_on(async {
            let lake = open_lake(folder.path()).await;
            let store = StoreUrl::Sqlite(folder.path().join("store.db"));
            let store = Store::open(&store).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = WebhookClient::new(AllowedHosts::new(&["127.0.0.1".to_owned()])).unwrap();
            let alerts = AlertHub::default();
            let webhooks = Webhooks::new(Arc::clone(&lake), alerts.clone(), client, || NOW);
            // What was there before the address is not sent to it.
            commit(&lake, 0, &[finding("0", "critical")]).await;
            let webhook = Webhook {
                id: "w".into(),
                url: format!("http://{address}/hook"),
                secret: "whs_secret".into(),
                filter: json!({"rules": [], "severities": ["critical"]}),
                created_at_us: NOW.0,
            };
            webhooks.begin("w").await.unwrap();
            let change = Change {
                actor: "test",
                request_id: "r",
                at_us: NOW.0,
            };
            store.add_webhook(&webhook, &change).await.unwrap();
            let stop = CancellationToken::new();
            let running = tokio::spawn(webhooks.clone().run(store, stop.clone()));
            commit(&lake, 1, &[finding("1", "info"), finding("2", "critical")]).await;
            let (_, first) = serve(&listener, "503 Busy").await;
            let (head, again) = serve(&listener, "204 No Content").await;
            assert_eq!(first, again);
            let id = finding_id("r", 1, "c", "2");
            assert_eq!(header(&head, "tingchao-id"), id);
            let message = Message {
                id: &id,
                at_s: header(&head, "tingchao-timestamp").parse().unwrap(),
                body: &again,
            };
            let signed = crate::sink::signature("whs_secret", message);
            assert_eq!(header(&head, "tingchao-signature"), signed);
            // At once when it is raised here, and not again from the table.
            let raised = finding("3", "critical");
            while webhooks.state("w").failure.is_some()
                || webhooks.state("w").delivered_at.is_none()
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            alerts.tell(Alert::of(&raised, NOW));
            let (head, _) = serve(&listener, "200 OK").await;
            assert_eq!(header(&head, "tingchao-id"), raised.id);
            commit(&lake, 2, &[raised, finding("4", "critical")]).await;
            let (head, _) = serve(&listener, "200 OK").await;
            assert_eq!(header(&head, "tingchao-id"), finding_id("r", 1, "c", "4"));
            stop.cancel();
            running.await.unwrap();
        });
    }
}

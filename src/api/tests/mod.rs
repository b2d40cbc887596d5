//! The door as a client sees it, over a lake, an inbox and a store in a temporary folder.

mod access;
mod analyze;
mod describe;
mod events;
mod gaps;
mod interventions;
mod knowledge;
mod labels;
mod metrics;
mod profiles;
mod quality;
mod reads;
mod routing;
mod topics;
mod topics_lake;
mod turn_search;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web;
use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::auth::Door;
use super::server::{app, gate};
use super::{IngestLimits, RecentIdentities, State};
use crate::config::StoreUrl;
use crate::disk::Faults;
use crate::domain::{Micros, Partition, Role};
use crate::enrich::redact::{AllowList, Redactor, TokenKey};
use crate::enrich::topic::TopicSlot;
use crate::enrich::{EventRedactor, Models, SharedModels};
use crate::error::Problem;
use crate::jobs::{
    LakeTopics, Requests, RuleDesk, RunSettings, TopicPace, TopicRuns, Topics, TurnSearch, Webhooks,
};
use crate::lake::Lake;
use crate::pipeline::RuleBook;
use crate::query::{Engine, Limits};
use crate::sink::{AlertHub, AllowedHosts, WebhookClient};
use crate::source::{Document, Inbox, InboxSource, Polled, Source, Start};
use crate::store::{Change, Store};
use crate::telemetry::{Health, install};

/// Queries run here; it outlives every test.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn noon() -> Micros {
    Micros::parse("2026-11-20T12:00:00Z").unwrap()
}

struct Server {
    state: web::Data<State>,
    inbox: InboxSource,
    lake: Arc<Lake>,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{:?}", self.body))
    }

    /// The problem document, held to what every one has.
    fn problem(&self) -> Problem {
        assert_eq!(
            self.headers.get("content-type").unwrap(),
            Problem::CONTENT_TYPE
        );
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status.as_u16());
        let request_id = self.headers.get("x-request-id").unwrap().to_str().unwrap();
        assert_eq!(problem.request_id, request_id);
        problem
    }

    /// The code and the pointers of the problem.
    fn mistake(&self) -> (String, Vec<String>) {
        let problem = self.problem();
        let pointers = problem.errors.into_iter().map(|error| error.pointer);
        (problem.code.as_str().to_owned(), pointers.collect())
    }
}

impl Server {
    async fn start() -> Self {
        Self::start_with(false, 1 << 30).await
    }

    async fn start_with(demo: bool, max_inbox_bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::none());
        let lake = opened_lake(folder.path().join("lake"), Arc::clone(&faults)).await;
        let engine = engine_within(&lake, Duration::from_secs(60));
        let (inbox, mut source) =
            Inbox::open(&folder.path().join("inbox"), max_inbox_bytes, faults).unwrap();
        let start = Start::at(Partition::only(source.name()), 0);
        source.seek(&start).unwrap();
        let redactor = Redactor::new(TokenKey::from_bytes([7; 32]), AllowList::new([""; 0]));
        let store = Store::open(&StoreUrl::Sqlite(folder.path().join("store.db")))
            .await
            .unwrap();
        let alerts = AlertHub::default();
        let topics = lake_topics(&lake, &store);
        let index = folder.path().join("turns");
        let work = RUNTIME.handle().clone();
        let turns = TurnSearch::open(&index, Arc::clone(&lake), engine.clone(), work).unwrap();
        let state = State {
            engine,
            inbox: Some(inbox),
            redactor: EventRedactor::new(Arc::new(redactor), false),
            store,
            models: SharedModels::new(Models::shipped().unwrap()),
            knowledge: crate::search::Knowledge::new().unwrap(),
            health: Health::expecting(&["lake"]),
            topic_runs: TopicRuns::default(),
            rules: RuleDesk::new(Arc::clone(&lake), RuleBook::default()),
            webhooks: webhooks(&lake, &alerts),
            alerts,
            topics,
            turns,
            routing: super::RoutingFacts::default(),
            metrics: install().unwrap(),
            inside: Arc::new(()),
            demo,
            clock: noon,
            recent: Arc::new(RecentIdentities::default()),
            ingest_limits: IngestLimits {
                max_past_days: 400,
                max_future_days: 1,
                max_line_bytes: 1 << 20,
            },
        };
        Self {
            state: web::Data::new(state),
            inbox: source,
            lake,
            _folder: folder,
        }
    }

    /// Sends a request as it is.
    async fn send(&self, request: TestRequest) -> Answer {
        let gate = web::Data::new(gate().unwrap());
        let service = init_service(app(self.state.clone(), gate, Door::Network)).await;
        let response = call_service(&service, request.to_request()).await;
        let (_, response) = response.into_parts();
        let (head, body) = response.into_parts();
        let body = actix_web::body::to_bytes(body.boxed())
            .await
            .unwrap_or_else(|_| panic!("broken off"));
        Answer {
            status: head.status(),
            headers: head.headers().clone(),
            body,
        }
    }

    /// Sends a request with a fresh key of `role`.
    async fn send_as(&self, role: Role, request: TestRequest) -> Answer {
        let key = self.key(role).await;
        self.send(request.insert_header(("authorization", format!("Bearer {key}"))))
            .await
    }

    async fn key(&self, role: Role) -> String {
        let change = Change {
            actor: "cli",
            request_id: "r",
            at_us: 0,
        };
        let made = self
            .state
            .store
            .create_key("test", role, &change)
            .await
            .unwrap();
        made.api_key.expose().to_owned()
    }

    /// What the inbox holds: `Ok` for an event, `Err` with code and payload for a dead letter.
    fn entries(&mut self) -> Vec<Result<String, (String, String)>> {
        let mut entries = Vec::new();
        loop {
            match self.inbox.poll(1 << 20, Duration::ZERO).unwrap() {
                Polled::Window(window) => {
                    entries.extend(window.records.into_iter().map(
                        |record| match record.document {
                            Document::Canonical(bytes) => {
                                Ok(String::from_utf8(bytes.to_vec()).unwrap())
                            }
                            Document::Letter(rejection, payload) => {
                                Err((rejection.code.as_str().to_owned(), payload))
                            }
                            _ => panic!("an entry of another kind"),
                        },
                    ));
                }
                Polled::Idle | Polled::Finished => return entries,
                Polled::Assigned(_) | Polled::Revoked(_) | Polled::Lags(_) => {}
            }
        }
    }
}

async fn opened_lake(root: PathBuf, faults: Arc<Faults>) -> Arc<Lake> {
    let opened = RUNTIME.spawn(async move { Lake::open(&root, faults).await.unwrap() });
    Arc::new(opened.await.unwrap())
}

fn engine_within(lake: &Arc<Lake>, timeout: Duration) -> Engine {
    let limits = Limits {
        timeout,
        max_rows: 1_000,
        max_memory_bytes: 1 << 30,
        max_concurrent: 4,
        max_waiting: 4,
        spill: None,
    };
    let runtime = RUNTIME.handle().clone();
    Engine::new(Arc::clone(lake), limits, Arc::new(()), runtime).unwrap()
}

fn lake_topics(lake: &Arc<Lake>, store: &Store) -> LakeTopics {
    let requests = Requests {
        lake: Arc::clone(lake),
        // The work of jobs has no caller's limits.
        engine: engine_within(lake, Duration::from_secs(3_600)),
        slot: TopicSlot::default(),
        holder: "test".to_owned(),
        clock: noon,
        busy: Arc::default(),
    };
    let topics = Topics {
        requests,
        store: store.clone(),
    };
    let pace = TopicPace {
        look_every: Duration::from_secs(10),
        run_every: Duration::from_secs(86_400),
        run: RunSettings {
            cluster: crate::insight::topics::Settings::default(),
            window_days: 90,
        },
    };
    LakeTopics::new(topics, pace, RUNTIME.handle().clone())
}

fn webhooks(lake: &Arc<Lake>, alerts: &AlertHub) -> Webhooks {
    let hosts = AllowedHosts::new(&["127.0.0.1".to_owned()]);
    let client = WebhookClient::new(hosts).unwrap();
    Webhooks::new(Arc::clone(lake), alerts.clone(), client, noon)
}

fn post(path: &str, content_type: &str, body: impl Into<Bytes>) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("content-type", content_type))
        .set_payload(body)
}

fn post_json(path: &str, body: &Value) -> TestRequest {
    post(path, "application/json", body.to_string())
}

fn loopback() -> SocketAddr {
    "127.0.0.1:50000".parse().unwrap()
}

/// A good event.
fn event(id: &str) -> Value {
    serde_json::json!({
        "specversion": "1.0", "id": id, "source": "/pbx", "type": "interaction.turn.v1",
        "subject": "call-1", "time": "2026-11-20T03:15:07.120Z",
        "data": {"turn_id": id, "speaker": {"role": "customer"}, "text": "我的号码是13812345678",
            "content_type": "text"}
    })
}

//! `GET /v1/alerts/stream`: alerts as server-sent events.
//!
//! Invariants: an alert is told as soon as it is raised, before its commit; the id of an event is its time and the
//! alert's id, and who comes back with `Last-Event-ID` is told what was raised since, some of it twice; the stream
//! ends when the server stops.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::alerts::AlertView;
use crate::api::describe::Problems;
use crate::api::filters::Filters;
use crate::api::problem::ApiError;
use crate::api::rows::fetch;
use crate::api::state::State;
use crate::domain::{Micros, listed};
use crate::enrich::quality::Severity;
use crate::tables::Alert;

const AFTER: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/queries/api/alerts_after.sql"
));
const MAX_MISSED: u64 = 10_000;
/// Processes commit at their own pace: so much before the last event is told again.
const OVERLAP_MICROS: i64 = 5_000_000;
const BEAT: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_secs(1);
const WAITING: usize = 64;
const KEPT_IDS: usize = 20_000;

/// Which alerts are told.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamFilters {
    /// Only of this rule.
    #[param(example = "insult")]
    pub rule_id: Option<String>,
    /// Only of this severity: `info`, `warning` or `critical`.
    #[param(example = "critical")]
    pub severity: Option<String>,
}

/// Follow alerts
///
/// Server-sent events: `event: alert`, `id` (for `Last-Event-ID`), `data` with the event `tingchao.alert.v1`. A comment
/// comes every 15 seconds. At least once: act on `data.id`.
#[utoipa::path(
    operation_id = "alerts_stream",
    tag = "quality",
    security(("api_key" = [])),
    extensions(("x-permission" = json!("alerts"))),
    params(
        StreamFilters,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event: what came after it is told first."),
    ),
    responses(
        (status = 200, description = "Events until the client leaves.", content_type = "text/event-stream", body = String,
            example = "id: 1763608507420000-f-0af7651916cd43dd8448eb211c80319c\nevent: alert\ndata: {\"specversion\":\"1.0\"}\n\n"),
        Problems,
    ),
)]
#[get("/v1/alerts/stream")]
pub(in crate::api) async fn alerts_stream(
    state: web::Data<State>,
    request: HttpRequest,
    query: web::Query<StreamFilters>,
) -> Result<HttpResponse, ApiError> {
    let asked = query.into_inner();
    let mut filters = Filters::default();
    let severities = Severity::ALL.map(Severity::as_str);
    if let Some(given) = asked
        .severity
        .as_deref()
        .filter(|one| !severities.contains(one))
    {
        filters.wrong(
            "severity",
            format!("expected one of {}", listed(given, severities)),
        );
    }
    let last = request.headers().get("last-event-id");
    let last = last.map(|last| last.to_str().unwrap_or_default());
    let since = filters.checked(
        "Last-Event-ID",
        last.filter(|last| !last.is_empty()),
        "expected the `id` of an event of this stream",
        |text| text.split_once('-')?.0.parse().ok().map(Micros),
    );
    filters.finish()?;
    // First, so that nothing falls between what is read and what is heard.
    let news = state.alerts.listen();
    let (sender, receiver) = mpsc::channel(WAITING);
    let teller = Teller {
        state,
        asked,
        sender,
        told: HashSet::new(),
        order: VecDeque::new(),
        since,
    };
    actix_web::rt::spawn(teller.run(news));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(ReceiverStream::new(receiver)))
}

/// The client has left.
struct Gone;

struct Teller {
    state: web::Data<State>,
    asked: StreamFilters,
    sender: mpsc::Sender<Result<Bytes, ApiError>>,
    told: HashSet<String>,
    order: VecDeque<String>,
    /// When the last alert that was told was raised.
    since: Option<Micros>,
}

impl Teller {
    async fn run(mut self, mut news: broadcast::Receiver<Arc<Alert>>) {
        if self.say(": connected\n\n".to_owned()).await.is_err() {
            return;
        }
        if self.since.is_some() && self.catch_up().await.is_err() {
            return;
        }
        let mut beat = Instant::now();
        while !self.state.health.is_stopping() {
            let heard = tokio::time::timeout(LOOK, news.recv()).await;
            let said = match heard {
                Ok(Ok(alert)) => self.tell(&alert).await,
                Ok(Err(RecvError::Lagged(_))) => self.catch_up().await,
                Ok(Err(RecvError::Closed)) => return,
                Err(_) if beat.elapsed() >= BEAT => {
                    beat = Instant::now();
                    self.say(":\n\n".to_owned()).await
                }
                Err(_) if self.sender.is_closed() => Err(Gone),
                Err(_) => Ok(()),
            };
            if said.is_err() {
                return;
            }
        }
    }

    async fn say(&self, text: String) -> Result<(), Gone> {
        let sent = self.sender.send(Ok(Bytes::from(text))).await;
        sent.map_err(|_| Gone)
    }

    /// Tells what the table has since the last event.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        let Some(since) = self.since else {
            return Ok(());
        };
        let since = Micros(since.0.saturating_sub(OVERLAP_MICROS)).to_string();
        let missed = fetch(&self.state, AFTER, vec![Value::String(since)], MAX_MISSED).await;
        let missed: Vec<AlertView> = match missed {
            Ok(missed) => missed,
            // The client comes back and asks again.
            Err(_) => return Err(Gone),
        };
        for view in missed {
            if let Some(alert) = alert_of(view) {
                self.tell(&alert).await?;
            }
        }
        Ok(())
    }

    async fn tell(&mut self, alert: &Alert) -> Result<(), Gone> {
        let differs =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_some_and(|w| w != is);
        if differs(&self.asked.rule_id, &alert.rule_id)
            || differs(&self.asked.severity, &alert.severity)
            || !self.told.insert(alert.id.clone())
        {
            return Ok(());
        }
        self.order.push_back(alert.id.clone());
        if self.order.len() > KEPT_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.told.remove(&oldest);
        }
        self.since = self.since.max(Some(alert.raised_at));
        self.say(format!(
            "id: {}-{}\nevent: alert\ndata: {}\n\n",
            alert.raised_at.0, alert.id, alert.document
        ))
        .await
    }
}

/// An alert of the table as it is told.
fn alert_of(view: AlertView) -> Option<Alert> {
    let raised_at = Micros::parse(&view.raised_at).ok()?;
    Some(Alert::with_data(
        (view.alert_id, view.rule_id.clone(), view.severity.clone()),
        raised_at,
        &json!({
            "rule_id": view.rule_id,
            "rule_version": view.rule_version,
            "rule_name": view.rule_name,
            "severity": view.severity,
            "interaction_id": view.interaction_id,
            "turn_id": view.turn_id,
            "agent_id": view.agent_id,
            "channel": view.channel,
            "at": view.at,
        }),
    ))
}

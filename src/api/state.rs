//! What the doors share: one value, made by the wiring, read by every handler.
//!
//! Invariants: handlers reach the rest of the product through [`State`] alone; nothing here is global. Not
//! here: how the parts are opened (the wiring does that).

use std::sync::Arc;

use super::events::RecentIdentities;
use super::routing::RoutingFacts;
use crate::domain::Micros;
use crate::enrich::{EventRedactor, SharedModels};
use crate::jobs::{LakeTopics, RuleDesk, TopicRuns, TurnSearch, Webhooks};
use crate::query::{Engine, Inside};
use crate::search::Knowledge;
use crate::sink::AlertHub;
use crate::source::Inbox;
use crate::store::Store;
use crate::telemetry::{Health, MetricsHandle};

/// What every handler may use.
pub struct State {
    /// Answers queries.
    pub engine: Engine,
    /// Takes events; `None` in a process that takes none, which answers 503.
    pub inbox: Option<Inbox>,
    /// Redacts before anything is queued.
    pub redactor: EventRedactor,
    /// Keys and the audit log.
    pub store: Store,
    /// The models that texts meet.
    pub models: SharedModels,
    /// Articles as they are searched.
    pub knowledge: Knowledge,
    /// Whether the process is ready.
    pub health: Health,
    /// Clustering runs over posted texts.
    pub topic_runs: TopicRuns,
    /// Quality rules in force, and the way to change them.
    pub rules: RuleDesk,
    /// Alerts as they are raised.
    pub alerts: AlertHub,
    /// Who sends alerts to addresses.
    pub webhooks: Webhooks,
    /// Topics of the lake.
    pub topics: LakeTopics,
    /// Search in turns.
    pub turns: TurnSearch,
    /// What routing keeps of customers and agents.
    pub routing: RoutingFacts,
    /// The metrics of this process, for the admin port.
    pub metrics: MetricsHandle,
    /// How far the sources have come.
    pub inside: Arc<dyn Inside>,
    /// True in the demo: a loopback peer without a key acts as admin.
    pub demo: bool,
    /// The present.
    pub clock: fn() -> Micros,
    /// Identities of the last 24 hours.
    pub recent: Arc<RecentIdentities>,
    /// Which events are taken.
    pub ingest_limits: IngestLimits,
}

/// Which events are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestLimits {
    /// An older event is refused, days.
    pub max_past_days: u32,
    /// An event further ahead is refused, days.
    pub max_future_days: u32,
    /// A longer line of NDJSON is refused, bytes.
    pub max_line_bytes: usize,
}

impl State {
    /// The time before which every source has delivered: the least of the sources that read, else the greatest
    /// of the others.
    #[must_use]
    pub fn watermark(&self) -> Option<Micros> {
        crate::query::watermark(&self.inside.sources())
    }
}

/// The state as the doors share it.
pub type SharedState = actix_web::web::Data<State>;

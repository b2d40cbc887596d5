//! What the doors share: one value, made by the wiring, read by every handler.
//!
//! Invariants: handlers reach the rest of the product through [`State`] alone; nothing here is global. Not
//! here: how the parts are opened (the wiring does that).

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::events::RecentIdentities;
use crate::domain::Micros;
use crate::enrich::EventRedactor;
use crate::query::Engine;
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
    /// Whether the process is ready.
    pub health: Health,
    /// The metrics of this process, for the admin port.
    pub metrics: MetricsHandle,
    /// How far the sources have come.
    pub sources: Arc<dyn SourceStatus>,
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

/// Tells how far the sources have come.
pub trait SourceStatus: Send + Sync {
    /// Every partition of every source of this process.
    fn list(&self) -> Vec<SourceReport>;
}

/// How far one partition of a source has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceReport {
    /// Name of the source.
    #[schema(example = "inbox")]
    pub name: String,
    /// Partition within the source.
    #[schema(example = 0)]
    pub partition: i32,
    /// Offset after the last record that is durable in every table.
    #[schema(example = 1_200)]
    pub next_offset: i64,
    /// Records that are known to wait; null when the source cannot tell.
    #[schema(example = 0)]
    pub lag: Option<u64>,
    /// Every event before this time has been delivered, as far as the source knows; null before its first event.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-20T03:05:07.120Z")]
    pub watermark: Option<Micros>,
    /// What it does.
    pub state: SourceState,
}

/// What a source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// It reads.
    Running,
    /// It has been silent for 30 minutes and holds no watermark back.
    Idle,
    /// It has come to its end.
    Finished,
    /// It cannot be read; the log says why.
    Failed,
}

impl State {
    /// The time before which every source has delivered: the least of the running sources, else the greatest
    /// of the others.
    #[must_use]
    pub fn watermark(&self) -> Option<Micros> {
        let reports = self.sources.list();
        let running = reports.iter().filter(|report| report.state == SourceState::Running);
        let least = running.filter_map(|report| report.watermark).min_by_key(|at| at.0);
        least.or_else(|| reports.iter().filter_map(|report| report.watermark).max_by_key(|at| at.0))
    }
}

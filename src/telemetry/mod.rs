//! Logs, metrics and health.
//!
//! **What is logged.** Lower case, no final period, readable alone; identifiers stand in fields as well
//! (`table.version`, `kafka.partition`). `error`: someone should act. `warn`: we coped. `info`: rare and about
//! the system, never once per event. An error is logged once, where it is handled.
//!
//! **What is never logged**, nor put into a metric's label: text of turns (raw or redacted), names, addresses,
//! phone numbers and other personal values, tokens, API keys, request and response bodies, query strings, SQL
//! texts. Ids of interactions may stand in `debug`. Labels are closed sets: source, table, route pattern, code;
//! never a path, an id or a value from outside.
//!
//! Invariants: the names of metrics stand in one table ([`Metric`]) and are only reached through typed
//! functions; every source, stage and table reports the same five numbers ([`Flow`]).

mod health;
mod logging;
mod metrics;

pub use health::{ComponentHealth, Health, HealthReport};
pub use logging::init_logging;
pub use metrics::{
    Flow, Metric, MetricKind, MetricsHandle, commit, compaction, http_request, inbox_bytes,
    install, maintenance_run, query, refused_key, repeated_events, source_lag, watermark,
};

use crate::error::{Coded, ErrorCode};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A second log was to be installed in one process.
    #[error("the log is already installed in this process")]
    LogInstalled(#[source] tracing_subscriber::util::TryInitError),
    /// A recorder that is not ours is installed, or the buckets of the histograms are wrong.
    #[error("the metrics recorder cannot be installed in this process")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

impl Coded for TelemetryError {
    fn code(&self) -> ErrorCode {
        ErrorCode::Internal
    }
}

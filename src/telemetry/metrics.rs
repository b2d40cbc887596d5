//! The table of metrics and one typed function for each.
//!
//! Counters end in `_total`, times are in seconds, sizes in bytes. Without an installed recorder every function
//! does nothing, so that library code and tests need no set-up.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{
    Counter, Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::TelemetryError;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution of seconds.
    Histogram,
}

/// One row per metric: the only place where a name is defined.
macro_rules! metrics {
    ($($variant:ident $kind:ident $name:literal $help:literal;)+) => {
        /// Every metric of the product.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric {
            $(#[doc = concat!("`", $name, "`: ", $help)] $variant,)+
        }

        impl Metric {
            /// Every metric, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that Prometheus sees.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// How it behaves.
            #[must_use]
            pub const fn kind(self) -> MetricKind {
                match self { $(Self::$variant => MetricKind::$kind),+ }
            }

            /// What it counts.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),+ }
            }
        }
    };
}

metrics! {
    ReceivedRecords Counter "tingchao_received_records_total" "Records that a source, stage or table received.";
    SentRecords Counter "tingchao_sent_records_total" "Records that it passed on or stored.";
    RefusedRecords Counter "tingchao_refused_records_total" "Records that it refused, by code.";
    ReceivedBytes Counter "tingchao_received_bytes_total" "Bytes that it received.";
    Lag Gauge "tingchao_lag_seconds" "How far it is behind: age of the oldest record that it has not finished.";
    RepeatedEvents Counter "tingchao_repeated_events_total" "Events whose identity was seen before.";
    Watermark Gauge "tingchao_watermark_seconds" "The watermark of a source, seconds since 1970.";
    SourceLag Gauge "tingchao_source_lag_records" "Records of a source's partition that wait to be read.";
    InboxBytes Gauge "tingchao_inbox_bytes" "Bytes in the inbox that are not committed yet.";
    Commits Counter "tingchao_commits_total" "Commits of a table.";
    CommittedRows Counter "tingchao_committed_rows_total" "Rows in commits of a table.";
    CommittedBytes Counter "tingchao_committed_bytes_total" "Bytes of data files in commits of a table.";
    CommitDuration Histogram "tingchao_commit_duration_seconds" "Time of a commit, files written and synced.";
    CompactedFiles Counter "tingchao_compacted_files_total" "Data files that compaction replaced.";
    MaintenanceRuns Counter "tingchao_maintenance_runs_total" "Runs of a maintenance step, by outcome.";
    Queries Counter "tingchao_queries_total" "Queries by door and outcome (ok or an error code).";
    QueryDuration Histogram "tingchao_query_duration_seconds" "Time of a query until its last row.";
    HttpRequests Counter "tingchao_http_requests_total" "HTTP requests by method, route pattern and status.";
    HttpRequestDuration Histogram "tingchao_http_request_duration_seconds" "Time of an HTTP request until its head.";
    RefusedKeys Counter "tingchao_refused_keys_total" "Requests with a missing, unknown or revoked key.";
}

/// Bounds of all histograms, in seconds.
const BUCKETS_S: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0,
];

/// Reads the metrics of this process.
#[derive(Debug, Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// All metrics in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }

    /// Folds the samples of histograms together. To be called every few seconds: until then each sample takes
    /// memory, and nobody may be reading the metrics.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// The one recorder of the process, once it is installed.
static INSTALLED: Mutex<Option<MetricsHandle>> = Mutex::new(None);

/// Installs the recorder of this process; a further call returns the same one.
///
/// # Errors
/// When a recorder that is not ours is installed already.
pub fn install() -> Result<MetricsHandle, TelemetryError> {
    // A panic under the lock leaves either nothing or a whole handle.
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = installed.as_ref() {
        return Ok(handle.clone());
    }
    let recorder = recorder()?;
    let handle = MetricsHandle(recorder.handle());
    metrics::set_global_recorder(recorder)
        .map_err(|error| TelemetryError::Metrics(error.into()))?;
    describe();
    *installed = Some(handle.clone());
    Ok(handle)
}

fn recorder() -> Result<PrometheusRecorder, TelemetryError> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&BUCKETS_S)
        .map_err(TelemetryError::Metrics)?;
    Ok(builder.build_recorder())
}

fn describe() {
    for metric in Metric::ALL {
        match metric.kind() {
            MetricKind::Counter => describe_counter!(metric.name(), metric.help()),
            MetricKind::Gauge => describe_gauge!(metric.name(), metric.help()),
            MetricKind::Histogram => describe_histogram!(metric.name(), metric.help()),
        }
    }
}

/// The five numbers of one source, stage or table: received, sent, refused (by code), bytes, lag. Cheap to
/// call for every record: the series are looked up once (refusals excepted).
///
/// Made after [`install`]; one that is made before counts into nothing.
#[derive(Clone)]
pub struct Flow {
    kind: &'static str,
    name: String,
    received: Counter,
    received_bytes: Counter,
    sent: Counter,
    lag: Gauge,
}

impl Flow {
    /// The numbers of a source.
    #[must_use]
    pub fn source(name: &str) -> Self {
        Self::new("source", name)
    }

    /// The numbers of a stage of the pipeline.
    #[must_use]
    pub fn stage(name: &str) -> Self {
        Self::new("stage", name)
    }

    /// The numbers of a table.
    #[must_use]
    pub fn table(name: &str) -> Self {
        Self::new("table", name)
    }

    fn new(kind: &'static str, name: &str) -> Self {
        let count = |metric: Metric| counter!(metric.name(), "component" => kind, "name" => name.to_owned());
        Self {
            kind,
            name: name.to_owned(),
            received: count(Metric::ReceivedRecords),
            received_bytes: count(Metric::ReceivedBytes),
            sent: count(Metric::SentRecords),
            lag: gauge!(Metric::Lag.name(), "component" => kind, "name" => name.to_owned()),
        }
    }

    /// `records` came in with `bytes` bytes.
    pub fn received(&self, records: u64, bytes: u64) {
        self.received.increment(records);
        self.received_bytes.increment(bytes);
    }

    /// `records` were passed on or stored.
    pub fn sent(&self, records: u64) {
        self.sent.increment(records);
    }

    /// `records` were refused with `code`, a word of a closed set.
    pub fn refused(&self, code: &'static str, records: u64) {
        counter!(
            Metric::RefusedRecords.name(),
            "component" => self.kind, "name" => self.name.clone(), "code" => code
        )
        .increment(records);
    }

    /// The oldest unfinished record is so old.
    pub fn lag(&self, lag: Duration) {
        self.lag.set(lag.as_secs_f64());
    }
}

/// `events` had an identity that was seen before.
pub fn repeated_events(events: u64) {
    counter!(Metric::RepeatedEvents.name()).increment(events);
}

/// The watermark of a source, microseconds since 1970.
pub fn watermark(source: &str, at_us: i64) {
    // Microseconds until the year 2255 are exact in a double.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double; see above")]
    let seconds = at_us as f64 / 1e6;
    gauge!(Metric::Watermark.name(), "source" => source.to_owned()).set(seconds);
}

/// So many records of a partition wait to be read.
pub fn source_lag(source: &str, partition: i32, records: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
    let records = records as f64;
    let labels = [
        ("source", source.to_owned()),
        ("partition", partition.to_string()),
    ];
    gauge!(Metric::SourceLag.name(), &labels).set(records);
}

/// So many bytes wait in the inbox.
pub fn inbox_bytes(bytes: u64) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a double; exact to 2^53"
    )]
    gauge!(Metric::InboxBytes.name()).set(bytes as f64);
}

/// A table was committed.
pub fn commit(table: &'static str, rows: u64, bytes: u64, duration: Duration) {
    counter!(Metric::Commits.name(), "table" => table).increment(1);
    counter!(Metric::CommittedRows.name(), "table" => table).increment(rows);
    counter!(Metric::CommittedBytes.name(), "table" => table).increment(bytes);
    histogram!(Metric::CommitDuration.name(), "table" => table).record(duration.as_secs_f64());
}

/// Compaction replaced `files` data files of a table.
pub fn compaction(table: &'static str, files: u64) {
    counter!(Metric::CompactedFiles.name(), "table" => table).increment(files);
}

/// A maintenance step ended; `outcome` is `ok` or an error code.
pub fn maintenance_run(step: &'static str, outcome: &'static str) {
    counter!(Metric::MaintenanceRuns.name(), "step" => step, "outcome" => outcome).increment(1);
}

/// A query ended; `door` is `rest`, `pgwire` or another closed word, `outcome` is `ok` or an error code.
pub fn query(door: &'static str, outcome: &'static str, duration: Duration) {
    counter!(Metric::Queries.name(), "door" => door, "outcome" => outcome).increment(1);
    histogram!(Metric::QueryDuration.name(), "door" => door).record(duration.as_secs_f64());
}

/// A request was answered. `route` is the pattern of the route, never the path; a request without a route
/// counts under one word such as `unmatched`. `method` is the caller's word, so unknown ones count as `other`.
pub fn http_request(method: &str, route: &str, status: u16, duration: Duration) {
    let method = known_method(method);
    let route = route.to_owned();
    counter!(
        Metric::HttpRequests.name(),
        "method" => method, "route" => route.clone(), "status" => status.to_string()
    )
    .increment(1);
    histogram!(Metric::HttpRequestDuration.name(), "method" => method, "route" => route)
        .record(duration.as_secs_f64());
}

fn known_method(method: &str) -> &'static str {
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

/// A request came with a missing, unknown or revoked key.
pub fn refused_key() {
    counter!(Metric::RefusedKeys.name()).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `f` with a recorder of its own and renders what it counted.
    fn rendered(f: impl FnOnce()) -> String {
        let recorder = recorder().unwrap();
        let handle = MetricsHandle(recorder.handle());
        metrics::with_local_recorder(&recorder, || {
            describe();
            f();
        });
        handle.render()
    }

    fn use_everything() {
        for flow in [
            Flow::source("calls"),
            Flow::stage("enrich"),
            Flow::table("turns"),
        ] {
            flow.received(3, 300);
            flow.sent(2);
            flow.refused("invalid_time", 1);
            flow.lag(Duration::from_millis(1_500));
        }
        repeated_events(4);
        watermark("calls", 1_700_000_000_500_000);
        inbox_bytes(77);
        commit("turns", 10, 1_000, Duration::from_millis(20));
        compaction("turns", 12);
        maintenance_run("compact", "ok");
        query("rest", "ok", Duration::from_millis(3));
        http_request(
            "GET",
            "/v1/interactions/{id}",
            200,
            Duration::from_millis(3),
        );
        http_request("BREW", "unmatched", 405, Duration::from_millis(3));
        source_lag("calls", 0, 3);
        refused_key();
    }

    /// Other tests count too: only growth says something.
    fn repeated(handle: &MetricsHandle) -> u64 {
        let text = handle.render();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("tingchao_repeated_events_total "));
        line.map_or(0, |value| value.parse().unwrap())
    }

    #[test]
    fn a_second_installation_is_the_first() {
        let first = install().unwrap();
        let before = repeated(&first);
        repeated_events(1);
        let second = install().unwrap();
        repeated_events(1);
        for handle in [first, second] {
            assert!(repeated(&handle) >= before + 2);
        }
    }

    #[test]
    fn counters_move() {
        let once = rendered(use_everything);
        let twice = rendered(|| {
            use_everything();
            use_everything();
        });
        let received = "tingchao_received_records_total{component=\"source\",name=\"calls\"}";
        assert!(once.contains(&format!("{received} 3\n")), "{once}");
        assert!(twice.contains(&format!("{received} 6\n")), "{twice}");
        assert!(once.contains("tingchao_inbox_bytes 77\n"));
        assert!(
            twice.contains("tingchao_inbox_bytes 77\n"),
            "a gauge is set, not added"
        );
        assert!(once.contains("tingchao_watermark_seconds{source=\"calls\"} 1700000000.5\n"));
        assert!(once.contains(
            "tingchao_http_requests_total{method=\"other\",route=\"unmatched\",status=\"405\"} 1\n"
        ));
        assert!(
            once.contains(
                "tingchao_commit_duration_seconds_bucket{table=\"turns\",le=\"0.025\"} 1\n"
            )
        );
        assert!(
            once.contains(
                "tingchao_commit_duration_seconds_bucket{table=\"turns\",le=\"0.01\"} 0\n"
            )
        );
    }

    #[test]
    fn every_source_stage_and_table_reports_the_five_numbers() {
        let text = rendered(use_everything);
        for (component, name) in [("source", "calls"), ("stage", "enrich"), ("table", "turns")] {
            let labels = format!("{{component=\"{component}\",name=\"{name}\"");
            for line in [
                format!("tingchao_received_records_total{labels}}} 3\n"),
                format!("tingchao_received_bytes_total{labels}}} 300\n"),
                format!("tingchao_sent_records_total{labels}}} 2\n"),
                format!("tingchao_refused_records_total{labels},code=\"invalid_time\"}} 1\n"),
                format!("tingchao_lag_seconds{labels}}} 1.5\n"),
            ] {
                assert!(text.contains(&line), "{line} is not in\n{text}");
            }
        }
    }

    #[test]
    fn every_metric_is_used_described_and_well_named() {
        let text = rendered(use_everything);
        for metric in Metric::ALL {
            let name = metric.name();
            let (kind, suffixes): (&str, &[&str]) = match metric.kind() {
                MetricKind::Counter => ("counter", &["_total"]),
                MetricKind::Gauge => ("gauge", &["_seconds", "_bytes", "_records"]),
                MetricKind::Histogram => ("histogram", &["_seconds"]),
            };
            assert!(
                text.contains(&format!("# TYPE {name} {kind}\n")),
                "{name}\n{text}"
            );
            assert!(
                text.contains(&format!("# HELP {name} {}\n", metric.help())),
                "{name}"
            );
            assert!(name.starts_with("tingchao_"), "{name}");
            assert!(
                suffixes.iter().any(|suffix| name.ends_with(suffix)),
                "{name}"
            );
        }
    }
}

//! Small lakes for the tests of jobs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::disk::Faults;
use crate::domain::{Micros, Role};
use crate::enrich::redact::{AllowList, Redactor, TokenKey};
use crate::enrich::{EventRedactor, Models, SharedModels};
use crate::lake::Lake;
use crate::pipeline::{Monitor, Pipeline, Settings, TimeLimits};
use crate::query::{Engine, Request};
use crate::source::{FileImport, Manifest, Rules, Source};

pub(super) async fn open_lake(folder: &Path) -> Arc<Lake> {
    let lake = Lake::open(&folder.join("lake"), Arc::new(Faults::none())).await;
    Arc::new(lake.unwrap())
}

/// Takes `events` in as the file `name`.
pub(super) async fn import(lake: &Arc<Lake>, folder: &Path, name: &str, events: &str) {
    let file = folder.join(format!("{name}.ndjson"));
    std::fs::write(&file, events).unwrap();
    let manifest = Manifest::of(&[file], "canonical").unwrap();
    let import = FileImport::open(manifest, Rules::Canonical, 1 << 20).unwrap();
    let redactor = Redactor::new(TokenKey::from_bytes([1; 32]), AllowList::default());
    let settings = Settings {
        max_latency: Duration::from_millis(10),
        max_batch_bytes: 1 << 20,
        progress_interval: Duration::from_secs(60),
        times: TimeLimits {
            max_past_micros: i64::MAX,
            max_future_micros: i64::MAX,
        },
        clock: || Micros::parse("2026-11-15T11:00:00Z").unwrap(),
        models: SharedModels::new(Models::shipped().unwrap()),
    };
    let sources: Vec<Box<dyn Source>> = vec![Box::new(import)];
    let redactor = EventRedactor::new(Arc::new(redactor), false);
    let monitor = Monitor::default();
    Pipeline::start(Arc::clone(lake), redactor, sources, settings, monitor)
        .unwrap()
        .run(CancellationToken::new())
        .await
        .unwrap();
}

/// The rows of an answer as text.
pub(super) async fn rows(engine: &Engine, sql: &str) -> Vec<String> {
    let mut answer = engine.run(Request::new(sql, Role::Admin)).await.unwrap();
    let mut rows = Vec::new();
    while let Some(batch) = answer.batches.next().await {
        let text = arrow::util::pretty::pretty_format_batches(&[batch.unwrap()]).unwrap();
        let lines = text.to_string();
        let lines = lines.lines().skip(3).filter(|line| line.starts_with('|'));
        rows.extend(lines.map(str::to_owned));
    }
    rows
}

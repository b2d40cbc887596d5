//! `ingest`: the brokers' topics into the lake, and nothing else.
//!
//! Invariants: neither store nor inbox is opened and no folder is locked, so any
//! number of these processes share a group and a lake; what they need of the
//! product comes from settings and lake. Maintenance belongs to whoever holds
//! the lake's lease. Not here: doors (but for Prometheus), files, queries.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::serve::{
    Gauges, LAKE, PIPELINE, alert_topic, certificate, cleaner, end, letters, maintain_settings,
    runtime, scheme, signals, spawn_pipeline, upkeep,
};
use super::{DataFolder, pipeline_settings, sources};
use super::{models, topics};
use crate::api;
use crate::config::Config;
use crate::disk::Faults;
use crate::enrich::topic::TopicSlot;
use crate::jobs::{RuleDesk, maintain};
use crate::lake::Lake;
use crate::pipeline::{Monitor, Pipeline, RuleBook};
use crate::sink::AlertHub;
use crate::telemetry::{self, Health};

/// Ingests until the process is told to stop. Metrics are served at `admin`, if
/// given; `started` gets scheme and address.
///
/// # Errors
/// When there are no brokers, the lake can't be opened, or the pipeline ends.
pub fn ingest(
    config: &Config,
    admin: Option<SocketAddr>,
    faults: Arc<Faults>,
    started: impl FnOnce(Option<(&'static str, SocketAddr)>),
) -> anyhow::Result<()> {
    let work = runtime("work", 2)?;
    let queries = crate::query::runtime()?;
    let metrics = telemetry::install()?;
    let health = Health::expecting(&[LAKE, PIPELINE]);
    let door = admin.map(TcpListener::bind).transpose();
    let door =
        door.context("the admin address can't be taken; choose another with --admin ADDR")?;
    let address = door.as_ref().map(TcpListener::local_addr).transpose()?;
    let tls = certificate(config)?;
    let address = address.map(|address| (scheme(tls.as_ref()), address));
    let stop = CancellationToken::new();
    let ended = work.block_on(async {
        let source = sources::open_kafka(config)?.context(
            "kafka.brokers is empty: `ingest` reads the topics of brokers, `serve` also files",
        )?;
        let folder = DataFolder::open_with(config, faults).await?;
        let monitor = Monitor::default();
        let alerts = AlertHub::default();
        let rules = RuleDesk::new(Arc::clone(&folder.lake), RuleBook::default());
        rules.load().await?;
        let pipeline = Pipeline::start(
            Arc::clone(&folder.lake),
            folder.redactor.clone(),
            vec![Box::new(source)],
            pipeline_settings(config, folder.models.clone()),
            monitor.clone(),
        )?
        .judging(rules.book().clone(), alerts.clone());
        let slot = TopicSlot::default();
        let pipeline = pipeline.judged_by(slot.clone());
        let mut background = JoinSet::new();
        if config.maintenance.enabled {
            let handle = queries.handle().clone();
            let cleaner = cleaner(config, Arc::clone(&folder.lake), monitor.clone(), handle)?;
            background.spawn(maintain(cleaner, maintain_settings(config), stop.clone()));
        }
        let gauges = Gauges {
            metrics: metrics.clone(),
            health: health.clone(),
            inbox: None,
        };
        tell(&mut background, config, (&folder.lake, &alerts), &stop)?;
        background.spawn(follow_rules(rules, stop.clone()));
        background.spawn(topics::follow(Arc::clone(&folder.lake), slot, stop.clone()));
        let following = models::follow(Arc::clone(&folder.lake), folder.models, stop.clone());
        background.spawn(following);
        background.spawn(upkeep(folder.lake, monitor, gauges, stop.clone()));
        if let Some(door) = door {
            let (metrics, health, stop) = (metrics.clone(), health.clone(), stop.clone());
            background.spawn(serve_metrics(door, tls, metrics, health, stop));
        }
        let signals = tokio::spawn(signals(stop.clone(), health.clone()));
        let pipeline = spawn_pipeline(Some(pipeline), &stop, health);
        started(address);
        let piped = pipeline.await.context("the pipeline broke off")?;
        stop.cancel();
        signals.abort();
        end(background).await;
        piped
    });
    queries.shutdown_timeout(Duration::from_secs(5));
    work.shutdown_timeout(Duration::from_secs(5));
    ended
}

/// What tells topics of dead letters and alerts.
fn tell(
    background: &mut JoinSet<()>,
    config: &Config,
    (lake, alerts): (&Arc<Lake>, &AlertHub),
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    if let Some(letters) = letters(config, lake)? {
        background.spawn(letters.run(stop.clone()));
    }
    if let Some(topic) = alert_topic(config, lake, alerts)? {
        background.spawn(topic.run(stop.clone()));
    }
    Ok(())
}

async fn follow_rules(rules: RuleDesk, stop: CancellationToken) {
    rules.follow(stop).await;
}

async fn serve_metrics(
    door: TcpListener,
    tls: Option<api::Tls>,
    metrics: telemetry::MetricsHandle,
    health: Health,
    stop: CancellationToken,
) {
    if let Err(error) = api::serve_admin(door, tls.as_ref(), metrics, health, stop).await {
        tracing::error!(error = &error as &dyn std::error::Error, "no metrics");
    }
}

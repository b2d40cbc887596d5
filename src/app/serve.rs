//! `serve`: everything in one process until it is told to stop.
//!
//! Three runtimes: the doors' (one thread a worker), the queries' and the
//! pipeline's, so that a long query delays neither an answer nor a commit.
//! Order of stopping: not ready, doors closed, queries ended, everything taken
//! in committed.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::models::{encoder, follow};
use super::{DataFolder, Seen, effects, now, pipeline_settings, socket, sources, topics};
use crate::api::{
    self, Doors, IngestLimits, RecentIdentities, RoutingFacts, SharedState, State, Tls, fill_recent,
};
use crate::config::Config;
use crate::disk::Faults;
use crate::jobs::{
    AlertRelay, AlertTopic, Cleaner, Closing, Letters, MaintainSettings, Risks, RuleDesk,
    TopicRuns, TurnSearch, Webhooks, maintain,
};
use crate::lake::{Lake, Upkeep};
use crate::pipeline::{Monitor, Pipeline, RuleBook};
use crate::query::{Engine, Limits};
use crate::search::Knowledge;
use crate::sink::{AlertHub, AllowedHosts, TopicSink, WebhookClient};
use crate::source::{INBOX, Inbox, Source};
use crate::store::article::Expected;
use crate::store::quality::DocumentKind;
use crate::store::{Change, Store};
use crate::telemetry::{self, Health, MetricsHandle};

const REFRESH_EVERY: Duration = Duration::from_millis(1_000);
/// How long a maintenance round may take to end at shutdown.
pub(super) const BACKGROUND_END: Duration = Duration::from_secs(20);
pub(super) const LAKE: &str = "lake";
pub(super) const PIPELINE: &str = "pipeline";

/// What distinguishes one way of serving from another.
#[derive(Default)]
pub struct ServeOptions {
    /// Loopback peers need no key.
    pub demo: bool,
    /// Take nothing in: another process does.
    pub no_ingest: bool,
    /// Sources besides the inbox and those of the settings.
    pub sources: Vec<Box<dyn Source>>,
    /// Quality rules for a store that has none yet: id and rule.
    pub first_rules: Vec<(String, serde_json::Value)>,
}

/// The addresses that are served.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// `https` with a certificate, else `http`.
    pub scheme: &'static str,
    /// REST.
    pub http: SocketAddr,
    /// Prometheus.
    pub admin: SocketAddr,
}

/// How maintenance behaves under `config`.
pub fn maintain_settings(config: &Config) -> MaintainSettings {
    MaintainSettings {
        interval: Duration::from_secs(config.maintenance.interval_s.get()),
        upkeep: Upkeep {
            small_bytes: config.lake.compact_below_bytes,
            min_files: config.lake.compact_min_files.get() as usize,
            crowded_files: config.lake.compact_at_files.get() as usize,
            target_bytes: usize::try_from(config.lake.target_file_bytes.get())
                .unwrap_or(usize::MAX),
            checkpoint_every: u64::from(config.lake.checkpoint_every_commits.get()),
            retention_hours: config.lake.retention_hours,
        },
        holder: holder(),
        clock: now,
    }
}

pub(super) fn holder() -> String {
    format!("process {} since {}", std::process::id(), now())
}

/// What sends dead letters to their topic, when there are brokers and a topic.
///
/// # Errors
/// When a setting is wrong.
pub(super) fn letters(config: &Config, lake: &Arc<Lake>) -> anyhow::Result<Option<Letters>> {
    let kafka = &config.kafka;
    if kafka.brokers.is_empty() || kafka.dead_letters_topic.is_empty() {
        return Ok(None);
    }
    Ok(Some(Letters {
        lake: Arc::clone(lake),
        sink: Arc::new(TopicSink::open(kafka, &kafka.dead_letters_topic)?),
        holder: holder(),
        clock: now,
    }))
}

/// What sends alerts to their topic, when there are brokers and a topic.
///
/// # Errors
/// When a setting is wrong.
pub(super) fn alert_topic(
    config: &Config,
    lake: &Arc<Lake>,
    alerts: &AlertHub,
) -> anyhow::Result<Option<AlertTopic>> {
    let kafka = &config.kafka;
    if kafka.brokers.is_empty() || kafka.alerts_topic.is_empty() {
        return Ok(None);
    }
    Ok(Some(AlertTopic {
        lake: Arc::clone(lake),
        alerts: alerts.clone(),
        sink: Arc::new(TopicSink::open(kafka, &kafka.alerts_topic)?),
        holder: holder(),
        clock: now,
    }))
}

/// When days are closed under `config`.
fn closing(config: &Config) -> Closing {
    const MINUTE_MICROS: i64 = 60_000_000;
    Closing {
        after_micros: i64::from(config.days.close_after_hours) * 60 * MINUTE_MICROS,
        quiet_micros: i64::from(config.days.quiet_minutes) * MINUTE_MICROS,
        silent_micros: i64::from(config.days.silent_source_minutes) * MINUTE_MICROS,
        watermark_delay_micros: i64::from(config.days.watermark_delay_minutes) * MINUTE_MICROS,
    }
}

/// The limits of queries that are our own work and nobody's question.
pub(super) fn work_limits(config: &Config) -> Limits {
    Limits {
        timeout: Duration::from_secs(3600),
        max_rows: u64::MAX,
        max_concurrent: 1,
        ..Limits::from(&config.query)
    }
}

/// What rewriting closed days needs; its queries have no caller's limits.
///
/// # Errors
/// When the engine can't be set up.
pub fn cleaner(
    config: &Config,
    lake: Arc<Lake>,
    monitor: Monitor,
    queries: tokio::runtime::Handle,
) -> anyhow::Result<Cleaner> {
    let limits = work_limits(config);
    let inside = Arc::new(Seen(monitor.clone()));
    let engine = Engine::new(Arc::clone(&lake), limits, inside, queries)?;
    Ok(Cleaner {
        lake,
        engine,
        monitor,
        closing: closing(config),
        clock: now,
    })
}

/// The job that learns risks of customers, without a caller's limits.
#[must_use]
pub fn risks(cleaner: &Cleaner) -> Risks {
    Risks {
        engine: cleaner.engine.clone(),
        clock: now,
    }
}

/// Serves until the process is told to stop. `started` is called once the
/// doors are open.
///
/// # Errors
/// When the folder can't be opened, a port is taken, or the pipeline ends.
pub fn serve(
    config: &Config,
    options: ServeOptions,
    faults: Arc<Faults>,
    started: impl FnOnce(Addresses) + Send + 'static,
) -> anyhow::Result<()> {
    let work = runtime("work", 2)?;
    let queries = crate::query::runtime()?;
    let (mut doors, addresses) = bind(config)?;
    let stop = CancellationToken::new();
    let parts = work.block_on(open(config, options, faults, queries.handle().clone()))?;
    // Only now: whoever has the folder's lock may take the place of a socket that a dead process left.
    let (socket, listener) = socket::bind(config).unzip();
    doors.folder = listener;
    let health = parts.state.health.clone();
    let engine = parts.state.engine.clone();
    let Parts {
        folder,
        lake,
        pipeline,
        monitor,
        state,
    } = parts;
    let ended = work.block_on(async {
        let mut background = JoinSet::new();
        if config.maintenance.enabled {
            let seen = (&lake, &state, &monitor);
            scheduled(&mut background, config, seen, (queries.handle(), &stop))?;
        }
        let gauges = Gauges {
            metrics: state.metrics.clone(),
            health: state.health.clone(),
            inbox: state.inbox.clone(),
        };
        if let Some(letters) = letters(config, &lake)? {
            background.spawn(letters.run(stop.clone()));
        }
        effects::spawn(
            &mut background,
            config,
            (&lake, &state.store),
            (queries.handle(), &stop),
        )?;
        topics::spawn(&mut background, config, &state.topics, &stop);
        background.spawn(state.turns.clone().keep(stop.clone()));
        let following = follow(Arc::clone(&lake), state.models.clone(), stop.clone());
        background.spawn(following);
        let state = SharedState::new(state);
        watch(&mut background, config, (&lake, &state), &stop)?;
        background.spawn(upkeep(lake, monitor, gauges, stop.clone()));
        let pipeline = spawn_pipeline(pipeline, &stop, health.clone());
        let signals = tokio::spawn(signals(stop.clone(), health.clone()));
        tracing::info!(http.addr = %addresses.http, admin.addr = %addresses.admin, "serving");
        started(addresses);
        let served = api::serve(doors, state, stop.clone()).await;
        stop.cancel();
        engine.shutdown();
        signals.abort();
        let piped = pipeline.await.context("the pipeline broke off")?;
        end(background).await;
        served?;
        piped
    });
    queries.shutdown_timeout(Duration::from_secs(5));
    work.shutdown_timeout(Duration::from_secs(5));
    drop(socket);
    drop(folder);
    ended
}

/// What works on the lake by the clock.
fn scheduled(
    background: &mut JoinSet<()>,
    config: &Config,
    (lake, state, monitor): (&Arc<Lake>, &State, &Monitor),
    (queries, stop): (&Handle, &CancellationToken),
) -> anyhow::Result<()> {
    let cleaner = cleaner(config, Arc::clone(lake), monitor.clone(), queries.clone())?;
    background.spawn(risks(&cleaner).run(state.store.clone(), stop.clone()));
    background.spawn(maintain(cleaner, maintain_settings(config), stop.clone()));
    let bases = (state.knowledge.clone(), state.store.clone());
    let gaps = super::gaps(config, Arc::clone(lake), bases, queries.clone())?;
    background.spawn(gaps.run(stop.clone()));
    Ok(())
}

/// Waits for the background's work: a task that reads the lake must not lose its runtime under its feet.
pub(super) async fn end(mut background: JoinSet<()>) {
    let ended = async { while background.join_next().await.is_some() {} };
    if tokio::time::timeout(BACKGROUND_END, ended).await.is_err() {
        tracing::warn!("maintenance was cut off; what it had not committed is done again");
    }
}

pub(super) fn runtime(name: &str, threads: usize) -> anyhow::Result<Runtime> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads.max(2))
        .thread_name(name)
        .enable_all()
        .build()?;
    Ok(runtime)
}

fn bind(config: &Config) -> anyhow::Result<(Doors, Addresses)> {
    let listen = |what: &str, addr: SocketAddr| {
        TcpListener::bind(addr).with_context(|| {
            format!("{what} address {addr} can't be taken; choose another with --{what} ADDR")
        })
    };
    let http = listen("http", config.http.addr)?;
    let admin = listen("admin", config.admin.addr)?;
    let tls = certificate(config)?;
    let addresses = Addresses {
        scheme: scheme(tls.as_ref()),
        http: http.local_addr()?,
        admin: admin.local_addr()?,
    };
    let shutdown_timeout = Duration::from_secs(u64::from(config.http.shutdown_timeout_s));
    Ok((
        Doors {
            http,
            admin,
            folder: None,
            tls,
            shutdown_timeout,
        },
        addresses,
    ))
}

/// The certificate of the ports, if the settings name one.
pub(super) fn certificate(config: &Config) -> anyhow::Result<Option<Tls>> {
    match (&config.tls.cert, &config.tls.key) {
        (Some(cert), Some(key)) => Ok(Some(Tls::read(cert, key)?)),
        _ => Ok(None),
    }
}

/// How an address begins behind which `tls` is spoken, or not.
pub(super) fn scheme(tls: Option<&Tls>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

struct Parts {
    folder: Option<crate::disk::FolderLock>,
    lake: Arc<Lake>,
    pipeline: Option<Pipeline>,
    monitor: Monitor,
    state: State,
}

async fn open(
    config: &Config,
    options: ServeOptions,
    faults: Arc<Faults>,
    queries: tokio::runtime::Handle,
) -> anyhow::Result<Parts> {
    let metrics = telemetry::install()?;
    let health = Health::expecting(&[LAKE, PIPELINE]);
    let folder = DataFolder::open(config, "serve", Arc::clone(&faults)).await?;
    let store = Store::open(&config.store_url()).await?;
    let monitor = Monitor::default();
    let inside = Arc::new(Seen(monitor.clone()));
    let limits: Limits = (&config.query).into();
    let topics = topics::lake_topics(config, &folder.lake, &store, queries.clone())?;
    let engine = Engine::new(Arc::clone(&folder.lake), limits, inside.clone(), queries)?
        .with_metric_settings(config.into());
    let turns = turn_search(&folder, &engine)?;
    health.ready(LAKE);
    first_rules(&store, &options.first_rules).await?;
    let (rules, alerts, webhooks) = quality(config, &folder.lake, &store).await?;
    let (inbox, pipeline) = if options.no_ingest {
        health.ready(PIPELINE);
        (None, None)
    } else {
        let (inbox, pipeline) = intake(config, &folder, options.sources, monitor.clone(), faults)?;
        let pipeline = pipeline.judging(rules.book().clone(), alerts.clone());
        let pipeline = pipeline.judged_by(topics.topics.requests.slot.clone());
        (Some(inbox), Some(pipeline))
    };
    let knowledge = Knowledge::new()?;
    knowledge.load(&store).await?;
    let state = State {
        engine,
        inbox,
        redactor: folder.redactor.clone(),
        models: folder.models,
        store,
        knowledge,
        health,
        topic_runs: TopicRuns::with_encoder(encoder(config, tokio::runtime::Handle::current())?),
        topics,
        turns,
        routing: RoutingFacts::default(),
        rules,
        webhooks,
        alerts,
        metrics,
        inside,
        demo: options.demo,
        clock: now,
        recent: Arc::new(RecentIdentities::default()),
        ingest_limits: ingest_limits(config)?,
    };
    if let Err(error) = fill_recent(&state).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "repeats of the last day can't be counted"
        );
    }
    Ok(Parts {
        folder: folder.lock,
        lake: folder.lake,
        pipeline,
        monitor,
        state,
    })
}

/// The inbox, and a pipeline over it, the sources of the settings and `more`.
fn intake(
    config: &Config,
    folder: &DataFolder,
    more: Vec<Box<dyn Source>>,
    monitor: Monitor,
    faults: Arc<Faults>,
) -> anyhow::Result<(Inbox, Pipeline)> {
    let (inbox, inbox_source) = Inbox::open(
        &folder.path.join(INBOX),
        config.ingest.max_inbox_bytes.get(),
        faults,
    )?;
    let mut all: Vec<Box<dyn Source>> = vec![Box::new(inbox_source)];
    all.extend(sources::open(config)?);
    all.extend(more);
    let pipeline = Pipeline::start(
        Arc::clone(&folder.lake),
        folder.redactor.clone(),
        all,
        pipeline_settings(config, folder.models.clone()),
        monitor,
    )?;
    Ok((inbox, pipeline))
}

/// Follows the rules that other processes publish, and tells alerts to topic, listeners and addresses.
fn watch(
    background: &mut JoinSet<()>,
    config: &Config,
    (lake, state): (&Arc<Lake>, &SharedState),
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    if let Some(topic) = alert_topic(config, lake, &state.alerts)? {
        background.spawn(topic.run(stop.clone()));
    }
    background.spawn(AlertRelay::new(lake, &state.alerts).run(stop.clone()));
    let webhooks = state.webhooks.clone();
    background.spawn(webhooks.run(state.store.clone(), stop.clone()));
    let (followed, following) = (SharedState::clone(state), stop.clone());
    background.spawn(async move { followed.rules.follow(following).await });
    Ok(())
}

/// The rules of the store in force, and those who are told of alerts.
async fn quality(
    config: &Config,
    lake: &Arc<Lake>,
    store: &Store,
) -> anyhow::Result<(RuleDesk, AlertHub, Webhooks)> {
    let rules = RuleDesk::new(Arc::clone(lake), RuleBook::default());
    rules.apply(store).await?;
    let alerts = AlertHub::default();
    let allowed = AllowedHosts::new(&config.webhooks.allowed_hosts);
    let client = WebhookClient::new(allowed)?;
    let webhooks = Webhooks::new(Arc::clone(lake), alerts.clone(), client, now);
    Ok((rules, alerts, webhooks))
}

/// Writes `rules` into a store that never had any.
async fn first_rules(
    store: &Store,
    rules: &[(String, serde_json::Value)],
) -> Result<(), crate::store::StoreError> {
    if store.document_revision(DocumentKind::Rule).await? > 0 {
        return Ok(());
    }
    let change = Change {
        actor: "demo",
        request_id: "demo",
        at_us: now().0,
    };
    for (id, rule) in rules {
        let kind = DocumentKind::Rule;
        let written = store.write_document(kind, id, rule, Expected::Absent, &change);
        written.await?;
    }
    Ok(())
}

/// The index of turns in the data folder; its queries are under the callers' limits.
fn turn_search(folder: &DataFolder, engine: &Engine) -> anyhow::Result<TurnSearch> {
    let index = folder.path.join("search").join("turns");
    let (lake, work) = (Arc::clone(&folder.lake), Handle::current());
    Ok(TurnSearch::open(&index, lake, engine.clone(), work)?)
}

fn ingest_limits(config: &Config) -> anyhow::Result<IngestLimits> {
    Ok(IngestLimits {
        max_past_days: config.ingest.max_past_days,
        max_future_days: config.ingest.max_future_days,
        max_line_bytes: usize::try_from(config.ingest.max_line_bytes.get())?,
    })
}

pub(super) fn spawn_pipeline(
    pipeline: Option<Pipeline>,
    stop: &CancellationToken,
    health: Health,
) -> tokio::task::JoinHandle<anyhow::Result<()>> {
    let stop = stop.clone();
    tokio::spawn(async move {
        let Some(pipeline) = pipeline else {
            return Ok(());
        };
        health.ready(PIPELINE);
        let ended = pipeline.run(stop.clone()).await;
        if let Err(error) = &ended {
            health.not_ready(PIPELINE, error.to_string());
            tracing::error!(
                error = error as &dyn std::error::Error,
                "the pipeline has ended"
            );
            // What can't take events in shall not look as if it could.
            stop.cancel();
        }
        Ok(ended?)
    })
}

/// What is looked at every second and shown as metrics and health.
pub(super) struct Gauges {
    pub metrics: MetricsHandle,
    pub health: Health,
    pub inbox: Option<Inbox>,
}

/// Looks for other processes' commits and moves the gauges, until `stop`.
pub(super) async fn upkeep(
    lake: Arc<Lake>,
    monitor: Monitor,
    gauges: Gauges,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REFRESH_EVERY) => {}
        }
        if let Err(error) = lake.refresh().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the lake can't be refreshed"
            );
        }
        match monitor.trouble() {
            Some(trouble) => gauges.health.not_ready(LAKE, trouble),
            None => gauges.health.ready(LAKE),
        }
        if let Some(inbox) = &gauges.inbox {
            telemetry::inbox_bytes(inbox.waiting_bytes());
        }
        for source in monitor.sources() {
            if let Some(at) = source.newest_event_at {
                telemetry::watermark(&source.name, at.0);
            }
            if let Some(lag) = source.lag {
                telemetry::source_lag(&source.name, source.partition, lag);
            }
        }
        gauges.metrics.upkeep();
    }
}

/// Waits for the signal to stop.
pub(super) async fn signals(stop: CancellationToken, health: Health) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    health.stop();
    stop.cancel();
}

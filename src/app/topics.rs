//! Wiring of requests and topics: their engine, their settings, and who follows the topics of others.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Seen, now, serve};
use crate::config::Config;
use crate::enrich::topic::TopicSlot;
use crate::insight::topics::Settings;
use crate::jobs::{
    LakeTopics, Requests, RunSettings, TopicPace, Topics, follow_topics, load_topics,
};
use crate::lake::Lake;
use crate::pipeline::Monitor;
use crate::query::Engine;
use crate::store::Store;

/// How often a process that only takes events in looks for new topics.
const FOLLOW_EVERY: Duration = Duration::from_secs(10);

/// What finds requests; its queries have no caller's limits.
///
/// # Errors
/// When the engine can't be set up.
pub fn requests(config: &Config, lake: Arc<Lake>, queries: Handle) -> anyhow::Result<Requests> {
    let inside = Arc::new(Seen(Monitor::default()));
    let limits = serve::work_limits(config);
    let engine = Engine::new(Arc::clone(&lake), limits, inside, queries)?;
    Ok(Requests {
        lake,
        engine,
        slot: TopicSlot::default(),
        holder: serve::holder(),
        clock: now,
        busy: Arc::default(),
    })
}

/// The topics that hold now, for a process that ends soon.
pub async fn known_topics(lake: &Arc<Lake>) -> TopicSlot {
    let slot = TopicSlot::default();
    if let Err(error) = load_topics(lake, &slot).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the topics can't be read; turns are taken in without"
        );
    }
    slot
}

/// How topics are kept up under `config`.
pub fn topic_pace(config: &Config) -> TopicPace {
    let hours = u64::from(config.topics.run_every_hours.get());
    TopicPace {
        look_every: Duration::from_secs(config.topics.look_every_s.get()),
        run_every: Duration::from_secs(hours * 3600),
        run: RunSettings {
            cluster: Settings {
                sample: config.topics.sample.get() as usize,
                ..Settings::default()
            },
            window_days: config.topics.window_days.get(),
        },
    }
}

/// Topics of the lake for the doors; their work is done on this runtime, their queries on `queries`.
///
/// # Errors
/// When the engine can't be set up.
pub(super) fn lake_topics(
    config: &Config,
    lake: &Arc<Lake>,
    store: &Store,
    queries: Handle,
) -> anyhow::Result<LakeTopics> {
    let requests = requests(config, Arc::clone(lake), queries)?;
    let topics = Topics {
        requests,
        store: store.clone(),
    };
    Ok(LakeTopics::new(
        topics,
        topic_pace(config),
        Handle::current(),
    ))
}

/// Keeps topics up until `stop`, or follows those of another process.
pub(super) fn spawn(
    background: &mut JoinSet<()>,
    config: &Config,
    topics: &LakeTopics,
    stop: &CancellationToken,
) {
    if config.topics.enabled {
        background.spawn(topics.clone().keep(stop.clone()));
    } else {
        let requests = &topics.topics.requests;
        let (lake, slot) = (Arc::clone(&requests.lake), requests.slot.clone());
        background.spawn(follow(lake, slot, stop.clone()));
    }
}

/// Brings the topics that other processes publish to `slot`, until `stop`.
pub(super) async fn follow(lake: Arc<Lake>, slot: TopicSlot, stop: CancellationToken) {
    let mut seen = None;
    loop {
        if let Err(error) = follow_topics(&lake, &slot, &mut seen).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the topics can't be read; turns keep those that were known"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(FOLLOW_EVERY) => {}
        }
    }
}

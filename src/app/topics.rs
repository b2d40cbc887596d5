//! Wiring of requests and topics: their engine, and the task that keeps them up.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Seen, now, serve};
use crate::config::Config;
use crate::enrich::topic::TopicSlot;
use crate::jobs::Requests;
use crate::lake::Lake;
use crate::pipeline::Monitor;
use crate::query::Engine;

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

//! Wiring of gaps: an engine for the job, with bases and decisions.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Seen, now, serve};
use crate::config::Config;
use crate::jobs::Gaps;
use crate::lake::Lake;
use crate::pipeline::Monitor;
use crate::query::Engine;
use crate::search::Knowledge;
use crate::store::Store;

/// What finds gaps; its queries have no caller's limits.
///
/// # Errors
/// When the engine can't be set up.
pub fn gaps(
    config: &Config,
    lake: Arc<Lake>,
    (knowledge, store): (Knowledge, Store),
    queries: Handle,
) -> anyhow::Result<Gaps> {
    let inside = Arc::new(Seen(Monitor::default()));
    let limits = serve::work_limits(config);
    let engine = Engine::new(Arc::clone(&lake), limits, inside, queries)?;
    Ok(Gaps {
        lake,
        engine,
        knowledge,
        store,
        holder: serve::holder(),
        clock: now,
    })
}

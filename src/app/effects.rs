//! Wiring of what measures interventions.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Seen, now, serve};
use crate::config::Config;
use crate::jobs::Effects;
use crate::lake::Lake;
use crate::pipeline::Monitor;
use crate::query::Engine;
use crate::store::Store;

/// What gives verdicts on interventions; its queries have no caller's limits.
///
/// # Errors
/// When the engine can't be set up.
pub fn effects(
    config: &Config,
    lake: Arc<Lake>,
    store: Store,
    queries: Handle,
) -> anyhow::Result<Effects> {
    let inside = Arc::new(Seen(Monitor::default()));
    let engine = Engine::new(
        Arc::clone(&lake),
        serve::work_limits(config),
        inside,
        queries,
    )?;
    Ok(Effects {
        lake,
        engine,
        store,
        holder: serve::holder(),
        clock: now,
    })
}

/// Begins to measure beside the doors, where maintenance is wanted.
///
/// # Errors
/// When the engine can't be set up.
pub(super) fn spawn(
    background: &mut JoinSet<()>,
    config: &Config,
    (lake, store): (&Arc<Lake>, &Store),
    (queries, stop): (&Handle, &CancellationToken),
) -> anyhow::Result<()> {
    if config.maintenance.enabled {
        let effects = effects(config, Arc::clone(lake), store.clone(), queries.clone())?;
        background.spawn(effects.keep(stop.clone()));
    }
    Ok(())
}

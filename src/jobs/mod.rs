//! Scheduled work, one verb each.
//!
//! Invariants: only the holder of the lake's lease changes files; a round that
//! fails is logged once and tried again at the next interval.

mod clean;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::Micros;
use crate::lake::{Done, Lake, Lease, LeaseError, Upkeep, UpkeepError, keep_up};
use crate::telemetry;

pub use clean::{CleanError, Cleaner, Closing};

const CLEAN_EVERY: Duration = Duration::from_secs(600);
const CLEAN_LEASE_S: i64 = 3600;
const VACUUM_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How maintenance behaves.
#[derive(Clone, Debug)]
pub struct MaintainSettings {
    /// Between two rounds.
    pub interval: Duration,
    /// When there is something to do.
    pub upkeep: Upkeep,
    /// Who we are to other processes.
    pub holder: String,
    /// The present.
    pub clock: fn() -> Micros,
}

/// One round, if the lease can be had.
///
/// # Errors
/// When a table can't be maintained, or another process does it.
pub async fn maintain_once(
    lake: &Lake,
    settings: &MaintainSettings,
    vacuum: bool,
) -> Result<Done, UpkeepError> {
    let length_s = i64::try_from(settings.interval.as_secs())
        .unwrap_or(60)
        .max(60)
        * 10;
    let lease = Lease::take(lake.root(), &settings.holder, (settings.clock)(), length_s)?;
    keep_up(lake, &lease, &settings.upkeep, vacuum, settings.clock).await
}

/// One round of rewriting closed days clean, if the lease can be had; how many
/// days of how many tables.
///
/// # Errors
/// When a day can't be read or rewritten, or another process does it.
pub async fn clean_once(
    cleaner: &Cleaner,
    settings: &MaintainSettings,
) -> Result<usize, CleanError> {
    let now = (settings.clock)();
    let lease = Lease::take(cleaner.lake.root(), &settings.holder, now, CLEAN_LEASE_S);
    cleaner.round(&lease.map_err(UpkeepError::Lease)?).await
}

/// Rewrites closed days until `stop` is cancelled, looking every ten minutes.
pub async fn clean(cleaner: Cleaner, settings: MaintainSettings, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLEAN_EVERY) => {}
        }
        match clean_once(&cleaner, &settings).await {
            Ok(0) | Err(CleanError::Upkeep(UpkeepError::Lease(LeaseError::Held { .. }))) => {}
            Ok(days) => tracing::info!(days, "closed days rewritten clean"),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a closed day can't be rewritten"
                );
            }
        }
    }
}

/// Rounds until `stop` is cancelled.
pub async fn maintain(lake: Arc<Lake>, settings: MaintainSettings, stop: CancellationToken) {
    let mut vacuumed: Option<Instant> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(settings.interval) => {}
        }
        let vacuum = vacuumed.is_none_or(|at| at.elapsed() >= VACUUM_EVERY);
        match maintain_once(&lake, &settings, vacuum).await {
            Ok(done) => {
                telemetry::maintenance_run("all", "done");
                if vacuum {
                    vacuumed = Some(Instant::now());
                }
                if done != Done::default() {
                    tracing::info!(?done, "tables maintained");
                }
            }
            Err(UpkeepError::Lease(LeaseError::Held { .. })) => {}
            Err(error) => {
                telemetry::maintenance_run("all", "failed");
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "maintenance failed"
                );
            }
        }
    }
}

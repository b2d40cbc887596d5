//! Scheduled work, one verb each.
//!
//! Invariants: only the holder of the lake's lease changes files; a round that
//! fails is logged once and tried again at the next interval.

mod clean;
mod topic_runs;

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::Micros;
use crate::lake::{Done, Lake, Lease, LeaseError, Upkeep, UpkeepError, keep_up};
use crate::telemetry;

pub use clean::{CleanError, Cleaner, Closing};
pub use topic_runs::{Found, FoundTopic, RunState, RunText, Texts, TopicRuns};

const CLEAN_EVERY: Duration = Duration::from_secs(600);
const LEASE_S: i64 = 600;
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
    let lease = Lease::take(lake.root(), &settings.holder, (settings.clock)(), LEASE_S)?;
    let done = keep_up(lake, &lease, &settings.upkeep, vacuum, settings.clock).await;
    lease.release((settings.clock)());
    done
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
    let lease = Lease::take(cleaner.lake.root(), &settings.holder, now, LEASE_S);
    let lease = lease.map_err(UpkeepError::Lease)?;
    let days = cleaner.round(&lease).await;
    lease.release((settings.clock)());
    days
}

/// Rounds until `stop` is cancelled: tables kept small at every interval, closed
/// days rewritten now and then. One after the other, under one lease at a time.
pub async fn maintain(cleaner: Cleaner, settings: MaintainSettings, stop: CancellationToken) {
    let (mut vacuumed, mut cleaned) = (None, None);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(settings.interval) => {}
        }
        let vacuum = is_due(vacuumed, VACUUM_EVERY);
        let done = maintain_once(&cleaner.lake, &settings, vacuum).await;
        if vacuum && done.is_ok() {
            vacuumed = Some(Instant::now());
        }
        report(done.map_err(CleanError::from), |done| {
            *done != Done::default()
        });
        if is_due(cleaned, CLEAN_EVERY) {
            cleaned = Some(Instant::now());
            report(clean_once(&cleaner, &settings).await, |days| *days > 0);
        }
    }
}

fn is_due(last: Option<Instant>, every: Duration) -> bool {
    last.is_none_or(|at| at.elapsed() >= every)
}

/// Logs a round that changed something or failed; a lease that another process
/// holds is neither.
fn report<T: std::fmt::Debug>(done: Result<T, CleanError>, changed: impl Fn(&T) -> bool) {
    match done {
        Ok(done) => {
            telemetry::maintenance_run("all", "done");
            if changed(&done) {
                tracing::info!(?done, "tables maintained");
            }
        }
        Err(CleanError::Upkeep(UpkeepError::Lease(LeaseError::Held { .. }))) => {}
        Err(error) => {
            telemetry::maintenance_run("all", "failed");
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "maintenance failed"
            );
        }
    }
}

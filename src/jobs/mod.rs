//! Scheduled work, one verb each.
//!
//! Invariants: only the holder of the lake's lease changes files; a round that
//! fails is logged once and tried again at the next interval.

mod alerts;
mod clean;
mod effects;
mod gaps;
mod letters;
mod marts;
pub mod models;
mod quality;
pub mod report;
mod risks;
mod rules;
#[cfg(test)]
mod testing;
mod topic_runs;
mod topics;
mod turn_search;
mod webhooks;

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::Micros;
use crate::lake::{
    Done, Lake, Lease, LeaseError, MAINTENANCE, Round, Upkeep, UpkeepError, is_crowded, keep_up,
};
use crate::telemetry;

pub use alerts::{AlertRelay, AlertTopic};
pub use clean::{CleanError, Cleaner, Closing};
pub use effects::{Effects, EffectsError, verdict_word};
pub use gaps::{Gaps, GapsDone, GapsError};
pub use letters::{Letters, LettersError};
pub use marts::Storing;
pub use quality::{HistoryJob, Judged, QualityError};
pub use risks::{Learnt, Reasons, RiskError, RiskRound, Risks};
pub use rules::{MAX_RULES, RuleDesk, RulesError};
pub use topic_runs::{BUILT_IN, Found, FoundTopic, RunState, RunText, Texts, TopicRuns};
pub use topics::{
    LakeRun, LakeTopics, Requests, RunDone, RunSettings, TopicPace, Topics, TopicsError,
    follow_topics, load_topics,
};
pub use turn_search::{TurnSearch, TurnSearchError};
pub use webhooks::{WebhookState, Webhooks, wants};

const CLOSE_EVERY: Duration = Duration::from_secs(120);
/// Renewed while it is needed; after a crash others wait so long.
const LEASE_S: i64 = 15;
/// How often a crowded day is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(2);
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
    round: Round,
) -> Result<Done, UpkeepError> {
    let clock = settings.clock;
    let lease = take_lease(lake, settings).await?;
    let work = keep_up(lake, &lease, &settings.upkeep, round, clock);
    let done = lease.during(clock, work).await;
    lease.release(clock()).await;
    done
}

/// What a round did to closed days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosedDays {
    /// Days of stored logs rewritten clean.
    pub cleaned: usize,
    /// Days of marts stored.
    pub stored: usize,
}

/// One round over closed days, if the lease can be had: logs rewritten clean,
/// then marts stored, so that what marts are made of changes no more.
///
/// # Errors
/// When a day can't be read or rewritten, or another process does it.
pub async fn close_once(
    cleaner: &Cleaner,
    storing: &mut Storing,
    settings: &MaintainSettings,
) -> Result<ClosedDays, CleanError> {
    let clock = settings.clock;
    let lease = take_lease(&cleaner.lake, settings).await;
    let lease = lease.map_err(UpkeepError::Lease)?;
    let rounds = async {
        let cleaned = cleaner.round(&lease).await?;
        let stored = storing.round(cleaner, &lease).await?;
        Ok(ClosedDays { cleaned, stored })
    };
    let done = lease.during(clock, rounds).await;
    lease.release(clock()).await;
    done
}

async fn take_lease(lake: &Lake, settings: &MaintainSettings) -> Result<Lease, LeaseError> {
    let now = (settings.clock)();
    Lease::take(lake.storage(), MAINTENANCE, &settings.holder, now, LEASE_S).await
}

/// Rounds until `stop` is cancelled: tables kept small at every interval, closed
/// days rewritten now and then. One after the other, under one lease at a time.
pub async fn maintain(cleaner: Cleaner, settings: MaintainSettings, stop: CancellationToken) {
    let (mut vacuumed, mut closed) = (None, None);
    let mut storing = Storing::default();
    let mut looked = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY.min(settings.interval)) => {}
        }
        let round = if looked.elapsed() < settings.interval {
            match is_crowded(&cleaner.lake, &settings.upkeep) {
                Ok(true) => Round::Crowded,
                _ => continue,
            }
        } else if is_due(vacuumed, VACUUM_EVERY) {
            Round::Vacuum
        } else {
            Round::Usual
        };
        let done = maintain_once(&cleaner.lake, &settings, round).await;
        if round == Round::Vacuum && done.is_ok() {
            vacuumed = Some(Instant::now());
        }
        report(done.map_err(CleanError::from), |done| {
            *done != Done::default()
        });
        if round == Round::Crowded {
            continue;
        }
        looked = Instant::now();
        if is_due(closed, CLOSE_EVERY) {
            closed = Some(Instant::now());
            let done = close_once(&cleaner, &mut storing, &settings).await;
            report(done, |done| *done != ClosedDays::default());
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

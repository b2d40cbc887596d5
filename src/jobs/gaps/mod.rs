//! Where the knowledge bases fail, kept up to date: requests matched, outcomes told, gaps formed and ranked.
//!
//! A round reads the last five weeks of requests with what happened to them, searches the bases for those that were
//! never matched, judges all (an article's worth and the seven days after a request change with time), and writes the
//! days and gaps that differ from what is stored. Invariants: a request is matched once, by the articles as they stood
//! in the base then, and only with the base's own model ready; done again without news it writes nothing; one process
//! of a lake does it, under a lease. Not here: what an outcome is (`insight::gaps`), what people decide (`store`).

mod find;
mod load;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::Micros;
use crate::insight::gap_type::Outcome;
use crate::insight::gaps::case::DAY_US;
use crate::insight::gaps::form::WINDOW_DAYS;
use crate::insight::gaps::{
    Before, Case, Gap, Input, Judged, Shelf, Split, TextClusters, form, judge,
};
use crate::insight::topics::Settings;
use crate::insight::topics::identity::Decisions;
use crate::lake::{Lake, LakeError, Lease, LeaseError, UpkeepError};
use crate::query::{Engine, QueryError};
use crate::search::{Knowledge, SearchError};
use crate::store::gap::{GapStatus, RejectReason, Reviewed};
use crate::store::{Store, StoreError};
use crate::tables::{InsightId, TableId};
use load::Loaded;

const LEASE: &str = "gaps";
/// Renewed while it is needed; after a crash others wait so long.
const LEASE_S: i64 = 20;
/// Days before the ranking that acceptance and repeats are read from.
const MORE_DAYS: i64 = 7;
/// So long a round searches before it shows what it has.
const SEARCH_FOR: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A base whose model takes longer is not waited for on the command line.
const MODEL_WITHIN: Duration = Duration::from_secs(300);
/// Without a decision of people, gaps are looked at again after so long at the earliest.
const AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// Of everything random in clustering.
const SEED: u64 = 7;

/// Why a round over gaps broke off.
#[derive(Debug, thiserror::Error)]
pub enum GapsError {
    /// A table.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The lease, or a table under it.
    #[error(transparent)]
    Upkeep(#[from] UpkeepError),
    /// Rows could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The bases could not be searched.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Decisions or articles could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work itself broke off.
    #[error("{doing} broke off: {why}; it is tried again with the next round")]
    Broken {
        /// What.
        doing: &'static str,
        /// Why.
        why: String,
    },
}

impl From<LeaseError> for GapsError {
    fn from(error: LeaseError) -> Self {
        Self::Upkeep(UpkeepError::Lease(error))
    }
}

/// What finds gaps.
#[derive(Clone)]
pub struct Gaps {
    /// The tables.
    pub lake: Arc<Lake>,
    /// An engine without the callers' limits.
    pub engine: Engine,
    /// The bases as they are searched.
    pub knowledge: Knowledge,
    /// Articles and decisions.
    pub store: Store,
    /// Who we are to other processes.
    pub holder: String,
    /// The present.
    pub clock: fn() -> Micros,
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GapsDone {
    /// Requests that were judged.
    pub requests: usize,
    /// Of these matched now.
    pub matched: usize,
    /// Requests that wait to be matched.
    pub waiting: usize,
    /// Days of `request_matches` written.
    pub days: usize,
    /// Gaps.
    pub gaps: usize,
}

/// What a round depends on; without a change there is nothing to do.
type News = (Vec<Option<u64>>, Vec<(String, i64)>, Vec<(String, i64)>);

impl Gaps {
    /// One round, as long as the lease can be had. It searches for `search_for` at most; what waits then is told.
    ///
    /// # Errors
    /// When another process does it, or something can't be read or written. What was committed stays.
    pub async fn round(&self, search_for: Duration) -> Result<GapsDone, GapsError> {
        let now = (self.clock)();
        let lease = Lease::take(self.lake.storage(), LEASE, &self.holder, now, LEASE_S).await?;
        let done = lease
            .during(self.clock, self.work(search_for, &lease))
            .await;
        lease.release((self.clock)()).await;
        done
    }

    /// Rounds until nothing waits: for the command line.
    ///
    /// # Errors
    /// As [`Gaps::round`].
    pub async fn all(&self) -> Result<GapsDone, GapsError> {
        let mut whole = GapsDone::default();
        let mut moved = Instant::now();
        loop {
            let done = self.round(SEARCH_FOR * 20).await?;
            if done.matched > 0 {
                moved = Instant::now();
            }
            whole = GapsDone {
                matched: whole.matched + done.matched,
                days: whole.days + done.days,
                ..done
            };
            if done.waiting == 0 || moved.elapsed() > MODEL_WITHIN {
                return Ok(whole);
            }
            // A base learns its model first.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Rounds until `stop` is cancelled, when something has changed.
    pub async fn run(self, stop: CancellationToken) {
        let (mut known, mut last, mut told) = (None, None::<Instant>, String::new());
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let Ok(news) = self.news().await else {
                continue;
            };
            if known.as_ref() == Some(&news) {
                continue;
            }
            let decided = known.as_ref().is_some_and(|known: &News| known.2 != news.2);
            if !decided && last.is_some_and(|last| last.elapsed() < AT_MOST_EVERY) {
                continue;
            }
            match self.round(SEARCH_FOR).await {
                Ok(done) => {
                    told.clear();
                    last = Some(Instant::now());
                    known = (done.waiting == 0).then_some(news);
                    if done.days > 0 {
                        tracing::info!(?done, "gaps of the knowledge bases found");
                    }
                }
                Err(GapsError::Upkeep(UpkeepError::Lease(LeaseError::Held { .. }))) => {}
                Err(error) => {
                    if told != error.to_string() {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "gaps can't be looked for"
                        );
                    }
                    told = error.to_string();
                }
            }
        }
    }

    async fn news(&self) -> Result<News, GapsError> {
        let logs = [TableId::InteractionEvents, TableId::KnowledgeEvents];
        let logs = logs.map(|id| self.lake.table(id).latest().version());
        let requests = self.lake.insight(InsightId::Requests).latest().version();
        let versions = logs.into_iter().chain([requests]);
        let reviews = self.store.gap_reviews().await?;
        let reviews = reviews.into_iter().map(|one| (one.gap_id, one.version));
        Ok((
            versions.collect(),
            self.store.article_bases().await?,
            reviews.collect(),
        ))
    }

    async fn work(&self, search_for: Duration, lease: &Lease) -> Result<GapsDone, GapsError> {
        self.lake.refresh().await?;
        let Some(until_us) = load::newest(&self.engine).await? else {
            return Ok(GapsDone::default());
        };
        let from_us = until_us - (WINDOW_DAYS + MORE_DAYS) * DAY_US;
        let mut loaded = load::load(&self.engine, from_us, until_us).await?;
        let bases = find::bases(&self.knowledge, &self.store).await?;
        let found = find::find(&self.knowledge, bases, &mut loaded, search_for, self.clock).await?;
        let reviews = self.store.gap_reviews().await?;
        let shelf = found.shelf;
        let (loaded, told) = tokio::task::spawn_blocking(move || {
            let told = tell(&loaded, &shelf, &reviews, until_us);
            (loaded, told)
        })
        .await
        .map_err(|error| GapsError::Broken {
            doing: "judging requests",
            why: error.to_string(),
        })?;
        let days = write::write(self, &loaded, &told, lease).await?;
        Ok(GapsDone {
            requests: loaded.cases.len(),
            matched: found.matched,
            waiting: found.waiting,
            days,
            gaps: told.gaps.len(),
        })
    }
}

/// What a round found.
struct Told {
    /// By place of the case.
    judged: Vec<Judged>,
    /// By place of the case.
    gap_of: Vec<Option<String>>,
    /// In the order of rank.
    gaps: Vec<Gap>,
    /// Cases before this place are older than the ranking.
    first: usize,
}

/// Judges and forms. Requests of gaps that people have called out of scope are set aside: those that are in such a gap
/// when everything is formed for the first time are judged again as what they are.
fn tell(loaded: &Loaded, shelf: &Shelf, reviews: &[Reviewed], until_us: i64) -> Told {
    let cases = &loaded.cases;
    let first = cases.partition_point(|case| case.at_us < until_us - WINDOW_DAYS * DAY_US);
    let before = before(loaded, reviews);
    let foreign: BTreeSet<&str> = reviews
        .iter()
        .filter(|one| {
            one.review.status == GapStatus::Rejected
                && one.review.reason == Some(RejectReason::OutOfScope)
        })
        .map(|one| one.gap_id.as_str())
        .collect();
    let run = |out: &BTreeSet<String>| {
        let judged = judge(cases, shelf, out);
        let clusters = TextClusters {
            settings: Settings {
                seed: SEED,
                ..Settings::default()
            },
        };
        let input = Input {
            cases: cases.get(first..).unwrap_or_default(),
            judged: judged.get(first..).unwrap_or_default(),
            shelf,
            before: &before,
            until_us,
        };
        let (gaps, of) = form(&input, &clusters);
        let mut gap_of: Vec<Option<String>> = vec![None; first];
        gap_of.extend(
            of.into_iter()
                .map(|gap| gap.and_then(|gap| Some(gaps.get(gap)?.id.clone()))),
        );
        (judged, gaps, gap_of)
    };
    let (mut judged, mut gaps, mut gap_of) = run(&BTreeSet::new());
    let is_foreign = |gap: &Option<String>| gap.as_deref().is_some_and(|gap| foreign.contains(gap));
    if gap_of.iter().any(is_foreign) {
        let named = cases.iter().zip(&gap_of).filter(|(_, gap)| is_foreign(gap));
        let named: BTreeMap<String, Option<String>> = named
            .map(|(case, gap)| (case.request_id.clone(), gap.clone()))
            .collect();
        (judged, gaps, gap_of) = run(&named.keys().cloned().collect());
        for ((case, judged), gap) in cases.iter().zip(&judged).zip(&mut gap_of) {
            if judged.outcome == Outcome::OutOfScope {
                *gap = named.get(&case.request_id).cloned().flatten();
            }
        }
    }
    Told {
        judged,
        gap_of,
        gaps,
        first,
    }
}

fn before(loaded: &Loaded, reviews: &[Reviewed]) -> Before {
    let merged = reviews
        .iter()
        .filter_map(|one| Some((one.gap_id.clone(), one.review.merged_into.clone()?)));
    let splits = reviews.iter().flat_map(|one| {
        one.review.splits.iter().map(|split| Split {
            from: one.gap_id.clone(),
            into: split.into.clone(),
            requests: split.requests.iter().cloned().collect(),
        })
    });
    let stored = loaded.stored.iter();
    let splits: Vec<Split> = splits.collect();
    // Clusters are formed before they are split, so what was split off counts for where it came from.
    let origin = |gap: &String| {
        let split = splits.iter().find(|split| split.into == *gap);
        split.map_or_else(|| gap.clone(), |split| split.from.clone())
    };
    Before {
        gap_of: stored
            .filter_map(|(id, stored)| Some((id.clone(), origin(stored.gap_id.as_ref()?))))
            .collect(),
        decisions: Decisions {
            merged: merged.collect(),
            ..Decisions::default()
        },
        splits,
    }
}

/// Whether anything about a request shows use of a base: only these can become gaps, so they are matched first.
fn has_use(case: &Case) -> bool {
    !case.uses.is_empty() || case.had_bot
}

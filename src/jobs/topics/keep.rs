//! Requests and topics kept up beside a running process, and runs that somebody asks for.
//!
//! A round takes in what was said, brings decisions of people into the tables, and clusters when it is time: first as
//! soon as there is something to cluster and it has stopped to grow, then once a day, or earlier when as much has come
//! as there was. Invariants: a round without news reads two logs and writes nothing; one run at a time; a failure is
//! logged and tried again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::TopicsError;
use super::published::follow_topics;
use super::run::{RunDone, RunSettings, Topics};
use crate::lake::{LeaseError, UpkeepError};
use crate::tables::InsightId;
use crate::telemetry;

/// Fewer interactions with news than this are no reason for the first run.
const ENOUGH: usize = 20;
/// The first run waits no longer for the growth to end.
const FIRST_AT_THE_LATEST: Duration = Duration::from_secs(90);
/// Between a run and one that growth or a failure calls for.
const PAUSE: Duration = Duration::from_secs(600);
/// New topics are looked for no more often than this,
const LOOK_FOR_NEW: Duration = Duration::from_secs(300);
/// and when so many interactions have news.
const MANY: usize = 10;
/// Ended runs that are remembered.
const KEPT: usize = 16;
/// Runs that may wait.
const WAITING: usize = 4;

/// How topics are kept up.
#[derive(Clone, Copy, Debug)]
pub struct TopicPace {
    /// Between two rounds.
    pub look_every: Duration,
    /// Between two runs.
    pub run_every: Duration,
    /// What a run does.
    pub run: RunSettings,
}

/// How far a run over the lake has come.
#[derive(Clone, Debug)]
pub enum LakeRun {
    /// It waits or runs.
    Running,
    /// It is done.
    Done(Arc<RunDone>),
    /// It broke off; the log says why.
    Failed,
}

/// Topics of the lake as the doors reach them. Clones share everything.
#[derive(Clone)]
pub struct LakeTopics {
    /// What does the work.
    pub topics: Topics,
    /// How it is kept up.
    pub pace: TopicPace,
    runs: Arc<Mutex<Runs>>,
    wake: Arc<Notify>,
    handle: Handle,
}

#[derive(Default)]
struct Runs {
    states: BTreeMap<String, LakeRun>,
    ended: VecDeque<String>,
    open: usize,
}

impl LakeTopics {
    /// Work of `topics` at this pace, on `handle`.
    #[must_use]
    pub fn new(topics: Topics, pace: TopicPace, handle: Handle) -> Self {
        Self {
            topics,
            pace,
            runs: Arc::default(),
            wake: Arc::default(),
            handle,
        }
    }

    /// Begins a run under this id; false when too many wait.
    #[must_use]
    pub fn start(&self, id: String, settings: RunSettings) -> bool {
        {
            let mut runs = self.lock();
            if runs.open >= WAITING {
                return false;
            }
            runs.open += 1;
            runs.states.insert(id.clone(), LakeRun::Running);
        }
        let own = self.clone();
        self.handle.spawn(async move {
            let mut ending = Ending {
                of: &own,
                id,
                state: LakeRun::Failed,
            };
            match own.topics.run(settings).await {
                Ok(done) => ending.state = LakeRun::Done(Arc::new(done)),
                Err(error) => {
                    tracing::error!(
                        run = ending.id,
                        error = &error as &dyn std::error::Error,
                        "a topic run broke off"
                    );
                }
            }
        });
        true
    }

    /// How far a run has come; none when there is none, or no longer.
    #[must_use]
    pub fn state(&self, id: &str) -> Option<LakeRun> {
        self.lock().states.get(id).cloned()
    }

    /// Lets the next round begin at once: people have decided something.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rounds until `stop` is cancelled.
    pub async fn keep(self, stop: CancellationToken) {
        let mut round = Round::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.pace.look_every) => {}
            }
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = round.turn(&self) => done,
            };
            match done {
                Ok(()) => telemetry::maintenance_run("topics", "done"),
                Err(TopicsError::Upkeep(UpkeepError::Lease(LeaseError::Held { .. }))) => {}
                Err(error) => {
                    telemetry::maintenance_run("topics", "failed");
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "requests and topics wait for the next round"
                    );
                }
            }
        }
    }
}

/// Stores how a run ended, whatever happens.
struct Ending<'t> {
    of: &'t LakeTopics,
    id: String,
    state: LakeRun,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut runs = self.of.lock();
        runs.open = runs.open.saturating_sub(1);
        runs.states.insert(self.id.clone(), self.state.clone());
        runs.ended.push_back(self.id.clone());
        if runs.ended.len() > KEPT
            && let Some(oldest) = runs.ended.pop_front()
        {
            runs.states.remove(&oldest);
        }
    }
}

/// What is remembered between rounds.
#[derive(Default)]
struct Round {
    /// Version of `topics` that was looked at.
    seen: Option<u64>,
    /// Decisions that are in the tables.
    decided: Option<(usize, i64)>,
    /// Interactions with news since the last run of this process.
    news: usize,
    /// Since when there is something to cluster.
    since: Option<Instant>,
    /// When this process last clustered, or tried to.
    tried: Option<Instant>,
    /// When new topics were last looked for, and interactions with news since.
    looked: (Option<Instant>, usize),
    /// Whether what the newest run has not judged was looked for.
    complete: bool,
}

impl Round {
    async fn turn(&mut self, of: &LakeTopics) -> Result<(), TopicsError> {
        let work = &of.topics.requests;
        follow_topics(&work.lake, &work.slot, &mut self.seen).await?;
        let decided = of.topics.decided().await?;
        if self.decided != Some(decided) {
            of.topics.publish().await?;
            self.decided = Some(decided);
        }
        let read = work.round().await?;
        self.news += read;
        if work.slot.get().is_some() && !self.complete {
            of.topics.complete().await?;
            self.complete = true;
        }
        if self.is_due(of, read).await? {
            self.tried = Some(Instant::now());
            let done = of.topics.run(of.pace.run).await?;
            if done.run > 0 {
                tracing::info!(
                    run = done.run,
                    topics = done.topics.len(),
                    requests = done.requests,
                    "topics found"
                );
            }
            (self.news, self.since) = (0, None);
            self.looked = (Some(Instant::now()), 0);
        }
        self.looked.1 += read;
        let rested = self.looked.0.is_none_or(|at| at.elapsed() >= LOOK_FOR_NEW);
        if work.slot.get().is_some() && self.looked.1 >= MANY && rested {
            self.looked = (Some(Instant::now()), 0);
            of.topics.candidates().await?;
        }
        Ok(())
    }

    async fn is_due(&mut self, of: &LakeTopics, read: usize) -> Result<bool, TopicsError> {
        let is_past = |at: Option<Instant>, wait| at.is_none_or(|at: Instant| at.elapsed() >= wait);
        if self.news == 0 || !is_past(self.tried, PAUSE) {
            return Ok(false);
        }
        let work = &of.topics.requests;
        let Some(_) = work.slot.get() else {
            let since = *self.since.get_or_insert_with(Instant::now);
            let rests = read == 0 || since.elapsed() >= FIRST_AT_THE_LATEST;
            let there = work.lake.insight(InsightId::Requests).latest();
            return Ok(self.news >= ENOUGH && rests && there.version().is_some());
        };
        let (at, size) = of.topics.last_run().await?;
        let age = (work.clock)().0.saturating_sub(at.0);
        let every = i64::try_from(of.pace.run_every.as_micros()).unwrap_or(i64::MAX);
        Ok(age >= every || (read == 0 && self.news >= size))
    }
}

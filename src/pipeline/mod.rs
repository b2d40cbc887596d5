//! The run loop: windows of records in, rows and progress out, exactly once.
//!
//! One task takes windows from all sources, decodes, redacts and batches them,
//! and commits a batch after one second or 32 MB, whichever comes first, while
//! the next one is being filled. Each table's commit carries the progress of
//! every source partition, so that after any failure reading goes on at the
//! smallest progress of all tables and each table drops what it has.
//!
//! Invariants: a source is told `Committed` only for what every table has on
//! the disk; a refused record becomes one dead letter in the same commit logic;
//! after any failed flush nothing of memory is trusted (sets are loaded again).
//! Not here: which sources there are (`app`), files and logs (`lake`).

mod asked;
mod counts;
mod flush;
mod history;
mod identity;
mod intake;
mod mood;
mod open;
mod past;
mod reader;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

pub use counts::{Counts, SourceState};
use flush::{Flush, Flushed};
pub use history::{History, texts_of};
use intake::Intake;
pub use intake::TimeLimits;
use reader::{Command, News, Reader};
pub use rules::RuleBook;

use crate::disk::FaultPoint;
use crate::domain::{AppId, Checkpoint, Micros, Partition};
use crate::enrich::topic::TopicSlot;
use crate::enrich::{EventRedactor, SharedModels};
use crate::lake::{Lake, LakeError, resume_from};
use crate::sink::AlertHub;
use crate::source::{Source, SourceError, Start, Window};
use crate::telemetry::{self, Flow};

const QUEUED_WINDOWS: usize = 4;
const RETRY_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// How long the tables are asked for progress before the process gives up.
const ASK_AGAIN_FOR: Duration = Duration::from_secs(60);
/// How long the sources may take to say goodbye to their brokers.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// How the loop behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest that a row waits for its commit.
    pub max_latency: Duration,
    /// Size of a batch that is committed at once, bytes.
    pub max_batch_bytes: usize,
    /// How often a table without rows records progress.
    pub progress_interval: Duration,
    /// Which event times a stream may have.
    pub times: TimeLimits,
    /// The present.
    pub clock: fn() -> Micros,
    /// What judges turns.
    pub models: SharedModels,
}

/// What the loop shows of itself while it runs.
#[derive(Clone, Default)]
pub struct Monitor(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    counts: BTreeMap<String, Counts>,
    sources: BTreeMap<Partition, SourceState>,
    trouble: Option<String>,
}

impl Monitor {
    /// Counts of the source `name`.
    pub fn counts(&self, name: &str) -> Counts {
        self.lock().counts.get(name).cloned().unwrap_or_default()
    }

    /// All partitions.
    pub fn sources(&self) -> Vec<SourceState> {
        self.lock().sources.values().cloned().collect()
    }

    /// Why nothing is committed at the moment, if so.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the loop ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The lake can't be read when a source begins.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A source can't begin where the tables say.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No thread for a source.
    #[error("no thread for a source")]
    Thread(#[source] std::io::Error),
}

/// One partition of one source as the loop knows it.
struct Part {
    app: AppId,
    reader: usize,
    partition: Partition,
    epoch: u64,
    /// Next offset to take in.
    next: i64,
    /// Next offset by table, in the order of [`TableId::ALL`].
    by_table: Vec<i64>,
    /// What the source was told last.
    told: i64,
}

impl Part {
    fn durable(&self) -> i64 {
        self.by_table.iter().copied().min().unwrap_or(0)
    }
}

/// The loop; see the module.
pub struct Pipeline {
    lake: Arc<Lake>,
    settings: Settings,
    monitor: Monitor,
    intake: Intake,
    readers: Vec<Reader>,
    /// The numbers of each source, by reader.
    flows: Vec<Flow>,
    finished: Vec<bool>,
    news: mpsc::Receiver<(usize, News)>,
    parts: Vec<Part>,
    epochs: u64,
    oldest_row: Option<Instant>,
    progressed: Instant,
    flushing: Option<JoinHandle<Result<Flushed, LakeError>>>,
}

/// Smallest next offset over all tables, and that of each.
type Progress = (Option<i64>, BTreeMap<&'static str, Checkpoint>);
type FlushEnd = Result<Result<Flushed, LakeError>, JoinError>;

/// The end of the flush under way; never without one. Nothing is lost when it
/// is no longer waited for.
async fn ended(flushing: &mut Option<JoinHandle<Result<Flushed, LakeError>>>) -> FlushEnd {
    let Some(handle) = flushing else {
        return std::future::pending().await;
    };
    let end = handle.await;
    *flushing = None;
    end
}

impl Pipeline {
    /// Starts the threads of `sources`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        lake: Arc<Lake>,
        redactor: EventRedactor,
        sources: Vec<Box<dyn Source>>,
        settings: Settings,
        monitor: Monitor,
    ) -> Result<Self, PipelineError> {
        let (sender, news) = mpsc::channel(QUEUED_WINDOWS);
        let finished = vec![false; sources.len()];
        let flows = sources.iter().map(|source| Flow::source(source.name()));
        let flows = flows.collect();
        let readers = sources.into_iter().enumerate().map(|(index, source)| {
            Reader::start(index, source, sender.clone()).map_err(PipelineError::Thread)
        });
        Ok(Self {
            intake: Intake::new(
                Arc::clone(&lake),
                redactor,
                settings.times,
                settings.clock,
                settings.models.clone(),
            ),
            readers: readers.collect::<Result<_, _>>()?,
            flows,
            lake,
            settings,
            monitor,
            finished,
            news,
            parts: Vec::new(),
            epochs: 0,
            oldest_row: None,
            progressed: Instant::now(),
            flushing: None,
        })
    }

    /// Judges turns by the quality rules of `book` and tells alerts to `alerts`; without it there are no rules.
    #[must_use]
    pub fn judging(mut self, book: RuleBook, alerts: AlertHub) -> Self {
        self.intake.judge_by(book, alerts);
        self
    }

    /// Turns get the topics that `slot` has when they come.
    #[must_use]
    pub fn judged_by(mut self, slot: TopicSlot) -> Self {
        self.intake.topics_from(slot);
        self
    }

    /// Runs until `stop` is cancelled or every source has finished; then all
    /// that was taken in is committed in every table.
    ///
    /// # Errors
    /// When a source can't begin where the tables say, or the lake can't be
    /// read for it. Failing commits are tried again for ever.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), PipelineError> {
        let ended = self.work(stop).await;
        if ended.is_err() {
            // Others read on at once, without a time-out.
            self.let_go().await;
        }
        ended
    }

    async fn work(&mut self, stop: CancellationToken) -> Result<(), PipelineError> {
        while !stop.is_cancelled() && !self.all_finished() {
            let due = self.flush_due_in();
            tokio::select! {
                () = stop.cancelled() => {}
                news = self.news.recv() => {
                    let Some((reader, news)) = news else { break };
                    self.take(reader, news).await?;
                }
                ended = ended(&mut self.flushing) => self.settle(ended).await?,
                () = tokio::time::sleep(due) => self.flush(false).await?,
            }
            if self.intake.pending_bytes() >= self.settings.max_batch_bytes {
                self.flush(false).await?;
            }
        }
        self.finish().await
    }

    fn all_finished(&self) -> bool {
        !self.finished.is_empty() && self.finished.iter().all(|finished| *finished)
    }

    /// Commits everything in every table, then lets the sources go.
    async fn finish(&mut self) -> Result<(), PipelineError> {
        loop {
            self.flush(true).await?;
            self.join_flush().await?;
            let left = self.parts.iter().any(|part| part.durable() < part.next);
            if !left || self.intake.is_empty() && self.monitor.trouble().is_some() {
                break;
            }
        }
        self.let_go().await;
        for (index, finished) in self.finished.iter().enumerate() {
            if *finished {
                self.show_state(index, "finished");
            }
        }
        Ok(())
    }

    /// Ends the sources. One that leaves a consumer group needs a moment.
    async fn let_go(&mut self) {
        self.readers
            .iter()
            .for_each(|reader| reader.tell(Command::Stop));
        // A source that waits to send must not wait for us.
        self.news.close();
        let begun = Instant::now();
        while !self.readers.iter().all(Reader::has_ended) && begun.elapsed() < LEAVE_WITHIN {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn flush_due_in(&self) -> Duration {
        let latency = self
            .oldest_row
            .map(|since| self.settings.max_latency.saturating_sub(since.elapsed()));
        let progress = self
            .progress_after()
            .saturating_sub(self.progressed.elapsed());
        let due = latency.map_or(progress, |latency| latency.min(progress));
        due.max(Duration::from_millis(1))
    }

    /// When all tables record progress again: a little before the interval is
    /// over, so that it is on the disk when it is.
    fn progress_after(&self) -> Duration {
        self.settings.progress_interval.mul_f64(0.9)
    }

    async fn take(&mut self, reader: usize, news: News) -> Result<(), PipelineError> {
        match news {
            News::Assigned(partitions) => {
                self.intake.look_again();
                self.assign(reader, partitions).await
            }
            News::Revoked(partitions) => self.revoke(reader, &partitions).await,
            News::Window(window, epoch) => self.window(reader, &window, epoch).await,
            News::Lags(lags) => {
                self.show_lags(&lags);
                Ok(())
            }
            News::Finished => {
                if let Some(finished) = self.finished.get_mut(reader) {
                    *finished = true;
                }
                self.show_state(reader, "finished");
                Ok(())
            }
            News::Failed(error @ (SourceError::Seek { .. } | SourceError::Ended { .. })) => {
                Err(error.into())
            }
            News::Failed(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "source can't be read, trying again"
                );
                self.show_state(reader, "failed");
                Ok(())
            }
        }
    }

    /// Asks the tables where `partitions` stand and begins there.
    async fn assign(
        &mut self,
        reader: usize,
        partitions: Vec<Partition>,
    ) -> Result<(), PipelineError> {
        let mut starts = Vec::with_capacity(partitions.len());
        for partition in partitions {
            starts.push(self.start_of(reader, partition).await?);
        }
        if let Some(reader) = self.readers.get(reader) {
            reader.tell(Command::Seek(starts));
        }
        Ok(())
    }

    async fn start_of(
        &mut self,
        reader: usize,
        partition: Partition,
    ) -> Result<(Start, u64), PipelineError> {
        let app = AppId::of(&partition);
        self.parts.retain(|part| part.app != app);
        let (next, by_table) = self.progress_of(&app).await?;
        if next.is_some() {
            self.intake
                .remember(&partition, next.unwrap_or(i64::MAX))
                .await?;
        }
        let recorded = by_table
            .values()
            .filter_map(|checkpoint| checkpoint.next(&app))
            .min();
        let by_table = self.lake.tables().iter().map(|table| {
            by_table
                .get(table.name())
                .and_then(|checkpoint| checkpoint.next(&app))
                .unwrap_or(0)
        });
        let by_table = by_table.collect();
        self.epochs += 1;
        let epoch = self.epochs;
        let start = Start {
            partition: partition.clone(),
            next,
            recorded,
        };
        self.show_start(reader, &partition, start.offset());
        self.parts.push(Part {
            app,
            reader,
            partition,
            epoch,
            next: start.offset(),
            by_table,
            told: start.offset(),
        });
        Ok((start, epoch))
    }

    /// What the tables say of a partition. A store that fails for a while is
    /// asked again.
    async fn progress_of(&self, app: &AppId) -> Result<Progress, LakeError> {
        let begun = Instant::now();
        loop {
            match resume_from(self.lake.tables(), app).await {
                Ok(progress) => return Ok(progress),
                Err(error) if begun.elapsed() > ASK_AGAIN_FOR => return Err(error),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the tables' progress can't be read, trying again"
                    );
                    self.monitor.lock().trouble = Some(error.to_string());
                    tokio::time::sleep(RETRY_AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Commits what was read of the partitions, then forgets them.
    async fn revoke(
        &mut self,
        reader: usize,
        partitions: &[Partition],
    ) -> Result<(), PipelineError> {
        self.flush(true).await?;
        self.join_flush().await?;
        self.parts
            .retain(|part| part.reader != reader || !partitions.contains(&part.partition));
        let mut shown = self.monitor.lock();
        for partition in partitions {
            shown.sources.remove(partition);
            telemetry::source_lag(&partition.source, partition.number, 0);
        }
        drop(shown);
        if let Some(reader) = self.readers.get(reader) {
            reader.tell(Command::RevokeDone);
        }
        Ok(())
    }

    async fn window(
        &mut self,
        reader: usize,
        window: &Window,
        epoch: u64,
    ) -> Result<(), PipelineError> {
        let part = self
            .parts
            .iter_mut()
            .find(|part| part.reader == reader && part.partition == window.partition);
        if part.is_none_or(|part| part.epoch != epoch) {
            return Ok(());
        }
        if self.intake.has_old_rules() {
            self.renew_rules().await?;
        }
        // A flush that failed has assigned every partition anew.
        let part = self
            .parts
            .iter_mut()
            .find(|part| part.reader == reader && part.partition == window.partition);
        let Some(part) = part.filter(|part| part.epoch == epoch) else {
            return Ok(());
        };
        let Some(source) = self.readers.get(reader) else {
            return Ok(());
        };
        let by_table = part.by_table.clone();
        let taken = self.intake.take(source.is_stream, window, &by_table).await;
        let counts = match taken {
            Ok(counts) => counts,
            Err(error) => return self.reset(&error).await,
        };
        if let Some(flow) = self.flows.get(reader) {
            counts.report(flow, window.bytes);
        }
        part.next = window.next;
        self.oldest_row.get_or_insert_with(Instant::now);
        let name = Arc::clone(&source.name);
        self.show_window(&name, window, counts);
        Ok(())
    }

    /// Other rules are in force: what was taken in is committed, and what the rules remember is made again from
    /// the facts, as after a restart.
    async fn renew_rules(&mut self) -> Result<(), PipelineError> {
        self.flush(true).await?;
        self.join_flush().await?;
        self.intake.renew_rules();
        let parts = self.parts.iter().filter(|part| part.next > 0);
        let parts: Vec<_> = parts
            .map(|part| (part.partition.clone(), part.next))
            .collect();
        for (partition, next) in parts {
            if let Err(error) = self.intake.remember_for_rules(&partition, next).await {
                return self.reset(&error).await;
            }
        }
        Ok(())
    }

    /// Begins a flush of what is pending. `all`: every table records progress.
    async fn flush(&mut self, all: bool) -> Result<(), PipelineError> {
        self.join_flush().await?;
        let all = all || self.progressed.elapsed() >= self.progress_after();
        if all {
            self.progressed = Instant::now();
        }
        self.oldest_row = None;
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|part| (part.app.clone(), part.next, part.by_table.clone()))
            .collect();
        let flush = Flush::prepare(self.intake.pending_mut(), &parts, all);
        if flush.is_empty() {
            return Ok(());
        }
        let (lake, clock) = (Arc::clone(&self.lake), self.settings.clock);
        self.flushing = Some(tokio::spawn(async move { flush.run(&lake, clock).await }));
        Ok(())
    }

    /// Waits for the flush under way and tells the sources what is durable.
    async fn join_flush(&mut self) -> Result<(), PipelineError> {
        if self.flushing.is_none() {
            return Ok(());
        }
        let ended = ended(&mut self.flushing).await;
        self.settle(ended).await
    }

    async fn settle(&mut self, ended: FlushEnd) -> Result<(), PipelineError> {
        let flushed = match ended {
            Ok(Ok(flushed)) => flushed,
            Ok(Err(error)) => return self.reset(&error).await,
            Err(error) => {
                let what = format!("a flush broke off: {error}");
                let url = self.lake.storage().shown().to_owned();
                return self.reset(&LakeError::Unusable { url, what }).await;
            }
        };
        self.lake.faults().hit(FaultPoint::BeforeAcknowledge);
        self.acknowledge(&flushed);
        self.lake.faults().hit(FaultPoint::AfterAcknowledge);
        self.monitor.lock().trouble = None;
        Ok(())
    }

    fn acknowledge(&mut self, flushed: &Flushed) {
        for part in &mut self.parts {
            for (table, app, next) in flushed.iter() {
                if *app == part.app
                    && let Some(slot) = part.by_table.get_mut(*table as usize)
                {
                    *slot = (*slot).max(*next);
                }
            }
            let durable = part.durable();
            let Some(reader) = self.readers.get(part.reader) else {
                continue;
            };
            if let Some(state) = self.monitor.lock().sources.get_mut(&part.partition) {
                state.committed_offset = durable;
            }
            if durable > part.told {
                part.told = durable;
                reader.tell(Command::Committed {
                    partition: part.partition.clone(),
                    next: durable,
                });
            }
        }
    }

    /// After a failed flush: nothing in memory is trusted, every partition
    /// begins again at what the tables have.
    async fn reset(&mut self, error: &LakeError) -> Result<(), PipelineError> {
        tracing::error!(
            error = error as &dyn std::error::Error,
            "commit failed, reading again from the tables' progress"
        );
        self.monitor.lock().trouble = Some(error.to_string());
        self.intake.reset();
        self.oldest_row = None;
        tokio::time::sleep(RETRY_AFTER_FAILURE).await;
        let mut by_reader: BTreeMap<usize, Vec<Partition>> = BTreeMap::new();
        for part in &self.parts {
            let partitions = by_reader.entry(part.reader).or_default();
            partitions.push(part.partition.clone());
        }
        for (reader, partitions) in by_reader {
            if let Some(finished) = self.finished.get_mut(reader) {
                *finished = false;
            }
            self.assign(reader, partitions).await?;
        }
        Ok(())
    }

    fn show_start(&self, reader: usize, partition: &Partition, next: i64) {
        let Some(reader) = self.readers.get(reader) else {
            return;
        };
        let mut shown = self.monitor.lock();
        let counts = shown.counts.entry(reader.name.to_string()).or_default();
        if *counts == Counts::default() && !reader.is_stream {
            let before = u64::try_from(next).unwrap_or_default();
            counts.read = before;
            counts.repeated = before;
        }
        let newest_event_at = shown
            .sources
            .get(partition)
            .and_then(|state| state.newest_event_at);
        let state = SourceState {
            name: partition.source.to_string(),
            partition: partition.number,
            next_offset: next,
            committed_offset: next,
            lag: None,
            newest_event_at,
            heard_at: None,
            state: "reading",
        };
        shown.sources.insert(partition.clone(), state);
    }

    fn show_window(&self, name: &str, window: &Window, taken: intake::Taken) {
        let now = (self.settings.clock)();
        let mut shown = self.monitor.lock();
        let counts = shown.counts.entry(name.to_owned()).or_default();
        taken.add_to(counts);
        if let Some(state) = shown.sources.get_mut(&window.partition) {
            state.next_offset = window.next;
            state.lag = window.lag;
            state.newest_event_at = state.newest_event_at.max(taken.newest_event_at);
            state.heard_at = Some(now);
            state.state = "reading";
        }
    }

    fn show_lags(&self, lags: &[(Partition, u64)]) {
        let mut shown = self.monitor.lock();
        for (partition, lag) in lags {
            if let Some(state) = shown.sources.get_mut(partition) {
                state.lag = Some(*lag);
                state.state = "reading";
            }
        }
    }

    fn show_state(&self, reader: usize, state: &'static str) {
        let mut shown = self.monitor.lock();
        for part in self.parts.iter().filter(|part| part.reader == reader) {
            if let Some(shown) = shown.sources.get_mut(&part.partition) {
                shown.state = state;
            }
        }
    }
}

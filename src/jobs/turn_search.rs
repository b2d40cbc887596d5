//! The index of turns kept up with the table `turns`.
//!
//! The commits since the version that the index has reached say which interactions have news; their clean turns take
//! the place of those that the index has. Invariants: a turn that was recalled is gone with the round that sees its
//! recall, and a search waits for that round as long as [`WAIT`]; a deleted or foreign index is built anew from the
//! table; done again it changes nothing. Not here: what matches (`search`), who may ask (`api`).

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::domain::Day;
use crate::lake::{Lake, LakeError, appended_after, appended_ids, file_list};
use crate::query::{Engine, QueryError, SpokenTurn};
use crate::search::turns::{IndexedTurn, KEPT_DAYS, TurnHit, TurnIndex, TurnIndexError, TurnQuery};
use crate::tables::TableId;
use crate::telemetry;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(5);
/// A search waits so long for turns that are not in the index.
const WAIT: Duration = Duration::from_secs(2);
/// Interactions read at a time.
const AT_ONCE: usize = 20_000;
/// Commits that are looked at in one go.
const COMMITS: u64 = 500;
/// Turns of an interaction so long before its news are read again.
const LOOK_BACK_DAYS: i32 = 7;

/// Why the index could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum TurnSearchError {
    /// The table.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Its rows.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The index.
    #[error(transparent)]
    Index(#[from] TurnIndexError),
}

/// Search in turns. Clones share the index.
#[derive(Clone)]
pub struct TurnSearch(Arc<Inner>);

struct Inner {
    index: TurnIndex,
    lake: Arc<Lake>,
    engine: Engine,
    work: Handle,
    busy: tokio::sync::Mutex<()>,
}

/// Interactions in which something was said.
#[derive(Default)]
struct News {
    ids: BTreeSet<String>,
    from: Option<Day>,
}

impl News {
    fn add(&mut self, day: Day, id: &str) {
        self.from = Some(self.from.map_or(day, |from| from.min(day)));
        if !self.ids.contains(id) {
            self.ids.insert(id.to_owned());
        }
    }
}

impl TurnSearch {
    /// Over the index in `folder`; its work is done on `work`.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn open(
        folder: &Path,
        lake: Arc<Lake>,
        engine: Engine,
        work: Handle,
    ) -> Result<Self, TurnIndexError> {
        Ok(Self(Arc::new(Inner {
            index: TurnIndex::open(folder)?,
            lake,
            engine,
            work,
            busy: tokio::sync::Mutex::default(),
        })))
    }

    /// The hits from `skip` on, newest first, and whether every turn of the table was looked at.
    ///
    /// # Errors
    /// When the index can't be read.
    pub async fn search(
        &self,
        query: &TurnQuery<'_>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<TurnHit>, bool), TurnIndexError> {
        if !self.is_complete()? {
            let own = self.clone();
            let round = self.0.work.spawn(async move { own.round().await });
            // Its failure is told by the rounds in the background.
            let _ = tokio::time::timeout(WAIT, round).await;
        }
        let hits = self.0.index.search(query, skip, limit)?;
        Ok((hits, self.is_complete()?))
    }

    fn is_complete(&self) -> Result<bool, TurnIndexError> {
        Ok(self.0.index.next()? == Some(self.newest() + 1))
    }

    fn newest(&self) -> i64 {
        let version = self.0.lake.table(TableId::Turns).latest().version();
        version.map_or(-1, |version| i64::try_from(version).unwrap_or(i64::MAX))
    }

    /// Rounds until `stop` is cancelled.
    pub async fn keep(self, stop: CancellationToken) {
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = self.round() => done,
            };
            match done {
                Ok(_) => telemetry::maintenance_run("turn_search", "done"),
                Err(error) => {
                    telemetry::maintenance_run("turn_search", "failed");
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the index of turns waits for the next round"
                    );
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Brings the index up to date; how many interactions were read.
    ///
    /// # Errors
    /// When the table can't be read or the index can't be written; what was committed stays.
    pub async fn round(&self) -> Result<usize, TurnSearchError> {
        let inner = &self.0;
        let _busy = inner.busy.lock().await;
        let newest = self.newest();
        let mut next = match inner.index.next()? {
            Some(next) if next <= newest + 1 => next,
            _ => return self.everything(newest).await,
        };
        let mut read = 0;
        let table = inner.lake.table(TableId::Turns);
        while next <= newest {
            let commits = appended_after(table, next - 1, COMMITS).await?;
            let expected = usize::try_from((newest - next + 1).min(COMMITS as i64)).unwrap_or(0);
            let (mut news, mut is_whole) = (News::default(), commits.len() >= expected);
            for commit in commits.iter().filter(|commit| !commit.replaces()) {
                is_whole &= appended_ids(table, commit, |day, id| news.add(day, id)).await?;
            }
            if !is_whole {
                return Ok(read + self.everything(newest).await?);
            }
            next = commits.last().map_or(newest, |commit| commit.version) + 1;
            read += news.ids.len();
            self.take_in(&news, true).await?;
            inner.index.commit(next, self.oldest()?)?;
        }
        Ok(read)
    }

    /// Builds the index anew.
    async fn everything(&self, newest: i64) -> Result<usize, TurnSearchError> {
        let inner = &self.0;
        inner.index.clear()?;
        let oldest = self.oldest()?;
        let table = inner.lake.table(TableId::Turns);
        let snapshot = table.latest();
        let mut files = file_list(table.name(), &snapshot)?;
        files.retain(|(day, _)| *day >= oldest);
        files.sort_by(|a, b| (a.0, a.1.path()).cmp(&(b.0, b.1.path())));
        let mut seen: HashSet<u64> = HashSet::new();
        let mut news = News::default();
        for (day, file) in files {
            let each = |id: &str| {
                if seen.insert(twox_hash::XxHash3_64::oneshot(id.as_bytes())) {
                    news.add(day, id);
                }
            };
            file.interaction_ids(table.name(), &snapshot, each).await?;
            if news.ids.len() >= AT_ONCE {
                self.take_in(&std::mem::take(&mut news), false).await?;
            }
        }
        self.take_in(&news, false).await?;
        inner.index.commit(newest + 1, oldest)?;
        Ok(seen.len())
    }

    /// Puts in what the interactions say, in the place of what they said when they may be known.
    async fn take_in(&self, news: &News, may_be_known: bool) -> Result<(), TurnSearchError> {
        let Some(from) = news.from else {
            return Ok(());
        };
        let from = Day(from.0.saturating_sub(LOOK_BACK_DAYS));
        if may_be_known {
            let ids = news.ids.iter().map(String::as_str);
            self.0.index.replace(ids, from, &[])?;
        }
        let spoken = self.0.engine.spoken(&news.ids, from).await?;
        let mut turns = spoken.turns().await?;
        while let Some(said) = turns.next().await? {
            let said: Vec<IndexedTurn> = said.into_iter().map(indexed).collect();
            self.0.index.replace([], from, &said)?;
        }
        Ok(())
    }

    /// The first day whose turns are kept.
    fn oldest(&self) -> Result<Day, LakeError> {
        let table = self.0.lake.table(TableId::Turns);
        let files = file_list(table.name(), &table.latest())?;
        let newest = files.iter().map(|(day, _)| day.0).max();
        Ok(Day(newest.map_or(0, |newest| newest - KEPT_DAYS)))
    }
}

fn indexed(turn: SpokenTurn) -> IndexedTurn {
    IndexedTurn {
        interaction_id: turn.interaction_id,
        turn_id: turn.turn_id,
        speaker: turn.speaker,
        channel: turn.channel,
        at: turn.at,
        text: turn.text,
    }
}

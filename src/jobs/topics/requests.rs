//! Requests found in the turns of the lake, of open interactions as of closed ones.
//!
//! The commits of `turns` since the last round say which interactions have news; all turns of these are read again
//! and their requests take the place of those that were there. Without a last round, or when the log no longer has
//! it, every interaction is read. Invariants: done again it changes nothing; how far the log was read is part of the
//! commit of the rows; a request that says the same keeps the topic that it was given first. An interaction is read
//! from [`LOOK_BACK_DAYS`] before its news on: requests of a thread that are older stay as they are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{LEASE, LEASE_S, TopicsError, broken};
use crate::domain::{AppId, Day, Micros};
use crate::enrich::language;
use crate::enrich::request::{Side, requests};
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::{CurrentTopics, TopicSlot};
use crate::lake::{
    Lake, LakeTable, Lease, Progress, Rewrite, appended_after, appended_ids, file_list,
};
use crate::query::{Engine, SpokenIn, SpokenTurn};
use crate::tables::{GivenTopic, InsightId, RequestRow, TableId};

/// Turns so long before the news of an interaction are read with it.
const LOOK_BACK_DAYS: i32 = 7;
/// Interactions read at a time.
const AT_ONCE: usize = 20_000;
/// Commits of `turns` that are looked at in one go.
const COMMITS: u64 = 500;
/// So many files of one day are made one.
const FILES_OF_A_DAY: usize = 16;

/// What finds requests.
#[derive(Clone)]
pub struct Requests {
    /// The tables.
    pub lake: Arc<Lake>,
    /// An engine without the callers' limits.
    pub engine: Engine,
    /// The topics that requests are given to.
    pub slot: TopicSlot,
    /// Who we are to other processes.
    pub holder: String,
    /// The present.
    pub clock: fn() -> Micros,
    /// Held while this process works on requests or topics.
    pub busy: Arc<tokio::sync::Mutex<()>>,
}

fn app() -> AppId {
    AppId::new("tingchao-requests", 0)
}

impl Requests {
    /// Takes in what has been said since the last round; how many interactions were read.
    ///
    /// # Errors
    /// When another process does it, or the lake can't be read or written. What was committed stays.
    pub async fn round(&self) -> Result<usize, TopicsError> {
        let _busy = self.busy.lock().await;
        self.lake.table(TableId::Turns).refresh().await?;
        let newest = self.newest();
        let next = self.table().progress(&app()).await?;
        if next == Some(newest + 1) {
            return Ok(0);
        }
        let now = (self.clock)();
        let lease = Lease::take(self.lake.storage(), LEASE, &self.holder, now, LEASE_S).await?;
        let read = lease.during(self.clock, self.work(&lease)).await;
        lease.release((self.clock)()).await;
        read
    }

    pub(super) fn table(&self) -> &Arc<LakeTable> {
        self.lake.insight(InsightId::Requests)
    }

    fn newest(&self) -> i64 {
        let version = self.lake.table(TableId::Turns).latest().version();
        version.map_or(-1, |version| i64::try_from(version).unwrap_or(i64::MAX))
    }

    /// Under a lease that is held.
    pub(super) async fn work(&self, lease: &Lease) -> Result<usize, TopicsError> {
        let newest = self.newest();
        let mut read = 0;
        let mut next = match self.table().progress(&app()).await? {
            // Beyond the log there is nothing that it could have read.
            Some(next) if next <= newest + 1 => next,
            _ => {
                read += self.everything(newest, lease).await?;
                newest + 1
            }
        };
        while next <= newest {
            let first = next;
            let commits =
                appended_after(self.lake.table(TableId::Turns), next - 1, COMMITS).await?;
            let expected = usize::try_from((newest - first + 1).min(COMMITS as i64)).unwrap_or(0);
            let (mut news, mut is_whole) = (News::default(), commits.len() >= expected);
            for commit in commits.iter().filter(|commit| !commit.replaces()) {
                is_whole &= appended_ids(self.lake.table(TableId::Turns), commit, |day, id| {
                    news.add(day, id);
                })
                .await?;
            }
            if !is_whole {
                return Ok(read + self.everything(newest, lease).await?);
            }
            next = commits.last().map_or(newest, |commit| commit.version) + 1;
            read += news.ids.len();
            self.take_in(news, Some((first, next)), lease).await?;
        }
        Ok(read)
    }

    /// Reads every interaction there is, some at a time.
    async fn everything(&self, newest: i64, lease: &Lease) -> Result<usize, TopicsError> {
        let turns = self.lake.table(TableId::Turns);
        let snapshot = turns.latest();
        let mut files = file_list(turns.name(), &snapshot)?;
        files.sort_by(|a, b| (a.0, a.1.path()).cmp(&(b.0, b.1.path())));
        let mut seen: HashSet<u64> = HashSet::new();
        let mut news = News::default();
        for (day, file) in files {
            let each = |id: &str| {
                if seen.insert(twox_hash::XxHash3_64::oneshot(id.as_bytes())) {
                    news.add(day, id);
                }
            };
            file.interaction_ids(turns.name(), &snapshot, each).await?;
            if news.ids.len() >= AT_ONCE {
                self.take_in(std::mem::take(&mut news), None, lease).await?;
            }
        }
        let first = self.table().progress(&app()).await?.unwrap_or(0);
        self.take_in(news, Some((first, newest + 1)), lease).await?;
        Ok(seen.len())
    }

    #[cfg(test)]
    pub(super) async fn everything_for_test(&self, lease: &Lease) -> usize {
        self.everything(self.newest(), lease).await.unwrap()
    }

    /// Replaces the requests of the interactions in `news`.
    async fn take_in(
        &self,
        news: News,
        moved: Option<(i64, i64)>,
        lease: &Lease,
    ) -> Result<(), TopicsError> {
        let from = Day(news.from.0.saturating_sub(LOOK_BACK_DAYS));
        let found = if news.ids.is_empty() {
            Vec::new()
        } else {
            self.find(&news.ids, from).await?
        };
        let mut rewrite = Rewrite::begin(self.table()).await?;
        let found = replace(&mut rewrite, &news.ids, from, found).await?;
        let found = self.judged(found).await?;
        put(&mut rewrite, found)?;
        let progress = moved.map(|(first, next)| Progress {
            app: app(),
            first,
            next,
        });
        rewrite
            .commit(progress.as_slice(), lease, self.clock)
            .await?;
        Ok(())
    }

    /// The rows with the topics that hold now.
    async fn judged(&self, days: ByDay) -> Result<ByDay, TopicsError> {
        let Some(current) = self.slot.get() else {
            return Ok(days);
        };
        let judged = tokio::task::spawn_blocking(move || judge_all(&current, days));
        judged
            .await
            .map_err(|error| broken("giving topics to requests", &error))
    }

    /// The requests of these interactions, from `from` on.
    async fn find(
        &self,
        ids: &BTreeSet<String>,
        from: Day,
    ) -> Result<Vec<RequestRow>, TopicsError> {
        let spoken = self.engine.spoken(ids, from).await?;
        let about = Arc::new(spoken.interactions().await?);
        let mut turns = spoken.turns().await?;
        let (mut found, mut open) = (Vec::new(), Vec::new());
        let now = (self.clock)();
        loop {
            let next = turns.next().await?;
            let is_end = next.is_none();
            open.extend(next.unwrap_or_default());
            // The last interaction may go on in the next rows.
            let rest = match (is_end, open.last()) {
                (false, Some(SpokenTurn { interaction_id, .. })) => {
                    let last = interaction_id.clone();
                    let begins = open.partition_point(|turn| turn.interaction_id < last);
                    open.split_off(begins)
                }
                _ => Vec::new(),
            };
            let whole = std::mem::replace(&mut open, rest);
            let about = Arc::clone(&about);
            // Words are cut off the threads that answer and commit.
            let read = tokio::task::spawn_blocking(move || of_turns(&whole, &about, now)).await;
            found.extend(read.map_err(|error| broken("looking for requests", &error))?);
            if is_end {
                return Ok(found);
            }
        }
    }
}

/// Interactions in which something was said.
struct News {
    ids: BTreeSet<String>,
    from: Day,
}

impl Default for News {
    fn default() -> Self {
        Self {
            ids: BTreeSet::new(),
            from: Day(i32::MAX),
        }
    }
}

impl News {
    fn add(&mut self, day: Day, id: &str) {
        self.from = self.from.min(day);
        if !self.ids.contains(id) {
            self.ids.insert(id.to_owned());
        }
    }
}

/// The requests in turns that stand by interaction and in order.
fn of_turns(
    turns: &[SpokenTurn],
    about: &HashMap<String, SpokenIn>,
    now: Micros,
) -> Vec<RequestRow> {
    let segmenter = Segmenter::shared();
    let mut rows = Vec::new();
    for turns in turns.chunk_by(|a, b| a.interaction_id == b.interaction_id) {
        let said: Vec<(Side, &str)> = turns
            .iter()
            .map(|turn| (side(&turn.speaker), turn.text.as_str()))
            .collect();
        let whole = turns
            .first()
            .and_then(|turn| about.get(&turn.interaction_id));
        for (place, request) in requests(segmenter, &said).into_iter().enumerate() {
            let own: Vec<&SpokenTurn> = request
                .turns
                .iter()
                .filter_map(|place| turns.get(*place))
                .collect();
            let number = i32::try_from(place + 1).unwrap_or(i32::MAX);
            rows.extend(row(&own, request.text, number, whole, now));
        }
    }
    rows
}

fn side(speaker: &str) -> Side {
    match speaker {
        "customer" => Side::Customer,
        "system" => Side::System,
        _ => Side::Other,
    }
}

fn row(
    turns: &[&SpokenTurn],
    text: String,
    number: i32,
    whole: Option<&SpokenIn>,
    now: Micros,
) -> Option<RequestRow> {
    let (first, last) = (turns.first()?, turns.last()?);
    let named = first.language.clone().filter(|tag| !tag.is_empty());
    let channel = whole.and_then(|whole| whole.channel.clone());
    Some(RequestRow {
        request_id: request_id(&first.interaction_id, &first.turn_id),
        interaction_id: first.interaction_id.clone(),
        number,
        at: first.at,
        ended_at: Some(last.ended_at.unwrap_or(last.at)),
        channel: channel.or_else(|| first.channel.clone()),
        queue: whole.and_then(|whole| whole.queue.clone()),
        customer_id: whole.and_then(|whole| whole.customer_id.clone()),
        language: language::detect(&text).map(str::to_owned).or(named),
        text,
        turn_ids: turns.iter().map(|turn| turn.turn_id.clone()).collect(),
        reported: None,
        restated: None,
        extracted_at: now,
    })
}

/// The same for the same first turn, whatever else is said later.
fn request_id(interaction: &str, turn: &str) -> String {
    let mut whole = Vec::with_capacity(interaction.len() + turn.len() + 1);
    whole.extend_from_slice(interaction.as_bytes());
    whole.push(0);
    whole.extend_from_slice(turn.as_bytes());
    format!("r-{:032x}", twox_hash::XxHash3_128::oneshot(&whole))
}

/// Takes away what the table has of `ids` from `from` on where `found` says something else; the rows to put there.
async fn replace(
    rewrite: &mut Rewrite,
    ids: &BTreeSet<String>,
    from: Day,
    found: Vec<RequestRow>,
) -> Result<ByDay, TopicsError> {
    // A transcript may begin before its event says; older requests of a thread stay.
    let first = found.iter().map(|row| row.at.day()).min();
    let first = first.map_or(from, |first| from.min(first));
    let said_again: HashSet<String> = found.iter().map(|row| row.request_id.clone()).collect();
    let is_old = |row: &RequestRow| {
        let read_again = row.at.day() >= from || said_again.contains(&row.request_id);
        read_again && ids.contains(&row.interaction_id)
    };
    let mut files = rewrite.days();
    files.retain(|day, _| *day >= first);
    let (mut before, mut kept) = (HashMap::new(), ByDay::new());
    for (day, count) in &files {
        if *count >= FILES_OF_A_DAY || is_touched(rewrite, *day, ids).await? {
            let mut rows = Vec::new();
            let each = |batch: &_| rows.extend(RequestRow::read(batch));
            rewrite.read(*day, &[], each).await?;
            let (own, others): (Vec<RequestRow>, _) = rows.into_iter().partition(is_old);
            kept.insert(*day, others);
            before.extend(own.into_iter().map(|row| (row.request_id.clone(), row)));
        }
    }
    let (mut new, mut gone) = (ByDay::new(), BTreeMap::<Day, usize>::new());
    for mut row in found {
        if let Some(known) = before.get(&row.request_id) {
            row.goes_on_from(known);
        }
        new.entry(row.at.day()).or_default().push(row);
    }
    for row in before.values() {
        *gone.entry(row.at.day()).or_default() += 1;
    }
    let mut changed = ByDay::new();
    let days: BTreeSet<Day> = kept.keys().chain(new.keys()).copied().collect();
    for day in days {
        let mut rows = new.remove(&day).unwrap_or_default();
        let was = gone.get(&day).copied().unwrap_or_default();
        let many = files
            .get(&day)
            .is_some_and(|files| *files >= FILES_OF_A_DAY);
        let stays = |row: &RequestRow| before.get(&row.request_id) == Some(row);
        if !many && was == rows.len() && rows.iter().all(stays) {
            continue;
        }
        if let Some(others) = kept.remove(&day) {
            rewrite.take_away(day);
            rows.extend(others);
        }
        changed.insert(day, rows);
    }
    Ok(changed)
}

pub(super) type ByDay = BTreeMap<Day, Vec<RequestRow>>;

/// Whether a day has requests of these interactions.
async fn is_touched(
    rewrite: &Rewrite,
    day: Day,
    ids: &BTreeSet<String>,
) -> Result<bool, TopicsError> {
    let mut found = false;
    let each = |rows: &_| found |= RequestRow::interactions(rows).any(|id| ids.contains(id));
    rewrite.read(day, &["interaction_id"], each).await?;
    Ok(found)
}

/// Adds rows to their days, in order.
pub(super) fn put(rewrite: &mut Rewrite, days: ByDay) -> Result<(), TopicsError> {
    for (day, mut rows) in days {
        rows.sort_by(|a, b| (a.at, &a.request_id).cmp(&(b.at, &b.request_id)));
        if !rows.is_empty() {
            let batch = RequestRow::batch(&rows);
            let batch = batch.map_err(|error| broken("writing requests", &error))?;
            rewrite.put(day, batch);
        }
    }
    Ok(())
}

/// Gives topics to rows that the newest run has not judged.
pub(super) fn judge_all(current: &CurrentTopics, mut days: ByDay) -> ByDay {
    days.values_mut().for_each(|rows| judge(current, rows));
    days
}

/// Gives topics to rows that no run has judged.
fn judge(current: &CurrentTopics, rows: &mut [RequestRow]) {
    let segmenter = Segmenter::shared();
    for row in rows.iter_mut().filter(|row| row.restated.is_none()) {
        let judged = current.judge(segmenter, &row.text);
        let given = |topic_id| GivenTopic {
            run: judged.run,
            topic_id,
            confidence: judged.confidence,
        };
        row.restated = Some(given(judged.found.clone()));
        if row.reported.is_none() {
            row.reported = Some(given(judged.shown.clone()));
        }
    }
}

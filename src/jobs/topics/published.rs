//! What people decided put into the tables, and the topics that hold now brought to whoever needs them.
//!
//! Invariants: the rows of the newest run say what the store says, at the latest with the next round; a person's merge
//! and its end have a lineage row each, once. Not here: the decisions themselves (`store`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::run::Topics;
use super::{CANDIDATE, LEASE, LEASE_S, TopicsError, broken};
use crate::domain::{Day, Micros};
use crate::enrich::topic::{CurrentTopics, TopicModel, TopicSlot, root};
use crate::lake::{Lake, Lease, Rewrite};
use crate::store::Store;
use crate::store::topic::{TopicDecision, TopicMerge, held};
use crate::tables::{InsightId, LineageRow, TopicRow};

/// Where the model of a run lies.
pub(super) fn model_object(run: i32) -> String {
    format!("_tingchao/topic-models/run-{run:06}.bin")
}

/// What people decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Publication {
    pub(super) pinned: BTreeSet<String>,
    names: BTreeMap<String, String>,
    pub(super) merged: BTreeMap<String, String>,
    merges: Vec<TopicMerge>,
}

impl Publication {
    pub(super) async fn of(store: &Store) -> Result<Self, TopicsError> {
        let decisions: Vec<TopicDecision> = store.topic_decisions().await?;
        let merges = store.topic_merges().await?;
        let named = decisions.iter();
        Ok(Self {
            names: named
                .filter_map(|one| Some((one.topic_id.clone(), one.name.clone()?)))
                .collect(),
            pinned: decisions
                .into_iter()
                .filter(|one| one.pinned)
                .map(|one| one.topic_id)
                .collect(),
            merged: held(&merges),
            merges,
        })
    }

    /// Writes the decisions about its topic into a row.
    pub(super) fn decide(&self, row: &mut TopicRow) {
        if row.status == CANDIDATE {
            return;
        }
        let id = row.topic_id.clone();
        row.name = self.names.get(&id).cloned().unwrap_or(row.label.clone());
        row.pinned = self.pinned.contains(&id);
        let whole = root(&self.merged, &id);
        let is_part = whole != id;
        row.status = if is_part { "merged" } else { "active" }.to_owned();
        row.merged_into = is_part.then(|| whole.to_owned());
    }

    /// The state that texts are judged by.
    pub(super) fn current(&self, run: i32, model: TopicModel, rows: &[TopicRow]) -> CurrentTopics {
        CurrentTopics {
            run,
            model,
            names: names(rows),
            merged: self.merged.clone(),
        }
    }

    /// The lineage rows of merges.
    fn lineage(&self, run: i32) -> Vec<LineageRow> {
        let row = |change: &str, from: &str, to: &str, at| LineageRow {
            run,
            change: change.to_owned(),
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            shared: 0,
            jaccard: 0.0,
            by: "person".to_owned(),
            at: Micros(at),
        };
        let mut rows = Vec::new();
        for merge in &self.merges {
            rows.push(row("merged", &merge.from, &merge.into, merge.at_us));
            let undone = merge.undone_at_us;
            rows.extend(undone.map(|at| row("unmerged", &merge.into, &merge.from, at)));
        }
        rows
    }
}

fn names(rows: &[TopicRow]) -> BTreeMap<String, String> {
    rows.iter()
        .map(|row| (row.topic_id.clone(), row.name.clone()))
        .collect()
}

/// Brings the topics that hold to `slot`, as the tables say it, when they are of another run or changed by people;
/// whether they were.
///
/// # Errors
/// When the lake can't be read.
pub async fn load_topics(lake: &Lake, slot: &TopicSlot) -> Result<bool, TopicsError> {
    let mut rows = read_topics(lake).await?;
    let Some(run) = rows.iter().map(|row| row.run).max() else {
        return Ok(false);
    };
    rows.retain(|row| row.run == run && row.status != CANDIDATE);
    let merged: BTreeMap<String, String> = rows
        .iter()
        .filter_map(|row| Some((row.topic_id.clone(), row.merged_into.clone()?)))
        .collect();
    let held = slot.get().filter(|held| held.run == run);
    let names = names(&rows);
    let model = match held {
        Some(held) if held.merged == merged && held.names == names => return Ok(false),
        Some(held) => held.model.clone(),
        None => {
            let bytes = lake.storage().get(&model_object(run)).await?;
            let model = bytes.and_then(|bytes| TopicModel::from_bytes(&bytes));
            // A run whose model is gone is followed by another one.
            let Some(model) = model else {
                tracing::warn!(
                    run,
                    "the model of the topics can't be read; run `tingchao job topics`"
                );
                return Ok(false);
            };
            model
        }
    };
    slot.set(CurrentTopics {
        run,
        model,
        names,
        merged,
    });
    Ok(true)
}

/// All rows of `topics`.
pub(super) async fn read_topics(lake: &Lake) -> Result<Vec<TopicRow>, TopicsError> {
    let rewrite = Rewrite::begin(lake.insight(InsightId::Topics)).await?;
    let mut rows = Vec::new();
    for day in rewrite.days().into_keys() {
        let each = |batch: &_| rows.extend(TopicRow::read(batch));
        rewrite.read(day, &[], each).await?;
    }
    rows.sort_by(|a: &TopicRow, b| {
        (a.run, -a.size, &a.topic_id).cmp(&(b.run, -b.size, &b.topic_id))
    });
    Ok(rows)
}

impl Topics {
    pub(super) async fn topic_rows(&self) -> Result<Vec<TopicRow>, TopicsError> {
        read_topics(&self.requests.lake).await
    }

    /// Brings the topics that hold to those who give topics to texts.
    pub(super) async fn load(&self) -> Result<bool, TopicsError> {
        load_topics(&self.requests.lake, &self.requests.slot).await
    }

    /// How many decisions there are, and when the last one was made.
    pub(super) async fn decided(&self) -> Result<(usize, i64), TopicsError> {
        let decisions = self.store.topic_decisions().await?;
        let merges = self.store.topic_merges().await?;
        let times = decisions.iter().map(|one| one.updated_at_us);
        let merged = merges
            .iter()
            .map(|one| one.undone_at_us.unwrap_or(one.at_us));
        let count = decisions.len() + merges.len();
        Ok((count, times.chain(merged).max().unwrap_or(0)))
    }

    /// When the newest run was, and how many requests it had.
    pub(super) async fn last_run(&self) -> Result<(Micros, usize), TopicsError> {
        let rows = self.topic_rows().await?;
        let run = rows.iter().map(|row| row.run).max();
        let of_run = || {
            let topics = rows.iter().filter(|row| row.status != CANDIDATE);
            topics.filter(|row| Some(row.run) == run)
        };
        let at = of_run().map(|row| row.at).max();
        let size: i64 = of_run().map(|row| row.size).sum();
        Ok((at.unwrap_or(Micros(0)), usize::try_from(size).unwrap_or(0)))
    }

    /// Judges what a run that broke off has left.
    pub(super) async fn complete(&self) -> Result<usize, TopicsError> {
        let work = &self.requests;
        let _busy = work.busy.lock().await;
        let now = (work.clock)();
        let lease = Lease::take(work.lake.storage(), LEASE, &work.holder, now, LEASE_S).await?;
        let known = std::collections::HashMap::new();
        let done = lease.during(work.clock, self.restate(&known, &lease)).await;
        lease.release((work.clock)()).await;
        done
    }

    /// Replaces the rows of one run by `rows`.
    pub(super) async fn write_topics(
        &self,
        rows: Vec<TopicRow>,
        lease: &Lease,
    ) -> Result<(), TopicsError> {
        let work = &self.requests;
        let Some(run) = rows.first().map(|row| row.run) else {
            return Ok(());
        };
        let mut rewrite = Rewrite::begin(work.lake.insight(InsightId::Topics)).await?;
        let mut days: BTreeMap<Day, Vec<TopicRow>> = BTreeMap::new();
        for day in rewrite.days().into_keys() {
            let mut of_day = Vec::new();
            let each = |batch: &_| of_day.extend(TopicRow::read(batch));
            rewrite.read(day, &[], each).await?;
            if of_day.iter().any(|row| row.run == run) {
                rewrite.take_away(day);
                of_day.retain(|row| row.run != run);
                days.insert(day, of_day);
            }
        }
        for row in rows {
            days.entry(row.at.day()).or_default().push(row);
        }
        for (day, rows) in days.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            let batch = TopicRow::batch(&rows);
            let batch = batch.map_err(|error| broken("writing topics", &error))?;
            rewrite.put(day, batch);
        }
        rewrite.commit(&[], lease, work.clock).await?;
        Ok(())
    }

    /// Puts what people decided since into the tables and before those who judge; whether anything had changed.
    ///
    /// # Errors
    /// When another process works on topics, or the lake or the store fails.
    pub async fn publish(&self) -> Result<bool, TopicsError> {
        let work = &self.requests;
        let _busy = work.busy.lock().await;
        let publication = Publication::of(&self.store).await?;
        let mut rows = self.topic_rows().await?;
        let Some(run) = rows.iter().map(|row| row.run).max() else {
            return Ok(false);
        };
        rows.retain(|row| row.run == run);
        let mut decided = rows.clone();
        decided.iter_mut().for_each(|row| publication.decide(row));
        let told = self.told().await?;
        let mut lineage = publication.lineage(run);
        lineage.retain(|row| !told.iter().any(|told| same_event(told, row)));
        if decided != rows || !lineage.is_empty() {
            let now = (work.clock)();
            let lease = Lease::take(work.lake.storage(), LEASE, &work.holder, now, LEASE_S).await?;
            let written = async {
                if decided != rows {
                    self.write_topics(decided, &lease).await?;
                }
                self.add_lineage(&lineage, &lease).await
            };
            let written = lease.during(work.clock, written).await;
            lease.release((work.clock)()).await;
            written?;
        }
        self.load().await
    }

    /// What `topic_lineage` says of people.
    async fn told(&self) -> Result<Vec<LineageRow>, TopicsError> {
        let rewrite = Rewrite::begin(self.requests.lake.insight(InsightId::TopicLineage)).await?;
        let mut rows = Vec::new();
        for day in rewrite.days().into_keys() {
            let each = |batch: &_| rows.extend(LineageRow::read(batch));
            rewrite.read(day, &[], each).await?;
        }
        rows.retain(|row: &LineageRow| row.by == "person");
        Ok(rows)
    }

    async fn add_lineage(&self, rows: &[LineageRow], lease: &Lease) -> Result<(), TopicsError> {
        let work = &self.requests;
        let mut rewrite = Rewrite::begin(work.lake.insight(InsightId::TopicLineage)).await?;
        for row in rows {
            let batch = LineageRow::batch(std::slice::from_ref(row));
            let batch = batch.map_err(|error| broken("writing the lineage of topics", &error))?;
            rewrite.put(row.at.day(), batch);
        }
        rewrite.commit(&[], lease, work.clock).await?;
        Ok(())
    }
}

fn same_event(a: &LineageRow, b: &LineageRow) -> bool {
    (&a.change, &a.from, &a.to, a.at) == (&b.change, &b.from, &b.to, b.at)
}

/// As [`load_topics`], when the table has moved since `seen`.
///
/// # Errors
/// When the lake can't be read.
pub async fn follow_topics(
    lake: &Arc<Lake>,
    slot: &TopicSlot,
    seen: &mut Option<u64>,
) -> Result<(), TopicsError> {
    let newest = lake.insight(InsightId::Topics).latest().version();
    if newest != *seen {
        load_topics(lake, slot).await?;
        *seen = newest;
    }
    Ok(())
}

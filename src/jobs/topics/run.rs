//! A topic run over the lake: requests clustered, topics aligned with those of the last run, history restated.
//!
//! What is written, in this order: the model (an object of the lake), the topics and what became of those before (one
//! commit each), the topics of all requests. The newest run in `topics` is the one that holds; what a crash has kept
//! from being restated is restated by the next round. Invariants: the same tables, decisions and settings give the
//! same topics on any number of threads; a topic that goes on keeps its id and the name that people gave it; merges
//! and pins of people hold in every run until they are taken back. Not here: clustering and identity (`insight`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::published::{Publication, model_object};
use super::requests::{ByDay, Requests, judge_all, put};
use super::{CANDIDATE, LEASE, LEASE_S, TopicsError, broken};
use crate::domain::{Day, Micros};
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::{CurrentTopics, root};
use crate::insight::topics::identity::{Aligned, Decisions, align};
use crate::insight::topics::{Clustering, Settings, cluster};
use crate::lake::{Lease, Rewrite};
use crate::store::Store;
use crate::tables::{GivenTopic, InsightId, LineageRow, RequestRow, TopicRow};

/// Days of `requests` that are rewritten in one commit.
const DAYS_AT_ONCE: usize = 8;
/// A longer exemplar is cut.
const MAX_EXEMPLAR_CHARS: usize = 500;
/// Models of so many runs are kept.
const KEPT_MODELS: i32 = 3;

/// What a run is asked for.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// How it clusters.
    pub cluster: Settings,
    /// Requests of so many days before the newest one are clustered; the others are judged by what was learnt.
    pub window_days: u32,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunDone {
    /// Its number; 0 when there was nothing to cluster.
    pub run: i32,
    /// Its topics, greatest first.
    pub topics: Vec<TopicRow>,
    /// Requests that it clustered.
    pub requests: usize,
}

/// What makes topics of the lake.
#[derive(Clone)]
pub struct Topics {
    /// Requests and the tables.
    pub requests: Requests,
    /// What people decided.
    pub store: Store,
}

/// A request as a run needs it.
struct Asked {
    id: String,
    text: String,
    /// The topic of the last run.
    before: Option<String>,
}

/// What was found, before it is written.
struct Found {
    rows: Vec<TopicRow>,
    lineage: Vec<LineageRow>,
    model: Vec<u8>,
    current: CurrentTopics,
    given: HashMap<String, (String, f64)>,
}

/// What a run builds on.
struct Before {
    run: i32,
    known: BTreeSet<String>,
    publication: Publication,
    now: Micros,
}

impl Topics {
    /// Takes in new requests, clusters, and restates all of them.
    ///
    /// # Errors
    /// When another process does it, or the lake can't be read or written.
    pub async fn run(&self, settings: RunSettings) -> Result<RunDone, TopicsError> {
        let work = &self.requests;
        let _busy = work.busy.lock().await;
        let now = (work.clock)();
        let lease = Lease::take(work.lake.storage(), LEASE, &work.holder, now, LEASE_S).await?;
        let done = lease.during(work.clock, self.under(&lease, settings)).await;
        lease.release((work.clock)()).await;
        done
    }

    async fn under(&self, lease: &Lease, settings: RunSettings) -> Result<RunDone, TopicsError> {
        let work = &self.requests;
        self.load().await?;
        work.lake
            .table(crate::tables::TableId::Turns)
            .refresh()
            .await?;
        work.work(lease).await?;
        let rows = self.topic_rows().await?;
        let last = rows.iter().map(|row| row.run).max().unwrap_or(0);
        let before = Before {
            run: last,
            known: rows
                .into_iter()
                .filter(|row| row.run == last && row.status != CANDIDATE)
                .map(|row| row.topic_id)
                .collect(),
            publication: Publication::of(&self.store).await?,
            now: (work.clock)(),
        };
        let asked = self.asked(settings.window_days, last).await?;
        if asked.is_empty() {
            return Ok(RunDone::default());
        }
        let requests = asked.len();
        let found = tokio::task::spawn_blocking(move || find(&asked, &before, settings.cluster));
        let found = found.await.map_err(|error| broken("clustering", &error))?;
        let done = RunDone {
            run: found.current.run,
            topics: found.rows.clone(),
            requests,
        };
        self.write(found, lease).await?;
        Ok(done)
    }

    /// The requests of the window, in the order of their ids.
    async fn asked(&self, window_days: u32, last: i32) -> Result<Vec<Asked>, TopicsError> {
        let rewrite = Rewrite::begin(self.requests.table()).await?;
        let days = rewrite.days();
        let Some(newest) = days.keys().next_back() else {
            return Ok(Vec::new());
        };
        let from = newest
            .0
            .saturating_sub(i32::try_from(window_days).unwrap_or(i32::MAX));
        let mut asked = Vec::new();
        for day in days.keys().filter(|day| day.0 > from) {
            let each = |batch: &_| {
                asked.extend(RequestRow::read(batch).into_iter().map(|row| {
                    Asked {
                        id: row.request_id,
                        text: row.text,
                        before: row
                            .restated
                            .filter(|given| given.run == last)
                            .and_then(|given| given.topic_id),
                    }
                }));
            };
            rewrite.read(*day, &[], each).await?;
        }
        asked.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(asked)
    }

    async fn write(&self, found: Found, lease: &Lease) -> Result<(), TopicsError> {
        let work = &self.requests;
        let (run, storage) = (found.current.run, work.lake.storage());
        storage.put(&model_object(run), &found.model).await?;
        let lineage = LineageRow::batch(&found.lineage);
        let lineage = lineage.map_err(|error| broken("writing the lineage of topics", &error))?;
        let mut rewrite = Rewrite::begin(work.lake.insight(InsightId::TopicLineage)).await?;
        if let Some(first) = found.lineage.first() {
            rewrite.put(first.at.day(), lineage);
        }
        rewrite.commit(&[], lease, work.clock).await?;
        self.write_topics(found.rows, lease).await?;
        work.slot.set(found.current);
        self.restate(&found.given, lease).await?;
        storage.remove(&model_object(run - KEPT_MODELS)).await?;
        Ok(())
    }

    /// Gives every request that the newest run has not judged its topic; `known` has those that were clustered.
    pub(super) async fn restate(
        &self,
        known: &HashMap<String, (String, f64)>,
        lease: &Lease,
    ) -> Result<usize, TopicsError> {
        let work = &self.requests;
        let Some(current) = work.slot.get() else {
            return Ok(0);
        };
        let days: Vec<Day> = Rewrite::begin(work.table())
            .await?
            .days()
            .into_keys()
            .collect();
        let mut restated = 0;
        for days in days.chunks(DAYS_AT_ONCE) {
            let mut rewrite = Rewrite::begin(work.table()).await?;
            let mut changed = ByDay::new();
            for day in days {
                let mut rows = Vec::new();
                let each = |batch: &_| rows.extend(RequestRow::read(batch));
                rewrite.read(*day, &[], each).await?;
                let behind = stale(&mut rows, current.run, known, &current.merged);
                if behind > 0 {
                    restated += behind;
                    rewrite.take_away(*day);
                    changed.insert(*day, rows);
                }
            }
            let current = Arc::clone(&current);
            let judged = tokio::task::spawn_blocking(move || judge_all(&current, changed));
            let judged = judged.await;
            put(
                &mut rewrite,
                judged.map_err(|error| broken("giving topics to requests", &error))?,
            )?;
            rewrite.commit(&[], lease, work.clock).await?;
        }
        Ok(restated)
    }
}

/// Takes the topic of an older run away from rows, and gives those that were clustered theirs; how many had none of
/// `run`.
fn stale(
    rows: &mut [RequestRow],
    run: i32,
    known: &HashMap<String, (String, f64)>,
    merged: &BTreeMap<String, String>,
) -> usize {
    let mut behind = 0;
    for row in rows {
        if row.restated.as_ref().is_some_and(|given| given.run == run) {
            continue;
        }
        behind += 1;
        row.restated = known
            .get(&row.request_id)
            .map(|(topic, confidence)| GivenTopic {
                run,
                topic_id: Some(topic.clone()),
                confidence: *confidence,
            });
        if let (None, Some(given)) = (&row.reported, &row.restated) {
            let shown = given
                .topic_id
                .as_deref()
                .map(|id| root(merged, id).to_owned());
            row.reported = Some(GivenTopic {
                topic_id: shown,
                ..given.clone()
            });
        }
    }
    behind
}

/// Clusters and aligns; no I/O.
fn find(asked: &[Asked], before: &Before, settings: Settings) -> Found {
    let segmenter = Segmenter::shared();
    let texts: Vec<&str> = asked.iter().map(|one| one.text.as_str()).collect();
    let clustering = cluster(segmenter, &texts, settings);
    let aligned = aligned(asked, &clustering, before);
    let run = before.run + 1;
    let model = clustering.model(segmenter, &texts, &format!("run-{run}"), &aligned.ids);
    let rows = rows(&texts, &clustering, &aligned, before);
    let given = asked.iter().zip(&clustering.assignments);
    let given = given.filter_map(|(one, given)| {
        let given = given.as_ref()?;
        let id = aligned.ids.get(given.topic as usize)?;
        let confidence = (f64::from(given.confidence) * 1e4).round() / 1e4;
        Some((one.id.clone(), (id.clone(), confidence)))
    });
    let given = given.collect();
    let lineage = aligned.lineage.into_iter().map(|change| LineageRow {
        run,
        change: change.change.as_str().to_owned(),
        from: change.from,
        to: change.to,
        shared: i64::try_from(change.shared).unwrap_or(i64::MAX),
        jaccard: change.jaccard,
        by: "run".to_owned(),
        at: before.now,
    });
    Found {
        lineage: lineage.collect(),
        current: before.publication.current(run, model.clone(), &rows),
        model: model.to_bytes(),
        rows,
        given,
    }
}

/// Which topic is which. Merges are not told to it: a topic that is a part of another one goes on under its own id,
/// so that the merge holds again and can be taken back at any time.
fn aligned(asked: &[Asked], clustering: &Clustering, before: &Before) -> Aligned {
    let given = asked.iter().zip(&clustering.assignments);
    let shared: Vec<(String, usize)> = given
        .filter_map(|(one, given)| Some((one.before.clone()?, given.as_ref()?.topic as usize)))
        .collect();
    let decisions = Decisions {
        pinned: before.publication.pinned.clone(),
        merged: BTreeMap::new(),
    };
    let run = before.run + 1;
    let fresh = |place: usize| format!("t-{run}-{}", place + 1);
    align(
        &shared,
        clustering.topics.len(),
        &before.known,
        &decisions,
        fresh,
    )
}

/// An exemplar as it is stored.
pub(super) fn shown_exemplar(texts: &[&str], place: usize) -> String {
    let text = texts.get(place).copied().unwrap_or_default();
    text.chars().take(MAX_EXEMPLAR_CHARS).collect()
}

fn rows(
    texts: &[&str],
    clustering: &Clustering,
    aligned: &Aligned,
    before: &Before,
) -> Vec<TopicRow> {
    let topics = clustering.topics.iter().zip(&aligned.ids);
    topics
        .map(|(topic, id)| {
            let mut row = TopicRow {
                run: before.run + 1,
                topic_id: id.clone(),
                name: topic.name.clone(),
                label: topic.name.clone(),
                keywords: topic.keywords.clone(),
                exemplars: topic
                    .exemplars
                    .iter()
                    .map(|place| shown_exemplar(texts, *place))
                    .collect(),
                size: i64::try_from(topic.size).unwrap_or(i64::MAX),
                status: String::new(),
                pinned: false,
                merged_into: None,
                at: before.now,
            };
            before.publication.decide(&mut row);
            row
        })
        .collect()
}

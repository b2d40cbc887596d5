//! Topics that may be new: clusters of what the newest run's model can't classify.
//!
//! Single texts that fit nowhere say little, so only clusters of some size count, and only unclassified requests make
//! them. A candidate stands in `topics` under its run until the next run, which clusters everything. Invariants: at most
//! [`BUFFER`] requests are looked at, an even sample; the same requests give the same candidates.

use std::collections::{BTreeMap, BTreeSet};

use super::published::read_topics;
use super::run::{Topics, shown_exemplar};
use super::{CANDIDATE, LEASE, LEASE_S, TopicsError, broken};
use crate::domain::Micros;
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::Buffer;
use crate::insight::topics::{Settings, cluster};
use crate::lake::{Lease, Rewrite};
use crate::tables::{RequestRow, TopicRow};

/// Unclassified requests that are looked at.
const BUFFER: usize = 2_000;
/// A smaller cluster is chance.
pub(super) const LEAST: usize = 10;

impl Topics {
    /// Looks for new topics among the unclassified requests of the newest run; how many there are.
    ///
    /// # Errors
    /// When another process works on topics, or the lake can't be read or written.
    pub async fn candidates(&self) -> Result<usize, TopicsError> {
        let work = &self.requests;
        let Some(current) = work.slot.get() else {
            return Ok(0);
        };
        let _busy = work.busy.lock().await;
        let asked = self.unclassified(current.run).await?;
        let now = (work.clock)();
        let run = current.run;
        let found = tokio::task::spawn_blocking(move || find(&asked, run, now)).await;
        let found = found.map_err(|error| broken("looking for new topics", &error))?;
        let count = found.len();
        let mut rows = read_topics(&work.lake).await?;
        rows.retain(|row| row.run == run);
        let before: BTreeSet<String> = told(rows.iter().filter(|row| row.status == CANDIDATE));
        if before == told(found.iter()) {
            return Ok(count);
        }
        rows.retain(|row| row.status != CANDIDATE);
        rows.extend(found);
        let lease = Lease::take(work.lake.storage(), LEASE, &work.holder, now, LEASE_S).await?;
        let written = lease
            .during(work.clock, self.write_topics(rows, &lease))
            .await;
        lease.release((work.clock)()).await;
        written.map(|()| count)
    }

    /// Requests that the run knows no topic for, by id.
    async fn unclassified(&self, run: i32) -> Result<BTreeMap<String, String>, TopicsError> {
        let rewrite = Rewrite::begin(self.requests.table()).await?;
        let (mut buffer, mut texts) = (Buffer::new(BUFFER), BTreeMap::new());
        for day in rewrite.days().into_keys() {
            let each = |batch: &_| {
                for row in RequestRow::read(batch) {
                    let given = row.restated.filter(|given| given.run == run);
                    if given.is_some_and(|given| given.topic_id.is_none()) {
                        buffer.add(&row.request_id);
                        texts.insert(row.request_id, row.text);
                    }
                }
            };
            rewrite.read(day, &[], each).await?;
        }
        let kept: BTreeSet<String> = buffer.take().into_iter().collect();
        texts.retain(|id, _| kept.contains(id));
        Ok(texts)
    }
}

/// What a set of candidates says, whenever it was found.
fn told<'r>(rows: impl Iterator<Item = &'r TopicRow>) -> BTreeSet<String> {
    rows.map(|row| format!("{} {} {:?}", row.topic_id, row.size, row.keywords))
        .collect()
}

fn find(asked: &BTreeMap<String, String>, run: i32, now: Micros) -> Vec<TopicRow> {
    if asked.len() < LEAST {
        return Vec::new();
    }
    let texts: Vec<&str> = asked.values().map(String::as_str).collect();
    let found = cluster(Segmenter::shared(), &texts, Settings::default());
    let large = found.topics.into_iter().filter(|topic| topic.size >= LEAST);
    large
        .enumerate()
        .map(|(place, topic)| TopicRow {
            run,
            topic_id: format!("c-{run}-{}", place + 1),
            name: topic.name.clone(),
            label: topic.name,
            keywords: topic.keywords,
            exemplars: topic
                .exemplars
                .iter()
                .map(|place| shown_exemplar(&texts, *place))
                .collect(),
            size: i64::try_from(topic.size).unwrap_or(i64::MAX),
            status: CANDIDATE.to_owned(),
            pinned: false,
            merged_into: None,
            at: now,
        })
        .collect()
}

//! Topics as the doors see them: the tables, with what people have decided since.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::problem::ApiError;
use super::super::rows::{fetch, statement, time};
use super::super::state::State;
use super::Basis;
use crate::domain::{Day, Micros};
use crate::enrich::topic::root;
use crate::insight::topics::rising::Daily;
use crate::store::topic::{TopicDecision, TopicMerge, held};

const ROWS: &str = statement!("api/topic_rows");
const COUNTS: &str = statement!("api/topic_counts");
/// Status of a topic that may become one.
pub(super) const CANDIDATE: &str = "candidate";
/// More topics than all runs of a life can make.
const MAX_TOPICS: u64 = 100_000;
const MAX_COUNTS: u64 = 1_000_000;
/// Days against which the latest ones are held.
const BEFORE_DAYS: i32 = 28;

/// A row of `topics`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TopicRow {
    pub topic_id: String,
    pub name: Option<String>,
    pub label: Option<String>,
    pub keywords: Option<Vec<String>>,
    pub exemplars: Option<Vec<String>>,
    pub size: Option<i64>,
    pub status: Option<String>,
    pub first_run: i32,
    pub run: i32,
}

#[derive(Debug, Deserialize)]
struct Count {
    topic_id: Option<String>,
    day: String,
    requests: i64,
}

/// Every topic, and what people decided.
pub(super) struct Known {
    pub rows: Vec<TopicRow>,
    decisions: BTreeMap<String, TopicDecision>,
    pub merges: Vec<TopicMerge>,
    held: BTreeMap<String, String>,
}

impl Known {
    pub(super) async fn read(state: &State) -> Result<Self, ApiError> {
        let rows: Vec<TopicRow> = fetch(state, ROWS, Vec::new(), MAX_TOPICS).await?;
        let decisions = state.store.topic_decisions().await?;
        let merges = state.store.topic_merges().await?;
        let decisions = decisions.into_iter();
        Ok(Self {
            rows,
            decisions: decisions.map(|one| (one.topic_id.clone(), one)).collect(),
            held: held(&merges),
            merges,
        })
    }

    pub(super) fn row(&self, id: &str) -> Option<&TopicRow> {
        let mut topics = self.rows.iter().filter(|row| self.status(row) != CANDIDATE);
        topics.find(|row| row.topic_id == id)
    }

    /// The newest run; 0 before the first.
    pub(super) fn run(&self) -> i32 {
        self.rows.iter().map(|row| row.run).max().unwrap_or(0)
    }

    pub(super) fn name(&self, row: &TopicRow) -> String {
        let decided = self.decisions.get(&row.topic_id);
        let decided = decided.and_then(|one| one.name.clone());
        decided.or(row.label.clone()).unwrap_or_default()
    }

    /// The name of a topic, also of one that no run has.
    pub(super) fn name_of(&self, id: &str) -> String {
        self.row(id)
            .map_or_else(|| id.to_owned(), |row| self.name(row))
    }

    pub(super) fn version(&self, id: &str) -> i64 {
        self.decisions.get(id).map_or(0, |one| one.version)
    }

    pub(super) fn is_pinned(&self, id: &str) -> bool {
        self.decisions.get(id).is_some_and(|one| one.pinned)
    }

    /// The topic that `id` is a part of.
    pub(super) fn whole<'k>(&'k self, id: &'k str) -> &'k str {
        root(&self.held, id)
    }

    pub(super) fn status(&self, row: &TopicRow) -> &'static str {
        if row.status.as_deref() == Some(CANDIDATE) {
            CANDIDATE
        } else if self.whole(&row.topic_id) != row.topic_id {
            "merged"
        } else if row.run < self.run() {
            "retired"
        } else {
            "active"
        }
    }
}

/// Requests by topic and day.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub days: BTreeMap<Option<String>, BTreeMap<Day, u64>>,
    pub last: Option<Day>,
    pub first: Option<Day>,
}

impl Counts {
    pub(super) async fn read(
        state: &State,
        known: &Known,
        from: Option<Micros>,
        to: Option<Micros>,
        basis: Basis,
    ) -> Result<Self, ApiError> {
        let parameters: Vec<Value> = vec![time(from), time(to), json!(basis == Basis::Restated)];
        let rows: Vec<Count> = fetch(state, COUNTS, parameters, MAX_COUNTS).await?;
        let mut counts = Self::default();
        for row in rows {
            let Ok(day) = Day::parse(&row.day) else {
                continue;
            };
            let topic = row.topic_id.map(|id| match basis {
                Basis::Restated => known.whole(&id).to_owned(),
                Basis::AsReported => id,
            });
            let count = u64::try_from(row.requests).unwrap_or_default();
            *counts
                .days
                .entry(topic)
                .or_default()
                .entry(day)
                .or_default() += count;
            counts.last = counts.last.max(Some(day));
            counts.first = Some(counts.first.map_or(day, |first| first.min(day)));
        }
        Ok(counts)
    }

    pub(super) fn of(&self, topic: Option<&str>) -> u64 {
        let days = self.days.get(&topic.map(str::to_owned));
        days.map_or(0, |days| days.values().sum())
    }

    pub(super) fn all(&self) -> u64 {
        self.days.values().flat_map(BTreeMap::values).sum()
    }

    /// The last `latest` days of a topic and up to [`BEFORE_DAYS`] days before them.
    pub(super) fn daily(&self, topic: Option<&str>, latest: u32) -> Daily {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return Daily::default();
        };
        let split = last.0 - i32::try_from(latest).unwrap_or(i32::MAX) + 1;
        let begin = first.0.max(split - BEFORE_DAYS);
        let own = self.days.get(&topic.map(str::to_owned));
        let of = |day: i32| {
            own.and_then(|days| days.get(&Day(day)))
                .copied()
                .unwrap_or(0)
        };
        Daily {
            before: (begin..split).map(of).collect(),
            latest: (split.max(first.0)..=last.0).map(of).collect(),
        }
    }
}

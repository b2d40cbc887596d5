//! What people decided about topics: names, pins, merges. The same for every backend.
//!
//! Invariants: decisions are about ids, whether or not a run still has the topic; at most one merge of a topic holds
//! at a time, and merges never close a circle. Not here: what the decisions do (`jobs`, `enrich`).

use std::collections::BTreeMap;

use super::audit::Change;
use super::{Backend, Store, StoreError};

/// What people decided about one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDecision {
    /// The topic.
    pub topic_id: String,
    /// Grows with every change, from 1.
    pub version: i64,
    /// What it is called; none: as its run calls it.
    pub name: Option<String>,
    /// Whether it keeps its id in the topic that has most of it.
    pub pinned: bool,
    /// Microseconds UTC.
    pub updated_at_us: i64,
}

/// A change of a decision; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicPatch {
    /// Another name; `Some(None)` takes the name away.
    pub name: Option<Option<String>>,
    /// Pinned or no longer.
    pub pinned: Option<bool>,
}

/// A topic made a part of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMerge {
    /// Its id.
    pub id: String,
    /// The part.
    pub from: String,
    /// The whole.
    pub into: String,
    /// When, microseconds UTC.
    pub at_us: i64,
    /// When it was taken back.
    pub undone_at_us: Option<i64>,
}

/// What became of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// It holds.
    Merged(TopicMerge),
    /// The part is a part already, of this one.
    Taken(String),
    /// The whole is a part of the part.
    Circle,
}

/// What became of taking a merge back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undoing {
    /// It no longer holds.
    Undone(TopicMerge),
    /// It was taken back before.
    Already,
    /// There is no such merge.
    NotFound,
}

impl Store {
    /// Every decision, by topic.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn topic_decisions(&self) -> Result<Vec<TopicDecision>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.topic_decisions().await,
        }
    }

    /// Changes what is decided about a topic of the version `expected` (`None`: whatever it is). `Err` of the inner
    /// result is the present version, 0 without.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn decide_topic(
        &self,
        topic: &str,
        patch: &TopicPatch,
        expected: Option<i64>,
        change: &Change<'_>,
    ) -> Result<Result<TopicDecision, i64>, StoreError> {
        let entry = change.audits("topic.change", topic);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.decide_topic(topic, patch, expected, &entry).await,
        }
    }

    /// Every merge, in the order in which they were made; also those that were taken back.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn topic_merges(&self) -> Result<Vec<TopicMerge>, StoreError> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.topic_merges().await,
        }
    }

    /// Makes `from` a part of `into`, under the id `merge`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn merge_topic(
        &self,
        merge: &str,
        from: &str,
        into: &str,
        change: &Change<'_>,
    ) -> Result<Merging, StoreError> {
        let entry = change.audits("topic.merge", merge);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.merge_topic(merge, from, into, &entry).await,
        }
    }

    /// Takes a merge back.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn undo_topic_merge(
        &self,
        merge: &str,
        change: &Change<'_>,
    ) -> Result<Undoing, StoreError> {
        let entry = change.audits("topic.merge_undo", merge);
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.undo_topic_merge(merge, &entry).await,
        }
    }
}

/// The merges that hold: from, into.
#[must_use]
pub fn held(merges: &[TopicMerge]) -> BTreeMap<String, String> {
    let held = merges.iter().filter(|merge| merge.undone_at_us.is_none());
    held.map(|merge| (merge.from.clone(), merge.into.clone()))
        .collect()
}

/// What stands against another merge.
pub(super) fn obstacle(merges: &[TopicMerge], from: &str, into: &str) -> Option<Merging> {
    let held = held(merges);
    if let Some(whole) = held.get(from) {
        return Some(Merging::Taken(whole.clone()));
    }
    let mut at = into;
    for _ in 0..=held.len() {
        if at == from {
            return Some(Merging::Circle);
        }
        match held.get(at) {
            Some(next) => at = next,
            None => break,
        }
    }
    None
}

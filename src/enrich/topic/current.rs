//! The topics that hold now: the newest model with what people decided about its topics.
//!
//! [`TopicSlot`] is shared by all who give topics to texts; whoever publishes puts the next one in. Invariants: pure
//! but for the slot; the same model, decisions and text give the same judgement. Not here: where models come from
//! (`jobs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::assign::{Assigned, TopicModel};
use crate::enrich::segment::Segmenter;

/// One state of the topics.
#[derive(Debug, Clone, Default)]
pub struct CurrentTopics {
    /// Number of the run that learnt the model.
    pub run: i32,
    /// The model.
    pub model: TopicModel,
    /// What each topic is called, by id.
    pub names: BTreeMap<String, String>,
    /// Topics that people made a part of others: from, into.
    pub merged: BTreeMap<String, String>,
}

/// What is said about a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Number of the run.
    pub run: i32,
    /// The topic as the model knows it; none: unclassified.
    pub found: Option<String>,
    /// The topic as people see it: that of which it is a part.
    pub shown: Option<String>,
    /// How sure, 0 to 1.
    pub confidence: f64,
}

impl CurrentTopics {
    /// The topic of a text.
    #[must_use]
    pub fn judge(&self, segmenter: &Segmenter, text: &str) -> Judgement {
        let (found, confidence) = match self.model.assign(segmenter, text) {
            Assigned::Topic(topic, confidence) => (Some(topic.id.clone()), confidence),
            Assigned::Unclassified(confidence) => (None, confidence),
            Assigned::Unknown => (None, 0.0),
        };
        Judgement {
            run: self.run,
            shown: found.as_deref().map(|id| self.root(id).to_owned()),
            found,
            // More digits would differ from machine to machine and say nothing.
            confidence: (f64::from(confidence) * 1e4).round() / 1e4,
        }
    }

    /// The topic that `id` is a part of, through all merges.
    #[must_use]
    pub fn root<'c>(&'c self, id: &'c str) -> &'c str {
        root(&self.merged, id)
    }

    /// What a topic is called.
    #[must_use]
    pub fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }
}

/// The end of the chain of merges that begins with `id`; a circle ends where it would close.
#[must_use]
pub fn root<'m>(merged: &'m BTreeMap<String, String>, id: &'m str) -> &'m str {
    let mut seen = BTreeSet::from([id]);
    let mut at = id;
    while let Some(into) = merged.get(at) {
        if !seen.insert(into) {
            break;
        }
        at = into;
    }
    at
}

/// A place for the topics that hold now. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct TopicSlot(Arc<RwLock<Option<Arc<CurrentTopics>>>>);

impl TopicSlot {
    /// What holds now; none before the first run.
    #[must_use]
    pub fn get(&self) -> Option<Arc<CurrentTopics>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts the next state in.
    pub fn set(&self, current: CurrentTopics) {
        let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::new(current));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_are_followed_to_their_end() {
        let merged: BTreeMap<String, String> = [("a", "b"), ("b", "c"), ("x", "y"), ("y", "x")]
            .map(|(from, into)| (from.to_owned(), into.to_owned()))
            .into();
        assert_eq!(root(&merged, "a"), "c");
        assert_eq!(root(&merged, "c"), "c");
        assert_eq!(root(&merged, "x"), "y");
        let slot = TopicSlot::default();
        assert!(slot.get().is_none());
        slot.set(CurrentTopics::default());
        let judged = slot.get().unwrap().judge(&Segmenter::new(), "我要退款");
        assert_eq!((judged.found, judged.confidence), (None, 0.0));
    }
}

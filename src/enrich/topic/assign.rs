//! The topic of a text as it comes: the nearest of the learnt ones, or none that is near enough.
//!
//! Each topic has a threshold of its own, the similarity that all but a few of its own texts reach; a text below that
//! is unclassified and waits in a bounded [`Buffer`] for the next run. Invariants: pure; the same model and text give the
//! same answer; the buffer never holds more than it may, and of what it has seen keeps an even sample.

use serde::{Deserialize, Serialize};

use super::space::{Matrix, Space, dot};
use super::terms::Terms;
use crate::enrich::segment::Segmenter;

/// A topic that texts can be given to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// Its stable id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// A text less similar to its middle is not its own.
    pub threshold: f32,
}

/// What the assigner knows: one version, learnt by one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicModel {
    /// The run that learnt it.
    pub run: String,
    /// Where texts are compared.
    pub space: Space,
    /// The topics, in the order of `centres`.
    pub topics: Vec<Known>,
    /// The middle of each topic, of length 1.
    pub centres: Matrix,
}

/// How soft the choice between topics is: their shares are those of the exponentials of cosines over this.
pub const SOFTNESS: f32 = 0.1;

/// The topic of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Assigned<'m> {
    /// It is this one, and how much nearer it is than the others, 0 to 1.
    Topic(&'m Known, f32),
    /// None is near enough; how much nearer the nearest one is than the others.
    Unclassified(f32),
    /// The text has nothing that the model knows.
    Unknown,
}

impl TopicModel {
    /// Makes the look-ups again, after reading.
    pub fn index(&mut self) {
        self.space.words.index();
        self.space.grams.index();
        self.space.meaning.vocabulary.index();
    }

    /// The topic of a text.
    #[must_use]
    pub fn assign(&self, segmenter: &Segmenter, text: &str) -> Assigned<'_> {
        let terms = Terms::of(segmenter, text);
        let mut vector = vec![0.0; self.space.width()];
        self.space
            .vector(&self.space.row(&terms), &terms, &mut vector);
        if vector.iter().all(|value| *value == 0.0) {
            return Assigned::Unknown;
        }
        let mut best: Option<(&Known, f32)> = None;
        let mut all = 0.0_f32;
        for (place, topic) in self.topics.iter().enumerate() {
            let similarity = dot(self.centres.row(place), &vector);
            all += (similarity / SOFTNESS).exp();
            if best.is_none_or(|(_, most)| similarity > most) {
                best = Some((topic, similarity));
            }
        }
        let share = |similarity: f32| (similarity / SOFTNESS).exp() / all;
        match best {
            Some((topic, similarity)) if similarity >= topic.threshold => {
                Assigned::Topic(topic, share(similarity))
            }
            Some((_, similarity)) => Assigned::Unclassified(share(similarity)),
            None => Assigned::Unknown,
        }
    }
}

/// Ids of unclassified requests, for the next run: at most so many, an even sample of all that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    most: usize,
    seen: u64,
    kept: Vec<(u64, String)>,
}

impl Buffer {
    /// An empty buffer for at most `most` ids.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            seen: 0,
            kept: Vec::new(),
        }
    }

    /// Adds an id. Which ids stay depends on the ids alone and not on their order: those with the least hashes.
    pub fn add(&mut self, id: &str) {
        self.seen += 1;
        let hash = twox_hash::XxHash3_64::oneshot(id.as_bytes());
        let entry = (hash, id.to_owned());
        if let Err(place) = self.kept.binary_search(&entry)
            && place < self.most
        {
            self.kept.insert(place, entry);
            self.kept.truncate(self.most);
        }
    }

    /// How many ids were added since it was emptied.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes what is kept, by hash.
    pub fn take(&mut self) -> Vec<String> {
        self.seen = 0;
        std::mem::take(&mut self.kept)
            .into_iter()
            .map(|(_, id)| id)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_is_bounded_and_knows_no_order() {
        let ids: Vec<String> = (0..500).map(|i| format!("request-{i}")).collect();
        let (mut forward, mut backward) = (Buffer::new(50), Buffer::new(50));
        ids.iter().for_each(|id| forward.add(id));
        ids.iter().rev().for_each(|id| backward.add(id));
        forward.add(&ids[0]);
        assert_eq!((forward.seen(), backward.seen()), (501, 500));
        let kept = forward.take();
        assert_eq!(kept.len(), 50);
        assert_eq!(kept, backward.take());
        assert!(forward.take().is_empty() && forward.seen() == 0);
    }

    #[test]
    fn a_model_of_nothing_knows_nothing() {
        let model = TopicModel::default();
        assert_eq!(
            model.assign(&Segmenter::new(), "我要退款"),
            Assigned::Unknown
        );
    }
}

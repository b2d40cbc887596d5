//! Topics of a set of texts: found without labels, named, and numbered.
//!
//! [`cluster`] finds a space ([`axes`]), clusters in it ([`kmeans`], [`tree`]), improves the partition by words
//! ([`mixture`]) and names it ([`labels`]). Invariants: every text with a word gets a topic; topics are ordered by
//! size, greatest first; the same texts and seed give the same bytes on any number of threads. Memory is bounded by
//! the texts plus some hundred bytes for each of [`Settings::sample`] of them.

mod axes;
pub mod identity;
mod kmeans;
mod labels;
mod linear;
mod mixture;
mod number;
mod part;
pub(crate) mod random;
pub mod rising;
mod score;
#[cfg(test)]
mod tests;
mod tree;

use std::cmp::Reverse;

use rayon::prelude::*;

pub use number::Scores;
pub use score::{Agreement, Scored, agreement, plain, score};
pub use tree::Tree;

use crate::enrich::segment::Segmenter;
use crate::enrich::topic::{
    Known, Matrix, SOFTNESS, Space, Terms, TopicModel, add, dot, has_word, normalise,
};
use crate::model::replace::is_whole;
use linear::Sparse;
use mixture::Mixture;
use part::part;
use random::Random;

/// How texts are clustered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many topics; `None` chooses.
    pub topics: Option<usize>,
    /// Of everything random.
    pub seed: u64,
    /// Texts from which axes and topics are learnt; all are assigned.
    pub sample: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            topics: None,
            seed: 7,
            sample: 100_000,
        }
    }
}

/// A topic of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// Its first keywords, or its first text when it has none.
    pub name: String,
    /// Terms that set it apart, most telling first.
    pub keywords: Vec<String>,
    /// Texts at its middle.
    pub exemplars: Vec<usize>,
    /// How many texts it has.
    pub size: usize,
}

/// Which topic a text has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// Place in [`Clustering::topics`].
    pub topic: u32,
    /// How much nearer it is than the others, 0 to 1.
    pub confidence: f32,
}

/// What a run found.
#[derive(Debug, Clone)]
pub struct Clustering {
    /// The topics, greatest first.
    pub topics: Vec<Topic>,
    /// One per text; `None` for a text without a word.
    pub assignments: Vec<Option<Assignment>>,
    /// Where texts are compared, for texts to come.
    pub space: Space,
    /// The middle of each topic, of length 1.
    pub centres: Matrix,
    /// Over many small clusters: cuts are levels of detail.
    pub tree: Tree,
    /// The numbers that were tried, when it was chosen.
    pub scores: Scores,
}

/// Share of a topic's own texts below its threshold.
const OUTSIDE: f64 = 0.05;
/// A topic of texts that are all alike does not refuse what is as near as this: the same want in other words.
const CLOSE: f32 = 0.8;
/// Texts that thresholds are read from.
const THRESHOLD_SAMPLE: usize = 20_000;

/// Gives a vector to each of some texts, or nothing at all.
pub type Encoder<'e> = &'e dyn Fn(&[&str]) -> Option<Vec<Vec<f32>>>;

/// Finds the topics of `texts`.
#[must_use]
pub fn cluster(segmenter: &Segmenter, texts: &[&str], settings: Settings) -> Clustering {
    cluster_by(segmenter, texts, settings, None)
}

/// Finds the topics of `texts`, parted by the vectors of an encoder where it gives them. Names, centres and the
/// assignment of texts to come are those of the built-in space.
#[must_use]
pub fn cluster_by(
    segmenter: &Segmenter,
    texts: &[&str],
    settings: Settings,
    encoder: Option<Encoder<'_>>,
) -> Clustering {
    let spoken: Vec<usize> = (0..texts.len())
        .filter(|place| texts.get(*place).is_some_and(|text| has_word(text)))
        .collect();
    let mut learnt = spoken.clone();
    if learnt.len() > settings.sample {
        let mut random = Random::new(settings.seed);
        learnt = random
            .sample(spoken.len(), settings.sample)
            .into_iter()
            .filter_map(|place| spoken.get(place).copied())
            .collect();
        learnt.sort_unstable();
    }
    let read = |place: &usize| Terms::of(segmenter, texts.get(*place).copied().unwrap_or_default());
    let terms: Vec<Terms> = learnt.par_iter().with_min_len(64).map(read).collect();
    let axes::Found {
        space,
        rows,
        vectors,
    } = axes::find(&terms, settings.seed);
    let matrix = Sparse::of(&rows, space.terms());
    // Without a space of words there is nothing that topics could be told apart by later.
    let encoder = encoder.filter(|_| vectors.width > 0);
    let told = encoder.and_then(|encoder| {
        let said: Vec<&str> = learnt
            .iter()
            .filter_map(|p| texts.get(*p).copied())
            .collect();
        encoded(encoder(&said)?, said.len())
    });
    let by_words = told.is_none();
    let parted = part(
        told.as_ref().unwrap_or(&vectors),
        &matrix,
        settings,
        by_words,
    );
    let centres = middles(&vectors, &parted.labels, parted.topics);
    let mut found = Clustering {
        topics: Vec::new(),
        assignments: vec![None; texts.len()],
        space,
        centres,
        tree: parted.tree,
        scores: parted.scores,
    };
    if learnt.len() == spoken.len() {
        found.assign_learnt(&learnt, &parted.labels, &vectors);
    } else {
        found.assign_all(segmenter, texts, &spoken, &parted.mixture);
    }
    found.name(segmenter, texts, &learnt, &vectors);
    found
}

/// The rows of an encoder as a matrix of rows of length 1; none unless there is one of the same width for each text.
fn encoded(rows: Vec<Vec<f32>>, texts: usize) -> Option<Matrix> {
    if !is_whole(&rows, texts, None) {
        return None;
    }
    let width = rows.first()?.len();
    let mut matrix = Matrix::zeros(texts, width);
    for (place, row) in rows.iter().enumerate() {
        matrix.row_mut(place).copy_from_slice(row);
        normalise(matrix.row_mut(place));
    }
    Some(matrix)
}

/// The mean of each topic's vectors, scaled to length 1.
fn middles(vectors: &Matrix, labels: &[u32], topics: usize) -> Matrix {
    let mut middles = Matrix::zeros(topics, vectors.width);
    for (place, label) in labels.iter().enumerate() {
        add(middles.row_mut(*label as usize), vectors.row(place), 1.0);
    }
    for topic in 0..topics {
        normalise(middles.row_mut(topic));
    }
    middles
}

impl Clustering {
    /// How sure a topic is: its share of the exponentials of all cosines.
    fn assignment(&self, topic: u32, vector: &[f32]) -> Assignment {
        let cosine = |centre: &[f32]| (dot(centre, vector) / SOFTNESS).exp();
        let all: f32 = self
            .centres
            .values
            .chunks(self.centres.width.max(1))
            .map(cosine)
            .sum();
        let own = cosine(self.centres.row(topic as usize));
        let known = vector.iter().any(|value| *value != 0.0);
        Assignment {
            topic,
            confidence: if known && all > 0.0 { own / all } else { 0.0 },
        }
    }

    /// Assigns the texts from which topics were learnt.
    fn assign_learnt(&mut self, learnt: &[usize], labels: &[u32], vectors: &Matrix) {
        let rows = vectors.values.chunks(vectors.width.max(1));
        for ((place, label), row) in learnt.iter().zip(labels).zip(rows) {
            self.assignments[*place] = Some(self.assignment(*label, row));
        }
        if vectors.width > 0 {
            return;
        }
        for place in learnt {
            self.assignments[*place] = Some(Assignment {
                topic: 0,
                confidence: 0.0,
            });
        }
    }

    /// Assigns texts beyond those from which topics were learnt, without keeping their terms.
    fn assign_all(
        &mut self,
        segmenter: &Segmenter,
        texts: &[&str],
        spoken: &[usize],
        mixture: &Mixture,
    ) {
        let given: Vec<Assignment> = spoken
            .par_iter()
            .with_min_len(256)
            .map_init(
                || vec![0.0; self.space.width()],
                |vector, place| {
                    let terms = Terms::of(segmenter, texts[*place]);
                    let row = self.space.row(&terms);
                    self.space.vector(&row, &terms, vector);
                    self.assignment(mixture.best(&row.terms, &row.weights), vector)
                },
            )
            .collect();
        for (place, assignment) in spoken.iter().zip(given) {
            self.assignments[*place] = Some(assignment);
        }
    }

    /// What is kept of a run, so that texts to come are given to its topics: `ids` has the id of each topic. The
    /// threshold of a topic is the similarity that all but [`OUTSIDE`] of its texts reach.
    #[must_use]
    pub fn model(
        &self,
        segmenter: &Segmenter,
        texts: &[&str],
        run: &str,
        ids: &[String],
    ) -> TopicModel {
        let mut near: Vec<Vec<f32>> = vec![Vec::new(); self.topics.len()];
        let mut vector = vec![0.0; self.space.width()];
        let step = texts.len().div_ceil(THRESHOLD_SAMPLE).max(1);
        for (text, given) in texts.iter().zip(&self.assignments).step_by(step) {
            let Some(given) = given else { continue };
            let terms = Terms::of(segmenter, text);
            self.space
                .vector(&self.space.row(&terms), &terms, &mut vector);
            near[given.topic as usize].push(dot(self.centres.row(given.topic as usize), &vector));
        }
        let topics = near.into_iter().zip(&self.topics).zip(ids);
        TopicModel {
            run: run.to_owned(),
            space: self.space.clone(),
            topics: topics
                .map(|((mut near, topic), id)| {
                    near.sort_by(f32::total_cmp);
                    let place = (near.len() as f64 * OUTSIDE) as usize;
                    Known {
                        id: id.clone(),
                        name: topic.name.clone(),
                        threshold: near.get(place).copied().unwrap_or(1.0).min(CLOSE),
                    }
                })
                .collect(),
            centres: self.centres.clone(),
        }
    }

    /// Names the topics and orders them by size; those without a text go.
    fn name(&mut self, segmenter: &Segmenter, texts: &[&str], learnt: &[usize], vectors: &Matrix) {
        let topics = self.centres.rows().max(usize::from(!learnt.is_empty()));
        let mut sizes = vec![0_usize; topics];
        for assignment in self.assignments.iter().flatten() {
            sizes[assignment.topic as usize] += 1;
        }
        let mut order: Vec<usize> = (0..topics).filter(|topic| sizes[*topic] > 0).collect();
        order.sort_by_key(|topic| (Reverse(sizes[*topic]), *topic));
        let mut places = vec![0_u32; topics];
        for (topic, place) in order.iter().zip(0..) {
            places[*topic] = place;
        }
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); order.len()];
        for (row, place) in learnt.iter().enumerate() {
            if let Some(given) = self.assignments[*place] {
                members[places[given.topic as usize] as usize].push(row);
            }
        }
        for assignment in self.assignments.iter_mut().flatten() {
            assignment.topic = places[assignment.topic as usize];
        }
        self.centres = number::rows(&self.centres, &order);
        let said: Vec<&str> = learnt.iter().map(|place| texts[*place]).collect();
        let spoken: Vec<Vec<&str>> = members
            .iter()
            .map(|rows| rows.iter().map(|row| said[*row]).collect())
            .collect();
        let labels = labels::labels(segmenter, &spoken);
        self.topics = labels
            .into_iter()
            .zip(&members)
            .zip(&order)
            .map(|((label, members), topic)| {
                let exemplars = labels::exemplars(vectors, members, &said);
                let exemplars: Vec<usize> = exemplars.iter().map(|row| learnt[*row]).collect();
                let first = exemplars.first().map_or("", |place| texts[*place]);
                let name = if label.name.is_empty() {
                    first.chars().take(40).collect()
                } else {
                    label.name
                };
                Topic {
                    name,
                    keywords: label.keywords,
                    exemplars,
                    size: sizes[*topic],
                }
            })
            .collect();
    }
}

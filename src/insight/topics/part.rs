//! From vectors to a partition: the number, several starts, the best of them, and the last step by words.
//!
//! One start is a cut of the [`Tree`] over many small clusters, the others are k-means++; the one with the smallest sum of
//! squared distances is taken. Vectors of zeros (texts of nothing but stop words) take no part and join the greatest topic.

use super::kmeans::{self, Partition};
use super::linear::Sparse;
use super::mixture::{self, Mixture};
use super::number::{self, Scores, rows};
use super::random::Random;
use super::{Settings, Tree};
use crate::enrich::topic::{Matrix, Row};

const ROUNDS: usize = 40;
const STARTS: u64 = 8;
/// Rounds after which starts are compared.
const START_ROUNDS: usize = 12;
/// Vectors on which starts are compared.
const START_SAMPLE: usize = 6_000;
const MIXTURE_ROUNDS: usize = 8;
/// Leaves of the tree at most.
const LEAVES: usize = 150;
/// So few different texts are joined by their likeness alone.
const FEW: usize = 24;
/// Cost of a join below which two texts have one topic: their cosine is then above .3.
const ALIKE: f32 = 0.7;

/// A partition of the texts from which topics are learnt.
pub struct Parted {
    /// The topic of each.
    pub labels: Vec<u32>,
    /// How many topics.
    pub topics: usize,
    /// Levels of detail.
    pub tree: Tree,
    /// What numbers were tried.
    pub scores: Scores,
    /// Words of the topics.
    pub mixture: Mixture,
}

/// Parts the rows of `vectors`; `matrix` has the weighted terms of the same texts, by which the partition is improved
/// unless the vectors alone decide.
pub fn part(vectors: &Matrix, matrix: &Sparse, settings: Settings, by_words: bool) -> Parted {
    let known: Vec<usize> = (0..vectors.rows())
        .filter(|place| vectors.row(*place).iter().any(|value| *value != 0.0))
        .collect();
    let all = vectors.rows() == known.len();
    let chosen = if all {
        None
    } else {
        Some(rows(vectors, &known))
    };
    let inner = chosen.as_ref().unwrap_or(vectors);
    let different = different(inner);
    let (tree, leaves) = over(inner, &different, settings);
    let mut scores = Scores::new();
    let wanted = match settings.topics {
        Some(topics) => topics,
        None if different.len() < FEW => {
            1 + tree
                .merges
                .iter()
                .filter(|(.., cost)| *cost > ALIKE)
                .count()
        }
        None => {
            let (number, tried) = number::choose(inner, settings.seed);
            scores = tried;
            number
        }
    };
    let wanted = wanted.clamp(1, different.len().max(1));
    let parted = best_start(inner, wanted, &tree, &leaves, settings.seed);
    let own: Vec<Row> = known
        .iter()
        .map(|place| {
            let (terms, weights) = matrix.row(*place);
            Row {
                terms: terms.to_vec(),
                weights: weights.to_vec(),
            }
        })
        .collect();
    let matrix = Sparse::of(&own, matrix.width());
    // With about as many topics as texts, words have nothing to learn from.
    let rounds = if by_words && known.len() >= wanted * 4 {
        MIXTURE_ROUNDS
    } else {
        0
    };
    let (labels, mixture) = mixture::improve(&matrix, parted.labels, wanted, rounds);
    let mut whole = vec![greatest(&labels, wanted); vectors.rows()];
    for (place, label) in known.iter().zip(labels) {
        whole[*place] = label;
    }
    Parted {
        labels: whole,
        topics: wanted,
        tree,
        scores,
        mixture,
    }
}

fn greatest(labels: &[u32], topics: usize) -> u32 {
    let mut sizes = vec![0_usize; topics];
    for label in labels {
        sizes[*label as usize] += 1;
    }
    let best = sizes
        .iter()
        .zip(0_u32..)
        .max_by_key(|(size, label)| (**size, std::cmp::Reverse(*label)));
    best.map_or(0, |(_, label)| label)
}

/// One place of each different vector.
fn different(vectors: &Matrix) -> Vec<usize> {
    let mut seen = std::collections::HashSet::new();
    let bits = |place: usize| -> Vec<u32> {
        vectors
            .row(place)
            .iter()
            .map(|value| value.to_bits())
            .collect()
    };
    // Enough to know that there are enough.
    let mut places = Vec::new();
    for place in 0..vectors.rows() {
        if places.len() > 2_000 {
            places.extend(place..vectors.rows());
            break;
        }
        if seen.insert(bits(place)) {
            places.push(place);
        }
    }
    places
}

/// Many small clusters and the tree over them.
fn over(vectors: &Matrix, different: &[usize], settings: Settings) -> (Tree, Partition) {
    let count = vectors.rows();
    let root = (1.5 * (count as f64).sqrt()) as usize;
    let wanted = settings.topics.unwrap_or(1).saturating_mul(2);
    let leaves = root
        .max(wanted)
        .clamp(1, LEAVES.max(settings.topics.unwrap_or(0)));
    let leaves = if different.len() < FEW {
        different.len()
    } else {
        leaves
    };
    let sample = sample(vectors, settings.seed);
    let inner = sample.as_ref().unwrap_or(vectors);
    let leaves = kmeans::cluster(inner, leaves, settings.seed ^ 0x7472_6565, ROUNDS / 2);
    let mut sizes = vec![0_usize; leaves.centres.rows()];
    for label in &leaves.labels {
        sizes[*label as usize] += 1;
    }
    (Tree::over(&leaves.centres, &sizes), leaves)
}

/// Some vectors, when there are more than are needed.
fn sample(vectors: &Matrix, seed: u64) -> Option<Matrix> {
    (vectors.rows() > START_SAMPLE).then(|| {
        let places = Random::new(seed ^ 0x73).sample(vectors.rows(), START_SAMPLE);
        rows(vectors, &places)
    })
}

fn best_start(
    vectors: &Matrix,
    topics: usize,
    tree: &Tree,
    leaves: &Partition,
    seed: u64,
) -> Partition {
    let sample = sample(vectors, seed);
    let inner = sample.as_ref().unwrap_or(vectors);
    let mut best = kmeans::refine(inner, merged(tree, leaves, topics), START_ROUNDS);
    for start in 0..STARTS {
        let other = kmeans::cluster(
            inner,
            topics,
            seed.wrapping_mul(31).wrapping_add(start),
            START_ROUNDS,
        );
        if other.centres.rows() >= topics && other.inertia < best.inertia {
            best = other;
        }
    }
    kmeans::refine(vectors, best.centres, ROUNDS)
}

/// The centres of a cut.
fn merged(tree: &Tree, leaves: &Partition, topics: usize) -> Matrix {
    let cut = tree.cut(topics);
    let count = cut.iter().max().map_or(0, |most| *most as usize + 1);
    let mut centres = Matrix::zeros(count, leaves.centres.width);
    let mut sizes = vec![0.0_f32; count];
    let mut own = vec![0.0_f32; cut.len()];
    for label in &leaves.labels {
        own[*label as usize] += 1.0;
    }
    for (leaf, cluster) in cut.iter().enumerate() {
        let cluster = *cluster as usize;
        crate::enrich::topic::add(
            centres.row_mut(cluster),
            leaves.centres.row(leaf),
            own[leaf],
        );
        sizes[cluster] += own[leaf];
    }
    for (cluster, size) in sizes.into_iter().enumerate() {
        centres
            .row_mut(cluster)
            .iter_mut()
            .for_each(|value| *value /= size.max(1.0));
    }
    centres
}

//! Finds the space in which texts are compared, from the texts themselves.
//!
//! Surface: TF-IDF of words, pairs of words and character n-grams, on the axes of a truncated singular value
//! decomposition. Meaning: word vectors from positive pointwise mutual information of words in the same text
//! (context distribution smoothed with exponent .75, Levy and Goldberg 2014), averaged with weights
//! a / (a + p) and without their first principal component (Arora, Liang, Ma 2017). Nothing trained elsewhere
//! is used, so any language does.

use std::collections::HashMap;

use rayon::prelude::*;

use super::linear::{Search, Sparse, dense_axes, leading_axes};
use crate::enrich::topic::{Matrix, Row, Space, Terms, Vocabulary, WordVectors, normalise};

/// Terms in more than this share of texts say nothing.
const MAX_SHARE: f64 = 0.4;
/// At most so many words and pairs, and so many character n-grams; fewer where there are many texts, because rare terms
/// then cost more than they say.
const MAX_TERMS: usize = 120_000;
const MAX_TERMS_OF_MANY: usize = 40_000;
/// At most so many words and characters have a vector.
const MAX_VECTORS: usize = 15_000;
/// Numbers in a word vector.
const VECTOR_WIDTH: usize = 200;
/// `a` of the weight of rarity.
const RARITY: f64 = 1e-3;
/// Exponent of the context distribution.
const SMOOTHING: f64 = 0.75;

/// What was found.
pub struct Found {
    /// The space.
    pub space: Space,
    /// The weighted terms of every text.
    pub rows: Vec<Row>,
    /// The vector of every text.
    pub vectors: Matrix,
}

/// Finds the space of `texts`.
pub fn find(texts: &[Terms], seed: u64) -> Found {
    let count = texts.len();
    let width = if count < 5_000 { 50 } else { 100 };
    let least = match count {
        0..40 => 1,
        40..30_000 => 2,
        30_000..60_000 => 3,
        _ => 5,
    };
    let rounds = if count < 30_000 { 4 } else { 2 };
    let limits = Limits {
        least,
        most: most(count),
        terms: if count < 30_000 {
            MAX_TERMS
        } else {
            MAX_TERMS_OF_MANY
        },
    };
    let mut space = Space {
        words: idf(texts, |terms| [&*terms.words, &*terms.pairs], limits),
        grams: idf(texts, |terms| [&*terms.grams, &[]], limits),
        ..Space::default()
    };
    let rows: Vec<Row> = texts.par_iter().map(|terms| space.row(terms)).collect();
    let matrix = Sparse::of(&rows, space.terms());
    let search = Search {
        axes: width,
        rounds,
        seed,
    };
    space.axes = leading_axes(&matrix, search).axes;
    drop(matrix);
    space.meaning = meaning(
        texts,
        width,
        Search {
            axes: VECTOR_WIDTH,
            rounds,
            seed,
        },
    );
    let mut vectors = Matrix::zeros(count, space.width());
    if vectors.width > 0 {
        vectors
            .values
            .par_chunks_mut(vectors.width)
            .zip(rows.par_iter().zip(texts))
            .for_each(|(out, (row, terms))| space.vector(row, terms, out));
    }
    Found {
        space,
        rows,
        vectors,
    }
}

fn most(count: usize) -> usize {
    ((count as f64 * MAX_SHARE) as usize).max(3)
}

#[derive(Clone, Copy)]
struct Limits {
    /// Texts that a term needs.
    least: usize,
    /// Texts that it may be in.
    most: usize,
    /// How many terms are kept.
    terms: usize,
}

/// In how many texts each term is, those within the limits, by hash.
fn frequencies<'t, const N: usize>(
    texts: &'t [Terms],
    parts: impl Fn(&'t Terms) -> [&'t [u64]; N] + Sync,
    limits: Limits,
) -> Vec<(u64, usize)> {
    let mut hashes: Vec<u64> = texts
        .par_chunks(1_024)
        .flat_map_iter(|chunk| {
            let mut all = Vec::new();
            for terms in chunk {
                let mut own: Vec<u64> = parts(terms).into_iter().flatten().copied().collect();
                own.sort_unstable();
                own.dedup();
                all.extend(own);
            }
            all
        })
        .collect();
    hashes.par_sort_unstable();
    let counted = hashes
        .chunk_by(|a, b| a == b)
        .filter_map(|same| Some((*same.first()?, same.len())));
    let mut kept: Vec<(u64, usize)> = counted
        .filter(|(_, count)| (limits.least..=limits.most).contains(count))
        .collect();
    if kept.len() > limits.terms {
        kept.sort_unstable_by_key(|(hash, count)| (std::cmp::Reverse(*count), *hash));
        kept.truncate(limits.terms);
        kept.sort_unstable();
    }
    kept
}

/// Terms with inverse document frequencies: ln((1 + n) / (1 + df)) + 1.
fn idf<'t>(
    texts: &'t [Terms],
    parts: impl Fn(&'t Terms) -> [&'t [u64]; 2] + Sync,
    limits: Limits,
) -> Vocabulary {
    let all = 1.0 + texts.len() as f64;
    let weighted = frequencies(texts, parts, limits)
        .into_iter()
        .map(|(hash, count)| (hash, ((all / (1.0 + count as f64)).ln() + 1.0) as f32));
    Vocabulary::new(weighted.collect())
}

/// The word vectors of `texts` and the axes on which texts differ by them.
fn meaning(texts: &[Terms], width: usize, search: Search) -> WordVectors {
    let limits = Limits {
        least: if texts.len() < 40 { 1 } else { 3 },
        most: most(texts.len()),
        terms: MAX_VECTORS,
    };
    let counts = frequencies(texts, |terms| [&*terms.words, &*terms.characters], limits);
    let vocabulary = Vocabulary::new(counts.iter().map(|(hash, _)| (*hash, 1.0)).collect());
    let information = information(&vocabulary, texts);
    let found = leading_axes(&information, search);
    // U sqrt(S) = P V / sqrt(S)
    let mut vectors = information.times(&found.axes);
    let total: f64 = counts.iter().map(|(_, count)| *count as f64).sum();
    for (place, (_, count)) in counts.iter().enumerate() {
        let vector = vectors.row_mut(place);
        for (value, scale) in vector.iter_mut().zip(&found.values) {
            *value = if *scale > 1e-6 {
                *value / scale.sqrt()
            } else {
                0.0
            };
        }
        normalise(vector);
        let weight = (RARITY / (RARITY + *count as f64 / total)) as f32;
        vector.iter_mut().for_each(|value| *value *= weight);
    }
    let mut meaning = WordVectors {
        vocabulary,
        vectors,
        ..WordVectors::default()
    };
    project(&mut meaning, texts, width);
    meaning
}

/// Sets mean and projection: principal components of the texts' directions, all but the first.
fn project(meaning: &mut WordVectors, texts: &[Terms], width: usize) {
    let whole = meaning.vectors.width;
    let mut directions = Matrix::zeros(texts.len(), whole);
    if whole == 0 {
        return;
    }
    directions
        .values
        .par_chunks_mut(whole)
        .zip(texts)
        .for_each(|(out, terms)| {
            for (value, known) in out.iter_mut().zip(meaning.direction(terms)) {
                *value = known;
            }
        });
    meaning.mean = mean(&directions);
    for row in directions.values.chunks_mut(whole) {
        for (value, mean) in row.iter_mut().zip(&meaning.mean) {
            *value -= mean;
        }
    }
    let axes = dense_axes(&directions, width + 1).axes;
    meaning.projection = Matrix::zeros(whole, axes.width.saturating_sub(1));
    for place in 0..whole {
        let from = axes.row(place).get(1..).unwrap_or_default();
        for (value, axis) in meaning.projection.row_mut(place).iter_mut().zip(from) {
            *value = *axis;
        }
    }
}

fn mean(rows: &Matrix) -> Vec<f32> {
    let mut sum = vec![0.0_f64; rows.width];
    for row in rows.values.chunks(rows.width.max(1)) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    let count = rows.rows().max(1) as f64;
    sum.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// Positive pointwise mutual information of words in the same text.
fn information(vocabulary: &Vocabulary, texts: &[Terms]) -> Sparse {
    let known: Vec<Row> = texts
        .par_iter()
        .map(|terms| {
            let hashes = terms.words.iter().chain(&terms.characters);
            let mut places: Vec<u32> = hashes.filter_map(|hash| vocabulary.place(*hash)).collect();
            places.sort_unstable();
            places.dedup();
            // A very long text holds everything; its first words stand for it.
            places.truncate(400);
            Row {
                weights: vec![1.0; places.len()],
                terms: places,
            }
        })
        .collect();
    let texts = Sparse::of(&known, vocabulary.len());
    let words = texts.transposed();
    let pairs: Vec<Row> = (0..words.rows())
        .into_par_iter()
        .map(|word| together(word, &words, &texts))
        .collect();
    let totals: Vec<f64> = pairs
        .iter()
        .map(|row| row.weights.iter().map(|count| f64::from(*count)).sum())
        .collect();
    let contexts: Vec<f64> = totals
        .iter()
        .map(|total: &f64| total.powf(SMOOTHING))
        .collect();
    let all: f64 = contexts.iter().sum();
    let rows: Vec<Row> = pairs
        .into_par_iter()
        .enumerate()
        .map(|(word, pair)| {
            let own = totals.get(word).copied().unwrap_or(0.0);
            let mut row = Row::default();
            for (other, count) in pair.terms.iter().zip(&pair.weights) {
                let context = contexts.get(*other as usize).copied().unwrap_or(0.0) / all;
                let value = (f64::from(*count) / (own * context)).ln();
                if value > 0.0 {
                    row.terms.push(*other);
                    row.weights.push(value as f32);
                }
            }
            row
        })
        .collect();
    Sparse::of(&rows, vocabulary.len())
}

/// In how many texts a word stands together with each other one.
fn together(word: usize, words: &Sparse, texts: &Sparse) -> Row {
    let mut counts: HashMap<u32, u32> = HashMap::new();
    let (with, _) = words.row(word);
    for text in with {
        let (others, _) = texts.row(*text as usize);
        for other in others {
            *counts.entry(*other).or_default() += 1;
        }
    }
    let mut counts: Vec<(u32, u32)> = counts
        .into_iter()
        .filter(|(other, _)| *other as usize != word)
        .collect();
    counts.sort_unstable();
    Row {
        terms: counts.iter().map(|(other, _)| *other).collect(),
        weights: counts.iter().map(|(_, count)| *count as f32).collect(),
    }
}

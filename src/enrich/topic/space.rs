//! The space in which texts are compared: weighted terms, and a vector of two halves per text.
//!
//! The first half is the text's TF-IDF row on the axes of a truncated singular value decomposition, the
//! second the mean of word vectors made from co-occurrence, rare words counting more. Both have length 1,
//! or 0 when a text has nothing known in it. Invariants: the same text gives the same bytes; a row is
//! sorted by term. Not here: how axes are found (`insight`).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::terms::Terms;

/// How much the character half of a row weighs beside the word half.
pub const GRAM_WEIGHT: f32 = 0.7;

/// A sparse row: terms in order with their weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// Terms, ascending.
    pub terms: Vec<u32>,
    /// Their weights.
    pub weights: Vec<f32>,
}

/// Terms with their inverse document frequencies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Vocabulary {
    hashes: Vec<u64>,
    idf: Vec<f32>,
    #[serde(skip)]
    places: HashMap<u64, u32, Hashed>,
}

/// The hashes are uniform already.
type Hashed = std::hash::BuildHasherDefault<Same>;

/// Takes a hash for itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Same(u64);

impl std::hash::Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl Vocabulary {
    /// Terms by hash with their inverse document frequency.
    #[must_use]
    pub fn new(terms: Vec<(u64, f32)>) -> Self {
        let (hashes, idf) = terms.into_iter().unzip();
        let mut vocabulary = Self {
            hashes,
            idf,
            places: HashMap::default(),
        };
        vocabulary.index();
        vocabulary
    }

    /// Makes the index again, after reading.
    pub fn index(&mut self) {
        self.places = self.hashes.iter().copied().zip(0..).collect();
    }

    /// How many terms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Inverse document frequencies in the order of the terms.
    #[must_use]
    pub fn idf(&self) -> &[f32] {
        &self.idf
    }

    /// The hashes in the order of the terms.
    #[must_use]
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The place of a term.
    #[must_use]
    pub fn place(&self, hash: u64) -> Option<u32> {
        self.places.get(&hash).copied()
    }

    /// Appends the row of `hashes` (several slices, read as one) to `row`: sublinear frequencies by inverse
    /// document frequency, scaled to `length`; terms are shifted by `offset`.
    fn append(&self, hashes: &[&[u64]], length: f32, offset: u32, row: &mut Row) {
        let start = row.terms.len();
        let known = hashes.iter().flat_map(|part| part.iter());
        let mut places: Vec<u32> = known.filter_map(|hash| self.place(*hash)).collect();
        places.sort_unstable();
        let mut sum = 0.0;
        for same in places.chunk_by(|a, b| a == b) {
            let Some(place) = same.first() else { continue };
            let idf = self.idf.get(*place as usize).copied().unwrap_or(0.0);
            let weight = (1.0 + (same.len() as f32).ln()) * idf;
            sum += weight * weight;
            row.terms.push(place + offset);
            row.weights.push(weight);
        }
        if sum > 0.0 {
            let scale = length / sum.sqrt();
            for weight in row.weights.iter_mut().skip(start) {
                *weight *= scale;
            }
        }
    }
}

/// A matrix by rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// Numbers in a row.
    pub width: usize,
    /// The rows, one after the other.
    pub values: Vec<f32>,
}

impl Matrix {
    /// A matrix of zeros.
    #[must_use]
    pub fn zeros(rows: usize, width: usize) -> Self {
        Self {
            width,
            values: vec![0.0; rows * width],
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// One row; empty when there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        self.values
            .get(row * self.width..(row + 1) * self.width)
            .unwrap_or_default()
    }

    /// One row to change; empty when there is no such row.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        self.values
            .get_mut(row * self.width..(row + 1) * self.width)
            .unwrap_or_default()
    }
}

/// Word vectors: the second half of a text's vector.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WordVectors {
    /// Words and characters.
    pub vocabulary: Vocabulary,
    /// One row per word, already multiplied by the weight of its rarity.
    pub vectors: Matrix,
    /// The mean of all texts, which is taken off.
    pub mean: Vec<f32>,
    /// One row per number of a word vector: its place on the axes that texts differ on.
    pub projection: Matrix,
}

/// Vocabulary and axes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// Words and pairs of words.
    pub words: Vocabulary,
    /// Character n-grams.
    pub grams: Vocabulary,
    /// One row per term: its place on the axes.
    pub axes: Matrix,
    /// The second half.
    pub meaning: WordVectors,
}

impl Space {
    /// The weighted terms of a text.
    #[must_use]
    pub fn row(&self, terms: &Terms) -> Row {
        let mut row = Row::default();
        self.words
            .append(&[&terms.words, &terms.pairs], 1.0, 0, &mut row);
        let offset = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.grams
            .append(&[&terms.grams], GRAM_WEIGHT, offset, &mut row);
        row
    }

    /// How many terms a row can name.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.words.len() + self.grams.len()
    }

    /// Numbers in a vector.
    #[must_use]
    pub fn width(&self) -> usize {
        self.axes.width + self.meaning.projection.width
    }

    /// Writes the vector of a text: both halves of length 1, together of length 1.
    pub fn vector(&self, row: &Row, terms: &Terms, out: &mut [f32]) {
        out.fill(0.0);
        let (surface, meaning) = out.split_at_mut(self.axes.width.min(out.len()));
        for (term, weight) in row.terms.iter().zip(&row.weights) {
            add(surface, self.axes.row(*term as usize), *weight);
        }
        normalise(surface);
        self.meaning.add(terms, meaning);
        normalise(meaning);
        normalise(out);
    }
}

impl WordVectors {
    /// The direction of the known words of `terms`; empty when none is known.
    #[must_use]
    pub fn direction(&self, terms: &Terms) -> Vec<f32> {
        let mut places: Vec<u32> = terms
            .words
            .iter()
            .chain(&terms.characters)
            .filter_map(|hash| self.vocabulary.place(*hash))
            .collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Vec::new();
        }
        let mut sum = vec![0.0; self.vectors.width];
        for place in &places {
            add(&mut sum, self.vectors.row(*place as usize), 1.0);
        }
        normalise(&mut sum);
        sum
    }

    fn add(&self, terms: &Terms, out: &mut [f32]) {
        let mut direction = self.direction(terms);
        for (value, mean) in direction.iter_mut().zip(&self.mean) {
            *value -= mean;
        }
        for (place, value) in direction.iter().enumerate() {
            add(out, self.projection.row(place), *value);
        }
    }
}

/// `out += weight * row`.
pub fn add(out: &mut [f32], row: &[f32], weight: f32) {
    for (value, other) in out.iter_mut().zip(row) {
        *value += weight * other;
    }
}

/// The inner product, in sixteen fixed lanes.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let (left, left_rest) = a.as_chunks::<16>();
    let (right, right_rest) = b.as_chunks::<16>();
    for (x, y) in left.iter().zip(right) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Scales to length 1; zeros stay zeros.
pub fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}

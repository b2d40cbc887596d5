//! Learning of linear heads: an L2-regularised L2-loss support vector machine by dual coordinate
//! descent (Hsieh et al., ICML 2008), Naive-Bayes feature scaling (Wang and Manning, ACL 2012) and
//! Platt calibration.
//!
//! Invariants: one thread, fixed order (a linear congruential shuffle from a fixed seed), so the
//! same rows give the same weights, byte for byte. Not here: files, features.

use super::linear::{Calibration, bucket};

/// Rows of hashed features with labels. A row has two blocks, the text and what surrounds it,
/// each scaled by the root of its own size, so that a long surrounding does not drown the text.
#[derive(Default, Clone)]
pub struct Rows {
    /// Where each row begins in `hashes`, where its second block begins, where it ends.
    spans: Vec<(usize, usize, usize)>,
    /// Hashes of all rows, one after another.
    hashes: Vec<u64>,
    /// Whether the row belongs to the class.
    pub labels: Vec<bool>,
    /// Weight of the row in the loss.
    pub weights: Vec<f32>,
    /// What the row scores before anything is learnt: 0, or the score of a head that is taught further.
    bases: Vec<f32>,
}

impl Rows {
    /// Adds a row; one without features of the text is left out.
    pub fn push(&mut self, features: &[u64], context: &[u64], label: bool, weight: f32) {
        self.push_onto(0.0, features, context, label, weight);
    }

    /// Adds a row that a head scores already: what is learnt is what has to be added to it.
    pub fn push_onto(
        &mut self,
        base: f32,
        features: &[u64],
        context: &[u64],
        label: bool,
        weight: f32,
    ) {
        if features.is_empty() || weight <= 0.0 {
            return;
        }
        let from = self.hashes.len();
        self.hashes.extend_from_slice(features);
        let middle = self.hashes.len();
        self.hashes.extend_from_slice(context);
        self.spans.push((from, middle, self.hashes.len()));
        self.labels.push(label);
        self.weights.push(weight);
        self.bases.push(base);
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Features and context of a row.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u64], &[u64]) {
        blocks(&self.hashes, self.spans.get(row))
    }
}

fn blocks<'h, T>(all: &'h [T], span: Option<&(usize, usize, usize)>) -> (&'h [T], &'h [T]) {
    let (from, middle, to) = span.copied().unwrap_or_default();
    (
        all.get(from..middle).unwrap_or_default(),
        all.get(middle..to).unwrap_or_default(),
    )
}

/// The factor of the features of a block: 1 / sqrt(its size).
fn unit<T>(block: &[T]) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "counts of features of one text")]
    let n = block.len().max(1) as f32;
    1.0 / n.sqrt()
}

/// How to learn.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// Buckets are `2^bits`.
    pub bits: u32,
    /// Cost of an error.
    pub cost: f32,
    /// Passes over the rows.
    pub passes: u32,
    /// Share of the Naive-Bayes log-count ratio in the scale of a feature, 0 for none.
    pub bayes: f32,
    /// A feature of fewer rows than this is dropped.
    pub min_rows: u32,
}

/// Learnt weights, bias last taken apart.
pub struct Learnt {
    /// One per bucket.
    pub weights: Vec<f32>,
    /// The bias.
    pub bias: f32,
}

impl Learnt {
    /// Raw score of a row's two blocks.
    #[must_use]
    pub fn score(&self, (features, context): (&[u64], &[u64]), bits: u32) -> f32 {
        self.block(features, bits) + self.block(context, bits) + self.bias
    }

    fn block(&self, hashes: &[u64], bits: u32) -> f32 {
        let weight = |h: &u64| self.weights.get(bucket(*h, bits)).copied().unwrap_or(0.0);
        let sum: f64 = hashes.iter().map(|h| f64::from(weight(h))).sum();
        #[expect(clippy::cast_possible_truncation, reason = "scores are small")]
        let sum = sum as f32;
        sum * unit(hashes)
    }
}

/// Learns a head from rows.
#[must_use]
pub fn learn(rows: &Rows, recipe: &Recipe) -> Learnt {
    let scales = scales(rows, recipe);
    let mut learner = Learner {
        weights: vec![0.0; scales.len()],
        bias: 0.0,
        scales,
    };
    let buckets: Vec<u32> = rows
        .hashes
        .iter()
        .map(|h| u32::try_from(bucket(*h, recipe.bits)).unwrap_or_default())
        .collect();
    let mut states: Vec<State> = (0..rows.len())
        .map(|row| State {
            dual: 0.0,
            norm: learner.squared_norm(blocks(&buckets, rows.spans.get(row))),
            cost: recipe.cost * rows.weights.get(row).copied().unwrap_or(1.0),
            label: rows.labels.get(row).copied().unwrap_or_default(),
            base: rows.bases.get(row).copied().unwrap_or_default(),
        })
        .collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut seed = 7_u64;
    for _ in 0..recipe.passes {
        shuffle(&mut order, &mut seed);
        let mut largest = 0.0_f32;
        for &row in &order {
            if let Some(state) = states.get_mut(row) {
                let moved = learner.step(blocks(&buckets, rows.spans.get(row)), state);
                largest = largest.max(moved);
            }
        }
        if largest < 1e-3 {
            break;
        }
    }
    for (weight, scale) in learner.weights.iter_mut().zip(&learner.scales) {
        *weight *= scale;
    }
    Learnt {
        weights: learner.weights,
        bias: learner.bias,
    }
}

/// One row during learning.
struct State {
    dual: f32,
    norm: f32,
    cost: f32,
    label: bool,
    base: f32,
}

struct Learner {
    weights: Vec<f32>,
    bias: f32,
    scales: Vec<f32>,
}

impl Learner {
    /// Squared norm of a row with its bias feature.
    fn squared_norm(&self, (features, context): (&[u32], &[u32])) -> f32 {
        let mut values: Vec<(u32, f32)> = Vec::with_capacity(features.len() + context.len());
        for block in [features, context] {
            let unit = unit(block);
            values.extend(block.iter().map(|b| (*b, unit)));
        }
        values.sort_by_key(|(b, _)| *b);
        let sum: f32 = values
            .chunk_by(|a, b| a.0 == b.0)
            .map(|same| {
                let scale = same.first().and_then(|(b, _)| self.scales.get(*b as usize));
                let value = same.iter().map(|(_, u)| u).sum::<f32>() * scale.unwrap_or(&0.0);
                value * value
            })
            .sum();
        sum + 1.0
    }

    fn dot(&self, block: &[u32]) -> f32 {
        let sum: f32 = block
            .iter()
            .map(|b| {
                let b = *b as usize;
                self.weights.get(b).unwrap_or(&0.0) * self.scales.get(b).unwrap_or(&0.0)
            })
            .sum();
        sum * unit(block)
    }

    fn add(&mut self, block: &[u32], change: f32) {
        let change = change * unit(block);
        for b in block {
            let b = *b as usize;
            if let (Some(weight), Some(scale)) = (self.weights.get_mut(b), self.scales.get(b)) {
                *weight += change * scale;
            }
        }
    }

    /// One dual step; gives the size of the projected gradient.
    fn step(&mut self, (features, context): (&[u32], &[u32]), state: &mut State) -> f32 {
        let sign = if state.label { 1.0 } else { -1.0 };
        let score = self.dot(features) + self.dot(context) + self.bias + state.base;
        let diagonal = 0.5 / state.cost;
        let gradient = sign * score - 1.0 + state.dual * diagonal;
        let projected = if state.dual == 0.0 {
            gradient.min(0.0)
        } else {
            gradient
        };
        if projected.abs() < 1e-6 {
            return 0.0;
        }
        let before = state.dual;
        state.dual = (before - gradient / (state.norm + diagonal)).max(0.0);
        let change = (state.dual - before) * sign;
        self.add(features, change);
        self.add(context, change);
        self.bias += change;
        projected.abs()
    }
}

/// The scale of each bucket: 0 where too few rows have it, else a mix of 1 and the absolute
/// log-count ratio between the classes.
fn scales(rows: &Rows, recipe: &Recipe) -> Vec<f32> {
    let size = 1_usize << recipe.bits;
    let mut counts = vec![(0.0_f32, 0.0_f32, 0_u32, u32::MAX); size];
    for row in 0..rows.len() {
        let label = rows.labels.get(row).copied().unwrap_or_default();
        let weight = rows.weights.get(row).copied().unwrap_or(1.0);
        let this = u32::try_from(row).unwrap_or(u32::MAX - 1);
        let (features, context) = rows.row(row);
        for hash in features.iter().chain(context) {
            let Some(count) = counts.get_mut(bucket(*hash, recipe.bits)) else {
                continue;
            };
            if count.3 == this {
                continue;
            }
            count.3 = this;
            count.2 += 1;
            if label {
                count.0 += weight;
            } else {
                count.1 += weight;
            }
        }
    }
    let (mut yes, mut no) = (0.0_f64, 0.0_f64);
    for count in &counts {
        yes += f64::from(count.0);
        no += f64::from(count.1);
    }
    counts
        .iter()
        .map(|(p, n, seen, _)| {
            if *seen < recipe.min_rows {
                return 0.0;
            }
            let ratio = ((f64::from(*p) + 1.0) / yes.max(1.0)).ln()
                - ((f64::from(*n) + 1.0) / no.max(1.0)).ln();
            #[expect(clippy::cast_possible_truncation, reason = "a small ratio")]
            let ratio = ratio.abs().min(3.0) as f32;
            recipe.bayes.mul_add(ratio, 1.0 - recipe.bayes)
        })
        .collect()
}

/// Fisher-Yates with a linear congruential generator (Knuth's MMIX constants).
pub fn shuffle(order: &mut [usize], seed: &mut u64) {
    for i in (1..order.len()).rev() {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let j = usize::try_from((*seed >> 33) % (i as u64 + 1)).unwrap_or(0);
        order.swap(i, j);
    }
}

/// Platt's fit of `P(class) = sigmoid(slope * score + offset)` by Newton steps with his smoothed
/// targets, each example weighted.
#[must_use]
pub fn platt(examples: &[(f32, bool, f32)]) -> Calibration {
    let yes: f64 = examples
        .iter()
        .filter(|e| e.1)
        .map(|e| f64::from(e.2))
        .sum();
    let no: f64 = examples
        .iter()
        .filter(|e| !e.1)
        .map(|e| f64::from(e.2))
        .sum();
    let high = (yes + 1.0) / (yes + 2.0);
    let low = 1.0 / (no + 2.0);
    let (mut slope, mut offset) = (1.0_f64, 0.0_f64);
    for _ in 0..50 {
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 1e-9, 0.0, 1e-9);
        for (score, label, weight) in examples {
            let (x, weight) = (f64::from(*score), f64::from(*weight));
            let p = 1.0 / (1.0 + (-(slope * x + offset)).exp());
            let target = if *label { high } else { low };
            let (d, h) = (weight * (p - target), weight * p * (1.0 - p));
            g0 += d * x;
            g1 += d;
            h00 += h * x * x;
            h01 += h * x;
            h11 += h;
        }
        let determinant = h00 * h11 - h01 * h01;
        if determinant.abs() < 1e-12 {
            break;
        }
        let a = (h11 * g0 - h01 * g1) / determinant;
        let b = (h00 * g1 - h01 * g0) / determinant;
        let damping = 1.0_f64.min(2.0 / a.abs().max(b.abs()).max(1e-9));
        slope -= damping * a;
        offset -= damping * b;
        if a.abs() + b.abs() < 1e-9 {
            break;
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "single precision is what a head keeps"
    )]
    let calibration = Calibration {
        slope: slope as f32,
        offset: offset as f32,
    };
    calibration
}

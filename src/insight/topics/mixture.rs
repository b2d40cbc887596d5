//! The last step: texts are given to the topic whose words fit them best (a multinomial mixture, classification
//! EM as Celeux and Govaert 1992), starting from a partition by distance.
//!
//! Distances weigh every axis alike; word probabilities know which words decide. Invariants: sums run in the order
//! of the texts; no topic becomes empty.

use rayon::prelude::*;

use super::linear::Sparse;

/// Added to every word's weight in every topic.
const SMOOTHING: f64 = 0.05;
/// How much the sizes of topics count.
const PRIOR: f32 = 0.3;

/// Word weights of topics.
#[derive(Debug, Clone)]
pub struct Mixture {
    topics: usize,
    /// By term, one number per topic.
    weights: Vec<f32>,
    priors: Vec<f32>,
}

impl Mixture {
    /// Learns from a partition. `terms` is the transposed matrix of the texts.
    pub fn learn(terms: &Sparse, labels: &[u32], topics: usize) -> Self {
        let sums: Vec<Vec<f64>> = (0..terms.rows())
            .into_par_iter()
            .with_min_len(256)
            .map(|term| {
                let mut sums = vec![SMOOTHING; topics];
                let (texts, weights) = terms.row(term);
                for (text, weight) in texts.iter().zip(weights) {
                    let label = labels
                        .get(*text as usize)
                        .map_or(usize::MAX, |label| *label as usize);
                    if let Some(sum) = sums.get_mut(label) {
                        *sum += f64::from(*weight);
                    }
                }
                sums
            })
            .collect();
        let mut totals = vec![0.0_f64; topics];
        for sums in &sums {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total += sum;
            }
        }
        let logs: Vec<f64> = totals.iter().map(|total| total.ln()).collect();
        let weights = sums
            .iter()
            .flat_map(|sums| {
                sums.iter()
                    .zip(&logs)
                    .map(|(sum, log)| (sum.ln() - log) as f32)
            })
            .collect();
        let mut counts = vec![1.0_f32; topics];
        for label in labels {
            if let Some(count) = counts.get_mut(*label as usize) {
                *count += 1.0;
            }
        }
        Self {
            topics,
            weights,
            priors: counts.into_iter().map(|count| PRIOR * count.ln()).collect(),
        }
    }

    /// The topic that fits a row of terms best.
    pub fn best(&self, terms: &[u32], weights: &[f32]) -> u32 {
        let mut scores = self.priors.clone();
        for (term, weight) in terms.iter().zip(weights) {
            let from = *term as usize * self.topics;
            let known = self
                .weights
                .get(from..from + self.topics)
                .unwrap_or_default();
            crate::enrich::topic::add(&mut scores, known, *weight);
        }
        let best =
            scores
                .iter()
                .zip(0_u32..)
                .fold((f32::NEG_INFINITY, 0), |best, (score, topic)| {
                    if *score > best.0 {
                        (*score, topic)
                    } else {
                        best
                    }
                });
        best.1
    }
}

/// Improves a partition of the rows of `texts`.
pub fn improve(
    texts: &Sparse,
    labels: Vec<u32>,
    topics: usize,
    rounds: usize,
) -> (Vec<u32>, Mixture) {
    let terms = texts.transposed();
    let mut labels = labels;
    let mut mixture = Mixture::learn(&terms, &labels, topics);
    for _ in 0..rounds {
        let next: Vec<u32> = (0..texts.rows())
            .into_par_iter()
            .with_min_len(256)
            .map(|text| {
                let (terms, weights) = texts.row(text);
                if terms.is_empty() {
                    return labels.get(text).copied().unwrap_or(0);
                }
                mixture.best(terms, weights)
            })
            .collect();
        let mut sizes = vec![0_usize; topics];
        for label in &next {
            if let Some(size) = sizes.get_mut(*label as usize) {
                *size += 1;
            }
        }
        let moved = labels.iter().zip(&next).filter(|(a, b)| a != b).count();
        if moved == 0 || sizes.contains(&0) {
            break;
        }
        labels = next;
        mixture = Mixture::learn(&terms, &labels, topics);
        if moved * 1_000 < labels.len() {
            break;
        }
    }
    (labels, mixture)
}

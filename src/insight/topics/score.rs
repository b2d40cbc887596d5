//! How well topics match labels that people gave, and what a plain method reaches on the same texts.
//!
//! Accuracy: share of texts whose topic is the one paired with their label, pairs chosen so that the share is
//! greatest. NMI: mutual information over the arithmetic mean of both entropies. Texts without a topic count as one
//! topic more. The plain method: TF-IDF of words and characters on the leading axes, k-means.

use std::collections::BTreeMap;

use super::kmeans;
use super::{Settings, axes};
use crate::enrich::segment::Segmenter;
use crate::enrich::topic::{Matrix, Terms, normalise};
use crate::insight::matching::assign;

/// Agreement of a partition with labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// 0 to 1.
    pub accuracy: f64,
    /// 0 to 1.
    pub nmi: f64,
}

/// Compares the topic of each text with its label.
#[must_use]
pub fn agreement(topics: &[Option<u32>], labels: &[&str]) -> Agreement {
    let mut columns: BTreeMap<&str, usize> = BTreeMap::new();
    for label in labels {
        let next = columns.len();
        columns.entry(label).or_insert(next);
    }
    let mut rows: BTreeMap<Option<u32>, Vec<f64>> = BTreeMap::new();
    for (topic, label) in topics.iter().zip(labels) {
        let row = rows
            .entry(*topic)
            .or_insert_with(|| vec![0.0; columns.len()]);
        if let Some(count) = columns.get(label).and_then(|column| row.get_mut(*column)) {
            *count += 1.0;
        }
    }
    let both: Vec<Vec<f64>> = rows.into_values().collect();
    let total: f64 = both.iter().flatten().sum();
    if total == 0.0 {
        return Agreement {
            accuracy: 0.0,
            nmi: 0.0,
        };
    }
    let pairs = assign(&both);
    let right = pairs.iter().zip(&both);
    let right: f64 = right.filter_map(|(column, row)| row.get((*column)?)).sum();
    Agreement {
        accuracy: right / total,
        nmi: information(&both, total),
    }
}

fn information(both: &[Vec<f64>], total: f64) -> f64 {
    let rows: Vec<f64> = both.iter().map(|row| row.iter().sum()).collect();
    let width = both.first().map_or(0, Vec::len);
    let columns: Vec<f64> = (0..width)
        .map(|j| both.iter().filter_map(|row| row.get(j)).sum())
        .collect();
    let entropy = |sizes: &[f64]| -> f64 {
        let shares = sizes
            .iter()
            .filter(|size| **size > 0.0)
            .map(|size| size / total);
        -shares.map(|share| share * share.ln()).sum::<f64>()
    };
    let mut mutual = 0.0;
    for (row, all) in both.iter().zip(&rows) {
        for (count, other) in row.iter().zip(&columns) {
            if *count > 0.0 {
                mutual += count / total * (count * total / (all * other)).ln();
            }
        }
    }
    let mean = f64::midpoint(entropy(&rows), entropy(&columns));
    // Two partitions of one part each say the same.
    if mean <= 0.0 {
        1.0
    } else {
        (mutual / mean).clamp(0.0, 1.0)
    }
}

/// What the plain method makes of `texts`: the topic of each.
#[must_use]
pub fn plain(segmenter: &Segmenter, texts: &[&str], topics: usize, seed: u64) -> Vec<Option<u32>> {
    let terms: Vec<Terms> = texts
        .iter()
        .map(|text| Terms::of(segmenter, text))
        .collect();
    let found = axes::find(&terms, seed);
    let width = found.space.axes.width;
    let mut surface = Matrix::zeros(texts.len(), width);
    if width == 0 {
        return vec![Some(0); texts.len()];
    }
    for (place, row) in surface.values.chunks_mut(width).enumerate() {
        row.copy_from_slice(found.vectors.row(place).get(..width).unwrap_or_default());
        normalise(row);
    }
    let starts = (0..3).map(|start| {
        kmeans::cluster(
            &surface,
            topics,
            seed.wrapping_mul(31).wrapping_add(start),
            40,
        )
    });
    let best = starts.min_by(|a, b| a.inertia.total_cmp(&b.inertia));
    best.map_or_else(Vec::new, |best| best.labels.into_iter().map(Some).collect())
}

/// One seed's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The seed.
    pub seed: u64,
    /// How many topics there were.
    pub topics: usize,
    /// What is shipped.
    pub found: Agreement,
    /// The plain method with the same number of topics.
    pub plain: Agreement,
}

/// Clusters labelled texts and compares, beside the plain method.
#[must_use]
pub fn score(segmenter: &Segmenter, texts: &[&str], labels: &[&str], settings: Settings) -> Scored {
    let clustering = super::cluster(segmenter, texts, settings);
    let given = clustering.assignments.iter();
    let topics: Vec<Option<u32>> = given.map(|given| given.map(|given| given.topic)).collect();
    let number = clustering.topics.len();
    Scored {
        seed: settings.seed,
        topics: number,
        found: agreement(&topics, labels),
        plain: agreement(
            &plain(segmenter, texts, number.max(1), settings.seed),
            labels,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_of_known_partitions() {
        let labels = ["a", "a", "b", "b"];
        let same = agreement(&[Some(3), Some(3), Some(1), Some(1)], &labels);
        assert_eq!((same.accuracy, same.nmi), (1.0, 1.0));
        let unrelated = agreement(&[Some(0), Some(1), Some(0), Some(1)], &labels);
        assert!((unrelated.accuracy - 0.5).abs() < 1e-12 && unrelated.nmi < 1e-12);
        let one = agreement(&[Some(0); 4], &labels);
        assert!((one.accuracy - 0.5).abs() < 1e-12 && one.nmi < 1e-12);
        // Entropies ln 2 and 1.0397, mutual information .6931: 2 * .6931 / 1.7329.
        let finer = agreement(&[Some(0), Some(0), Some(1), None], &labels);
        assert!((finer.nmi - 0.8).abs() < 1e-3 && (finer.accuracy - 0.75).abs() < 1e-12);
    }
}

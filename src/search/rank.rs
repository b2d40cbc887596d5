//! The pair ranker: a weighted sum of features, learnt on questions whose right text is known.
//!
//! Invariants: fixed order of sums; the same examples give the same weights. It does not say whether the best
//! candidate is good enough: see `calibrate`.

use super::features::{FEATURES, Features};

/// Weights of the features.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ranker {
    /// One weight for each feature.
    pub weights: Vec<f32>,
}

/// The candidates of one query: features, and whether the text belongs to the right article.
pub type Example = Vec<(Features, bool)>;

impl Ranker {
    /// The score of a candidate.
    #[must_use]
    pub fn score(&self, features: &Features) -> f32 {
        self.weights.iter().zip(features).map(|(w, x)| w * x).sum()
    }

    /// Learns weights from examples with what each counts; they put right candidates over wrong ones: softmax over each query's candidates, full
    /// gradient with momentum, ridge penalty.
    #[must_use]
    pub fn learn(examples: &[(Example, f32)], rounds: u32, ridge: f32) -> Self {
        let mut ranker = Self {
            weights: vec![0.0; FEATURES],
        };
        let mut first = [0.0_f32; FEATURES];
        let mut second = [0.0_f32; FEATURES];
        let usable: Vec<&(Example, f32)> = examples
            .iter()
            .filter(|(example, _)| example.iter().any(|c| c.1) && example.iter().any(|c| !c.1))
            .collect();
        let total: f32 = usable.iter().map(|example| example.1).sum();
        let count = total.max(1e-6);
        for round in 1..=rounds {
            let mut gradient = [0.0_f32; FEATURES];
            for (example, weight) in usable.iter().copied() {
                ranker.push(example, *weight, &mut gradient);
            }
            let round = f64::from(round);
            #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
            let (a, b) = (
                (1.0 - 0.9_f64.powf(round)) as f32,
                (1.0 - 0.999_f64.powf(round)) as f32,
            );
            for ((weight, g), (m, v)) in ranker
                .weights
                .iter_mut()
                .zip(&gradient)
                .zip(first.iter_mut().zip(&mut second))
            {
                let g = g / count - ridge * *weight;
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                *weight += 0.1 * (*m / a) / ((*v / b).sqrt() + 1e-6);
            }
        }
        ranker
    }

    fn push(&self, example: &Example, weight: f32, gradient: &mut [f32]) {
        let scores: Vec<f32> = example
            .iter()
            .map(|(features, _)| self.score(features))
            .collect();
        let most = scores.iter().copied().fold(f32::MIN, f32::max);
        let exps: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
        let all: f32 = exps.iter().sum();
        let right: f32 = exps
            .iter()
            .zip(example)
            .filter(|(_, c)| c.1)
            .map(|(e, _)| e)
            .sum();
        for (e, (features, is_right)) in exps.iter().zip(example) {
            let wanted = if *is_right { e / right.max(1e-20) } else { 0.0 };
            let error = (wanted - e / all) * weight;
            for (g, x) in gradient.iter_mut().zip(features) {
                *g += error * x;
            }
        }
    }
}

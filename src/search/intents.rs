//! Which article a query means, learnt from the questions of the base itself: one linear separator for each article
//! that has enough of them.
//!
//! Invariants: fixed order and one thread, so the same questions give the same separators; memory is bounded by
//! [`MAX_WEIGHTS`]. It is a squared-hinge support vector machine, one against the rest, by dual coordinate descent
//! (Hsieh et al., ICML 2008); all classes of one example are stepped at once, because their rows lie together.

use std::collections::HashMap;

use super::analysis::{Analysis, Term};
use super::train::Generator;

/// An article with fewer questions gets no separator.
pub const LEAST_TEXTS: usize = 5;
/// A base with fewer such articles gets none at all.
pub const LEAST_CLASSES: usize = 5;
/// Most weights, 4 bytes each; terms that are seen least are left out first.
const MAX_WEIGHTS: usize = 24_000_000;
const COST: f32 = 1.0;
const SEED: u64 = 17;

/// A question and the number of its class.
#[derive(Debug, Clone)]
pub struct Labelled<'a> {
    /// The question.
    pub analysis: &'a Analysis,
    /// Its class, from 0 without gaps.
    pub class: usize,
}

/// Separators for all classes.
#[derive(Debug, Clone, Default)]
pub struct Intents {
    classes: usize,
    terms: HashMap<Term, usize>,
    rarity: Vec<f32>,
    /// One row of `classes` for each term, and one more for the constant.
    weights: Vec<f32>,
}

/// A sparse vector of length about 1.
type Sparse = Vec<(usize, f32)>;

impl Intents {
    /// Learns from questions; `rounds` over all of them.
    #[must_use]
    pub fn learn(questions: &[Labelled<'_>], classes: usize, rounds: u32) -> Self {
        let mut made = Self::vocabulary(questions, classes);
        let vectors: Vec<Sparse> = questions
            .iter()
            .map(|one| made.vector(one.analysis))
            .collect();
        let lengths: Vec<f32> = vectors
            .iter()
            .map(|v| v.iter().map(|(_, x)| x * x).sum::<f32>() + 0.5 / COST)
            .collect();
        let mut alphas = vec![0.0_f32; questions.len() * classes];
        let mut order: Vec<usize> = (0..questions.len()).collect();
        let mut generator = Generator(SEED);
        let mut scores = vec![0.0_f32; classes];
        for _ in 0..rounds {
            generator.shuffle(&mut order);
            for &i in &order {
                let (Some(vector), Some(length), Some(one)) =
                    (vectors.get(i), lengths.get(i), questions.get(i))
                else {
                    continue;
                };
                let Some(alpha) = alphas.get_mut(i * classes..(i + 1) * classes) else {
                    continue;
                };
                made.scores_of(vector, &mut scores);
                step(&mut scores, alpha, one.class, *length);
                made.move_by(vector, &scores);
            }
        }
        made
    }

    fn vocabulary(questions: &[Labelled<'_>], classes: usize) -> Self {
        let mut seen: HashMap<Term, u32> = HashMap::new();
        for one in questions {
            let mut terms: Vec<Term> = one
                .analysis
                .words
                .iter()
                .chain(&one.analysis.pairs)
                .chain(&one.analysis.parts)
                .copied()
                .collect();
            terms.sort_unstable();
            terms.dedup();
            for term in terms {
                *seen.entry(term).or_default() += 1;
            }
        }
        let n = questions.len();
        let room = MAX_WEIGHTS / classes.max(1);
        let least = if n > 400 { 2 } else { 1 };
        let mut terms: Vec<(u32, Term)> = seen
            .into_iter()
            .filter(|&(_, seen)| seen >= least)
            .map(|(term, seen)| (seen, term))
            .collect();
        terms.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        terms.truncate(room.saturating_sub(1));
        #[expect(clippy::cast_precision_loss, reason = "a count of questions")]
        let n = n as f32;
        #[expect(clippy::cast_precision_loss, reason = "a count of questions")]
        let rarity: Vec<f32> = terms
            .iter()
            .map(|&(seen, _)| ((1.0 + n) / (1.0 + seen as f32)).ln() + 1.0)
            .collect();
        let weights = vec![0.0; (terms.len() + 1) * classes];
        Self {
            classes,
            terms: terms.into_iter().map(|(_, term)| term).zip(0..).collect(),
            rarity,
            weights,
        }
    }

    /// Words and word pairs together have the length of parts together.
    fn vector(&self, analysis: &Analysis) -> Sparse {
        let mut vector = Sparse::new();
        let words = analysis.words.iter().chain(&analysis.pairs);
        for group in [words.copied().collect::<Vec<_>>(), analysis.parts.clone()] {
            let mut group: Vec<usize> = group
                .iter()
                .filter_map(|term| self.terms.get(term).copied())
                .collect();
            group.sort_unstable();
            group.dedup();
            let values: Vec<(usize, f32)> = group
                .into_iter()
                .filter_map(|place| Some((place, *self.rarity.get(place)?)))
                .collect();
            let length = values.iter().map(|(_, x)| x * x).sum::<f32>().sqrt();
            if length > 0.0 {
                vector.extend(
                    values
                        .into_iter()
                        .map(|(place, x)| (place, x / length / std::f32::consts::SQRT_2)),
                );
            }
        }
        // The constant.
        vector.push((self.terms.len(), 1.0));
        vector
    }

    fn scores_of(&self, vector: &Sparse, scores: &mut [f32]) {
        scores.fill(0.0);
        for &(place, value) in vector {
            if let Some(row) = self
                .weights
                .get(place * self.classes..(place + 1) * self.classes)
            {
                for (score, weight) in scores.iter_mut().zip(row) {
                    *score += value * weight;
                }
            }
        }
    }

    fn move_by(&mut self, vector: &Sparse, steps: &[f32]) {
        for &(place, value) in vector {
            if let Some(row) = self
                .weights
                .get_mut(place * self.classes..(place + 1) * self.classes)
            {
                for (weight, step) in row.iter_mut().zip(steps) {
                    *weight += value * step;
                }
            }
        }
    }

    /// The margin of each class; empty without classes.
    #[must_use]
    pub fn scores(&self, analysis: &Analysis) -> Vec<f32> {
        let mut scores = vec![0.0; self.classes];
        if self.classes > 0 {
            self.scores_of(&self.vector(analysis), &mut scores);
        }
        scores
    }
}

/// Replaces the margins of one example by the steps of its rows.
fn step(scores: &mut [f32], alpha: &mut [f32], class: usize, length: f32) {
    for (place, (score, alpha)) in scores.iter_mut().zip(alpha).enumerate() {
        let sign = if place == class { 1.0 } else { -1.0 };
        let gradient = sign * *score - 1.0 + *alpha * (0.5 / COST);
        let next = (*alpha - gradient / length).max(0.0);
        *score = (next - *alpha) * sign;
        *alpha = next;
    }
}

#[cfg(test)]
mod tests {
    use super::super::analysis::analyse;
    use super::*;

    #[test]
    fn questions_find_their_class() {
        let texts = [
            ("how do i top up my account", 0),
            ("add money to the account", 0),
            ("top-up by card", 0),
            ("my card was stolen", 1),
            ("i lost my card", 1),
            ("card is missing", 1),
            ("what is the exchange rate", 2),
            ("which rate do you use for euros", 2),
            ("currency exchange rates", 2),
        ];
        let analyses: Vec<_> = texts
            .iter()
            .map(|(text, class)| (analyse(text), *class))
            .collect();
        let labelled: Vec<_> = analyses
            .iter()
            .map(|(analysis, class)| Labelled {
                analysis,
                class: *class,
            })
            .collect();
        let intents = Intents::learn(&labelled, 3, 10);
        for (text, class) in [
            ("top up account", 0),
            ("stolen card", 1),
            ("rate for exchange", 2),
        ] {
            let scores = intents.scores(&analyse(text));
            let best = scores
                .iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(b.1))
                .unwrap()
                .0;
            assert_eq!(best, class, "{text} {scores:?}");
        }
        assert!(Intents::default().scores(&analyse("x")).is_empty());
    }
}

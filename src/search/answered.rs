//! P(answered): how likely the best article answers the query. A logistic model over what the search found; shipped
//! for any base, and learnt again for each base from its own questions.
//!
//! Invariants: the probability lies in 0..=1 and grows with the same evidence; learning for a base starts from the
//! shipped weights and stays near them when the base has little to learn from. It counts evidence of texts alone:
//! what people did with an answer is not known here.

use super::features::{FEATURES, Features};

/// Numbers of [`Evidence`].
pub const EVIDENCE: usize = FEATURES + 15;

/// What the search found for one query, as numbers.
pub type Evidence = [f32; EVIDENCE];

/// What [`evidence`] is made of.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Features of the best text of the best article.
    pub best: &'a Features,
    /// Pair score of the best article, of the second one (the floor without), and the mean of five.
    pub scores: [f32; 3],
    /// Share of the query's weight in words that the base knows.
    pub known: f32,
    /// Letters and digits of the query.
    pub length: u16,
    /// Margins of the separators: best, second; `None` when the base has none.
    pub margins: Option<[f32; 2]>,
    /// Mean and spread of the best score when the right article is taken out.
    pub usual: [f32; 2],
    /// The margin of the best article itself.
    pub own_margin: f32,
    /// Mean score of the three best texts of the best article.
    pub depth: f32,
}

/// The numbers of what was found.
#[must_use]
pub fn evidence(found: &Found<'_>) -> Evidence {
    let mut all = [0.0; EVIDENCE];
    let [best, second, mean] = found.scores;
    let [usual, spread] = found.usual;
    let margins = found.margins.unwrap_or([0.0, 0.0]);
    let has = if found.margins.is_some() { 1.0 } else { 0.0 };
    let more = [
        1.0,
        best / 5.0,
        (best - second) / 5.0,
        (best - mean) / 5.0,
        found.known,
        (f32::from(found.length) + 1.0).ln() / 3.0,
        (best - usual) / spread.max(0.2) / 3.0,
        has,
        margins[0] * has,
        (margins[0] - margins[1]) * has,
        found.own_margin * has,
        found.known * found.known,
        (found.depth - usual) / spread.max(0.2) / 3.0 * has,
        (margins[0] * 4.0).tanh() * found.known * has,
        (best - found.depth) / 5.0,
    ];
    for (value, x) in all.iter_mut().zip(found.best.iter().copied().chain(more)) {
        *value = x;
    }
    all
}

/// Pair score, depth and own margin that went into the evidence.
#[must_use]
pub fn parts(evidence: &Evidence) -> [f32; 3] {
    let at = |place: usize| evidence.get(FEATURES + place).copied().unwrap_or(0.0);
    let pair = at(1) * 5.0;
    [pair, pair - at(14) * 5.0, at(10)]
}

/// Whether separators went into the evidence.
#[must_use]
pub fn has_margin(evidence: &Evidence) -> bool {
    evidence.get(FEATURES + 7).is_some_and(|has| *has > 0.5)
}

/// The same evidence under another idea of what is usual.
#[must_use]
pub fn rebase(evidence: &Evidence, usual: [f32; 2]) -> Evidence {
    let [pair, depth, _] = parts(evidence);
    let has = if has_margin(evidence) { 1.0 } else { 0.0 };
    let [mean, spread] = usual;
    let mut rebased = *evidence;
    for (place, value) in [
        (6, (pair - mean) / spread.max(0.2) / 3.0),
        (12, (depth - mean) / spread.max(0.2) / 3.0 * has),
    ] {
        if let Some(slot) = rebased.get_mut(FEATURES + place) {
            *slot = value;
        }
    }
    rebased
}

/// The numbers that mean the same in every base. The others, such as the length of the query, depend on what a base
/// holds and on who asks; only a base itself may learn from them.
#[must_use]
pub fn general(evidence: &Evidence) -> Evidence {
    let mut general = [0.0; EVIDENCE];
    let own = [0, 1, 2, 4, 6].map(|place| FEATURES + place);
    for place in own.into_iter().chain(MASSES) {
        if let (Some(slot), Some(value)) = (general.get_mut(place), evidence.get(place)) {
            *slot = *value;
        }
    }
    general
}

/// Places of the matched weight of words, synonyms and parts in the features.
const MASSES: [usize; 3] = [28, 29, 30];

/// The logistic model.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Answered {
    /// One weight for each number of [`Evidence`].
    pub weights: Vec<f32>,
}

impl Answered {
    /// The log odds.
    #[must_use]
    pub fn log_odds(&self, evidence: &Evidence) -> f32 {
        self.weights.iter().zip(evidence).map(|(w, x)| w * x).sum()
    }

    /// The probability.
    #[must_use]
    pub fn probability(&self, evidence: &Evidence) -> f32 {
        1.0 / (1.0 + (-self.log_odds(evidence)).exp())
    }

    /// Learns from queries that are known to be answered (by the article that came first) or not, with what each counts. `near` are the
    /// weights that a penalty of `ridge` pulls towards; both classes count the same in sum.
    #[must_use]
    pub fn learn(
        examples: &[(Evidence, bool, f32)],
        near: Option<&Self>,
        ridge: f32,
        rounds: u32,
    ) -> Self {
        let anchor = near.map_or_else(|| vec![0.0; EVIDENCE], |near| near.weights.clone());
        let mut model = Self {
            weights: anchor.clone(),
        };
        model.weights.resize(EVIDENCE, 0.0);
        let count = |wanted: bool| {
            let of = examples.iter().filter(|example| example.1 == wanted);
            of.map(|example| example.2).sum::<f32>().max(1e-6)
        };
        let shares = [0.5 / count(false), 0.5 / count(true)];
        let (mut first, mut second) = ([0.0_f32; EVIDENCE], [0.0_f32; EVIDENCE]);
        for round in 1..=rounds {
            let mut gradient = [0.0_f32; EVIDENCE];
            for (evidence, is_answered, weight) in examples {
                let wanted = if *is_answered { 1.0 } else { 0.0 };
                let error = (wanted - model.probability(evidence))
                    * weight
                    * shares[usize::from(*is_answered)];
                for (g, x) in gradient.iter_mut().zip(evidence) {
                    *g += error * x;
                }
            }
            let bias =
                |beta: f32| 1.0 - beta.powf(f32::from(u16::try_from(round).unwrap_or(u16::MAX)));
            let (a, b) = (bias(0.9), bias(0.999));
            for (((weight, anchor), g), (m, v)) in model
                .weights
                .iter_mut()
                .zip(&anchor)
                .zip(&gradient)
                .zip(first.iter_mut().zip(&mut second))
            {
                let g = g - ridge * (*weight - anchor);
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                *weight += 0.05 * (*m / a) / ((*v / b).sqrt() + 1e-7);
            }
        }
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_separates_and_stays_near() {
        let mut examples = Vec::new();
        for step in 0..40_u8 {
            let mut one = [0.0; EVIDENCE];
            one[4] = f32::from(step) / 40.0;
            one[FEATURES] = 1.0;
            examples.push((one, step > 20, 1.0));
        }
        let model = Answered::learn(&examples, None, 1e-4, 400);
        let p = |at: usize| model.probability(&examples[at].0);
        assert!(p(2) < 0.2 && p(38) > 0.8, "{} {}", p(2), p(38));
        let kept = Answered::learn(&[], Some(&model), 0.1, 10);
        assert_eq!(kept, model);
    }
}

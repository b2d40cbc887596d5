//! How the heads are learnt from examples.
//!
//! Invariants: texts of the scored part ([`corpus::is_test`]) are never learnt from; the folds of
//! the calibration go by dialogue or by hash of the text; the same examples in the same order give
//! the same bytes. Not here: files, figures.

use sha2::{Digest, Sha256};

use super::corpus::{Example, is_test};
use super::features::{Grams, Symbols};
use super::{Surroundings, context_features};
use crate::model::learn::{Learnt, Recipe, Rows, learn, platt};
use crate::model::linear::{BadModel, Calibration, Linear};

/// How a head is learnt.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Which n-grams.
    pub grams: Grams,
    /// The learner's own.
    pub recipe: Recipe,
    /// Whether the class is made as heavy as the rest.
    pub balanced: bool,
}

impl Settings {
    /// What the shipped polarity heads use.
    #[must_use]
    pub fn polarity(grams: Grams) -> Self {
        Self {
            grams,
            recipe: Recipe {
                bits: if grams == Grams::Chinese { 22 } else { 19 },
                cost: 0.6,
                passes: 12,
                bayes: 1.0,
                min_rows: 1,
            },
            balanced: false,
        }
    }

    /// What the shipped dissatisfaction heads use.
    #[must_use]
    pub fn dissatisfaction(grams: Grams) -> Self {
        let mut settings = Self::polarity(grams);
        if grams == Grams::Chinese {
            settings.recipe.bits = 20;
        } else {
            settings.recipe.cost = 0.03;
            settings.balanced = true;
        }
        settings
    }
}

/// Features of text and surroundings.
#[must_use]
pub fn features_of(example: &Example, grams: Grams) -> (Vec<u64>, Vec<u64>) {
    let mut features = Vec::new();
    Symbols::of(&example.text).features(grams, &mut features);
    let mut context = Vec::new();
    let around = Surroundings {
        previous: example.previous.as_deref().map(Symbols::of),
        position: example.position,
        repeated: example.repeated,
    };
    context_features(&around, grams, &mut context);
    (features, context)
}

/// An example as the learner takes it.
pub struct Prepared {
    features: Vec<u64>,
    context: Vec<u64>,
    target: f32,
    weight: f32,
    is_real: bool,
    fold: u8,
}

const FOLDS: u8 = 5;

/// Features of all examples that may be learnt from.
#[must_use]
pub fn prepare(examples: &[Example], grams: Grams) -> Vec<Prepared> {
    examples
        .iter()
        .filter(|e| !(e.is_real && e.position.is_none() && is_test(&e.text)))
        .map(|e| {
            let (features, context) = features_of(e, grams);
            let hash = Sha256::digest(e.text.as_bytes());
            let by_text = hash.get(1).copied().unwrap_or_default() % FOLDS;
            let by_group = u8::try_from(e.group % u32::from(FOLDS)).unwrap_or_default();
            Prepared {
                features,
                context,
                target: e.target,
                weight: e.weight,
                is_real: e.is_real,
                fold: if e.position.is_none() {
                    by_text
                } else {
                    by_group
                },
            }
        })
        .collect()
}

fn rows<'p>(prepared: impl Iterator<Item = &'p Prepared>, balanced: bool) -> Rows {
    let mut rows = Rows::default();
    for p in prepared {
        rows.push(&p.features, &p.context, true, p.weight * p.target);
        rows.push(&p.features, &p.context, false, p.weight * (1.0 - p.target));
    }
    if balanced {
        let total = |class: bool| -> f32 {
            let both = rows.labels.iter().zip(&rows.weights);
            both.filter(|(l, _)| **l == class).map(|(_, w)| w).sum()
        };
        let (yes, no) = (total(true).max(1.0), total(false).max(1.0));
        for (label, weight) in rows.labels.iter().zip(&mut rows.weights) {
            *weight *= (yes + no) / (2.0 * if *label { yes } else { no });
        }
    }
    rows
}

/// Learns from prepared examples, without calibration.
#[must_use]
pub fn fit(prepared: &[Prepared], settings: &Settings) -> Learnt {
    learn(&rows(prepared.iter(), settings.balanced), &settings.recipe)
}

/// Scores of every example by a head that did not learn from its fold.
fn out_of_fold(prepared: &[Prepared], settings: &Settings) -> Vec<f32> {
    let mut scores = vec![0.0; prepared.len()];
    for fold in 0..FOLDS {
        let others = prepared.iter().filter(|p| p.fold != fold);
        let head = learn(&rows(others, settings.balanced), &settings.recipe);
        for (score, p) in scores.iter_mut().zip(prepared) {
            if p.fold == fold {
                *score = head.score((&p.features, &p.context), settings.recipe.bits);
            }
        }
    }
    scores
}

/// Learns a polarity head: weights from all examples, calibration from real texts and gate from
/// the others, both on scores out of fold.
///
/// # Errors
/// When no real text has a label.
pub fn polarity(name: &str, examples: &[Example], settings: &Settings) -> Result<Linear, BadModel> {
    let prepared = prepare(examples, settings.grams);
    let scores = out_of_fold(&prepared, settings);
    let calibration = calibrate(&prepared, &scores)?;
    let gate = gate(&prepared, &scores, calibration);
    finish(name, &prepared, settings, calibration, gate)
}

/// Learns a dissatisfaction head; its extra number is the probability with the best F1.
///
/// # Errors
/// When no real text has a label.
pub fn dissatisfaction(
    name: &str,
    examples: &[Example],
    settings: &Settings,
) -> Result<Linear, BadModel> {
    let prepared = prepare(examples, settings.grams);
    let scores = out_of_fold(&prepared, settings);
    let calibration = calibrate(&prepared, &scores)?;
    let threshold = best_f1(&prepared, &scores, calibration);
    finish(name, &prepared, settings, calibration, vec![threshold])
}

fn finish(
    name: &str,
    prepared: &[Prepared],
    settings: &Settings,
    calibration: Calibration,
    extra: Vec<f32>,
) -> Result<Linear, BadModel> {
    let head = fit(prepared, settings);
    Linear::quantise(name, head.bias, &head.weights, calibration, extra)
}

fn calibrate(prepared: &[Prepared], scores: &[f32]) -> Result<Calibration, BadModel> {
    let examples: Vec<(f32, bool, f32)> = prepared
        .iter()
        .zip(scores)
        .filter(|(p, _)| p.is_real && !p.features.is_empty() && (p.target - 0.5).abs() > 0.4)
        .map(|(p, score)| (*score, p.target > 0.5, 1.0))
        .collect();
    if examples.len() < 20 {
        return Err(BadModel("fewer than 20 labelled texts to calibrate on"));
    }
    Ok(platt(&examples))
}

/// The two numbers of the neutral gate, from own lines: `P(neutral)` falls with the size of the
/// log-odds.
fn gate(prepared: &[Prepared], scores: &[f32], calibration: Calibration) -> Vec<f32> {
    let examples: Vec<(f32, bool, f32)> = prepared
        .iter()
        .zip(scores)
        .filter(|(p, _)| !p.is_real && p.weight >= 0.25 && !p.features.is_empty())
        .map(|(p, score)| {
            let is_neutral = (p.target - 0.5).abs() < 0.1;
            (-calibration.logit(*score).abs(), is_neutral, 1.0)
        })
        .collect();
    if examples.len() < 20 || !examples.iter().any(|e| e.1) {
        return vec![-20.0, 0.0];
    }
    let fitted = platt(&examples);
    vec![fitted.offset, fitted.slope.max(0.0)]
}

fn best_f1(prepared: &[Prepared], scores: &[f32], calibration: Calibration) -> f32 {
    let mut told: Vec<(f32, bool)> = prepared
        .iter()
        .zip(scores)
        .filter(|(p, _)| p.is_real && !p.features.is_empty())
        .map(|(p, s)| {
            let probability = crate::model::linear::sigmoid(calibration.logit(*s));
            (probability, p.target > 0.5)
        })
        .collect();
    told.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = told.iter().filter(|t| t.1).count();
    let (mut hits, mut best) = (0_usize, (0.0_f64, 0.5_f32));
    for (i, (probability, is_true)) in told.iter().enumerate() {
        hits += usize::from(*is_true);
        #[expect(clippy::cast_precision_loss, reason = "counts of examples")]
        let f1 = 2.0 * hits as f64 / (i + 1 + positives) as f64;
        if f1 > best.0 {
            best = (f1, *probability);
        }
    }
    best.1
}

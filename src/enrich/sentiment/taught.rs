//! Heads taught further by what people said of turns.
//!
//! A taught head is the running one plus a correction of its weights, learnt on labels with the running score as the
//! starting point: with few labels it stays near what it was (the L2 term pulls the correction, not the weights, to
//! zero; Chelba and Acero 2004). Invariants: a text that [`is_held_back`] is never learnt from, whatever head is
//! taught, so every head of a chain can be compared on the same texts; the same labels in the same order give the
//! same bytes. Not here: where labels come from, files.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::corpus::is_test;
use super::features::{Grams, Symbols};
use super::{Label, Mood, gated};
use crate::model::learn::{Learnt, Recipe, Rows, learn, platt};
use crate::model::linear::{BadModel, Calibration, Linear};
use crate::model::measure::macro_f1;

/// Labels that a head is taught with at least.
pub const LEAST_TAUGHT: usize = 20;
/// Held-back labels that two heads are compared on at least.
pub const LEAST_HELD_BACK: usize = 20;
/// Labels of two classes from which on calibration is fitted again.
const LEAST_CALIBRATED: usize = 100;
/// Labels of a side from which on the neutral gate is fitted again.
const LEAST_GATED: usize = 20;
const FOLDS: u8 = 5;
/// Costs of an error that are tried; the one with the least loss out of fold is taken.
const COSTS: [f32; 3] = [0.05, 0.2, 0.8];
const PASSES: u32 = 20;
/// Buckets of a head that begins from nothing.
const NEW_BITS: u32 = 16;

/// Whether a text is kept for comparison and never learnt from: the first byte of its SHA-256 is below 51.
#[must_use]
pub fn is_held_back(text: &str) -> bool {
    is_test(text)
}

/// A text and what is right of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson<L> {
    /// The text, redacted.
    pub text: String,
    /// What people say.
    pub label: L,
}

/// A lesson as the learner takes it.
struct Prepared {
    features: Vec<u64>,
    base: f32,
    /// 1 for the class, 0 for the other, one half for neither.
    target: f32,
    fold: u8,
}

/// Lessons in the order of their texts, each text once with its last label, only those with features.
fn prepare<L: Copy>(
    lessons: &[Lesson<L>],
    held_back: bool,
    grams: Grams,
    score: &dyn Fn(&str, &[u64]) -> f32,
    target: &dyn Fn(L) -> f32,
) -> Vec<Prepared> {
    let last: BTreeMap<&str, L> = lessons.iter().map(|l| (l.text.as_str(), l.label)).collect();
    let mut out = Vec::new();
    for (text, label) in last {
        if is_held_back(text) != held_back {
            continue;
        }
        let mut features = Vec::new();
        Symbols::of(text).features(grams, &mut features);
        if features.is_empty() {
            continue;
        }
        let digest = Sha256::digest(text.as_bytes());
        out.push(Prepared {
            base: score(text, &features),
            target: target(label),
            fold: digest.get(1).copied().unwrap_or_default() % FOLDS,
            features,
        });
    }
    out
}

fn correction<'p>(lessons: impl Iterator<Item = &'p Prepared>, bits: u32, cost: f32) -> Learnt {
    let mut rows = Rows::default();
    for lesson in lessons {
        let (f, t) = (&lesson.features, lesson.target);
        rows.push_onto(lesson.base, f, &[], true, t);
        rows.push_onto(lesson.base, f, &[], false, 1.0 - t);
    }
    let recipe = Recipe {
        bits,
        cost,
        passes: PASSES,
        bayes: 0.0,
        min_rows: 1,
    };
    learn(&rows, &recipe)
}

/// Scores of lessons by corrections that did not learn from their fold.
fn out_of_fold(lessons: &[Prepared], bits: u32, cost: f32) -> Vec<f32> {
    let mut scores = vec![0.0; lessons.len()];
    for fold in 0..FOLDS {
        let learnt = correction(lessons.iter().filter(|l| l.fold != fold), bits, cost);
        for (score, lesson) in scores.iter_mut().zip(lessons) {
            if lesson.fold == fold {
                *score = lesson.base + learnt.score((&lesson.features, &[]), bits);
            }
        }
    }
    scores
}

/// Cost and scores out of fold with the least loss: `ln(1 + exp(-s))` of the class, both halves for neither.
fn best_cost(lessons: &[Prepared], bits: u32, calibration: Calibration) -> (f32, Vec<f32>) {
    let loss = |scores: &[f32]| -> f64 {
        let of = |lesson: &Prepared, score: &f32| {
            let logit = f64::from(calibration.logit(*score));
            let target = f64::from(lesson.target);
            target * (-logit).exp().ln_1p() + (1.0 - target) * logit.exp().ln_1p()
        };
        lessons.iter().zip(scores).map(|(l, s)| of(l, s)).sum()
    };
    let mut best: Option<(f64, f32, Vec<f32>)> = None;
    for cost in COSTS {
        let scores = out_of_fold(lessons, bits, cost);
        let found = loss(&scores);
        if best.as_ref().is_none_or(|(least, ..)| found < *least) {
            best = Some((found, cost, scores));
        }
    }
    best.map_or((0.2, Vec::new()), |(_, cost, scores)| (cost, scores))
}

fn enough(lessons: &[Prepared]) -> Result<(), BadModel> {
    if lessons.len() < LEAST_TAUGHT {
        return Err(BadModel("fewer than 20 labelled texts to teach it with"));
    }
    Ok(())
}

fn corrected(weights: &mut [f32], learnt: &Learnt) {
    for (weight, change) in weights.iter_mut().zip(&learnt.weights) {
        *weight += change;
    }
}

/// Teaches a polarity head.
///
/// # Errors
/// When there are fewer than [`LEAST_TAUGHT`] texts to learn from.
pub fn teach_polarity(
    running: &Linear,
    lessons: &[Lesson<Label>],
    grams: Grams,
) -> Result<Linear, BadModel> {
    let target = |label| match label {
        Label::Negative => 0.0,
        Label::Neutral => 0.5,
        Label::Positive => 1.0,
    };
    let score = |_: &str, features: &[u64]| running.score(features, &[]);
    let prepared = prepare(lessons, false, grams, &score, &target);
    enough(&prepared)?;
    let (cost, scores) = best_cost(&prepared, running.bits(), running.calibration());
    let learnt = correction(prepared.iter(), running.bits(), cost);
    let sided: Vec<(f32, bool, f32)> = prepared
        .iter()
        .zip(&scores)
        .filter(|(l, _)| (l.target - 0.5).abs() > 0.1)
        .map(|(l, score)| (*score, l.target > 0.5, 1.0))
        .collect();
    let calibration = if sided.len() < LEAST_CALIBRATED {
        running.calibration()
    } else {
        platt(&sided)
    };
    let extra = gate(&prepared, &scores, calibration).unwrap_or_else(|| running.extra().to_vec());
    let mut weights = running.weights();
    corrected(&mut weights, &learnt);
    let bias = running.bias() + learnt.bias;
    Linear::quantise(running.name(), bias, &weights, calibration, extra)
}

/// The gate as `train` fits it, from labels; none with too few of a side.
fn gate(prepared: &[Prepared], scores: &[f32], calibration: Calibration) -> Option<Vec<f32>> {
    let examples: Vec<(f32, bool, f32)> = prepared
        .iter()
        .zip(scores)
        .map(|(l, score)| {
            (
                -calibration.logit(*score).abs(),
                (l.target - 0.5).abs() < 0.1,
                1.0,
            )
        })
        .collect();
    let neutral = examples.iter().filter(|e| e.1).count();
    if neutral < LEAST_GATED || examples.len() - neutral < LEAST_GATED {
        return None;
    }
    let fitted = platt(&examples);
    Some(vec![fitted.offset, fitted.slope.max(0.0)])
}

/// Teaches which texts say what somebody wants: a head whose score is added to `rule`, 1 or -1 by the written rules.
///
/// # Errors
/// When there are fewer than [`LEAST_TAUGHT`] texts to learn from.
pub fn teach_request(
    name: &str,
    running: Option<&Linear>,
    lessons: &[Lesson<bool>],
    grams: Grams,
    rule: &dyn Fn(&str) -> f32,
) -> Result<Linear, BadModel> {
    let bits = running.map_or(NEW_BITS, Linear::bits);
    let score = |text: &str, features: &[u64]| {
        rule(text) + running.map_or(0.0, |head| head.score(features, &[]))
    };
    let target = |label| if label { 1.0 } else { 0.0 };
    let prepared = prepare(lessons, false, grams, &score, &target);
    enough(&prepared)?;
    let plain = Calibration {
        slope: 1.0,
        offset: 0.0,
    };
    let (cost, _) = best_cost(&prepared, bits, plain);
    let learnt = correction(prepared.iter(), bits, cost);
    let mut weights = running.map_or_else(|| vec![0.0; 1 << bits], Linear::weights);
    corrected(&mut weights, &learnt);
    let bias = running.map_or(0.0, Linear::bias) + learnt.bias;
    Linear::quantise(name, bias, &weights, plain, Vec::new())
}

/// What a head is worth on held-back labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Worth {
    /// Share of labels that it gives.
    pub accuracy: f64,
    /// Mean F1 over the labels that occur.
    pub macro_f1: f64,
    /// Mean of minus the logarithm of the probability that it gives to the right label.
    pub log_loss: f64,
}

/// Two heads on the same held-back labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Compared {
    /// Held-back labels.
    pub n: usize,
    /// The head in use.
    pub running: Worth,
    /// The taught one.
    pub taught: Worth,
    /// Whether the taught one replaces the other: enough labels, a lower loss, and an F1 that is not lower.
    pub is_better: bool,
}

fn compared(n: usize, running: Worth, taught: Worth) -> Compared {
    Compared {
        n,
        running,
        taught,
        is_better: n >= LEAST_HELD_BACK
            && taught.log_loss < running.log_loss
            && taught.macro_f1 >= running.macro_f1,
    }
}

fn worth(told: &[(usize, usize, f64)]) -> Worth {
    let pairs: Vec<(usize, usize)> = told.iter().map(|(t, p, _)| (*t, *p)).collect();
    #[expect(clippy::cast_precision_loss, reason = "counts of labels")]
    let n = told.len().max(1) as f64;
    #[expect(clippy::cast_precision_loss, reason = "counts of labels")]
    let hits = pairs.iter().filter(|(t, p)| t == p).count() as f64;
    Worth {
        accuracy: hits / n,
        macro_f1: macro_f1(&pairs),
        log_loss: told.iter().map(|(_, _, p)| -p.max(1e-6).ln()).sum::<f64>() / n,
    }
}

/// Polarity heads on the held-back lessons.
#[must_use]
pub fn compare_polarity(
    running: &Linear,
    taught: &Linear,
    lessons: &[Lesson<Label>],
    grams: Grams,
) -> Compared {
    let target = |label: Label| f32::from(label as u8);
    let score = |_: &str, _: &[u64]| 0.0;
    let held = prepare(lessons, true, grams, &score, &target);
    let of = |head: &Linear| {
        let told: Vec<(usize, usize, f64)> = held
            .iter()
            .map(|lesson| {
                let mood = head
                    .logit(&lesson.features, &[])
                    .map_or(Mood::NONE, |logit| gated(logit, head.extra()));
                let (truth, right) = if lesson.target < 0.5 {
                    (Label::Negative, mood.negative)
                } else if lesson.target < 1.5 {
                    (Label::Neutral, mood.neutral)
                } else {
                    (Label::Positive, mood.positive)
                };
                (truth as usize, mood.label as usize, right)
            })
            .collect();
        worth(&told)
    };
    compared(held.len(), of(running), of(taught))
}

/// Heads of requests on the held-back lessons; without a running one the rules alone.
#[must_use]
pub fn compare_request(
    running: Option<&Linear>,
    taught: &Linear,
    lessons: &[Lesson<bool>],
    grams: Grams,
    rule: &dyn Fn(&str) -> f32,
) -> Compared {
    let target = |label| if label { 1.0 } else { 0.0 };
    let score = |text: &str, _: &[u64]| rule(text);
    let held = prepare(lessons, true, grams, &score, &target);
    let of = |head: Option<&Linear>| {
        let told: Vec<(usize, usize, f64)> = held
            .iter()
            .map(|lesson| {
                let added = head.map_or(0.0, |head| head.score(&lesson.features, &[]));
                let score = f64::from(lesson.base + added);
                let yes = 1.0 / (1.0 + (-score).exp());
                let is_true = lesson.target > 0.5;
                let right = if is_true { yes } else { 1.0 - yes };
                (usize::from(is_true), usize::from(score > 0.0), right)
            })
            .collect();
        worth(&told)
    };
    compared(held.len(), of(running), of(Some(taught)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Calibration = Calibration {
        slope: 1.0,
        offset: 0.0,
    };

    fn blank() -> Linear {
        Linear::quantise("polarity-en", 0.0, &[0.0; 1 << 12], PLAIN, vec![-20.0, 0.0]).unwrap()
    }

    fn lessons() -> Vec<Lesson<Label>> {
        let of = |n: usize, word: &str, label| Lesson {
            text: format!("the tariff {n} is {word}"),
            label,
        };
        (0..150)
            .flat_map(|n| {
                [
                    of(n, "zappy", Label::Positive),
                    of(n, "grotty", Label::Negative),
                    of(n, "billed monthly", Label::Neutral),
                ]
            })
            .collect()
    }

    #[test]
    fn a_head_learns_new_words_and_is_compared_on_what_it_did_not_see() {
        let (running, lessons) = (blank(), lessons());
        let taught = teach_polarity(&running, &lessons, Grams::English).unwrap();
        assert_ne!(taught.version(), running.version());
        let compared = compare_polarity(&running, &taught, &lessons, Grams::English);
        assert!(compared.n > LEAST_HELD_BACK, "{compared:?}");
        assert!(
            compared.is_better && compared.taught.accuracy > 0.9,
            "{compared:?}"
        );
        // The other way round nothing is better.
        let back = compare_polarity(&taught, &running, &lessons, Grams::English);
        assert!(!back.is_better);
        let again = teach_polarity(&running, &lessons, Grams::English).unwrap();
        assert_eq!(again.bytes(), taught.bytes());
    }

    #[test]
    fn held_back_texts_teach_nothing() {
        let all = lessons();
        let kept: Vec<_> = all
            .iter()
            .filter(|l| !is_held_back(&l.text))
            .cloned()
            .collect();
        assert!(kept.len() < all.len());
        let of = |lessons: &[Lesson<Label>]| {
            teach_polarity(&blank(), lessons, Grams::English)
                .unwrap()
                .bytes()
        };
        assert_eq!(of(&all), of(&kept));
        let held: Vec<_> = all.into_iter().filter(|l| is_held_back(&l.text)).collect();
        assert!(teach_polarity(&blank(), &held, Grams::English).is_err());
    }

    #[test]
    fn few_labels_leave_a_head_nearly_as_it_was() {
        let (running, lessons) = (blank(), lessons());
        let first = teach_polarity(&running, &lessons, Grams::English).unwrap();
        let few: Vec<_> = lessons
            .iter()
            .filter(|l| !is_held_back(&l.text))
            .take(LEAST_TAUGHT)
            .cloned()
            .collect();
        let second = teach_polarity(&first, &few, Grams::English).unwrap();
        let compared = compare_polarity(&first, &second, &lessons, Grams::English);
        assert!(
            compared.taught.accuracy > compared.running.accuracy - 0.05,
            "{compared:?}"
        );
        assert!(teach_polarity(&first, &few[..LEAST_TAUGHT - 1], Grams::English).is_err());
    }

    #[test]
    fn requests_correct_the_written_rules() {
        let lessons: Vec<Lesson<bool>> = (0..150)
            .flat_map(|n| {
                [("just browsing item", false), ("item gone walkabout", true)].map(
                    |(say, label)| Lesson {
                        text: format!("{say} {n}"),
                        label,
                    },
                )
            })
            .collect();
        // The rules are wrong on all of them.
        let rule = |text: &str| if text.starts_with("just") { 1.0 } else { -1.0 };
        let taught = teach_request("request-en", None, &lessons, Grams::English, &rule).unwrap();
        let compared = compare_request(None, &taught, &lessons, Grams::English, &rule);
        assert_eq!(compared.running.accuracy, 0.0);
        assert!(
            compared.is_better && compared.taught.accuracy > 0.95,
            "{compared:?}"
        );
        let more =
            teach_request("request-en", Some(&taught), &lessons, Grams::English, &rule).unwrap();
        let compared = compare_request(Some(&taught), &more, &lessons, Grams::English, &rule);
        assert!(compared.taught.accuracy > 0.95, "{compared:?}");
    }
}

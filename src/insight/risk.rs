//! Who is likely to leave, who is likely to come again for the same matter, and why: learnt from the tenant's own
//! past.
//!
//! A row is a customer on a date, or an ended contact; what was known then are its features, what happened within the
//! horizon is its label. Invariants: no feature looks beyond its date; whoever has left already is no row; figures of
//! quality come from dates that lie behind everything that was learnt from. Not here: SQL, storing.

use std::collections::BTreeMap;
use std::hash::Hasher;

use serde::{Deserialize, Serialize};

use super::scorecard::{Feature, Scorecard, TooFew, Weight, calibration, learn, probability};
use crate::model::measure::auroc;

/// A day, µs.
pub const DAY_US: i64 = 86_400_000_000;

/// Sums that fade are given with these half-lives, days; the one that says most is taken.
pub const HALF_LIVES: [u32; 4] = [7, 14, 30, 60];

/// The griefs that fade.
pub const FADING: [&str; 3] = ["unsolved", "upset", "abandoned"];

/// What goes along with drivers and may only explain what they leave open.
const LATER: [&str; 8] = [
    "channel_switches_30d",
    "contacts_30d",
    "contacts_7d",
    "contacts_90d",
    "days_since_last",
    "longest_wait_30d_s",
    "repeats_30d",
    "transfers_30d",
];

/// Rows of one kind, in the order of dates or of customers.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The customer of each row.
    pub customer: Vec<String>,
    /// The date of each row, µs since 1970.
    pub at_us: Vec<i64>,
    /// Numbers by feature.
    pub numbers: BTreeMap<String, Vec<f64>>,
    /// Words by feature.
    pub words: BTreeMap<String, Vec<Option<String>>>,
    /// What happened within the horizon; meaningless where the horizon is not over.
    pub label: Vec<bool>,
}

impl Rows {
    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.customer.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.customer.is_empty()
    }

    fn group(&self, row: usize) -> u64 {
        let mut hasher = twox_hash::XxHash3_64::new();
        hasher.write(self.customer.get(row).map_or(&[][..], |id| id.as_bytes()));
        hasher.finish()
    }

    /// The features of `rows`, without those that `skip` names.
    fn features(&self, rows: &[usize], skip: &impl Fn(&str) -> bool) -> Vec<Feature> {
        let numbers = self.numbers.iter().filter(|(name, _)| !skip(name));
        let mut features: Vec<Feature> = numbers
            .map(|(name, values)| {
                let value = |row: &usize| values.get(*row).copied().unwrap_or(f64::NAN);
                let mut feature = Feature::number(name, rows.iter().map(value).collect());
                feature.later = LATER.contains(&name.as_str());
                feature
            })
            .collect();
        features.extend(
            self.words
                .iter()
                .filter(|(name, _)| !skip(name))
                .map(|(name, values)| {
                    let frequent = frequent(values, rows);
                    let word = |row: &usize| {
                        let word = values.get(*row)?.as_deref()?;
                        frequent.contains_key(word).then_some(word)
                    };
                    Feature::word(name, &rows.iter().map(word).collect::<Vec<_>>())
                }),
        );
        features
    }

    /// Log-odds of a row and what each feature adds.
    fn score(&self, card: &Scorecard, row: usize) -> (f64, Vec<f64>) {
        card.score(|name| {
            let number = self.numbers.get(name).and_then(|values| values.get(row));
            let word = self.words.get(name).and_then(|values| values.get(row));
            let word = word.and_then(Option::as_deref);
            (number.copied().unwrap_or(f64::NAN), word)
        })
    }
}

/// Words that are worth a bin of their own: the most frequent ones.
fn frequent<'w>(values: &'w [Option<String>], rows: &[usize]) -> BTreeMap<&'w str, usize> {
    const MOST: usize = 100;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in rows.iter().filter_map(|row| values.get(*row)?.as_deref()) {
        *counts.entry(word).or_default() += 1;
    }
    let least = rows.len() / 400 + 5;
    counts.retain(|_, count| *count >= least);
    let mut order: Vec<(&str, usize)> = counts.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    order.truncate(MOST);
    order.into_iter().collect()
}

/// How good a card is on later dates than it was learnt from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Quality {
    /// Rows that were judged.
    pub rows: usize,
    /// Positive ones among them.
    pub positives: usize,
    /// Area under the curve: how often a positive row stands above another one.
    pub auroc: f64,
    /// Share of the positive rows in the tenth with the highest scores, over a tenth.
    pub lift_10: f64,
    /// Slope of the log-odds on the scores: 1 when calibrated, below when too extreme.
    pub slope: f64,
    /// Its intercept: 0 when calibrated.
    pub intercept: f64,
    /// Mean of the predictions.
    pub predicted: f64,
    /// Share of positive rows.
    pub observed: f64,
}

/// A card with what there is to know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskModel {
    /// `churn` or `repeat_contact`.
    pub kind: String,
    /// What happens within so many days.
    pub horizon_days: u32,
    /// Half-life of griefs, days; null where none fade.
    pub half_life_days: Option<u32>,
    /// Rows of the training.
    pub rows: usize,
    /// Positive ones.
    pub positives: usize,
    /// The last date of the training, µs since 1970.
    pub through_us: i64,
    /// On later dates than cards of the same kind were learnt from; null when the past is too short.
    pub quality: Option<Quality>,
    /// The card.
    pub card: Scorecard,
}

/// What speaks for a risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// The feature.
    pub driver: String,
    /// Its value; null when unknown or a word.
    pub value: Option<f64>,
    /// Its word.
    pub word: Option<String>,
    /// What it adds to the log-odds, against the average customer.
    pub effect: f64,
}

/// A risk with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// The probability.
    pub probability: f64,
    /// What adds most, greatest first; only what raises the risk.
    pub reasons: Vec<Driver>,
}

const MAX_REASONS: usize = 4;
/// Less is no reason.
const LEAST_EFFECT: f64 = 0.05;

impl RiskModel {
    /// The risk of a row.
    #[must_use]
    pub fn risk(&self, rows: &Rows, row: usize) -> Risk {
        let (score, parts) = rows.score(&self.card, row);
        let weights = self.card.weights.iter().zip(parts);
        let driver = |(weight, effect): (&Weight, f64)| {
            let value = rows
                .numbers
                .get(&weight.name)
                .and_then(|values| values.get(row));
            let word = rows
                .words
                .get(&weight.name)
                .and_then(|values| values.get(row));
            Driver {
                driver: weight.name.clone(),
                value: value.copied().filter(|value| value.is_finite()),
                word: word.cloned().flatten(),
                effect,
            }
        };
        let mut reasons: Vec<Driver> = weights
            .filter(|(_, effect)| *effect >= LEAST_EFFECT)
            .map(driver)
            .collect();
        reasons.sort_by(|a, b| b.effect.total_cmp(&a.effect));
        reasons.truncate(MAX_REASONS);
        Risk {
            probability: probability(score),
            reasons,
        }
    }
}

/// Learns a model from the rows whose horizon is over at `now_us`, and judges it on later dates.
///
/// # Errors
/// When too few rows are positive, or too few are not.
pub fn train(kind: &str, rows: &Rows, horizon_days: u32, now_us: i64) -> Result<RiskModel, TooFew> {
    let over_us = now_us - i64::from(horizon_days) * DAY_US;
    let known: Vec<usize> = (0..rows.len())
        .filter(|row| rows.at_us.get(*row).is_some_and(|at| *at <= over_us))
        .collect();
    let half_life = half_life(rows, &known)?;
    let card = learn_on(rows, &known, half_life)?;
    let positives = known
        .iter()
        .filter(|row| rows.label.get(**row) == Some(&true));
    Ok(RiskModel {
        kind: kind.to_owned(),
        horizon_days,
        half_life_days: half_life,
        rows: known.len(),
        positives: positives.count(),
        through_us: over_us,
        quality: quality(rows, &known, half_life, horizon_days),
        card,
    })
}

fn learn_on(rows: &Rows, chosen: &[usize], half_life: Option<u32>) -> Result<Scorecard, TooFew> {
    let features = rows.features(chosen, &|name| is_other(name, half_life));
    let label: Vec<bool> = chosen
        .iter()
        .map(|row| rows.label.get(*row) == Some(&true))
        .collect();
    let group: Vec<u64> = chosen.iter().map(|row| rows.group(*row)).collect();
    learn(features, &label, &group)
}

/// Whether a feature is a fading sum with another half-life than the chosen one.
fn is_other(name: &str, half_life: Option<u32>) -> bool {
    let Some((head, tail)) = name.rsplit_once('_') else {
        return false;
    };
    let Ok(days) = tail.parse::<u32>() else {
        return false;
    };
    FADING.contains(&head) && Some(days) != half_life
}

/// The half-life under which the fading sums alone say most about the label.
fn half_life(rows: &Rows, known: &[usize]) -> Result<Option<u32>, TooFew> {
    let name = |days: u32| format!("{}_{days}", FADING[0]);
    if !HALF_LIVES
        .iter()
        .any(|days| rows.numbers.contains_key(&name(*days)))
    {
        return Ok(None);
    }
    let mut best: Option<(f64, u32)> = None;
    for days in HALF_LIVES {
        let mut sums = vec![0.0; known.len()];
        for head in FADING {
            let Some(values) = rows.numbers.get(&format!("{head}_{days}")) else {
                continue;
            };
            for (sum, row) in sums.iter_mut().zip(known) {
                *sum += values.get(*row).copied().unwrap_or(0.0);
            }
        }
        let labels = known.iter().map(|row| rows.label.get(*row) == Some(&true));
        let scored: Vec<(f64, bool)> = sums.into_iter().zip(labels).collect();
        let area = auroc(&scored);
        if best.is_none_or(|(held, _)| area > held + 1e-3) {
            best = Some((area, days));
        }
    }
    Ok(best.map(|(_, days)| days))
}

/// How many origins the figures of quality come from.
const ORIGINS: i64 = 3;

/// Cards learnt up to several dates, each judged on the rows between it and the next one, all together.
fn quality(
    rows: &Rows,
    known: &[usize],
    half_life: Option<u32>,
    horizon_days: u32,
) -> Option<Quality> {
    let at = |row: &usize| rows.at_us.get(*row).copied().unwrap_or(0);
    let (first, last) = (known.iter().map(at).min()?, known.iter().map(at).max()?);
    let horizon_us = i64::from(horizon_days) * DAY_US;
    // The first card has the earlier half of the dates.
    let begin = first + horizon_us + (last - first - horizon_us) / 2;
    let step = (last + 1 - begin) / ORIGINS;
    if step <= 0 {
        return None;
    }
    let (mut scores, mut labels) = (Vec::new(), Vec::new());
    for origin in 0..ORIGINS {
        let from = begin + origin * step;
        let until = if origin + 1 == ORIGINS {
            last + 1
        } else {
            from + step
        };
        let past: Vec<usize> = known
            .iter()
            .copied()
            .filter(|row| at(row) + horizon_us <= from)
            .collect();
        let Ok(card) = learn_on(rows, &past, half_life) else {
            continue;
        };
        for row in known.iter().filter(|row| (from..until).contains(&at(row))) {
            scores.push(rows.score(&card, *row).0);
            labels.push(rows.label.get(*row) == Some(&true));
        }
    }
    measure(&scores, &labels)
}

/// Figures of log-odds against what happened; `None` when nothing, or everything, happened.
#[must_use]
pub fn measure(scores: &[f64], labels: &[bool]) -> Option<Quality> {
    let rows = scores.len().min(labels.len());
    let positives = labels.iter().filter(|is| **is).count();
    if positives == 0 || positives == rows {
        return None;
    }
    let mut order: Vec<usize> = (0..rows).collect();
    let score = |row: usize| scores.get(row).copied().unwrap_or(0.0);
    order.sort_by(|a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
    let top = order.iter().take(rows.div_ceil(10));
    let hits = top.filter(|row| labels.get(**row) == Some(&true)).count();
    let scored: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    let (intercept, slope) = calibration(scores, labels);
    Some(Quality {
        rows,
        positives,
        auroc: auroc(&scored),
        lift_10: hits as f64 / positives as f64 * 10.0,
        slope,
        intercept,
        predicted: scores.iter().map(|score| probability(*score)).sum::<f64>() / rows as f64,
        observed: positives as f64 / rows as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::topics::random::Random;

    /// Customers on 20 weekly dates; who has more unsolved contacts leaves more often.
    fn world(seed: u64) -> Rows {
        let mut random = Random::new(seed);
        let mut rows = Rows::default();
        let put = |rows: &mut Rows, name: &str, value: f64| {
            rows.numbers.entry(name.to_owned()).or_default().push(value);
        };
        for customer in 0..260 {
            let months = random.below(100) as f64;
            for week in 0..20 {
                let unsolved = if random.unit() < 0.7 {
                    0.0
                } else {
                    3.0 * random.unit()
                };
                let z = -3.6 + 0.9 * unsolved - 0.015 * months;
                rows.customer.push(format!("c-{customer}"));
                rows.at_us.push(week * 7 * DAY_US);
                put(&mut rows, "unsolved_14", unsolved);
                put(&mut rows, "unsolved_60", random.unit());
                put(&mut rows, "months", months);
                let tier = if customer % 3 == 0 { "gold" } else { "plain" };
                rows.words
                    .entry("tier".to_owned())
                    .or_default()
                    .push(Some(tier.to_owned()));
                rows.label.push(random.unit() < probability(z));
            }
        }
        rows
    }

    #[test]
    fn a_model_knows_its_half_life_its_quality_and_the_reasons() {
        let rows = world(9);
        let model = train("churn", &rows, 14, 140 * DAY_US).unwrap();
        assert_eq!(model.half_life_days, Some(14));
        assert_eq!(model.rows, 260 * 19);
        assert!(
            model
                .card
                .weights
                .iter()
                .all(|weight| weight.name != "unsolved_60")
        );
        let quality = model.quality.clone().unwrap();
        assert!(quality.auroc > 0.6 && quality.lift_10 > 1.5, "{quality:?}");
        assert!((0.5..1.7).contains(&quality.slope), "{quality:?}");
        assert!(
            (quality.predicted / quality.observed - 1.0).abs() < 0.5,
            "{quality:?}"
        );
        let unsolved = &rows.numbers["unsolved_14"];
        let most = (0..rows.len())
            .max_by(|a, b| unsolved[*a].total_cmp(&unsolved[*b]))
            .unwrap();
        let risk = model.risk(&rows, most);
        assert_eq!(risk.reasons[0].driver, "unsolved_14");
        assert!(risk.reasons[0].effect > 0.7, "{risk:?}");
    }

    #[test]
    fn rows_whose_horizon_is_not_over_are_not_learnt_from() {
        let mut rows = world(9);
        let now = 140 * DAY_US;
        let learnt = train("churn", &rows, 14, now).unwrap();
        for (at, label) in rows.at_us.iter().zip(&mut rows.label) {
            if *at > now - 14 * DAY_US {
                *label = !*label;
            }
        }
        assert_eq!(train("churn", &rows, 14, now).unwrap(), learnt);
    }
}

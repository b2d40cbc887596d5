//! Logistic scorecards: monotone bins, weights of evidence, a ridge regression over them, calibrated out of fold.
//!
//! A number is cut into bins whose rates only rise or only fall; a word is a bin of its own when it is frequent
//! enough; what is unknown is a bin too. The evidence of a bin is its log-odds over the average, shrunk towards 0.
//! Coefficients are not negative, so that a bin with a greater rate never lowers a score: who reads the card may
//! believe its signs. Predictions of rows that a fold has not seen calibrate the whole (Platt 1999). Invariants:
//! nothing is random, sums run in the order of rows; the same rows give the same card. Not here: features.

mod bins;
mod regression;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use bins::{Coded, Evidence, Fine, UNKNOWN, evidence};
use regression::{Pattern, in_stages, regress, sigmoid};

/// What a feature's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers in their order.
    Number,
    /// Codes of words, without an order.
    Word,
}

/// A feature of all rows; an unknown value is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its name in the card.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// A value for each row; codes 0, 1, … for words.
    pub values: Vec<f64>,
    /// The words of the codes.
    pub words: Vec<String>,
    /// Whether it may only explain what the others leave open: for what goes along with drivers, such as plain
    /// counts, and would else take part of their weight.
    pub later: bool,
}

impl Feature {
    /// A feature of numbers.
    #[must_use]
    pub fn number(name: &str, values: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Number,
            values,
            words: Vec::new(),
            later: false,
        }
    }

    /// A feature of words, coded in their order.
    #[must_use]
    pub fn word(name: &str, values: &[Option<&str>]) -> Self {
        let known: std::collections::BTreeSet<&str> = values.iter().copied().flatten().collect();
        let words: Vec<&str> = known.into_iter().collect();
        let code = |word: &Option<&str>| {
            let place = word.and_then(|word| words.binary_search(&word).ok());
            place.map_or(f64::NAN, |place| place as f64)
        };
        Self {
            name: name.to_owned(),
            kind: Kind::Word,
            values: values.iter().map(code).collect(),
            words: words.iter().map(|&word| word.to_owned()).collect(),
            later: false,
        }
    }
}

/// A bin of a feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Values from here on; null for words, for what is unknown, and where there is no lower end.
    pub from: Option<f64>,
    /// The word; null for numbers and for what is unknown.
    pub word: Option<String>,
    /// What the bin adds to the log-odds, against the average row.
    pub points: f64,
    /// Rows of the training.
    pub rows: u64,
    /// Positive rows among them.
    pub positives: u64,
}

/// What a feature adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// The feature.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// Coefficient of the evidence; 0 when others say the same.
    pub coefficient: f64,
    /// `rises` or `falls` with the value, `none`, or `by_word`.
    pub direction: String,
    /// The bins: unknown first, then in the order of values.
    pub bins: Vec<Bin>,
}

/// A scorecard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scorecard {
    /// Log-odds of a row with the average evidence.
    pub intercept: f64,
    /// Of each feature, in the order of training.
    pub weights: Vec<Weight>,
}

/// What was wrong with the rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{positives} of {rows} rows are positive; a card needs at least {least} positive and as many other rows"
)]
pub struct TooFew {
    /// Rows.
    pub rows: usize,
    /// Positive ones.
    pub positives: usize,
    /// What it takes.
    pub least: usize,
}

/// Fewest positive rows.
pub const LEAST_POSITIVES: usize = 40;
const FOLDS: u64 = 8;

struct Fitted {
    evidence: Vec<Evidence>,
    /// The intercept, then a coefficient for each feature.
    coefficients: Vec<f64>,
}

fn fit_on(coded: &Coded, label: &[bool], used: &impl Fn(usize) -> bool) -> Fitted {
    let (mut rows, mut hits) = (0_u64, 0_u64);
    for (_, is) in label.iter().enumerate().filter(|(row, _)| used(*row)) {
        rows += 1;
        hits += u64::from(*is);
    }
    let rate = (hits.max(1) as f64 / rows.max(2) as f64).clamp(1e-6, 0.999);
    let features = coded.features.iter();
    let evidence: Vec<Evidence> = features
        .map(|fine| evidence(fine, label, used, rate))
        .collect();
    let mut patterns: BTreeMap<Vec<u8>, (f64, f64)> = BTreeMap::new();
    let mut key = Vec::with_capacity(evidence.len());
    for row in (0..coded.rows).filter(|row| used(*row)) {
        key.clear();
        key.extend(bins_of(coded, &evidence, row).map(|bin| bin as u8));
        let is = f64::from(u8::from(label.get(row) == Some(&true)));
        match patterns.get_mut(&key) {
            Some((rows, hits)) => {
                *rows += 1.0;
                *hits += is;
            }
            None => {
                patterns.insert(key.clone(), (1.0, is));
            }
        }
    }
    let woe = |(bin, evidence): (&u8, &Evidence)| {
        let bin = evidence.bins.get(usize::from(*bin));
        bin.map_or(0.0, |bin| bin.woe)
    };
    let patterns: Vec<Pattern> = patterns
        .into_iter()
        .map(|(bins, (rows, hits))| Pattern {
            evidence: bins.iter().zip(&evidence).map(woe).collect(),
            offset: 0.0,
            rows,
            hits,
        })
        .collect();
    let later: Vec<bool> = coded.features.iter().map(|fine| fine.later).collect();
    let coefficients = in_stages(&later, patterns, rate);
    Fitted {
        evidence,
        coefficients,
    }
}

fn bins_of(coded: &Coded, evidence: &[Evidence], row: usize) -> impl Iterator<Item = usize> {
    let features = coded.features.iter().zip(evidence);
    features.map(move |(fine, evidence)| {
        let code = fine.codes.get(row).copied().unwrap_or(UNKNOWN);
        let bin = evidence.bin_of.get(usize::from(code));
        bin.copied().unwrap_or(0)
    })
}

fn score_of(fitted: &Fitted, coded: &Coded, row: usize) -> f64 {
    let bins = bins_of(coded, &fitted.evidence, row).zip(&fitted.evidence);
    let woes = bins.map(|(bin, evidence)| evidence.bins.get(bin).map_or(0.0, |bin| bin.woe));
    let coefficients = fitted.coefficients.iter();
    let intercept = fitted.coefficients.first().copied().unwrap_or(0.0);
    intercept
        + coefficients
            .skip(1)
            .zip(woes)
            .map(|(b, woe)| b * woe)
            .sum::<f64>()
}

/// Intercept and slope of the log-odds of `label` on `scores`: 0 and 1 when the scores are calibrated log-odds.
#[must_use]
pub fn calibration(scores: &[f64], label: &[bool]) -> (f64, f64) {
    let patterns: Vec<Pattern> = scores
        .iter()
        .zip(label)
        .map(|(score, is)| Pattern {
            evidence: vec![*score],
            offset: 0.0,
            rows: 1.0,
            hits: f64::from(u8::from(*is)),
        })
        .collect();
    let hits: f64 = patterns.iter().map(|pattern| pattern.hits).sum();
    let rate = (hits / patterns.len().max(1) as f64).clamp(1e-6, 1.0 - 1e-6);
    match regress(&patterns, &[0], (rate / (1.0 - rate)).ln()).as_slice() {
        [intercept, slope] => (*intercept, *slope),
        _ => (0.0, 1.0),
    }
}

/// A calibrated card learnt from rows. Rows of one `group` stay in one fold, so that a customer's other rows do not
/// give it away.
///
/// # Errors
/// With fewer than [`LEAST_POSITIVES`] rows of either label.
pub fn learn(features: Vec<Feature>, label: &[bool], group: &[u64]) -> Result<Scorecard, TooFew> {
    let positives = label.iter().filter(|is| **is).count();
    if positives < LEAST_POSITIVES || label.len() - positives < LEAST_POSITIVES {
        return Err(TooFew {
            rows: label.len(),
            positives,
            least: LEAST_POSITIVES,
        });
    }
    let coded = Coded {
        rows: label.len(),
        features: features
            .into_iter()
            .map(|feature| Fine::new(feature, label))
            .collect(),
    };
    let fold_of = |row: usize| group.get(row).copied().unwrap_or(0) % FOLDS;
    let mut unseen = vec![0.0; label.len()];
    for fold in 0..FOLDS {
        let fitted = fit_on(&coded, label, &|row| fold_of(row) != fold);
        for (row, slot) in unseen.iter_mut().enumerate() {
            if fold_of(row) == fold {
                *slot = score_of(&fitted, &coded, row);
            }
        }
    }
    let (shift, slope) = calibration(&unseen, label);
    let slope = slope.clamp(0.2, 1.2);
    let shift = if slope == 1.2 || slope == 0.2 {
        0.0
    } else {
        shift
    };
    let fitted = fit_on(&coded, label, &|_| true);
    Ok(card(&coded, &fitted, shift, slope))
}

/// The card with points against the average row.
fn card(coded: &Coded, fitted: &Fitted, shift: f64, slope: f64) -> Scorecard {
    let mut intercept = shift + slope * fitted.coefficients.first().copied().unwrap_or(0.0);
    let mut weights = Vec::with_capacity(coded.features.len());
    let parts = coded.features.iter().zip(&fitted.evidence);
    for ((fine, evidence), coefficient) in parts.zip(fitted.coefficients.iter().skip(1)) {
        let coefficient = slope * coefficient;
        let rows: u64 = evidence.bins.iter().map(|bin| bin.rows).sum();
        let sum: f64 = evidence
            .bins
            .iter()
            .map(|bin| bin.rows as f64 * bin.woe)
            .sum();
        let mean = coefficient * sum / rows.max(1) as f64;
        intercept += mean;
        let bins = evidence.bins.iter().enumerate().map(|(place, bin)| Bin {
            from: match (fine.kind, place) {
                (Kind::Number, 2..) => fine.cuts.get(bin.first.saturating_sub(2)).copied(),
                _ => None,
            },
            word: match (fine.kind, place) {
                (Kind::Word, 1..) => fine.words.get(place - 1).cloned(),
                _ => None,
            },
            points: coefficient * bin.woe - mean,
            rows: bin.rows,
            positives: bin.hits,
        });
        weights.push(Weight {
            name: fine.name.clone(),
            kind: fine.kind,
            coefficient,
            direction: match (fine.kind, evidence.direction) {
                _ if coefficient == 0.0 => "none",
                (Kind::Word, _) => "by_word",
                (_, 1) => "rises",
                (_, -1) => "falls",
                _ => "none",
            }
            .to_owned(),
            bins: bins.collect(),
        });
    }
    Scorecard { intercept, weights }
}

impl Weight {
    /// What a value adds to the log-odds. `word` is the value of a feature of words.
    #[must_use]
    pub fn points(&self, value: f64, word: Option<&str>) -> f64 {
        let Some((unknown, known)) = self.bins.split_first() else {
            return 0.0;
        };
        let bin = match self.kind {
            Kind::Word => known
                .iter()
                .find(|bin| bin.word.as_deref() == word && word.is_some()),
            Kind::Number if value.is_nan() => Some(unknown),
            Kind::Number => {
                let place = known.partition_point(|bin| bin.from.is_none_or(|from| from <= value));
                known.get(place.saturating_sub(1))
            }
        };
        bin.unwrap_or(unknown).points
    }
}

impl Scorecard {
    /// Log-odds of a row, and what each feature adds, from `value`, which gives number and word by feature name.
    #[must_use]
    pub fn score<'v>(&self, value: impl Fn(&str) -> (f64, Option<&'v str>)) -> (f64, Vec<f64>) {
        let parts = self.weights.iter().map(|weight| {
            let (number, word) = value(&weight.name);
            weight.points(number, word)
        });
        let parts: Vec<f64> = parts.collect();
        (self.intercept + parts.iter().sum::<f64>(), parts)
    }
}

/// The probability of log-odds.
#[must_use]
pub fn probability(log_odds: f64) -> f64 {
    sigmoid(log_odds)
}

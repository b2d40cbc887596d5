//! Logistic scorecards: monotone bins, weights of evidence, a ridge regression over them, calibrated out of fold.
//!
//! A number is cut into bins whose rates only rise or only fall; a word is a bin of its own when it is frequent
//! enough; what is unknown is a bin too. The evidence of a bin is its log-odds over the average, shrunk towards 0.
//! Coefficients are not negative, so that a bin with a greater rate never lowers a score: who reads the card may
//! believe its signs. Predictions of rows that a fold has not seen calibrate the whole (Platt 1999). Invariants:
//! nothing is random, sums run in the order of rows; the same rows give the same card. Not here: features.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
/// Fine bins of a number, at most.
const FINE: usize = 48;
/// A bin has at least so many positive rows.
const BIN_POSITIVES: u64 = 6;
/// Rows at the average rate that each bin is mixed with.
const PSEUDO_POSITIVES: f64 = 4.0;
const RIDGE: f64 = 1.0;
const FOLDS: u64 = 8;
const STEPS: usize = 30;

/// Fine bins: one code a row and feature.
struct Coded {
    features: Vec<Fine>,
    rows: usize,
}

struct Fine {
    name: String,
    kind: Kind,
    /// Lower ends of the fine bins of a number after the first.
    cuts: Vec<f64>,
    words: Vec<String>,
    codes: Vec<u8>,
    later: bool,
}

/// The code of what is unknown; the bins of words and numbers follow it.
const UNKNOWN: u8 = 0;

impl Fine {
    fn new(feature: Feature, label: &[bool]) -> Self {
        let mut fine = Self {
            cuts: Vec::new(),
            codes: Vec::new(),
            name: feature.name,
            kind: feature.kind,
            words: feature.words,
            later: feature.later,
        };
        if fine.kind == Kind::Number {
            fine.cuts = cuts(&feature.values, label);
        }
        fine.codes = feature
            .values
            .iter()
            .map(|value| fine.code(*value))
            .collect();
        fine
    }

    fn code(&self, value: f64) -> u8 {
        if value.is_nan() {
            return UNKNOWN;
        }
        let place = match self.kind {
            Kind::Number => self.cuts.partition_point(|cut| *cut <= value),
            Kind::Word => value.max(0.0) as usize,
        };
        u8::try_from(place + 1).unwrap_or(u8::MAX)
    }

    fn count(&self) -> usize {
        let known = match self.kind {
            Kind::Number => self.cuts.len() + 1,
            Kind::Word => self.words.len(),
        };
        (known + 1).min(usize::from(u8::MAX) + 1)
    }
}

/// Lower ends of fine bins: quantiles of all values and, since they are few, of the positive rows' values. Zero is a
/// bin of its own when it is frequent, being what most counts are.
fn cuts(values: &[f64], label: &[bool]) -> Vec<f64> {
    let known = values
        .iter()
        .zip(label)
        .filter(|(value, _)| !value.is_nan());
    let mut all: Vec<f64> = known.clone().map(|(value, _)| *value).collect();
    let mut hits: Vec<f64> = known
        .filter(|(_, is)| **is)
        .map(|(value, _)| *value)
        .collect();
    let mut cuts = Vec::new();
    for sorted in [&mut all, &mut hits] {
        sorted.sort_by(f64::total_cmp);
        for step in 1..FINE / 2 {
            let place = step * sorted.len() / (FINE / 2);
            cuts.extend(sorted.get(place).copied());
        }
    }
    let first = all.partition_point(|value| *value <= 0.0);
    if all.get(first.wrapping_sub(1)) == Some(&0.0) {
        cuts.push(0.0);
        cuts.extend(all.get(first).copied());
    }
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let least = all.first().copied().unwrap_or(0.0);
    cuts.retain(|cut| *cut > least);
    cuts
}

/// Bins of one feature over some rows: which bin each fine bin belongs to, and the evidence of each bin.
struct Evidence {
    bin_of: Vec<usize>,
    bins: Vec<Tally>,
    direction: i8,
}

#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    first: usize,
    rows: u64,
    hits: u64,
    woe: f64,
}

impl Tally {
    fn rate(&self) -> f64 {
        self.hits as f64 / self.rows.max(1) as f64
    }

    fn join(&mut self, other: Self) {
        self.rows += other.rows;
        self.hits += other.hits;
    }

    /// Log-odds over the average, shrunk towards none.
    fn weigh(&mut self, rate: f64) {
        let rows = PSEUDO_POSITIVES / rate;
        let hits = self.hits as f64 + PSEUDO_POSITIVES;
        let misses = (self.rows - self.hits) as f64 + rows - PSEUDO_POSITIVES;
        self.woe = (hits / misses).ln() - (rate / (1.0 - rate)).ln();
    }
}

fn evidence(fine: &Fine, label: &[bool], used: &impl Fn(usize) -> bool, rate: f64) -> Evidence {
    let mut tallies = vec![Tally::default(); fine.count()];
    for (row, (code, is)) in fine.codes.iter().zip(label).enumerate() {
        if !used(row) {
            continue;
        }
        if let Some(tally) = tallies.get_mut(usize::from(*code)) {
            tally.rows += 1;
            tally.hits += u64::from(*is);
        }
    }
    for (first, tally) in tallies.iter_mut().enumerate() {
        tally.first = first;
    }
    let (unknown, known) = tallies
        .split_first()
        .map_or((Tally::default(), &[][..]), |(a, b)| (*a, b));
    let (mut bins, direction) = match fine.kind {
        Kind::Number => monotone(known),
        Kind::Word => (known.to_vec(), 0),
    };
    bins.insert(0, unknown);
    for bin in &mut bins {
        bin.weigh(rate);
    }
    let mut bin_of = vec![0; fine.count()];
    for (code, slot) in bin_of.iter_mut().enumerate().skip(1) {
        *slot = bins.partition_point(|bin| bin.first <= code) - 1;
    }
    Evidence {
        bin_of,
        bins,
        direction,
    }
}

/// Neighbours pooled until rates only rise, or only fall, whichever the values say more of.
fn monotone(fine: &[Tally]) -> (Vec<Tally>, i8) {
    let mut enough: Vec<Tally> = Vec::new();
    for tally in fine {
        match enough.last_mut() {
            Some(last) if last.hits < BIN_POSITIVES || last.rows < 2 * BIN_POSITIVES => {
                last.join(*tally);
            }
            _ => enough.push(*tally),
        }
    }
    if enough.len() > 1 && enough.last().is_some_and(|last| last.hits < BIN_POSITIVES) {
        if let (Some(small), Some(last)) = (enough.pop(), enough.last_mut()) {
            last.join(small);
        }
    }
    let pooled = |sign: f64| {
        let mut pooled: Vec<Tally> = Vec::new();
        for tally in &enough {
            pooled.push(*tally);
            while let [.., before, last] = pooled.as_slice() {
                if sign * before.rate() < sign * last.rate() {
                    break;
                }
                let last = *last;
                pooled.pop();
                if let Some(before) = pooled.last_mut() {
                    before.join(last);
                }
            }
        }
        pooled
    };
    let (rising, falling) = (pooled(1.0), pooled(-1.0));
    let gain = |bins: &[Tally]| bins.iter().map(likelihood).sum::<f64>();
    if gain(&rising) >= gain(&falling) {
        let direction = i8::from(rising.len() > 1);
        (rising, direction)
    } else {
        (falling, -1)
    }
}

/// Log-likelihood of a bin at its own rate.
fn likelihood(bin: &Tally) -> f64 {
    let term = |n: u64| {
        if n == 0 {
            return 0.0;
        }
        n as f64 * (n as f64 / bin.rows as f64).ln()
    };
    term(bin.hits) + term(bin.rows - bin.hits)
}

/// Rows with the same evidence are one.
struct Pattern {
    evidence: Vec<f64>,
    /// Log-odds that are given.
    offset: f64,
    rows: f64,
    hits: f64,
}

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
    let coefficients = in_stages(coded, patterns, rate);
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

/// The first features together, then the later ones over what those leave open.
fn in_stages(coded: &Coded, mut patterns: Vec<Pattern>, rate: f64) -> Vec<f64> {
    let places = |later: bool| {
        let features = coded.features.iter().enumerate();
        let chosen = features.filter(|(_, fine)| fine.later == later);
        chosen.map(|(place, _)| place).collect::<Vec<usize>>()
    };
    let mut all = vec![0.0; coded.features.len() + 1];
    let mut start = (rate / (1.0 - rate)).ln();
    for active in [places(false), places(true)] {
        if active.is_empty() {
            continue;
        }
        let (active, found) = not_negative(&patterns, active, start);
        let slots = std::iter::once(0).chain(active.iter().map(|place| place + 1));
        for (slot, value) in slots.zip(&found) {
            if let Some(slot) = all.get_mut(slot) {
                *slot += *value;
            }
        }
        for pattern in &mut patterns {
            let evidence = active
                .iter()
                .filter_map(|place| pattern.evidence.get(*place));
            let found = found.iter().skip(1);
            pattern.offset += found.zip(evidence).map(|(b, x)| b * x).sum::<f64>();
        }
        // The intercept is found anew: what it was is where the search begins.
        start = all.first().copied().unwrap_or(start);
        if let Some(intercept) = all.first_mut() {
            *intercept = 0.0;
        }
    }
    if let Some(intercept) = all.first_mut() {
        *intercept = start;
    }
    all
}

/// Regression in which the most negative coefficient is left out until none is: the features that are left, and
/// the intercept and their coefficients.
fn not_negative(
    patterns: &[Pattern],
    mut active: Vec<usize>,
    start: f64,
) -> (Vec<usize>, Vec<f64>) {
    loop {
        let found = regress(patterns, &active, start);
        let worst = found
            .iter()
            .skip(1)
            .enumerate()
            .min_by(|a, b| a.1.total_cmp(b.1));
        match worst {
            Some((place, worst)) if *worst < 0.0 => {
                active.remove(place);
            }
            _ => return (active, found),
        }
    }
}

/// Ridge logistic regression by iteratively reweighted least squares over the `active` features; coefficients are
/// drawn towards 0, the intercept is free.
fn regress(patterns: &[Pattern], active: &[usize], start: f64) -> Vec<f64> {
    let size = active.len() + 1;
    let mut found = vec![0.0; size];
    if let Some(intercept) = found.first_mut() {
        *intercept = start;
    }
    let mut x = vec![1.0; size];
    for _ in 0..STEPS {
        let mut gradient = vec![0.0; size];
        let mut hessian = vec![0.0; size * size];
        for pattern in patterns {
            for (slot, feature) in x.iter_mut().skip(1).zip(active) {
                *slot = pattern.evidence.get(*feature).copied().unwrap_or(0.0);
            }
            let z: f64 = x.iter().zip(&found).map(|(x, b)| x * b).sum();
            let p = sigmoid(z + pattern.offset);
            let (error, weight) = (
                pattern.hits - pattern.rows * p,
                pattern.rows * p * (1.0 - p),
            );
            for (i, xi) in x.iter().enumerate() {
                if let Some(slot) = gradient.get_mut(i) {
                    *slot += error * xi;
                }
                let row = hessian
                    .get_mut(i * size..(i + 1) * size)
                    .unwrap_or_default();
                for (slot, xj) in row.iter_mut().zip(&x) {
                    *slot += weight * xi * xj;
                }
            }
        }
        for i in 0..size {
            let ridge = if i == 0 { 1e-9 } else { RIDGE };
            let value = found.get(i).copied().unwrap_or(0.0);
            if let (Some(slot), true) = (gradient.get_mut(i), i > 0) {
                *slot -= ridge * value;
            }
            if let Some(slot) = hessian.get_mut(i * size + i) {
                *slot += ridge;
            }
        }
        let Some(step) = solve(&mut hessian, &mut gradient, size) else {
            break;
        };
        let longest = step.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
        // A step that is too long overshoots where probabilities are nearly 0.
        let scale = if longest > 2.0 { 2.0 / longest } else { 1.0 };
        for (value, step) in found.iter_mut().zip(&step) {
            *value += scale * step;
        }
        if longest < 1e-8 {
            break;
        }
    }
    found
}

/// Gauss with row exchange; `None` when the matrix is singular.
fn solve(matrix: &mut [f64], right: &mut [f64], size: usize) -> Option<Vec<f64>> {
    for step in 0..size {
        let of = |row: usize, matrix: &[f64]| matrix.get(row * size + step).copied().unwrap_or(0.0);
        let pivot =
            (step..size).max_by(|a, b| of(*a, matrix).abs().total_cmp(&of(*b, matrix).abs()))?;
        if of(pivot, matrix).abs() < 1e-12 {
            return None;
        }
        if pivot != step {
            for column in 0..size {
                matrix.swap(pivot * size + column, step * size + column);
            }
            right.swap(pivot, step);
        }
        for row in step + 1..size {
            let factor = of(row, matrix) / of(step, matrix);
            if factor == 0.0 {
                continue;
            }
            for column in step..size {
                let above = *matrix.get(step * size + column)?;
                *matrix.get_mut(row * size + column)? -= factor * above;
            }
            let above = *right.get(step)?;
            *right.get_mut(row)? -= factor * above;
        }
    }
    let mut found = vec![0.0; size];
    for row in (0..size).rev() {
        let mut rest = *right.get(row)?;
        for column in row + 1..size {
            rest -= matrix.get(row * size + column)? * found.get(column)?;
        }
        *found.get_mut(row)? = rest / matrix.get(row * size + row)?;
    }
    Some(found)
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::topics::random::Random;

    /// Rows whose log-odds are -3.2 + 0.9 a - 0.02 b + (0, 0.5, -0.6 by word) + 0.9 where c is 0; d says nothing.
    fn world(seed: u64, count: usize) -> (Vec<Feature>, Vec<bool>, Vec<u64>, Vec<f64>) {
        let mut random = Random::new(seed);
        let (mut a, mut b, mut c, mut d, mut word) = (vec![], vec![], vec![], vec![], vec![]);
        let (mut label, mut truth) = (vec![], vec![]);
        for _ in 0..count {
            let grief = if random.unit() < 0.6 {
                0.0
            } else {
                -random.unit().ln()
            };
            let months = random.below(120) as f64;
            let left = random.below(12) as f64;
            let tier = random.below(3);
            let z = -3.2 + 0.9 * grief - 0.02 * months
                + [0.0, 0.5, -0.6][tier]
                + if left == 0.0 { 0.9 } else { 0.0 };
            a.push(grief);
            b.push(if random.unit() < 0.1 {
                f64::NAN
            } else {
                months
            });
            c.push(left);
            d.push(random.unit());
            word.push(Some(["x", "y", "z"][tier]));
            truth.push(z);
            label.push(random.unit() < probability(z));
        }
        let features = vec![
            Feature::number("a", a),
            Feature::number("b", b),
            Feature::number("c", c),
            Feature::number("d", d),
            Feature::word("word", &word),
        ];
        let group = (0..count as u64).collect();
        (features, label, group, truth)
    }

    fn scores(card: &Scorecard, features: &[Feature], count: usize) -> Vec<f64> {
        let of = |row: usize| {
            let value = |name: &str| {
                let feature = features.iter().find(|f| f.name == name).unwrap();
                let value = feature.values[row];
                let word = feature.words.get(value as usize).map(String::as_str);
                (value, word)
            };
            card.score(value).0
        };
        (0..count).map(of).collect()
    }

    #[test]
    fn planted_drivers_come_back_with_their_signs_and_the_card_is_calibrated() {
        let (features, label, group, _) = world(4, 12_000);
        let card = learn(features, &label, &group).unwrap();
        let direction = |name: &str| {
            let weight = card.weights.iter().find(|weight| weight.name == name);
            weight.unwrap().direction.clone()
        };
        assert_eq!(direction("a"), "rises");
        assert_eq!(direction("b"), "falls");
        assert_eq!(direction("c"), "falls");
        let zero = &card.weights[2].bins[1];
        assert!(
            zero.rows < 1_500 && zero.points > 0.3,
            "{:?}",
            card.weights[2]
        );
        let words: Vec<f64> = card.weights[4]
            .bins
            .iter()
            .skip(1)
            .map(|bin| bin.points)
            .collect();
        assert!(words[1] > words[0] && words[0] > words[2], "{words:?}");
        // What says nothing adds nearly nothing.
        let most = card.weights[3].bins.iter().map(|bin| bin.points.abs());
        assert!(most.fold(0.0, f64::max) < 0.35, "{:?}", card.weights[3]);
        let (others, label, _, truth) = world(5, 12_000);
        let found = scores(&card, &others, label.len());
        let (intercept, slope) = calibration(&found, &label);
        assert!((0.88..1.12).contains(&slope), "{slope} {intercept}");
        let mean = found
            .iter()
            .zip(&truth)
            .map(|(a, b)| (a - b).abs())
            .sum::<f64>()
            / 12_000.0;
        assert!(mean < 0.45, "{mean}");
    }

    #[test]
    fn points_are_against_the_average_and_the_same_rows_give_the_same_card() {
        let (features, label, group, _) = world(6, 3_000);
        let card = learn(features.clone(), &label, &group).unwrap();
        assert_eq!(card, learn(features, &label, &group).unwrap());
        for weight in &card.weights {
            let sum: f64 = weight
                .bins
                .iter()
                .map(|bin| bin.rows as f64 * bin.points)
                .sum();
            assert!(sum.abs() < 1e-6, "{weight:?}");
        }
        let stored: Scorecard =
            serde_json::from_str(&serde_json::to_string(&card).unwrap()).unwrap();
        for (stored, learnt) in stored.weights.iter().zip(&card.weights) {
            for (a, b) in stored.bins.iter().zip(&learnt.bins) {
                assert!((a.points - b.points).abs() < 1e-12 && a.word == b.word);
            }
        }
    }

    #[test]
    fn too_few_are_refused() {
        let (features, label, group, _) = world(7, 60);
        let few = learn(features, &label, &group).unwrap_err();
        assert_eq!(few.rows, 60);
    }
}

//! Bins of features and their evidence.
//!
//! Invariants: code 0 is what is unknown; bins of a number are in the order of values, and their rates only rise or
//! only fall. Not here: coefficients.

use super::{Feature, Kind};

/// Fine bins of a number, at most.
const FINE: usize = 48;
/// A bin has at least so many positive rows.
const BIN_POSITIVES: u64 = 6;
/// Rows at the average rate that each bin is mixed with.
const PSEUDO_POSITIVES: f64 = 4.0;

/// Fine bins: one code a row and feature.
pub(super) struct Coded {
    pub(super) features: Vec<Fine>,
    pub(super) rows: usize,
}

pub(super) struct Fine {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Lower ends of the fine bins of a number after the first.
    pub(super) cuts: Vec<f64>,
    pub(super) words: Vec<String>,
    pub(super) codes: Vec<u8>,
    pub(super) later: bool,
}

/// The code of what is unknown; the bins of words and numbers follow it.
pub(super) const UNKNOWN: u8 = 0;

impl Fine {
    pub(super) fn new(feature: Feature, label: &[bool]) -> Self {
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

    pub(super) fn code(&self, value: f64) -> u8 {
        if value.is_nan() {
            return UNKNOWN;
        }
        let place = match self.kind {
            Kind::Number => self.cuts.partition_point(|cut| *cut <= value),
            Kind::Word => value.max(0.0) as usize,
        };
        u8::try_from(place + 1).unwrap_or(u8::MAX)
    }

    pub(super) fn count(&self) -> usize {
        let known = match self.kind {
            Kind::Number => self.cuts.len() + 1,
            Kind::Word => self.words.len(),
        };
        (known + 1).min(usize::from(u8::MAX) + 1)
    }
}

/// Lower ends of fine bins: quantiles of all values and, since they are few, of the positive rows' values. Zero is a
/// bin of its own when it is frequent, being what most counts are.
pub(super) fn cuts(values: &[f64], label: &[bool]) -> Vec<f64> {
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
pub(super) struct Evidence {
    pub(super) bin_of: Vec<usize>,
    pub(super) bins: Vec<Tally>,
    pub(super) direction: i8,
}

#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    pub(super) first: usize,
    pub(super) rows: u64,
    pub(super) hits: u64,
    pub(super) woe: f64,
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

pub(super) fn evidence(
    fine: &Fine,
    label: &[bool],
    used: &impl Fn(usize) -> bool,
    rate: f64,
) -> Evidence {
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
pub(super) fn monotone(fine: &[Tally]) -> (Vec<Tally>, i8) {
    let mut enough: Vec<Tally> = Vec::new();
    for tally in fine {
        match enough.last_mut() {
            Some(last) if last.hits < BIN_POSITIVES || last.rows < 2 * BIN_POSITIVES => {
                last.join(*tally);
            }
            _ => enough.push(*tally),
        }
    }
    if enough.len() > 1
        && enough.last().is_some_and(|last| last.hits < BIN_POSITIVES)
        && let (Some(small), Some(last)) = (enough.pop(), enough.last_mut())
    {
        last.join(small);
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
pub(super) fn likelihood(bin: &Tally) -> f64 {
    let term = |n: u64| {
        if n == 0 {
            return 0.0;
        }
        n as f64 * (n as f64 / bin.rows as f64).ln()
    };
    term(bin.hits) + term(bin.rows - bin.hits)
}

//! Learning the encoder from pairs of sentences: same meaning together, other meanings apart.
//!
//! Invariants: one thread, fixed order, own generator: the same pairs and seed give the same bytes. Only terms that
//! are frequent enough get a row. It decides nothing about licences: the caller chooses the pairs.

use std::collections::HashMap;

use super::analysis::{Analysis, Term, analyse};
use super::encoder::{
    DIMENSIONS, Encoder, Vector, add, dot, inverse_frequency, normalise, shares, unknown,
};

/// Two sentences and whether they mean the same.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The first sentence.
    pub first: String,
    /// The second sentence.
    pub second: String,
    /// Whether one answer serves both.
    pub same: bool,
}

/// How to learn.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Rounds over all pairs.
    pub epochs: u32,
    /// Same-meaning pairs of one step; the others of the step are its negatives.
    pub batch: usize,
    /// Step size of AdaGrad.
    pub rate: f32,
    /// Inverse temperature of the softmax.
    pub sharpness: f32,
    /// A term needs this many texts to get a row.
    pub least_seen: u32,
    /// Of the generator.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch: 128,
            rate: 0.08,
            sharpness: 7.0,
            least_seen: 3,
            seed: 7,
        }
    }
}

/// splitmix64.
#[derive(Debug, Clone)]
pub struct Generator(pub u64);

impl Generator {
    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Shuffles in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last + 1).unwrap_or(u64::MAX);
            let other = usize::try_from(self.next_number() % bound).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

/// Learns an encoder. `background` are texts that only say how rare words are.
#[must_use]
pub fn learn(pairs: &[Pair], background: &[String], settings: Settings) -> Encoder {
    let mut learner = Learner::new(pairs, background, settings);
    let mut generator = Generator(settings.seed);
    let mut order: Vec<usize> = (0..pairs.len())
        .filter(|&i| pairs.get(i).is_some_and(|p| p.same))
        .collect();
    for _ in 0..settings.epochs {
        generator.shuffle(&mut order);
        for batch in order.chunks(settings.batch) {
            learner.step(batch);
        }
    }
    learner.finish()
}

struct Text {
    terms: Vec<(usize, f32)>,
    fixed: Vector,
}

struct Learner {
    settings: Settings,
    texts: Vec<Text>,
    pairs: Vec<(usize, usize)>,
    /// For each text those that were called different from it.
    apart: HashMap<usize, Vec<usize>>,
    /// Texts that mean the same as a text, never its negatives.
    together: HashMap<usize, Vec<usize>>,
    terms: Vec<(Term, u32)>,
    rows: Vec<Vector>,
    moved: Vec<f32>,
    background: u32,
}

impl Learner {
    fn new(pairs: &[Pair], background: &[String], settings: Settings) -> Self {
        let mut ids: HashMap<&str, usize> = HashMap::new();
        let mut analyses: Vec<Analysis> = Vec::new();
        let mut indexed = Vec::new();
        let mut apart: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut together: HashMap<usize, Vec<usize>> = HashMap::new();
        for pair in pairs {
            let mut id = |text| {
                *ids.entry(text).or_insert_with(|| {
                    analyses.push(analyse(text));
                    analyses.len() - 1
                })
            };
            let (a, b) = (id(&pair.first), id(&pair.second));
            indexed.push((a, b));
            let list = if pair.same { &mut together } else { &mut apart };
            list.entry(a).or_default().push(b);
            list.entry(b).or_default().push(a);
        }
        let mut seen: HashMap<Term, u32> = HashMap::new();
        let others: Vec<Analysis> = background.iter().map(|text| analyse(text)).collect();
        for analysis in analyses.iter().chain(&others) {
            let mut distinct: Vec<Term> =
                shares(analysis).into_iter().map(|(term, _)| term).collect();
            distinct.sort_unstable();
            distinct.dedup();
            for term in distinct {
                *seen.entry(term).or_default() += 1;
            }
        }
        let total = u32::try_from(analyses.len() + others.len()).unwrap_or(u32::MAX);
        let mut terms: Vec<(Term, u32)> = seen
            .into_iter()
            .filter(|&(_, seen)| seen >= settings.least_seen)
            .collect();
        terms.sort_unstable();
        let place: HashMap<Term, usize> = terms.iter().map(|t| t.0).zip(0..).collect();
        let known: HashMap<Term, u32> = terms.iter().copied().collect();
        let texts = analyses
            .iter()
            .map(|analysis| Text::new(analysis, &place, &known, total))
            .collect();
        Self {
            settings,
            texts,
            pairs: indexed,
            apart,
            together,
            rows: terms.iter().map(|&(term, _)| unknown(term)).collect(),
            moved: vec![1e-3; terms.len()],
            terms,
            background: total,
        }
    }

    fn sum(&self, text: usize) -> Vector {
        let Some(text) = self.texts.get(text) else {
            return [0.0; DIMENSIONS];
        };
        let mut sum = text.fixed;
        for &(place, weight) in &text.terms {
            if let Some(row) = self.rows.get(place) {
                add(&mut sum, row, weight);
            }
        }
        sum
    }

    /// One step of the in-batch softmax: each first sentence shall find its second among all seconds of the batch
    /// and the sentences that were called different from it.
    fn step(&mut self, batch: &[usize]) {
        let pairs: Vec<(usize, usize)> = batch
            .iter()
            .filter_map(|&i| self.pairs.get(i).copied())
            .collect();
        let mut candidates: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
        for (first, second) in &pairs {
            for text in [first, second] {
                let hard = self.apart.get(text).into_iter().flatten().take(3);
                candidates.extend(hard.copied());
            }
        }
        let unit = |sum: &Vector| {
            let mut unit = *sum;
            normalise(&mut unit);
            unit
        };
        let sums: Vec<Vector> = candidates.iter().map(|&text| self.sum(text)).collect();
        let units: Vec<Vector> = sums.iter().map(unit).collect();
        let mut pulls: Vec<Vector> = vec![[0.0; DIMENSIONS]; candidates.len()];
        for (own, &(first, second)) in pairs.iter().enumerate() {
            let sum = self.sum(first);
            let query = unit(&sum);
            let same = self.together.get(&first);
            let allowed = |place: usize| {
                place == own
                    || candidates.get(place).is_some_and(|text| {
                        *text != second
                            && *text != first
                            && !same.is_some_and(|same| same.contains(text))
                    })
            };
            let scores: Vec<f32> = units
                .iter()
                .enumerate()
                .map(|(place, unit)| {
                    if allowed(place) {
                        (self.settings.sharpness * (dot(&query, unit) - 1.0)).exp()
                    } else {
                        0.0
                    }
                })
                .collect();
            let total: f32 = scores.iter().sum();
            let mut pull = [0.0; DIMENSIONS];
            for (place, (score, unit)) in scores.iter().zip(&units).enumerate() {
                let wanted = if place == own { 1.0 } else { 0.0 };
                let error = wanted - score / total.max(1e-12);
                if error.abs() > 1e-4 {
                    add(&mut pull, unit, error);
                    if let Some(other) = pulls.get_mut(place) {
                        add(other, &query, error);
                    }
                }
            }
            self.pull(first, &sum, &query, &pull);
        }
        for ((&text, sum), (unit, pull)) in
            candidates.iter().zip(&sums).zip(units.iter().zip(&pulls))
        {
            self.pull(text, sum, unit, pull);
        }
    }

    /// Moves the rows of a text along the gradient of its unit vector.
    fn pull(&mut self, text: usize, sum: &Vector, unit: &Vector, pull: &Vector) {
        let length = dot(sum, sum).sqrt().max(1e-6);
        let mut gradient = *pull;
        add(&mut gradient, unit, -dot(unit, pull));
        for value in &mut gradient {
            *value /= length;
        }
        let size = dot(&gradient, &gradient);
        let Some(text) = self.texts.get(text) else {
            return;
        };
        for &(place, weight) in &text.terms {
            if let (Some(row), Some(moved)) = (self.rows.get_mut(place), self.moved.get_mut(place))
            {
                *moved += size * weight * weight;
                add(row, &gradient, self.settings.rate * weight / moved.sqrt());
            }
        }
    }

    fn finish(self) -> Encoder {
        let entries = self
            .terms
            .into_iter()
            .zip(self.rows)
            .map(|((term, seen), row)| (term, seen, row));
        Encoder::new(self.background, entries.collect())
    }
}

impl Text {
    fn new(
        analysis: &Analysis,
        place: &HashMap<Term, usize>,
        seen: &HashMap<Term, u32>,
        total: u32,
    ) -> Self {
        let mut made = Self {
            terms: Vec::new(),
            fixed: [0.0; DIMENSIONS],
        };
        for (term, share) in shares(analysis) {
            let weight = share * inverse_frequency(total, seen.get(&term).copied().unwrap_or(0));
            match place.get(&term) {
                Some(&place) => made.terms.push((place, weight)),
                None => add(&mut made.fixed, &unknown(term), weight),
            }
        }
        made
    }
}

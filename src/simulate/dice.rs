//! Seeded chance.
//!
//! Invariants: the same seed, stream and index give the same throws; what is
//! drawn for one interaction never depends on how many throws another took.
//! Only the generator comes from outside; how its numbers become choices is
//! written here, so that a new version of a library changes no byte.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// What a sequence of throws is for; sequences don't disturb each other.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Arrivals = 1,
    Journey = 2,
    Words = 3,
    Person = 4,
    Staff = 5,
    Shuffle = 6,
    Plan = 7,
    Day = 8,
    Delivery = 9,
}

/// A sequence of throws.
pub(super) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The sequence `index` of `stream` under `seed`.
    pub(super) fn new(seed: u64, stream: Stream, index: u64) -> Self {
        let mixed = seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add((stream as u64) << 56)
            .wrapping_add(index.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Self(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// A whole number from 0 to `limit` - 1; 0 when `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(0) as u64 + 1) as i64
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One item of a list that isn't empty.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Index into `weights`, each as likely as its weight.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// A duration with an exponential tail, in ms.
    pub(super) fn exponential_ms(&mut self, mean_ms: f64) -> i64 {
        (-(1.0 - self.unit()).ln() * mean_ms) as i64
    }

    /// A draw from the standard normal, as a sum of 12 throws.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// How often something happens that happens `mean` times on average.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        // In parts, so that `exp` does not come near zero.
        let parts = (mean / 20.0).ceil().max(1.0);
        let limit = (-mean / parts).exp();
        (0..parts as u64)
            .map(|_| {
                let mut product = self.unit();
                let mut count = 0;
                while product > limit {
                    product *= self.unit();
                    count += 1;
                }
                count
            })
            .sum()
    }

    /// A factor with mean 1 and variance `1 / shape` (gamma), by Marsaglia and
    /// Tsang's method; `shape` at least 1.
    pub(super) fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v / shape;
            }
        }
    }

    /// A duration that is mostly near `median_ms` and sometimes several times
    /// as long: log-normal, from a sum of 12 throws.
    pub(super) fn service_ms(&mut self, median_ms: f64, spread: f64) -> i64 {
        (median_ms * (self.normal() * spread).exp()) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_stay_in_range_and_repeat() {
        let mut dice = Dice::new(7, Stream::Journey, 3);
        let mut again = Dice::new(7, Stream::Journey, 3);
        let mut other = Dice::new(7, Stream::Words, 3);
        let mut differs = false;
        for _ in 0..1000 {
            let value = dice.between(-2, 2);
            assert!((-2..=2).contains(&value));
            assert_eq!(value, again.between(-2, 2));
            differs |= value != other.between(-2, 2);
        }
        assert!(differs);
        assert_eq!(dice.below(0), 0);
    }

    #[test]
    fn counts_and_factors_have_their_means() {
        let mut dice = Dice::new(3, Stream::Plan, 0);
        let counted = (0..4_000).map(|_| dice.poisson(47.5)).sum::<u64>() as f64 / 4_000.0;
        assert!((counted - 47.5).abs() < 0.5, "{counted}");
        let factors: Vec<f64> = (0..8_000).map(|_| dice.gamma(12.0)).collect();
        let mean = factors.iter().sum::<f64>() / 8_000.0;
        let variance = factors.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 8_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((variance - 1.0 / 12.0).abs() < 0.01, "{variance}");
    }

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(1, Stream::Journey, 0);
        let hits = (0..10_000)
            .filter(|_| dice.weighted(&[3.0, 0.0, 1.0]) == 0)
            .count();
        assert!((7_300..7_700).contains(&hits), "{hits}");
        assert!((0..1000).all(|_| dice.weighted(&[3.0, 0.0, 1.0]) != 1));
    }
}

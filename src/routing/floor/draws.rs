//! Calls and seats drawn from a seed.
//!
//! Invariants: the same seed gives the same calls on every machine; what one call draws does not depend on what
//! another is.

use super::{Call, Seat};
use crate::insight::topics::random::Random;

/// How calls of one class come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stream {
    /// Calls per second.
    pub per_s: f64,
    /// Mean service, s; exponential.
    pub service_s: f64,
    /// Mean patience, s; exponential.
    pub patience_s: f64,
    /// Score without ageing.
    pub base: f64,
    /// Worth of the customers.
    pub value: f64,
}

/// A draw of an exponential distribution.
pub fn exponential(random: &mut Random, mean: f64) -> f64 {
    -(1.0 - random.unit()).ln() * mean
}

/// Poisson arrivals of each stream, one class a stream, until `until_s`, in order of time.
#[must_use]
pub fn calls(seed: u64, streams: &[Stream], until_s: f64) -> Vec<Call> {
    let mut all = Vec::new();
    for (class, stream) in streams.iter().enumerate() {
        // Far apart: neighbouring seeds must not give related streams.
        let mut seeds = Random::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(class as u64));
        let mut random = Random::new(seeds.bits());
        let mut at_s = 0.0;
        loop {
            at_s += exponential(&mut random, 1.0 / stream.per_s);
            if at_s >= until_s {
                break;
            }
            all.push(Call {
                at_s,
                class,
                service_s: exponential(&mut random, stream.service_s),
                patience_s: exponential(&mut random, stream.patience_s),
                base: stream.base,
                value: stream.value,
            });
        }
    }
    all.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    all
}

/// Seats that are always there, each serving what `classes` gives for its number.
#[must_use]
pub fn seats(count: usize, classes: impl Fn(usize) -> Vec<usize>) -> Vec<Seat> {
    let seat = |number| Seat {
        from_s: 0.0,
        until_s: f64::INFINITY,
        classes: classes(number),
    };
    (0..count).map(seat).collect()
}

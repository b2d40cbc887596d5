//! Which topics rise, and how far the whole mix has moved.
//!
//! A topic's count of the latest days is compared with its count of the days before, given how many requests there were
//! in all (conditional binomial test, one side). Requests come in bursts, so counts are first divided by how much more
//! the daily counts of the days before scatter than a Poisson count does. Probabilities are adjusted over all topics
//! (Benjamini and Hochberg). Drift is the Jensen-Shannon divergence of the two mixes in bits, beside what chance alone
//! gives. Invariants: topics are answered in the order in which they came.

use crate::insight::statistics::{Ratio, binomial_tail, false_discovery, risk_ratio};

/// Counts of one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Daily {
    /// Requests of each day before.
    pub before: Vec<u64>,
    /// Requests of each of the latest days.
    pub latest: Vec<u64>,
}

/// What a topic does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Share of the latest requests over the share before, with its interval at 95 %.
    pub ratio: Ratio,
    /// Probability of so many or more by chance.
    pub p: f64,
    /// Adjusted for all topics.
    pub q: f64,
    /// Whether it rises.
    pub rising: bool,
}

/// How far the mix of topics has moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Jensen-Shannon divergence, bits, 0 to 1.
    pub divergence: f64,
    /// What it would be on average if nothing had changed.
    pub by_chance: f64,
}

/// The trend of each topic; rising ones are those of an adjusted probability of at most `rate`.
#[must_use]
pub fn trends(topics: &[Daily], rate: f64) -> Vec<Trend> {
    let sum = |counts: &[u64]| counts.iter().sum::<u64>();
    let before: u64 = topics.iter().map(|topic| sum(&topic.before)).sum();
    let latest: u64 = topics.iter().map(|topic| sum(&topic.latest)).sum();
    let scatter = scatter(topics);
    let shrink = |count: u64| (count as f64 / scatter).floor() as u64;
    let p = |topic: &Daily| {
        let (old, new) = (sum(&topic.before), sum(&topic.latest));
        if new == 0 || before + latest == 0 {
            return 1.0;
        }
        let (old, new) = (shrink(old), shrink(new));
        binomial_tail(new, old + new, latest as f64 / (before + latest) as f64)
    };
    let probabilities: Vec<f64> = topics.iter().map(p).collect();
    let adjusted = false_discovery(&probabilities);
    topics
        .iter()
        .zip(probabilities.iter().zip(adjusted))
        .map(|(topic, (p, q))| {
            let ratio = risk_ratio(
                shrink(sum(&topic.latest)),
                shrink(latest),
                shrink(sum(&topic.before)),
                shrink(before),
            );
            Trend {
                ratio,
                p: *p,
                q,
                rising: q <= rate && ratio.value > 1.0,
            }
        })
        .collect()
}

/// How much more daily counts scatter than Poisson counts: the median over topics of variance by mean, at least 1.
fn scatter(topics: &[Daily]) -> f64 {
    let days = topics
        .iter()
        .map(|topic| topic.before.len())
        .max()
        .unwrap_or(0);
    let totals: Vec<f64> = (0..days)
        .map(|day| {
            topics
                .iter()
                .filter_map(|topic| topic.before.get(day))
                .sum::<u64>() as f64
        })
        .collect();
    let all: f64 = totals.iter().sum();
    let of = |topic: &Daily| {
        let own = topic.before.iter().sum::<u64>() as f64;
        if days < 4 || own < 2.0 * days as f64 || all <= 0.0 {
            return None;
        }
        // Against the share of each day's total: days of much and of little traffic are no scatter.
        let parts = topic
            .before
            .iter()
            .zip(&totals)
            .filter(|(_, total)| **total > 0.0);
        let squares = parts.map(|(count, total)| {
            let expected = own / all * total;
            (*count as f64 - expected).powi(2) / expected
        });
        Some(squares.sum::<f64>() / (days - 1) as f64)
    };
    let mut all: Vec<f64> = topics.iter().filter_map(of).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(1.0).max(1.0)
}

/// How far the mix of the latest days is from the mix before.
#[must_use]
pub fn drift(topics: &[Daily]) -> Drift {
    let counts = |of: fn(&Daily) -> &Vec<u64>| -> Vec<f64> {
        topics
            .iter()
            .map(|topic| of(topic).iter().sum::<u64>() as f64)
            .collect()
    };
    let (old, new) = (counts(|topic| &topic.before), counts(|topic| &topic.latest));
    let (n, m): (f64, f64) = (old.iter().sum(), new.iter().sum());
    if n == 0.0 || m == 0.0 {
        return Drift {
            divergence: 0.0,
            by_chance: 0.0,
        };
    }
    let part = |x: f64, mean: f64| if x > 0.0 { x * (x / mean).log2() } else { 0.0 };
    let divergence: f64 = old
        .iter()
        .zip(&new)
        .map(|(a, b)| {
            let (a, b) = (a / n, b / m);
            let mean = f64::midpoint(a, b);
            f64::midpoint(part(a, mean), part(b, mean))
        })
        .sum();
    let used = old
        .iter()
        .zip(&new)
        .filter(|(a, b)| **a + **b > 0.0)
        .count() as f64;
    // 8 ln 2 times the divergence over (1/n + 1/m) has a chi-square distribution of used - 1 degrees when nothing changed.
    let by_chance = (used - 1.0).max(0.0) * (1.0 / n + 1.0 / m) / (8.0 * std::f64::consts::LN_2);
    Drift {
        divergence,
        by_chance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(count: u64) -> Daily {
        let wave = |day: u64| count + day % 3;
        Daily {
            before: (0..28).map(wave).collect(),
            latest: (0..7).map(wave).collect(),
        }
    }

    #[test]
    fn one_that_rises_among_many_that_do_not() {
        let mut topics: Vec<Daily> = (0..40).map(|i| steady(10 + i)).collect();
        topics[7].latest = vec![40; 7];
        let trends = trends(&topics, 0.05);
        let rising: Vec<usize> = (0..40).filter(|i| trends[*i].rising).collect();
        assert_eq!(rising, [7]);
        assert!(trends[7].ratio.low > 1.5, "{:?}", trends[7]);
    }

    #[test]
    fn bursts_are_no_rise() {
        let burst = |i: u64| Daily {
            before: (0..28)
                .map(|day| if (day + i).is_multiple_of(7) { 60 } else { 5 })
                .collect(),
            latest: vec![5, 5, 5, 60, 20, 5, 5],
        };
        let topics: Vec<Daily> = (0..20).map(burst).collect();
        assert!(trends(&topics, 0.05).iter().all(|trend| !trend.rising));
        assert!(trends(&[], 0.05).is_empty());
    }

    #[test]
    fn drift_of_the_mix() {
        let same = drift(&(0..10).map(|_| steady(20)).collect::<Vec<_>>());
        assert!(same.divergence <= same.by_chance, "{same:?}");
        let apart = drift(&[
            Daily {
                before: vec![100],
                latest: vec![0],
            },
            Daily {
                before: vec![0],
                latest: vec![100],
            },
        ]);
        assert!((apart.divergence - 1.0).abs() < 1e-12);
    }
}

//! Tests of counts, and many of them at once.
//!
//! Invariants: nothing is random; probabilities lie in [0, 1]; an empty input has an empty answer.

/// 97.5th percentile of the standard normal distribution: intervals at 95 %.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// ln n! (Stirling's series above 20, error below 1e-10).
fn ln_factorial(n: u64) -> f64 {
    if n < 21 {
        return (2..=n).map(|i| (i as f64).ln()).sum();
    }
    let x = n as f64 + 1.0;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + 1.0 / (12.0 * x)
        - 1.0 / (360.0 * x.powi(3))
        + 1.0 / (1260.0 * x.powi(5))
}

/// P(X >= `least`) of a binomial distribution.
#[must_use]
pub fn binomial_tail(least: u64, trials: u64, chance: f64) -> f64 {
    if least == 0 || chance >= 1.0 {
        return 1.0;
    }
    if least > trials || chance <= 0.0 {
        return 0.0;
    }
    let ln_choose = ln_factorial(trials) - ln_factorial(least) - ln_factorial(trials - least);
    let first =
        ln_choose + least as f64 * chance.ln() + (trials - least) as f64 * (-chance).ln_1p();
    let odds = chance / (1.0 - chance);
    tail(first, least, trials, |x| {
        (trials - x) as f64 / (x + 1) as f64 * odds
    })
}

/// P(X >= `both`): of `marked` among `all`, that at least `both` are among `drawn` (Fisher's exact test, one side).
#[must_use]
pub fn hypergeometric_tail(both: u64, drawn: u64, marked: u64, all: u64) -> f64 {
    let (drawn, marked) = (drawn.min(all), marked.min(all));
    let most = drawn.min(marked);
    let fewest = (drawn + marked).saturating_sub(all);
    if both <= fewest {
        return 1.0;
    }
    if both > most {
        return 0.0;
    }
    let choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let first = choose(marked, both) + choose(all - marked, drawn - both) - choose(all, drawn);
    tail(first, both, most, |x| {
        (marked - x) as f64 * (drawn - x) as f64
            / ((x + 1) as f64 * (all + x + 1 - marked - drawn) as f64)
    })
}

/// Sum of terms from `from` to `to`: the first one as a logarithm, each next one by its ratio. Terms grow up to the
/// middle of the distribution, so a tail that begins before it is summed in full.
fn tail(first: f64, from: u64, to: u64, ratio: impl Fn(u64) -> f64) -> f64 {
    let (mut sum, mut term) = (1.0_f64, 1.0_f64);
    let mut shift = first;
    for x in from..to {
        let ratio = ratio(x);
        term *= ratio;
        sum += term;
        if sum > 1e200 {
            sum *= 1e-200;
            term *= 1e-200;
            shift += 200.0 * std::f64::consts::LN_10;
        }
        if ratio < 1.0 && term < sum * 1e-15 {
            break;
        }
    }
    (shift + sum.ln()).exp().clamp(0.0, 1.0)
}

/// The adjusted probabilities of Benjamini and Hochberg (1995): rejecting those of at most q keeps the expected share
/// of false ones at most q.
#[must_use]
pub fn false_discovery(probabilities: &[f64]) -> Vec<f64> {
    let count = probabilities.len();
    let mut order: Vec<usize> = (0..count).collect();
    let of = |place: usize| probabilities.get(place).copied().unwrap_or(1.0);
    order.sort_by(|a, b| of(*b).total_cmp(&of(*a)).then(b.cmp(a)));
    let mut adjusted = vec![1.0_f64; count];
    let mut least = 1.0_f64;
    for (step, place) in order.into_iter().enumerate() {
        let rank = (count - step) as f64;
        least = least.min(of(place) * count as f64 / rank);
        if let Some(slot) = adjusted.get_mut(place) {
            *slot = least;
        }
    }
    adjusted
}

/// A ratio of two rates with its interval at 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The ratio; halves are added where a count is 0, so that it is finite.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// (a of n) to (b of m), as a ratio of shares (Katz, Baptista, Azen, Pike 1978, on the logarithm).
#[must_use]
pub fn risk_ratio(a: u64, n: u64, b: u64, m: u64) -> Ratio {
    let half = if a == 0 || b == 0 { 0.5 } else { 0.0 };
    let (x, y) = (a as f64 + half, b as f64 + half);
    let (n, m) = ((n as f64 + half).max(x), (m as f64 + half).max(y));
    if n == 0.0 || m == 0.0 {
        return Ratio {
            value: 1.0,
            low: 0.0,
            high: f64::INFINITY,
        };
    }
    let value = (x / n) / (y / m);
    let error = (1.0 / x - 1.0 / n + 1.0 / y - 1.0 / m).max(0.0).sqrt();
    Ratio {
        value,
        low: value * (-Z_95 * error).exp(),
        high: value * (Z_95 * error).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-9 + b.abs() * 1e-6, "{a} is not {b}");
    }

    #[test]
    fn tails() {
        near(binomial_tail(3, 5, 0.5), 0.5);
        near(binomial_tail(5, 5, 0.5), 1.0 / 32.0);
        near(binomial_tail(0, 5, 0.5), 1.0);
        near(binomial_tail(6, 5, 0.5), 0.0);
        // Symmetric about the middle: half of all and half of the middle term.
        let whole = binomial_tail(50_000, 100_000, 0.5);
        assert!((whole - 0.5012615).abs() < 1e-5, "{whole}");
        // The lady tasting tea: 4 of 4 right, and at least 3.
        near(hypergeometric_tail(4, 4, 4, 8), 1.0 / 70.0);
        near(hypergeometric_tail(3, 4, 4, 8), 17.0 / 70.0);
        near(hypergeometric_tail(0, 4, 4, 8), 1.0);
    }

    #[test]
    fn false_discoveries() {
        let adjusted = false_discovery(&[0.01, 0.04, 0.03, 0.005]);
        for (a, b) in adjusted.iter().zip([0.02, 0.04, 0.04, 0.02]) {
            near(*a, b);
        }
        assert!(false_discovery(&[]).is_empty());
    }

    #[test]
    fn ratios() {
        let ratio = risk_ratio(20, 100, 10, 100);
        near(ratio.value, 2.0);
        assert!(
            (ratio.low - 0.988).abs() < 0.01 && (ratio.high - 4.05).abs() < 0.02,
            "{ratio:?}"
        );
        let none = risk_ratio(0, 10, 5, 10);
        assert!(none.value < 0.2 && none.value > 0.0 && none.high.is_finite());
    }
}

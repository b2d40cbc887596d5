//! Lower bounds of counts, rates and shares.
//!
//! Invariants: a bound never exceeds its estimate; nothing observed has the bound 0.

/// 90th percentile of the standard normal distribution: one-sided bounds at 90 %.
pub const Z_90: f64 = 1.281_551_565_544_600_4;

/// The lower 90 % bound of a Poisson mean of which `count` was seen (Byar's approximation to the exact one; Breslow
/// and Day 1987, eq. 2.13).
#[must_use]
pub fn poisson_low(count: f64) -> f64 {
    if count <= 0.0 {
        return 0.0;
    }
    let root = 1.0 - 1.0 / (9.0 * count) - Z_90 / (3.0 * count.sqrt());
    (count * root.max(0.0).powi(3)).clamp(0.0, count)
}

/// The lower 90 % bound of a share, `part` of `whole` (Wilson 1927).
#[must_use]
pub fn wilson_low(part: f64, whole: f64) -> f64 {
    if whole <= 0.0 || part <= 0.0 {
        return 0.0;
    }
    let share = (part / whole).min(1.0);
    let z = Z_90 * Z_90 / whole;
    let middle = share + z / 2.0;
    let half = Z_90 * ((share * (1.0 - share) + z / 4.0) / whole).sqrt();
    ((middle - half) / (1.0 + z)).clamp(0.0, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bounds() {
        // Exact: chi-square 0.1 with 20 degrees of freedom, halved.
        assert!(
            (poisson_low(10.0) - 6.221).abs() < 0.05,
            "{}",
            poisson_low(10.0)
        );
        assert!(poisson_low(0.0) == 0.0 && poisson_low(1.0) < 0.2);
        assert!(
            (wilson_low(8.0, 10.0) - 0.597).abs() < 0.01,
            "{}",
            wilson_low(8.0, 10.0)
        );
        assert!(wilson_low(0.0, 10.0) == 0.0 && wilson_low(10.0, 10.0) < 1.0);
    }
}

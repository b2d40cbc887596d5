//! Logistic regression over evidence: in stages, ridge, no negative coefficient.
//!
//! Invariants: sums run in the order of patterns. Not here: where evidence comes from.

const RIDGE: f64 = 1.0;
const STEPS: usize = 30;

/// Rows with the same evidence are one.
pub(super) struct Pattern {
    pub(super) evidence: Vec<f64>,
    /// Log-odds that are given.
    pub(super) offset: f64,
    pub(super) rows: f64,
    pub(super) hits: f64,
}

/// The first features together, then the later ones over what those leave open.
pub(super) fn in_stages(later_of: &[bool], mut patterns: Vec<Pattern>, rate: f64) -> Vec<f64> {
    let places = |later: bool| {
        let chosen = later_of.iter().enumerate();
        let chosen = chosen.filter(|(_, is)| **is == later);
        chosen.map(|(place, _)| place).collect::<Vec<usize>>()
    };
    let mut all = vec![0.0; later_of.len() + 1];
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
pub(super) fn not_negative(
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
pub(super) fn regress(patterns: &[Pattern], active: &[usize], start: f64) -> Vec<f64> {
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
pub(super) fn solve(matrix: &mut [f64], right: &mut [f64], size: usize) -> Option<Vec<f64>> {
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

pub(super) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

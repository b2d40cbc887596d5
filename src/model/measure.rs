//! Figures of quality: accuracy, F1, calibration error, rank correlation, area under the curve.
//!
//! Invariants: pure; equal values are ranked together (average ranks); an empty input gives 0.
//! Not here: where the predictions come from.

/// A binary prediction: probability of the class and whether the class is true.
pub type Scored = (f64, bool);

/// Share of predictions on the right side of one half.
#[must_use]
pub fn accuracy(scored: &[Scored]) -> f64 {
    ratio(
        scored.iter().filter(|(p, y)| (*p >= 0.5) == *y).count(),
        scored.len(),
    )
}

/// F1 of one class of `classes`: `2 tp / (2 tp + fp + fn)`.
#[must_use]
pub fn f1(pairs: &[(usize, usize)], class: usize) -> f64 {
    let hits = pairs
        .iter()
        .filter(|(t, p)| *t == class && *p == class)
        .count();
    let told = pairs.iter().filter(|(_, p)| *p == class).count();
    let true_ones = pairs.iter().filter(|(t, _)| *t == class).count();
    ratio(2 * hits, told + true_ones)
}

/// Mean F1 over the classes that occur among the true ones.
#[must_use]
pub fn macro_f1(pairs: &[(usize, usize)]) -> f64 {
    let mut classes: Vec<usize> = pairs.iter().map(|(t, _)| *t).collect();
    classes.sort_unstable();
    classes.dedup();
    let sum: f64 = classes.iter().map(|c| f1(pairs, *c)).sum();
    if classes.is_empty() {
        0.0
    } else {
        sum / float(classes.len())
    }
}

/// Expected calibration error over bins of equally many predictions: mean absolute difference
/// between mean probability and share of the class, weighted by size.
#[must_use]
pub fn calibration_error_equal_mass(scored: &[Scored], bins: usize) -> f64 {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = sorted.len();
    let mut error = 0.0;
    for bin in 0..bins {
        let part = sorted
            .get(bin * n / bins..(bin + 1) * n / bins)
            .unwrap_or_default();
        error += gap(part);
    }
    if n == 0 { 0.0 } else { error / float(n) }
}

/// Expected calibration error over bins of equal width.
#[must_use]
pub fn calibration_error_equal_width(scored: &[Scored], bins: usize) -> f64 {
    let mut parts: Vec<Vec<Scored>> = vec![Vec::new(); bins];
    for item in scored {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a probability times the bins"
        )]
        let bin = ((item.0 * float(bins)) as usize).min(bins.saturating_sub(1));
        if let Some(part) = parts.get_mut(bin) {
            part.push(*item);
        }
    }
    let error: f64 = parts.iter().map(|part| gap(part)).sum();
    if scored.is_empty() {
        0.0
    } else {
        error / float(scored.len())
    }
}

/// Size of a bin times the difference of its means.
fn gap(part: &[Scored]) -> f64 {
    let told: f64 = part.iter().map(|(p, _)| p).sum();
    (told - float(part.iter().filter(|(_, y)| *y).count())).abs()
}

/// Spearman's rank correlation: Pearson's of average ranks.
#[must_use]
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    pearson(&ranks(a), &ranks(b))
}

/// Pearson's correlation; 0 when one side does not vary.
#[must_use]
pub fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = float(a.len().min(b.len()));
    if n == 0.0 {
        return 0.0;
    }
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    if aa * bb == 0.0 {
        0.0
    } else {
        ab / (aa * bb).sqrt()
    }
}

/// Area under the ROC curve: how often a member of the class has the higher score, ties a half.
#[must_use]
pub fn auroc(scored: &[Scored]) -> f64 {
    let ranks = ranks(&scored.iter().map(|(p, _)| *p).collect::<Vec<_>>());
    let yes = scored.iter().filter(|(_, y)| *y).count();
    let no = scored.len() - yes;
    if yes == 0 || no == 0 {
        return 0.0;
    }
    let sum: f64 = ranks
        .iter()
        .zip(scored)
        .filter(|(_, (_, y))| *y)
        .map(|(r, _)| r)
        .sum();
    (sum - float(yes) * (float(yes) + 1.0) / 2.0) / (float(yes) * float(no))
}

/// Average ranks from 1.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let value = |i: usize| values.get(i).copied().unwrap_or(f64::NAN);
    order.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let first = order.get(from).map_or(f64::NAN, |i| value(*i));
        let run = order
            .iter()
            .skip(from)
            .take_while(|i| value(**i).total_cmp(&first).is_eq())
            .count();
        let rank = float(2 * from + run + 1) / 2.0;
        for i in order.iter().skip(from).take(run) {
            if let Some(slot) = ranks.get_mut(*i) {
                *slot = rank;
            }
        }
        from += run.max(1);
    }
    ranks
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        float(part) / float(whole)
    }
}

fn float(n: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let value = n as f64;
    value
}

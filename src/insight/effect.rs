//! Did a change help? Contacts of its topics before and after, against topics that were alike and had no change.
//!
//! Difference in differences on log rates: with one treated series `t` and its controls pooled as `c`, the effect is
//! `ln(t1 / t0) - ln(c1 / c0)` for totals after (1) and before (0). Days multiply both sides alike, so weekdays,
//! holidays and the number of customers cancel. Its variance has three parts: the counts' own, as quasi-Poisson
//! (dispersion of the daily share, never below 1); what topics move by themselves, as the same estimate says of the
//! nearest candidates in place of the treated one, where it is 0 in truth; and never less than what blocks of days say
//! by bootstrap. Candidates that moved three deviations had a change of their own and are left out.
//!
//! Invariants: before = 28 days (21 when the history begins later) that end 7 days before the change: those 7 may be
//! why it was made, and counting them would make regression to the mean look like help. Verdicts are given on days 14
//! and 28 alone, each at half the error. The same input gives the same verdict. It knows no tables: counts come in,
//! numbers go out.

use std::ops::Range;

use super::statistics::false_discovery;

/// Days that are compared with,
pub const BEFORE_DAYS: usize = 28;
/// and how many of them a younger history must have: three whole weeks.
pub const LEAST_BEFORE_DAYS: usize = 21;
/// Days before the change that are left out.
pub const LEFT_OUT_DAYS: usize = 7;
/// Days after the change on which a verdict is given.
pub const LOOKS: [usize; 2] = [14, 28];
/// Fewer controls cannot say what is usual.
pub const LEAST_CONTROLS: usize = 5;
/// More are not used.
pub const MOST_CONTROLS: usize = 20;
/// The nearest candidates that say how topics move by themselves, the controls among them.
const MOST_PLACEBOS: usize = 60;
/// A candidate with fewer contacts a day before says little.
const LEAST_A_DAY: f64 = 1.0;
/// What counts as near: a fold in level, in trend from the first to the second half, a squared fold by day.
const WEIGHTS: [f64; 3] = [0.25, 3.0, 4.0];
/// Candidates that moved so many deviations are not used to say how topics move.
const OUTLIER: f64 = 3.0;
/// The mean square of a normal distribution to that of one cut twice at [`OUTLIER`]: as movers, and as outliers.
const CUT_BIAS: f64 = 1.08;
/// The median square of a normal distribution.
const MEDIAN_SQUARE: f64 = 0.454_936;
/// The median deviation of a normal distribution, and the least that is taken for one.
const MEDIAN_DEVIATION: f64 = 0.674_490;
const LEAST_DEVIATION: f64 = 0.02;

/// Two-sided error of one look.
const ALPHA: f64 = 0.025;
/// Error of the test that both sides moved alike before.
const PRE_TREND_ALPHA: f64 = 0.025;
const BLOCK_DAYS: usize = 7;
const RESAMPLES: u64 = 400;
/// Added to each total, so that a topic that falls silent has a logarithm.
const HALF: f64 = 0.5;
const NOMINAL: f64 = 0.90;

/// Daily counts of one topic (or of all topics of a change), of the same days as every other series.
pub type Daily<'a> = &'a [f64];

/// What is said about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Fewer contacts.
    Helped,
    /// No difference that can be told from chance.
    NoEffect,
    /// More contacts.
    Harmed,
    /// Not enough days after the change.
    TooEarly,
    /// No likely controls, or treated and controls did not move alike before.
    NotComparable,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The verdict of this look.
    pub verdict: Verdict,
    /// Days after the change that were used: 0, 14 or 28.
    pub days_after: usize,
    /// Relative change of contacts: -0.2 = a fifth less.
    pub change: f64,
    /// 90 % interval of `change`.
    pub interval: [f64; 2],
    /// Two-sided p-value of no change.
    pub p_value: f64,
    /// p-value of the test that both sides moved alike before.
    pub pre_trend_p_value: f64,
    /// Indexes of the controls that were used.
    pub controls: Vec<usize>,
}

/// Estimates the effect of a change on day `published` (an index into the series). `candidates` are topics without a
/// change in these days. All series end with the last whole day.
#[must_use]
pub fn estimate(
    treated: Daily<'_>,
    candidates: &[Daily<'_>],
    published: usize,
    seed: u64,
) -> Effect {
    let days_after = LOOKS
        .into_iter()
        .filter(|days| published + days <= treated.len())
        .max()
        .unwrap_or(0);
    let mut effect = Effect {
        verdict: Verdict::TooEarly,
        days_after,
        change: 0.0,
        interval: [-1.0, f64::INFINITY],
        p_value: 1.0,
        pre_trend_p_value: 1.0,
        controls: Vec::new(),
    };
    if days_after == 0 {
        return effect;
    }
    let Some(window) = Window::new(published, days_after) else {
        effect.verdict = Verdict::NotComparable;
        return effect;
    };
    let nearest = choose(treated, candidates, window);
    let nearest = without_movers(nearest, candidates, window);
    effect.controls = nearest.iter().copied().take(MOST_CONTROLS).collect();
    if effect.controls.len() < LEAST_CONTROLS {
        effect.verdict = Verdict::NotComparable;
        return effect;
    }
    let of = |places: &[usize]| -> Vec<Daily<'_>> {
        let series = places.iter().filter_map(|&at| candidates.get(at).copied());
        series.collect()
    };
    let controls = of(&effect.controls);
    let pooled = pool(&controls);
    let placebos = placebos(&of(&nearest), &controls, &pooled, window);
    judge(&mut effect, treated, &pooled, &placebos, (window, seed));
    effect.controls.sort_unstable();
    effect
}

/// Fills in what follows from the treated series, its controls and the placebos.
fn judge(
    effect: &mut Effect,
    treated: Daily<'_>,
    pooled: Daily<'_>,
    placebos: &[Placebo],
    (window, seed): (Window, u64),
) {
    let share = 1.0 + 1.0 / to_f64(effect.controls.len());
    let slopes = excess(placebos.iter().map(|one| one.slope));
    let slope = slope(treated, pooled, window);
    let freedom = to_f64(window.days_before().len()) - 2.0;
    effect.pre_trend_p_value = two_sided(
        slope.value / (slope.variance + slopes.variance * share).sqrt(),
        freedom,
    );
    // A placebo that would not be comparable says nothing of those that are.
    let alike = placebos.iter().filter(|one| {
        let z = one.slope.value / (one.slope.variance + slopes.variance).sqrt();
        two_sided(z, freedom) >= PRE_TREND_ALPHA
    });
    let drift = excess(alike.map(|one| one.ratio));
    let own = window.quasi_poisson(treated, pooled) + drift.variance * share;
    let deviation = own.max(window.bootstrap(treated, pooled, seed)).sqrt();
    let freedom = to_f64(drift.kept.saturating_sub(1)).max(1.0);
    let log_ratio = window.log_ratio(treated, pooled);
    effect.change = log_ratio.exp() - 1.0;
    effect.p_value = two_sided(log_ratio / deviation, freedom);
    let reach = quantile(1.0 - (1.0 - NOMINAL) / 2.0, freedom) * deviation;
    effect.interval = [
        (log_ratio - reach).exp() - 1.0,
        (log_ratio + reach).exp() - 1.0,
    ];
    effect.verdict = if effect.pre_trend_p_value < PRE_TREND_ALPHA {
        Verdict::NotComparable
    } else {
        verdict(effect.change, effect.p_value, true)
    };
}

/// What is said of a comparable change; `holds` when the claim is one of those that the month's rate of false ones
/// allows.
#[must_use]
pub fn verdict(change: f64, p_value: f64, holds: bool) -> Verdict {
    if p_value >= ALPHA || !holds {
        Verdict::NoEffect
    } else if change < 0.0 {
        Verdict::Helped
    } else {
        Verdict::Harmed
    }
}

/// The days before and after that are compared when the change is on day `published` of the history and `days_after`
/// days have passed.
#[must_use]
pub fn compared_days(published: usize, days_after: usize) -> (Range<usize>, Range<usize>) {
    let end = published.saturating_sub(LEFT_OUT_DAYS);
    let before = end.saturating_sub(BEFORE_DAYS)..end;
    (before, published..published + days_after)
}

/// Benjamini-Hochberg: which of many p-values hold when `rate` of the claims may be false.
#[must_use]
pub fn claims(p_values: &[f64], rate: f64) -> Vec<bool> {
    let adjusted = false_discovery(p_values);
    adjusted.into_iter().map(|q| q <= rate).collect()
}

/// Days before and after.
#[derive(Debug, Clone, Copy)]
struct Window {
    before: (usize, usize),
    after: (usize, usize),
}

impl Window {
    /// `None` when there are too few days before.
    fn new(published: usize, days_after: usize) -> Option<Self> {
        let (before, after) = compared_days(published, days_after);
        (before.len() >= LEAST_BEFORE_DAYS).then_some(Self {
            before: (before.start, before.end),
            after: (after.start, after.end),
        })
    }

    fn days_before(self) -> Vec<usize> {
        (self.before.0..self.before.1).collect()
    }

    fn days_after(self) -> Vec<usize> {
        (self.after.0..self.after.1).collect()
    }

    fn log_ratio(self, treated: Daily<'_>, controls: Daily<'_>) -> f64 {
        ratio_of(treated, controls, &self.days_before(), &self.days_after())
    }

    fn quasi_poisson(self, treated: Daily<'_>, controls: Daily<'_>) -> f64 {
        let mut chi = 0.0;
        let mut freedom = 0.0;
        let mut variance = 0.0;
        for days in [self.days_before(), self.days_after()] {
            let (t, c) = (total(treated, &days), total(controls, &days));
            let share = (t + HALF) / (t + c + 2.0 * HALF);
            for &day in &days {
                let n = at(treated, day) + at(controls, day);
                if n > 0.0 {
                    let error = at(treated, day) - n * share;
                    chi += error * error / (n * share * (1.0 - share));
                }
            }
            freedom += to_f64(days.len()) - 1.0;
            variance += 1.0 / (t + HALF) + 1.0 / (c + HALF);
        }
        variance * (chi / freedom).max(1.0)
    }

    fn bootstrap(self, treated: Daily<'_>, controls: Daily<'_>, seed: u64) -> f64 {
        let mut state = seed;
        let mut draw = |days: &[usize]| {
            let mut drawn = Vec::with_capacity(days.len());
            while drawn.len() < days.len() {
                let starts = days.len() - BLOCK_DAYS.min(days.len()) + 1;
                let start = pick(&mut state, starts);
                drawn.extend(
                    days.iter()
                        .skip(start)
                        .take(BLOCK_DAYS.min(days.len() - drawn.len())),
                );
            }
            drawn
        };
        let (before, after) = (self.days_before(), self.days_after());
        let ratios: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let (before, after) = (draw(&before), draw(&after));
                ratio_of(treated, controls, &before, &after)
            })
            .collect();
        let middle = mean(ratios.iter().copied());
        mean(
            ratios
                .iter()
                .map(|ratio| (ratio - middle) * (ratio - middle)),
        )
    }
}

/// Candidates that are nearest in level, trend and daily shape before the change, nearest first.
fn choose(treated: Daily<'_>, candidates: &[Daily<'_>], window: Window) -> Vec<usize> {
    let own = Shape::of(treated, window);
    let least = LEAST_A_DAY * to_f64(window.days_before().len());
    let mut order: Vec<(f64, usize)> = candidates
        .iter()
        .enumerate()
        .filter(|(_, series)| series.len() == treated.len())
        .filter(|(_, series)| total(series, &window.days_before()) >= least)
        .map(|(place, series)| (own.distance(&Shape::of(series, window)), place))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let nearest = order.into_iter().take(MOST_PLACEBOS);
    nearest.map(|one| one.1).collect()
}

/// Those of `nearest` that went along with the others; who left them by [`OUTLIER`] deviations had a change of its own.
fn without_movers(mut nearest: Vec<usize>, candidates: &[Daily<'_>], window: Window) -> Vec<usize> {
    let (before, after) = (window.days_before(), window.days_after());
    let growth = |place: &usize| {
        let series = candidates.get(*place).copied().unwrap_or_default();
        ((total(series, &after) + HALF) / (total(series, &before) + HALF)).ln()
    };
    loop {
        let middle = median(nearest.iter().map(growth));
        let away = |place: &usize| (growth(place) - middle).abs();
        let deviation = median(nearest.iter().map(away)) / MEDIAN_DEVIATION;
        let limit = OUTLIER * deviation.max(LEAST_DEVIATION);
        let usual: Vec<usize> = nearest
            .iter()
            .copied()
            .filter(|place| away(place) <= limit)
            .collect();
        if usual.len() == nearest.len() {
            return usual;
        }
        nearest = usual;
    }
}

/// How a series looks before the change, in logarithms.
struct Shape {
    level: f64,
    trend: f64,
    days: Vec<f64>,
}

impl Shape {
    fn of(series: Daily<'_>, window: Window) -> Self {
        let days = window.days_before();
        let (first, second) = days.split_at(days.len() / 2);
        let (first, second) = (total(series, first) + HALF, total(series, second) + HALF);
        let level = (first + second).ln();
        Self {
            level,
            trend: (second / first).ln(),
            days: days
                .iter()
                .map(|&day| (at(series, day) + 1.0).ln() - level)
                .collect(),
        }
    }

    fn distance(&self, other: &Self) -> f64 {
        let days = self.days.iter().zip(&other.days);
        let by_day = mean(days.map(|(a, b)| (a - b) * (a - b)));
        let [level, trend, shape] = WEIGHTS;
        level * (self.level - other.level).abs()
            + trend * (self.trend - other.trend).abs()
            + shape * by_day
    }
}

/// The sum of the series.
fn pool(series: &[Daily<'_>]) -> Vec<f64> {
    let length = series.iter().map(|one| one.len()).max().unwrap_or(0);
    let mut sum = vec![0.0; length];
    for one in series {
        for (value, x) in sum.iter_mut().zip(*one) {
            *value += x;
        }
    }
    sum
}

/// A figure and the variance that counts alone explain.
#[derive(Debug, Clone, Copy)]
struct Measured {
    value: f64,
    variance: f64,
}

/// A candidate in place of the treated series.
struct Placebo {
    ratio: Measured,
    slope: Measured,
}

/// Each of `nearest` in place of the treated series; the first of them are the controls, in their order, and are
/// compared with the others.
fn placebos(
    nearest: &[Daily<'_>],
    controls: &[Daily<'_>],
    pooled: Daily<'_>,
    window: Window,
) -> Vec<Placebo> {
    let one = |(place, series): (usize, &Daily<'_>)| {
        let mut others = pooled.to_vec();
        if place < controls.len() {
            for (sum, own) in others.iter_mut().zip(*series) {
                *sum -= own;
            }
        }
        Placebo {
            ratio: Measured {
                value: window.log_ratio(series, &others),
                variance: window.quasi_poisson(series, &others),
            },
            slope: slope(series, &others, window),
        }
    };
    nearest.iter().enumerate().map(one).collect()
}

/// What figures that are 0 in truth have beyond their own variance.
struct Excess {
    variance: f64,
    /// Of how many figures.
    kept: usize,
}

/// The mean square of the figures less their own variances, of those within [`OUTLIER`] deviations.
fn excess(figures: impl Iterator<Item = Measured>) -> Excess {
    let figures: Vec<Measured> = figures.collect();
    let square = |one: &Measured| one.value * one.value;
    let typical = median(figures.iter().map(square)) / MEDIAN_SQUARE;
    let mut found = Excess {
        variance: (typical - median(figures.iter().map(|one| one.variance))).max(0.0),
        kept: figures.len(),
    };
    for _ in 0..3 {
        let limit = found.variance;
        let usual = figures
            .iter()
            .filter(|one| square(one) <= OUTLIER * OUTLIER * (one.variance + limit));
        found.kept = usual.clone().count();
        found.variance = CUT_BIAS * mean(usual.map(|one| square(one) - one.variance)).max(0.0);
    }
    found
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let high = values.get(values.len() / 2).copied().unwrap_or(0.0);
    let low = values.get(values.len().saturating_sub(1) / 2);
    f64::midpoint(low.copied().unwrap_or(high), high)
}

/// How the treated share moves a day before the change, in log odds; weighted by its counts.
fn slope(treated: Daily<'_>, controls: Daily<'_>, window: Window) -> Measured {
    let days = window.days_before();
    let (t, c) = (total(treated, &days), total(controls, &days));
    let share = (t + HALF) / (t + c + 2.0 * HALF);
    let rows: Vec<(f64, f64, f64)> = days
        .iter()
        .zip(0_u32..)
        .map(|(&day, place)| {
            let n = at(treated, day) + at(controls, day);
            (
                f64::from(place),
                n * share * (1.0 - share),
                at(treated, day) - n * share,
            )
        })
        .filter(|row| row.1 > 0.0)
        .collect();
    let weight: f64 = rows.iter().map(|row| row.1).sum();
    let middle = rows.iter().map(|row| row.0 * row.1).sum::<f64>() / weight.max(HALF);
    let score: f64 = rows.iter().map(|row| (row.0 - middle) * row.2).sum();
    let information: f64 = rows
        .iter()
        .map(|row| (row.0 - middle) * (row.0 - middle) * row.1)
        .sum();
    if information <= 0.0 {
        return Measured {
            value: 0.0,
            variance: 1.0,
        };
    }
    let chi: f64 = rows.iter().map(|row| row.2 * row.2 / row.1).sum();
    let dispersion = (chi / (to_f64(days.len()) - 2.0)).max(1.0);
    Measured {
        value: score / information,
        variance: dispersion / information,
    }
}

fn ratio_of(treated: Daily<'_>, controls: Daily<'_>, before: &[usize], after: &[usize]) -> f64 {
    let log = |series, days| (total(series, days) + HALF).ln();
    log(treated, after) - log(treated, before) - log(controls, after) + log(controls, before)
}

fn at(series: Daily<'_>, day: usize) -> f64 {
    series.get(day).copied().unwrap_or(0.0)
}

fn total(series: Daily<'_>, days: &[usize]) -> f64 {
    days.iter().map(|&day| at(series, day)).sum()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// splitmix64, below `bound`.
fn pick(state: &mut u64, bound: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    usize::try_from(z % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
}

/// Two-sided p-value by Student's t.
fn two_sided(z: f64, freedom: f64) -> f64 {
    2.0 * (1.0 - normal(student_to_normal(z.abs(), freedom)))
}

/// The point of Student's t below which `p` lies; by bisection.
fn quantile(p: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 60.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if normal(student_to_normal(middle, freedom)) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The normal deviate with about the tail of Student's t (Wallace, 1959).
fn student_to_normal(t: f64, freedom: f64) -> f64 {
    (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0) * (freedom * (t * t / freedom).ln_1p()).sqrt()
}

/// The normal distribution (Abramowitz and Stegun 7.1.26, error below 2e-7).
fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let upper = 0.5 * poly * (-x * x).exp();
    if z >= 0.0 { 1.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Poisson count by inversion, in steps of at most 30.
    fn poisson(state: &mut u64, mean: f64) -> f64 {
        let mut count = 0.0;
        let mut rest = mean;
        while rest > 0.0 {
            let limit = (-rest.min(30.0)).exp();
            rest -= 30.0;
            let mut product = 1.0;
            loop {
                product *= (pick(state, 1 << 30) as f64 + 0.5) / f64::from(1 << 30);
                if product < limit {
                    break;
                }
                count += 1.0;
            }
        }
        count
    }

    /// 60 topics over 70 days with weekdays, drift of each topic and noise of each day; the treated one is published
    /// in the week of its greatest count between days 35 and 42.
    fn history(seed: u64, level: f64, change: f64) -> (Vec<f64>, Vec<Vec<f64>>, usize) {
        let mut state = seed.wrapping_mul(0x1234_5678_9abc_def1) + 1;
        let mut series = Vec::new();
        let mut published = 42;
        for topic in 0..60 {
            let mut drift = 0.0;
            let base = if topic == 0 {
                level
            } else {
                level * (0.3 + 3.0 * pick(&mut state, 1000) as f64 / 1000.0)
            };
            let mut rates = Vec::new();
            for day in 0..72 {
                drift += (pick(&mut state, 1000) as f64 / 1000.0 - 0.5) * 0.02;
                let weekday = if day % 7 < 5 { 1.1 } else { 0.75 };
                rates.push(base * weekday * f64::exp(drift));
            }
            let mut days: Vec<f64> = rates
                .iter()
                .map(|&rate| poisson(&mut state, rate))
                .collect();
            if topic == 0 {
                let week = |end: usize| days[end - 7..end].iter().sum::<f64>();
                published = (38..=44)
                    .max_by(|&a, &b| week(a).total_cmp(&week(b)))
                    .unwrap();
                for (day, &rate) in rates.iter().enumerate().skip(published) {
                    days[day] = poisson(&mut state, rate * (1.0 + change));
                }
            }
            series.push(days);
        }
        let treated = series.remove(0);
        (treated, series, published)
    }

    fn run(seed: u64, level: f64, change: f64) -> Effect {
        let (treated, candidates, published) = history(seed, level, change);
        let candidates: Vec<&[f64]> = candidates.iter().map(Vec::as_slice).collect();
        estimate(&treated, &candidates, published, seed)
    }

    #[test]
    fn nothing_is_claimed_where_nothing_was_done() {
        let effects: Vec<Effect> = (0..200).map(|seed| run(seed, 50.0, 0.0)).collect();
        let claims = effects
            .iter()
            .filter(|one| matches!(one.verdict, Verdict::Helped | Verdict::Harmed))
            .count();
        assert!(claims <= 10, "{claims} of 200");
        let covered = effects
            .iter()
            .filter(|one| one.interval[0] <= 0.0 && 0.0 <= one.interval[1])
            .count();
        assert!((174..=194).contains(&covered), "{covered} of 200");
        let untestable = effects
            .iter()
            .filter(|one| one.verdict == Verdict::NotComparable)
            .count();
        assert!(untestable <= 20, "{untestable} of 200");
    }

    #[test]
    fn a_fifth_less_is_found() {
        let found = (0..100)
            .filter(|&seed| run(seed, 50.0, -0.2).verdict == Verdict::Helped)
            .count();
        assert!(found >= 80, "{found} of 100");
        let harmed = (0..50)
            .filter(|&seed| run(seed, 50.0, 0.4).verdict == Verdict::Harmed)
            .count();
        assert!(harmed >= 40, "{harmed} of 50");
    }

    #[test]
    fn a_look_waits_for_its_days() {
        let (treated, candidates, published) = history(1, 50.0, 0.0);
        let cut = |days: usize| {
            let candidates: Vec<&[f64]> = candidates
                .iter()
                .map(|one| &one[..published + days])
                .collect();
            estimate(&treated[..published + days], &candidates, published, 1)
        };
        assert_eq!(cut(13).verdict, Verdict::TooEarly);
        assert_eq!(cut(14).days_after, 14);
        assert_eq!(cut(27).days_after, 14);
        assert_eq!(cut(28).days_after, 28);
    }

    #[test]
    fn other_trends_are_not_compared() {
        let flat: Vec<Vec<f64>> = (0..8)
            .map(|n| {
                (0..70)
                    .map(|day| 100.0 + f64::from((day * 7 + n) % 5))
                    .collect()
            })
            .collect();
        let rising: Vec<f64> = (0..70).map(|day| 40.0 + 3.0 * f64::from(day)).collect();
        let candidates: Vec<&[f64]> = flat.iter().map(Vec::as_slice).collect();
        assert_eq!(
            estimate(&rising, &candidates, 42, 1).verdict,
            Verdict::NotComparable
        );
        assert_eq!(
            estimate(&rising, &candidates[..4], 42, 1).verdict,
            Verdict::NotComparable
        );
        assert_eq!(
            estimate(&rising, &candidates, 30, 1).verdict,
            Verdict::NotComparable
        );
    }

    #[test]
    fn claims_are_held_to_a_rate() {
        assert_eq!(
            claims(&[0.001, 0.2, 0.012, 0.9], 0.05),
            [true, false, true, false]
        );
        assert_eq!(claims(&[0.04, 0.04], 0.05), [true, true]);
        assert!(claims(&[], 0.05).is_empty());
    }

    #[test]
    fn tails_agree_with_tables() {
        assert!((two_sided(1.959_964, 1e6) - 0.05).abs() < 1e-4);
        assert!((two_sided(2.093, 19.0) - 0.05).abs() < 2e-3);
        assert!((quantile(0.95, 1e6) - 1.645).abs() < 1e-3);
    }
}

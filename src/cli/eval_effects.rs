//! `eval effects`: what the verdicts on interventions are worth on simulated daily counts, as JSON.
//!
//! Every history is a simulated desk of 60 days. Without effect: a steady topic is said to be changed on the day of
//! the history on which its last week stands highest above its mean, and any `helped` or `harmed` on day 14 or 28 is
//! a false claim. With effect: from a day on a fifth of the contacts of a steady topic of about `--level` a day is
//! left out by chance. Invariants: the same options give the same figures on any number of threads.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{print, simulate};
use crate::domain::{Day, Micros};
use crate::insight::effect::{Effect, LOOKS, Verdict, estimate};
use crate::simulate::truth::Row;
use crate::simulate::{Library, Options, counts};

/// Days of a history: 25 before, 7 left out, 28 after.
const DAYS: u32 = 60;
/// The days on which a change may come.
const PUBLISHED: std::ops::RangeInclusive<usize> = 28..=32;
/// Histories begin on days of four years.
const FIRST_DAY: &str = "2023-02-20";
const DAYS_OF_YEARS: u64 = 1_300;
/// How far a topic's level may be from the asked one, as a logarithm: without and with effect.
const NEAR: [f64; 2] = [0.5, 0.12];

/// Arguments of `eval effects`.
#[derive(Args)]
#[command(
    after_help = "Example: tingchao eval effects --histories 1000 --with-effect 300 --seed 1"
)]
pub struct EffectsArgs {
    /// Histories without effect.
    #[arg(long, default_value_t = 1_000)]
    histories: u64,
    /// Histories with an effect.
    #[arg(long, default_value_t = 300)]
    with_effect: u64,
    /// The effect: -0.2 is a fifth less.
    #[arg(long, default_value_t = -0.2, allow_hyphen_values = true)]
    effect: f64,
    /// Human-handled contacts of the changed topic a day, about.
    #[arg(long, default_value_t = 50.0)]
    level: f64,
    /// Interactions of an ordinary day of the whole desk.
    #[arg(long, default_value_t = 12_000.0)]
    interactions_per_day: f64,
    /// The same seed gives the same figures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The judge's part of the scenarios.
    #[arg(long)]
    judge: bool,
    /// Read scenario files (*.toml) from this folder instead of the built-in ones.
    #[arg(long, value_name = "DIR")]
    scenarios: Option<std::path::PathBuf>,
    /// Threads; they change no figure.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

pub fn run(args: &EffectsArgs) -> anyhow::Result<ExitCode> {
    let library = simulate::library(args.scenarios.as_deref())?;
    let quiet = args.all(args.histories, 0.0, &library);
    let changed = args.all(args.with_effect, args.effect, &library);
    let claims = quiet
        .iter()
        .filter(|one| one.is(Verdict::Helped) || one.is(Verdict::Harmed));
    let (claims, n) = (claims.count(), quiet.len());
    let found = changed.iter().filter(|one| one.is(Verdict::Helped)).count();
    let shown = json!({
        "histories": n,
        "false_claims": claims,
        "false_claim_share": share(claims, n),
        "false_claim_share_upper_95": upper_95(claims, n),
        "not_comparable": quiet.iter().filter(|one| one.is(Verdict::NotComparable)).count(),
        "coverage_of_90_percent_intervals": coverage(&quiet, 0.0),
        "deviation_of_estimates": deviation(&quiet, 0.0),
        "with_effect": {
            "histories": changed.len(),
            "effect": args.effect,
            "contacts_a_day": args.level,
            "found": found,
            "found_share": share(found, changed.len()),
            "coverage_of_90_percent_intervals": coverage(&changed, args.effect),
            "deviation_of_estimates": deviation(&changed, args.effect),
        },
        "seed": args.seed,
        "judge": args.judge,
    });
    print::line(&serde_json::to_string_pretty(&shown)?);
    Ok(ExitCode::SUCCESS)
}

/// Both looks at one history.
struct Looks(Vec<Effect>);

impl Looks {
    fn is(&self, verdict: Verdict) -> bool {
        self.0.iter().any(|look| look.verdict == verdict)
    }

    fn last(&self) -> Option<&Effect> {
        let last = self.0.last();
        last.filter(|look| look.verdict != Verdict::NotComparable)
    }
}

impl EffectsArgs {
    fn all(&self, histories: u64, effect: f64, library: &Library) -> Vec<Looks> {
        let threads = self.threads.max(1);
        let part = |thread: u64| {
            let own = (0..histories).filter(move |number| number % threads == thread);
            own.filter_map(|number| Some((number, self.one(number, effect, library)?)))
                .collect::<Vec<_>>()
        };
        let part = &part;
        let mut found: Vec<(u64, Looks)> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|thread| scope.spawn(move || part(thread)))
                .collect();
            let ended = running.into_iter().filter_map(|thread| thread.join().ok());
            ended.flatten().collect()
        });
        found.sort_by_key(|one| one.0);
        found.into_iter().map(|one| one.1).collect()
    }

    /// A history and what is said of its change; none when no topic fits.
    fn one(&self, number: u64, effect: f64, library: &Library) -> Option<Looks> {
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(number);
        let first = Day::parse(FIRST_DAY).ok()?.0;
        let shift = i32::try_from(seed.wrapping_mul(37) % DAYS_OF_YEARS).ok()?;
        let history = History::of(&self.options(seed, Day(first + shift).start()), library);
        let (topic, day) = if effect == 0.0 {
            history.peak(self.level)?
        } else {
            history.any(self.level, seed)?
        };
        let mut treated = history.topics.get(topic)?.clone();
        if effect != 0.0 {
            thin(&mut treated, day, 1.0 + effect, seed);
        }
        let looks = LOOKS.map(|days| {
            let cut = |series: &'_ Vec<f64>| series.get(..day + days).map(<[f64]>::to_vec);
            let others = history.topics.iter().filter(|(name, _)| *name != topic);
            let others: Vec<Vec<f64>> = others.filter_map(|(_, series)| cut(series)).collect();
            let others: Vec<&[f64]> = others.iter().map(Vec::as_slice).collect();
            estimate(&cut(&treated).unwrap_or_default(), &others, day, seed)
        });
        Some(Looks(looks.into()))
    }

    fn options(&self, seed: u64, start: Micros) -> Options {
        Options {
            seed,
            interactions_per_day: self.interactions_per_day,
            interactions: None,
            start,
            days: DAYS,
            turns: false,
            judge: self.judge,
            asr_noise: 0.0,
            late: false,
            shuffle_within_day: false,
            threads: 1,
        }
    }
}

/// Human-handled contacts by topic without a planted change, and which of them are steady.
struct History {
    topics: BTreeMap<String, Vec<f64>>,
    steady: Vec<String>,
}

impl History {
    fn of(options: &Options, library: &Library) -> Self {
        let mut topics: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let (mut steady, mut changed) = (Vec::new(), Vec::new());
        for row in counts(options, library) {
            match row {
                Row::CountTruth(row) => {
                    let series = topics.entry(row.topic.clone()).or_default();
                    series.push(row.human_handled as f64);
                }
                Row::TopicTruth(row) if row.way == "steady" => steady.push(row.topic.clone()),
                Row::InterventionTruth(row) => changed.push(row.topic.clone()),
                _ => {}
            }
        }
        topics.retain(|topic, _| !changed.contains(topic));
        steady.retain(|topic| topics.contains_key(topic));
        steady.sort();
        Self { topics, steady }
    }

    fn near(&self, level: f64, fold: f64) -> impl Iterator<Item = (&str, &Vec<f64>, f64)> {
        let all = self.steady.iter();
        let all = all.filter_map(|topic| Some((topic.as_str(), self.topics.get(topic)?)));
        all.map(|(topic, series)| (topic, series, series.iter().sum::<f64>() / f64::from(DAYS)))
            .filter(move |(_, _, mean)| (mean.max(1e-9) / level).ln().abs() <= fold)
    }

    /// The topic and day whose last week stands highest above the topic's mean.
    fn peak(&self, level: f64) -> Option<(&str, usize)> {
        let weeks = self.near(level, NEAR[0]).flat_map(|(topic, series, mean)| {
            PUBLISHED.map(move |day| {
                let week = series.get(day - 7..day).unwrap_or_default();
                (week.iter().sum::<f64>() / mean, topic, day)
            })
        });
        weeks
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, topic, day)| (topic, day))
    }

    /// A topic and day by the seed.
    fn any(&self, level: f64, seed: u64) -> Option<(&str, usize)> {
        let fitting: Vec<&str> = self.near(level, NEAR[1]).map(|one| one.0).collect();
        let mut state = seed;
        let drawn = next(&mut state);
        let place = usize::try_from(drawn % u64::try_from(fitting.len()).ok()?.max(1)).ok()?;
        let days = PUBLISHED.end() - PUBLISHED.start() + 1;
        let day = usize::try_from(next(&mut state) % u64::try_from(days).ok()?).ok()?;
        Some((fitting.get(place)?, PUBLISHED.start() + day))
    }
}

/// Keeps each contact from `day` on with this probability.
fn thin(series: &mut [f64], day: usize, keep: f64, seed: u64) {
    let mut state = !seed;
    for count in series.iter_mut().skip(day) {
        let mut kept = 0.0;
        let mut left = *count;
        while left >= 1.0 {
            left -= 1.0;
            if (next(&mut state) >> 11) as f64 / ((1_u64 << 53) as f64) < keep {
                kept += 1.0;
            }
        }
        *count = kept;
    }
}

/// splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// One-sided upper bound of a share at 95 % (Wilson).
fn upper_95(part: usize, whole: usize) -> f64 {
    const Z: f64 = 1.644_853_626_951_472;
    let n = whole.max(1) as f64;
    let p = share(part, whole);
    let middle = p + Z * Z / (2.0 * n);
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (middle + reach) / (1.0 + Z * Z / n)
}

fn coverage(all: &[Looks], truth: f64) -> f64 {
    let judged: Vec<&Effect> = all.iter().filter_map(Looks::last).collect();
    let covers = |look: &&&Effect| look.interval[0] <= truth && truth <= look.interval[1];
    share(judged.iter().filter(covers).count(), judged.len())
}

/// Root mean square of the estimates' error, in logarithms.
fn deviation(all: &[Looks], truth: f64) -> f64 {
    let errors: Vec<f64> = all
        .iter()
        .filter_map(Looks::last)
        .map(|look| ((1.0 + look.change) / (1.0 + truth)).ln())
        .collect();
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    (squares / errors.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_bound_is_wilsons() {
        assert!((upper_95(50, 1_000) - 0.0627).abs() < 5e-4);
        assert!(upper_95(0, 100) > 0.0);
    }

    #[test]
    fn thinning_keeps_about_its_share() {
        let mut series = vec![100.0; 60];
        thin(&mut series, 30, 0.8, 5);
        let (before, after) = series.split_at(30);
        assert!(before.iter().all(|count| (count - 100.0).abs() < 1e-9));
        let kept: f64 = after.iter().sum();
        assert!((2_300.0..2_500.0).contains(&kept), "{kept}");
    }
}

//! Why an outcome happens: the topics and phrases that are over-represented where it does.
//!
//! For each factor (a topic, a phrase) the share of interactions with the outcome among those that have the factor is
//! compared with the share among those that have not: a ratio with its interval, Fisher's exact test on one side, and
//! Benjamini and Hochberg's adjustment over all factors that were tested. It is association and not cause. Invariants:
//! a factor counts once per interaction; ties go by the factor's name; nothing is tested that too few have.

use std::collections::{BTreeMap, BTreeSet};

use super::statistics::{Ratio, false_discovery, hypergeometric_tail, risk_ratio};

/// An interaction as drivers see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Whether the outcome happened.
    pub outcome: bool,
    /// Ids of the topics of its requests.
    pub topics: BTreeSet<String>,
    /// Words and phrases of its requests.
    pub phrases: BTreeSet<String>,
}

/// What kind of factor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Factor {
    /// A topic, by its id.
    Topic,
    /// A word or a phrase.
    Phrase,
}

impl Factor {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Phrase => "phrase",
        }
    }
}

/// A factor that goes with the outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Driver {
    /// Topic or phrase.
    pub factor: Factor,
    /// The topic's id or the phrase.
    pub value: String,
    /// Interactions with the factor.
    pub with_factor: u64,
    /// Interactions with the factor and the outcome.
    pub with_both: u64,
    /// Share of the outcome with the factor over its share in all interactions.
    pub lift: f64,
    /// Share of the outcome with the factor over its share without it, with its interval at 95 %.
    pub ratio: Ratio,
    /// Probability of so many or more by chance.
    pub p: f64,
    /// Adjusted for all that was tested.
    pub q: f64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drivers {
    /// Interactions in all.
    pub interactions: u64,
    /// Interactions with the outcome.
    pub outcomes: u64,
    /// How many factors were tested.
    pub tested: usize,
    /// Those that go with the outcome, strongest evidence first.
    pub drivers: Vec<Driver>,
}

/// What counts as a driver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Expected share of false ones among the drivers.
    pub false_discovery_rate: f64,
    /// Interactions that a factor needs.
    pub least: u64,
    /// Drivers that are shown.
    pub most: usize,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            false_discovery_rate: 0.05,
            least: 5,
            most: 20,
        }
    }
}

/// Finds the drivers of the outcome.
#[must_use]
pub fn drivers(observed: &[Observed], rule: Rule) -> Drivers {
    let interactions = observed.len() as u64;
    let outcomes = observed.iter().filter(|one| one.outcome).count() as u64;
    let mut counts: BTreeMap<(Factor, &str), (u64, u64)> = BTreeMap::new();
    for one in observed {
        let topics = one
            .topics
            .iter()
            .map(|topic| (Factor::Topic, topic.as_str()));
        let phrases = one
            .phrases
            .iter()
            .map(|phrase| (Factor::Phrase, phrase.as_str()));
        for factor in topics.chain(phrases) {
            let (with, both) = counts.entry(factor).or_default();
            *with += 1;
            *both += u64::from(one.outcome);
        }
    }
    counts.retain(|_, (with, _)| *with >= rule.least && *with < interactions);
    let p = |(with, both): &(u64, u64)| hypergeometric_tail(*both, *with, outcomes, interactions);
    let probabilities: Vec<f64> = counts.values().map(p).collect();
    let adjusted = false_discovery(&probabilities);
    let base = outcomes as f64 / interactions.max(1) as f64;
    let mut found: Vec<Driver> = counts
        .iter()
        .zip(probabilities.iter().zip(&adjusted))
        .filter(|(_, (_, q))| **q <= rule.false_discovery_rate)
        .map(|(((factor, value), (with, both)), (p, q))| Driver {
            factor: *factor,
            value: (*value).to_owned(),
            with_factor: *with,
            with_both: *both,
            lift: if base > 0.0 {
                *both as f64 / *with as f64 / base
            } else {
                1.0
            },
            ratio: risk_ratio(*both, *with, outcomes - both, interactions - with),
            p: *p,
            q: *q,
        })
        .collect();
    found.sort_by(|a, b| a.p.total_cmp(&b.p).then_with(|| a.value.cmp(&b.value)));
    let tested = counts.len();
    Drivers {
        interactions,
        outcomes,
        tested,
        drivers: without_echoes(found, rule.most),
    }
}

/// Leaves out a phrase that says no more than a stronger one: one has all words of the other, and nearly as many
/// interactions.
fn without_echoes(found: Vec<Driver>, most: usize) -> Vec<Driver> {
    let mut kept: Vec<Driver> = Vec::new();
    for driver in found {
        let echo = |other: &Driver| {
            let contains =
                other.value.contains(&driver.value) || driver.value.contains(&other.value);
            let (few, many) = (
                other.with_factor.min(driver.with_factor),
                other.with_factor.max(driver.with_factor),
            );
            other.factor == driver.factor
                && driver.factor == Factor::Phrase
                && contains
                && few * 2 >= many
        };
        if kept.len() < most && !kept.iter().any(echo) {
            kept.push(driver);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(outcome: bool, topic: &str, phrases: &[&str]) -> Observed {
        Observed {
            outcome,
            topics: BTreeSet::from([topic.to_owned()]),
            phrases: phrases.iter().map(|phrase| (*phrase).to_owned()).collect(),
        }
    }

    #[test]
    fn what_goes_with_the_outcome_is_found() {
        let mut all = Vec::new();
        for i in 0..1_000 {
            let price = i % 5 == 0;
            let outcome = if price { i % 2 == 0 } else { i % 20 == 1 };
            let phrases: &[&str] = if price {
                &["too expensive", "expensive"]
            } else {
                &["other"]
            };
            all.push(observed(
                outcome,
                if price {
                    "price"
                } else {
                    ["a", "b", "c"][i % 3]
                },
                phrases,
            ));
        }
        let found = drivers(&all, Rule::default());
        assert_eq!((found.interactions, found.outcomes), (1_000, 150));
        let values: Vec<&str> = found
            .drivers
            .iter()
            .map(|driver| driver.value.as_str())
            .collect();
        assert_eq!(
            values,
            ["expensive", "price"],
            "the longer phrase says no more"
        );
        let price = &found.drivers[1];
        assert!((price.lift - 100.0 / 200.0 / 0.15).abs() < 1e-9);
        assert!((price.ratio.value - 8.0).abs() < 1e-9 && price.ratio.low > 5.0);
    }

    #[test]
    fn chance_is_no_driver() {
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let all: Vec<Observed> = (0..2_000)
            .map(|_| {
                let phrases: Vec<String> = (0..5).map(|_| format!("w{}", next() % 200)).collect();
                let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
                observed(next() % 4 == 0, &format!("t{}", next() % 20), &phrases)
            })
            .collect();
        let found = drivers(&all, Rule::default());
        assert!(
            found.tested > 200 && found.drivers.len() <= 1,
            "{:?}",
            found.drivers
        );
        assert_eq!(drivers(&[], Rule::default()), Drivers::default());
    }
}

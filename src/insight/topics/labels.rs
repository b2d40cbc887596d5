//! Names of topics: the terms that set a topic apart, and the texts at its middle.
//!
//! A term's weight is its share in the topic times ln(1 + mean terms of a topic / its count in all topics)
//! (class-based TF-IDF, Grootendorst 2022). Terms are taken one by one, each losing weight by what it shares with
//! those before (Carbonell and Goldstein 1998). Invariants: ties go by the term itself.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use crate::enrich::segment::Segmenter;
use crate::enrich::topic::{Matrix, dot, label_terms, normalise};

/// Keywords of a topic.
const KEYWORDS: usize = 8;
/// Words in a name.
const NAME_WORDS: usize = 3;
/// Exemplars of a topic.
pub const EXEMPLARS: usize = 5;
/// Texts of one topic that are read for its name.
const READ: usize = 2_000;

/// What a topic is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label {
    /// Its first keywords.
    pub name: String,
    /// Terms that set it apart, most telling first.
    pub keywords: Vec<String>,
}

type Counts = BTreeMap<String, u32>;

/// Labels of topics whose members are these texts.
pub fn labels(segmenter: &Segmenter, members: &[Vec<&str>]) -> Vec<Label> {
    let counted: Vec<(Counts, HashMap<String, String>)> = members
        .par_iter()
        .map(|texts| count(segmenter, texts))
        .collect();
    let mut all: BTreeMap<&str, u32> = BTreeMap::new();
    let mut total = 0_u64;
    for (term, count) in counted.iter().flat_map(|(counts, _)| counts) {
        *all.entry(term).or_default() += count;
        total += u64::from(*count);
    }
    let mean = total as f64 / members.len().max(1) as f64;
    counted
        .iter()
        .zip(members)
        .map(|((counts, shown), texts)| {
            let own: u32 = counts.values().sum();
            let weigh = |(term, count): (&String, &u32)| {
                let everywhere = all.get(term.as_str()).copied().unwrap_or(1);
                let weight = f64::from(*count) / f64::from(own.max(1))
                    * (1.0 + mean / f64::from(everywhere.max(1))).ln();
                (term.clone(), weight)
            };
            // What only one of many says is no name.
            let least = if texts.len() >= 8 { 2 } else { 1 };
            let weighed = counts
                .iter()
                .filter(|(_, count)| **count >= least)
                .map(weigh);
            choose(weighed.collect(), shown)
        })
        .collect()
}

/// In how many texts each term is, and how it is shown.
fn count(segmenter: &Segmenter, texts: &[&str]) -> (Counts, HashMap<String, String>) {
    let mut counts = Counts::new();
    let mut shown = HashMap::new();
    let step = texts.len().div_ceil(READ).max(1);
    for text in texts.iter().step_by(step) {
        let mut own: Vec<String> = Vec::new();
        label_terms(segmenter, text, |_, parts| {
            let spaced = parts.iter().all(|part| part.is_ascii());
            let term = parts.join(" ");
            let view = parts.join(if spaced { " " } else { "" });
            if parts.len() > 1 || term.chars().count() > 1 {
                shown.entry(term.clone()).or_insert(view);
                own.push(term);
            }
        });
        own.sort_unstable();
        own.dedup();
        for term in own {
            *counts.entry(term).or_default() += 1;
        }
    }
    (counts, shown)
}

fn choose(mut weighed: Vec<(String, f64)>, shown: &HashMap<String, String>) -> Label {
    weighed.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    weighed.truncate(60);
    let mut taken: Vec<String> = Vec::new();
    while taken.len() < KEYWORDS && !weighed.is_empty() {
        let worth = |(term, weight): &(String, f64)| weight * (1.0 - overlap(term, &taken));
        let best = (0..weighed.len())
            .max_by(|a, b| {
                let of = |i: usize| weighed.get(i).map_or(0.0, worth);
                of(*a).total_cmp(&of(*b)).then(b.cmp(a))
            })
            .unwrap_or(0);
        let (term, _) = weighed.remove(best);
        if overlap(&term, &taken) < 0.99 {
            taken.push(term);
        }
    }
    let keywords: Vec<String> = taken
        .into_iter()
        .map(|term| shown.get(&term).cloned().unwrap_or(term))
        .collect();
    Label {
        name: keywords
            .iter()
            .take(NAME_WORDS)
            .cloned()
            .collect::<Vec<_>>()
            .join(" · "),
        keywords,
    }
}

/// The greatest share of words that a term has in common with one of `taken`.
fn overlap(term: &str, taken: &[String]) -> f64 {
    let words: Vec<&str> = term.split(' ').collect();
    let shared = |other: &String| {
        let others: Vec<&str> = other.split(' ').collect();
        let both = words.iter().filter(|word| others.contains(word)).count();
        both as f64 / words.len().max(others.len()).min(words.len().max(1)) as f64
    };
    taken.iter().map(shared).fold(0.0, f64::max)
}

/// The members nearest to the middle of a topic, no two alike.
pub fn exemplars(vectors: &Matrix, members: &[usize], texts: &[&str]) -> Vec<usize> {
    let mut middle = vec![0.0; vectors.width];
    for place in members {
        crate::enrich::topic::add(&mut middle, vectors.row(*place), 1.0);
    }
    normalise(&mut middle);
    let mut near: Vec<(f32, usize)> = members
        .iter()
        .map(|place| (dot(vectors.row(*place), &middle), *place))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut seen: Vec<&str> = Vec::new();
    let mut kept = Vec::new();
    for (_, place) in near {
        let text = texts.get(place).copied().unwrap_or_default();
        if !seen.contains(&text) {
            seen.push(text);
            kept.push(place);
        }
        if kept.len() == EXEMPLARS {
            break;
        }
    }
    kept
}

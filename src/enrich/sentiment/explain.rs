//! Which words carried a polarity: those without which the score comes nearer to neutral.
//!
//! Invariants: the weight of a term is what the log-odds lose when every occurrence of it is taken
//! out, after the terms before it; so removing the listed terms moves the score towards neutral. Pure. Not here:
//! why a customer feels so.

use super::Sentiment;
use super::features::{Grams, Symbol, Symbols};

/// A term that carried the decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// As it stands in the matching form of the text.
    pub term: String,
    /// Log-odds that it adds; below zero for negative.
    pub weight: f32,
}

/// Symbols of the longest term.
const LONGEST: usize = 4;
/// Texts longer than this are explained from their strongest window.
const WINDOW: usize = 120;
/// Most terms of an explanation.
const TERMS: usize = 4;
/// Runs that are tried for them.
const CANDIDATES: usize = 24;

impl Sentiment {
    /// The terms that carried the polarity, strongest first; empty for a text without words.
    #[must_use]
    pub fn explain(&self, text: &Symbols, grams: Grams) -> Vec<Term> {
        let Some(logit) = self.logit_of(text, grams) else {
            return Vec::new();
        };
        let shares = self.shares(text, grams);
        let mut rest = text.clone();
        let mut left = logit;
        let mut terms = Vec::new();
        for (from, length) in candidates(&shares, logit > 0.0) {
            let Some(term) = text.items.get(from..from + length) else {
                continue;
            };
            let shorter = without(&rest, term);
            if terms.len() == TERMS || shorter.items.len() == rest.items.len() {
                continue;
            }
            let now = self.logit_of(&shorter, grams).unwrap_or(0.0);
            let weight = left - now;
            // Nearer to neutral, and not thrown to the other side as far.
            if weight * logit > 0.0 && now.abs() < left.abs() {
                terms.push(Term {
                    term: term_text(text, from, length),
                    weight,
                });
                (rest, left) = (shorter, now);
            }
        }
        terms
    }

    fn logit_of(&self, text: &Symbols, grams: Grams) -> Option<f32> {
        let mut features = Vec::new();
        text.features(grams, &mut features);
        self.polarity_head(grams).logit(&features, &[])
    }

    /// The weight of each n-gram shared out among its symbols.
    fn shares(&self, text: &Symbols, grams: Grams) -> Vec<f32> {
        let head = self.polarity_head(grams);
        let longest = if grams == Grams::Chinese { 4 } else { 3 };
        let codes: Vec<u32> = text.items.iter().map(|s| s.code).collect();
        let mut hashes = Vec::new();
        super::features::ngrams(&codes, longest, &mut hashes);
        let mut shares = vec![0.0_f32; codes.len()];
        let mut hashes = hashes.iter();
        for start in 0..codes.len() {
            for length in 1..=longest.min(codes.len() - start) {
                let Some(hash) = hashes.next() else { break };
                #[expect(clippy::cast_precision_loss, reason = "at most 4")]
                let share = head.weight(*hash) / length as f32;
                for slot in shares.iter_mut().skip(start).take(length) {
                    *slot += share;
                }
            }
        }
        shares
    }
}

/// Runs of symbols by their share towards the decided side, strongest first.
fn candidates(shares: &[f32], positive: bool) -> Vec<(usize, usize)> {
    let side = if positive { 1.0 } else { -1.0 };
    let strongest = shares
        .iter()
        .enumerate()
        .max_by(|a, b| (a.1 * side).total_cmp(&(b.1 * side)))
        .map_or(0, |(i, _)| i);
    let from = strongest.saturating_sub(WINDOW / 2);
    let mut runs: Vec<(f32, usize, usize)> = Vec::new();
    for start in from..shares.len().min(from + WINDOW) {
        for length in 1..=LONGEST.min(shares.len() - start) {
            let sum: f32 = shares.iter().skip(start).take(length).sum();
            // A longer run must earn its length.
            #[expect(clippy::cast_precision_loss, reason = "at most 4")]
            let value = side * sum / (length as f32).sqrt();
            if value > 0.0 {
                runs.push((value, start, length));
            }
        }
    }
    runs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    runs.truncate(CANDIDATES);
    runs.into_iter()
        .map(|(_, start, length)| (start, length))
        .collect()
}

/// The text without any occurrence of the symbols of `term`.
fn without(text: &Symbols, term: &[Symbol]) -> Symbols {
    let mut rest = text.clone();
    rest.items.clear();
    let mut at = 0;
    while let Some(tail) = text.items.get(at..).filter(|t| !t.is_empty()) {
        let here = tail.iter().map(|s| s.code).take(term.len());
        if here.eq(term.iter().map(|s| s.code)) {
            at += term.len();
        } else {
            rest.items.extend(tail.first());
            at += 1;
        }
    }
    rest
}

fn term_text(text: &Symbols, from: usize, length: usize) -> String {
    let mut items = text.items.iter().skip(from).take(length);
    let (Some(first), last) = (items.next(), items.next_back()) else {
        return String::new();
    };
    let to = last.map_or(first.to, |l| l.to);
    text.text
        .get(first.from as usize..to as usize)
        .unwrap_or_default()
        .to_owned()
}

//! What a query and a text of the base have in common, as numbers for the ranker.
//!
//! Invariants: features are finite, mostly 0 to 1, and depend on the two texts, the base's word counts and the
//! shipped models only. It does not weigh them: see `rank`.

use std::collections::HashMap;

use super::analysis::{Analysis, Term};
use super::encoder::{Encoder, Quantised, Vector, cosine, dot, quantise};
use super::synonyms::Synonyms;

/// How many features a pair has.
pub const FEATURES: usize = 32;

/// The features of one pair.
pub type Features = [f32; FEATURES];

/// Their names, for reports and model cards.
pub const NAMES: [&str; FEATURES] = [
    "words_of_query",
    "words_of_text",
    "parts_of_query",
    "parts_of_text",
    "cosine",
    "synonyms_of_query",
    "synonyms_of_text",
    "neighbours_of_query",
    "neighbours_of_text",
    "traits_differ",
    "negation_differs",
    "numbers_differ",
    "length_ratio",
    "word_pairs",
    "missing_of_query",
    "missing_of_text",
    "equal",
    "bm25_share",
    "traits_shared",
    "words_both",
    "cosine_squared",
    "synonyms_both",
    "parts_both",
    "cosine_times_words",
    "parts_dice",
    "in_order_of_longer",
    "in_order_of_shorter",
    "pairs_of_query",
    "mass_of_words",
    "mass_of_synonyms",
    "mass_of_parts",
    "missing_in_all",
];

/// Background texts count as at most this many texts of the base.
const BACKGROUND_CAP: f32 = 3_000.0;
const SYNONYM_CREDIT: f32 = 0.8;
const NEIGHBOUR_FROM: f32 = 0.35;
const NEGATION: u32 = 1 << 7;
const MAX_SEQUENCE: usize = 40;

/// How often each term stands in the texts of a base.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    texts: u32,
    seen: HashMap<Term, u32>,
}

impl Counts {
    /// Counts one text more.
    pub fn add(&mut self, text: &Prepared) {
        self.texts += 1;
        for &term in text.words.iter().chain(&text.parts).chain(&text.pairs) {
            *self.seen.entry(term).or_default() += 1;
        }
    }

    /// Counts one text less.
    pub fn remove(&mut self, text: &Prepared) {
        self.texts = self.texts.saturating_sub(1);
        for term in text.words.iter().chain(&text.parts).chain(&text.pairs) {
            if let Some(seen) = self.seen.get_mut(term) {
                *seen = seen.saturating_sub(1);
            }
        }
    }

    /// How many texts.
    #[must_use]
    pub fn texts(&self) -> u32 {
        self.texts
    }

    /// In how many texts a term stands.
    #[must_use]
    pub fn seen(&self, term: Term) -> u32 {
        self.seen.get(&term).copied().unwrap_or(0)
    }

    /// The weight of a term: rare in base and background together.
    #[must_use]
    pub fn weight(&self, encoder: &Encoder, term: Term) -> f32 {
        let background = to_f32(encoder.background());
        let share = (BACKGROUND_CAP / background.max(1.0)).min(1.0);
        let n = to_f32(self.texts) + background * share;
        let seen = to_f32(self.seen(term)) + to_f32(encoder.seen(term)) * share;
        (1.0 + n / (seen + 0.5)).ln()
    }
}

/// A text made ready for comparison.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Distinct words, sorted.
    pub words: Vec<Term>,
    /// Words as they follow each other, at most 40.
    pub sequence: Vec<Term>,
    /// Distinct word pairs, sorted.
    pub pairs: Vec<Term>,
    /// Distinct parts, sorted.
    pub parts: Vec<Term>,
    /// Kinds of question.
    pub traits: u32,
    /// Hash of the digits, 0 without.
    pub numbers: u32,
    /// Letters and digits.
    pub length: u16,
    /// The vector.
    pub vector: Quantised,
}

impl Prepared {
    /// Of an analysis.
    #[must_use]
    pub fn new(analysis: &Analysis, encoder: &Encoder) -> Self {
        Self {
            words: distinct(&analysis.words),
            sequence: analysis.words.iter().take(MAX_SEQUENCE).copied().collect(),
            pairs: distinct(&analysis.pairs),
            parts: analysis.parts.clone(),
            traits: analysis.traits,
            numbers: analysis.numbers,
            length: analysis.length,
            vector: quantise(&encoder.encode(analysis)),
        }
    }
}

fn distinct(terms: &[Term]) -> Vec<Term> {
    let mut terms = terms.to_vec();
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// A query with what is the same for every candidate.
pub struct Asked<'m> {
    /// The query.
    pub text: Prepared,
    models: Models<'m>,
    counts: &'m Counts,
    words: Vec<(Term, f32)>,
    parts: Vec<(Term, f32)>,
    pairs: Vec<(Term, f32)>,
}

/// What features need beside the texts.
#[derive(Clone, Copy)]
pub struct Models<'m> {
    /// Vectors and background counts.
    pub encoder: &'m Encoder,
    /// The reviewed dictionary.
    pub synonyms: &'m Synonyms,
}

/// One side's words against the other's.
#[derive(Default)]
struct Side {
    total: f32,
    matched: f32,
    with_synonyms: f32,
    with_neighbours: f32,
    missing: f32,
}

impl<'m> Asked<'m> {
    /// Prepares a query for the candidates of one base.
    #[must_use]
    pub fn new(text: Prepared, models: Models<'m>, counts: &'m Counts) -> Self {
        let weigh = |terms: &[Term]| {
            terms
                .iter()
                .map(|&term| (term, counts.weight(models.encoder, term)))
                .collect::<Vec<_>>()
        };
        Self {
            words: weigh(&text.words),
            parts: weigh(&text.parts),
            pairs: weigh(&text.pairs),
            text,
            models,
            counts,
        }
    }

    /// How much of the query's weight lies in words that the base has: 1 = all. `without` is not counted.
    #[must_use]
    pub fn known(&self, without: &Counts) -> f32 {
        let total: f32 = self.words.iter().map(|word| word.1).sum();
        let known: f32 = self
            .words
            .iter()
            .filter(|word| self.counts.seen(word.0) > without.seen(word.0))
            .map(|word| word.1)
            .sum();
        ratio(known, total)
    }

    /// The features of the query with one candidate, whose BM25 is `bm25_share` of the best one's.
    #[must_use]
    pub fn features(&self, text: &Prepared, bm25_share: f32) -> Features {
        let text_words: Vec<(Term, f32)> = text
            .words
            .iter()
            .map(|&term| (term, self.counts.weight(self.models.encoder, term)))
            .collect();
        let q = self.side(&self.words, &text.words);
        let t = self.side(&text_words, &self.text.words);
        let parts_matched = matched(&self.parts, &text.parts);
        let parts_query: f32 = self.parts.iter().map(|part| part.1).sum();
        let parts_text: f32 = text
            .parts
            .iter()
            .map(|&term| self.counts.weight(self.models.encoder, term))
            .sum();
        let (wq, wt) = (ratio(q.matched, q.total), ratio(t.matched, t.total));
        let (sq, st) = (
            ratio(q.with_synonyms, q.total),
            ratio(t.with_synonyms, t.total),
        );
        let (pq, pt) = (
            ratio(parts_matched, parts_query),
            ratio(parts_matched, parts_text),
        );
        let cos = cosine(&self.text.vector, &text.vector);
        let (a, b) = (self.text.traits, text.traits);
        let lengths = (f32::from(self.text.length) + 1.0) / (f32::from(text.length) + 1.0);
        let (own, other) = (self.text.sequence.len(), text.sequence.len());
        let (longer, shorter) = (own.max(other), own.min(other));
        let in_order = size(self.common_in_order(&text.sequence));
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        [
            wq,
            wt,
            pq,
            pt,
            cos,
            sq,
            st,
            ratio(q.with_neighbours, q.total),
            ratio(t.with_neighbours, t.total),
            to_f32((a ^ b).count_ones()) / 5.0,
            flag((a ^ b) & NEGATION != 0),
            flag(self.text.numbers != text.numbers),
            lengths.ln().abs() / 2.0,
            jaccard(&self.text.pairs, &text.pairs),
            q.missing / 9.0,
            t.missing / 9.0,
            flag(self.text.parts == text.parts && !text.parts.is_empty()),
            bm25_share,
            ratio(to_f32((a & b).count_ones()), to_f32((a | b).count_ones())),
            wq * wt,
            cos * cos.abs(),
            sq * st,
            pq * pt,
            cos * sq,
            dice(&self.text.parts, &text.parts),
            ratio(in_order, size(longer)),
            ratio(in_order, size(shorter)),
            ratio(
                matched(&self.pairs, &text.pairs),
                self.pairs.iter().map(|pair| pair.1).sum(),
            ),
            q.matched / 20.0,
            q.with_synonyms / 20.0,
            parts_matched / 60.0,
            (q.total - q.with_neighbours + t.total - t.with_neighbours) / 40.0,
        ]
    }

    fn side(&self, words: &[(Term, f32)], others: &[Term]) -> Side {
        let mut side = Side::default();
        for &(word, weight) in words {
            side.total += weight;
            if others.binary_search(&word).is_ok() {
                side.matched += weight;
                side.with_synonyms += weight;
                side.with_neighbours += weight;
                continue;
            }
            if others
                .iter()
                .any(|&other| self.models.synonyms.same(word, other))
            {
                side.with_synonyms += weight * SYNONYM_CREDIT;
                side.with_neighbours += weight * SYNONYM_CREDIT;
                side.missing = side.missing.max(weight * (1.0 - SYNONYM_CREDIT));
                continue;
            }
            let near = self.nearest(word, others);
            side.with_neighbours += weight * near;
            side.missing = side.missing.max(weight * (1.0 - near));
        }
        side
    }

    /// Length of the longest common subsequence of words.
    fn common_in_order(&self, other: &[Term]) -> usize {
        let mut row = vec![0_usize; other.len() + 1];
        for word in &self.text.sequence {
            let mut diagonal = 0;
            let mut left = 0;
            for (cell, term) in row.iter_mut().skip(1).zip(other) {
                let up = *cell;
                *cell = if word == term {
                    diagonal + 1
                } else {
                    up.max(left)
                };
                diagonal = up;
                left = *cell;
            }
        }
        row.last().copied().unwrap_or(0)
    }

    /// The cosine of the nearest learnt neighbour, 0 below a floor.
    fn nearest(&self, word: Term, others: &[Term]) -> f32 {
        let Some(row) = self.models.encoder.row(word) else {
            return 0.0;
        };
        let best = others
            .iter()
            .filter_map(|&other| self.models.encoder.row(other))
            .map(|other| similarity(row, other))
            .fold(0.0, f32::max);
        if best < NEIGHBOUR_FROM { 0.0 } else { best }
    }
}

fn similarity(a: &Vector, b: &Vector) -> f32 {
    ratio(dot(a, b), (dot(a, a) * dot(b, b)).sqrt())
}

fn matched(weighted: &[(Term, f32)], others: &[Term]) -> f32 {
    weighted
        .iter()
        .filter(|(term, _)| others.binary_search(term).is_ok())
        .map(|(_, weight)| weight)
        .sum()
}

fn jaccard(a: &[Term], b: &[Term]) -> f32 {
    let both = a
        .iter()
        .filter(|term| b.binary_search(term).is_ok())
        .count();
    let either = a.len() + b.len() - both;
    ratio(size(both), size(either))
}

fn dice(a: &[Term], b: &[Term]) -> f32 {
    let both = a
        .iter()
        .filter(|term| b.binary_search(term).is_ok())
        .count();
    ratio(2.0 * size(both), size(a.len() + b.len()))
}

/// `a / b`, 0 when `b` is not positive.
#[must_use]
pub fn ratio(a: f32, b: f32) -> f32 {
    if b > 0.0 { a / b } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts of texts and terms")]
fn to_f32(n: u32) -> f32 {
    n as f32
}

fn size(n: usize) -> f32 {
    to_f32(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Kept so that stored models and features change together.
pub const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::super::analysis::analyse;
    use super::super::synonyms::shipped;
    use super::*;

    fn of(query: &str, text: &str) -> Features {
        let encoder = Encoder::default();
        let prepare = |text: &str| Prepared::new(&analyse(text), &encoder);
        let mut counts = Counts::default();
        counts.add(&prepare(text));
        let models = Models {
            encoder: &encoder,
            synonyms: shipped(),
        };
        Asked::new(prepare(query), models, &counts).features(&prepare(text), 1.0)
    }

    #[test]
    fn synonyms_count_where_words_differ() {
        let features = of("怎么更改密码", "如何修改密码");
        assert!(
            features[0] < features[5] && features[5] > 0.8,
            "{features:?}"
        );
        assert_eq!(features[16], 0.0);
        assert_eq!(of("修改密码", "修改密码")[16], 1.0);
    }

    #[test]
    fn features_are_finite_for_empty_texts() {
        for (query, text) in [("", ""), ("……", "密码"), ("password", "")] {
            assert!(of(query, text).iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn what_was_added_can_be_taken_out() {
        let encoder = Encoder::default();
        let text = Prepared::new(&analyse("修改密码"), &encoder);
        let mut counts = Counts::default();
        counts.add(&text);
        counts.remove(&text);
        assert_eq!((counts.texts(), counts.seen(text.words[0])), (0, 0));
    }
}

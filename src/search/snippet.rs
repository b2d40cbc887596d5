//! The part of an answer that speaks of a query, with the words that do.
//!
//! Invariants: offsets count Unicode scalar values of the snippet; a snippet is cut from the answer as it is.

use std::collections::HashSet;

use super::analysis::{Term, stem, word_term, words_of};
use super::synonyms::Synonyms;
use crate::enrich::normalise::for_matching;

const LENGTH: usize = 160;
const BEFORE: usize = 30;
/// Of a longer answer only the beginning is looked at, characters.
const LOOKED_AT: usize = 4_000;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The part.
    pub text: String,
    /// Words of the query in it: from, to.
    pub highlights: Vec<(usize, usize)>,
}

/// The terms of a query with their synonyms.
#[must_use]
pub fn wanted(query: &str, synonyms: &Synonyms) -> HashSet<Term> {
    let mut wanted = HashSet::new();
    words_of(&for_matching(query), |word, _, _| {
        let term = word_term(&stem(word));
        wanted.insert(term);
        wanted.extend(synonyms.others(term));
    });
    wanted
}

/// Cuts the best part of `text`.
#[must_use]
pub fn cut(text: &str, wanted: &HashSet<Term>) -> Snippet {
    let head: String = text.chars().take(LOOKED_AT).collect();
    let mut hits: Vec<(usize, usize)> = Vec::new();
    let (mut byte, mut at) = (0, 0);
    words_of(&head, |word, from, _| {
        at += head
            .get(byte..from)
            .map_or(0, |between| between.chars().count());
        byte = from;
        if wanted.contains(&word_term(&stem(&for_matching(word)))) {
            hits.push((at, at + word.chars().count()));
        }
    });
    let start = best_start(&hits);
    let part: String = head.chars().skip(start).take(LENGTH).collect();
    let length = part.chars().count();
    let highlights = hits
        .into_iter()
        .filter(|(from, to)| *from >= start && *to <= start + length)
        .map(|(from, to)| (from - start, to - start))
        .collect();
    Snippet {
        text: part,
        highlights,
    }
}

/// Where the window with the most hits begins.
fn best_start(hits: &[(usize, usize)]) -> usize {
    let within = |start: usize| {
        hits.iter()
            .filter(|hit| hit.0 >= start && hit.1 <= start + LENGTH)
            .count()
    };
    let mut best = (within(0), 0);
    for hit in hits {
        let start = hit.0.saturating_sub(BEFORE);
        let count = within(start);
        if count > best.0 {
            best = (count, start);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::super::synonyms::shipped;
    use super::*;

    #[test]
    fn words_and_synonyms_are_marked() {
        let wanted = wanted("怎么更改密码", shipped());
        let snippet = cut("打开App，点修改密码。", &wanted);
        let marked: Vec<String> = snippet
            .highlights
            .iter()
            .map(|(from, to)| snippet.text.chars().skip(*from).take(to - from).collect())
            .collect();
        assert_eq!(marked, ["修改", "密码"]);
    }

    #[test]
    fn the_window_goes_to_the_words() {
        let text = format!("{}请修改密码{}", "一".repeat(500), "二".repeat(500));
        let snippet = cut(&text, &wanted("密码", shipped()));
        assert!(snippet.text.contains("密码") && snippet.text.chars().count() <= LENGTH);
        assert_eq!(cut("", &HashSet::new()).text, "");
    }
}

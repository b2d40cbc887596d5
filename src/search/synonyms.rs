//! Words that mean the same to a customer: a reviewed dictionary, used when a query is read, never in the index,
//! so that a changed line needs no rebuilding.
//!
//! Invariants: groups do not chain (a word of two groups does not join them). It does not learn: neighbours that were learnt stand in the encoder.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::analysis::{Term, stem, word_term};
use crate::enrich::normalise::for_matching;

const DICTIONARY: &str = include_str!("data/synonyms.tsv");

/// A group of the dictionary.
pub type Group = u16;

/// The dictionary by word and by group.
#[derive(Debug, Default)]
pub struct Synonyms {
    groups_of: HashMap<Term, Vec<Group>>,
    words_in: Vec<Vec<Term>>,
    text_of: HashMap<Term, String>,
}

static SHIPPED: LazyLock<Synonyms> = LazyLock::new(|| Synonyms::read(DICTIONARY));

/// The dictionary of the product.
#[must_use]
pub fn shipped() -> &'static Synonyms {
    &SHIPPED
}

impl Synonyms {
    /// Reads lines of source and words, tab between them; `#` begins a comment.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut made = Self::default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for (line, group) in lines.zip(0..) {
            let mut members = Vec::new();
            for word in line.split('\t').skip(1) {
                let normal = for_matching(word);
                let stemmed = stem(&normal);
                members.push(word_term(&stemmed));
                made.text_of.insert(word_term(&stemmed), stemmed);
            }
            members.sort_unstable();
            members.dedup();
            for &word in &members {
                made.groups_of.entry(word).or_default().push(group);
            }
            made.words_in.push(members);
        }
        made
    }

    /// The groups of a word.
    #[must_use]
    pub fn groups(&self, word: Term) -> &[Group] {
        self.groups_of.get(&word).map_or(&[], Vec::as_slice)
    }

    /// The stemmed text of a word of the dictionary.
    #[must_use]
    pub fn text(&self, word: Term) -> Option<&str> {
        self.text_of.get(&word).map(String::as_str)
    }

    /// Every word that shares a group with this one, without itself.
    pub fn others(&self, word: Term) -> impl Iterator<Item = Term> + '_ {
        self.groups(word)
            .iter()
            .filter_map(|&group| self.words_in.get(usize::from(group)))
            .flatten()
            .copied()
            .filter(move |&other| other != word)
    }

    /// Whether two words share a group.
    #[must_use]
    pub fn same(&self, a: Term, b: Term) -> bool {
        let (of_a, of_b) = (self.groups(a), self.groups(b));
        of_a.iter().any(|group| of_b.contains(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_group_find_each_other() {
        let term = |word: &str| word_term(&stem(word));
        let synonyms = shipped();
        assert!(synonyms.same(term("更改"), term("修改")));
        assert!(synonyms.same(term("cancel"), term("terminate")));
        assert!(!synonyms.same(term("密码"), term("手机号")));
        assert!(
            synonyms
                .others(term("注销"))
                .any(|word| word == term("关闭"))
        );
    }

    #[test]
    fn every_line_has_a_source_and_two_words() {
        for line in DICTIONARY.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            assert_eq!(fields.next(), Some("own"), "{line}");
            assert!(fields.count() >= 2, "{line}");
        }
    }
}

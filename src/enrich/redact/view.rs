//! The text as detectors see it: normalised characters with the way back to the source, every
//! token one stand-in character.
//!
//! Invariants: looking outside the text yields `'\0'`, never a panic; collapsing a range keeps
//! all offsets into the source.

use super::PiiKind;
use super::token;
use crate::enrich::normalise::NormalText;

/// Stands for a token. A private-use character: no letter, no digit, no separator.
pub(super) const TOKEN: char = '\u{e000}';

/// A token that was in the text already.
#[derive(Debug, Clone)]
pub(super) struct Present {
    pub kind: PiiKind,
    pub code: String,
    pub from: usize,
    pub to: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct View {
    text: NormalText,
    pub has_han: bool,
}

impl View {
    /// Reads the source; tokens in it become stand-ins and are returned apart.
    pub fn new(source: &[char]) -> (Self, Vec<Present>) {
        let mut text = NormalText::default();
        let mut present = Vec::new();
        let mut plain_from = 0;
        let mut at = 0;
        while let Some(&c) = source.get(at) {
            let token = if c == '<' {
                token::parse_in_text(source.get(at..).unwrap_or_default())
            } else {
                None
            };
            let Some((kind, code, length)) = token else {
                at += 1;
                continue;
            };
            text.push(source.get(plain_from..at).unwrap_or_default(), plain_from);
            text.push_char(TOKEN, at, at + length);
            present.push(Present {
                kind,
                code,
                from: at,
                to: at + length,
            });
            at += length;
            plain_from = at;
        }
        text.push(source.get(plain_from..).unwrap_or_default(), plain_from);
        let has_han = text.chars.iter().any(|&c| is_han(c));
        (Self { text, has_han }, present)
    }

    pub fn len(&self) -> usize {
        self.text.chars.len()
    }

    pub fn at(&self, index: usize) -> char {
        self.text.chars.get(index).copied().unwrap_or('\0')
    }

    /// The character before `index`.
    pub fn before(&self, index: usize) -> char {
        index.checked_sub(1).map_or('\0', |i| self.at(i))
    }

    /// The characters from `index` on.
    pub fn from(&self, index: usize) -> impl DoubleEndedIterator<Item = char> + Clone {
        self.text
            .chars
            .get(index..)
            .unwrap_or_default()
            .iter()
            .copied()
    }

    pub fn slice(&self, start: usize, end: usize) -> &[char] {
        self.text.chars.get(start..end).unwrap_or_default()
    }

    pub fn string(&self, start: usize, end: usize) -> String {
        self.slice(start, end).iter().collect()
    }

    /// The source range behind `start..end`.
    pub fn source_range(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.text.from.get(start).copied().unwrap_or_default();
        let to = end
            .checked_sub(1)
            .and_then(|i| self.text.to.get(i))
            .copied()
            .unwrap_or(from);
        (from as usize, to as usize)
    }

    /// Replaces `ranges` (disjoint, ascending) by one stand-in each.
    pub fn collapse(&self, ranges: &[(usize, usize)]) -> Self {
        let mut text = NormalText::default();
        let mut ranges = ranges.iter().copied().peekable();
        let mut at = 0;
        while at < self.len() {
            let (next, c) = match ranges.peek() {
                Some(&(start, end)) if start == at && end > start => (end, TOKEN),
                _ => (at + 1, self.at(at)),
            };
            if next > at + 1 || c == TOKEN {
                ranges.next_if(|&(start, _)| start == at);
            }
            let (from, to) = self.source_range(at, next);
            text.push_char(c, from, to);
            at = next;
        }
        Self {
            text,
            has_han: self.has_han,
        }
    }

    /// Whether the text before `index` ends with `word` (ASCII case ignored); a word of Latin
    /// letters must begin at a word boundary.
    #[inline]
    pub fn ends_with(&self, index: usize, word: &str) -> bool {
        // By characters: comparing bytes here is a call for each of some hundred words.
        let last = self.before(index).to_ascii_lowercase();
        let end = word.chars().next_back();
        end == Some(last) && self.ends_with_all(index, word)
    }

    fn ends_with_all(&self, index: usize, word: &str) -> bool {
        let mut at = index;
        for w in word.chars().rev() {
            let Some(previous) = at.checked_sub(1) else {
                return false;
            };
            if self.at(previous).to_ascii_lowercase() != w {
                return false;
            }
            at = previous;
        }
        !(word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && self.before(at).is_ascii_alphabetic())
    }

    /// Whether the text from `index` starts with `word` (ASCII case ignored).
    pub fn starts_with(&self, index: usize, word: &str) -> bool {
        let mut rest = self.from(index);
        word.chars()
            .all(|w| rest.next().is_some_and(|c| c.to_ascii_lowercase() == w))
    }

    /// Whether one of `labels` introduces what starts at `index`, with nothing but fillers
    /// (colons, 是, 号码, "is") between. Labels are lower case.
    pub fn labelled(&self, index: usize, labels: &[&str]) -> bool {
        self.labelled_past(index, labels, FILLER_CHARS)
    }

    /// As [`View::labelled`], with nothing but a colon, 是, 号码 and the like between.
    pub fn labelled_closely(&self, index: usize, labels: &[&str]) -> bool {
        self.labelled_past(index, labels, CLOSE_FILLER_CHARS)
    }

    fn labelled_past(&self, index: usize, labels: &[&str], fillers: &str) -> bool {
        let mut at = index;
        for _ in 0..10 {
            if labels.iter().any(|label| self.ends_with(at, label)) {
                return true;
            }
            let filler = FILLERS.iter().find(|word| self.ends_with(at, word));
            match filler {
                Some(word) => at = at.saturating_sub(word.chars().count()),
                None if at > 0 && fillers.contains(self.before(at)) => at -= 1,
                None => return false,
            }
        }
        false
    }
}

const FILLER_CHARS: &str = " :=-([\"'“【「#.,是为号的我叫有个就了填写您你、\t+";
const CLOSE_FILLER_CHARS: &str = " :=-([\"'“【「#是为号叫\t";
const FILLERS: [&str; 16] = [
    "号码", "一下", "is", "was", "number", "num", "no", "id", "at", "on", "me", "my", "the",
    "还是", "应该", "分别",
];

pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

//! Words in pieces, as models of the BERT family take them: a vocabulary file with one piece a line.
//!
//! A text is cut at white space and around punctuation and Chinese characters; each word is then taken apart from the
//! left into the longest pieces of the vocabulary, those inside a word beginning with `##` (Devlin et al. 2019,
//! Wu et al. 2016). Invariants: pure; an answer is never longer than asked for. Not here: other tokenisers.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A longer word is one unknown piece.
const LONGEST_WORD: usize = 100;

/// A vocabulary of pieces.
pub struct Wordpiece {
    pieces: HashMap<String, i64>,
    unknown: i64,
    /// Pieces that begin and end a text, where the vocabulary has them.
    begin: Option<i64>,
    end: Option<i64>,
    lower: bool,
}

impl Wordpiece {
    /// Reads a vocabulary; `None` when it has no `[UNK]` or `<unk>`.
    #[must_use]
    pub fn read(vocabulary: &str, lower: bool) -> Option<Self> {
        let pieces: HashMap<String, i64> = vocabulary
            .lines()
            .zip(0..)
            .map(|(piece, id)| (piece.trim_end_matches('\r').to_owned(), id))
            .collect();
        let find = |names: [&str; 2]| names.iter().find_map(|name| pieces.get(*name).copied());
        Some(Self {
            unknown: find(["[UNK]", "<unk>"])?,
            begin: find(["[CLS]", "<s>"]),
            end: find(["[SEP]", "</s>"]),
            pieces,
            lower,
        })
    }

    /// The pieces of a text, at most `most`, those of begin and end among them; never empty.
    #[must_use]
    pub fn ids(&self, text: &str, most: usize) -> Vec<i64> {
        let frame = usize::from(self.begin.is_some()) + usize::from(self.end.is_some());
        let room = most.saturating_sub(frame).max(1);
        let mut ids: Vec<i64> = self.begin.into_iter().collect();
        let full = ids.len() + room;
        let plain: String = self.plain(text);
        for word in words(&plain) {
            if ids.len() >= full {
                break;
            }
            self.word(&word, &mut ids);
        }
        ids.truncate(full);
        ids.extend(self.end);
        if ids.is_empty() {
            ids.push(self.unknown);
        }
        ids
    }

    fn plain(&self, text: &str) -> String {
        if !self.lower {
            return text.nfc().collect();
        }
        let lower = text.to_lowercase();
        lower.nfd().filter(|c| !is_combining_mark(*c)).collect()
    }

    fn word(&self, word: &[char], ids: &mut Vec<i64>) {
        if word.len() > LONGEST_WORD {
            ids.push(self.unknown);
            return;
        }
        let before = ids.len();
        let mut from = 0;
        while from < word.len() {
            let found = (from + 1..=word.len()).rev().find_map(|to| {
                let mut piece = String::from(if from == 0 { "" } else { "##" });
                piece.extend(word.get(from..to)?);
                self.pieces.get(&piece).map(|id| (*id, to))
            });
            let Some((id, to)) = found else {
                ids.truncate(before);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            from = to;
        }
    }
}

/// The words of a text: runs without white space; punctuation and Chinese characters alone.
fn words(text: &str) -> Vec<Vec<char>> {
    let mut words: Vec<Vec<char>> = Vec::new();
    let mut word: Vec<char> = Vec::new();
    for c in text.chars() {
        let is_alone = is_chinese(c) || is_mark(c);
        if is_alone || c.is_whitespace() || c.is_control() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if is_alone {
                words.push(vec![c]);
            }
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn is_chinese(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF)
}

fn is_mark(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(u32::from(c), 0x2010..=0x2027 | 0x2030..=0x205E | 0x3001..=0x303F | 0xFF01..=0xFF0F
            | 0xFF1A..=0xFF20 | 0xFF3B..=0xFF40 | 0xFF5B..=0xFF65)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ngood\n##ness\nbad\n好\n不\n!\ncafe";

    #[test]
    fn words_are_taken_apart() {
        let pieces = Wordpiece::read(VOCABULARY, true).unwrap();
        assert_eq!(pieces.ids("Goodness, 不好!", 16), [2, 4, 5, 1, 8, 7, 9, 3]);
        assert_eq!(pieces.ids("Café", 16), [2, 10, 3]);
        assert_eq!(pieces.ids("goodish", 16), [2, 1, 3]);
        assert_eq!(pieces.ids("", 16), [2, 3]);
        assert_eq!(pieces.ids("好好好好好", 4), [2, 7, 7, 3]);
        assert_eq!(pieces.ids(&"x".repeat(101), 4), [2, 1, 3]);
    }

    #[test]
    fn a_vocabulary_without_frame_or_unknown() {
        let bare = Wordpiece::read("<unk>\ngood", true).unwrap();
        assert_eq!(bare.ids("good x", 8), [1, 0]);
        assert_eq!(bare.ids("", 8), [0]);
        assert!(Wordpiece::read("good\nbad", true).is_none());
    }
}

//! What of a text topics are made of: content words, pairs of words and character n-grams, as
//! 64-bit hashes.
//!
//! Invariants: the same text always gives the same terms, in the order of the text; redaction
//! tokens, stop words and punctuation give none; a text is read up to [`MAX_CHARS`] characters.
//! Not here: weights and vectors.

use std::collections::HashSet;
use std::sync::LazyLock;

use twox_hash::XxHash3_64;

use crate::enrich::normalise::for_matching;
use crate::enrich::segment::Segmenter;

/// Characters of one text that are read; what a customer wants is said before that.
pub const MAX_CHARS: usize = 20_000;

/// Words without content, Chinese and English, one a line.
const STOP_WORDS: &str = include_str!("../data/topic_stop_words.txt");

static STOPS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    STOP_WORDS
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
});

/// Stands for every number.
const NUMBER: &str = "#";

const WORD: u64 = 1;
const CHARACTER: u64 = 2;
const PAIR: u64 = 3;
const GRAM: u64 = 4;

/// The terms of one text, each as often as it occurs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Content words.
    pub words: Vec<u64>,
    /// Two content words in a row.
    pub pairs: Vec<u64>,
    /// Single characters of scripts without spaces: with the words what word vectors are made of.
    pub characters: Vec<u64>,
    /// Character n-grams.
    pub grams: Vec<u64>,
}

impl Terms {
    /// Reads a text.
    #[must_use]
    pub fn of(segmenter: &Segmenter, text: &str) -> Self {
        let mut terms = Self::default();
        let mut last = None;
        each_run(segmenter, text, |run| match run {
            Run::Word(word) => {
                let hash = hash(WORD, word);
                terms.words.push(hash);
                if let Some(before) = last {
                    terms.pairs.push(pair(before, hash));
                }
                last = Some(hash);
            }
            Run::Dense(run) => {
                for c in run {
                    terms
                        .characters
                        .push(hash(CHARACTER, c.encode_utf8(&mut [0; 4])));
                }
                windows(run, 1..=3, &mut terms.grams);
            }
            Run::Spaced(run) => windows(run, 3..=5, &mut terms.grams),
        });
        terms
    }
}

/// Calls `found` with the content words and pairs of words of a text that can stand in a label, with the
/// hash that [`Terms`] has for them.
pub fn label_terms(segmenter: &Segmenter, text: &str, mut found: impl FnMut(u64, &[&str])) {
    let mut last: Option<(String, u64)> = None;
    each_run(segmenter, text, |run| {
        let Run::Word(word) = run else { return };
        let hash = hash(WORD, word);
        if word == NUMBER {
            last = None;
            return;
        }
        found(hash, &[word]);
        if let Some((before, before_hash)) = &last {
            found(pair(*before_hash, hash), &[before, word]);
        }
        last = Some((word.to_owned(), hash));
    });
}

/// Whether a text has anything that could be a word.
#[must_use]
pub fn has_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Whether a word says nothing of what a text is about.
#[must_use]
pub fn is_stop_word(word: &str) -> bool {
    STOPS.contains(word)
}

fn hash(kind: u64, text: &str) -> u64 {
    XxHash3_64::oneshot_with_seed(kind, text.as_bytes())
}

fn pair(before: u64, after: u64) -> u64 {
    let mut bytes = [0; 16];
    for (slot, byte) in bytes
        .iter_mut()
        .zip(before.to_le_bytes().into_iter().chain(after.to_le_bytes()))
    {
        *slot = byte;
    }
    XxHash3_64::oneshot_with_seed(PAIR, &bytes)
}

enum Run<'a> {
    Word(&'a str),
    /// Characters of a script without spaces.
    Dense(&'a [char]),
    /// A word of a script with spaces, with one space on both sides.
    Spaced(&'a [char]),
}

/// Whether a script writes without spaces: Han, kana, Thai, Lao, Khmer, Burmese.
fn is_dense(c: char) -> bool {
    matches!(c, '\u{3005}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// Characters that hold a word together when they stand inside it, as in `c++`, `node.js`, `don't`.
fn is_inner(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '+' | '#' | '.' | '-' | '_')
}

fn each_run(segmenter: &Segmenter, text: &str, mut found: impl FnMut(Run<'_>)) {
    let cut: String;
    let text = match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => {
            cut = text.get(..end).unwrap_or_default().to_owned();
            &cut
        }
        None => text,
    };
    let text = without_tokens(text);
    let text = for_matching(&text);
    let mut run: Vec<char> = Vec::new();
    let mut dense = false;
    for c in text.chars().chain([' ']) {
        let belongs = if run.is_empty() {
            c.is_alphanumeric()
        } else if dense {
            is_dense(c)
        } else {
            !is_dense(c) && (c.is_alphanumeric() || is_inner(c))
        };
        if !run.is_empty() && !belongs {
            end_run(segmenter, &mut run, dense, &mut found);
        }
        if belongs || c.is_alphanumeric() {
            if run.is_empty() {
                dense = is_dense(c);
            }
            run.push(c);
        }
    }
}

fn end_run(
    segmenter: &Segmenter,
    run: &mut Vec<char>,
    dense: bool,
    found: &mut impl FnMut(Run<'_>),
) {
    if dense {
        let text: String = run.iter().collect();
        for word in segmenter.words(&text) {
            if !is_stop_word(word) {
                found(Run::Word(word));
            }
        }
        found(Run::Dense(run));
    } else {
        while run
            .last()
            .is_some_and(|c| !c.is_alphanumeric() && !matches!(c, '+' | '#'))
        {
            run.pop();
        }
        let word: String = run.iter().collect();
        if word.chars().all(char::is_numeric) {
            found(Run::Word(NUMBER));
        } else if !is_stop_word(&word) {
            found(Run::Word(&word));
            run.insert(0, ' ');
            run.push(' ');
            found(Run::Spaced(run));
        }
    }
    run.clear();
}

fn windows(run: &[char], lengths: std::ops::RangeInclusive<usize>, grams: &mut Vec<u64>) {
    let mut text = String::new();
    for length in lengths {
        for window in run.windows(length) {
            text.clear();
            text.extend(window);
            grams.push(hash(GRAM, &text));
        }
    }
}

/// The text with `<KIND:code>` tokens as spaces.
fn without_tokens(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('<') {
        return text.into();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, token, after)) = crate::enrich::segment::next_token(rest) {
        let _ = token;
        kept.push_str(before);
        kept.push(' ');
        rest = after;
    }
    kept.push_str(rest);
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_only() {
        let segmenter = Segmenter::new();
        let words = |text: &str| {
            let mut words = Vec::new();
            label_terms(&segmenter, text, |_, parts| {
                if let [word] = parts {
                    words.push((*word).to_owned());
                }
            });
            words
        };
        assert_eq!(
            words("请问我的<PHONE:abc234>宽带怎么取消？"),
            ["宽带", "取消"]
        );
        assert_eq!(
            words("How do I cancel C++ node.js?"),
            ["cancel", "c++", "node.js"]
        );
        assert!(words("你好，请问一下 hello 12345 …… 😀").is_empty());
    }

    #[test]
    fn long_and_empty_texts() {
        let segmenter = Segmenter::new();
        assert_eq!(Terms::of(&segmenter, ""), Terms::default());
        assert_eq!(Terms::of(&segmenter, "😀😀。"), Terms::default());
        let long = "退款".repeat(200_000);
        assert!(Terms::of(&segmenter, &long).characters.len() <= MAX_CHARS);
        assert!(has_word("a") && has_word("好") && !has_word("😀 …"));
    }
}

//! The tokenizers of the full-text index: words, and parts of words for what the segmenter cuts differently.
//!
//! Invariants: offsets are bytes of the text that is indexed (which is normalised before), positions are character
//! offsets, so that overlapping and skipped tokens keep their distance; the position length of a token is its
//! characters. Punctuation and white space make no token.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::analysis::{is_han, stem, words_of};

/// Which tokens a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words of the segmenter, stemmed.
    Words,
    /// Single Chinese characters and their pairs; letter 3-grams of other words.
    Parts,
}

/// A tokenizer of one kind. Its input is text in the form for matching.
#[derive(Debug, Clone, Copy)]
pub struct Terms(pub Kind);

/// Tokens of one text.
#[derive(Debug)]
pub struct Stream {
    tokens: std::vec::IntoIter<Token>,
    current: Token,
}

impl Tokenizer for Terms {
    type TokenStream<'a> = Stream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream {
        Stream {
            tokens: tokens(self.0, text).into_iter(),
            current: Token::default(),
        }
    }
}

impl TokenStream for Stream {
    fn advance(&mut self) -> bool {
        let Some(next) = self.tokens.next() else {
            return false;
        };
        self.current = next;
        true
    }

    fn token(&self) -> &Token {
        &self.current
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.current
    }
}

/// The tokens of a normalised text.
#[must_use]
pub fn tokens(kind: Kind, normal: &str) -> Vec<Token> {
    let mut found = Vec::new();
    match kind {
        Kind::Words => words_of(normal, |word, from, to| {
            found.push(token(normal, stem(word), from, to));
        }),
        Kind::Parts => {
            han_parts(normal, &mut found);
            words_of(normal, |word, from, to| {
                if !word.chars().any(is_han) {
                    letter_parts(normal, word, from, to, &mut found);
                }
            });
        }
    }
    let mut characters = Positions::default();
    found.sort_by_key(|token| (token.offset_from, token.offset_to));
    for token in &mut found {
        token.position = characters.at(normal, token.offset_from);
    }
    found
}

/// Counts characters up to growing byte offsets.
#[derive(Default)]
struct Positions {
    byte: usize,
    characters: usize,
}

impl Positions {
    fn at(&mut self, text: &str, byte: usize) -> usize {
        self.characters += text
            .get(self.byte..byte)
            .map_or(0, |between| between.chars().count());
        self.byte = byte.max(self.byte);
        self.characters
    }
}

fn token(normal: &str, text: String, from: usize, to: usize) -> Token {
    Token {
        offset_from: from,
        offset_to: to,
        position: 0,
        position_length: normal
            .get(from..to)
            .map_or(1, |word| word.chars().count().max(1)),
        text,
    }
}

fn han_parts(normal: &str, found: &mut Vec<Token>) {
    let mut last: Option<(usize, char)> = None;
    for (from, c) in normal.char_indices() {
        if !is_han(c) {
            last = None;
            continue;
        }
        let to = from + c.len_utf8();
        found.push(token(normal, c.to_string(), from, to));
        if let Some((start, before)) = last {
            found.push(token(normal, [before, c].iter().collect(), start, to));
        }
        last = Some((from, c));
    }
}

fn letter_parts(normal: &str, word: &str, from: usize, to: usize, found: &mut Vec<Token>) {
    let marked: Vec<char> = std::iter::once('^')
        .chain(stem(word).chars())
        .chain(std::iter::once('$'))
        .collect();
    for gram in marked.windows(3) {
        found.push(token(normal, gram.iter().collect(), from, to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_character_offsets() {
        let words = tokens(Kind::Words, "怎么 更改 my cards，密码？");
        let seen: Vec<_> = words
            .iter()
            .map(|t| (t.text.as_str(), t.position, t.position_length))
            .collect();
        assert_eq!(
            seen,
            [
                ("怎么", 0, 2),
                ("更改", 3, 2),
                ("my", 6, 2),
                ("card", 9, 5),
                ("密码", 15, 2)
            ]
        );
    }

    #[test]
    fn parts_overlap_and_stop_at_punctuation() {
        let parts = tokens(Kind::Parts, "改密码，好");
        let seen: Vec<_> = parts.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(seen, ["改", "改密", "密", "密码", "码", "好"]);
        assert!(tokens(Kind::Parts, "！ ……").is_empty());
    }
}

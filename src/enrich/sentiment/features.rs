//! What a head sees of a text: symbols and the hashed n-grams over them.
//!
//! A symbol is a Han character, a word of other letters, a number, a redaction token or an emoji.
//! Invariants: width, case, traditional characters, punctuation and line breaks change no n-gram,
//! so speech without punctuation and typed text look alike; marks of feeling (`!`, `?`, `…`, `~`)
//! are features of their own. A text without symbols has no features. At most
//! [`MAX_SYMBOLS`] symbols are read: half from the start and half from the end.

use crate::enrich::normalise::for_matching;

/// Symbols of a text that are looked at.
pub const MAX_SYMBOLS: usize = 4_096;

/// A symbol of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol {
    /// What it is: a code point, or a hash with the top bit set.
    pub code: u32,
    /// Byte offset in the matching form.
    pub from: u32,
    /// One past its last byte.
    pub to: u32,
}

/// A text cut into symbols.
#[derive(Debug, Clone, Default)]
pub struct Symbols {
    /// In order.
    pub items: Vec<Symbol>,
    /// Feelings shown by marks, as features.
    pub marks: Vec<u64>,
    /// The matching form that offsets point into.
    pub text: String,
}

const HASHED: u32 = 0x8000_0000;
const NUMBER: u32 = 0x0011_0001;
const MENTION: u32 = 0x0011_0002;
const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// Which n-grams a head uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grams {
    /// 1 to 4 symbols: Chinese.
    Chinese,
    /// 1 to 3 words, and 3 to 5 letters within a word: English.
    English,
}

fn mix(state: u64, value: u64) -> u64 {
    let x = (state.rotate_left(23) ^ value).wrapping_mul(K);
    x ^ (x >> 29)
}

fn finish(state: u64) -> u64 {
    let x = state.wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32) ^ (x << 17)
}

/// A feature from a name and a number, for what is not text.
#[must_use]
pub fn named(space: u64, value: u64) -> u64 {
    finish(mix(mix(0x51ed, space), value)).wrapping_mul(K)
}

impl Symbols {
    /// Cuts `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut out = Self {
            text: for_matching(text).into_owned(),
            ..Self::default()
        };
        let text = std::mem::take(&mut out.text);
        let mut at = 0;
        let mut counts = [0_u32; 4];
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let to = out.next(&text, at, c, &mut counts);
            at = to.max(at + c.len_utf8());
        }
        out.text = text;
        out.shorten();
        for (mark, count) in counts.iter().enumerate() {
            if *count > 0 {
                out.marks.push(named(1, mark as u64));
            }
            if *count > 1 {
                out.marks.push(named(2, mark as u64));
            }
        }
        out
    }

    /// Takes the symbol at `at`; gives where the next begins.
    fn next(&mut self, text: &str, at: usize, c: char, counts: &mut [u32; 4]) -> usize {
        let rest = text.get(at..).unwrap_or_default();
        let end = at + c.len_utf8();
        if is_single(c) {
            self.push(u32::from(c), at, end);
            return end;
        }
        if c == '<'
            && let Some(length) = token_length(rest)
        {
            let kind = rest.get(1..length).and_then(|t| t.split(':').next());
            self.push(HASHED | hash32(kind.unwrap_or_default()), at, at + length);
            return at + length;
        }
        if c == '@' {
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let length = mention_end(rest, length);
            self.push(MENTION, at, at + length);
            return at + length;
        }
        if c.is_ascii_digit() {
            let length = run(rest, |c| {
                c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '*' | '-')
            });
            self.push(NUMBER, at, at + length);
            return at + length;
        }
        if c.is_alphanumeric() {
            let length = run(rest, |c| {
                (c.is_alphanumeric() || c == '\'') && !is_single(c) && !c.is_ascii_digit()
            });
            let word = rest.get(..length).unwrap_or_default();
            self.push(
                HASHED | hash32(word.trim_end_matches('\'')),
                at,
                at + length,
            );
            return at + length;
        }
        match c {
            '!' => count(counts, 0),
            '?' => count(counts, 1),
            '…' | '.' if c == '…' || rest.starts_with("..") => count(counts, 2),
            '~' | '～' => count(counts, 3),
            c if is_emoji(c) => self.push(u32::from(c), at, end),
            _ => {}
        }
        end
    }

    fn push(&mut self, code: u32, from: usize, to: usize) {
        // Stretched words ("好好好好好") count as three.
        let alike = self
            .items
            .iter()
            .rev()
            .take(3)
            .filter(|s| s.code == code)
            .count();
        if alike == 3 {
            return;
        }
        self.items.push(Symbol {
            code,
            from: u32::try_from(from).unwrap_or(u32::MAX),
            to: u32::try_from(to).unwrap_or(u32::MAX),
        });
    }

    fn shorten(&mut self) {
        if self.items.len() > MAX_SYMBOLS {
            let tail = self.items.split_off(self.items.len() - MAX_SYMBOLS / 2);
            self.items.truncate(MAX_SYMBOLS / 2);
            self.items.extend(tail);
        }
    }

    /// The hashed features, appended to `out`.
    pub fn features(&self, grams: Grams, out: &mut Vec<u64>) {
        let codes: Vec<u32> = self.items.iter().map(|s| s.code).collect();
        ngrams(&codes, if grams == Grams::Chinese { 4 } else { 3 }, out);
        if grams == Grams::English {
            for symbol in &self.items {
                if symbol.code & HASHED != 0 {
                    letters(self.word(symbol), out);
                }
            }
        }
        if !out.is_empty() {
            out.extend_from_slice(&self.marks);
        }
    }

    /// The text of a symbol in the matching form.
    #[must_use]
    pub fn word(&self, symbol: &Symbol) -> &str {
        self.text
            .get(symbol.from as usize..symbol.to as usize)
            .unwrap_or_default()
    }
}

/// Hashes of all runs of 1 to `longest` symbols.
pub fn ngrams(codes: &[u32], longest: usize, out: &mut Vec<u64>) {
    for start in 0..codes.len() {
        let mut state = 0x2545_f491;
        for code in codes.iter().skip(start).take(longest) {
            state = mix(state, u64::from(*code));
            out.push(finish(state));
        }
    }
}

/// Hashes of the runs of 3 to 5 letters of a word with its ends.
fn letters(word: &str, out: &mut Vec<u64>) {
    let chars: Vec<u32> = std::iter::once(1)
        .chain(word.chars().map(u32::from))
        .chain(std::iter::once(2))
        .collect();
    for start in 0..chars.len() {
        let mut state = 0x9d5c_33af;
        for (i, code) in chars.iter().skip(start).take(5).enumerate() {
            state = mix(state, u64::from(*code));
            if i >= 2 {
                out.push(finish(state));
            }
        }
    }
}

fn count(counts: &mut [u32; 4], mark: usize) {
    if let Some(slot) = counts.get_mut(mark) {
        *slot += 1;
    }
}

/// Whether a character is a symbol by itself: Han, kana, Hangul.
fn is_single(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{20000}'..='\u{3ffff}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// Where a mention that begins with `@` ends: at white space or punctuation, 20 characters at most.
fn mention_end(rest: &str, limit: usize) -> usize {
    rest.char_indices()
        .skip(1)
        .take(21)
        .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '-'))
        .last()
        .map_or(1, |(i, c)| i + c.len_utf8())
        .min(limit.max(1))
}

fn run(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.char_indices()
        .find(|(_, c)| !belongs(*c))
        .map_or(rest.len(), |(i, _)| i)
}

/// Bytes of a redaction token in the matching form, which is lower case: `<phone:abc234>`.
fn token_length(rest: &str) -> Option<usize> {
    let close = rest.bytes().take(40).position(|b| b == b'>')?;
    let (tag, code) = rest.get(1..close)?.split_once(':')?;
    let named = !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let coded = matches!(code.len(), 6 | 20) && code.bytes().all(|b| b.is_ascii_alphanumeric());
    (named && coded).then_some(close + 1)
}

fn hash32(word: &str) -> u32 {
    let state = word.bytes().fold(0x77, |s, b| mix(s, u64::from(b)));
    u32::try_from(finish(state) >> 33).unwrap_or_default()
}

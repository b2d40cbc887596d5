//! What a text is made of, as search sees it: words, parts of words and traits of a question.
//!
//! Invariants: the same text always gives the same [`Analysis`]; terms are 32-bit hashes of the normalised form
//! (lower case, simplified, full width folded), so no vocabulary has to be kept. Chinese runs are cut by the
//! segmenter and into character 1-2-grams, other scripts into stemmed words and letter 3-5-grams of each word.
//! It keeps no text.

use crate::enrich::normalise::for_matching;
use crate::enrich::segment::Segmenter;

/// A term: the hash of its kind and its normalised text.
pub type Term = u32;

/// At most this many characters of a text are looked at; a question is shorter.
pub const MAX_CHARS: usize = 600;

/// A text as search sees it.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// Words in order, repeats included.
    pub words: Vec<Term>,
    /// Pairs of neighbouring words, in order.
    pub pairs: Vec<Term>,
    /// Distinct parts of words, sorted: characters and their pairs, or letter 3-5-grams.
    pub parts: Vec<Term>,
    /// Which kinds of question it is, one bit each; see [`question_traits`].
    pub traits: u32,
    /// Hash of all digits in order; 0 without digits.
    pub numbers: u32,
    /// Letters and digits.
    pub length: u16,
}

const KIND_WORD: u8 = 1;
const KIND_PAIR: u8 = 2;
const KIND_PART: u8 = 3;

/// FNV-1a with a final mix. It is part of the stored models: a change makes them void.
#[must_use]
pub fn hash(kind: u8, bytes: &[u8]) -> Term {
    let mut state: u32 = 0x811c_9dc5 ^ u32::from(kind).wrapping_mul(0x9e37_79b9);
    for &byte in bytes {
        state = (state ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    state ^= state >> 16;
    state = state.wrapping_mul(0x7feb_352d);
    state ^= state >> 15;
    state = state.wrapping_mul(0x846c_a68b);
    state ^ (state >> 16)
}

/// The term of a word in its normalised form.
#[must_use]
pub fn word_term(word: &str) -> Term {
    hash(KIND_WORD, word.as_bytes())
}

/// The term of two neighbouring words.
#[must_use]
pub fn pair_term(first: Term, second: Term) -> Term {
    let mut bytes = [0; 8];
    let (head, tail) = bytes.split_at_mut(4);
    head.copy_from_slice(&first.to_le_bytes());
    tail.copy_from_slice(&second.to_le_bytes());
    hash(KIND_PAIR, &bytes)
}

/// Whether a character is Chinese.
#[must_use]
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

/// The normalised words of a text in order, with their place in it (bytes of the normalised text).
pub fn words_of(normal: &str, mut push: impl FnMut(&str, usize, usize)) {
    let mut offset = 0;
    for word in Segmenter::shared().words(normal) {
        let from = offset;
        offset += word.len();
        if word.chars().any(char::is_alphanumeric) {
            push(word, from, offset);
        }
    }
}

/// Takes a text apart.
#[must_use]
pub fn analyse(text: &str) -> Analysis {
    let head: String = text.chars().take(MAX_CHARS).collect();
    let normal = for_matching(&head);
    let mut analysis = Analysis {
        traits: question_traits(&normal),
        numbers: numbers(&normal),
        ..Analysis::default()
    };
    let mut length = 0_usize;
    words_of(&normal, |word, _, _| {
        length += word.chars().count();
        let stemmed = stem(word);
        analysis.words.push(word_term(&stemmed));
        if !word.chars().any(is_han) {
            letter_grams(&stemmed, &mut analysis.parts);
        }
    });
    han_grams(&normal, &mut analysis.parts);
    analysis.parts.sort_unstable();
    analysis.parts.dedup();
    analysis.pairs = analysis
        .words
        .windows(2)
        .filter_map(|two| Some(pair_term(*two.first()?, *two.get(1)?)))
        .collect();
    analysis.length = u16::try_from(length).unwrap_or(u16::MAX);
    analysis
}

/// Characters and pairs of neighbouring characters of Chinese runs.
fn han_grams(normal: &str, parts: &mut Vec<Term>) {
    let mut last: Option<char> = None;
    let mut buffer = [0; 4];
    for c in normal.chars() {
        if !is_han(c) {
            if c.is_alphanumeric() || !matches!(c, ' ' | '\t') {
                last = None;
            }
            continue;
        }
        parts.push(hash(KIND_PART, c.encode_utf8(&mut buffer).as_bytes()));
        if let Some(before) = last {
            let mut both = String::with_capacity(8);
            both.push(before);
            both.push(c);
            parts.push(hash(KIND_PART, both.as_bytes()));
        }
        last = Some(c);
    }
}

/// Letter 3-, 4- and 5-grams of a word with its edges marked.
fn letter_grams(word: &str, parts: &mut Vec<Term>) {
    let marked: Vec<char> = std::iter::once('^')
        .chain(word.chars())
        .chain(std::iter::once('$'))
        .collect();
    for size in 3..=5 {
        for gram in marked.windows(size) {
            let gram: String = gram.iter().collect();
            parts.push(hash(KIND_PART, gram.as_bytes()));
        }
    }
}

/// The stem of an English word by a few suffix rules; other words unchanged.
#[must_use]
pub fn stem(word: &str) -> String {
    let word = word.trim_matches('\'');
    if word.len() < 4 || !word.bytes().all(|b| b.is_ascii_lowercase() || b == b'\'') {
        return word.to_owned();
    }
    let word = word.strip_suffix("'s").unwrap_or(word);
    for (suffix, replacement, least) in [
        ("ations", "at", 3),
        ("ation", "at", 3),
        ("ies", "i", 2),
        ("ied", "i", 2),
        ("sses", "ss", 2),
        ("ings", "", 3),
        ("ing", "", 3),
        ("ers", "er", 3),
        ("ed", "", 3),
        ("es", "", 3),
        ("ly", "", 4),
        ("y", "i", 3),
        ("e", "", 3),
    ] {
        if let Some(root) = word.strip_suffix(suffix)
            && root.len() >= least
        {
            return undouble(root) + replacement;
        }
    }
    match word.strip_suffix('s') {
        Some(root) if !root.ends_with('s') && root.len() >= 3 => {
            root.strip_suffix('e').unwrap_or(root).to_owned()
        }
        _ => word.to_owned(),
    }
}

/// `topp` becomes `top`.
fn undouble(root: &str) -> String {
    let mut chars: Vec<char> = root.chars().collect();
    if let [.., a, b] = chars.as_slice()
        && a == b
        && matches!(b, 'b' | 'd' | 'g' | 'm' | 'n' | 'p' | 'r' | 't')
        && chars.len() > 3
    {
        chars.pop();
    }
    chars.into_iter().collect()
}

/// The hash of all digits in order, 0 without digits.
fn numbers(normal: &str) -> u32 {
    let digits: String = normal.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        0
    } else {
        hash(KIND_WORD, digits.as_bytes()) | 1
    }
}

/// Kinds of question and the words that show them.
const TRAITS: [&[&str]; 10] = [
    &[
        "怎么",
        "怎样",
        "如何",
        "咋",
        "方法",
        "步骤",
        "how do",
        "how can",
        "how to",
        "how should",
    ],
    &[
        "为什么",
        "为何",
        "为啥",
        "原因",
        "怎么回事",
        "why",
        "how come",
        "reason",
    ],
    &[
        "多久",
        "几天",
        "几号",
        "什么时候",
        "何时",
        "时间",
        "when",
        "how long",
        "how soon",
    ],
    &[
        "多少", "几个", "几次", "利息", "额度", "费用", "how much", "how many", "cost", "fee",
    ],
    &["哪里", "哪儿", "在哪", "何处", "where", "which"],
    &[
        "什么意思",
        "是什么",
        "什么是",
        "啥意思",
        "含义",
        "what is",
        "what are",
        "what does",
        "mean",
    ],
    &[
        "吗",
        "能不能",
        "可不可以",
        "是否",
        "可以",
        "是不是",
        "can i",
        "is it",
        "possible",
        "am i",
    ],
    &[
        "不", "没", "未", "无法", "别", "非", "not", "n't", "never", "unable", "cannot", "without",
        "no ",
    ],
    &[
        "失败", "错误", "不了", "异常", "报错", "fail", "error", "wrong", "decline", "reject",
    ],
    &["谁", "哪个", "哪些", "who"],
];

/// One bit for each kind of question whose words the text holds.
fn question_traits(normal: &str) -> u32 {
    TRAITS
        .iter()
        .zip(0..)
        .filter(|(words, _)| words.iter().any(|word| normal.contains(word)))
        .fold(0, |bits, (_, place)| bits | (1 << place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_in_another_width_is_the_same() {
        let plain = analyse("花呗怎么还款?");
        let wide = analyse("花唄怎麼還款？");
        assert_eq!(plain.words, wide.words);
        assert_eq!(plain.parts, wide.parts);
        assert_eq!(plain.traits, wide.traits);
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for (a, b) in [
            ("charges", "charged"),
            ("topping", "top"),
            ("cards", "card"),
            ("activate", "activating"),
        ] {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_ne!(stem("pin"), stem("ping"));
    }

    #[test]
    fn numbers_and_lengths_are_kept() {
        assert_eq!(analyse("没有数字").numbers, 0);
        assert_ne!(analyse("还1000元").numbers, analyse("还2000元").numbers);
        assert_eq!(analyse("你好, ok").length, 4);
        assert_eq!(analyse("……！").words.len(), 0);
    }
}

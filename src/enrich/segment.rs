//! Words of a text: jieba with a dictionary of our own for customer service, telecoms, shopping
//! and banking.
//!
//! Invariants: the words in order are the text; a redaction token (`<PHONE:abc234>`) is one word;
//! the same text always gives the same words. It does not normalise and does not drop stop words.

use std::sync::LazyLock;

use jieba_rs::Jieba;

/// Our terms, one a line; lines with `#` are comments.
const DOMAIN_WORDS: &str = include_str!("data/domain_words.txt");

/// Cuts text into words. `Send + Sync`; costs some 100 ms and 60 MB to make, so make one.
pub struct Segmenter {
    jieba: Jieba,
}

impl Default for Segmenter {
    fn default() -> Self {
        Self::new()
    }
}

impl Segmenter {
    /// The default dictionary with our own terms.
    #[must_use]
    pub fn new() -> Self {
        let mut jieba = Jieba::new();
        for word in domain_words() {
            jieba.add_word(word, None, None);
        }
        Self { jieba }
    }

    /// The words of `text`, white space and punctuation included, in order.
    #[must_use]
    pub fn words<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut words = Vec::new();
        let mut rest = text;
        while let Some((before, token, after)) = next_token(rest) {
            self.cut(before, &mut words);
            words.push(token);
            rest = after;
        }
        self.cut(rest, &mut words);
        words
    }

    /// How many words of `text` are more than white space and punctuation.
    #[must_use]
    pub fn count_words(&self, text: &str) -> usize {
        self.words(text)
            .iter()
            .filter(|word| word.chars().any(char::is_alphanumeric))
            .count()
    }

    fn cut<'t>(&self, text: &'t str, words: &mut Vec<&'t str>) {
        if !text.is_empty() {
            words.extend(
                self.jieba
                    .cut(text, false)
                    .into_iter()
                    .map(|token| token.word),
            );
        }
    }
}

/// The segmenter of the process: its dictionary takes some 60 MB, so there is one.
static SHARED: LazyLock<Segmenter> = LazyLock::new(Segmenter::new);

impl Segmenter {
    /// The one of the process, made when it is first asked for.
    #[must_use]
    pub fn shared() -> &'static Self {
        &SHARED
    }
}

fn domain_words() -> impl Iterator<Item = &'static str> {
    DOMAIN_WORDS
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Splits at the first redaction token.
pub(super) fn next_token(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text.get(from..)?.find('<').map(|i| from + i) {
        let tail = text.get(open..)?;
        if let Some(length) = token_length(tail) {
            return Some((text.get(..open)?, tail.get(..length)?, tail.get(length..)?));
        }
        from = open + 1;
    }
    None
}

/// Bytes of `<KIND:code>` at the start.
fn token_length(tail: &str) -> Option<usize> {
    let close = tail.bytes().take(40).position(|b| b == b'>')?;
    let (tag, code) = tail.get(1..close)?.split_once(':')?;
    let upper = !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let base32 = matches!(code.len(), 6 | 20)
        && code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    (upper && base32).then_some(close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_terms_are_words() {
        let segmenter = Segmenter::new();
        let words = segmenter.words("我要办理携号转网，请问流量套餐外资费怎么算");
        assert!(words.contains(&"携号转网"), "{words:?}");
        assert_eq!(words.concat(), "我要办理携号转网，请问流量套餐外资费怎么算");
        assert!(domain_words().count() >= 150);
    }

    #[test]
    fn tokens_stay_whole() {
        let segmenter = Segmenter::new();
        let text = "我叫<NAME:abc234>电话<PHONE:abcdefghij234567abcd> a<b <X:1>";
        let words = segmenter.words(text);
        assert!(
            words.contains(&"<NAME:abc234>") && words.contains(&"<PHONE:abcdefghij234567abcd>")
        );
        assert_eq!(words.concat(), text);
    }

    #[test]
    fn counts_words_only() {
        let segmenter = Segmenter::new();
        assert_eq!(segmenter.count_words("……！！ "), 0);
        assert_eq!(segmenter.count_words("hello, world <IP:abc234>"), 3);
    }
}

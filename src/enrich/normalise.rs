//! Text normalisation: NFKC (which also folds full width), invisible characters removed, and for
//! matching also lower case and simplified characters; plus the detection of damaged text.
//!
//! Invariants: normalising twice gives the same as once; [`NormalText`] maps each normalised
//! character to the characters of the source it came from, in order and without gaps other than
//! removed characters. It does not repair damaged text, it only reports it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// Whether a character shows nothing and only splits words for a program: zero-width spaces and
/// joiners, direction marks, soft hyphen, byte order mark, variation selectors.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Characters that normalisation certainly leaves as they are and that combine with nothing
/// before them; the table look-ups of NFKC are only for the others.
fn is_plain(c: char) -> bool {
    matches!(c, '\0'..='\u{7f}' | '\u{4e00}'..='\u{9fff}' | '\u{3001}'..='\u{3002}' | '\u{2014}'
        | '\u{2018}'..='\u{201d}')
}

fn changes(c: char) -> bool {
    !is_plain(c)
        && (is_invisible(c)
            || canonical_combining_class(c) != 0
            || is_nfkc_quick(std::iter::once(c)) != IsNormalized::Yes)
}

/// NFKC with invisible characters removed; borrowed when nothing changes.
#[must_use]
pub fn normalise(text: &str) -> Cow<'_, str> {
    if !text.chars().any(changes) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|&c| !is_invisible(c)).nfkc().collect())
}

static SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    include_str!("data/traditional_simplified.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut pair = line.chars();
            Some((pair.next()?, pair.next()?))
        })
        .collect()
});

/// The most usual simplified form of a traditional character, any other character unchanged.
#[must_use]
pub fn simplify(c: char) -> char {
    if c < '\u{3400}' {
        return c;
    }
    SIMPLIFIED.get(&c).copied().unwrap_or(c)
}

/// The form in which texts are compared: [`normalise`], lower case, simplified characters.
/// Never shown to people and never stored in place of the text.
#[must_use]
pub fn for_matching(text: &str) -> Cow<'_, str> {
    let normal = normalise(text);
    if !normal.chars().any(|c| c.is_uppercase() || simplify(c) != c) {
        return normal;
    }
    Cow::Owned(
        normal
            .chars()
            .flat_map(char::to_lowercase)
            .map(simplify)
            .collect(),
    )
}

/// Normalised text with the way back: for each normalised character the range of source
/// characters (Unicode scalar values) that it stands for.
#[derive(Debug, Clone, Default)]
pub struct NormalText {
    /// The normalised characters.
    pub chars: Vec<char>,
    /// First source character of each.
    pub from: Vec<u32>,
    /// One past the last source character of each.
    pub to: Vec<u32>,
}

impl NormalText {
    /// Normalises `source`, whose first character has the offset `base`, onto the end.
    pub fn push(&mut self, source: &[char], base: usize) {
        let mut at = 0;
        while let Some(&c) = source.get(at) {
            let end = at + 1 + segment_tail(source.get(at + 1..).unwrap_or_default());
            self.push_segment(c, source.get(at..end).unwrap_or_default(), base + at);
            at = end;
        }
    }

    /// Puts one stand-in character for the source range `from..to`.
    pub fn push_char(&mut self, c: char, from: usize, to: usize) {
        self.chars.push(c);
        self.from.push(u32::try_from(from).unwrap_or(u32::MAX));
        self.to.push(u32::try_from(to).unwrap_or(u32::MAX));
    }

    fn push_segment(&mut self, first: char, segment: &[char], from: usize) {
        let to = from + segment.len();
        if let Some(c) = narrow(first).filter(|_| segment.len() == 1) {
            self.push_char(c, from, to);
            return;
        }
        let visible = segment.iter().copied().filter(|&c| !is_invisible(c));
        for c in visible.nfkc() {
            self.push_char(c, from, to);
        }
    }
}

/// NFKC of plain and of full-width characters, which are the most of a Chinese text.
fn narrow(c: char) -> Option<char> {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{3000}' => Some(' '),
        _ => is_plain(c).then_some(c),
    }
}

/// How many characters at the start of `rest` belong to the segment before them: those that may
/// combine with it, and invisible ones.
fn segment_tail(rest: &[char]) -> usize {
    rest.iter().take_while(|&&c| !starts_segment(c)).count()
}

fn starts_segment(c: char) -> bool {
    if is_plain(c) || matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{3000}') {
        return true;
    }
    if is_invisible(c) {
        return false;
    }
    let first = std::iter::once(c).nfkd().next().unwrap_or(c);
    canonical_combining_class(first) == 0
        && is_nfkc_quick(std::iter::once(first)) == IsNormalized::Yes
}

/// What is wrong with a text as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// UTF-8 that was read in another encoding (Latin-1, Windows-1252, GBK), or bytes lost so.
    pub mojibake: bool,
    /// Control characters other than tab and line breaks.
    pub control_chars: u32,
    /// U+FFFD characters.
    pub replacement_chars: u32,
}

/// Looks for damage: wrong decoding, control characters, lost bytes.
#[must_use]
pub fn damage(text: &str) -> Damage {
    let mut found = Damage::default();
    let mut latin = false;
    let mut wide = false;
    for c in text.chars() {
        match c {
            '\u{fffd}' => found.replacement_chars += 1,
            '\t' | '\n' | '\r' => {}
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => found.control_chars += 1,
            '\u{a0}'..='\u{ff}' => latin = true,
            '\u{2e80}'.. => wide = true,
            _ => {}
        }
    }
    found.mojibake = found.replacement_chars >= 2
        || (latin && latin_mojibake(text))
        || (wide && (text.contains("锟斤拷") || gbk_mojibake(text)));
    found
}

/// Chinese UTF-8 shown as Latin-1 is triples of a letter ä..é and two symbols; European UTF-8 is
/// pairs after Ã or the trio of a curly quote.
fn latin_mojibake(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let triples = chars
        .windows(3)
        .filter(|w| match w {
            [lead, second, third] => {
                ('\u{e4}'..='\u{e9}').contains(lead)
                    && is_latin_tail(*second)
                    && (is_latin_tail(*third) || *third == ' ')
            }
            _ => false,
        })
        .count();
    let pairs = chars
        .windows(2)
        .filter(|w| matches!(w, [lead, tail] if matches!(lead, 'Ã' | 'Â') && is_latin_tail(*tail)))
        .count();
    triples >= 2 || pairs >= 2 || text.contains("â€") || (triples == 1 && chars.len() <= 4)
}

/// A byte 80..BF as Latin-1 or Windows-1252 shows it.
fn is_latin_tail(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{bf}') || "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ".contains(c)
}

/// A run of wide characters whose GBK bytes are well-formed UTF-8 of at least two CJK characters
/// (true Chinese text never is over such a length).
fn gbk_mojibake(text: &str) -> bool {
    // No GBK bytes of these occur in UTF-8 of Chinese: true text is told without encoding it.
    let is_true_text = |c: char| {
        matches!(
            c,
            '的' | '是' | '我' | '了' | '您' | '你' | '好' | '们' | '在' | '有'
        )
    };
    text.split(|c: char| c.is_ascii())
        .filter(|run| run.chars().count() >= 3 && !run.contains(is_true_text))
        .any(|run| {
            let (bytes, _, unmappable) = encoding_rs::GBK.encode(run);
            if unmappable {
                return false;
            }
            let good = match std::str::from_utf8(&bytes) {
                Ok(all) => all,
                // An odd last byte was lost with the wrong decoding.
                Err(e) if e.valid_up_to() + 2 >= bytes.len() => bytes
                    .get(..e.valid_up_to())
                    .and_then(|head| std::str::from_utf8(head).ok())
                    .unwrap_or_default(),
                Err(_) => return false,
            };
            good.chars()
                .filter(|c| ('\u{3000}'..='\u{9fff}').contains(c))
                .count()
                >= 2
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_width_and_drops_invisible() {
        assert_eq!(normalise("１３８　ＡＢ，\u{200b}c"), "138 AB,c");
        assert!(matches!(
            normalise("您好，谢谢。".trim_end_matches('，')),
            Cow::Owned(_)
        ));
        assert!(matches!(normalise("您好谢谢。abc 12"), Cow::Borrowed(_)));
    }

    #[test]
    fn matching_form_is_lower_and_simplified() {
        assert_eq!(for_matching("電話費ＡＰＰ"), "电话费app");
        assert!(matches!(for_matching("电话费app"), Cow::Borrowed(_)));
        assert_eq!(
            for_matching(&for_matching("İ臺灣ﬀ")),
            for_matching("İ臺灣ﬀ")
        );
    }

    #[test]
    fn offsets_lead_back_to_the_source() {
        let source: Vec<char> = "a１\u{200b}２e\u{301}…中".chars().collect();
        let mut text = NormalText::default();
        text.push(&source, 10);
        assert_eq!(text.chars.iter().collect::<String>(), "a12é...中");
        assert_eq!(text.from, [10, 11, 13, 14, 16, 16, 16, 17]);
        assert_eq!(text.to, [11, 13, 14, 16, 17, 17, 17, 18]);
    }

    #[test]
    fn damage_is_seen() {
        for bad in [
            "ä½\u{a0}å¥½",
            "ä½ å¥½",
            "浣犲ソ",
            "锟斤拷锟斤拷",
            "���",
            "donâ€™t",
            "CafÃ© dÃ©jÃ",
            "鎴戠殑鎵嬫満",
        ] {
            assert!(damage(bad).mojibake, "{bad}");
        }
        for good in [
            "你好，我的手机没有信号",
            "Café déjà vu",
            "für über ähnlich",
            "請問電話費",
            "こんにちは",
            "价格½",
            "10°C ±5",
            "龘靐齉爩",
        ] {
            assert!(!damage(good).mojibake, "{good}");
        }
        let found = damage("a\u{0}b\u{7}\n\t\u{fffd}");
        assert_eq!(
            (found.control_chars, found.replacement_chars, found.mojibake),
            (2, 1, false)
        );
    }
}

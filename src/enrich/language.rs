//! The language of a text by its letters.
//!
//! Invariants: pure; a text without letters has none. It tells scripts apart, not languages of one script:
//! every text in Latin letters counts as English, which is the language that its heads know.

use super::sentiment::Grams;

/// The language as a BCP 47 tag: `zh`, `ja`, `ko`, `en`, `ru`, `ar`, `th`; none without letters.
#[must_use]
pub fn detect(text: &str) -> Option<&'static str> {
    let (mut han, mut kana, mut hangul, mut latin) = (0_u32, 0_u32, 0_u32, 0_u32);
    let (mut cyrillic, mut arabic, mut thai) = (0_u32, 0_u32, 0_u32);
    for c in text.chars().take(4_096) {
        match c {
            '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}' => han += 1,
            '\u{3040}'..='\u{30ff}' => kana += 1,
            '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' => hangul += 1,
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | 'ａ'..='ｚ' | 'Ａ'..='Ｚ' => {
                latin += 1
            }
            '\u{400}'..='\u{52f}' => cyrillic += 1,
            '\u{600}'..='\u{6ff}' => arabic += 1,
            '\u{e00}'..='\u{e7f}' => thai += 1,
            _ => {}
        }
    }
    if kana > 0 && kana * 5 >= han {
        return Some("ja");
    }
    // A Chinese character says about as much as four letters.
    let weighted = [
        ("zh", han * 4),
        ("ko", hangul * 4),
        ("en", latin),
        ("ru", cyrillic),
        ("ar", arabic),
        ("th", thai),
    ];
    let (tag, most) = weighted.into_iter().fold(
        ("", 0),
        |best, next| {
            if next.1 > best.1 { next } else { best }
        },
    );
    (most > 0).then_some(tag)
}

/// Which heads read a text: by its tag where it has one, else by its letters. None where no head
/// knows the script.
#[must_use]
pub fn grams(tag: Option<&str>, text: &str) -> Option<Grams> {
    let primary = tag.and_then(|t| t.split(['-', '_']).next());
    let known = match primary.map(str::to_ascii_lowercase).as_deref() {
        Some("zh" | "yue" | "cmn") => Some(Grams::Chinese),
        Some("en") => Some(Grams::English),
        _ => None,
    };
    // A wrong tag must not send Chinese to the English heads: letters decide where they are clear.
    match detect(text) {
        Some("zh") => Some(Grams::Chinese),
        Some("en") if known != Some(Grams::Chinese) => Some(Grams::English),
        Some("en") => Some(if text.chars().any(|c| c > '\u{3400}') {
            Grams::Chinese
        } else {
            Grams::English
        }),
        Some(_) => None,
        None => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_apart() {
        for (text, tag) in [
            ("你好，我的 iPhone 坏了", Some("zh")),
            ("請問電話費", Some("zh")),
            ("hello 你", Some("en")),
            ("これは本です", Some("ja")),
            ("안녕하세요", Some("ko")),
            ("привет", Some("ru")),
            ("123 !!", None),
            ("", None),
            ("😀", None),
        ] {
            assert_eq!(detect(text), tag, "{text}");
        }
        assert_eq!(grams(Some("en-US"), "我要投诉"), Some(Grams::Chinese));
        assert_eq!(grams(Some("zh-CN"), "ok"), Some(Grams::English));
        assert_eq!(grams(None, "これは本です"), None);
        assert_eq!(grams(Some("zh"), "123"), Some(Grams::Chinese));
    }
}

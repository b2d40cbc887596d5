//! One pass over the text that says which detectors are worth running; most turns need none.
//!
//! Invariant: whatever a detector can find is hinted (the planted tests run with and without it).
//! A false hint costs time only.

use super::digits::spoken_digit;

/// Which families of detectors may find something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hints {
    pub mail: bool,
    pub numbers: bool,
    pub codes: bool,
    pub names: bool,
    pub address: bool,
    /// A token may be in the text.
    pub tokens: bool,
}

impl Hints {
    pub const ALL: Self = Self {
        mail: true,
        numbers: true,
        codes: true,
        names: true,
        address: true,
        tokens: true,
    };

    pub fn any(self) -> bool {
        self.mail || self.numbers || self.codes || self.names || self.address || self.tokens
    }
}

#[derive(Default)]
struct Counts {
    digits: u32,
    letters: u32,
    colons: u32,
    digit_words: u32,
    odd: bool,
    bracket: bool,
    wechat: bool,
}

/// Looks at each character once.
pub(super) fn hints(text: &str) -> Hints {
    let mut hints = Hints::default();
    let mut counts = Counts::default();
    let mut previous = '\0';
    for c in text.chars() {
        if c.is_ascii() {
            ascii(c, &mut hints, &mut counts);
        } else {
            wide(c, previous, &mut hints, &mut counts);
        }
        previous = c;
    }
    if counts.odd {
        // Full width, invisible and compatibility characters: judge only what they stand for.
        return Hints::ALL;
    }
    let signs = counts.digits + counts.digit_words;
    hints.numbers = signs >= 4
        || (signs >= 3 && signs + counts.letters >= 6)
        || counts.colons >= 2
        || counts.letters >= 20;
    hints.mail |= counts.bracket && counts.letters >= 4;
    hints.codes = (counts.wechat && counts.letters + signs >= 5)
        || counts.letters >= 6
        || (counts.letters >= 1 && signs >= 5);
    hints.names |= counts.letters >= 6;
    hints.address |= counts.letters >= 6 && counts.digits > 0;
    hints
}

fn ascii(c: char, hints: &mut Hints, counts: &mut Counts) {
    match c {
        '0'..='9' => counts.digits += 1,
        'a'..='z' | 'A'..='Z' => counts.letters += 1,
        '@' => hints.mail = true,
        '<' => hints.tokens = true,
        ':' => counts.colons += 1,
        '(' | '[' => counts.bracket = true,
        _ => {}
    }
}

fn wide(c: char, previous: char, hints: &mut Hints, counts: &mut Counts) {
    match c {
        '，'
        | '。'
        | '！'
        | '？'
        | '、'
        | '：'
        | '；'
        | '（'
        | '）'
        | '“'
        | '”'
        | '…'
        | '～'
        | '《'
        | '》'
        | '【'
        | '】'
        | '‘'
        | '’'
        | '·'
        | '—'
        | '\u{80}'..='\u{9f}' => {}
        '\u{4e00}'..='\u{9fff}' => han(c, previous, hints, counts),
        '〇' => counts.digit_words += 1,
        _ => counts.odd = true,
    }
}

fn han(c: char, previous: char, hints: &mut Hints, counts: &mut Counts) {
    match c {
        '叫' | '是' => {
            hints.names |= "我名字主人员者方户的问".contains(previous) || previous == '姓'
        }
        '名' => hints.names |= "姓户".contains(previous),
        '字' => hints.names |= previous == '名',
        '人' => hints.names |= "系件货办户卡险保请本责款记".contains(previous),
        '主' => hints.names |= "户机车业".contains(previous),
        '者' | '客' => hints.names |= "患乘旅访".contains(previous),
        '生' => hints.names |= previous == '先',
        '士' => hints.names |= previous == '女',
        '姐' => hints.names |= previous == '小',
        '姓' | '我' => hints.names |= previous == '贵' || previous == '找',
        '号' | '弄' | '栋' | '幢' | '座' | '室' | '组' | '楼' | '层' | '户' | '队' => {
            hints.address |= previous.is_ascii_alphanumeric()
                || spoken_digit(previous).is_some()
                || previous == '十';
        }
        '址' => hints.address = true,
        '在' => hints.address |= previous == '住',
        '到' => hints.address |= "寄送住".contains(previous),
        '信' => counts.wechat |= "微威薇".contains(previous),
        '特' => hints.mail |= previous == '艾',
        _ if spoken_digit(c).is_some() => counts.digit_words += 1,
        _ => {}
    }
}

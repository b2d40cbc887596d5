//! Licence plates, passports, `WeChat` and QQ ids.
//!
//! Invariants: plates and Chinese passports are told by their shape; other passports, `WeChat` and
//! QQ ids only by the words that introduce them.

use super::PiiKind;
use super::digits::{Group, Window, spoken_digit};
use super::phone::{amount_follows, is_code_labelled};
use super::spans::Spans;
use super::view::View;

const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
const PLATE_ENDINGS: &str = "挂学警港澳领使";

/// Upper case of a character, spoken digits as digits.
fn code_char(c: char) -> char {
    spoken_digit(c).map_or(c.to_ascii_uppercase(), |d| char::from(b'0' + d))
}

/// Plates: province, letter, then five characters, six with new energy.
pub(super) fn plates(view: &View, spans: &mut Spans) {
    for start in 0..view.len() {
        let next = view.at(start + 1);
        if !(next.is_ascii_alphabetic() || next == ' ') || !PROVINCES.contains(view.at(start)) {
            continue;
        }
        let letter_at = if view.at(start + 1) == ' ' {
            start + 2
        } else {
            start + 1
        };
        let letter = view.at(letter_at).to_ascii_uppercase();
        if !letter.is_ascii_uppercase() || letter == 'I' {
            continue;
        }
        if let Some(end) = plate_end(view, letter_at + 1) {
            spans.add(PiiKind::Plate, start, end);
        }
    }
}

fn plate_end(view: &View, from: usize) -> Option<usize> {
    let mut at = from;
    let mut body = String::new();
    // Separators only directly after the letter, or after the D or F of new energy.
    while body.len() < 6 || body.chars().count() < 6 {
        let c = view.at(at);
        let early = body.is_empty() || (body.len() == 1 && body.starts_with(['D', 'F']));
        if early && matches!(c, ' ' | '·' | '•' | '.' | '-' | '・') {
            at += 1;
            continue;
        }
        let code = code_char(c);
        let counted = body.chars().count() == 5
            && spoken_digit(c).is_some()
            && !view.before(at).is_ascii_digit();
        if code.is_ascii_digit() || (code.is_ascii_uppercase() && !matches!(code, 'I' | 'O')) {
            if counted && !is_new_energy(&format!("{body}{code}")) {
                break;
            }
            body.push(code);
        } else if PLATE_ENDINGS.contains(c) && body.chars().count() == 4 {
            return body
                .chars()
                .filter(char::is_ascii_digit)
                .nth(2)
                .map(|_| at + 1);
        } else {
            break;
        }
        at += 1;
    }
    let digits = body.chars().filter(char::is_ascii_digit).count();
    let shaped = (body.len() == 5 && digits >= 3) || is_new_energy(&body) && digits >= 4;
    (shaped && !view.at(at).is_ascii_alphanumeric()).then_some(at)
}

fn is_new_energy(body: &str) -> bool {
    body.len() == 6
        && (body.starts_with(['D', 'F']) && body.chars().skip(2).all(|c| c.is_ascii_digit())
            || body.ends_with(['D', 'F']) && body.chars().take(5).all(|c| c.is_ascii_digit()))
}

const PASSPORT_LABELS: [&str; 12] = [
    "护照",
    "护照号",
    "护照号码",
    "passport",
    "passport number",
    "通行证",
    "台胞证",
    "回乡证",
    "港澳证",
    "passport no",
    "旅行证",
    "护照本",
];

/// Passports of China by shape, others and travel permits by label.
pub(super) fn passports(view: &View, spans: &mut Spans) {
    for start in 0..view.len() {
        let c = view.at(start);
        let digit = c.is_ascii_digit() || spoken_digit(c).is_some();
        if !(c.is_ascii_alphabetic() || digit) || view.before(start).is_ascii_alphanumeric() {
            continue;
        }
        let end = [false, true]
            .into_iter()
            .find_map(|separated| passport_end(view, start, separated));
        if let Some(end) = end {
            spans.add(PiiKind::Passport, start, end);
        }
    }
}

fn passport_end(view: &View, start: usize, separated: bool) -> Option<usize> {
    let (code, end) = code_run(view, start, separated);
    let letters = code.chars().take_while(char::is_ascii_uppercase).count();
    let digits = code.len() - letters;
    let plain = code.chars().skip(letters).all(|c| c.is_ascii_digit());
    if !plain || view.at(end).is_ascii_alphanumeric() {
        return None;
    }
    let chinese = (letters == 1 && digits == 8 && code.starts_with(['E', 'G']))
        || (letters == 2 && digits == 7 && code.starts_with('E'));
    let written = view
        .slice(start, end)
        .iter()
        .all(char::is_ascii_alphanumeric);
    let foreign = letters <= 2 && (6..=9).contains(&digits);
    let told = (chinese && written && !is_code_labelled(view, start))
        || ((chinese || foreign) && view.labelled(start, &PASSPORT_LABELS));
    told.then_some(end)
}

/// Letters, then digits (spoken ones too) as one code; `separated` with single spaces or hyphens between.
fn code_run(view: &View, start: usize, separated: bool) -> (String, usize) {
    let mut code = String::new();
    let mut end = start;
    let mut at = start;
    while code.len() < 12 {
        let c = view.at(at);
        let mapped = code_char(c);
        if mapped.is_ascii_digit()
            || (c.is_ascii_alphabetic() && !code.ends_with(|p: char| p.is_ascii_digit()))
        {
            code.push(mapped);
            at += 1;
            end = at;
        } else if separated
            && matches!(c, ' ' | '-')
            && !code.is_empty()
            && code_char(view.at(at + 1)).is_ascii_digit()
            && at == end
        {
            at += 1;
        } else {
            break;
        }
    }
    (code, end)
}

/// After these an id follows, whatever it looks like.
const WECHAT_STRONG: [&str; 22] = [
    "微信号",
    "微信号码",
    "微信id",
    "微信 id",
    "微信账号",
    "威信号",
    "薇信号",
    "wechat id",
    "weixin",
    "wx",
    "vx",
    "v信",
    "加微信",
    "加我微信",
    "加v",
    "wx号",
    "vx号",
    "wechat is",
    "微信是",
    "微信:",
    "威信",
    "薇信",
];
/// After these only what cannot be a word.
const WECHAT_WEAK: [&str; 4] = ["微信", "我微信", "wechat", "微信加"];
const NOT_IDS: [&str; 12] = [
    "iphone", "android", "payment", "wechat", "weixin", "version", "windows", "please", "account",
    "official", "number", "password",
];

/// `WeChat` ids: `wxid_…` anywhere, others after the words that introduce them.
pub(super) fn wechat(view: &View, spans: &mut Spans) {
    let mut at = 0;
    while at < view.len() {
        let end = wechat_end(view, at);
        match end {
            Some(end) if spans.add(PiiKind::Wechat, at, end) => at = end,
            _ => at += 1,
        }
    }
}

fn wechat_end(view: &View, start: usize) -> Option<usize> {
    let c = view.at(start);
    let before = view.before(start);
    if before.is_ascii_alphanumeric() && c.is_ascii_digit()
        || before == '_'
        || !c.is_ascii_alphanumeric() && spoken_digit(c).is_none()
    {
        return None;
    }
    if c.is_ascii_alphabetic() && before.is_ascii_alphabetic() {
        return None;
    }
    if !c.is_ascii_alphabetic() {
        return digits_id_end(view, start);
    }
    let length = view
        .from(start)
        .take(21)
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        .count();
    let end = start + length;
    if !(6..=20).contains(&length) {
        return None;
    }
    let id = view.string(start, end).to_ascii_lowercase();
    if id.starts_with("wxid_") && id.len() >= 10 {
        return Some(end);
    }
    if NOT_IDS.iter().any(|word| id.starts_with(word)) {
        return None;
    }
    let telling = id.chars().any(|c| c.is_ascii_digit() || c == '_');
    let strong = view.labelled(start, &WECHAT_STRONG)
        && (telling || !view.labelled(start, &["wx", "vx", "wechat is", "weixin"]));
    (strong || (telling && view.labelled(start, &WECHAT_WEAK))).then_some(end)
}

/// An id of digits alone (a QQ number used for `WeChat`) after a strong label.
fn digits_id_end(view: &View, start: usize) -> Option<usize> {
    if spoken_digit(view.before(start)).is_some() || view.before(start).is_ascii_digit() {
        return None;
    }
    let length = view
        .from(start)
        .take(13)
        .take_while(|&c| c.is_ascii_digit() || spoken_digit(c).is_some())
        .count();
    let named = (6..=11).contains(&length) && !view.at(start + length).is_ascii_alphanumeric();
    let labels = [
        "微信号",
        "微信号码",
        "微信id",
        "wechat id",
        "vx号",
        "wx号",
        "微信账号",
    ];
    (named && view.labelled(start, &labels)).then_some(start + length)
}

pub(super) const QQ_LABELS: [&str; 12] = [
    "qq",
    "qq号",
    "qq号码",
    "q q",
    "q q号",
    "扣扣",
    "扣扣号",
    "企鹅号",
    "企鹅",
    "球球",
    "球球号",
    "加q",
];

/// Numbers of companies, not of people.
fn is_service_qq(digits: &str) -> bool {
    matches!(digits.len(), 9 | 10) && (digits.starts_with("800") || digits.starts_with("400"))
}

/// QQ numbers: 5 to 11 digits after the words that introduce them.
pub(super) fn qq(view: &View, groups: &[Group], spans: &mut Spans) {
    for count in (1..=6.min(groups.len())).rev() {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 5..=11) else {
                continue;
            };
            let fits = !is_service_qq(&window.digits) && !window.digits.starts_with('0');
            if !fits || window.is_cut(groups, from) || !view.labelled(window.start, &QQ_LABELS) {
                continue;
            }
            let lengths = window.lengths();
            let shaped = lengths.len() == 1
                || window.has_spoken()
                || lengths.iter().all(|n| (3..=4).contains(n));
            let touched = view.at(window.end).is_ascii_alphabetic();
            if shaped && !touched && !amount_follows(view, window.end) {
                spans.add(PiiKind::Qq, window.start, window.end);
            }
        }
    }
}

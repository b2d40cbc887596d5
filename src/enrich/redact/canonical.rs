//! Canonical values: one spelling per personal value, so that a token means the same person
//! however the value was written or spoken.
//!
//! Invariants: pure; depends on the kind and the value alone, never on the text around it;
//! the canonical form of a canonical form is itself.

use super::PiiKind;
use super::digits::{english_digit, spoken_digit};
use crate::enrich::normalise::normalise;

/// The canonical form of `value`.
pub(super) fn canonical(kind: PiiKind, value: &str) -> String {
    let normal = normalise(value.trim());
    let normal = normal.trim();
    match kind {
        PiiKind::Phone => phone(normal),
        PiiKind::BankCard | PiiKind::Qq | PiiKind::Ssn => or_lower(&digits_of(normal), normal),
        PiiKind::IdCard => id_card(normal),
        PiiKind::Email => email(normal),
        PiiKind::Plate | PiiKind::Passport => normal
            .chars()
            .filter(|c| c.is_alphanumeric() || spoken_digit(*c).is_some())
            .map(to_digit)
            .flat_map(char::to_uppercase)
            .collect(),
        PiiKind::Wechat => wechat(normal),
        PiiKind::Ip => ip(normal),
        PiiKind::Name
        | PiiKind::Address
        | PiiKind::Account
        | PiiKind::Device
        | PiiKind::Customer => normal.to_owned(),
    }
}

fn to_digit(c: char) -> char {
    spoken_digit(c).map_or(c, |d| char::from(b'0' + d))
}

/// All digits in a value, whether written, spoken in Chinese or spelt in English.
fn digits_of(value: &str) -> String {
    let mut digits = String::new();
    let mut word = String::new();
    for c in value.chars().chain(std::iter::once(' ')) {
        if c.is_ascii_alphabetic() {
            word.push(c.to_ascii_lowercase());
            continue;
        }
        if let Some(d) = english_digit(&word) {
            digits.push(char::from(b'0' + d));
        }
        word.clear();
        if c.is_ascii_digit() {
            digits.push(c);
        } else if let Some(d) = spoken_digit(c) {
            digits.push(char::from(b'0' + d));
        }
    }
    digits
}

fn or_lower(digits: &str, value: &str) -> String {
    if digits.is_empty() {
        value.to_lowercase()
    } else {
        digits.to_owned()
    }
}

/// Digits of a Chinese mobile or landline without the country code, 12-digit forms with a
/// trunk zero before a mobile without it.
pub(super) fn strip_country(digits: &str) -> &str {
    let rest = digits
        .strip_prefix("0086")
        .or_else(|| digits.strip_prefix("86"))
        .or_else(|| digits.strip_prefix('0'))
        .unwrap_or(digits);
    if is_mobile(rest) { rest } else { digits }
}

/// Whether these are the 11 digits of a mobile number of mainland China.
pub(super) fn is_mobile(digits: &str) -> bool {
    let b = digits.as_bytes();
    b.len() == 11
        && b.first() == Some(&b'1')
        && b.get(1).is_some_and(|d| (b'3'..=b'9').contains(d))
        && b.iter().all(u8::is_ascii_digit)
}

fn phone(value: &str) -> String {
    let digits = digits_of(value);
    if digits.is_empty() {
        return value.to_lowercase();
    }
    let mobile = strip_country(&digits);
    if is_mobile(mobile) && !is_north_american(value, &digits) {
        return mobile.to_owned();
    }
    if is_north_american(value, &digits) {
        return digits.strip_prefix('1').unwrap_or(&digits).to_owned();
    }
    let bare = digits
        .strip_prefix("00")
        .filter(|d| !d.starts_with('0'))
        .unwrap_or(&digits);
    match bare.strip_prefix("86") {
        Some(area) if bare.len() >= 12 && bare.len() <= 14 && !area.starts_with('0') => {
            format!("0{area}")
        }
        Some(area) if area.starts_with('0') && area.len() >= 10 => area.to_owned(),
        _ => bare.to_owned(),
    }
}

/// `+1` and ten digits, or one digit and 3-3-4 with separators: not a mobile of China though it
/// may begin like one.
fn is_north_american(value: &str, digits: &str) -> bool {
    if digits.len() != 11 || !digits.starts_with('1') {
        return false;
    }
    let opened = value.trim_start_matches('(');
    if opened.starts_with('+') {
        return true;
    }
    let lengths: Vec<usize> = value
        .split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .filter(|&n| n > 0)
        .collect();
    lengths == [1, 3, 3, 4]
}

fn id_card(value: &str) -> String {
    let mut id = digits_of(value);
    if id.len() == 17 && value.to_lowercase().ends_with(['x', '叉', '斯']) {
        id.push('X');
    }
    if id.is_empty() {
        value.to_uppercase()
    } else {
        id
    }
}

fn email(value: &str) -> String {
    let mut email: String = value.to_lowercase().split_whitespace().collect();
    for (from, to) in [
        ("(at)", "@"),
        ("[at]", "@"),
        ("艾特", "@"),
        ("(dot)", "."),
        ("[dot]", "."),
        ("点", "."),
    ] {
        if email.contains(from) {
            email = email.replace(from, to);
        }
    }
    email
}

fn wechat(value: &str) -> String {
    let spoken: String = value
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(to_digit)
        .collect();
    if spoken.chars().all(|c| c.is_ascii_digit()) {
        spoken
    } else {
        value.to_lowercase()
    }
}

fn ip(value: &str) -> String {
    let spoken: String = value
        .chars()
        .map(|c| if c == '点' { '.' } else { to_digit(c) })
        .collect();
    let host = match spoken.split_once(':') {
        Some((host, port)) if host.contains('.') && port.chars().all(|c| c.is_ascii_digit()) => {
            host
        }
        _ => &spoken,
    };
    host.parse::<std::net::IpAddr>()
        .map_or_else(|_| host.to_lowercase(), |ip| ip.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_agree() {
        let cases: &[(PiiKind, &str, &[&str])] = &[
            (
                PiiKind::Phone,
                "13800138000",
                &[
                    "+86 138 0013 8000",
                    "0086-13800138000",
                    "８６１３８００１３８０００",
                    "幺三八，零零幺三，八零零零",
                    "138零零一三8000",
                    "013800138000",
                    "one three eight zero zero one three eight zero zero zero",
                    "加八六幺三八零零幺三八零零零",
                ],
            ),
            (
                PiiKind::Phone,
                "01087654321",
                &[
                    "(010)87654321",
                    "+86 10 8765 4321",
                    "零幺零杠八七六五四三二幺",
                    "0086-10-87654321",
                ],
            ),
            (
                PiiKind::Phone,
                "4155552671",
                &["+1 (415) 555-2671", "415.555.2671", "1-415-555-2671"],
            ),
            (
                PiiKind::Phone,
                "442079460958",
                &["+44 20 7946 0958", "0044 2079460958"],
            ),
            (
                PiiKind::Email,
                "li@example.com",
                &["ＬＩ＠example.com", "li(at)example.com", "Li @ Example.com"],
            ),
            (
                PiiKind::IdCard,
                "11010119900307123X",
                &[
                    "110101 19900307 123x",
                    "一一零一零一一九九零零三零七一二三X",
                ],
            ),
            (PiiKind::Plate, "沪A12345", &["沪a·12345", "沪A 幺二三四五"]),
            (
                PiiKind::Ip,
                "192.168.1.1",
                &["192.168.1.1:8080", "一九二点一六八点一点一"],
            ),
            (PiiKind::Wechat, "wang_01", &["Wang_01", "ｗａｎｇ＿01"]),
        ];
        for (kind, expected, spellings) in cases {
            assert_eq!(canonical(*kind, expected), *expected);
            for spelling in *spellings {
                assert_eq!(canonical(*kind, spelling), *expected, "{spelling}");
            }
        }
    }
}

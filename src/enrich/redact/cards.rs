//! Resident ids, bank cards and social security numbers: numbers with a checksum or a date inside.
//!
//! Invariants: a resident id has a province prefix, a true calendar date and (18 characters) the
//! checksum of GB 11643, which only the words 身份证 and the like may stand in for; a bank card
//! passes Luhn and has the prefix of an issuer or is introduced as a card.

use super::PiiKind;
use super::digits::{Group, Join, Window};
use super::phone::{amount_follows, is_code_labelled, touches_code};
use super::spans::Spans;
use super::view::View;

const ID_LABELS: [&str; 12] = [
    "身份证",
    "身份证号",
    "证件",
    "证件号",
    "居民证",
    "旧证",
    "老身份证",
    "身份号",
    "id",
    "id card",
    "identity",
    "身份",
];
const CARD_LABELS: [&str; 18] = [
    "卡号",
    "银行卡",
    "储蓄卡",
    "信用卡",
    "借记卡",
    "工资卡",
    "工行卡",
    "建行卡",
    "农行卡",
    "招行卡",
    "账号",
    "帐号",
    "账户",
    "付款卡",
    "card",
    "card number",
    "credit card",
    "debit card",
];
const SSN_LABELS: [&str; 7] = [
    "ssn",
    "social security",
    "social security number",
    "social",
    "社会安全号",
    "社会安全",
    "社安号",
];

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// Resident ids, 18 characters or the old 15 digits, whole or in groups.
pub(super) fn id_cards(view: &View, groups: &[Group], spans: &mut Spans) {
    for count in 1..=18.min(groups.len()) {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 15..=18) else {
                continue;
            };
            if window.is_cut(groups, from) {
                continue;
            }
            let end = match window.digits.len() {
                18 => id_end(view, &window, Some(window.end)),
                17 => id_end(view, &window, check_letter_end(view, window.end)),
                15 => old_id_end(view, &window),
                _ => None,
            };
            if let Some(end) = end {
                spans.add(PiiKind::IdCard, window.start, end);
            }
        }
    }
}

fn id_end(view: &View, window: &Window<'_>, end: Option<usize>) -> Option<usize> {
    let end = end?;
    let (before, after) = (view.before(window.start), view.at(end));
    if before.is_ascii_alphabetic() || after.is_ascii_alphabetic() {
        return None;
    }
    let good = is_id_body(&window.digits)
        && (has_checksum(&window.digits) || view.labelled(window.start, &ID_LABELS));
    good.then_some(end)
}

/// One past an X (叉, 艾克斯) that ends an id, with at most one separator before it.
fn check_letter_end(view: &View, end: usize) -> Option<usize> {
    let at = if matches!(view.at(end), ' ' | '-' | ',') {
        end + 1
    } else {
        end
    };
    if view.starts_with(at, "艾克斯") {
        return Some(at + 3);
    }
    matches!(view.at(at), 'x' | 'X' | '叉').then_some(at + 1)
}

fn old_id_end(view: &View, window: &Window<'_>) -> Option<usize> {
    let body = window.digits.as_str();
    let date = body.get(6..12).map(|d| format!("19{d}"));
    let plausible = is_province(body) && date.is_some_and(|d| is_date(&d));
    let lengths = window.lengths();
    let shaped = lengths.len() == 1 || lengths == [6, 6, 3] || window.has_spoken();
    let named = view.labelled(window.start, &ID_LABELS);
    let refused = touches_code(view, window.start, window.end)
        || (!named && (is_code_labelled(view, window.start) || amount_follows(view, window.end)));
    (plausible && (shaped || named) && !refused).then_some(window.end)
}

fn is_province(digits: &str) -> bool {
    let province = digits
        .get(..2)
        .and_then(|p| p.parse::<u32>().ok())
        .unwrap_or_default();
    matches!(province, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
}

fn is_id_body(digits: &str) -> bool {
    is_province(digits) && digits.get(6..14).is_some_and(is_date)
}

/// Eight digits that are a calendar date from 1900 to 2049.
fn is_date(digits: &str) -> bool {
    let number = |from: usize, to: usize| {
        digits
            .get(from..to)
            .and_then(|d| d.parse::<u32>().ok())
            .unwrap_or_default()
    };
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let days = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1900..2050).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day)
}

/// Whether 17 digits (check letter X to follow) or 18 fit the checksum of GB 11643.
pub(super) fn has_checksum(digits: &str) -> bool {
    let sum: u32 = digits
        .chars()
        .zip(WEIGHTS)
        .map(|(c, w)| c.to_digit(10).unwrap_or_default() * w)
        .sum();
    let check = CHECKS.get((sum % 11) as usize).copied().unwrap_or_default();
    match digits.chars().nth(17) {
        Some(last) => last == check,
        None => check == 'X',
    }
}

/// Whether text is exactly a resident id with checksum (18 characters, X in either case).
pub(super) fn is_id_with_checksum(text: &str) -> bool {
    let body = text.strip_suffix(['x', 'X']).unwrap_or(text);
    let whole = body.len() == 18 || (body.len() == 17 && text.len() == 18);
    whole && body.chars().all(|c| c.is_ascii_digit()) && is_id_body(body) && has_checksum(body)
}

/// Bank cards, longest windows first.
pub(super) fn bank_cards(view: &View, groups: &[Group], spans: &mut Spans) {
    for count in (1..=19.min(groups.len())).rev() {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 15..=19) else {
                continue;
            };
            if !window.is_cut(groups, from) && is_bank_card(view, &window) {
                spans.add(PiiKind::BankCard, window.start, window.end);
            }
        }
    }
}

fn is_bank_card(view: &View, window: &Window<'_>) -> bool {
    let named = view.labelled(window.start, &CARD_LABELS);
    if touches_code(view, window.start, window.end) || amount_follows(view, window.end) {
        return false;
    }
    if !named && is_code_labelled(view, window.start) {
        return false;
    }
    let issuer = has_issuer(&window.digits);
    let luhn = passes_luhn(&window.digits);
    card_layout(window) && ((luhn && (issuer || named)) || (named && issuer))
}

fn card_layout(window: &Window<'_>) -> bool {
    let lengths = window.lengths();
    let Some((last, head)) = lengths.split_last() else {
        return false;
    };
    let fours = head.iter().all(|&n| n == 4) && (1..=7).contains(last);
    lengths.len() == 1
        || window.joined_by(&[Join::Glue])
        || fours
        || (window.has_spoken() && (window.is_whole_chain() || lengths.iter().all(|&n| n == 1)))
        || lengths.iter().all(|&n| n == 1)
        || matches!(
            lengths.as_slice(),
            [4, 6, 5] | [6, _] | [6, 4 | 6, _] | [4, 4, 8] | [8, 8]
        )
}

/// Prefix and length of a known card issuer.
fn has_issuer(digits: &str) -> bool {
    let length = digits.len();
    let two = digits.get(..2).unwrap_or_default();
    match two {
        "62" => (16..=19).contains(&length),
        "60" | "81" => length == 19,
        "95" => digits.starts_with("9558") && length == 19,
        "10" => digits.starts_with("103") && length == 19,
        "34" | "37" => length == 15,
        // Of 51… only ranges that banks of China use: other 16-digit numbers begin so too.
        "51" => {
            length == 16
                && ["510", "512", "514", "518", "519"]
                    .iter()
                    .any(|p| digits.starts_with(p))
        }
        "35" | "52" | "53" | "54" | "55" => length == 16,
        _ if digits.starts_with('4') => length == 16 || digits.starts_with("4367"),
        _ => false,
    }
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b.saturating_sub(b'0')) * if i % 2 == 1 { 2 } else { 1 };
            if d > 9 { d - 9 } else { d }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Social security numbers: 3-2-4 with hyphens, any form when introduced as one.
pub(super) fn social_security(view: &View, groups: &[Group], spans: &mut Spans) {
    for count in 1..=9.min(groups.len()) {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 9..=9) else {
                continue;
            };
            if !window.is_cut(groups, from) && is_social_security(view, &window) {
                spans.add(PiiKind::Ssn, window.start, window.end);
            }
        }
    }
}

fn is_social_security(view: &View, window: &Window<'_>) -> bool {
    if view.labelled(window.start, &SSN_LABELS) {
        return true;
    }
    let area = window.digits.get(..3).unwrap_or_default();
    let valid = !matches!(area, "000" | "666")
        && !window.digits.starts_with('9')
        && window.digits.get(3..5) != Some("00")
        && window.digits.get(5..) != Some("0000");
    let alone = window.next.is_none_or(|g| g.join != Join::Dash)
        && window.groups.first().is_some_and(|g| g.join != Join::Dash);
    valid
        && alone
        && window.lengths() == [3, 2, 4]
        && window.joined_by(&[Join::Dash])
        && !touches_code(view, window.start, window.end)
        && !is_code_labelled(view, window.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks() {
        assert!(is_id_with_checksum("11010519491231002X"));
        assert!(is_id_with_checksum("11010519491231002x"));
        assert!(!is_id_with_checksum("110105194912310021"));
        assert!(!is_id_with_checksum("11010519491331002X"));
        assert!(passes_luhn("4111111111111111") && !passes_luhn("4111111111111112"));
        assert!(is_date("20000229") && !is_date("19000229"));
    }
}

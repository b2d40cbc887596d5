//! Landline numbers of China (with area code, or introduced as a telephone), numbers of North
//! America, Hong Kong, Macao and Taiwan without a plus sign, and extensions.
//!
//! Invariant: hot lines (400, 800, 95…, 10…, 12…) are never found here.

use super::PiiKind;
use super::allow::is_hot_line;
use super::digits::{Group, Join, Window};
use super::phone::{is_code_labelled, is_code_or_amount, with_open_paren};
use super::spans::Spans;
use super::view::View;

const PHONE_LABELS: [&str; 23] = [
    "电话",
    "座机",
    "固话",
    "传真",
    "手机",
    "手机号",
    "联系方式",
    "号码",
    "拨打",
    "致电",
    "回电",
    "tel",
    "telephone",
    "phone",
    "call",
    "cell",
    "mobile",
    "number",
    "reach me",
    "contact",
    "text me",
    "dial",
    "fax",
];
/// Those that introduce a number without area code.
const LOCAL_LABELS: [&str; 13] = [
    "电话",
    "座机",
    "固话",
    "传真",
    "座机号码",
    "电话号码",
    "tel",
    "telephone",
    "phone",
    "call",
    "call me",
    "reach me",
    "fax",
];

/// Digits of a Chinese area code at the start, with its leading zero.
fn area_length(digits: &str) -> Option<usize> {
    let b = digits.as_bytes();
    match (b.first()?, b.get(1)?, b.get(2)?) {
        (b'0', b'1', b'0') | (b'0', b'2', b'0'..=b'5' | b'7'..=b'9') => Some(3),
        (b'0', b'3'..=b'9', _) => Some(4),
        _ => None,
    }
}

/// Numbers with area code: `010-87654321`, `(0571) 8765 4321`, `零幺零 八七六五 四三二幺`.
pub(super) fn chinese(view: &View, groups: &[Group], spans: &mut Spans) {
    for count in 1..=12.min(groups.len()) {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 10..=12) else {
                continue;
            };
            if !landline_layout(&window) || window.is_cut(groups, from) {
                continue;
            }
            let start = with_open_paren(view, window.start, window.end);
            let end = with_extension(view, window.end);
            if !is_code_or_amount(view, start, end) {
                spans.add(PiiKind::Phone, start, end);
            }
        }
    }
}

fn landline_layout(window: &Window<'_>) -> bool {
    let Some(area) = area_length(&window.digits) else {
        return false;
    };
    let rest = window.digits.len().saturating_sub(area);
    if !(7..=8).contains(&rest) || (area == 3 && rest == 7) {
        return false;
    }
    let first = window
        .digits
        .as_bytes()
        .get(area)
        .copied()
        .unwrap_or_default();
    let lengths = window.lengths();
    if lengths.len() == 1 {
        return (b'2'..=b'8').contains(&first);
    }
    if lengths.iter().all(|&n| n == 1) || window.joined_by(&[Join::Glue]) {
        return (b'1'..=b'9').contains(&first);
    }
    if lengths.first() != Some(&area) || first == b'0' {
        return false;
    }
    let paused = window
        .groups
        .iter()
        .any(|g| g.join == Join::Pause || g.join == Join::Slash);
    if paused && !window.has_spoken() {
        return matches!(lengths.as_slice(), [_, 7 | 8] | [_, 4, 4]);
    }
    window.has_spoken()
        || matches!(
            lengths.as_slice(),
            [_, 7 | 8] | [_, 3 | 4, 4] | [_, 2, 2, 2, 2]
        )
}

/// The end of a number with its extension (`转8001`, `-123`, `ext. 12`), or `end`.
pub(super) fn with_extension(view: &View, end: usize) -> usize {
    let at = skip_space(view, end);
    let marks = [
        "转分机",
        "转",
        "分机号",
        "分机",
        "extension",
        "ext.",
        "ext",
        "x",
    ];
    let mark = marks.iter().find(|m| view.starts_with(at, m));
    let from = match mark {
        Some(mark) => skip_space(view, at + mark.chars().count()),
        None if view.at(end) == '-' => end + 1,
        None => return end,
    };
    let digits = view.from(from).take_while(char::is_ascii_digit).count();
    let spoken = view
        .from(from)
        .take_while(|&c| super::digits::spoken_digit(c).is_some())
        .count();
    match (digits, spoken) {
        (1..=5, _) => from + digits,
        (0, 2..=5) => from + spoken,
        _ => end,
    }
}

fn skip_space(view: &View, at: usize) -> usize {
    if matches!(view.at(at), ' ' | ',' | ':') {
        at + 1
    } else {
        at
    }
}

/// Ten digits as 3-3-4, with or without a leading 1; eight after 852, 853, 886.
pub(super) fn north_american(view: &View, groups: &[Group], spans: &mut Spans) {
    for count in 1..=11.min(groups.len()) {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 10..=12) else {
                continue;
            };
            if window.is_cut(groups, from) {
                continue;
            }
            let start = with_open_paren(view, window.start, window.end);
            let named = view.labelled(start, &PHONE_LABELS) && !is_code_labelled(view, start);
            if !is_north_american(view, &window, named) && !is_greater_china(&window, named) {
                continue;
            }
            if !is_code_or_amount(view, start, window.end) {
                spans.add(PiiKind::Phone, start, with_extension(view, window.end));
            }
        }
    }
}

fn is_north_american(view: &View, window: &Window<'_>, named: bool) -> bool {
    let lengths = window.lengths();
    let with_one = window.digits.len() == 11 && window.digits.starts_with('1');
    let Some(ten) = window
        .digits
        .get(usize::from(with_one)..)
        .filter(|d| d.len() == 10)
    else {
        return false;
    };
    let area = ten
        .as_bytes()
        .first()
        .is_some_and(|d| (b'2'..=b'9').contains(d));
    let exchange = ten
        .as_bytes()
        .get(3)
        .is_some_and(|d| (b'2'..=b'9').contains(d));
    if !area || is_hot_line(ten) {
        return false;
    }
    let parts = if with_one {
        lengths.get(1..).unwrap_or_default()
    } else {
        lengths.as_slice()
    };
    let shaped = (parts == [3, 3, 4]) && (!with_one || lengths.first() == Some(&1));
    if !shaped {
        let spelt = window.has_spoken() && window.is_whole_chain() && !view.has_han;
        return !with_one && (spelt || named);
    }
    let continues = window.next.is_some_and(|g| g.join == Join::Dash)
        || window.groups.first().is_some_and(|g| g.join == Join::Dash);
    if continues {
        return false;
    }
    if window.joined_by(&[Join::Dash, Join::Dot, Join::Paren]) {
        return true;
    }
    let loose =
        window.joined_by(&[Join::Space, Join::Dash, Join::Dot, Join::Paren]) || window.has_spoken();
    loose && (named || (exchange && !view.has_han))
}

/// Hong Kong, Macao (8 digits) and Taiwan (8 or 9) written with their code but no plus sign.
fn is_greater_china(window: &Window<'_>, named: bool) -> bool {
    let lengths = window.lengths();
    let code = window.digits.get(..3).unwrap_or_default();
    let rest = window.digits.len().saturating_sub(3);
    let known = matches!((code, rest), ("852" | "853", 8) | ("886", 8 | 9));
    let shaped =
        lengths.first() == Some(&3) && window.joined_by(&[Join::Space, Join::Dash, Join::Paren]);
    known && (shaped && lengths.len() <= 4 || named)
}

/// Seven or eight digits that a word like 座机 introduces.
pub(super) fn labelled(view: &View, groups: &[Group], spans: &mut Spans) {
    for count in 1..=8.min(groups.len()) {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 7..=8) else {
                continue;
            };
            let digits = window.digits.as_str();
            let local = digits
                .as_bytes()
                .first()
                .is_some_and(|d| (b'2'..=b'9').contains(d));
            if !local || is_hot_line(digits) || window.is_cut(groups, from) {
                continue;
            }
            let lengths = window.lengths();
            let shaped = window.has_spoken() || matches!(lengths.as_slice(), [_] | [3 | 4, 4]);
            let shaped =
                shaped && (lengths.len() == 1 || window.next.is_none_or(|g| g.join == Join::Pause));
            let start = window.start;
            if shaped
                && view.labelled(start, &LOCAL_LABELS)
                && !is_code_or_amount(view, start, window.end)
            {
                spans.add(PiiKind::Phone, start, with_extension(view, window.end));
            }
        }
    }
}

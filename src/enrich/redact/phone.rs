//! Mobile numbers of mainland China and numbers with an international prefix; and the marks in
//! the text around a number that say it is an amount or a code rather than somebody's.
//!
//! Invariant: a number that is part of a longer run of digits is never a phone number.

use super::PiiKind;
use super::canonical::is_mobile;
use super::digits::{Group, Join, Script, Window};
use super::spans::Spans;
use super::view::View;

/// Words that introduce numbers of things.
pub(super) const CODE_LABELS: [&str; 58] = [
    "单号",
    "流水",
    "流水号",
    "编号",
    "编码",
    "货号",
    "条形码",
    "条码",
    "批号",
    "序列号",
    "串号",
    "会员号",
    "案号",
    "保单",
    "合同",
    "发票",
    "发票代码",
    "学号",
    "工号",
    "病历",
    "积分",
    "抽奖",
    "取件码",
    "提货码",
    "验证码",
    "校验码",
    "邮编",
    "邮政编码",
    "商品",
    "物料",
    "代码",
    "错误码",
    "尾号",
    "开头",
    "订单",
    "运单",
    "快递",
    "工单",
    "单据",
    "凭证",
    "参考号",
    "券码",
    "兑换码",
    "order",
    "order no",
    "order id",
    "invoice",
    "tracking",
    "ticket",
    "sku",
    "part",
    "iccid",
    "imei",
    "isbn",
    "sn",
    "serial",
    "case",
    "ref",
];
/// Words that introduce amounts and counts.
const AMOUNT_LABELS: [&str; 17] = [
    "金额",
    "余额",
    "总价",
    "价格",
    "价",
    "共",
    "合计",
    "播放量",
    "粉丝",
    "阅读量",
    "¥",
    "$",
    "€",
    "total",
    "amount",
    "price",
    "人民币",
];
/// Latin words that may touch a phone number.
const TOUCHING: [&str; 16] = [
    "tel",
    "phone",
    "mobile",
    "cell",
    "mob",
    "call",
    "wx",
    "vx",
    "v",
    "qq",
    "no",
    "t",
    "m",
    "telephone",
    "is",
    "at",
];

/// What stands before the number makes it a code or an amount.
pub(super) fn is_code_or_amount(view: &View, start: usize, end: usize) -> bool {
    touches_code(view, start, end)
        || amount_follows(view, end)
        || view.labelled_closely(start, &AMOUNT_LABELS)
        || is_code_labelled(view, start)
}

pub(super) fn is_code_labelled(view: &View, start: usize) -> bool {
    view.labelled_closely(start, &CODE_LABELS)
}

/// Letters touch the number: `SF138…`, `A1-138…`, `138…X7`; or it has a fraction.
pub(super) fn touches_code(view: &View, start: usize, end: usize) -> bool {
    let before = view.before(start);
    if before.is_ascii_alphabetic() && !TOUCHING.iter().any(|word| view.ends_with(start, word)) {
        return true;
    }
    if matches!(before, '-' | '_' | '.' | '#') {
        let earlier = start.checked_sub(1).map_or('\0', |i| view.before(i));
        let letters =
            earlier.is_ascii_alphabetic() && !TOUCHING.iter().any(|w| view.ends_with(start - 1, w));
        if letters || (before == '.' && earlier.is_ascii_digit()) {
            return true;
        }
    }
    let after = view.at(end);
    let second = view.at(end + 1);
    if after == '.' && second.is_ascii_digit() {
        return true;
    }
    after.is_ascii_alphabetic()
        && !(second.is_ascii_alphabetic() && view.at(end + 2).is_ascii_alphabetic())
}

/// A unit that follows makes the number an amount.
pub(super) fn amount_follows(view: &View, end: usize) -> bool {
    let at = if view.at(end) == ' ' { end + 1 } else { end };
    match view.at(at) {
        '元' => !matches!(view.at(at + 1), '旦' | '宵'),
        '次' => view.at(at + 1) != '日',
        '块' | '万' | '亿' | '%' | '股' | '美' | '¥' => true,
        _ => false,
    }
}

/// Layouts in which people write 11 digits.
const MOBILE_LAYOUTS: [&[usize]; 12] = [
    &[3, 4, 4],
    &[3, 8],
    &[7, 4],
    &[4, 4, 3],
    &[3, 3, 5],
    &[3, 5, 3],
    &[4, 3, 4],
    &[5, 6],
    &[3, 4, 2, 2],
    &[3, 2, 2, 4],
    &[3, 2, 2, 2, 2],
    &[3, 3, 3, 2],
];
/// Those that a list of figures with commas between does not have.
const PAUSED_LAYOUTS: [&[usize]; 4] = [&[3, 4, 4], &[3, 8], &[3, 2, 2, 2, 2], &[3, 3, 3, 2]];

/// Mobile numbers, plain, separated, spoken, with or without the country code.
pub(super) fn mobiles(view: &View, groups: &[Group], spans: &mut Spans) {
    // Whole groups first: beside an order number the phone is the group that stands alone.
    for count in 1..=13.min(groups.len()) {
        for from in 0..groups.len() {
            let Some(window) = Window::new(groups, from, count, 11..=15) else {
                continue;
            };
            let Some(skip) = country_digits(&window) else {
                continue;
            };
            if !mobile_layout(&window, skip) || window.is_cut(groups, from) {
                continue;
            }
            let spoken_tail = window.groups.last().is_some_and(|g| g.tail_is_word);
            if spoken_tail && view.labelled(window.start, &super::codes::QQ_LABELS) {
                continue;
            }
            let country = country_before(groups, from).filter(|_| skip == 0);
            let start = country.unwrap_or(window.start);
            let start = with_prefix(view, start, skip > 0 || country.is_some());
            let start = with_open_paren(view, start, window.end);
            if !is_code_or_amount(view, start, window.end) {
                spans.add(PiiKind::Phone, start, window.end);
            }
        }
    }
}

/// Where the country code begins that stands as a group of its own before group `from`.
fn country_before(groups: &[Group], from: usize) -> Option<usize> {
    let joined = groups
        .get(from)
        .is_some_and(|g| matches!(g.join, Join::Space | Join::Dash | Join::Paren));
    let before = from
        .checked_sub(1)
        .and_then(|i| groups.get(i))
        .filter(|_| joined)?;
    matches!(before.digits.as_str(), "86" | "0086" | "086").then_some(before.start)
}

/// How many digits of country code or trunk stand before the mobile number; `None` when the
/// digits are no mobile number.
fn country_digits(window: &Window<'_>) -> Option<usize> {
    let skip = window.digits.len().checked_sub(11)?;
    let prefix = window.digits.get(..skip)?;
    let known = matches!(prefix, "" | "0" | "86" | "086" | "0086");
    (known && is_mobile(window.digits.get(skip..)?)).then_some(skip)
}

fn mobile_layout(window: &Window<'_>, skip: usize) -> bool {
    if window.groups.len() == 1 || window.joined_by(&[Join::Glue]) {
        return true;
    }
    let mut lengths = window.lengths();
    if skip > 0 {
        match lengths.first_mut() {
            Some(first) if *first == skip => drop(lengths.remove(0)),
            Some(first) if *first > skip => *first -= skip,
            _ => return false,
        }
    }
    if lengths.iter().all(|&n| n == 1) || lengths == [11] {
        return true;
    }
    if window.has_spoken() {
        return lengths.first() == Some(&3)
            || window.is_whole_chain()
            || MOBILE_LAYOUTS.contains(&lengths.as_slice());
    }
    let joins = window
        .groups
        .get(usize::from(lengths.len() < window.groups.len()) + 1..)
        .unwrap_or_default();
    let first = joins.first().map_or(Join::Space, |g| g.join);
    if joins.iter().any(|g| g.join == Join::Pause) {
        return joins
            .iter()
            .all(|g| g.join == first || g.join == Join::Space)
            && PAUSED_LAYOUTS.contains(&lengths.as_slice());
    }
    let continues = window
        .next
        .is_some_and(|g| g.join == first && g.join != Join::Space && g.digits.len() > 2)
        || (window
            .groups
            .first()
            .is_some_and(|g| g.join == first && g.digits.len() > 2)
            && lengths.first() != Some(&3));
    MOBILE_LAYOUTS.contains(&lengths.as_slice()) && !continues
}

/// Takes a plus sign (also spoken) before a country code into the span.
fn with_prefix(view: &View, start: usize, has_country: bool) -> usize {
    let plus = has_country && matches!(view.before(start), '+' | '加');
    if plus { start - 1 } else { start }
}

/// Takes an opening bracket into the span when the span closes it.
pub(super) fn with_open_paren(view: &View, start: usize, end: usize) -> usize {
    let inner = view.slice(start, end);
    let closes = inner.contains(&')') && !inner.contains(&'(');
    if closes && view.before(start) == '(' {
        start - 1
    } else {
        start
    }
}

/// Country codes and how many digits a whole number has with them.
const COUNTRIES: [(&str, usize, usize); 40] = [
    ("1", 11, 11),
    ("7", 11, 11),
    ("20", 11, 12),
    ("27", 11, 11),
    ("30", 12, 12),
    ("31", 11, 11),
    ("32", 10, 11),
    ("33", 11, 11),
    ("34", 11, 11),
    ("36", 10, 11),
    ("39", 10, 13),
    ("40", 11, 11),
    ("41", 11, 11),
    ("43", 10, 14),
    ("44", 11, 12),
    ("45", 10, 10),
    ("46", 9, 12),
    ("47", 10, 10),
    ("48", 11, 11),
    ("49", 9, 14),
    ("52", 12, 13),
    ("55", 12, 13),
    ("60", 10, 12),
    ("61", 11, 11),
    ("62", 10, 14),
    ("63", 11, 12),
    ("64", 10, 12),
    ("65", 10, 10),
    ("66", 10, 11),
    ("81", 11, 12),
    ("82", 10, 12),
    ("84", 11, 12),
    ("86", 11, 13),
    ("90", 12, 12),
    ("91", 12, 12),
    ("852", 11, 11),
    ("853", 11, 11),
    ("886", 11, 12),
    ("971", 11, 12),
    ("972", 11, 12),
];

/// Digits of a whole number with this country code at its start, least and most.
fn country_lengths(digits: &str) -> (usize, usize) {
    COUNTRIES
        .iter()
        .filter(|(code, _, _)| digits.starts_with(code))
        .max_by_key(|(code, _, _)| code.len())
        .map_or((9, 15), |&(_, least, most)| (least, most))
}

/// Numbers with `+` or `00` and a country code, the longest window that the country allows.
pub(super) fn international(view: &View, groups: &[Group], spans: &mut Spans) {
    for (from, head) in groups.iter().enumerate() {
        let plus = matches!(view.before(head.start), '+' | '加')
            || (view.before(head.start) == ' '
                && head
                    .start
                    .checked_sub(1)
                    .is_some_and(|i| view.before(i) == '+'));
        let trunk = if plus { 0 } else { 2 };
        let trunked = head.digits.starts_with("00") && !head.digits.starts_with("000");
        if !plus && !trunked {
            continue;
        }
        let best = (1..=7)
            .rev()
            .filter_map(|count| Window::new(groups, from, count, 8..=17))
            .find(|w| {
                let number = w.digits.get(trunk..).unwrap_or_default();
                let (least, most) = country_lengths(number);
                let known = plus || least != 9 || most != 15;
                known
                    && !number.starts_with('0')
                    && (least..=most).contains(&number.len())
                    && international_joins(w)
            });
        let Some(window) = best else { continue };
        let start = if plus { head.start - 1 } else { head.start };
        let start = if plus && view.at(start) == ' ' {
            start - 1
        } else {
            start
        };
        let start = with_open_paren(view, start, window.end);
        let spoken_plus = view.before(head.start) == '加'
            && head.script == Script::Written
            && !head.digits.starts_with("86");
        if spoken_plus
            || window.is_cut(groups, from)
            || amount_follows(view, window.end)
            || is_code_labelled(view, start)
        {
            continue;
        }
        spans.add(
            PiiKind::Phone,
            start,
            super::landline::with_extension(view, window.end),
        );
    }
}

fn international_joins(window: &Window<'_>) -> bool {
    window.has_spoken()
        || window.joined_by(&[Join::Space, Join::Dash, Join::Dot, Join::Paren, Join::Slash])
}

//! Postal addresses: Chinese by the grammar of administrative unit, road or estate, number and
//! building; English by number, street words and what follows them.
//!
//! Invariants: a place without a number is only an address after words like 地址 or 住在; floors,
//! lines, counters and days (3号楼, 5号线, 20号) alone are none. Probabilistic.

use super::PiiKind;
use super::digits::spoken_digit;
use super::spans::Spans;
use super::view::{View, is_han};

const ROADS: [&str; 9] = ["路", "街", "大道", "道", "巷", "胡同", "弄", "条", "大街"];
const ESTATES: [&str; 36] = [
    "小区",
    "花园",
    "花苑",
    "家园",
    "新村",
    "公寓",
    "苑",
    "园",
    "城",
    "府",
    "湾",
    "庭",
    "居",
    "坊",
    "大厦",
    "广场",
    "村",
    "大院",
    "庄",
    "社区",
    "轩",
    "阁",
    "镇",
    "乡",
    "街道",
    "院",
    "校区",
    "园区",
    "东里",
    "西里",
    "南里",
    "北里",
    "宿舍",
    "山庄",
    "名邸",
    "写字楼",
];
const UNITS: [&str; 15] = [
    "号楼", "号院", "号", "弄", "栋", "幢", "座", "单元", "室", "层", "楼", "户", "组", "队", "期",
];
/// Ends of words that look like a road or an estate and are none.
const NOT_PLACES: [&str; 30] = [
    "电路",
    "线路",
    "网路",
    "套路",
    "思路",
    "半路",
    "一路",
    "知道",
    "频道",
    "渠道",
    "通道",
    "味道",
    "报道",
    "信道",
    "管道",
    "商城",
    "医院",
    "法院",
    "这条",
    "一条",
    "几条",
    "哪条",
    "公园",
    "学院",
    "乐园",
    "影院",
    "铁路",
    "走路",
    "条条",
    "这个小区",
];
/// What may follow 号 to make it a line, an exit, a counter.
const NOT_NUMBERS: &str = "线机口窗台柜码段员牌子店";
const STOP: &str =
    "在到至是住寄送的了我你他她们把给从跟请址为说叫找去吗呢啊吧就也很,。;:!?、 （）()\"“”";
const LABELS: [&str; 14] = [
    "地址",
    "住址",
    "家住",
    "住在",
    "寄到",
    "送到",
    "位于",
    "收货地址",
    "地址在",
    "我住",
    "搬到",
    "坐落于",
    "家在",
    "寄往",
];
/// Last characters of the labels and of what may stand between them and the address.
const LABEL_ENDS: &str = "址住在到于往是为号的我叫有个就了填写您你码下该";
const ADMIN: [&str; 12] = [
    "省", "市", "区", "县", "镇", "乡", "街道", "旗", "州", "路", "街", "村",
];
const MUNICIPAL: [&str; 62] = [
    "北京",
    "上海",
    "天津",
    "重庆",
    "河北",
    "山西",
    "辽宁",
    "吉林",
    "黑龙江",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "海南",
    "四川",
    "贵州",
    "云南",
    "陕西",
    "甘肃",
    "青海",
    "内蒙古",
    "广西",
    "西藏",
    "宁夏",
    "新疆",
    "香港",
    "澳门",
    "台湾",
    "广州",
    "深圳",
    "杭州",
    "南京",
    "苏州",
    "成都",
    "武汉",
    "西安",
    "长沙",
    "沈阳",
    "青岛",
    "济南",
    "大连",
    "厦门",
    "福州",
    "宁波",
    "无锡",
    "郑州",
    "合肥",
    "昆明",
    "哈尔滨",
    "长春",
    "石家庄",
    "太原",
    "南昌",
    "南宁",
    "贵阳",
    "东莞",
];

/// Addresses in Chinese and English.
pub(super) fn find(view: &View, spans: &mut Spans) {
    if view.has_han {
        numbered(view, spans);
        labelled(view, spans);
    }
    super::address_en::find(view, spans);
}

fn is_number_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || spoken_digit(c).is_some()
        || matches!(c, '十' | '百' | '-' | '#' | '甲' | '乙')
}

/// One past `number unit` at `at`, if there is one.
fn detail_end(view: &View, at: usize) -> Option<usize> {
    let digits = view
        .from(at)
        .take(7)
        .take_while(|&c| is_number_char(c))
        .count();
    if digits == 0 || digits > 6 {
        return None;
    }
    let unit = UNITS
        .iter()
        .find(|unit| view.starts_with(at + digits, unit))?;
    let end = at + digits + unit.chars().count();
    (!(*unit == "号" && NOT_NUMBERS.contains(view.at(end)))).then_some(end)
}

fn numbered(view: &View, spans: &mut Spans) {
    let mut at = 1;
    while at < view.len() {
        let place = !is_number_char(view.before(at)) && is_place_end(view, at);
        let number = if view.at(at) == ' ' { at + 1 } else { at };
        let end = if place {
            detail_end(view, number)
        } else {
            None
        };
        let Some(end) = end else {
            at += 1;
            continue;
        };
        let start = left_end(view, at);
        let end = right_end(view, end);
        // A pattern to fill in (xx市xx区xx路xx号) is nobody's address.
        if at - start >= 2 && !view.string(start, end).contains("xx") {
            spans.add(PiiKind::Address, start, end);
        }
        at = end;
    }
}

fn is_place_end(view: &View, at: usize) -> bool {
    if NOT_PLACES.iter().any(|word| view.ends_with(at, word)) {
        return false;
    }
    let section = view.before(at) == '段'
        && at
            .checked_sub(1)
            .is_some_and(|i| is_number_char(view.before(i)));
    section
        || ROADS
            .iter()
            .chain(&ESTATES)
            .any(|suffix| view.ends_with(at, suffix))
}

/// Walks left from the end of a road or estate to where the address begins.
fn left_end(view: &View, at: usize) -> usize {
    let mut start = at;
    while start > 0 && at - start < 30 {
        let c = view.before(start);
        let word = is_han(c) || c.is_ascii_alphanumeric();
        let lead = c == '于' && "位居处坐".contains(view.before(start - 1));
        if !word || STOP.contains(c) || lead {
            break;
        }
        start -= 1;
    }
    // Where a known province or city stands inside, the address begins with the first of them.
    (start..at)
        .find(|&i| MUNICIPAL.iter().any(|name| view.starts_with(i, name)))
        .unwrap_or(start)
}

/// Walks right over further numbers, buildings and rooms.
fn right_end(view: &View, end: usize) -> usize {
    let mut end = end;
    loop {
        let at = if view.at(end) == ' ' { end + 1 } else { end };
        if let Some(next) = detail_end(view, at) {
            end = next;
            continue;
        }
        let room = view
            .from(at)
            .take(5)
            .take_while(char::is_ascii_digit)
            .count();
        let inside = "元栋幢座楼".contains(view.before(end));
        if inside && (2..=4).contains(&room) {
            end = at + room;
            continue;
        }
        let Some(next) = building_end(view, at) else {
            return end;
        };
        end = next;
    }
}

fn building_end(view: &View, at: usize) -> Option<usize> {
    const BUILDINGS: [&str; 11] = [
        "大厦",
        "广场",
        "小区",
        "花园",
        "公寓",
        "花苑",
        "家园",
        "新村",
        "写字楼",
        "商场",
        "大楼",
    ];
    let run = view
        .from(at)
        .take(9)
        .take_while(|&c| is_han(c) && !STOP.contains(c))
        .count();
    (2..=run)
        .map(|n| at + n)
        .find(|&end| BUILDINGS.iter().any(|b| view.ends_with(end, b)))
}

/// After 地址, 住在, … a run of at least two administrative or place units, number or not.
fn labelled(view: &View, spans: &mut Spans) {
    for start in 1..view.len() {
        let before = view.before(start);
        if is_han(before) && !LABEL_ENDS.contains(before) {
            continue;
        }
        let introduced = is_han(view.at(start))
            && !STOP.contains(view.at(start))
            && !is_han_word_start(view, start);
        if !introduced || !view.labelled(start, &LABELS) {
            continue;
        }
        let run = view
            .from(start)
            .take(40)
            .take_while(|&c| {
                (is_han(c) && !"的了是吗没在".contains(c)) || c.is_ascii_alphanumeric() || c == '-'
            })
            .count();
        let ends: Vec<usize> = (start + 2..=start + run)
            .filter(|&end| {
                ADMIN.iter().chain(&ESTATES).any(|s| view.ends_with(end, s))
                    || ends_detail(view, end)
            })
            .collect();
        if let (2.., Some(&end)) = (ends.len(), ends.last()) {
            spans.add(PiiKind::Address, start, end);
        }
    }
}

fn ends_detail(view: &View, end: usize) -> bool {
    UNITS.iter().any(|u| {
        view.ends_with(end, u)
            && end
                .checked_sub(u.chars().count())
                .is_some_and(|i| is_number_char(view.before(i)))
    })
}

/// The label itself goes on here (收货|地址): no place to begin.
fn is_han_word_start(view: &View, start: usize) -> bool {
    ["写", "填", "改", "错", "不", "怎", "变", "栏", "信"]
        .iter()
        .any(|w| view.starts_with(start, w))
}

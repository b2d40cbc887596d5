//! Made-up personal values, planted into dialogue turns: seeded, pure, and independent of the
//! redactor's rules, so that its recall and precision can be counted per kind.
//!
//! Invariants: the same seed gives the same plants; checksums, prefixes and dates are those of
//! true values; all people are invented. It judges nothing.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As printed on the card.
    Plain,
    /// With spaces, hyphens or dots.
    Separated,
    /// Full-width characters.
    FullWidth,
    /// Chinese digit words in one run.
    Spoken,
    /// Chinese digit words in groups with pauses.
    GroupedSpoken,
}

/// A value ready to be planted.
#[derive(Debug, Clone)]
pub struct Plant {
    /// `snake_case` name of the kind.
    pub kind: &'static str,
    /// The value exactly as it stands in `phrase`.
    pub value: String,
    /// Words around the value, for instance `，手机号13800138000，`.
    pub phrase: String,
    /// The order or parcel number that stands beside it and must stay.
    pub order: Option<String>,
}

/// A turn with a plant in it; offsets count Unicode scalar values.
#[derive(Debug, Clone)]
pub struct Planted {
    pub text: String,
    pub start: usize,
    pub end: usize,
}

/// Kinds told by shape, checksum or label.
pub const STRUCTURED: [&str; 10] = [
    "phone",
    "email",
    "id_card",
    "bank_card",
    "plate",
    "passport",
    "wechat",
    "qq",
    "ip",
    "ssn",
];
/// Kinds told by context alone.
pub const CONTEXTUAL: [&str; 2] = ["name", "address"];

/// `count` plants of all structured kinds: a quarter spoken, a quarter beside order numbers.
pub fn plants<R: Rng>(random: &mut R, count: usize) -> Vec<Plant> {
    const SPEAKABLE: [&str; 5] = ["phone", "phone", "id_card", "bank_card", "qq"];
    (0..count)
        .map(|i| {
            let (kind, form) = match i % 4 {
                0 => (
                    pick(random, &SPEAKABLE),
                    pick(random, &[Form::Spoken, Form::GroupedSpoken]),
                ),
                _ => (
                    STRUCTURED[i / 4 % STRUCTURED.len()],
                    pick(
                        random,
                        &[Form::Plain, Form::Plain, Form::Separated, Form::FullWidth],
                    ),
                ),
            };
            plant(random, kind, form, i % 4 == 1)
        })
        .collect()
}

/// One plant of `kind`; `beside_order` puts an order number next to it.
pub fn plant<R: Rng>(random: &mut R, kind: &'static str, form: Form, beside_order: bool) -> Plant {
    let value = written(random, kind, form);
    let label = pick(random, labels(kind));
    let after = pick(random, &["", "，", "。", " ", "，麻烦尽快", "，谢谢"]);
    if !beside_order {
        let phrase = format!("{label}{value}{after}");
        return Plant {
            kind,
            value,
            phrase,
            order: None,
        };
    }
    let order = order_number(random);
    let phrase = match random.random_range(0..4) {
        0 => format!("订单号{order}，{label}{value}{after}"),
        1 => format!("{label}{value}，订单号{order}{after}"),
        2 => format!("单号：{order} {label}{value}{after}"),
        _ => format!("{label}{value} 运单{order}{after}"),
    };
    Plant {
        kind,
        value,
        phrase,
        order: Some(order),
    }
}

/// Puts the plant's phrase before, behind or between the sentences of `turn`.
pub fn into_turn<R: Rng>(random: &mut R, turn: &str, plant: &Plant) -> Planted {
    let chars: Vec<char> = turn.chars().collect();
    let breaks: Vec<usize> = (0..chars.len())
        .filter(|&i| "，。！？,!?；".contains(chars[i]))
        .map(|i| i + 1)
        .collect();
    let at = match random.random_range(0..4) {
        0 => 0,
        1 | 2 => breaks.choose(random).copied().unwrap_or(chars.len()),
        _ => chars.len(),
    };
    let (head, tail) = (&chars[..at], &chars[at..]);
    let comma = |needed: bool| if needed { "，" } else { "" };
    let lead: String =
        head.iter().collect::<String>() + comma(head.last().is_some_and(|c| c.is_alphanumeric()));
    let open = tail.first().is_some_and(|c| c.is_alphanumeric())
        && plant.phrase.ends_with(|c: char| c.is_alphanumeric());
    let text = format!(
        "{lead}{}{}{}",
        plant.phrase,
        comma(open),
        tail.iter().collect::<String>()
    );
    let offset = plant.phrase.find(&plant.value).map_or(0, |byte| {
        plant.phrase.get(..byte).unwrap_or_default().chars().count()
    });
    let start = lead.chars().count() + offset;
    Planted {
        text,
        start,
        end: start + plant.value.chars().count(),
    }
}

fn pick<R: Rng, T: Copy>(random: &mut R, list: &[T]) -> T {
    *list.choose(random).expect("lists are not empty")
}

fn labels(kind: &str) -> &'static [&'static str] {
    match kind {
        "phone" => &[
            "",
            "我的手机号是",
            "电话",
            "联系电话：",
            "请打",
            "号码 ",
            "手机",
            "回我电话",
            "拨",
        ],
        "email" => &["", "邮箱", "我的邮箱是", "发到", "email: "],
        "id_card" => &["", "身份证号", "身份证：", "身份证号码是", "证件号 "],
        "bank_card" => &["银行卡号", "卡号是", "卡号：", "储蓄卡", "银行卡 ", "转到"],
        "plate" => &["", "车牌", "车牌号是", "我的车", "车牌："],
        "passport" => &["护照", "护照号", "护照号码：", "passport ", ""],
        "wechat" => &[
            "微信号",
            "加我微信",
            "微信：",
            "微信号是",
            "wx：",
            "vx:",
            "我的微信 ",
        ],
        "qq" => &[
            "QQ",
            "QQ号",
            "我的QQ是",
            "qq：",
            "扣扣",
            "扣扣号是",
            "加QQ ",
        ],
        "ip" => &["", "IP是", "ip地址", "登录IP：", "我的IP "],
        "ssn" => &[
            "SSN ",
            "my SSN is ",
            "social security number ",
            "社会安全号",
            "ssn: ",
        ],
        "name" => &[
            "我叫",
            "姓名：",
            "联系人",
            "收件人：",
            "我是",
            "户主",
            "机主是",
        ],
        _ => &["地址", "我住在", "地址：", "收货地址是", "寄到", "家住", ""],
    }
}

fn written<R: Rng>(random: &mut R, kind: &str, form: Form) -> String {
    match kind {
        "phone" => phone(random, form),
        "id_card" => {
            let id = id_card(random);
            grouped(random, &id, form, &[&[6, 8, 4], &[6, 4, 4, 4]])
        }
        "bank_card" => {
            let card = bank_card(random);
            grouped(random, &card, form, &[&[4, 4, 4, 4, 3], &[4, 4, 4, 4, 3]])
        }
        "qq" => {
            let length = random.random_range(6..=10);
            let number = digits(random, 1, length);
            let spoken = if matches!(form, Form::Separated) {
                Form::Plain
            } else {
                form
            };
            grouped(random, &number, spoken, &[&[3, 3, 4], &[4, 4, 4]])
        }
        "plate" => plate(random, form),
        "passport" => full_width(&passport(random), form),
        "email" => full_width(&email(random), form),
        "wechat" => full_width(&wechat(random), form),
        "ip" => full_width(&ip(random, form), form),
        "ssn" => ssn(random, form),
        "name" => name(random),
        _ => address(random),
    }
}

fn digits<R: Rng>(random: &mut R, first_at_least: u8, count: usize) -> String {
    (0..count)
        .map(|i| {
            char::from(b'0' + random.random_range(if i == 0 { first_at_least } else { 0 }..10))
        })
        .collect()
}

fn phone<R: Rng>(random: &mut R, form: Form) -> String {
    let spoken = matches!(form, Form::Spoken | Form::GroupedSpoken);
    match random.random_range(0..10) {
        0..=5 => {
            let second = random.random_range(3..10);
            let mobile = format!("1{second}{}", digits(random, 0, 9));
            let prefix = pick(random, &["", "", "", "", "+86", "+86 ", "0086", "86-"]);
            let prefix = if spoken { "" } else { prefix };
            format!(
                "{}{}",
                full_width(prefix, form),
                grouped(random, &mobile, form, &[&[3, 4, 4], &[3, 3, 5], &[3, 4, 4]])
            )
        }
        6 | 7 => landline(random, form),
        _ if spoken => {
            let mobile = format!("13{}", digits(random, 0, 9));
            grouped(
                random,
                &mobile,
                form,
                &[&[3, 4, 4], &[4, 4, 3], &[3, 2, 2, 4]],
            )
        }
        8 => north_american(random, form),
        _ => {
            let code = pick(
                random,
                &[
                    ("44", 10),
                    ("852", 8),
                    ("65", 8),
                    ("81", 10),
                    ("33", 9),
                    ("61", 9),
                ],
            );
            let rest = digits(random, 2, code.1);
            full_width(
                &format!("+{} {}", code.0, parts(&rest, &[4, 3, 4], " ")),
                form,
            )
        }
    }
}

fn landline<R: Rng>(random: &mut R, form: Form) -> String {
    let (area, local) = pick(
        random,
        &[
            ("010", 8),
            ("021", 8),
            ("0571", 8),
            ("0755", 8),
            ("0451", 8),
            ("0931", 7),
        ],
    );
    let first = random.random_range(2..9);
    let number = format!("{first}{}", digits(random, 0, local - 1));
    match form {
        Form::Spoken => speak(random, &format!("{area}{number}")),
        Form::GroupedSpoken => {
            let halves = if local == 8 {
                parts(&number, &[4, 4], "，")
            } else {
                parts(&number, &[3, 4], "，")
            };
            speak(random, &format!("{area}，{halves}"))
        }
        _ => {
            let text = match random.random_range(0..4) {
                0 => format!("({area}){number}"),
                1 => format!("{area} {number}"),
                2 => format!("{area}-{number}转{}", random.random_range(10..9999)),
                _ => format!("{area}-{number}"),
            };
            full_width(&text, form)
        }
    }
}

fn north_american<R: Rng>(random: &mut R, form: Form) -> String {
    let area = pick(random, &["415", "212", "305", "617", "702"]);
    let exchange = digits(random, 2, 3);
    let line = digits(random, 0, 4);
    let text = match random.random_range(0..4) {
        0 => format!("({area}) {exchange}-{line}"),
        1 => format!("+1 {area} {exchange} {line}"),
        2 => format!("{area}.{exchange}.{line}"),
        _ => format!("{area}-{exchange}-{line}"),
    };
    full_width(&text, form)
}

fn id_card<R: Rng>(random: &mut R) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let region = pick(
        random,
        &[
            "110101", "310115", "440305", "330106", "510104", "320102", "420106", "610113",
        ],
    );
    let body = format!(
        "{region}{:04}{:02}{:02}{:03}",
        random.random_range(1940..2012),
        random.random_range(1..13),
        random.random_range(1..29),
        random.random_range(1..1000)
    );
    let sum: u32 = body
        .chars()
        .zip(WEIGHTS)
        .map(|(c, w)| c.to_digit(10).unwrap_or(0) * w)
        .sum();
    let check = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'][(sum % 11) as usize];
    format!("{body}{check}")
}

fn bank_card<R: Rng>(random: &mut R) -> String {
    let (issuer, length) = pick(
        random,
        &[
            ("622202", 19),
            ("621700", 19),
            ("622848", 19),
            ("622588", 16),
            ("625912", 16),
            ("436742", 16),
            ("411111", 16),
            ("552433", 16),
        ],
    );
    let body = format!("{issuer}{}", digits(random, 0, length - issuer.len() - 1));
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            if d > 9 { d - 9 } else { d }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn plate<R: Rng>(random: &mut R, form: Form) -> String {
    const LETTERS: [char; 12] = ['A', 'B', 'C', 'E', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P'];
    let place = format!(
        "{}{}",
        pick(random, &["京", "沪", "粤", "浙", "苏", "川", "鲁", "皖"]),
        pick(random, &LETTERS)
    );
    let body = match random.random_range(0..4) {
        0 => format!("{}{}", pick(random, &["D", "F"]), digits(random, 0, 5)),
        1 => format!("{}{}", digits(random, 0, 5), pick(random, &["D", "F"])),
        2 => format!("{}{}", pick(random, &LETTERS), digits(random, 0, 4)),
        _ => digits(random, 0, 5),
    };
    match form {
        Form::Separated => format!("{place}{}{body}", pick(random, &["·", " ", "-"])),
        _ => full_width(&format!("{place}{body}"), form),
    }
}

fn passport<R: Rng>(random: &mut R) -> String {
    match random.random_range(0..3) {
        0 => format!("G{}", digits(random, 0, 8)),
        1 => format!(
            "E{}{}",
            pick(random, &['A', 'B', 'C', 'D', 'H', 'J']),
            digits(random, 0, 7)
        ),
        _ => format!("E{}", digits(random, 0, 8)),
    }
}

fn email<R: Rng>(random: &mut R) -> String {
    let user = pick(
        random,
        &[
            "li.ming",
            "wangfang",
            "zhao_lei",
            "chen-yu",
            "sun.tao+a",
            "happy",
        ],
    );
    let domain = pick(
        random,
        &[
            "example.com",
            "163.com",
            "qq.com",
            "mail.example.cn",
            "sina.com.cn",
            "example.org",
        ],
    );
    format!("{user}{}@{domain}", random.random_range(1..9999))
}

fn wechat<R: Rng>(random: &mut R) -> String {
    match random.random_range(0..3) {
        0 => format!(
            "wxid_{}{}",
            pick(random, &["k3j9x", "ab12c", "z8y7q"]),
            digits(random, 0, 6)
        ),
        1 => format!(
            "{}_{}",
            pick(random, &["liming", "fang", "chen", "lucky"]),
            digits(random, 1, 4)
        ),
        _ => format!(
            "{}{}",
            pick(random, &["happy", "wang", "sunny", "xiaoyu"]),
            digits(random, 1, 5)
        ),
    }
}

fn ip<R: Rng>(random: &mut R, form: Form) -> String {
    if matches!(form, Form::Separated) {
        return format!(
            "2001:db8:{:x}::{:x}",
            random.random_range(16..65535),
            random.random_range(1..65535)
        );
    }
    let mut part = || random.random_range(1..255).to_string();
    [part(), part(), part(), part()].join(".")
}

fn ssn<R: Rng>(random: &mut R, form: Form) -> String {
    let (area, group, serial) = (
        random.random_range(1..666),
        random.random_range(1..100),
        random.random_range(1..10_000),
    );
    let joint = if matches!(form, Form::Separated) {
        " "
    } else {
        "-"
    };
    full_width(
        &format!("{area:03}{joint}{group:02}{joint}{serial:04}"),
        form,
    )
}

fn name<R: Rng>(random: &mut R) -> String {
    let surname = pick(
        random,
        &[
            "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "欧阳", "司马",
            "郑", "谢", "何", "罗", "梁", "宋",
        ],
    );
    let given = pick(
        random,
        &[
            "伟", "芳", "秀英", "建国", "静怡", "子轩", "丽华", "志强", "晓明", "雨桐", "海燕",
            "俊杰", "玉兰", "磊", "佳琪", "文博",
        ],
    );
    format!("{surname}{given}")
}

fn address<R: Rng>(random: &mut R) -> String {
    let place = pick(
        random,
        &[
            "北京市朝阳区",
            "上海市浦东新区",
            "广东省深圳市南山区",
            "杭州市西湖区",
            "四川省成都市锦江区",
            "历下区",
            "",
        ],
    );
    let road = pick(
        random,
        &[
            "建设路",
            "人民东路",
            "解放大道",
            "文一西路",
            "中山北街",
            "科技园二道",
        ],
    );
    let number = random.random_range(1..900);
    match random.random_range(0..3) {
        0 => format!("{place}{road}{number}号"),
        1 => format!(
            "{place}{road}{number}号{}栋{}室",
            random.random_range(1..30),
            random.random_range(101..2000)
        ),
        _ => format!(
            "{place}{}{}栋{}单元{}室",
            pick(random, &["阳光花园", "幸福小区", "翠湖新村"]),
            random.random_range(1..30),
            random.random_range(1..6),
            random.random_range(101..2000)
        ),
    }
}

/// An order, parcel or ticket number as shops and carriers write them.
pub fn order_number<R: Rng>(random: &mut R) -> String {
    match random.random_range(0..6) {
        0 => format!(
            "20241{}{}",
            random.random_range(0..3),
            digits(random, 0, 13)
        ),
        1 => format!("SF{}", digits(random, 1, 13)),
        2 => format!("YT{}", digits(random, 1, 13)),
        3 => digits(random, 7, 15),
        4 => format!("CASE-2024-{}", digits(random, 0, 6)),
        _ => format!("88{}", digits(random, 0, 12)),
    }
}

/// Writes a number in the given form; `layouts` are the group lengths of separated forms.
fn grouped<R: Rng>(random: &mut R, number: &str, form: Form, layouts: &[&[usize]]) -> String {
    let layout = pick(random, layouts);
    match form {
        Form::Plain => number.to_owned(),
        Form::Separated => parts(number, layout, pick(random, &[" ", "-"])),
        Form::FullWidth => full_width(number, form),
        Form::Spoken => speak(random, number),
        Form::GroupedSpoken => {
            let pause = pick(random, &["，", " ", "、", "，嗯，", "… "]);
            speak(random, &parts(number, layout, pause))
        }
    }
}

/// Cuts into groups of the given lengths, the last one with what is left.
fn parts(number: &str, lengths: &[usize], joint: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    let mut groups = Vec::new();
    let mut at = 0;
    for (i, &length) in lengths.iter().enumerate() {
        let end = if i + 1 == lengths.len() {
            chars.len()
        } else {
            (at + length).min(chars.len())
        };
        if at < end {
            groups.push(chars[at..end].iter().collect::<String>());
        }
        at = end;
    }
    groups.join(joint)
}

/// Says digits as people do: 幺 or 一, 零 or 〇, now and then 两, 洞, 拐.
fn speak<R: Rng>(random: &mut R, text: &str) -> String {
    let one = pick(random, &['一', '幺', '幺']);
    let zero = pick(random, &['零', '零', '〇', '洞']);
    let two = pick(random, &['二', '二', '两']);
    let seven = if zero == '洞' { '拐' } else { '七' };
    let words = [zero, one, two, '三', '四', '五', '六', seven, '八', '九'];
    text.chars()
        .map(|c| c.to_digit(10).map_or(c, |d| words[d as usize]))
        .collect()
}

fn full_width(text: &str, form: Form) -> String {
    if !matches!(form, Form::FullWidth) {
        return text.to_owned();
    }
    let widen = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
    text.chars()
        .map(|c| if c.is_ascii_graphic() { widen(c) } else { c })
        .collect()
}

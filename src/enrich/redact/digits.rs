//! Runs of digits in normalised text, written or spoken: groups, the separators and pauses
//! between them, and windows of neighbouring groups that detectors judge.
//!
//! Invariants: groups are disjoint and in text order; a chain ends where anything but a separator
//! stands between two groups. It does not decide what a number means.

use std::ops::RangeInclusive;

use super::view::View;

/// The digit that a character of a spoken number stands for: 零 to 九, 〇, 幺, 两, and the radio
/// forms 洞, 拐, 勾; also the capital forms of cheques.
pub(super) fn spoken_digit(c: char) -> Option<u8> {
    Some(match c {
        '零' | '〇' | '○' | '洞' => 0,
        '一' | '幺' | '壹' | '么' | '妖' => 1,
        '二' | '两' | '贰' | '兩' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' | '拐' => 7,
        '八' | '捌' => 8,
        '九' | '玖' | '勾' => 9,
        _ => return None,
    })
}

/// The digit of an English word (lower case).
pub(super) fn english_digit(word: &str) -> Option<u8> {
    Some(match word {
        "zero" | "oh" => 0,
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        _ => return None,
    })
}

/// What stands between a group and the group before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// The group starts its chain.
    Start,
    /// Nothing: the script changes (`138零零`).
    Glue,
    Space,
    Dash,
    Dot,
    Slash,
    Paren,
    /// A comma, a full stop, a filler word.
    Pause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Written,
    Spoken,
}

/// A maximal run of digits of one script.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub start: usize,
    pub end: usize,
    pub digits: String,
    pub script: Script,
    pub join: Join,
    /// Character index one past the separator's start: where the gap before the group begins.
    pub gap_start: usize,
    /// The first digit may belong to the word before it (第一, 周一).
    pub head_is_word: bool,
    /// The last digit may belong to the word after it (一直, 两个).
    pub tail_is_word: bool,
}

/// All groups of a text, in order.
pub(super) fn groups(view: &View) -> Vec<Group> {
    let mut found: Vec<Group> = Vec::new();
    let mut at = 0;
    while at < view.len() {
        let Some(mut group) = group_at(view, at) else {
            at += 1;
            continue;
        };
        if let Some(last) = found.last() {
            group.join = join_between(view, last.end, group.start);
            group.gap_start = last.end;
        }
        at = group.end;
        found.push(group);
    }
    found
}

fn group_at(view: &View, at: usize) -> Option<Group> {
    let c = view.at(at);
    if c.is_ascii_digit() {
        let end = at + view.from(at).take_while(char::is_ascii_digit).count();
        return Some(group(view, at, end, Script::Written));
    }
    if spoken_digit(c).is_some() {
        let end = at
            + view
                .from(at)
                .take_while(|c| spoken_digit(*c).is_some())
                .count();
        return Some(group(view, at, end, Script::Spoken));
    }
    let word_start = c.is_ascii_alphabetic() && !view.before(at).is_ascii_alphanumeric();
    if word_start {
        english_group(view, at)
    } else {
        None
    }
}

fn group(view: &View, start: usize, end: usize, script: Script) -> Group {
    let digits = view
        .from(start)
        .take(end - start)
        .map(|c| spoken_digit(c).map_or(c, |d| char::from(b'0' + d)))
        .collect();
    let spoken = script == Script::Spoken;
    Group {
        start,
        end,
        digits,
        script,
        join: Join::Start,
        gap_start: start,
        head_is_word: spoken && ends_a_word(view.before(start)),
        tail_is_word: spoken && starts_a_word(view.at(end)),
    }
}

/// Digit words of English joined by single spaces or hyphens; `double five` is 55.
fn english_group(view: &View, start: usize) -> Option<Group> {
    let mut digits = String::new();
    let mut end = start;
    let mut at = start;
    let mut times = 1;
    loop {
        let word: String = view
            .from(at)
            .take(7)
            .take_while(char::is_ascii_alphabetic)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let next = at + word.len();
        match (english_digit(&word), word.as_str()) {
            (Some(d), _) if !view.at(next).is_ascii_digit() => {
                digits.extend(std::iter::repeat_n(char::from(b'0' + d), times));
                end = next;
                times = 1;
            }
            (None, "double") => times = 2,
            (None, "triple") => times = 3,
            _ => break,
        }
        if !matches!(view.at(next), ' ' | '-') {
            break;
        }
        at = next + 1;
    }
    if digits.is_empty() {
        return None;
    }
    let mut found = group(view, start, end, Script::Spoken);
    found.digits = digits;
    Some(found)
}

/// Characters before a numeral that make it an ordinal or the end of a word.
fn ends_a_word(before: char) -> bool {
    "第周唯统万之初星期十百千每逐不专单".contains(before)
}

/// Characters after a numeral that make it a count or the start of a word.
fn starts_a_word(after: char) -> bool {
    "直下个样点定起般些次共切旦边致并周半月日天年时小元块条张件位名台部辆分秒十百千万亿遍种会再向律家线楼号口手把".contains(after)
}

/// What the characters between two groups are, `Join::Start` when they are no separator.
fn join_between(view: &View, end: usize, start: usize) -> Join {
    if start == end {
        return Join::Glue;
    }
    if start - end > 8 {
        return Join::Start;
    }
    let mut join = Join::Space;
    for c in view.from(end).take(start - end) {
        let step = match c {
            ' ' => Join::Space,
            '-' | '\u{2010}' | '–' | '—' | '−' | '_' | '杠' | '横' => Join::Dash,
            '.' | '·' | '点' => Join::Dot,
            '/' => Join::Slash,
            '(' | ')' => Join::Paren,
            ',' | '、' | '。' | ';' | '~' | '嗯' | '呃' | '啊' | '哦' | '额' | '那' | '然'
            | '后' => Join::Pause,
            _ => return Join::Start,
        };
        join = stronger(join, step);
    }
    join
}

fn stronger(a: Join, b: Join) -> Join {
    match (a, b) {
        (Join::Space, other) | (other, Join::Space) => other,
        (Join::Dot, Join::Dot) => Join::Pause,
        (a, b) if a == b => a,
        (Join::Paren, other) | (other, Join::Paren) if other != Join::Pause => other,
        _ => Join::Pause,
    }
}

/// Neighbouring groups of one chain, judged as one number.
pub(super) struct Window<'g> {
    pub groups: &'g [Group],
    pub digits: String,
    pub start: usize,
    pub end: usize,
    /// The join after the last group, `None` when the chain ends with it.
    pub next: Option<&'g Group>,
    /// The window begins its chain.
    pub first: bool,
}

impl<'g> Window<'g> {
    /// The `count` groups from `from`, if they hang together and have so many digits.
    pub fn new(
        all: &'g [Group],
        from: usize,
        count: usize,
        digits: RangeInclusive<usize>,
    ) -> Option<Self> {
        let groups = all.get(from..from + count)?;
        if !digits.contains(&groups.iter().map(|g| g.digits.len()).sum::<usize>()) {
            return None;
        }
        let (head, tail) = (groups.first()?, groups.last()?);
        if groups.iter().skip(1).any(|g| g.join == Join::Start) {
            return None;
        }
        // A single 一 of 一共 after a number is no part of it.
        let longer = groups.iter().any(|g| g.digits.len() > 1);
        if longer && tail.digits.len() == 1 && tail.tail_is_word {
            return None;
        }
        let next = all.get(from + count).filter(|g| g.join != Join::Start);
        let digits = groups.iter().map(|g| g.digits.as_str()).collect();
        Some(Self {
            groups,
            digits,
            start: head.start,
            end: tail.end,
            next,
            first: head.join == Join::Start,
        })
    }

    pub fn lengths(&self) -> Vec<usize> {
        self.groups.iter().map(|g| g.digits.len()).collect()
    }

    /// Every join inside is one of `joins`.
    pub fn joined_by(&self, joins: &[Join]) -> bool {
        self.groups.iter().skip(1).all(|g| joins.contains(&g.join))
    }

    pub fn has_spoken(&self) -> bool {
        self.groups.iter().any(|g| g.script == Script::Spoken)
    }

    /// The window is its whole chain.
    pub fn is_whole_chain(&self) -> bool {
        self.first && self.next.is_none()
    }

    /// More digits of another script touch it, beyond what a word like 一直 explains.
    pub fn is_cut(&self, all: &[Group], from: usize) -> bool {
        let touches_before = self.groups.first().is_some_and(|g| g.join == Join::Glue)
            && from
                .checked_sub(1)
                .and_then(|i| all.get(i))
                .is_some_and(|g| g.script == Script::Written || g.digits.len() > 2);
        let touches_after = self.next.is_some_and(|g| {
            g.join == Join::Glue && (g.script == Script::Written || g.digits.len() > 2)
        });
        touches_before || touches_after
    }
}

/// A copy of the groups in which digits that belong to words at the ends are left out. `None`
/// when there are none.
pub(super) fn without_words(groups: &[Group]) -> Option<Vec<Group>> {
    if !groups
        .iter()
        .any(|g| g.digits.len() > 1 && (g.head_is_word || g.tail_is_word))
    {
        return None;
    }
    let trim = |g: &Group| {
        let mut g = g.clone();
        if g.end - g.start != g.digits.len() {
            return g;
        }
        if g.tail_is_word && g.digits.len() > 1 {
            g.digits.pop();
            g.end -= 1;
        }
        if g.head_is_word && g.digits.len() > 1 {
            g.digits.remove(0);
            g.start += 1;
        }
        g
    };
    Some(groups.iter().map(trim).collect())
}

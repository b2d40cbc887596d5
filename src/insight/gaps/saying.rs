//! What two texts have in common and in which figures they differ: how an agent's answer is held against an article,
//! and one article against another.
//!
//! A text is a set of words (Latin) and pairs of characters (Han) in which every figure is the same mark, and beside
//! it the figures as values. Invariants: pure; the same text gives the same sets; numerals in Han characters count as
//! figures only before a unit, because 一 alone is mostly no number. It knows no synonyms: two texts that say the
//! same in other words are unlike, never contrary.

use crate::enrich::normalise::for_matching;

/// Share of an article's sentence that another text must have to speak of the same.
pub const SAME_MATTER: f64 = 0.5;
/// Share of common parts from which two questions are one.
pub const SAME_QUESTION: f64 = 0.7;
/// Share of common parts from which two answers say the same twice.
pub const SAME_ANSWER: f64 = 0.9;

const FIGURE: u64 = 1;

/// A text as sets of its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saying {
    /// Hashes of words and pairs, ascending, figures masked.
    pub parts: Vec<u64>,
    /// Values of figures, ascending.
    pub figures: Vec<String>,
}

/// How one text stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// It speaks of something else, or of no figures.
    Apart,
    /// It has the same figures.
    Agrees,
    /// It speaks of the same with other figures.
    Contradicts,
}

impl Saying {
    /// Takes a text apart.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let normal = for_matching(text);
        let mut reader = Reader::default();
        let chars: Vec<char> = normal.chars().collect();
        let mut at = 0;
        while let Some(c) = chars.get(at).copied() {
            let rest = chars.get(at..).unwrap_or_default();
            let taken = if c.is_ascii_digit() {
                reader.digits(rest)
            } else if let Some(taken) = reader.numeral(rest) {
                taken
            } else if is_han(c) {
                reader.han(c);
                1
            } else if c.is_alphanumeric() {
                reader.word(rest)
            } else {
                reader.break_pair();
                1
            };
            at += taken.max(1);
        }
        reader.finish()
    }

    /// Share of our parts that `other` has too, 0 to 1.
    #[must_use]
    pub fn held_by(&self, other: &Self) -> f64 {
        if self.parts.is_empty() {
            return 0.0;
        }
        common(&self.parts, &other.parts) as f64 / self.parts.len() as f64
    }

    /// Common parts of both over the mean size (Dice's coefficient), 0 to 1.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> f64 {
        let both = self.parts.len() + other.parts.len();
        if both == 0 {
            return 0.0;
        }
        2.0 * common(&self.parts, &other.parts) as f64 / both as f64
    }

    /// How `said` stands to this sentence: about the same matter it contradicts when a figure of ours is missing and
    /// one that we do not have stands there.
    #[must_use]
    pub fn stand(&self, said: &Self) -> Stand {
        if self.figures.is_empty() || said.figures.is_empty() || self.held_by(said) < SAME_MATTER {
            return Stand::Apart;
        }
        let has = |figures: &[String], figure: &String| figures.binary_search(figure).is_ok();
        let missing = self.figures.iter().any(|own| !has(&said.figures, own));
        let other = said
            .figures
            .iter()
            .any(|theirs| !has(&self.figures, theirs));
        match (missing, other) {
            (true, true) => Stand::Contradicts,
            (false, _) => Stand::Agrees,
            (true, false) => Stand::Apart,
        }
    }
}

/// Whether two articles disagree or say the same twice. Both are sentence by sentence; their questions are one when
/// any of each is nearly one of the other.
#[must_use]
pub fn in_conflict(
    questions: (&[Saying], &[Saying]),
    answers: (&[Saying], &[Saying]),
) -> Option<Stand> {
    let alike = questions.0.iter().any(|a| {
        let same = |b: &Saying| a.likeness(b) >= SAME_QUESTION;
        questions.1.iter().any(same)
    });
    if !alike {
        return None;
    }
    let stands = |a: &[Saying], b: &[Saying]| {
        a.iter()
            .any(|own| b.iter().any(|other| own.stand(other) == Stand::Contradicts))
    };
    let agrees = |a: &[Saying], b: &[Saying]| {
        a.iter()
            .filter(|own| !own.figures.is_empty())
            .all(|own| b.iter().any(|other| own.stand(other) == Stand::Agrees))
    };
    if stands(answers.0, answers.1) && !agrees(answers.0, answers.1) {
        return Some(Stand::Contradicts);
    }
    let whole = |sentences: &[Saying]| {
        let mut parts: Vec<u64> = sentences.iter().flat_map(|s| s.parts.clone()).collect();
        parts.sort_unstable();
        parts.dedup();
        Saying {
            parts,
            figures: Vec::new(),
        }
    };
    let same = whole(answers.0).likeness(&whole(answers.1)) >= SAME_ANSWER;
    same.then_some(Stand::Agrees)
}

/// The sentences of a text, each taken apart; those without a part are left out.
#[must_use]
pub fn sentences(text: &str) -> Vec<Saying> {
    let ends = |c: char| matches!(c, '。' | '！' | '？' | '!' | '?' | '\n' | ';' | '；');
    text.split(ends)
        .flat_map(|piece| piece.split(". "))
        .map(Saying::of)
        .filter(|saying| !saying.parts.is_empty())
        .collect()
}

fn common(a: &[u64], b: &[u64]) -> usize {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                i += 1;
                j += 1;
            }
        }
    }
    both
}

#[derive(Default)]
struct Reader {
    parts: Vec<u64>,
    figures: Vec<String>,
    last: Option<char>,
}

impl Reader {
    fn digits(&mut self, rest: &[char]) -> usize {
        let length = rest
            .iter()
            .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
            .count();
        let run: String = rest.iter().take(length).filter(|c| **c != ',').collect();
        let value = run.trim_end_matches('.').trim_start_matches('0');
        self.figure(if value.is_empty() { "0" } else { value });
        length
    }

    /// A numeral in Han characters before a unit.
    fn numeral(&mut self, rest: &[char]) -> Option<usize> {
        let length = rest.iter().take_while(|c| place(**c).is_some()).count();
        if length == 0 {
            return None;
        }
        let after: String = rest.iter().skip(length).take(4).collect();
        if !UNITS.iter().any(|unit| after.starts_with(unit)) {
            return None;
        }
        let value = value_of(rest.get(..length)?)?;
        self.figure(&value.to_string());
        Some(length)
    }

    fn figure(&mut self, value: &str) {
        self.figures.push(value.to_owned());
        self.parts.push(FIGURE);
        self.last = None;
    }

    fn han(&mut self, c: char) {
        if let Some(last) = self.last {
            self.parts.push(hash([last, c].into_iter()));
        }
        self.last = Some(c);
    }

    fn word(&mut self, rest: &[char]) -> usize {
        let is_in = |c: &&char| c.is_alphanumeric() && !is_han(**c) || **c == '\'';
        let length = rest.iter().take_while(is_in).count().max(1);
        let word: String = rest.iter().take(length).collect();
        if let Some(value) = ENGLISH.iter().find(|(name, _)| *name == word) {
            self.figure(value.1);
        } else if !STOP.contains(&word.as_str()) {
            self.parts.push(hash(word.chars()));
        }
        self.last = None;
        length
    }

    const fn break_pair(&mut self) {
        self.last = None;
    }

    fn finish(mut self) -> Saying {
        self.parts.sort_unstable();
        self.parts.dedup();
        self.figures.sort_unstable();
        self.figures.dedup();
        Saying {
            parts: self.parts,
            figures: self.figures,
        }
    }
}

/// FNV-1a over the scalar values.
fn hash(chars: impl Iterator<Item = char>) -> u64 {
    chars.fold(0xcbf2_9ce4_8422_2325, |hash, c| {
        (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0100_0000_01b3)
    })
}

const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

const UNITS: &[&str] = &[
    "天",
    "日",
    "年",
    "周",
    "月",
    "号",
    "元",
    "块",
    "折",
    "分钟",
    "小时",
    "次",
    "点",
    "倍",
    "个工作",
    "个月",
    "个小时",
    "个星期",
    "个自然",
    "工作日",
    "星期",
    "成",
];

const ENGLISH: &[(&str, &str)] = &[
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("fifteen", "15"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("sixty", "60"),
    ("ninety", "90"),
];

const STOP: &[&str] = &[
    "a", "an", "the", "to", "of", "and", "or", "is", "are", "be", "it", "in", "on", "for", "you",
    "your", "i", "we", "that", "this", "with", "will",
];

fn place(c: char) -> Option<u64> {
    let value = match c {
        '零' | '〇' => 0,
        '一' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '百' => 100,
        '千' => 1_000,
        '万' => 10_000,
        _ => return None,
    };
    Some(value)
}

/// The value of a numeral; `None` when it overflows.
fn value_of(numeral: &[char]) -> Option<u64> {
    let (mut whole, mut part, mut digit, mut spoken) = (0_u64, 0_u64, None::<u64>, String::new());
    let mut has_scale = false;
    for value in numeral.iter().filter_map(|c| place(*c)) {
        if value < 10 {
            spoken.push_str(&value.to_string());
            digit = Some(value);
            continue;
        }
        has_scale = true;
        if value == 10_000 {
            whole = (whole + part + digit.unwrap_or(0)).checked_mul(value)?;
            part = 0;
        } else {
            part = part.checked_add(digit.unwrap_or(1).checked_mul(value)?)?;
        }
        digit = None;
    }
    if has_scale {
        Some(whole + part + digit.unwrap_or(0))
    } else {
        spoken.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_in_every_writing() {
        let of = |text: &str| Saying::of(text).figures;
        assert_eq!(of("3至5个工作日到账，满1,000元"), ["1000", "3", "5"]);
        assert_eq!(
            of("三个工作日，二十五元，十二小时，两百块"),
            ["12", "200", "25", "3"]
        );
        assert!(of("一般一起看一下，一直不行").is_empty());
        assert_eq!(of("within three business days, 2.50 each"), ["2.50", "3"]);
    }

    #[test]
    fn other_figures_about_the_same_contradict() {
        let article = Saying::of("退款会在3个工作日内原路退回");
        let said = |text: &str| article.stand(&Saying::of(text));
        assert_eq!(
            said("您好，退款会在5个工作日内原路退回哦"),
            Stand::Contradicts
        );
        assert_eq!(said("退款会在三个工作日内原路退回"), Stand::Agrees);
        assert_eq!(said("您的订单一共5件"), Stand::Apart);
        assert_eq!(said("退款会原路退回的"), Stand::Apart);
    }

    #[test]
    fn articles_conflict_when_they_disagree_or_repeat() {
        let one = [Saying::of("退款多久到账")];
        let other = [Saying::of("退款多久能到账"), Saying::of("什么时候退钱")];
        let answer =
            |days: u32| sentences(&format!("退款会在{days}个工作日内原路退回。请留意短信。"));
        let verdict = |a: &[Saying], b: &[Saying]| in_conflict((&one, &other), (a, b));
        assert_eq!(verdict(&answer(3), &answer(5)), Some(Stand::Contradicts));
        assert_eq!(verdict(&answer(3), &answer(3)), Some(Stand::Agrees));
        assert_eq!(verdict(&answer(3), &sentences("请到门店办理注销")), None);
        let apart = [Saying::of("怎么注销账户")];
        assert_eq!(in_conflict((&one, &apart), (&answer(3), &answer(5))), None);
    }
}

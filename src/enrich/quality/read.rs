//! A rule from JSON: every mistake at once, each with a JSON pointer and what is allowed, closest first.
//!
//! Invariants: unknown names are mistakes; what is read is in the form in which texts are compared; a rule that
//! is read compiles. Mistakes quote nothing but names that are allowed. Not here: the fields' documentation
//! (`docs/QUALITY.md`).

use serde_json::{Map, Value};

use super::expression::{Expression, is_name};
use super::phrases::{GROUPS, PHRASES, entries, names};
use super::rule::{
    Anchor, Check, Condition, MAX_CONDITIONS, MAX_PATTERN_CHARS, MAX_STEPS, MAX_WORD_CHARS,
    MAX_WORDS, Near, Operator, Per, Range, Rule, Severity, Side, SpeedUnit,
};
use crate::domain::{Channel, Speaker, listed};
use crate::enrich::normalise::for_matching;
use crate::error::FieldError;

const RULE_FIELDS: &[&str] = &[
    "name",
    "about",
    "severity",
    "per",
    "alert",
    "check",
    "channels",
    "enabled",
    "conditions",
    "when",
];
const COMMON_FIELDS: &[&str] = &["id", "operator", "role", "range", "anchor"];
const MAX_NAME_CHARS: usize = 200;
const MAX_ABOUT_CHARS: usize = 2_000;
const DAY_MS: i64 = 86_400_000;
const LETTERS: &[u8] = b"abcdefghijklmnop";
/// Kinds of personal values that stand in texts, and how their tokens begin where texts are compared.
const PERSONAL: &[(&str, &str)] = &[
    ("phone", "<phone:"),
    ("email", "<email:"),
    ("id_card", "<id_card:"),
    ("bank_card", "<bank_card:"),
    ("plate", "<plate:"),
    ("passport", "<passport:"),
    ("wechat", "<wechat:"),
    ("qq", "<qq:"),
    ("ip", "<ip:"),
    ("ssn", "<ssn:"),
    ("name", "<name:"),
    ("address", "<address:"),
];

/// Mistakes, and where the reader stands.
struct Mistakes(Vec<FieldError>);

impl Mistakes {
    fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
    }
}

/// An object being read.
struct Object<'v> {
    at: String,
    map: &'v Map<String, Value>,
}

impl<'v> Object<'v> {
    fn of(value: &'v Value, at: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let Some(map) = value.as_object() else {
            mistakes.add(at, "expected an object");
            return None;
        };
        Some(Self {
            at: at.to_owned(),
            map,
        })
    }

    fn pointer(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    fn get(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Names that are not among `allowed`.
    fn close(&self, allowed: &[&[&str]], mistakes: &mut Mistakes) {
        let allowed = || allowed.iter().copied().flatten().copied();
        for name in self.map.keys() {
            if !allowed().any(|known| known == name) {
                let known = listed(name, allowed());
                let shown: String = name.chars().take(40).map(escape).collect();
                mistakes.add(
                    self.pointer(&shown),
                    format!("there is no such field; allowed here: {known}"),
                );
            }
        }
    }

    fn text(&self, name: &str, most: usize, mistakes: &mut Mistakes) -> Option<&'v str> {
        let text = self.get(name)?.as_str();
        let fits = |text: &&str| (1..=most).contains(&text.chars().count());
        let text = text.filter(fits).filter(|text| !text.trim().is_empty());
        if text.is_none() {
            mistakes.add(
                self.pointer(name),
                format!("expected a text of 1 to {most} characters"),
            );
        }
        text
    }

    fn flag(&self, name: &str, mistakes: &mut Mistakes) -> Option<bool> {
        let flag = self.get(name)?.as_bool();
        if flag.is_none() {
            mistakes.add(self.pointer(name), "expected true or false");
        }
        flag
    }

    fn whole(&self, name: &str, least: i64, most: i64, mistakes: &mut Mistakes) -> Option<i64> {
        let number = self.get(name)?.as_i64();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            mistakes.add(
                self.pointer(name),
                format!("expected a whole number from {least} to {most}"),
            );
        }
        number
    }

    fn number(&self, name: &str, least: f64, most: f64, mistakes: &mut Mistakes) -> Option<f64> {
        let number = self.get(name)?.as_f64();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            mistakes.add(
                self.pointer(name),
                format!("expected a number from {least} to {most}"),
            );
        }
        number
    }

    /// One of some words.
    fn word<T: Copy>(
        &self,
        name: &str,
        words: &[(&'static str, T)],
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let given = self.get(name)?;
        let given = given.as_str().unwrap_or_default();
        let found = words.iter().find(|(word, _)| *word == given);
        if found.is_none() {
            let known = listed(given, words.iter().map(|(word, _)| *word));
            mistakes.add(self.pointer(name), format!("expected one of {known}"));
        }
        found.map(|(_, value)| *value)
    }

    /// A list of texts, each given to `each` with its pointer.
    fn texts(
        &self,
        name: &str,
        mistakes: &mut Mistakes,
        mut each: impl FnMut(&str, String, &mut Mistakes),
    ) {
        let Some(value) = self.get(name) else { return };
        let Some(items) = value.as_array().filter(|items| items.len() <= MAX_WORDS) else {
            let what = format!("expected a list of at most {MAX_WORDS} texts");
            return mistakes.add(self.pointer(name), what);
        };
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("{}/{index}", self.pointer(name));
            match item.as_str() {
                Some(text) => each(text, pointer, mistakes),
                None => mistakes.add(pointer, "expected a text"),
            }
        }
    }

    /// Words in the form in which texts are compared.
    fn words(&self, name: &str, mistakes: &mut Mistakes) -> Vec<String> {
        let mut words = Vec::new();
        self.texts(name, mistakes, |text, pointer, mistakes| {
            match compared(text) {
                Some(word) => words.push(word),
                None => mistakes.add(
                    pointer,
                    format!("expected 1 to {MAX_WORD_CHARS} characters that are not all spaces"),
                ),
            }
        });
        words.sort_unstable();
        words.dedup();
        words
    }

    /// Names of lists that come with the product, as their entries.
    fn lists(
        &self,
        name: &str,
        lists: &'static [super::phrases::List],
        words: &mut Vec<String>,
        mistakes: &mut Mistakes,
    ) {
        self.texts(name, mistakes, |given, pointer, mistakes| {
            match entries(lists, given) {
                Some(found) => words.extend(found.iter().map(|word| (*word).to_owned())),
                None => {
                    let known = listed(given, names(lists));
                    mistakes.add(pointer, format!("there is no such list; there are {known}"));
                }
            }
        });
    }
}

fn escape(c: char) -> char {
    if c == '/' || c == '~' || c.is_control() {
        '_'
    } else {
        c
    }
}

/// A word in the form in which texts are compared; none when nothing is left of it.
fn compared(text: &str) -> Option<String> {
    let word = for_matching(text.trim()).into_owned();
    (1..=MAX_WORD_CHARS)
        .contains(&word.chars().count())
        .then_some(word)
}

const SPEAKERS: [(&str, Option<Speaker>); 5] = [
    ("customer", Some(Speaker::Customer)),
    ("agent", Some(Speaker::Agent)),
    ("bot", Some(Speaker::Bot)),
    ("system", Some(Speaker::System)),
    ("any", None),
];

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// Every mistake, with a JSON pointer into `value`.
    pub fn read(value: &Value) -> Result<Self, Vec<FieldError>> {
        let mut mistakes = Mistakes(Vec::new());
        let rule = read_rule(value, &mut mistakes);
        match rule {
            Some(rule) if mistakes.0.is_empty() => Ok(rule),
            _ => Err(mistakes.0),
        }
    }
}

fn read_rule(value: &Value, mistakes: &mut Mistakes) -> Option<Rule> {
    let object = Object::of(value, "", mistakes)?;
    object.close(&[RULE_FIELDS], mistakes);
    if object.get("name").is_none() {
        mistakes.add("/name", "it is missing");
    }
    let name = object.text("name", MAX_NAME_CHARS, mistakes);
    object.text("about", MAX_ABOUT_CHARS, mistakes);
    let severity = object.word(
        "severity",
        &Severity::ALL.map(|one| (one.as_str(), one)),
        mistakes,
    );
    let pers = [Per::Interaction, Per::Turn].map(|per| (per.as_str(), per));
    let per = object.word("per", &pers, mistakes);
    let check = object.word(
        "check",
        &Check::ALL.map(|one| (one.as_str(), one)),
        mistakes,
    );
    let alert = object.flag("alert", mistakes);
    let enabled = object.flag("enabled", mistakes);
    let channels = channels(&object, mistakes);
    let per = per.unwrap_or(Per::Interaction);
    let conditions = conditions(&object, per, mistakes)?;
    let when = when(&object, &conditions, mistakes)?;
    let rule = Rule {
        name: name?.to_owned(),
        severity: severity.unwrap_or(Severity::Warning),
        per,
        alert: alert.unwrap_or(false),
        check: check.unwrap_or(Check::Allow),
        channels,
        enabled: enabled.unwrap_or(true),
        conditions,
        when,
    };
    check_whole(&rule, mistakes);
    Some(rule)
}

fn channels(object: &Object<'_>, mistakes: &mut Mistakes) -> Vec<Channel> {
    let mut channels = Vec::new();
    object.texts(
        "channels",
        mistakes,
        |given, pointer, mistakes| match given.parse::<Channel>() {
            Ok(channel) => channels.push(channel),
            Err(_) => {
                let known = listed(given, Channel::ALL.iter().map(|one| one.as_str()));
                mistakes.add(pointer, format!("expected one of {known}"));
            }
        },
    );
    channels
}

fn conditions(object: &Object<'_>, per: Per, mistakes: &mut Mistakes) -> Option<Vec<Condition>> {
    let items = object.get("conditions").and_then(Value::as_array);
    let items = items.filter(|items| (1..=MAX_CONDITIONS).contains(&items.len()));
    let Some(items) = items else {
        mistakes.add(
            "/conditions",
            format!("expected a list of 1 to {MAX_CONDITIONS} conditions"),
        );
        return None;
    };
    let ids: Vec<String> = (0..items.len())
        .map(|place| condition_id(items, place, mistakes))
        .collect();
    let read = items.iter().enumerate().map(|(place, item)| {
        let at = format!("/conditions/{place}");
        let object = Object::of(item, &at, mistakes)?;
        condition(&object, &ids, place, per, mistakes)
    });
    let read: Vec<Option<Condition>> = read.collect();
    read.into_iter().collect()
}

/// The name of a condition: as given, else a letter.
fn condition_id(items: &[Value], place: usize, mistakes: &mut Mistakes) -> String {
    let pointer = || format!("/conditions/{place}/id");
    let letter = || {
        LETTERS
            .get(place)
            .map_or('x', |c| char::from(*c))
            .to_string()
    };
    let given = items.get(place).and_then(|item| item.get("id"));
    let Some(given) = given.filter(|given| !given.is_null()) else {
        return letter();
    };
    let id = given.as_str().unwrap_or_default();
    let is_word = ["and", "or", "not"].contains(&id.to_ascii_lowercase().as_str());
    if !(1..=40).contains(&id.chars().count()) || !id.chars().all(is_name) || is_word {
        mistakes.add(
            pointer(),
            "expected 1 to 40 letters, digits, _ or -, and not and, or, not",
        );
        return letter();
    }
    let earlier = items.iter().take(place);
    if earlier
        .filter_map(|item| item.get("id"))
        .any(|other| other == given)
    {
        mistakes.add(pointer(), "another condition has this name");
    }
    id.to_owned()
}

fn condition(
    object: &Object<'_>,
    ids: &[String],
    place: usize,
    per: Per,
    mistakes: &mut Mistakes,
) -> Option<Condition> {
    let role = object.word("role", &SPEAKERS, mistakes).flatten();
    let range = range(object, per, mistakes);
    let anchor = anchor(object, ids, place, per, mistakes);
    let operators = Operator::NAMES.map(|name| (name, name));
    if object.get("operator").is_none() {
        let known = Operator::NAMES.join(", ");
        mistakes.add(
            object.pointer("operator"),
            format!("it is missing; expected one of {known}"),
        );
    }
    let operator = object.word("operator", &operators, mistakes)?;
    let operator = operator_of(operator, object, mistakes)?;
    if per == Per::Turn && matches!(operator, Operator::MissingPhrase { .. }) {
        mistakes.add(
            object.pointer("operator"),
            "what is missing is known of an interaction, not of a turn: set `per` to interaction",
        );
    }
    if per == Per::Turn && matches!(operator, Operator::ScriptOrder { .. }) {
        mistakes.add(
            object.pointer("operator"),
            "a script is followed over an interaction: set `per` to interaction",
        );
    }
    let role = match operator {
        Operator::RepeatedQuestion { .. } if role.is_some_and(|r| r != Speaker::Customer) => {
            mistakes.add(object.pointer("role"), "expected customer, or no role");
            Some(Speaker::Customer)
        }
        Operator::RepeatedQuestion { .. } => Some(Speaker::Customer),
        _ => role,
    };
    Some(Condition {
        id: ids.get(place).cloned().unwrap_or_default(),
        role,
        range,
        anchor,
        operator,
    })
}

fn range(object: &Object<'_>, per: Per, mistakes: &mut Mistakes) -> Range {
    let mut range = Range::default();
    let Some(value) = object.get("range") else {
        return range;
    };
    let Some(object) = Object::of(value, &object.pointer("range"), mistakes) else {
        return range;
    };
    object.close(&[&["turns", "ms", "last_turns"]], mistakes);
    let mut span = |name: &str, most: i64| {
        let value = object.get(name)?;
        let span = Object::of(value, &object.pointer(name), mistakes)?;
        span.close(&[&["from", "to"]], mistakes);
        let from = span.whole("from", 0, most, mistakes);
        let to = span.whole("to", 0, most, mistakes);
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            mistakes.add(
                span.pointer("to"),
                "expected a number that is not below `from`",
            );
        }
        Some((from, to))
    };
    if let Some((from, to)) = span("turns", 10_000) {
        range.from_turn = from.and_then(|n| u16::try_from(n).ok());
        range.to_turn = to.and_then(|n| u16::try_from(n).ok());
    }
    if let Some((from, to)) = span("ms", DAY_MS) {
        range.from_ms = from.and_then(|n| u32::try_from(n).ok());
        range.to_ms = to.and_then(|n| u32::try_from(n).ok());
    }
    let last = object.whole("last_turns", 1, 100, mistakes);
    range.last_turns = last.and_then(|n| u16::try_from(n).ok());
    if per == Per::Turn && range.last_turns.is_some() {
        mistakes.add(
            object.pointer("last_turns"),
            "which turns are the last is known of an interaction, not of a turn: set `per` to interaction",
        );
    }
    range
}

fn anchor(
    object: &Object<'_>,
    ids: &[String],
    place: usize,
    per: Per,
    mistakes: &mut Mistakes,
) -> Option<Anchor> {
    let value = object.get("anchor")?;
    let object = Object::of(value, &object.pointer("anchor"), mistakes)?;
    object.close(
        &[&["after", "before", "within_turns", "within_ms"]],
        mistakes,
    );
    let within_turns = object.whole("within_turns", 1, 1_000, mistakes);
    let within_ms = object.whole("within_ms", 1, DAY_MS, mistakes);
    let (name, side) = match (object.get("after"), object.get("before")) {
        (Some(_), None) => ("after", Side::After),
        (None, Some(_)) => ("before", Side::Before),
        _ => {
            mistakes.add(object.at.clone(), "expected one of after, before");
            return None;
        }
    };
    if per == Per::Turn && side == Side::Before {
        mistakes.add(
            object.pointer(name),
            "what comes later is not known of a turn: set `per` to interaction, or use after",
        );
    }
    let given = object.get(name).and_then(Value::as_str).unwrap_or_default();
    let others = || ids.iter().enumerate().filter(|(other, _)| *other != place);
    let other = others()
        .find(|(_, id)| *id == given)
        .map(|(other, _)| other);
    if other.is_none() {
        let known = listed(given, others().map(|(_, id)| id.as_str()));
        let what = if known.is_empty() {
            "there is no other condition".to_owned()
        } else {
            format!("expected another condition of the rule: {known}")
        };
        mistakes.add(object.pointer(name), what);
    }
    Some(Anchor {
        other: other?,
        side,
        within_turns: within_turns.and_then(|n| u16::try_from(n).ok()),
        within_ms: within_ms.and_then(|n| u32::try_from(n).ok()),
    })
}

fn when(
    object: &Object<'_>,
    conditions: &[Condition],
    mistakes: &mut Mistakes,
) -> Option<Expression> {
    if object.get("when").is_none() {
        return Some(Expression::all_of(conditions.len()));
    }
    let text = object.text("when", 1_000, mistakes)?;
    let names: Vec<&str> = conditions.iter().map(|one| one.id.as_str()).collect();
    Expression::read(text, &names)
        .map_err(|error| mistakes.add("/when", error))
        .ok()
}

/// What is wrong with the parts together.
fn check_whole(rule: &Rule, mistakes: &mut Mistakes) {
    let mut used = Vec::new();
    rule.when.conditions(&mut used);
    let anchors = rule.conditions.iter().filter_map(|one| one.anchor);
    used.extend(anchors.map(|anchor| anchor.other));
    for (place, condition) in rule.conditions.iter().enumerate() {
        if !used.contains(&place) {
            mistakes.add(
                "/when",
                format!(
                    "the condition {} is not used: name it, or remove it",
                    condition.id
                ),
            );
        }
        let other = condition.anchor.and_then(|a| rule.conditions.get(a.other));
        if other.is_some_and(|other| other.anchor.is_some() || other.operator.is_absence()) {
            mistakes.add(
                format!("/conditions/{place}/anchor"),
                "the other condition has an anchor itself or is about what is missing; name one that is found in a turn",
            );
        }
    }
    let mut none = |_| super::expression::Truth::False;
    if rule.per == Per::Turn && rule.when.value(&mut none) == super::expression::Truth::True {
        mistakes.add(
            "/when",
            "it is true of a turn in which nothing is found: add a condition that must hold",
        );
    }
}

fn operator_of(name: &str, object: &Object<'_>, mistakes: &mut Mistakes) -> Option<Operator> {
    let mut close = |fields: &[&str]| object.close(&[COMMON_FIELDS, fields], mistakes);
    match name {
        "keywords" => {
            close(&["any", "all", "none", "near"]);
            keywords(object, mistakes)
        }
        "regex" => {
            close(&["pattern"]);
            regex(object, mistakes)
        }
        "similarity" => {
            close(&["to", "at_least"]);
            let to = object.words("to", mistakes);
            if to.is_empty() {
                mistakes.add(object.pointer("to"), "expected a list with a phrase");
            }
            let at_least = object.number("at_least", 0.2, 1.0, mistakes).unwrap_or(0.7);
            Some(Operator::Similarity { to, at_least })
        }
        "repeated_question" => {
            close(&["at_least", "times"]);
            let at_least = object.number("at_least", 0.2, 1.0, mistakes).unwrap_or(0.6);
            let times = object.whole("times", 1, 9, mistakes).unwrap_or(1);
            let times = u8::try_from(times).unwrap_or(1);
            Some(Operator::RepeatedQuestion { at_least, times })
        }
        "silence" => {
            close(&["at_least_ms", "after"]);
            let after = object.word("after", &SPEAKERS, mistakes).flatten();
            let at_least_ms = duration(object, "at_least_ms", mistakes)?;
            Some(Operator::Silence { at_least_ms, after })
        }
        "talk_speed" => {
            close(&["unit", "above", "below", "min_ms"]);
            talk_speed(object, mistakes)
        }
        "over_talk" => {
            close(&["at_least_ms"]);
            let at_least_ms = duration(object, "at_least_ms", mistakes)?;
            Some(Operator::OverTalk { at_least_ms })
        }
        "sentiment_run" => {
            close(&["label", "turns"]);
            let labels = [("negative", -1), ("positive", 1)];
            let label = object.word("label", &labels, mistakes).unwrap_or(-1);
            let turns = object.whole("turns", 1, 20, mistakes).unwrap_or(2);
            let turns = u8::try_from(turns).unwrap_or(2);
            Some(Operator::SentimentRun { label, turns })
        }
        "missing_phrase" => {
            close(&["phrase", "any", "similar"]);
            missing_phrase(object, mistakes)
        }
        "sensitive_words" => {
            close(&["groups", "words", "except", "personal"]);
            sensitive_words(object, mistakes)
        }
        _ => {
            close(&["steps", "allow_skips"]);
            script_order(object, mistakes)
        }
    }
}

fn duration(object: &Object<'_>, name: &str, mistakes: &mut Mistakes) -> Option<i64> {
    if object.get(name).is_none() {
        mistakes.add(object.pointer(name), "it is missing: milliseconds");
    }
    object.whole(name, 1, DAY_MS, mistakes)
}

fn keywords(object: &Object<'_>, mistakes: &mut Mistakes) -> Option<Operator> {
    let any = object.words("any", mistakes);
    let all = object.words("all", mistakes);
    let none = object.words("none", mistakes);
    if all.len() > 32 {
        mistakes.add(object.pointer("all"), "expected at most 32 words");
    }
    let near = object.get("near").and_then(|value| {
        let near = Object::of(value, &object.pointer("near"), mistakes)?;
        near.close(&[&["words", "within_chars"]], mistakes);
        let words = near.words("words", mistakes);
        if !(2..=8).contains(&words.len()) {
            mistakes.add(near.pointer("words"), "expected 2 to 8 different words");
        }
        let within = near.whole("within_chars", 1, 1_000, mistakes).unwrap_or(20);
        Some(Near {
            words,
            within_chars: u32::try_from(within).unwrap_or(20),
        })
    });
    if any.is_empty() && all.is_empty() && none.is_empty() && near.is_none() {
        mistakes.add(
            object.at.clone(),
            "expected at least one of any, all, none, near with words",
        );
    }
    Some(Operator::Keywords {
        any,
        all,
        none,
        near,
    })
}

fn regex(object: &Object<'_>, mistakes: &mut Mistakes) -> Option<Operator> {
    if object.get("pattern").is_none() {
        mistakes.add(object.pointer("pattern"), "it is missing");
    }
    let pattern = object.text("pattern", MAX_PATTERN_CHARS, mistakes)?;
    match super::pattern::compile(pattern) {
        Ok(_) => Some(Operator::Regex {
            pattern: pattern.to_owned(),
        }),
        Err(why) => {
            mistakes.add(object.pointer("pattern"), why);
            None
        }
    }
}

fn talk_speed(object: &Object<'_>, mistakes: &mut Mistakes) -> Option<Operator> {
    let units = [
        ("characters", SpeedUnit::Characters),
        ("words", SpeedUnit::Words),
    ];
    let unit = object.word("unit", &units, mistakes);
    let above = object.number("above", 1.0, 10_000.0, mistakes);
    let below = object.number("below", 1.0, 10_000.0, mistakes);
    if above.is_none() && below.is_none() {
        mistakes.add(
            object.at.clone(),
            "expected at least one of above, below: units a minute",
        );
    }
    let min_ms = object.whole("min_ms", 0, DAY_MS, mistakes).unwrap_or(2_000);
    Some(Operator::TalkSpeed {
        unit: unit.unwrap_or(SpeedUnit::Characters),
        above,
        below,
        min_ms,
    })
}

fn missing_phrase(object: &Object<'_>, mistakes: &mut Mistakes) -> Option<Operator> {
    let mut phrases = object.words("any", mistakes);
    if let Some(given) = object.get("phrase") {
        let given = given.as_str().unwrap_or_default();
        match entries(PHRASES, given) {
            Some(found) => phrases.extend(found.iter().map(|word| (*word).to_owned())),
            None => {
                let known = listed(given, names(PHRASES));
                mistakes.add(object.pointer("phrase"), format!("expected one of {known}"));
                return None;
            }
        }
    }
    if phrases.is_empty() {
        mistakes.add(
            object.at.clone(),
            "expected at least one of phrase (the name of a list) and any (phrases)",
        );
    }
    let similar = object.number("similar", 0.2, 1.0, mistakes);
    Some(Operator::MissingPhrase { phrases, similar })
}

fn sensitive_words(object: &Object<'_>, mistakes: &mut Mistakes) -> Option<Operator> {
    let mut words = object.words("words", mistakes);
    object.lists("groups", GROUPS, &mut words, mistakes);
    let except = object.words("except", mistakes);
    let mut personal = Vec::new();
    object.texts(
        "personal",
        mistakes,
        |given, pointer, mistakes| match PERSONAL.iter().find(|(kind, _)| *kind == given) {
            Some((_, tag)) => personal.push(*tag),
            None => {
                let known = listed(given, PERSONAL.iter().map(|(kind, _)| *kind));
                mistakes.add(pointer, format!("expected one of {known}"));
            }
        },
    );
    if words.is_empty() && personal.is_empty() {
        mistakes.add(
            object.at.clone(),
            "expected at least one of groups, words, personal",
        );
    }
    Some(Operator::SensitiveWords {
        words,
        except,
        personal,
    })
}

fn script_order(object: &Object<'_>, mistakes: &mut Mistakes) -> Option<Operator> {
    let items = object.get("steps").and_then(Value::as_array);
    let items = items.filter(|items| (2..=MAX_STEPS).contains(&items.len()));
    let Some(items) = items else {
        mistakes.add(
            object.pointer("steps"),
            format!("expected a list of 2 to {MAX_STEPS} steps"),
        );
        return None;
    };
    let mut steps = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = format!("{}/{index}", object.pointer("steps"));
        let step = Object::of(item, &at, mistakes)?;
        step.close(&[&["phrase", "any"]], mistakes);
        let mut phrases = step.words("any", mistakes);
        if let Some(given) = step.get("phrase") {
            let given = given.as_str().unwrap_or_default();
            match entries(PHRASES, given) {
                Some(found) => phrases.extend(found.iter().map(|word| (*word).to_owned())),
                None => {
                    let known = listed(given, names(PHRASES));
                    mistakes.add(step.pointer("phrase"), format!("expected one of {known}"));
                }
            }
        }
        if phrases.is_empty() {
            mistakes.add(at, "expected at least one of phrase, any");
        }
        steps.push(phrases);
    }
    let allow_skips = object.flag("allow_skips", mistakes).unwrap_or(true);
    Some(Operator::ScriptOrder { steps, allow_skips })
}

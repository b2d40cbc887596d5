//! All rules in force as one set of automata: every word of every rule in one Aho-Corasick, the patterns that
//! no word announces in one `RegexSet`, samples in one index of character pairs.
//!
//! Invariants: a turn is read a fixed number of times, however many rules there are; conditions have numbers
//! that are places in one list; the set never changes after it was made. Not here: what is remembered of an
//! interaction (`talk`), values and hits (`judge`).

use std::collections::{BTreeMap, HashMap};

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexSet, RegexSetBuilder};

use super::expression::Expression;
use super::pairs::pair_set;
use super::pattern;
use super::rule::{Anchor, Condition, Operator, Per, Rule, Side};
use crate::domain::Speaker;

/// Most conditions of a set.
pub const MAX_CONDITIONS_IN_SET: usize = 20_000;
const MAX_SET_BYTES: usize = 64 << 20;

/// A rule with its identity.
#[derive(Clone, Debug)]
pub struct Versioned {
    /// Its id.
    pub id: String,
    /// 1, 2, 3 …
    pub version: i64,
    /// The rule.
    pub rule: Rule,
}

/// Why rules can't be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Too many conditions.
    #[error(
        "the rules in force have {found} conditions, at most {MAX_CONDITIONS_IN_SET} fit; switch some rules off"
    )]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// The automata would be too large.
    #[error(
        "the words and patterns of the rules in force are too large together; switch some rules off"
    )]
    TooLarge,
}

/// What a word means to a condition.
#[derive(Clone, Copy, Debug)]
pub(super) enum Use {
    /// One of several.
    Any,
    /// One of all, by number.
    All(u8),
    /// It must not be there.
    None,
    /// One of those that stand close to each other, by number.
    Near(u8),
    /// A hit inside of it is none.
    Except,
    /// A step of a script.
    Step(u8),
}

/// A rule as it is judged.
pub(super) struct CompiledRule {
    /// First condition, in the list of all.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// Whether it can be true although nothing was found.
    pub by_absence: bool,
}

/// A condition as it is judged.
pub(super) struct CompiledCondition {
    /// Its rule.
    pub rule: u16,
    /// What was read.
    pub read: Condition,
    /// Conditions that are anchored after it.
    pub followers: Vec<u16>,
    /// Conditions that are anchored before it.
    pub preceders: Vec<u16>,
    /// Whether what was found is remembered beyond the turn.
    pub is_kept: bool,
    /// All bits of `all`.
    pub all_bits: u32,
    /// Whether it can hold in a turn in which no word was found (only `none`).
    pub by_absence: bool,
}

impl CompiledCondition {
    /// Whether it looks at turns of this role.
    pub fn looks_at(&self, speaker: Speaker) -> bool {
        self.read.role.is_none_or(|role| role == speaker)
    }
}

/// A threshold with the condition that it belongs to.
pub(super) type Threshold = (i64, u16);

/// The rules in force; see the module.
pub struct RuleSet {
    /// The rules as they were read.
    rules: Vec<Versioned>,
    pub(super) compiled: Vec<CompiledRule>,
    pub(super) conditions: Vec<CompiledCondition>,
    pub(super) words: Option<AhoCorasick>,
    /// Where the uses of a word begin, by word; one more than there are words.
    pub(super) uses_from: Vec<u32>,
    pub(super) uses: Vec<(u16, Use)>,
    /// Whether a word begins or ends with a letter that must not go on.
    pub(super) edges: Vec<(bool, bool)>,
    /// Patterns that a word announces, by place; and the words.
    pub(super) gated: Vec<(u16, Regex)>,
    pub(super) gates_from: Vec<u32>,
    pub(super) gates: Vec<u16>,
    /// Patterns without such a word.
    pub(super) open_patterns: Option<RegexSet>,
    pub(super) open_conditions: Vec<(u16, Regex)>,
    /// Samples: condition, number of pairs, threshold.
    pub(super) samples: Vec<(u16, u32, f64)>,
    pub(super) sample_pairs: HashMap<u32, Vec<u32>>,
    pub(super) silences: Vec<Threshold>,
    pub(super) over_talks: Vec<Threshold>,
    pub(super) speeds: Vec<u16>,
    /// By label (negative, positive): turns and condition.
    pub(super) runs: [Vec<Threshold>; 2],
    /// Repeated questions.
    pub(super) repeats: Vec<u16>,
    /// Conditions that are asked at every turn.
    pub(super) always: Vec<u16>,
    /// Rules that a count of turns may decide, by role (the last: everybody) and count.
    pub(super) by_count: [BTreeMap<u16, Vec<u16>>; 5],
    /// Rules that a time may decide.
    pub(super) by_time: Vec<(u32, u16)>,
    /// Rules that the end may decide though nothing was found.
    pub(super) at_end: Vec<u16>,
}

/// The place of a role in lists by role.
pub(super) const fn role_place(role: Option<Speaker>) -> usize {
    match role {
        Some(Speaker::Customer) => 0,
        Some(Speaker::Agent) => 1,
        Some(Speaker::Bot) => 2,
        Some(Speaker::System) => 3,
        None => 4,
    }
}

#[derive(Default)]
struct Builder {
    words: Vec<String>,
    places: HashMap<String, usize>,
    uses: Vec<Vec<(u16, Use)>>,
    gates: Vec<Vec<u16>>,
    gated: Vec<(u16, Regex)>,
    open: Vec<(u16, Regex)>,
    samples: Vec<(u16, u32, f64)>,
    sample_pairs: HashMap<u32, Vec<u32>>,
    silences: Vec<Threshold>,
    over_talks: Vec<Threshold>,
    speeds: Vec<u16>,
    runs: [Vec<Threshold>; 2],
    repeats: Vec<u16>,
    always: Vec<u16>,
}

impl Builder {
    fn word(&mut self, word: &str) -> usize {
        if let Some(place) = self.places.get(word) {
            return *place;
        }
        let place = self.words.len();
        self.words.push(word.to_owned());
        self.places.insert(word.to_owned(), place);
        self.uses.push(Vec::new());
        self.gates.push(Vec::new());
        place
    }

    fn use_word(&mut self, word: &str, condition: u16, how: Use) {
        let place = self.word(word);
        if let Some(uses) = self.uses.get_mut(place) {
            uses.push((condition, how));
        }
    }

    fn use_words(&mut self, words: &[String], condition: u16, how: Use) {
        for word in words {
            self.use_word(word, condition, how);
        }
    }

    fn use_numbered(&mut self, words: &[String], condition: u16, how: fn(u8) -> Use) {
        for (number, word) in words.iter().enumerate() {
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            self.use_word(word, condition, how(number));
        }
    }

    fn samples(&mut self, phrases: &[String], condition: u16, at_least: f64) {
        for phrase in phrases {
            let pairs = pair_set(phrase);
            let Ok(size) = u32::try_from(pairs.len()) else {
                continue;
            };
            let sample = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
            self.samples.push((condition, size, at_least));
            for pair in pairs {
                self.sample_pairs.entry(pair).or_default().push(sample);
            }
        }
    }

    fn pattern(&mut self, text: &str, condition: u16) {
        // It was compiled when it was read.
        let Ok(pattern) = pattern::compile(text) else {
            return;
        };
        let Some(literals) = pattern.literals else {
            return self.open.push((condition, pattern.regex));
        };
        let number = u16::try_from(self.gated.len()).unwrap_or(u16::MAX);
        self.gated.push((condition, pattern.regex));
        for literal in literals {
            let place = self.word(&literal);
            if let Some(gates) = self.gates.get_mut(place) {
                gates.push(number);
            }
        }
    }

    fn condition(&mut self, number: u16, operator: &Operator) {
        match operator {
            Operator::Keywords {
                any,
                all,
                none,
                near,
            } => {
                self.use_words(any, number, Use::Any);
                self.use_numbered(all, number, Use::All);
                self.use_words(none, number, Use::None);
                if let Some(near) = near {
                    self.use_numbered(&near.words, number, Use::Near);
                }
                if any.is_empty() && all.is_empty() && near.is_none() {
                    self.always.push(number);
                }
            }
            Operator::Regex { pattern } => self.pattern(pattern, number),
            Operator::Similarity { to, at_least } => self.samples(to, number, *at_least),
            Operator::RepeatedQuestion { .. } => self.repeats.push(number),
            Operator::Silence { at_least_ms, .. } => self.silences.push((*at_least_ms, number)),
            Operator::TalkSpeed { .. } => self.speeds.push(number),
            Operator::OverTalk { at_least_ms } => self.over_talks.push((*at_least_ms, number)),
            Operator::SentimentRun { label, turns } => {
                let [negative, positive] = &mut self.runs;
                let runs = if *label < 0 { negative } else { positive };
                runs.push((i64::from(*turns), number));
            }
            Operator::MissingPhrase { phrases, similar } => {
                self.use_words(phrases, number, Use::Any);
                if let Some(at_least) = similar {
                    self.samples(phrases, number, *at_least);
                }
            }
            Operator::SensitiveWords {
                words,
                except,
                personal,
            } => {
                self.use_words(words, number, Use::Any);
                self.use_words(except, number, Use::Except);
                for tag in personal {
                    self.use_word(tag, number, Use::Any);
                }
            }
            Operator::ScriptOrder { steps, .. } => {
                for (step, phrases) in steps.iter().enumerate() {
                    let step = u8::try_from(step).unwrap_or(u8::MAX);
                    self.use_words(phrases, number, Use::Step(step));
                }
            }
        }
    }
}

impl RuleSet {
    /// Compiles the rules that are in force; the others are left out.
    ///
    /// # Errors
    /// When they are too many or too large together.
    pub fn compile(rules: Vec<Versioned>) -> Result<Self, CompileError> {
        let rules: Vec<Versioned> = rules.into_iter().filter(|one| one.rule.enabled).collect();
        let found = rules.iter().map(|one| one.rule.conditions.len()).sum();
        if found > MAX_CONDITIONS_IN_SET || rules.len() > MAX_CONDITIONS_IN_SET {
            return Err(CompileError::TooMany { found });
        }
        let mut builder = Builder::default();
        let (mut compiled, mut conditions) = (Vec::new(), Vec::new());
        for (place, versioned) in rules.iter().enumerate() {
            let first = conditions.len();
            compiled.push(compiled_rule(&versioned.rule, first));
            let place = number(place);
            conditions.extend(compiled_conditions(&versioned.rule, place, first));
        }
        for (place, condition) in conditions.iter().enumerate() {
            builder.condition(number(place), &condition.read.operator);
        }
        Self::assemble(rules, compiled, conditions, builder)
    }

    fn assemble(
        rules: Vec<Versioned>,
        compiled: Vec<CompiledRule>,
        conditions: Vec<CompiledCondition>,
        mut builder: Builder,
    ) -> Result<Self, CompileError> {
        let words = words_of(&builder.words)?;
        let open_patterns = set_of(&builder.open)?;
        for list in [&mut builder.silences, &mut builder.over_talks] {
            list.sort_unstable();
        }
        builder
            .runs
            .iter_mut()
            .for_each(|runs| runs.sort_unstable());
        let (uses_from, uses) = flat(&builder.uses);
        let (gates_from, gates) = flat(&builder.gates);
        let edges = builder.words.iter().map(|word| edges_of(word)).collect();
        let mut set = Self {
            rules,
            compiled,
            conditions,
            words,
            uses_from,
            uses,
            edges,
            gated: builder.gated,
            gates_from,
            gates,
            open_patterns,
            open_conditions: builder.open,
            samples: builder.samples,
            sample_pairs: builder.sample_pairs,
            silences: builder.silences,
            over_talks: builder.over_talks,
            speeds: builder.speeds,
            runs: builder.runs,
            repeats: builder.repeats,
            always: builder.always,
            by_count: Default::default(),
            by_time: Vec::new(),
            at_end: Vec::new(),
        };
        set.plan_closings();
        Ok(set)
    }

    /// When rules may become true because something can't be found any more.
    fn plan_closings(&mut self) {
        for condition in &self.conditions {
            let rule = self.compiled.get(usize::from(condition.rule));
            if !rule.is_some_and(|rule| rule.by_absence) {
                continue;
            }
            let range = condition.read.range;
            if let Some(count) = range.to_turn
                && let Some(by_count) = self.by_count.get_mut(role_place(condition.read.role))
            {
                by_count.entry(count).or_default().push(condition.rule);
            }
            if let Some(ms) = range.to_ms {
                self.by_time.push((ms, condition.rule));
            }
        }
        self.by_time.sort_unstable();
        self.by_time.dedup();
        for (place, compiled) in self.compiled.iter().enumerate() {
            if compiled.by_absence {
                self.at_end.push(number(place));
            }
        }
    }

    /// The rules in force, in the order of their numbers.
    #[must_use]
    pub fn rules(&self) -> &[Versioned] {
        &self.rules
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// A set without rules.
    #[must_use]
    pub fn none() -> Self {
        Self {
            rules: Vec::new(),
            compiled: Vec::new(),
            conditions: Vec::new(),
            words: None,
            uses_from: vec![0],
            uses: Vec::new(),
            edges: Vec::new(),
            gated: Vec::new(),
            gates_from: vec![0],
            gates: Vec::new(),
            open_patterns: None,
            open_conditions: Vec::new(),
            samples: Vec::new(),
            sample_pairs: HashMap::new(),
            silences: Vec::new(),
            over_talks: Vec::new(),
            speeds: Vec::new(),
            runs: [Vec::new(), Vec::new()],
            repeats: Vec::new(),
            always: Vec::new(),
            by_count: Default::default(),
            by_time: Vec::new(),
            at_end: Vec::new(),
        }
    }
}

/// Numbers of conditions and rules are below 65,536: their count is limited.
pub(super) fn number(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

fn compiled_rule(rule: &Rule, first: usize) -> CompiledRule {
    CompiledRule {
        first,
        count: rule.conditions.len(),
        by_absence: rule.per == Per::Interaction && has_absence(rule),
    }
}

/// Whether something that is missing, or `not`, or an end counted from the last turns plays a part.
fn has_absence(rule: &Rule) -> bool {
    let late = |one: &Condition| one.operator.is_absence() || one.range.last_turns.is_some();
    rule.conditions.iter().any(late) || negates(&rule.when)
}

fn negates(expression: &Expression) -> bool {
    match expression {
        Expression::Condition(_) => false,
        Expression::Not(_) => true,
        Expression::All(parts) | Expression::Any(parts) => parts.iter().any(negates),
    }
}

fn compiled_conditions(
    rule: &Rule,
    place: u16,
    first: usize,
) -> impl Iterator<Item = CompiledCondition> {
    rule.conditions
        .iter()
        .enumerate()
        .map(move |(local, read)| {
            let anchored = |other: &Condition| other.anchor.is_some_and(|a| a.other == local);
            let beside = |side: Side| {
                let others = rule.conditions.iter().enumerate();
                let is_beside = |anchor: Anchor| anchor.other == local && anchor.side == side;
                let others = others.filter(|(_, other)| other.anchor.is_some_and(is_beside));
                let others = others.map(|(other, _)| number(first + other));
                others.collect::<Vec<u16>>()
            };
            let all_bits = match &read.operator {
                Operator::Keywords { all, .. } => {
                    u32::try_from((1_u64 << all.len().min(32)) - 1).unwrap_or(u32::MAX)
                }
                _ => 0,
            };
            CompiledCondition {
                rule: place,
                followers: beside(Side::After),
                preceders: beside(Side::Before),
                is_kept: rule.per == Per::Interaction || rule.conditions.iter().any(anchored),
                all_bits,
                by_absence: matches!(&read.operator, Operator::Keywords { any, all, near, .. }
                if any.is_empty() && all.is_empty() && near.is_none()),
                read: read.clone(),
            }
        })
}

fn words_of(words: &[String]) -> Result<Option<AhoCorasick>, CompileError> {
    if words.is_empty() {
        return Ok(None);
    }
    let built = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(aho_corasick::AhoCorasickKind::ContiguousNFA))
        .build(words)
        .map_err(|_| CompileError::TooLarge)?;
    if built.memory_usage() > MAX_SET_BYTES {
        return Err(CompileError::TooLarge);
    }
    Ok(Some(built))
}

fn set_of(open: &[(u16, Regex)]) -> Result<Option<RegexSet>, CompileError> {
    if open.is_empty() {
        return Ok(None);
    }
    RegexSetBuilder::new(open.iter().map(|(_, regex)| regex.as_str()))
        .case_insensitive(true)
        .size_limit(MAX_SET_BYTES)
        .dfa_size_limit(MAX_SET_BYTES)
        .build()
        .map(Some)
        .map_err(|_| CompileError::TooLarge)
}

fn flat<T: Copy>(lists: &[Vec<T>]) -> (Vec<u32>, Vec<T>) {
    let mut from = vec![0];
    let mut all = Vec::new();
    for list in lists {
        all.extend_from_slice(list);
        from.push(u32::try_from(all.len()).unwrap_or(u32::MAX));
    }
    (from, all)
}

/// A word of letters with spaces between them must stand alone: `hi` is not in `this`.
fn edges_of(word: &str) -> (bool, bool) {
    (
        word.chars().next().is_some_and(is_spaced),
        word.chars().next_back().is_some_and(is_spaced),
    )
}

/// Letters of scripts that put spaces between words.
pub(super) fn is_spaced(c: char) -> bool {
    c.is_ascii_alphanumeric() || (c.is_alphabetic() && c < '\u{2e80}')
}

//! Labelled examples out of the text of files: tables, JSON lines, word lists, own lines, rated
//! dialogues.
//!
//! Invariants: pure (text in, examples out), in the order of the file; [`deduplicate`] keeps the
//! first of texts that differ in punctuation, width, case or spaces only, over all corpora.
//! Not here: reading files (`cli`), learning (`train`).

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::enrich::normalise::for_matching;

/// One labelled text.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What was said.
    pub text: String,
    /// The turn of the other side before.
    pub previous: Option<String>,
    /// Customer turns before this one, where known.
    pub position: Option<u32>,
    /// Likeness with earlier turns, where known.
    pub repeated: Option<f32>,
    /// Probability of the class: 1, 0, or between for what is neither.
    pub target: f32,
    /// Weight in the loss.
    pub weight: f32,
    /// Whether it takes part in calibration (real texts do, word lists do not).
    pub is_real: bool,
    /// The dialogue or category it belongs to, for grouped folds; 0 when alone.
    pub group: u32,
}

impl Example {
    /// A text by itself.
    #[must_use]
    pub fn new(text: &str, target: f32, weight: f32, is_real: bool) -> Self {
        Self {
            text: text.to_owned(),
            previous: None,
            position: None,
            repeated: None,
            target,
            weight,
            is_real,
            group: 0,
        }
    }
}

/// Whether a text belongs to the part that is only scored: the first byte of its SHA-256 is below
/// 51 (a fifth).
#[must_use]
pub fn is_test(text: &str) -> bool {
    Sha256::digest(text.as_bytes())
        .first()
        .is_some_and(|b| *b < 51)
}

/// What texts are the same for [`deduplicate`]: letters and digits of the matching form.
#[must_use]
pub fn identity(text: &str) -> String {
    for_matching(text)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}

/// Drops every example whose text was there before, in any corpus; call before any split. Turns
/// of dialogues stay: "yes" after another question is another example.
pub fn deduplicate(examples: &mut Vec<Example>) {
    let mut seen = HashSet::new();
    examples.retain(|e| !e.is_real || e.position.is_some() || seen.insert(identity(&e.text)));
}

/// Rows of comma- or tab-separated text with quotes; the first row names the columns.
#[must_use]
pub fn table(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            c if c == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// Text and label of each row of a table or of JSON lines; rows without both are left out.
#[must_use]
pub fn labelled(content: &str, text: &str, label: &str) -> Vec<(String, String)> {
    if content.trim_start().starts_with('{') {
        return content
            .lines()
            .filter_map(|line| {
                let row: Value = serde_json::from_str(line).ok()?;
                Some((row.get(text)?.as_str()?.to_owned(), plain(row.get(label)?)))
            })
            .collect();
    }
    let delimiter = match content.lines().next() {
        Some(head) if head.contains('\t') => '\t',
        _ => ',',
    };
    let mut rows = table(content, delimiter).into_iter();
    let head = rows.next().unwrap_or_default();
    let column = |name: &str| {
        head.iter()
            .position(|h| h.trim_start_matches('\u{feff}') == name)
    };
    let (Some(t), Some(l)) = (column(text), column(label)) else {
        return Vec::new();
    };
    rows.filter_map(|row| Some((row.get(t)?.clone(), row.get(l)?.clone())))
        .collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Words with a score, one a line: `word<TAB>score`. The target is 1 for a score above zero.
#[must_use]
pub fn lexicon(content: &str, weight: f32) -> Vec<Example> {
    content
        .lines()
        .filter_map(|line| {
            let (word, rest) = line.split_once('\t')?;
            let score: f32 = rest.split('\t').next()?.trim().parse().ok()?;
            let usable = score != 0.0 && word.chars().all(|c| c.is_alphanumeric() || c == '\'');
            usable.then(|| {
                let target = if score > 0.0 { 1.0 } else { 0.0 };
                Example::new(word, target, weight * score.abs().min(2.0), false)
            })
        })
        .collect()
}

/// English words with a score, also after words that strengthen or turn them.
#[must_use]
pub fn lexicon_english(content: &str, weight: f32) -> Vec<Example> {
    const SAME: [&str; 6] = ["", "so ", "very ", "really ", "is ", "i am "];
    const TURNED: [&str; 5] = ["not ", "don't ", "not very ", "no ", "never "];
    let mut out = Vec::new();
    for word in lexicon(content, weight) {
        for before in SAME {
            let text = format!("{before}{}", word.text);
            out.push(Example::new(&text, word.target, word.weight, false));
        }
        for before in TURNED {
            let text = format!("{before}{}", word.text);
            let turned = 1.0 - word.target;
            out.push(Example::new(&text, turned, word.weight * 0.5, false));
        }
    }
    out
}

/// Opinions of JSON lines with `opinions: [[text, "pos"|"neg"|…]]`, each once.
#[must_use]
pub fn opinions(content: &str, weight: f32) -> Vec<Example> {
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for line in content.lines() {
        let Ok(row) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        for opinion in row
            .get("opinions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let part = |i: usize| opinion.get(i).and_then(Value::as_str).unwrap_or_default();
            let target = match part(1) {
                "pos" => 1.0,
                "neg" => 0.0,
                _ => continue,
            };
            if seen.insert(part(0).to_owned()) {
                out.push(Example::new(part(0), target, weight, false));
            }
        }
    }
    out
}

/// What an own line is labelled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Positive or negative.
    Polarity,
    /// Dissatisfied with the service or not.
    Dissatisfaction,
}

/// Longest number of sentences that one line of [`own_lines`] is expanded to.
const EXPANDED: usize = 60;

/// Own lines: polarity, dissatisfied, the turn before, the turn; `(a|b|)` is one of. A neutral
/// polarity has the target 0.5.
#[must_use]
pub fn own_lines(content: &str, head: Head, weight: f32) -> Vec<Example> {
    let mut out = Vec::new();
    for line in content.lines().filter(|l| !l.starts_with('#')) {
        let parts: Vec<&str> = line.split('\t').collect();
        let [polarity, dissatisfied, before, turn] = parts.as_slice() else {
            continue;
        };
        let target = match (head, *polarity, *dissatisfied) {
            (Head::Dissatisfaction, _, "1") | (Head::Polarity, "pos", _) => 1.0,
            // A problem told calmly is half way; most of what is neither is no dissatisfaction.
            (Head::Dissatisfaction, "neg", _) | (Head::Polarity, "neu", _) => 0.5,
            (Head::Dissatisfaction, "neu", _) => 0.3,
            _ => 0.0,
        };
        let mut all = Vec::new();
        for before in expand(before) {
            for turn in expand(turn) {
                all.push((before.clone(), turn));
            }
        }
        let count = all.len().min(EXPANDED);
        for i in 0..count {
            if let Some((before, turn)) = all.get(i * all.len() / count) {
                let mut example = Example::new(turn, target, weight, false);
                example.previous = Some(before.clone()).filter(|b| !b.is_empty());
                out.push(example);
            }
        }
    }
    out
}

/// All texts of a template with `(a|b)` alternatives, in order.
#[must_use]
pub fn expand(template: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('(') {
        let Some((alternatives, after)) = tail.split_once(')') else {
            break;
        };
        out = out
            .iter()
            .flat_map(|start| {
                alternatives
                    .split('|')
                    .map(move |choice| format!("{start}{before}{choice}"))
            })
            .collect();
        rest = after;
    }
    for text in &mut out {
        text.push_str(rest);
    }
    out
}

/// A customer's turn of a rated dialogue.
#[derive(Debug, Clone)]
pub struct Rated {
    /// Which dialogue of the file.
    pub dialogue: u32,
    /// What was said.
    pub text: String,
    /// The system's turn before.
    pub previous: Option<String>,
    /// Customer turns before.
    pub position: u32,
    /// Likeness with the most alike earlier turn.
    pub repeated: f32,
    /// Mean rating, 1 to 5.
    pub rating: f64,
}

/// Rated dialogues: `role<TAB>text<TAB>action<TAB>ratings`, an empty line between dialogues.
#[must_use]
pub fn rated(content: &str) -> Vec<Rated> {
    let mut out = Vec::new();
    for (number, dialogue) in content.split("\n\n").enumerate() {
        let mut previous: Option<String> = None;
        let mut earlier: Vec<Vec<u32>> = Vec::new();
        for line in dialogue.lines() {
            let mut cells = line.split('\t');
            let (Some(role), Some(text)) = (cells.next(), cells.next()) else {
                continue;
            };
            if role != "USER" {
                previous = Some(text.to_owned());
                continue;
            }
            let ratings: Vec<f64> = cells
                .nth(1)
                .unwrap_or_default()
                .split(',')
                .filter_map(|r| r.trim().parse().ok())
                .collect();
            if text == "OVERALL" || ratings.is_empty() {
                continue;
            }
            let mut own: Vec<u32> = super::pairs(&super::Symbols::of(text)).take(32).collect();
            own.sort_unstable();
            own.dedup();
            let repeated = earlier
                .iter()
                .map(|e| super::likeness(&own, e))
                .fold(0.0, f32::max);
            #[expect(clippy::cast_precision_loss, reason = "a handful of raters")]
            let rating = ratings.iter().sum::<f64>() / ratings.len() as f64;
            out.push(Rated {
                dialogue: u32::try_from(number).unwrap_or(u32::MAX),
                text: text.to_owned(),
                previous: previous.clone(),
                position: u32::try_from(earlier.len()).unwrap_or(u32::MAX),
                repeated,
                rating,
            });
            earlier.push(own);
        }
    }
    out
}

impl Rated {
    /// Whether the rounded mean rating (halves to even) is below 3.
    #[must_use]
    pub fn is_dissatisfied(&self) -> bool {
        self.rating.round_ties_even() < 3.0
    }

    /// As an example of the dissatisfaction head.
    #[must_use]
    pub fn example(&self, weight: f32) -> Example {
        Example {
            previous: self.previous.clone(),
            position: Some(self.position),
            repeated: Some(self.repeated),
            group: self.dialogue,
            ..Example::new(
                &self.text,
                if self.is_dissatisfied() { 1.0 } else { 0.0 },
                weight,
                true,
            )
        }
    }

    /// As an example of the polarity head: below 2.7 negative, above 3.3 positive, between both.
    #[must_use]
    pub fn polarity(&self, weight: f32) -> Example {
        let (target, weight) = if self.rating < 2.7 {
            (0.0, weight)
        } else if self.rating > 3.3 {
            (1.0, weight)
        } else {
            (0.5, weight * 0.1)
        };
        Example {
            position: Some(self.position),
            group: self.dialogue,
            ..Example::new(&self.text, target, weight, true)
        }
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A table or JSON lines with a text and a label.
    Labelled,
    /// [`lexicon`].
    Lexicon,
    /// [`lexicon_english`].
    LexiconEnglish,
    /// [`opinions`].
    Opinions,
    /// [`own_lines`].
    OwnLines,
    /// [`rated`].
    Rated,
}

/// A file of a recipe and how it is read.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Where it is, below the root that the command names.
    pub path: String,
    /// What it holds.
    pub format: Format,
    /// Column or field of the text.
    #[serde(default)]
    pub text: String,
    /// Column or field of the label.
    #[serde(default)]
    pub label: String,
    /// Labels that are positive.
    #[serde(default)]
    pub positive: Vec<String>,
    /// Labels that are negative; others are left out.
    #[serde(default)]
    pub negative: Vec<String>,
    /// Weight of each example.
    #[serde(default = "one")]
    pub weight: f32,
}

fn one() -> f32 {
    1.0
}

impl Source {
    /// The examples of the file's `content` for a head. For dissatisfaction a negative text is one
    /// of a dissatisfied customer.
    #[must_use]
    pub fn examples(&self, content: &str, head: Head) -> Vec<Example> {
        let mut examples = match self.format {
            Format::Labelled => self.labelled(content),
            Format::Lexicon => lexicon(content, self.weight),
            Format::LexiconEnglish => lexicon_english(content, self.weight),
            Format::Opinions => opinions(content, self.weight),
            Format::OwnLines => return own_lines(content, head, self.weight),
            Format::Rated => {
                let turns = rated(content);
                return match head {
                    Head::Polarity => turns.iter().map(|t| t.polarity(self.weight)).collect(),
                    Head::Dissatisfaction => turns.iter().map(|t| t.example(self.weight)).collect(),
                };
            }
        };
        if head == Head::Dissatisfaction {
            for example in &mut examples {
                example.target = 1.0 - example.target;
            }
        }
        examples
    }

    fn labelled(&self, content: &str) -> Vec<Example> {
        labelled(content, &self.text, &self.label)
            .into_iter()
            .filter_map(|(text, label)| {
                let target = if self.positive.contains(&label) {
                    1.0
                } else if self.negative.contains(&label) {
                    0.0
                } else {
                    return None;
                };
                Some(Example::new(&text, target, self.weight, true))
            })
            .collect()
    }
}
